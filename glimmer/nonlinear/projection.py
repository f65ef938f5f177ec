"""Fits curves by variable projection: least squares in the nonlinear parameters alone.

For given nonlinear parameters the others follow by linear least squares. Which parameters a curve
is linear in is not declared but found, from its derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.linalg import lstsq, qr

from glimmer.nonlinear.curve import Estimates, ParametricCurve
from glimmer.nonlinear.extent import Extent

type Theta = Sequence[float] | np.ndarray

LINEAR_KINDS = {"y-level", "y-difference", "coefficient"}
SCALE_KINDS = {"log-clearance", "log-volume"}
SMALLEST = 1e-8


@dataclass(frozen=True)
class Separation:
    """Which parameters need no search once the others are known.

    Attributes
    ----------
    linear : tuple of str
        The curve is an affine function of these together.
    scale : tuple of str
        Adding d to each of these multiplies the curve by ``exp(-d)``.
    free : tuple of str
        The others, and all but the first of ``scale``.
    """

    linear: tuple[str, ...]
    scale: tuple[str, ...]
    free: tuple[str, ...]


def separate(function: ParametricCurve, inputs: Sequence[np.ndarray], extent: Extent) -> Separation:
    """Find out which parameters a curve is linear in, by trial at a few random points."""
    random = np.random.default_rng(0)
    inputs = [value[:20] for value in inputs]
    points = [
        {p.name: random.choice(extent.grid(p)) * 1.01 for p in function.parameters}
        for _ in range(4)
    ]
    linear: tuple[str, ...] = ()
    for parameter in function.parameters:
        more = (*linear, parameter.name)
        unbounded = parameter.domain() == (-np.inf, np.inf)
        if parameter.kind in LINEAR_KINDS and unbounded and _affine(function, inputs, points, more):
            linear = more
    scale = tuple(p.name for p in function.parameters if p.kind in SCALE_KINDS)
    if linear or not all(_scales(function, inputs, point, scale) for point in points):
        scale = ()
    free = (name for name in function.names if name not in (*linear, *scale[:1]))
    return Separation(linear, scale, tuple(free))


def _affine(
    function: ParametricCurve,
    inputs: list[np.ndarray],
    points: list[Estimates],
    names: tuple[str, ...],
) -> bool:
    """Whether the derivatives by ``names`` stay the same when these parameters change."""
    columns = [function.names.index(name) for name in names]
    for point, other in pairwise(points):
        moved = point | {name: other[name] + 1.0 for name in names}
        here = function.gradient(*inputs, **point)[:, columns]
        there = function.gradient(*inputs, **moved)[:, columns]
        if not np.allclose(here, there, rtol=1e-10, atol=0.0, equal_nan=True):
            return False
    return True


def _scales(
    function: ParametricCurve, inputs: list[np.ndarray], point: Estimates, names: tuple[str, ...]
) -> bool:
    moved = point | {name: point[name] + 1.0 for name in names}
    return bool(names) and np.allclose(
        function(*inputs, **moved) * np.e, function(*inputs, **point), rtol=1e-10, atol=0.0
    )


@dataclass(frozen=True)
class Projection:
    """The sum of squares of a curve about its data, as a function of the free parameters."""

    function: ParametricCurve
    inputs: Sequence[np.ndarray]
    y: np.ndarray
    separation: Separation

    def complete(self, theta: Theta) -> Estimates:
        """Return all parameters: the free ones given, the others by linear least squares."""
        linear, scale = self.separation.linear, self.separation.scale
        estimates = dict(zip(self.separation.free, map(float, theta), strict=True))
        estimates |= dict.fromkeys((*linear, *scale[:1]), 0.0)
        if linear:
            base = self.function(*self.inputs, **estimates)
            coefficients = _solve(self._columns(estimates), self.y - base)
            estimates |= dict(zip(linear, map(float, coefficients), strict=True))
        elif scale:
            curve = self.function(*self.inputs, **estimates)
            size = max(curve @ self.y / (curve @ curve), SMALLEST)
            estimates |= {name: estimates[name] - float(np.log(size)) for name in scale}
        return estimates

    def residuals(self, theta: Theta) -> np.ndarray:
        """Return outcome less curve, shape (n,)."""
        return self.y - self.function(*self.inputs, **self.complete(theta))

    def jacobian(self, theta: Theta) -> np.ndarray:
        """Return derivatives of the residuals, shape (n, free), in Kaufman's (1975) form.

        Its product with the residuals is the exact gradient of the sum of squares.
        """
        estimates = self.complete(theta)
        free = [self.function.names.index(name) for name in self.separation.free]
        slopes = self.function.gradient(*self.inputs, **estimates)[:, free]
        columns = self._columns(estimates)
        if columns.shape[1]:
            basis = qr(columns)[0]
            slopes = slopes - basis @ (basis.T @ slopes)
        return -slopes

    def _columns(self, estimates: Estimates) -> np.ndarray:
        """The directions in which the curve is linear."""
        if self.separation.scale:
            return self.function(*self.inputs, **estimates)[:, None]
        linear = [self.function.names.index(name) for name in self.separation.linear]
        return self.function.gradient(*self.inputs, **estimates)[:, linear]


def _solve(columns: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares, NaN where the columns are not finite."""
    if not (np.isfinite(columns).all() and np.isfinite(y).all()):
        return np.full(columns.shape[1], np.nan)
    return lstsq(columns, y)[0]
