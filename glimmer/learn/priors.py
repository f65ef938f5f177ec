"""From the priors users give to the priors of a model, in the units of its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glimmer.errors import PriorError, suggestion
from glimmer.families import Family
from glimmer.learn.smooth_priors import RstanarmSmoothPrior, smooth_priors
from glimmer.priors import (
    CovariancePrior,
    Prior,
    Scales,
    as_covariance_prior,
    as_prior,
    decov,
    normal,
)
from glimmer.smooths import SmoothTerm
from glimmer.spec.priors import CommonPrior, ModelPriors, PriorLine, SmoothPriors
from glimmer.terms import CommonTerm, GroupBlock
from glimmer.terms.naming import variable_name

PROBIT = 1.5957691216057308  # dnorm(0) / dlogis(0)
SMALLEST_SD = 1e-12
OTHERS = {
    "Intercept": "pass it as prior_intercept=",
    "sigma": "pass it as prior_aux=",
    "|": "pass it as prior_covariance=",
}
"""Where priors go that bambi takes together with those of terms."""


class Resolver:
    """Resolves priors against the terms of a model and the scales of its data.

    Parameters
    ----------
    family : Family
    y : ndarray or None
        The outcome; None when there is none, and its sd is taken to be 1.
    qr : bool
        Coefficients are those of the rotated design: no scaling by sd(x).
    """

    def __init__(self, family: Family, y: np.ndarray | None, qr: bool) -> None:
        self.family, self.qr = family, qr
        self.center, self.sd = _center_and_sd(family, y)
        self.link = PROBIT if family.link_name == "probit" else 1.0
        self.lines: list[PriorLine] = []

    def resolve(
        self,
        terms: Sequence[CommonTerm],
        X: np.ndarray,
        intercept: bool,
        blocks: Sequence[tuple[GroupBlock, np.ndarray]],
        *,
        prior: Any,
        prior_intercept: Any,
        prior_aux: Any,
        prior_covariance: Any,
        smooths: Sequence[SmoothTerm] = (),
        prior_smooth: Any = None,
    ) -> ModelPriors:
        """Return the model's priors; arguments named ``prior...`` are as the user gave them."""
        return ModelPriors(
            intercept=self._intercept(prior_intercept) if intercept else None,
            common=self._common(prior, terms, X),
            smooth=self._smooth(prior_smooth, prior, smooths),
            aux=self._aux(prior_aux),
            covariance=self._covariance(prior_covariance, blocks, lambda *_: decov()),
            lines=tuple(self.lines),
        )

    def _use(self, parameter: str, group: str, prior: Prior, scales: Scales) -> Prior:
        adjusted = prior.rescaled(scales)
        self.lines.append(PriorLine(parameter, str(prior), str(adjusted), group))
        return adjusted

    def _line(self, parameter: str, specified: str, adjusted: str) -> None:
        self.lines.append(PriorLine(parameter, specified, adjusted, "covariance"))

    def _intercept(self, given: Any) -> Prior:
        default = normal(self.center, autoscale=True)
        prior = default if given is None else as_prior(given)
        _check_single(prior, "the intercept")
        prior.rv()
        return self._use("Intercept", "intercept", prior, Scales(self.sd, 1.0, self.link))

    def _common(
        self, given: Any, terms: Sequence[CommonTerm], X: np.ndarray
    ) -> tuple[CommonPrior, ...]:
        if not terms:
            return ()
        names = tuple(term.name for term in terms)
        sds = np.ones(X.shape[1]) if self.qr else column_sds(X)
        default = normal(0, autoscale=True)
        if isinstance(given, Mapping):
            return self._by_name(given, terms, sds, default)
        prior = default if given is None else as_prior(given)
        _check_length(prior, X.shape[1], "the coefficients")
        scaled = self._use("coefficients", "common", prior, Scales(self.sd, sds, self.link))
        if prior.joint or self.qr:
            return (CommonPrior(names, scaled),)
        at, out = 0, []
        for term in terms:
            out.append(CommonPrior((term.name,), scaled.at(position(term, at))))
            at += term.width
        return tuple(out)

    def _by_name(
        self, given: Mapping[str, Any], terms: Sequence[CommonTerm], sds: np.ndarray, default: Prior
    ) -> tuple[CommonPrior, ...]:
        names = [term.name for term in terms]
        given = {variable_name(str(key)): prior for key, prior in given.items()}
        for key in given:
            if key not in names:
                raise PriorError(
                    f"prior= names {key!r}, which is not a term.",
                    fix=OTHERS.get("|" if "|" in key else key) or suggestion(key, names),
                )
        if self.qr:
            raise PriorError(
                "With QR=True the prior is on rotated coefficients and cannot be given by name.",
                fix="give one prior for all coefficients, or QR=False",
            )
        out, at = [], 0
        for term in terms:
            prior = as_prior(given[term.name]) if term.name in given else default
            _check_length(prior, term.width, repr(term.name))
            scales = Scales(self.sd, sds[at : at + term.width], self.link)
            own = self._use(term.name, "common", prior, scales)
            out.append(CommonPrior((term.name,), own.at(position(term, 0))))
            at += term.width
        return tuple(out)

    def _smooth(self, given: Any, prior: Any, terms: Sequence[SmoothTerm]) -> SmoothPriors:
        sds: dict[str, Prior] = {}
        null: dict[str, Prior] = {}
        for named, name, own in smooth_priors(given, prior, terms):
            place = sds if named.sds else null
            link = 1.0 if named.sds else self.link
            place[name] = self._use(name, "smooth", own, Scales(self.sd, 1.0, link))
        return SmoothPriors(sds, null, isinstance(given, RstanarmSmoothPrior))

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
            out[name] = self._use(name, "auxiliary", prior, Scales(self.sd))
        return out

    def _covariance(
        self,
        given: Any,
        blocks: Sequence[tuple[GroupBlock, np.ndarray]],
        default: Callable[[GroupBlock, np.ndarray], CovariancePrior],
    ) -> dict[str, CovariancePrior]:
        """The prior of each block: as given, or the default for ``...`` and if a dict has none."""
        by_name = given if isinstance(given, Mapping) else {}
        known = {key for block, _ in blocks for key in keys_of(block)}
        for key in by_name:
            if key not in known:
                raise PriorError(
                    f"prior_covariance= names {key!r}, which is no grouping factor.",
                    fix=suggestion(str(key), sorted(known)),
                )
        out = {}
        for block, columns in blocks:
            named = next((by_name[key] for key in keys_of(block) if key in by_name), ...)
            asked = named if given is by_name else given
            prior = default(block, columns) if asked is ... else as_covariance_prior(asked)
            check_block(prior, block)
            scales = Scales(self.sd, column_sds(columns), 1.0)
            adjusted = prior.rescaled(scales)
            self._line(block.name, str(prior), str(adjusted))
            out[block.name] = adjusted
        return out


