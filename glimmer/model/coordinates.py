"""Coordinates in which a curve's population parameters are sampled.

They are measured from the estimates of the self-start in units of the data, so that every chain
starts near them, however wide the priors and whatever the units. What the model means is the same.
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

    All but the last are `Measured`; the last is the log of w'b, measured likewise.

    Parameters
    ----------
    center, unit, weights : ndarray, shape (k,)
    """

    name = "ordered_form"

    def __init__(self, center: np.ndarray, unit: np.ndarray, weights: np.ndarray) -> None:
        self.center, self.unit, self.weights = center, unit, weights
        self.gap = np.log(weights @ center)

    def forward(self, value: Any, *inputs: Any) -> Any:
        gap = pt.log(pt.sum(self.weights * value))
        first = (value[:-1] - self.center[:-1]) / self.unit[:-1]
        return pt.concatenate([first, pt.atleast_1d((gap - self.gap) / GAP)])

    def backward(self, value: Any, *inputs: Any) -> Any:
        first = self.center[:-1] + self.unit[:-1] * value[:-1]
        gap = pt.exp(self.gap + GAP * value[-1])
        last = (gap - pt.sum(self.weights[:-1] * first)) / self.weights[-1]
        return pt.concatenate([first, pt.atleast_1d(last)])

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        constant = np.log(self.unit[:-1]).sum() + np.log(GAP / self.weights[-1])
        return constant + self.gap + GAP * value[-1]
