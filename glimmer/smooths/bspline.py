"""Makes B-splines with difference (ps, cp), derivative (bs) and adaptive penalties (ad).

Eilers & Marx (1996), Stat. Sci. 11:89; Wood (2017), Stat. Comput. 27:985; Wood (2017),
Generalized Additive Models, section 5.3.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy.interpolate import BSpline

from glimmer.errors import SmoothError
from glimmer.record import record
from glimmer.smooths.basis import (
    Basis,
    Columns,
    Orders,
    at_least,
    at_most,
    integer_order,
    knots_cover,
    matrix,
    only_column,
    register_basis,
    sorted_knots,
)
from glimmer.smooths.matrices import frozen

WIDENING = 0.001


@record
class PSpline(Basis):
    """B-splines on equal knots with penalties on the coefficients, ``bs="ps"``.

    Beyond the inner knots f goes on as the straight line that touches it there.

    Attributes
    ----------
    knots : ndarray, shape (k + degree + 1,)
    degree : int
    roughness : tuple of ndarray, shape (k, k)
        The penalties.
    ranks : tuple of int
    free : int
        Dimension of the common null space.
    """

    knots: np.ndarray
    degree: int
    roughness: tuple[np.ndarray, ...]
    ranks: tuple[int, ...]
    free: int

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline of degree m[0] + 1 with differences of order m[1]."""
        orders = integer_order(m, (2, 2) if not m else (2, int(m[0] or 0)), "ps")
        degree, difference = orders[0] + 1, orders[1]
        k = at_least(k or 10, max(degree + 1, difference + 1), f"splines of degree {degree}")
        at = equal_knots(columns, k, degree, knots, "ps")
        S = difference_penalty(k, difference)
        return cls(frozen(at), degree, (frozen(S),), (k - difference,), difference)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k)."""
        x = matrix(columns)[:, 0]
        first, last = self.knots[[self.degree, -self.degree - 1]]
        out = bspline_design(np.clip(x, first, last), self.knots, self.degree)
        for end, beyond in ((first, x < first), (last, x > last)):
            if beyond.any():
                slope = bspline_design(np.array([end]), self.knots, self.degree, 1)
                out[beyond] += (x[beyond] - end)[:, None] * slope
        return out

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """One penalty, or several on the same coefficients (bs, ad)."""
        return self.roughness

    @property
    def rank(self) -> tuple[int, ...]:
        """Their ranks."""
        return self.ranks

    @property
    def null_dim(self) -> int:
        """Polynomials below the smallest order."""
        return self.free


@record
class DerivativeSpline(PSpline):
    """B-splines with integrated squared derivatives as penalties, ``bs="bs"``."""

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline of degree m[0] with one penalty for each derivative in m[1:]."""
        default = (3, 2) if not m else (3, max(0, int(m[0] or 3) - 1))
        degree, *derivatives = integer_order(m, default, "bs")
        if degree < 1 or max(derivatives) > degree:
            raise SmoothError(
                f'bs="bs" with splines of degree {degree} has no derivative of order '
                f"{max(derivatives)}.",
                fix="m = c(degree, order of the derivative, ...)",
            )
        k = at_least(k or 10, degree + 1, f"splines of degree {degree}")
        at = equal_knots(columns, k, degree, knots, "bs")
        S = tuple(frozen(derivative_penalty(at, degree, order)) for order in derivatives)
        return cls(
            frozen(at), degree, S, tuple(k - order for order in derivatives), min(derivatives)
        )


