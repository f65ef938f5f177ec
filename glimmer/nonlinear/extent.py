"""Bounds where a curve's parameters may lie, by their kind and the range of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import array, exp, inf, log

from glimmer.nonlinear.parameters import Parameter

DECAYS = array([0.3, 1.0, 3.0, 10.0, 30.0])
"""Rates to try, in units of one over the range of x."""
SCALES = array([0.03, 0.1, 0.3, 1.0, 3.0])
"""Scales to try, in units of the range of x."""


@dataclass(frozen=True)
class Extent:
    """The range of the last input and of the outcome."""

    x_low: float
    x_span: float
    y_low: float
    y_span: float

    @classmethod
    def of(cls, inputs: Sequence[np.ndarray], y: np.ndarray) -> Extent:
        """Measure the data; a range of zero counts as one."""
        x = inputs[-1]
        x_span, y_span = float(np.ptp(x)) or 1.0, float(np.ptp(y)) or 1.0
        return cls(float(x.min()), x_span, float(y.min()), y_span)

    def grid(self, parameter: Parameter) -> np.ndarray:
        """Return values to try, log-spaced where only one sign is possible."""
        size, middle = max(abs(self.y_low), self.y_span), self.x_low + self.x_span / 2
        values = {
            "y-level": self.y_low + self.y_span * array([0.0, 0.5, 1.0, 1.5]),
            "y-difference": self.y_span * array([-1.0, -0.3, 0.3, 1.0]),
            "x-location": self.x_low + self.x_span * array([-0.2, 0.1, 0.3, 0.5, 0.7, 1.0]),
            "x-scale": self.x_span * SCALES,
            "log-scale": log(self.x_span * SCALES),
            "rate": DECAYS / self.x_span,
            "log-rate": log(DECAYS / self.x_span),
            "log-volume": log(self.x_span * SCALES),
            "log-clearance": array([-2.0, 0.0, 2.0]),
            "exponent": array([0.5, 1.0, 2.0, 4.0]),
            "fraction": np.sort([0.1, 0.3, 0.5, 0.7, 0.9, *exp(-DECAYS / self.x_span)]),
            "coefficient": array([size, middle, self.x_span / 5, 5 / self.x_span, 1.0, 0.2]),
        }[parameter.kind]
        if parameter.nonzero or parameter.kind == "coefficient":
            values = np.concatenate([values, -values])
        lower, upper = parameter.domain()
        inside = values[(values > lower) & (values < upper)]
        return inside if inside.size else np.clip(values, lower, upper)

    def typical(self, parameter: Parameter) -> float:
        """Return one value of the grid to fall back to: the middle one, of the first sign."""
        grid = self.grid(parameter)
        return float(grid[grid.size // (4 if parameter.nonzero else 2)])

    def box(self, parameter: Parameter, at: float) -> tuple[float, float]:
        """Return generous bounds for a search that starts ``at`` a value."""
        span = self.x_span
        lower, upper = {
            "x-location": (self.x_low - 10 * span, self.x_low + 11 * span),
            "x-scale": (1e-3 * span, 1e2 * span),
            "log-scale": (log(1e-3 * span), log(1e2 * span)),
            "rate": (1e-2 / span, 1e4 / span),
            "log-rate": (log(1e-2 / span), log(1e4 / span)),
            "exponent": (0.02, 50.0),
        }.get(parameter.kind, (-inf, inf))
        if parameter.nonzero and at < 0:
            lower, upper = -upper, -lower
        least, most = parameter.domain(at)
        return max(lower, least), min(upper, most)
