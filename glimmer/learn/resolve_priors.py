"""Resolves the priors that users give to the priors of a model, in the units of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimmer.errors import PriorError, suggestion
from glimmer.families import Family
from glimmer.learn.defaults import Defaults, column_sds
from glimmer.learn.options import Options
from glimmer.learn.population import Population
from glimmer.learn.smooth_priors import RstanarmSmoothPrior, smooth_priors
from glimmer.priors import (
    CovariancePrior,
    Prior,
    Scales,
    as_covariance_prior,
    as_prior,
    exponential,
    normal,
)
from glimmer.spec.priors import (
    CommonPrior,
    ModelPriors,
    PredictorPriors,
    PriorLine,
    SmoothPriors,
)
from glimmer.spec.residual_models import ResidualModel
from glimmer.terms import CommonTerm, GroupBlock
from glimmer.terms.naming import MU, variable_name

OTHERS = {
    "Intercept": "pass it as prior_intercept=",
    "sigma": "pass it as prior_aux=",
    "|": "pass it as prior_covariance=",
}
"""Where priors go that bambi takes together with those of terms."""


@dataclass(frozen=True)
class Asked:
    """The priors of intercepts and coefficients that a user gave.

    Attributes
    ----------
    intercepts : dict of str to Prior
        By predictor.
    together : Prior or None
        Of all coefficients of a predictor.
    terms : dict of str to Prior
        By term, or by parameter of a term of a registered kind.
    common : Any
        What unpenalized coefficients of smooths share, if it is one prior for all.
    """

    intercepts: dict[str, Prior]
    together: Prior | None
    terms: dict[str, Prior]
    common: Any = None


def asked_of_linear(options: Options, populations: Sequence[Population]) -> Asked:
    """Read ``prior=`` and ``prior_intercept=`` of a model without a curve."""
    prior, intercept = options.prior, options.prior_intercept
    intercepts = {} if intercept is None else {MU: as_prior(intercept)}
    if not isinstance(prior, Mapping):
        together: Prior = normal(0, autoscale=True) if prior is None else as_prior(prior)
        return Asked(intercepts, together, {}, prior)
    given = {variable_name(str(key)): own for key, own in prior.items()}
    known = _term_names(populations)
    for key in given:
        if key not in known:
            raise PriorError(
                f"{key!r} in prior is not a term.",
                fix=OTHERS.get("|" if "|" in key else key) or suggestion(key, known),
            )
    coefficients = {term.name for own in populations for term in own.common}
    if options.QR and coefficients.intersection(given):
        raise PriorError(
            "With QR=True priors cannot be given by name: they are priors of rotated coefficients.",
            fix="give one prior for all coefficients, or QR=False",
        )
    rotated = normal(0, autoscale=True) if options.QR else None
    return Asked(intercepts, rotated, {key: as_prior(own) for key, own in given.items()})


def asked_of_curve(options: Options, populations: Sequence[Population]) -> Asked:
    """Read ``prior=`` of a model with a curve; a single prior is that of all its parameters."""
    prior, names = options.prior, [own.name for own in populations]
    if prior is None:
        return Asked({}, None, {})
    if not isinstance(prior, Mapping):
        return Asked(dict.fromkeys(names, as_prior(prior)), None, {})
    known = [*names, *_term_names(populations)]
    for key in prior:
        if key not in known:
            raise PriorError(
                f"{key!r} in prior is not a parameter or term of the curve.",
                fix=suggestion(str(key), known),
            )
    given = {name: as_prior(value) for name, value in prior.items()}
    for name, own in given.items():
        if own.joint:
            raise PriorError(f"{own} cannot be the prior of a parameter of a curve ({name!r}).")
    return Asked({n: p for n, p in given.items() if n in names}, None, given)


def _term_names(populations: Sequence[Population]) -> list[str]:
    common = [term.name for own in populations for term in own.common]
    return common + [name for own in populations for b in own.term_blocks for name in b.variables]


class Resolver:
    """Resolves priors against the terms of a model and the scales of its data.

    Parameters
    ----------
    family : Family
    defaults : Defaults
    qr : bool
        Coefficients are those of the rotated design: no scaling by sd(x).
    """

    def __init__(self, family: Family, defaults: Defaults, qr: bool) -> None:
        self.family, self.defaults, self.qr = family, defaults, qr
        self.lines: list[PriorLine] = []

    def resolve(
        self,
        populations: Sequence[Population],
        blocks: Sequence[tuple[GroupBlock, np.ndarray]],
        asked: Asked,
        residual: ResidualModel,
        options: Options,
    ) -> ModelPriors:
        """Return the model's priors.

        Parameters
        ----------
        populations : sequence of Population
        blocks : sequence of (GroupBlock, ndarray)
            With the columns of their effects.
        asked : Asked
        residual : ResidualModel
        options : Options
            The other priors, as the user gave them.
        """
        predictors = {own.name: self._predictor(own, asked) for own in populations}
        terms = self._terms(populations, asked)
        smooth = self._smooth(options.prior_smooth, asked.common, populations)
        aux, extra = self._residual(options.prior_aux, residual)
        return ModelPriors(
            predictors=predictors,
            aux=self._aux(aux),
            residual=self._extra(extra),
            covariance=self._covariance(options.prior_covariance, blocks),
            smooth=smooth,
            terms=terms,
            lines=tuple(self.lines),
        )

    def _use(self, parameter: str, group: str, prior: Prior, scales: Scales) -> Prior:
        adjusted = prior.rescaled(scales)
        self.lines.append(PriorLine(parameter, str(prior), str(adjusted), group))
        return adjusted

    def _predictor(self, own: Population, asked: Asked) -> PredictorPriors:
        intercept = self._intercept(own, asked) if own.intercept else None
        if not own.common:
            return PredictorPriors(intercept)
        if asked.together is not None:
            return PredictorPriors(intercept, self._together(own, asked.together))
        return PredictorPriors(intercept, self._by_term(own, asked))

    def _intercept(self, own: Population, asked: Asked) -> Prior:
        name, group, default, scales = self.defaults.intercept(own)
        prior = asked.intercepts.get(own.name, default)
        _check_single(prior, "the intercept" if own.name == MU else name)
        prior.rv()
        return self._use(name, group, prior, scales)

    def _together(self, own: Population, prior: Prior) -> tuple[CommonPrior, ...]:
        """One prior for all coefficients of a predictor."""
        _check_length(prior, own.X.shape[1], "the coefficients")
        sds = np.ones(own.X.shape[1]) if self.qr else column_sds(own.X)
        scaled = self._use("coefficients", "common", prior, self.defaults.scales(own.name, sds))
        if prior.joint or self.qr:
            return (CommonPrior(tuple(term.name for term in own.common), scaled),)
        at, out = 0, []
        for term in own.common:
            out.append(CommonPrior((term.name,), scaled.at(_position(term, at))))
            at += term.width
        return tuple(out)

    def _by_term(self, own: Population, asked: Asked) -> tuple[CommonPrior, ...]:
        at, out = 0, []
        for term in own.common:
            X = own.X[:, at : at + term.width]
            default, group = self.defaults.coefficients(own, term, X)
            prior = asked.terms.get(term.name, default)
            _check_length(prior, term.width, repr(term.name))
            scales = self.defaults.scales(own.name, column_sds(X))
            used = self._use(term.name, group, prior, scales)
            out.append(CommonPrior((term.name,), used.at(_position(term, 0))))
            at += term.width
        return tuple(out)

    def _terms(self, populations: Sequence[Population], asked: Asked) -> dict[str, Prior]:
        """Priors of the parameters of terms of registered kinds."""
        out = {}
        for own in populations:
            scales = self.defaults.scales(own.name, 1.0)
            for block in own.term_blocks:
                for name, parameter in block.variables.items():
                    prior = asked.terms.get(name, parameter.prior).sized(len(parameter.labels))
                    out[name] = self._use(name, "term", prior, scales)
        return out

    def _smooth(self, given: Any, prior: Any, populations: Sequence[Population]) -> SmoothPriors:
        sds: dict[str, Prior] = {}
        null: dict[str, Prior] = {}
        blocks = [block for own in populations for block in own.smooth_blocks]
        for block, name, own in smooth_priors(given, prior, blocks):
            place = sds if block.sds else null
            scales = self.defaults.smooth(block.target, bool(block.sds))
            place[name] = self._use(name, "smooth", own, scales)
        return SmoothPriors(sds, null, isinstance(given, RstanarmSmoothPrior))

    def _residual(self, given: Any, residual: ResidualModel) -> tuple[Any, dict[str, Prior]]:
        """Priors of the family's parameters, and of the others of the residual sd."""
        by_name = dict(given) if isinstance(given, Mapping) else {}
        own = {
            name: as_prior(by_name.pop(name, parameter.prior))
            for name, parameter in residual.parameters.items()
        }
        if residual.relative and given is None:
            return {str(self.family.group_scale): exponential(1)}, own
        return by_name if isinstance(given, Mapping) else given, own

    def _extra(self, residual: dict[str, Prior]) -> dict[str, Prior]:
        scale, scales = self.family.group_scale, Scales(self.defaults.outcome)
        return {
            name: self._use(f"{scale}_{name}", "auxiliary", prior, scales)
            for name, prior in residual.items()
        }

    def _aux(self, given: Any) -> dict[str, Prior]:
        aux = self.family.aux
        if given is not None and not aux:
            raise PriorError(f"The {self.family.name} family has no auxiliary parameter.")
        by_name = given if isinstance(given, Mapping) else {}
        for key in by_name:
            if key not in aux:
                raise PriorError(
                    f"The {self.family.name} family has no parameter {key!r}.",
                    fix=suggestion(str(key), aux),
                )
        first = next(iter(aux), None)
        out = {}
        for name, parameter in aux.items():
            asked = by_name.get(name, given if name == first and given is not by_name else None)
            prior = as_prior(parameter.prior if asked is None else asked)
            _check_single(prior, name)
            prior.within(*parameter.domain)
            out[name] = self._use(name, "auxiliary", prior, Scales(self.defaults.outcome))
        return out

    def _covariance(
        self, given: Any, blocks: Sequence[tuple[GroupBlock, np.ndarray]]
    ) -> dict[str, CovariancePrior]:
        """The prior of each block: as given, or the default for ``...`` and if a dict has none."""
        by_name = given if isinstance(given, Mapping) else {}
        known = {key for block, _ in blocks for key in _keys_of(block)}
        for key in by_name:
            if key not in known:
                raise PriorError(
                    f"{key!r} in prior_covariance is not a grouping factor.",
                    fix=suggestion(str(key), sorted(known)),
                )
        out = {}
        for block, columns in blocks:
            named = next((by_name[key] for key in _keys_of(block) if key in by_name), ...)
            asked = named if given is by_name else given
            default = asked is ...
            prior = (
                self.defaults.covariance(block, columns) if default else as_covariance_prior(asked)
            )
            _check_block(prior, block)
            adjusted = prior.rescaled(Scales(self.defaults.outcome, column_sds(columns), 1.0))
            self.lines.append(PriorLine(block.name, str(prior), str(adjusted), "covariance"))
            out[block.name] = adjusted
        return out


