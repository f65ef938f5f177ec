"""Default priors of a curve's parameters, each in units of its own, and priors that users give.

Defaults are centred at the estimates of the self-start and wide: they fix the order of magnitude.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import PriorError, suggestion
from glimmer.families import Family
from glimmer.learn.priors import Resolver, column_sds, position
from glimmer.learn.smooth_priors import RstanarmSmoothPrior, smooth_priors
from glimmer.priors import (
    CovariancePrior,
    Prior,
    Scales,
    as_prior,
    decov,
    exponential,
    lkj,
    normal,
)
from glimmer.priors.base import DEFAULT_SCALE
from glimmer.smooths import SmoothTerm
from glimmer.spec.curve import NonlinearParameter
from glimmer.spec.priors import CommonPrior, ModelPriors, ParameterPriors, SmoothPriors
from glimmer.spec.residuals import ResidualModel
from glimmer.spec.transforms import Transform
from glimmer.terms import CommonTerm, GroupBlock

if TYPE_CHECKING:
    from glimmer.spec.model import LinearPredictor

PRESETS = ("default", "rstanarm")
LOG_SCALE = 1.5


@dataclass(frozen=True)
class Units:
    """The scales of the data: sd of the outcome, range of the last input."""

    y_sd: float
    x_span: float

    def population(self, kind: str, transform: Transform, at: float) -> float:
        """The scale of the prior of a parameter's intercept, on the scale of its transform."""
        if transform.name in ("log", "logit", "above"):
            return 0.5 if kind == "exponent" else LOG_SCALE
        match kind:
            case "y-level" | "y-difference":
                return 2.5 * self.y_sd
            case "x-location" | "x-scale":
                return self.x_span
            case "rate":
                return 10.0 / self.x_span
            case "exponent":
                return 2.5
            case "fraction":
                return 1.0
            case "coefficient":
                return 2.5 * (abs(at) or 1.0)
        return LOG_SCALE

    def between(self, kind: str, transform: Transform, at: float) -> float:
        """The scale of the prior of a parameter's sd between groups."""
        if transform.name in ("log", "logit", "above"):
            return 0.5 if kind == "exponent" else 1.0
        match kind:
            case "y-level" | "y-difference":
                return self.y_sd
            case "x-location" | "x-scale":
                return self.x_span / 4
            case "rate":
                return 3.0 / self.x_span
            case "coefficient":
                return abs(at) or 1.0
        return 1.0


