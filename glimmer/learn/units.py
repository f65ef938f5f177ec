"""Computes the scales of a curve's parameters from the sd of the outcome and the range of x."""

from __future__ import annotations

from dataclasses import dataclass

from glimmer.spec.transforms import Transform

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
