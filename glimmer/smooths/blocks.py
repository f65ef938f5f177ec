"""Declares blocks of a smooth: unpenalized and penalized columns, with laws of coefficients.

Every penalized block is columns Z and coefficients b, and f = Z b. With all its standard deviations
equal to s, b ~ N(0, s^2 I), and Z is scaled so that the mean of diag(Z Z') over the training rows
is 1: s is then the typical size of f. What tells the blocks apart is how several standard
deviations share in the precision of b:

===============  =================================================================
`DenseBlock`     one sd
`GroupedBlock`   one sd, the same columns for every level of a factor (re, fs)
`DiagonalBlock`  precision_i = sum_j shares[i, j] / sd_j^2 (te, ti, ad, bs with two)
`CholeskyBlock`  precision matrix = sum_j shares[j] / sd_j^2 (sz, bs with more)
===============  =================================================================

Wood, Scheipl & Faraway (2013), Stat. Comput. 23:341; Bach & Klein (2025), Stat. Comput. 35:43.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.record import record
from glimmer.smooths.basis import Grouped

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@record
class Unpenalized:
    """Columns without a penalty, each of mean square 1 (before ``by``): the null space.

    Attributes
    ----------
    map : ndarray, shape (k, q)
        Columns from the raw design of the basis.
    """

    map: np.ndarray

    @property
    def name(self) -> str:
        """Tells the block apart from the others of a smooth."""
        return "null"

    @property
    def sds(self) -> tuple[str, ...]:
        """No standard deviation."""
        return ()

    @property
    def diagonal(self) -> bool:
        """Whether coefficients are independent, of one level."""
        return True

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.map.shape[1]

    def columns(self, raw: np.ndarray | Grouped) -> np.ndarray:
        """Return the columns at the rows of a raw design, shape (n, q)."""
        return (raw.dense() if isinstance(raw, Grouped) else raw) @ self.map

    def precision(self, sds: np.ndarray) -> np.ndarray:
        """Return the prior precision of each coefficient, shape (q,): none."""
        return np.zeros(self.size)

    def coords(self, name: str) -> dict[str, np.ndarray]:
        """Coordinates of the coefficients' dimensions."""
        return {f"{name}_dim": np.arange(self.size)}

    def coefficients(self, name: str, sds: list[Any], prior: Any) -> TensorVariable:
        """Register the coefficients in the current PyMC model, shape (q,)."""
        from glimmer.smooths.laws import free_coefficients

        return free_coefficients(name, self.size, prior)