class CurveResolver(Resolver):
    """Resolves the priors of a nonlinear model.

    Parameters
    ----------
    family : Family
    y : ndarray, shape (n,), or None
    units : Units
    preset : {"default", "rstanarm"}
    rows : int
        Number of rows.
    """

    def __init__(
        self, family: Family, y: np.ndarray | None, units: Units, preset: str, rows: int
    ) -> None:
        super().__init__(family, y, qr=False)
        self.units, self.rstanarm, self.rows = units, preset == "rstanarm", rows

    def curve(
        self,
        parameters: Sequence[NonlinearParameter],
        columns: Mapping[str, np.ndarray],
        blocks: Sequence[tuple[GroupBlock, np.ndarray]],
        residual: ResidualModel,
        *,
        prior: Any,
        prior_aux: Any,
        prior_covariance: Any,
        smooths: Sequence[SmoothTerm],
        prior_smooth: Any,
    ) -> ModelPriors:
        """Return the model's priors; arguments named ``prior...`` are as the user gave them."""
        given = self._by_parameter(prior, parameters)
        own = {
            p.name: self._parameter(p, columns[p.name], given, len(parameters)) for p in parameters
        }
        aux_given, residual_priors = self._residual(prior_aux, residual)
        smooth = self._smooths(prior_smooth, smooths, parameters)
        aux = self._aux(aux_given)
        extra = {
            name: self._use(f"{self.family.group_scale}_{name}", "auxiliary", p, Scales(self.sd))
            for name, p in residual_priors.items()
        }
        default = partial(self._default, {p.name: p for p in parameters})
        covariance = self._covariance(prior_covariance, blocks, default)
        return ModelPriors(None, (), aux, covariance, tuple(self.lines), smooth, own, extra)

    def _smooths(
        self, given: Any, terms: Sequence[SmoothTerm], parameters: Sequence[NonlinearParameter]
    ) -> SmoothPriors:
        """Priors of smooths, in units of the parameters that they are added to."""
        units = {f"{p.name}_": self._between(p) for p in parameters}
        sds: dict[str, Prior] = {}
        null: dict[str, Prior] = {}
        for block, name, prior in smooth_priors(given, None, terms):
            place = sds if block.sds else null
            place[name] = self._use(name, "smooth", prior, Scales(units[block.smooth.term.prefix]))
        return SmoothPriors(sds, null, isinstance(given, RstanarmSmoothPrior))

    def _between(self, parameter: NonlinearParameter) -> float:
        at = parameter.predictor.start if parameter.predictor else None
        return self.units.between(parameter.kind, parameter.transform, float(at or 0.0))

    def _by_parameter(
        self, prior: Any, parameters: Sequence[NonlinearParameter]
    ) -> dict[str, Prior]:
        """The user's priors by name of a parameter or term; one prior is for all parameters."""
        if prior is None:
            return {}
        if not isinstance(prior, Mapping):
            return dict.fromkeys([p.name for p in parameters], as_prior(prior))
        terms = [t.name for p in parameters if p.predictor for t in p.predictor.common]
        known = [*(p.name for p in parameters), *terms]
        for key in prior:
            if key not in known:
                raise PriorError(
                    f"prior= names {key!r}, which is no parameter or term of the curve.",
                    fix=suggestion(str(key), known),
                )
        return {name: as_prior(value) for name, value in prior.items()}

    def _parameter(
        self,
        parameter: NonlinearParameter,
        X: np.ndarray,
        given: Mapping[str, Prior],
        count: int,
    ) -> ParameterPriors:
        predictor, label = parameter.predictor, parameter.transform.label(parameter.name)
        assert predictor is not None  # noqa: S101
        scale = parameter.unit
        intercept = None
        if predictor.intercept:
            default = normal(float(predictor.start or 0.0), scale)
            if self.rstanarm:
                default = normal(0, self._rstanarm(np.ones((len(X), 1)), count)[0])
            prior = self._single(given.get(parameter.name, default), label)
            name = label if parameter.bare else f"{label}, intercept"
            intercept = self._use(name, "curve", prior, Scales(scale / DEFAULT_SCALE))
        at, common = 0, []
        for term in predictor.common:
            own = X[:, at : at + term.width]
            scales = self._rstanarm(own, count) if self.rstanarm else scale / 2 / column_sds(own)
            default = normal(0, float(scales[0]) if term.scalar else tuple(scales.tolist()))
            if _levels(term, predictor) and not self.rstanarm:
                default = normal(float(predictor.start or 0.0), scale)
            prior = given.get(term.name, default)
            if prior.joint:
                raise PriorError(f"{prior} cannot be put on the parameters of a curve.")
            used = self._use(
                term.name, "curve", prior, Scales(scale / DEFAULT_SCALE, column_sds(own))
            )
            common.append(CommonPrior((term.name,), used.at(position(term, 0))))
            at += term.width
        return ParameterPriors(intercept, tuple(common))

    def _single(self, prior: Prior, label: str) -> Prior:
        if prior.joint or prior.length() is not None:
            raise PriorError(f"{prior} is for several numbers, but {label} is one.")
        return prior

    def _rstanarm(self, columns: np.ndarray, count: int) -> np.ndarray:
        """2.5 sd(y) / sd(x), where x is stacked once per parameter and zero for the others."""
        stacked = np.zeros((len(columns) * count, columns.shape[1]))
        stacked[: len(columns)] = columns
        return DEFAULT_SCALE * self.units.y_sd / stacked.std(axis=0, ddof=1)

    def _residual(self, given: Any, residual: ResidualModel) -> tuple[Any, dict[str, Prior]]:
        """Priors of sigma and of the other parameters of the residual sd."""
        by_name = dict(given) if isinstance(given, Mapping) else {}
        own = {
            name: as_prior(by_name.pop(name, parameter.prior))
            for name, parameter in residual.parameters.items()
        }
        if residual.relative and given is None:
            return {str(self.family.group_scale): exponential(1)}, own
        return by_name if isinstance(given, Mapping) else given, own

    def _default(
        self, parameters: Mapping[str, NonlinearParameter], block: GroupBlock, columns: np.ndarray
    ) -> CovariancePrior:
        if self.rstanarm:
            return decov()
        sds = []
        for target, spread in zip(block.column_targets, column_sds(columns), strict=True):
            sds.append(normal(0, self._between(parameters[target]) / spread))
        return lkj(2.0, sd=sds)


def _levels(term: CommonTerm, predictor: LinearPredictor) -> bool:
    """Whether coefficients are the parameter's values: dummies in place of an intercept."""
    dummies = any(coding.contrast == "dummies" for coding in term.codings)
    return dummies and not predictor.intercept and term is predictor.common[0]
