"""Makes thin plate regression splines (tp, ts) and Duchon splines (ds).

Wood (2003), JRSSB 65:95; Duchon (1977).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import eigsh
from scipy.spatial.distance import cdist

from glimmer.errors import DesignWarning, SmoothError, warn
from glimmer.record import record
from glimmer.smooths.basis import (
    Basis,
    Columns,
    Orders,
    at_least,
    at_most,
    matrix,
    register_basis,
    training_matrix,
)
from glimmer.smooths.matrices import eigen, frozen, monomials, powers, unique_rows

MOST_POINTS = 2000
LANCZOS_ABOVE = 500
CHUNK = 8192


@record
class RadialSpline(Basis):
    """A radial basis on the data's own points, cut to its leading eigenvectors.

    f(x) = [eta(|x - points|) @ weights, monomials(x - shift)] / rms - centre

    Attributes
    ----------
    power, log, constant : float, bool, float
        eta(r) = constant * r^power, times log r if ``log``.
    degree : int
        Monomials below this degree are the null space.
    drop_null : bool
        Whether the null space is left out (``m=c(2, 0)``); columns are then centred.
    """

    power: float
    log: bool
    constant: float
    degree: int
    drop_null: bool
    shift: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    rms: np.ndarray
    centre: np.ndarray
    penalty: np.ndarray
    penalized: int
    unit_columns: ClassVar[bool] = True

    @staticmethod
    def complement(A: np.ndarray) -> np.ndarray:
        """Z with A Z = 0, for the polynomials A, shape (M, k), at the cut points."""
        return polynomial_complement(A)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k)."""
        return self._columns(matrix(columns)) / self.rms - self.centre

    def _columns(self, x: np.ndarray) -> np.ndarray:
        """The columns before their scaling."""
        x = x - self.shift
        radial = by_unique_rows(self._radial, x, self.weights.shape[1])
        return radial if self.drop_null else np.hstack([radial, monomials(x, self.degree)])

    def _radial(self, x: np.ndarray) -> np.ndarray:
        return self._eta(cdist(x, self.points)) @ self.weights

    def _eta(self, r: np.ndarray) -> np.ndarray:
        out = self.constant * r**self.power
        return np.where(r > 0, out * np.log(np.where(r > 0, r, 1.0)), 0.0) if self.log else out

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """The one penalty: the spline's roughness."""
        return (self.penalty,)

    @property
    def rank(self) -> tuple[int, ...]:
        """Its rank."""
        return (self.penalized,)

    @property
    def null_dim(self) -> int:
        """Number of free polynomials."""
        return len(self.penalty) - self.penalized

    def constrain(self, row: np.ndarray | None) -> np.ndarray | None:
        """Absorb the constraint, unless the columns are centred already."""
        return None if self.drop_null else super().constrain(row)

    @classmethod
    def build(
        cls,
        columns: Columns,
        k: int,
        kernel: tuple[float, bool, float],
        degree: int,
        drop_null: bool,
        knots: np.ndarray | None,
    ) -> Self:
        """Learn points, weights and scales for the kernel (power, log, constant)."""
        x = training_matrix(columns)
        M = len(powers(x.shape[1], degree))
        k = at_least(k, M + 1, f"a null space of dimension {M}")
        shift = x.mean(axis=0)
        points = knot_points(x, knots, columns) - shift
        at_most(k, len(points), columns)
        none = np.zeros(0)
        bare = cls(
            *kernel, degree, drop_null, frozen(shift), frozen(points), none, none, none, none, k - M
        )
        vectors, D = cut(bare._eta(cdist(points, points)), k)
        Z = cls.complement(monomials(points, degree).T @ vectors)
        penalty = np.zeros((k, k))
        penalty[: k - M, : k - M] = Z.T @ D @ Z
        return replace(bare, weights=frozen(vectors @ Z))._finish(x, penalty)

    def _finish(self, x: np.ndarray, penalty: np.ndarray) -> Self:
        """Fill in the scale and the centre of the columns."""
        columns = self._columns(x)
        kept = columns.shape[1]
        rms = np.sqrt(np.mean(columns**2, axis=0)) if self.unit_columns else np.ones(kept)
        centre = columns.mean(axis=0) / rms if self.drop_null else np.zeros(kept)
        S = penalty[:kept, :kept] / np.outer(rms, rms)
        return replace(self, rms=frozen(rms), centre=frozen(centre), penalty=frozen((S + S.T) / 2))