def position(term: CommonTerm, at: int) -> slice | int:
    """Where a term's columns are among all of them."""
    return at if term.scalar else slice(at, at + term.width)


def keys_of(block: GroupBlock) -> tuple[str, ...]:
    """Names under which a block's prior may be given, the most particular first."""
    single = block.effect_names if block.size == 1 else ()
    return (*single, block.name, block.factor_name)


def check_block(prior: CovariancePrior, block: GroupBlock) -> None:
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
    if prior.length() is not None:
        raise PriorError(f"{prior} is for several numbers, but {what} is one.")


def _center_and_sd(family: Family, y: np.ndarray | None) -> tuple[float, float]:
    """Location of the intercept's prior and the outcome's scale, for autoscaling."""
    if family.unit is None or y is None:
        return 0.0, 1.0
    values = np.log(y) if family.unit == "log y" else y
    center = float(values.mean()) if family.link_name == "identity" else 0.0
    return center, float(values.std(ddof=1)) if len(values) > 1 else 1.0


def column_sds(X: np.ndarray) -> np.ndarray:
    """Standard deviation (n - 1) of each column; 1 for a constant one."""
    if len(X) < 2:
        return np.ones(X.shape[1])
    sds = X.std(axis=0, ddof=1)
    return np.where(np.ptp(X, axis=0) > 0, np.maximum(sds, SMALLEST_SD), 1.0)