def _position(term: CommonTerm, at: int) -> slice | int:
    """Where a term's columns are among all of them."""
    return at if term.scalar else slice(at, at + term.width)


def _keys_of(block: GroupBlock) -> tuple[str, ...]:
    """Names under which a block's prior may be given, the most particular first."""
    single = block.effect_names if block.size == 1 else ()
    return (*single, block.name, block.factor_name)


def _check_block(prior: CovariancePrior, block: GroupBlock) -> None:
    """Raise `PriorError` if a prior has values for another number of correlated effects."""
    for what in ("concentration", "sd"):
        value = getattr(prior, what, None)
        if isinstance(value, tuple) and len(value) not in (1, block.size):
            raise PriorError(
                f"The prior of {block.name!r} has {len(value)} values of {what} "
                f"for {block.size} correlated effects {block.columns}."
            )


def _check_length(prior: Prior, k: int, what: str) -> None:
    length = prior.length()
    if length is not None and length != k:
        raise PriorError(
            f"{prior} has {length} values, but {what} are {k}.",
            fix="give one value for all, or one for each column",
        )


def _check_single(prior: Prior, what: str) -> None:
    if prior.joint or prior.length() is not None:
        raise PriorError(
            f"{prior} must be a prior for one number, not for a vector: {what} is one number.",
            fix="use gl.normal() or another prior of one number",
        )