@record
class ThinPlate(RadialSpline):
    """Thin plate regression spline, ``bs="tp"``."""

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline of order ``m[0]``; ``m=(order, 0)`` drops the null space."""
        d = len(columns)
        order = _order(m, d)
        drop = len(m or ()) > 1 and (m or ())[1] == 0
        k = k or default_k(d, order, 8)
        return cls.build(columns, k, thin_plate_kernel(order, d), order, drop, knots)


@record
class ThinPlateShrinkage(ThinPlate):
    """``bs="ts"``: tp whose null space is penalized a tenth as much as its smoothest part."""

    def _finish(self, x: np.ndarray, penalty: np.ndarray) -> Self:
        basis = super()._finish(x, penalty)
        values, vectors = eigen(basis.penalty)
        values = values.copy()
        values[self.penalized :] = 0.1 * values[self.penalized - 1]
        full = frozen(vectors * values @ vectors.T)
        return replace(basis, penalty=full, penalized=len(full))


@record
class Duchon(RadialSpline):
    """Duchon spline, ``bs="ds"``, ``m=c(order, s)``."""

    unit_columns: ClassVar[bool] = False

    @staticmethod
    def complement(A: np.ndarray) -> np.ndarray:
        """Z with A Z = 0, the last columns of a QR decomposition."""
        return np.linalg.qr(A.T, mode="complete")[0][:, len(A) :]

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the spline: m + s > d/2 and -d/2 < s < d/2."""
        d = len(columns)
        given = tuple(m or ()) + (None, None)
        order = int(given[0]) if given[0] is not None else 2
        s = float(given[1]) if given[1] is not None else 0.0
        if order < 1 or order + s <= d / 2 or not -d / 2 < s < d / 2 or (2 * s) % 1:
            raise SmoothError(
                f'bs="ds" needs m + s > {d / 2:g} and {-d / 2:g} < s < {d / 2:g} with 2s whole; '
                f"m=c({order}, {s:g}).",
            )
        power = 2 * order + 2 * s - d
        sign = 1.0 if (int(power // 2) + 1) % 2 == 0 else -1.0
        kernel = (power, power % 2 == 0, sign)
        return cls.build(columns, k or default_k(d, order, 10), kernel, order, False, knots)


def thin_plate_kernel(m: int, d: int) -> tuple[float, bool, float]:
    """Power, logarithm and constant of the thin plate kernel eta (Wood 2003, equation 4)."""
    if d % 2:
        constant = math.gamma(d / 2 - m) / (
            2 ** (2 * m) * math.pi ** (d / 2) * math.factorial(m - 1)
        )
    else:
        constant = (-1) ** (m + 1 + d // 2) / (
            2 ** (2 * m - 1)
            * math.pi ** (d / 2)
            * math.factorial(m - 1)
            * math.factorial(m - d // 2)
        )
    return float(2 * m - d), d % 2 == 0, constant


def default_k(d: int, degree: int, extra: int) -> int:
    """The default of mgcv: the null space and 8, 27, 100 more (10, 30, 100 for other kernels)."""
    more = {8: (8, 27, 100), 10: (10, 30, 100)}[extra]
    return len(powers(d, degree)) + more[min(d, 3) - 1]


def cut(E: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """U and D = U'EU: the ``k`` eigenpairs largest in absolute value, in decreasing signed order.

    With as many points as ``k`` nothing is cut: U = I and D = E.
    """
    n = len(E)
    if n == k:
        return np.eye(n), E
    if n > LANCZOS_ABOVE and k < n // 4:
        start = np.random.default_rng(1).standard_normal(n)
        values, vectors = eigsh(E, k=k, which="LM", v0=start)
    else:
        values, vectors = eigh(E)
        largest = np.argsort(-np.abs(values), kind="stable")[:k]
        values, vectors = values[largest], vectors[:, largest]
    order = np.argsort(-values, kind="stable")
    return vectors[:, order], np.diag(values[order])


def polynomial_complement(A: np.ndarray) -> np.ndarray:
    """Z with A Z = 0 for A of shape (M, k), by reflecting row i onto element k - 1 - i."""
    M, k = A.shape
    A, Q = A.copy(), np.eye(k)
    for i in range(M):
        last = k - 1 - i
        v = A[i].copy()
        v[last + 1 :] = 0.0
        v[last] += np.copysign(np.linalg.norm(v), v[last])
        v /= np.linalg.norm(v)
        A -= 2 * np.outer(A @ v, v)
        Q -= 2 * np.outer(Q @ v, v)
    return Q[:, : k - M]


def _order(m: Orders | None, d: int) -> int:
    """The order of the penalty: the user's, or the smallest m with 2m > d + 1."""
    default = next(order for order in range(1, d + 3) if 2 * order > d + 1)
    if not m or m[0] is None:
        return default
    if m[0] != int(m[0]) or 2 * m[0] <= d:
        warn(f"m={m[0]:g} is too small for {d} covariates; m={default} is used.", DesignWarning)
        return default
    return int(m[0])


def knot_points(x: np.ndarray, knots: np.ndarray | None, columns: Columns) -> np.ndarray:
    """The knots: the user's, or the distinct data points, or 2000 of them drawn by a fixed seed."""
    if knots is not None:
        points = np.asarray(knots, dtype=float).reshape(len(knots), -1)
        if points.shape[1] != x.shape[1]:
            raise SmoothError(
                f"The knots must have one value for each of the {x.shape[1]} covariates.",
                column=columns[0].name,
            )
        return unique_rows(points)[0]
    points = unique_rows(x)[0]
    if len(points) <= MOST_POINTS:
        return points
    chosen = np.random.default_rng(1).choice(len(points), MOST_POINTS, replace=False)
    return points[np.sort(chosen)]


def by_unique_rows(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, width: int
) -> np.ndarray:
    """``function(x)``, (n, d) -> (n, width), worked out once for rows that are alike, in pieces."""
    unique, position = unique_rows(x)
    parts = [function(unique[i : i + CHUNK]) for i in range(0, len(unique), CHUNK)]
    return np.concatenate([np.zeros((0, width)), *parts])[position]


register_basis("tp", ThinPlate)
register_basis("ts", ThinPlateShrinkage)
register_basis("ds", Duchon)
