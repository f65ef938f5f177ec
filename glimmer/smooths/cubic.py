"""Makes cubic splines whose coefficients are the function's values at the knots: cr, cs, cc.

Wood (2017), Generalized Additive Models, sections 5.3.1 and 5.3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from glimmer.errors import SmoothError
from glimmer.record import record
from glimmer.smooths.basis import (
    Basis,
    Columns,
    Orders,
    at_least,
    at_most,
    knots_cover,
    matrix,
    only_column,
    register_basis,
    sorted_knots,
)
from glimmer.smooths.matrices import eigen, frozen


@record
class CubicSpline(Basis):
    """Natural cubic spline, ``bs="cr"``: a straight line beyond the end knots.

    Attributes
    ----------
    knots : ndarray, shape (k,)
    curvature : ndarray, shape (k, k)
        Maps values at the knots to second derivatives there.
    penalty : ndarray, shape (k, k)
        The integrated squared second derivative.
    penalized : int
        Rank of the penalty.
    """

    knots: np.ndarray
    curvature: np.ndarray
    penalty: np.ndarray
    penalized: int
    keeps_coordinates: ClassVar[bool] = True

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline; knots are quantiles of the distinct values unless given."""
        x = only_column(columns, "cr")
        k = at_least(k or 10, 3, "a cubic spline")
        at = sorted_knots(knots, columns)
        if at is None:
            at_most(k, len(np.unique(x)), columns)
            at = quantile_knots(x, k)
        elif len(at) != k:
            raise SmoothError(
                f'bs="cr" with k={k} needs {k} knots, not {len(at)}.', column=columns[0].name
            )
        D, B = second_differences(np.diff(at))
        F = np.zeros((k, k))
        F[1:-1] = np.linalg.solve(B, D)
        return cls(frozen(at), frozen(F), frozen(D.T @ F[1:-1]), k - 2)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k)."""
        x = matrix(columns)[:, 0]
        first, last = self.knots[[0, -1]]
        values = piecewise_cubic(np.clip(x, first, last), self.knots, self.curvature)
        for end, beyond in ((0, np.minimum(x - first, 0.0)), (-1, np.maximum(x - last, 0.0))):
            values += beyond[:, None] * self._end_slope(end)
        return values

    def _end_slope(self, end: int) -> np.ndarray:
        """The slope at the first (0) or last (-1) knot, as a row for the coefficients."""
        h = np.diff(self.knots)[end]
        inner, sign = (1, 1.0) if end == 0 else (-2, -1.0)
        row = -sign * h / 6 * self.curvature[inner]
        row[end] -= sign / h
        row[inner] += sign / h
        return row

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """The one penalty."""
        return (self.penalty,)

    @property
    def rank(self) -> tuple[int, ...]:
        """Its rank."""
        return (self.penalized,)

    @property
    def null_dim(self) -> int:
        """Two, the straight lines; none with shrinkage; one, the constant, when cyclic."""
        return len(self.penalty) - self.penalized


@record
class CubicShrinkage(CubicSpline):
    """``bs="cs"``: cr whose straight lines are penalized lightly.

    The slope is penalized by 0.1, the constant by 0.01 of the smallest positive eigenvalue. (mgcv
    gives the two numbers to whichever null vectors the linear algebra library returns.)
    """

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline as cr, and shrink its null space."""
        basis = super().learn(columns, k, m, xt, knots)
        smallest = eigen(basis.penalty)[0][basis.penalized - 1]
        lines = np.stack([np.ones(len(basis.knots)), basis.knots - basis.knots.mean()], axis=1)
        lines /= np.linalg.norm(lines, axis=0)
        full = basis.penalty + smallest * lines * [0.01, 0.1] @ lines.T
        return replace(basis, penalty=frozen(full), penalized=len(full))


@record
class CyclicCubicSpline(CubicSpline):
    """Periodic cubic spline, ``bs="cc"``: the ends of the knots are the same point."""

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline of k - 1 coefficients; two knots are the ends of the period."""
        x = only_column(columns, "cc")
        k = at_least(k or 10, 4, "a periodic spline")
        at = sorted_knots(knots, columns)
        if at is not None:
            knots_cover(at[0], at[-1], x, columns)
        if at is None or len(at) == 2:
            values = x if at is None else np.concatenate([at, x])
            at_most(k, len(np.unique(values)), columns)
            at = quantile_knots(values, k)
        elif len(at) != k:
            raise SmoothError(
                f'bs="cc" with k={k} needs 2 or {k} knots, not {len(at)}.', column=columns[0].name
            )
        D, B = cyclic_differences(np.diff(at))
        F = np.linalg.solve(B, D)
        return cls(frozen(at), frozen(F), frozen(D.T @ F), k - 2)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k - 1); x is wrapped into the period."""
        x = matrix(columns)[:, 0]
        first, last = self.knots[[0, -1]]
        outside = (x < first) | (x > last)
        x = np.where(outside, first + np.mod(x - first, last - first), x)
        closed = np.vstack([self.curvature, self.curvature[:1]])
        values = piecewise_cubic(x, self.knots, np.hstack([closed, np.zeros((len(closed), 1))]))
        values[:, 0] += values[:, -1]
        return values[:, :-1]


def quantile_knots(x: np.ndarray, k: int) -> np.ndarray:
    """``k`` knots at the quantiles of the distinct values (R's type 7)."""
    return np.quantile(np.unique(x), np.linspace(0, 1, k))


def second_differences(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D and B with second derivatives B^-1 D f at the inner knots, for knot gaps ``h``."""
    k = len(h) + 1
    rows = np.arange(k - 2)
    D = np.zeros((k - 2, k))
    D[rows, rows] = 1 / h[:-1]
    D[rows, rows + 1] = -1 / h[:-1] - 1 / h[1:]
    D[rows, rows + 2] = 1 / h[1:]
    B = np.diag((h[:-1] + h[1:]) / 3) + np.diag(h[1:-1] / 6, 1) + np.diag(h[1:-1] / 6, -1)
    return D, B


def cyclic_differences(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D and B of `second_differences` for a closed curve, both (k - 1, k - 1)."""
    size = len(h)
    D, B = np.zeros((size, size)), np.zeros((size, size))
    for j in range(size):
        before, after = h[j - 1], h[j]
        left, right = (j - 1) % size, (j + 1) % size
        D[j, left] += 1 / before
        D[j, j] += -1 / before - 1 / after
        D[j, right] += 1 / after
        B[j, left] += before / 6
        B[j, j] += (before + after) / 3
        B[j, right] += after / 6
    return D, B


def piecewise_cubic(x: np.ndarray, knots: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Interpolate values at the knots, given the map to second derivatives, shape (n, k)."""
    j = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    h = (knots[j + 1] - knots[j])[:, None]
    left, right = (knots[j + 1] - x)[:, None] / h, (x - knots[j])[:, None] / h
    out = (left**3 - left) * h**2 / 6 * curvature[j]
    out += (right**3 - right) * h**2 / 6 * curvature[j + 1]
    rows = np.arange(len(x))
    out[rows, j] += left[:, 0]
    out[rows, j + 1] += right[:, 0]
    return out


register_basis("cr", CubicSpline)
register_basis("cs", CubicShrinkage)
register_basis("cc", CyclicCubicSpline)
