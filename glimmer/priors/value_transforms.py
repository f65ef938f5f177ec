"""Transforms single variables for sampling; the posterior is the same.

Parameters of a curve are measured from the estimates of the self-start in units of the data, so
that every chain starts near them, however wide the priors and whatever the units. Group-specific
effects are standardized, or measured from what the rows of each group tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.transforms import Transform

GAP = 0.2
"""The unit of the log of a linear form; samplers start within one unit of the origin."""


class Measured(Transform):
    """Coordinates z = (b - center) / unit.

    Parameters
    ----------
    center, unit : float or ndarray
    """

    name = "measured"

    def __init__(self, center: Any, unit: Any) -> None:
        self.center, self.unit = np.asarray(center, float), np.asarray(unit, float)

    def forward(self, value: Any, *inputs: Any) -> Any:
        return (value - self.center) / self.unit

    def backward(self, value: Any, *inputs: Any) -> Any:
        return self.center + self.unit * value

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        return pt.zeros_like(value) + np.log(self.unit)


class Ordered(Transform):
    """Coordinates of a vector b whose linear form w'b is positive.

    All but the last are `Measured`; the last is the log of w'b, measured likewise. (Written with
    masks: the gradient of a concatenation takes seconds to compile.)

    Parameters
    ----------
    center, unit, weights : ndarray, shape (k,)
    """

    name = "ordered_form"

    def __init__(self, center: np.ndarray, unit: np.ndarray, weights: np.ndarray) -> None:
        self.center, self.unit, self.weights = center, unit, weights
        self.gap = np.log(weights @ center)
        self.last = np.arange(len(weights)) == len(weights) - 1.0

    def forward(self, value: Any, *inputs: Any) -> Any:
        gap = pt.log(pt.sum(self.weights * value))
        first = (value - self.center) / self.unit
        return first * ~self.last + self.last * (gap - self.gap) / GAP

    def backward(self, value: Any, *inputs: Any) -> Any:
        first = (self.center + self.unit * value) * ~self.last
        gap = pt.exp(self.gap + GAP * value[-1])
        return first + self.last * (gap - pt.sum(self.weights * first)) / self.weights[-1]

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        constant = np.log(self.unit[:-1]).sum() + np.log(GAP / self.weights[-1])
        return constant + self.gap + GAP * value[-1]


class Standardized(Transform):
    """Coordinates z = (b - mu) / sigma of a variable b ~ Normal(mu, sigma): non-centred."""

    name = "standardized"

    def forward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return (value - mu) / sigma

    def backward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * value

    def log_jac_det(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return pt.zeros_like(value) + pt.log(sigma)


STANDARDIZED = Standardized()


class Informed(Transform):
    """Coordinates of b ~ Normal(mu, sigma) that would be standard normal after data about b.

    With data equal to one normal observation ``at`` of each b, of a given ``precision``, b is
    normal around (precision at + mu / sigma^2) / (precision + 1 / sigma^2): centred coordinates
    where the data say much compared to sigma, non-centred ones where they do not.

    Parameters
    ----------
    precision, at : ndarray, shape (J,)
    """

    name = "informed"

    def __init__(self, precision: np.ndarray, at: np.ndarray) -> None:
        self.precision, self.at = precision, at

    def forward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        location, scale = self._posterior(mu, sigma)
        return (value - location) / scale

    def backward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        location, scale = self._posterior(mu, sigma)
        return location + scale * value

    def log_jac_det(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return pt.zeros_like(value) + pt.log(self._posterior(mu, sigma)[1])

    def _posterior(self, mu: Any, sigma: Any) -> tuple[Any, Any]:
        weight = 1 / (1 + self.precision * sigma**2)
        return weight * mu + (1 - weight) * self.at, sigma * pt.sqrt(weight)