@record
class AdaptiveSpline(PSpline):
    """A P-spline whose smoothness varies along x, ``bs="ad"``: penalties D'diag(v_j)D."""

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn a cubic spline (k=40) with second differences and m[0] = 5 penalties."""
        (count,) = integer_order(m, (5,), "ad")
        k = at_least(k or 40, count + 3, f"{count} penalties")
        at = equal_knots(columns, k, 3, knots, "ad")
        D = np.diff(np.eye(k), n=2, axis=0)
        weights = adaptive_weights(k - 2, count)
        S = tuple(frozen(D.T * v @ D) for v in weights.T)
        return cls(frozen(at), 3, S, tuple(int((v > 0).sum()) for v in weights.T), 2)


@record
class CyclicPSpline(PSpline):
    """Periodic B-splines with cyclic differences, ``bs="cp"``."""

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline of k coefficients on the range of the data, or of the knots."""
        orders = integer_order(m, (2, 2) if not m else (2, int(m[0] or 0)), "cp")
        degree, difference = orders[0] + 1, orders[1]
        k = at_least(k or 10, degree + 1, f"splines of degree {degree}")
        x = only_column(columns, "cp")
        given = sorted_knots(knots, columns)
        inner = np.linspace(x.min(), x.max(), k + 1) if given is None else given
        if len(inner) == 2:
            inner = np.linspace(inner[0], inner[1], k + 1)
        if len(inner) != k + 1:
            raise SmoothError(
                f'bs="cp" with k={k} needs 2 or {k + 1} knots, not {len(inner)}.',
                column=columns[0].name,
            )
        knots_cover(inner[0], inner[-1], x, columns)
        period = inner[-1] - inner[0]
        at = np.concatenate(
            [inner[-degree - 1 : -1] - period, inner, inner[1 : degree + 1] + period]
        )
        D = np.eye(k)
        for _ in range(difference):
            D = np.roll(D, -1, axis=0) - D
        free = 1 if difference else 0
        return cls(frozen(at), degree, (frozen(D.T @ D),), (k - free,), free)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k); x is wrapped into the period."""
        x = matrix(columns)[:, 0]
        first, last = self.knots[[self.degree, -self.degree - 1]]
        outside = (x < first) | (x > last)
        x = np.where(outside, first + np.mod(x - first, last - first), x)
        out = bspline_design(x, self.knots, self.degree)
        out[:, : self.degree] += out[:, -self.degree :]
        return out[:, : -self.degree]


def bspline_design(x: np.ndarray, knots: np.ndarray, degree: int, nu: int = 0) -> np.ndarray:
    """B-splines, or their derivatives of order ``nu``, at x inside the inner knots, (n, k)."""
    count = len(knots) - degree - 1
    if len(x) == 0:
        return np.zeros((0, count))
    if nu == 0:
        return BSpline.design_matrix(x, knots, degree).toarray()
    return np.atleast_2d(BSpline(knots, np.eye(count), degree)(x, nu=nu))


def equal_knots(
    columns: Columns, k: int, degree: int, knots: np.ndarray | None, bs: str
) -> np.ndarray:
    """Equally spaced knots over the slightly widened range, or what the user's knots say.

    Two given knots are the inner range, four (bs) the outer and the inner range, k + degree + 1
    are all of them.
    """
    x = only_column(columns, bs)
    given = sorted_knots(knots, columns)
    if given is None:
        at_most(k, len(np.unique(x)), columns)
        spread = (x.max() - x.min()) * WIDENING
        given = np.array([x.min() - spread, x.max() + spread])
    inner = k - degree + 1
    if len(given) == k + degree + 1:
        knots_cover(given[degree], given[-degree - 1], x, columns)
        return given
    if len(given) == 4 and bs == "bs":
        knots_cover(given[1], given[2], x, columns)
        left, right = (
            np.linspace(given[0], given[1], degree + 1)[:-1],
            np.linspace(given[2], given[3], degree + 1)[1:],
        )
        return np.concatenate([left, np.linspace(given[1], given[2], inner), right])
    if len(given) == 2:
        knots_cover(given[0], given[1], x, columns)
        gap = (given[1] - given[0]) / (inner - 1)
        return np.linspace(given[0] - degree * gap, given[1] + degree * gap, k + degree + 1)
    raise SmoothError(
        f'bs="{bs}" with k={k} needs {"2, 4" if bs == "bs" else "2"} or {k + degree + 1} knots, '
        f"not {len(given)}.",
        column=columns[0].name,
    )


def difference_penalty(k: int, order: int) -> np.ndarray:
    """D'D for differences of an order of ``k`` coefficients."""
    D = np.diff(np.eye(k), n=order, axis=0)
    return D.T @ D


def derivative_penalty(knots: np.ndarray, degree: int, order: int) -> np.ndarray:
    """The integral of products of derivatives over the inner knots, exactly."""
    points, weights = np.polynomial.legendre.leggauss(degree - order + 1)
    inner = knots[degree : len(knots) - degree]
    half = np.diff(inner) / 2
    at = (inner[:-1] + half)[:, None] + half[:, None] * points
    B = bspline_design(at.ravel(), knots, degree, order)
    return B.T * (half[:, None] * weights).ravel() @ B


def adaptive_weights(n: int, count: int) -> np.ndarray:
    """``count`` B-splines over the positions of ``n`` differences, shape (n, count)."""
    if count == 1:
        return np.ones((n, 1))
    degree = min(3, count - 1)
    inner = count - degree + 1
    spread = (n - 1) * WIDENING
    gap = (n - 1 + 2 * spread) / (inner - 1)
    low = 1 - spread - degree * gap
    knots = low + gap * np.arange(count + degree + 1)
    return bspline_design(np.arange(1.0, n + 1), knots, degree)


register_basis("ps", PSpline)
register_basis("bs", DerivativeSpline)
register_basis("ad", AdaptiveSpline)
register_basis("cp", CyclicPSpline)
