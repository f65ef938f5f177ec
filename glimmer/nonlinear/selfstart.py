"""Fits a curve by least squares without a start: from a grid, by variable projection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from glimmer.errors import DataWarning, MeanFunctionError, WrongLength, warn
from glimmer.nonlinear.binding import floats
from glimmer.nonlinear.curve import Estimates, ParametricCurve
from glimmer.nonlinear.extent import Extent
from glimmer.nonlinear.projection import Projection, Theta, separate

GRID_POINTS = 250
DESCENTS = 4
SEARCH_ROWS = 2000


def self_start(function: ParametricCurve, inputs: Sequence[Any], y: Any) -> Estimates:
    """Estimate all parameters of a curve: see `MeanFunction.self_start`."""
    arrays, y, _ = complete_rows(function, inputs, y)
    found = _own_start(function, arrays, y)
    if found is None and len(y) >= len(function.parameters):
        found = _search(function, arrays, y)
    if found is None:
        warn(
            f"The data do not determine a start for {function!r}; it starts from their range.",
            DataWarning,
            fix="check that the inputs are in the right order and in the domain of the function",
        )
        found = _by_range(function, arrays, y)
    canonical = function.canonical(found)
    return {name: float(canonical[name]) for name in function.names}


def complete_rows(
    function: ParametricCurve, inputs: Sequence[Any], y: Any, groups: Any = None
) -> tuple[list[np.ndarray], np.ndarray, Any]:
    """Inputs, outcome and groups at the rows where all are finite, as float arrays."""
    y = floats(function.name, "y", y)
    arrays = []
    for argument, value in zip(function.inputs, inputs, strict=True):
        array = floats(function.name, argument.name, value)
        if array.ndim == 0:
            array = np.full(y.shape, array)
        if y.ndim != 1 or len(array) != len(y) or array.ndim != argument.ndim:
            raise WrongLength(
                f"{argument.name} has shape {array.shape} and y {y.shape}; "
                "they need one value per row.",
                column=argument.name,
            )
        arrays.append(array)
    columns = np.column_stack([y, *arrays])
    kept = np.isfinite(columns).all(axis=1)
    return [array[kept] for array in arrays], y[kept], groups if groups is None else groups[kept]


def _own_start(
    function: ParametricCurve, inputs: list[np.ndarray], y: np.ndarray
) -> Mapping[str, float] | None:
    """What the function's own self-start gives, if it has one and that works on these data."""
    if function.start is None:
        return None
    found = _attempt(function.start, inputs, y)
    if found and set(found) != set(function.names):
        raise MeanFunctionError(
            f"The self-start of {function!r} returns {', '.join(map(repr, found))}.",
            fix=f"return a dict with {', '.join(map(repr, function.names))}",
        )
    return found if found and np.isfinite(list(found.values())).all() else None


def _attempt(estimate: Any, inputs: list[np.ndarray], y: np.ndarray) -> Mapping[str, float]:
    """A formula for estimates on data that may not suit it."""
    with np.errstate(all="ignore"):
        try:
            return dict(estimate(*inputs, y))
        except (ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError):
            return {}


def _search(function: ParametricCurve, inputs: list[np.ndarray], y: np.ndarray) -> Estimates | None:
    """The least squares estimates: searched on some of the rows, polished on all of them."""
    extent = Extent.of(inputs, y)
    separation = separate(function, inputs, extent)
    rows = np.random.default_rng(0).permutation(len(y))[:SEARCH_ROWS]
    some = Projection(function, [value[rows] for value in inputs], y[rows], separation)
    guess = _attempt(function.guess, inputs, y) if function.guess else {}
    theta = _lowest(some, extent, _starts(some, extent, guess))
    if theta is None:
        return None
    whole = Projection(function, inputs, y, separation)
    polished = descend(whole, extent, theta)
    estimates = whole.complete(theta if polished is None else polished)
    return estimates if np.isfinite(list(estimates.values())).all() else None


def _lowest(projection: Projection, extent: Extent, starts: list[Theta]) -> np.ndarray | None:
    """The best end of several descents; two that end equally low end the search."""
    best, lowest = None, np.inf
    for start in starts:
        theta = descend(projection, extent, start)
        reached = np.inf if theta is None else _sum_of_squares(projection, theta)
        agree = np.isclose(reached, lowest, rtol=1e-6, atol=0.0)
        if reached < lowest:
            best, lowest = theta, reached
        if agree:
            break
    return best


def _starts(projection: Projection, extent: Extent, guess: Mapping[str, float]) -> list[Theta]:
    """Points of the grid from which it is best to descend, the guess first."""
    free = [p for p in projection.function.parameters if p.name in projection.separation.free]
    first = [guess.get(p.name, extent.typical(p)) for p in free]
    grid = [extent.grid(p) for p in free]
    points = list(product(*grid)) if np.prod([len(v) for v in grid]) <= GRID_POINTS else _thin(grid)
    sums = np.array([_sum_of_squares(projection, theta) for theta in points])
    best = np.argsort(sums)[:DESCENTS]
    starts = [first] + [points[i] for i in best]
    return [theta for theta in starts if np.isfinite(_sum_of_squares(projection, theta))]


def _thin(grid: list[np.ndarray]) -> list[Theta]:
    """Some points of a grid too large to be tried in full."""
    random = np.random.default_rng(0)
    return list(zip(*(random.choice(values, GRID_POINTS) for values in grid), strict=True))


def _sum_of_squares(projection: Projection, theta: Theta) -> float:
    """The criterion, infinite where the curve is not defined."""
    with np.errstate(all="ignore"):
        value = float(np.sum(projection.residuals(theta) ** 2))
    return value if np.isfinite(value) else np.inf


def descend(projection: Projection, extent: Extent, theta: Theta) -> np.ndarray | None:
    """Return the minimum below a start, within the domain; None if the search fails."""
    free = [p for p in projection.function.parameters if p.name in projection.separation.free]
    if not free:
        return np.empty(0)
    lower, upper = np.transpose([extent.box(p, at) for p, at in zip(free, theta, strict=True)])
    with np.errstate(all="ignore"):
        try:
            found = least_squares(
                projection.residuals,
                np.clip(theta, lower, upper),
                projection.jacobian,
                bounds=(lower, upper),
                x_scale="jac",
                ftol=1e-12,
                xtol=1e-12,
                gtol=1e-12,
                max_nfev=100,
            )
        except (ValueError, np.linalg.LinAlgError):
            return None
    return found.x


def _by_range(function: ParametricCurve, inputs: list[np.ndarray], y: np.ndarray) -> Estimates:
    """Values that fit the range of the data, whatever their shape."""
    if not len(y):
        inputs, y = [np.zeros((1,) * value.ndim) for value in inputs], np.zeros(1)
    extent = Extent.of(inputs, y)
    return {p.name: extent.typical(p) for p in function.parameters}