@record
class DenseBlock:
    """Independent coefficients of one standard deviation.

    Attributes
    ----------
    name : str
        Tells the blocks of a smooth apart; empty for an only one.
    map : ndarray, shape (k, q)
    shift : ndarray, shape (q,)
        Z = raw @ map - shift.
    scale : float
        mgcv's columns are ``scale`` times Z, so mgcv's sd is the block's sd / ``scale``.
    """

    name: str
    map: np.ndarray
    shift: np.ndarray
    scale: float

    @property
    def sds(self) -> tuple[str, ...]:
        """Names of the standard deviations."""
        return (self.name,)

    @property
    def size(self) -> int:
        """Number of coefficients, q."""
        return self.map.shape[1]

    def columns(self, raw: np.ndarray) -> np.ndarray:
        """Return Z at the rows of a raw design, shape (n, q)."""
        return raw @ self.map - self.shift

    def precision(self, sds: np.ndarray) -> np.ndarray:
        """Return the prior precision of each coefficient, shape (q,)."""
        return np.full(self.size, sds[0] ** -2.0)

    @property
    def diagonal(self) -> bool:
        """Whether coefficients are independent, of one level."""
        return True

    def coords(self, name: str) -> dict[str, np.ndarray]:
        """Coordinates of the coefficients' dimensions."""
        return {f"{name}_dim": np.arange(self.size)}

    def free_name(self, name: str) -> str:
        """Name of the free variable that the coefficients are, or are made of."""
        return name

    def spread(self, sds: list[Any]) -> Any:
        """Standard deviation of the coefficients: a number, or shape (q,)."""
        return sds[0]

    def factor(self, sds: list[Any]) -> TensorVariable:
        """The diagonal of T with b = T u, shape (q,)."""
        from glimmer.smooths.laws import filled

        return filled(self.spread(sds), self.size)

    def coefficients(self, name: str, sds: list[Any], prior: Any) -> TensorVariable:
        """Register the coefficients in the current PyMC model, shape (q,)."""
        from glimmer.smooths.laws import normal_coefficients

        return normal_coefficients(name, self.spread(sds), (f"{name}_dim",))

    def free_values(self, b: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Draws of the free variable from those of b and of T's numbers."""
        return b


@record
class GroupedBlock:
    """Independent coefficients of one standard deviation, the same columns for every level.

    Attributes
    ----------
    name : str
    map : ndarray, shape (p, q)
        Columns of one level from the compact raw design.
    levels : int
        Number of levels, J; coefficients are (J, q).
    scale : float
        As in `DenseBlock`.
    """

    name: str
    map: np.ndarray
    levels: int
    scale: float

    @property
    def sds(self) -> tuple[str, ...]:
        """Names of the standard deviations."""
        return (self.name,)

    @property
    def size(self) -> int:
        """Number of coefficients, J q."""
        return self.levels * self.map.shape[1]

    def columns(self, raw: Grouped) -> Grouped:
        """Return the level of each row and its columns, (n, q)."""
        return Grouped(raw.index, raw.rows @ self.map, raw.levels)

    def precision(self, sds: np.ndarray) -> np.ndarray:
        """Return the prior precision of each coefficient, shape (J q,)."""
        return np.full(self.size, sds[0] ** -2.0)

    @property
    def diagonal(self) -> bool:
        """Coefficients stand level by level."""
        return False

    def coords(self, name: str) -> dict[str, np.ndarray]:
        """Coordinates of the coefficients' dimensions."""
        return {
            f"{name}_level": np.arange(self.levels),
            f"{name}_dim": np.arange(self.map.shape[1]),
        }

    def free_name(self, name: str) -> str:
        """Name of the free variable that the coefficients are."""
        return name

    def factor(self, sds: list[Any]) -> TensorVariable:
        """The lower triangle of T with b = T u in each level, row by row."""
        q = self.map.shape[1]
        return sds[0] * np.eye(q)[np.tril_indices(q)]

    def coefficients(self, name: str, sds: list[Any], prior: Any) -> TensorVariable:
        """Register the coefficients in the current PyMC model, shape (J, q)."""
        from glimmer.smooths.laws import normal_coefficients

        return normal_coefficients(name, sds[0], (f"{name}_level", f"{name}_dim"))

    def free_values(self, b: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Draws of the free variable from those of b and of T's numbers."""
        return b


@record
class DiagonalBlock(DenseBlock):
    """Independent coefficients whose precisions mix several standard deviations.

    Attributes
    ----------
    shares : ndarray, shape (q, number of sds)
        1 / sd_i^2 = sum_j shares[i, j] / sd_j^2; rows sum to one.
    sd_names : tuple of str
    """

    shares: np.ndarray
    sd_names: tuple[str, ...]

    @property
    def sds(self) -> tuple[str, ...]:
        """Names of the standard deviations."""
        return self.sd_names

    def precision(self, sds: np.ndarray) -> np.ndarray:
        """Return the prior precision of each coefficient, shape (q,)."""
        return self.shares @ np.asarray(sds, dtype=float) ** -2.0

    def spread(self, sds: list[Any]) -> Any:
        from glimmer.smooths.laws import mixed_spread

        return mixed_spread(self.shares.T, sds)


@record
class CholeskyBlock(DenseBlock):
    """Coefficients whose precision matrix mixes several penalties that do not commute.

    With U U' = sum_j shares[j] / sd_j^2, U an upper triangle, and z standard normal, b = U'^-1 z.

    Attributes
    ----------
    shares : ndarray, shape (number of sds, q, q)
        Positive semidefinite matrices that sum to the identity.
    sd_names : tuple of str
    """

    shares: np.ndarray
    sd_names: tuple[str, ...]

    @property
    def sds(self) -> tuple[str, ...]:
        """Names of the standard deviations."""
        return self.sd_names

    def precision(self, sds: np.ndarray) -> np.ndarray:
        """Return the prior precision matrix, shape (q, q)."""
        return np.tensordot(np.asarray(sds, dtype=float) ** -2.0, self.shares, axes=1)

    @property
    def diagonal(self) -> bool:
        """Coefficients are correlated."""
        return False

    def free_name(self, name: str) -> str:
        """Name of the standard normal variable that the coefficients are made of."""
        return f"{name}_z"

    def factor(self, sds: list[Any]) -> TensorVariable:
        """The lower triangle of T with b = T z, row by row."""
        from glimmer.smooths.laws import mixed_triangle

        return mixed_triangle(self.shares, sds)

    def coefficients(self, name: str, sds: list[Any], prior: Any) -> TensorVariable:
        """Register z in the current PyMC model; return b, shape (q,)."""
        from glimmer.smooths.laws import correlated_coefficients

        return correlated_coefficients(name, self.free_name(name), self.shares, sds)

    def free_values(self, b: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """T^-1 b for each draw, shape (draws, q)."""
        draws, q = b.shape
        T = np.zeros((draws, q, q))
        T[:, *np.tril_indices(q)] = factor
        return np.linalg.solve(T, b[..., None])[..., 0]


Penalized = DenseBlock | GroupedBlock | DiagonalBlock | CholeskyBlock
Block = Unpenalized | Penalized
