"""Computes regression splines, as ``bs`` and ``ns`` of R's package splines."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimmer.errors import DataWarning, DesignError, SyntaxProblem, warn
from glimmer.formula.arguments import flag, numbers, whole

type State = dict[str, Any]


def learn_bs(x: np.ndarray, df: Any, knots: Any, degree: Any, intercept: Any) -> State:
    """Return the knots of a B-spline basis over the range of ``x``.

    Parameters
    ----------
    x : ndarray, shape (n,)
    df : int, optional
        Number of columns; inner knots are then at quantiles (R's type 7).
    knots : float or tuple of float, optional
        Inner knots.
    degree : int
    intercept : bool
        Whether to keep the first column, with which the columns sum to one.

    Returns
    -------
    dict
        ``knots`` with the boundary knots repeated, shape (columns + degree + 1,), ``degree`` and
        ``intercept``.
    """
    degree, intercept = whole("degree", degree, least=1), flag("intercept", intercept)
    inner = _inner_knots(x, df, knots, fewest=degree + intercept)
    return {"knots": _padded(x, inner, degree), "degree": degree, "intercept": intercept}


def bs(state: State, x: np.ndarray) -> np.ndarray:
    """Return the B-splines at ``x``, shape (n, columns).

    Beyond the range that was learned, the outermost polynomials go on, with a `DataWarning`.
    """
    knots, degree = state["knots"], state["degree"]
    if np.any((x < knots[0]) | (x > knots[-1])):
        warn(
            f"Values beyond the range {knots[0]:g} to {knots[-1]:g} of a spline are extrapolated.",
            DataWarning,
            fix="use ns(...), which is linear beyond its range",
        )
    basis = _b_splines(knots, degree, x)
    return basis if state["intercept"] else basis[:, 1:]


def learn_ns(x: np.ndarray, df: Any, knots: Any, intercept: Any) -> State:
    """Return the knots and the constraint of a natural cubic spline over the range of ``x``.

    Parameters
    ----------
    x : ndarray, shape (n,)
    df, knots, intercept
        As in `learn_bs`.

    Returns
    -------
    dict
        ``knots``, ``intercept`` and ``basis``, shape (B-splines, columns), which spans the cubic
        splines without curvature at the boundaries.
    """
    intercept = flag("intercept", intercept)
    inner = _inner_knots(x, df, knots, fewest=1 + intercept)
    padded = _padded(x, inner, 3)
    curvature = _derivatives(padded, 3, padded[[0, -1]], 2)[:, 1 - intercept :]
    complete = np.linalg.qr(curvature.T, mode="complete").Q
    return {"knots": padded, "intercept": intercept, "basis": complete[:, 2:]}


def ns(state: State, x: np.ndarray) -> np.ndarray:
    """Return the natural splines at ``x``, shape (n, columns); linear beyond the boundaries."""
    knots = state["knots"]
    inside = np.clip(x, knots[0], knots[-1])
    slope = _derivatives(knots, 3, inside, 1) * (x - inside)[:, None]
    basis = _b_splines(knots, 3, inside) + slope
    return basis[:, 1 - state["intercept"] :] @ state["basis"]


def _inner_knots(x: np.ndarray, df: Any, knots: Any, fewest: int) -> np.ndarray:
    if knots is not None:
        if df is not None:
            raise SyntaxProblem("df and knots cannot be combined; give one of them.")
        return numbers("knots", knots)
    count = 0 if df is None else whole("df", df, least=fewest) - fewest
    return np.quantile(x, np.linspace(0, 1, count + 2)[1:-1])


def _padded(x: np.ndarray, inner: np.ndarray, degree: int) -> np.ndarray:
    """Return the inner knots with the range of ``x`` around them, each end degree + 1 times."""
    low, high = x.min(), x.max()
    if not low < high:
        raise DesignError("A spline cannot be made of a column that does not vary.")
    if np.any((inner <= low) | (inner >= high)) or len(np.unique(inner)) < len(inner):
        raise DesignError(
            f"The inner knots {', '.join(f'{knot:g}' for knot in inner)} must differ and lie "
            f"inside the range {low:g} to {high:g}.",
            fix="use fewer knots: the column has too few distinct values",
        )
    return np.concatenate([np.repeat(low, degree + 1), inner, np.repeat(high, degree + 1)])


def _b_splines(knots: np.ndarray, degree: int, x: np.ndarray) -> np.ndarray:
    from scipy.interpolate import BSpline

    return BSpline(knots, np.eye(len(knots) - degree - 1), degree)(x)


def _derivatives(knots: np.ndarray, degree: int, x: np.ndarray, order: int) -> np.ndarray:
    from scipy.interpolate import BSpline

    return BSpline(knots, np.eye(len(knots) - degree - 1), degree)(x, nu=order)
