"""Makes Gaussian processes of low rank, ``bs="gp"``: Kammann & Wand (2003), JRSSC 52:1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from scipy.spatial.distance import cdist

from glimmer.errors import SmoothError
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
from glimmer.smooths.matrices import frozen
from glimmer.smooths.tp import by_unique_rows, cut, default_k, knot_points

CORRELATIONS: dict[int, Callable[[np.ndarray, float], np.ndarray]] = {
    1: lambda r, kappa: np.where(r < 1, 1 - 1.5 * r + 0.5 * r**3, 0.0),
    2: lambda r, kappa: np.exp(-(r**kappa)),
    3: lambda r, kappa: (1 + r) * np.exp(-r),
    4: lambda r, kappa: (1 + r + r**2 / 3) * np.exp(-r),
    5: lambda r, kappa: (1 + r + 2 * r**2 / 5 + r**3 / 15) * np.exp(-r),
}


@record
class GaussianProcess(Basis):
    """The leading eigenvectors of a correlation matrix and a linear trend.

    f(x) = [correlation(|x - points| / range) @ weights, 1, x - shift]

    Attributes
    ----------
    kind : int
        1 spherical, 2 power exponential, 3, 4, 5 Matern of 3/2, 5/2, 7/2.
    range, kappa : float
        Range, in the units of the covariates, and the power of kind 2.
    trend : bool
        Whether the null space holds the covariates beside the constant.
    values : ndarray
        The leading eigenvalues, which are the penalty.
    """

    kind: int
    range: float
    kappa: float
    trend: bool
    shift: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    values: np.ndarray

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the process; ``m=c(kind, range, kappa)``, a negative kind drops the trend."""
        x = training_matrix(columns)
        kind, reach, kappa = _definition(m)
        M = x.shape[1] + 1 if kind > 0 else 1
        k = at_least(k or default_k(x.shape[1], 2, 10), M + 1, f"a null space of dimension {M}")
        shift = x.mean(axis=0)
        points = knot_points(x, knots, columns) - shift
        at_most(k, len(points), columns)
        distance = cdist(points, points)
        reach = reach if reach > 0 else float(distance.max())
        U, D = cut(CORRELATIONS[abs(kind)](distance / reach, kappa), k - M)
        values = np.diag(D)
        return cls(
            abs(kind),
            reach,
            kappa,
            kind > 0,
            frozen(shift),
            frozen(points),
            frozen(U),
            frozen(values),
        )

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k)."""
        x = matrix(columns) - self.shift
        trend = [np.ones((len(x), 1)), x] if self.trend else [np.ones((len(x), 1))]
        return np.hstack([by_unique_rows(self._correlated, x, len(self.values)), *trend])

    def _correlated(self, x: np.ndarray) -> np.ndarray:
        r = cdist(x, self.points) / self.range
        return CORRELATIONS[self.kind](r, self.kappa) @ self.weights

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """The one penalty."""
        return (np.diag(np.concatenate([self.values, np.zeros(self.null_dim)])),)

    @property
    def rank(self) -> tuple[int, ...]:
        """Its rank."""
        return (len(self.values),)

    @property
    def null_dim(self) -> int:
        """The constant and, with a trend, the covariates."""
        return 1 + self.trend * len(self.shift)


def _definition(m: Orders | None) -> tuple[int, float, float]:
    """Kind, range (-1: the largest distance) and kappa of ``m=c(kind, range, kappa)``."""
    given = tuple(
        v if v is not None else d for v, d in zip(m or (), (3.0, -1.0, 1.0), strict=False)
    )
    kind, reach, kappa = given + (3.0, -1.0, 1.0)[len(given) :]
    if kind != int(kind) or abs(int(kind)) not in CORRELATIONS:
        raise SmoothError(
            f'bs="gp" has no correlation function {kind:g}.',
            fix="m[1] is 1 spherical, 2 power exponential, 3, 4, 5 Matern (3/2, 5/2, 7/2)",
        )
    if not 0 < kappa <= 2:
        raise SmoothError(f'The power m[3] of bs="gp" must be in (0, 2], not {kappa:g}.')
    return int(kind), float(reach), float(kappa)


register_basis("gp", GaussianProcess)
