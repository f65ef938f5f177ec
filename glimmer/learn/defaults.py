"""Chooses default priors, and the scales that priors are adjusted to.

Those of a linear predictor are rstanarm's, in units of sd(y) / sd(x). Those of a curve's parameters
are centred at the estimates of the self-start and wide: they fix the order of magnitude.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from glimmer.families import Family
from glimmer.learn.population import Placement, Population
from glimmer.learn.units import Units
from glimmer.priors import CovariancePrior, Prior, Scales, decov, lkj, normal
from glimmer.priors.base import DEFAULT_SCALE
from glimmer.spec.stage import CurveParameter
from glimmer.terms import CommonTerm, GroupBlock

PRESETS = ("default", "rstanarm")
PROBIT = 1.5957691216057308  # dnorm(0) / dlogis(0)
SMALLEST_SD = 1e-12


class Defaults(Protocol):
    """The default priors of a model's predictors, and the scales of the data."""

    @property
    def outcome(self) -> float:
        """Sd of the outcome, where the family's parameters have its unit, else 1."""
        ...

    def intercept(self, own: Population) -> tuple[str, str, Prior, Scales]:
        """What to call the intercept, the group of its line, its prior, the scales."""
        ...

    def coefficients(self, own: Population, term: CommonTerm, X: np.ndarray) -> tuple[Prior, str]:
        """The prior of a term's coefficients, and the group of its line."""
        ...

    def scales(self, target: str, sds: np.ndarray | float) -> Scales:
        """The scales of coefficients of a predictor whose columns have some sds."""
        ...

    def smooth(self, target: str, penalized: bool) -> Scales:
        """The scales of a smooth's standard deviations, or of its unpenalized coefficients."""
        ...

    def covariance(self, block: GroupBlock, columns: np.ndarray) -> CovariancePrior:
        """The prior of a block's covariance matrix."""
        ...


class LinearDefaults:
    """rstanarm's default priors of a linear predictor.

    Parameters
    ----------
    family : Family
    y : ndarray or None
        The outcome; None when there is none, and its sd is taken to be 1.
    """

    def __init__(self, family: Family, y: np.ndarray | None) -> None:
        self.center, self.outcome = center_and_sd(family, y)
        self.link = PROBIT if family.link_name == "probit" else 1.0

    def intercept(self, own: Population) -> tuple[str, str, Prior, Scales]:
        prior = normal(self.center, autoscale=True)
        return "Intercept", "intercept", prior, self.scales(own.name, 1.0)

    def coefficients(self, own: Population, term: CommonTerm, X: np.ndarray) -> tuple[Prior, str]:
        return normal(0, autoscale=True), "common"

    def scales(self, target: str, sds: np.ndarray | float) -> Scales:
        return Scales(self.outcome, sds, self.link)

    def smooth(self, target: str, penalized: bool) -> Scales:
        return Scales(self.outcome, 1.0, 1.0 if penalized else self.link)

    def covariance(self, block: GroupBlock, columns: np.ndarray) -> CovariancePrior:
        return decov()


@dataclass(frozen=True)
class CurveDefaults:
    """Default priors of the parameters of a curve.

    Attributes
    ----------
    outcome : float
    units : Units
    parameters : dict of str to CurveParameter
        By name, those that are not known.
    placed : dict of str to Placement
    preset : {"default", "rstanarm"}
    """

    outcome: float
    units: Units
    parameters: Mapping[str, CurveParameter]
    placed: Mapping[str, Placement]
    preset: str

    @property
    def rstanarm(self) -> bool:
        """Whether priors are those of stan_nlmer."""
        return self.preset == "rstanarm"

    def intercept(self, own: Population) -> tuple[str, str, Prior, Scales]:
        parameter, placed = self.parameters[own.name], self.placed[own.name]
        label = parameter.transform.label(parameter.name)
        prior = normal(placed.estimate, placed.unit)
        if self.rstanarm:
            prior = normal(0, self._stacked(np.ones((len(own.X), 1)))[0])
        name = label if own.bare else f"{label}, intercept"
        return name, "curve", prior, self.scales(own.name, 1.0)

    def coefficients(self, own: Population, term: CommonTerm, X: np.ndarray) -> tuple[Prior, str]:
        placed = self.placed[own.name]
        if _levels(term, own) and not self.rstanarm:
            return normal(placed.estimate, placed.unit), "curve"
        scales = self._stacked(X) if self.rstanarm else placed.unit / 2 / column_sds(X)
        return normal(0, float(scales[0]) if term.scalar else tuple(scales.tolist())), "curve"

    def scales(self, target: str, sds: np.ndarray | float) -> Scales:
        return Scales(self.placed[target].unit / DEFAULT_SCALE, sds)

    def smooth(self, target: str, penalized: bool) -> Scales:
        return Scales(self.between(target))

    def between(self, name: str) -> float:
        """The scale of the sd between groups of a parameter."""
        own = self.parameters[name]
        return self.units.between(own.kind, own.transform, self.placed[name].estimate)

    def covariance(self, block: GroupBlock, columns: np.ndarray) -> CovariancePrior:
        if self.rstanarm:
            return decov()
        pairs = zip(block.column_targets, column_sds(columns), strict=True)
        return lkj(2.0, sd=[normal(0, self.between(name) / spread) for name, spread in pairs])

    def _stacked(self, columns: np.ndarray) -> np.ndarray:
        """2.5 sd(y) / sd(x), where x is stacked once per parameter and zero for the others."""
        stacked = np.zeros((len(columns) * len(self.parameters), columns.shape[1]))
        stacked[: len(columns)] = columns
        return DEFAULT_SCALE * self.units.y_sd / stacked.std(axis=0, ddof=1)


def _levels(term: CommonTerm, own: Population) -> bool:
    """Whether coefficients are the parameter's values: dummies in place of an intercept."""
    dummies = any(coding.contrast == "dummies" for coding in term.codings)
    return dummies and not own.intercept and term is own.common[0]


def center_and_sd(family: Family, y: np.ndarray | None) -> tuple[float, float]:
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
