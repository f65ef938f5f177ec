"""Makes tensor products of one-dimensional and other margins: te, ti and t2.

Wood (2006), Biometrics 62:1025; Wood, Scheipl & Faraway (2013), Stat. Comput. 23:341.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from glimmer.data import Column, Numeric
from glimmer.errors import DesignWarning, SmoothError, warn
from glimmer.record import record
from glimmer.smooths.basis import Basis, Columns, Orders, matrix
from glimmer.smooths.matrices import (
    TINY,
    defined_null,
    eigen,
    frozen,
    householder_complement,
    row_kron,
    split,
)


@record
class Margin:
    """One factor of the product: a basis in coordinates of the product's choosing.

    Attributes
    ----------
    basis : Basis
    count : int
        How many of the covariates it takes.
    coordinates : ndarray, shape (k, q)
        Coefficients of the basis from those of the margin.
    penalty : ndarray, shape (q, q)
    penalized : int
        Rank of the penalty.
    """

    basis: Basis
    count: int
    coordinates: np.ndarray
    penalty: np.ndarray
    penalized: int

    def design(self, columns: Columns) -> np.ndarray:
        """Return the margin's columns, shape (n, q)."""
        return self.basis.design(columns) @ self.coordinates


@record
class TensorProduct(Basis):
    """All products of the margins' columns, one penalty per margin: ``te``, ``ti``.

    Attributes
    ----------
    margins : tuple of Margin
    names : tuple of str
        How the penalties are told apart: the margins' covariates.
    centred : bool
        Whether every margin was centred first (``ti``), so that the product needs no constraint.
    """

    margins: tuple[Margin, ...]
    names: tuple[str, ...]
    centred: bool

    @classmethod
    def of(
        cls,
        bases: Sequence[Basis],
        parts: Sequence[Columns],
        centred: bool = False,
        reparametrize: bool = True,
    ) -> Self:
        """Put learned bases together; ``parts`` are their training columns."""
        single_penalty(bases)
        made = [
            _margin(basis, columns, centred, reparametrize)
            for basis, columns in zip(bases, parts, strict=True)
        ]
        names = tuple(",".join(column.name for column in columns) for columns in parts)
        return cls(tuple(made), names, centred)

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Not for s(): a product is made of learned margins, by `of`."""
        raise SmoothError("A tensor product must be written as te(), ti() or t2().")

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k1 k2 ...); the last margin varies fastest."""
        return row_kron(*margin_designs(self.margins, columns))

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """I x .. S_j .. x I for every margin."""
        eyes = [np.eye(len(margin.penalty)) for margin in self.margins]
        return tuple(
            _kron([margin.penalty if i == j else eye for i, eye in enumerate(eyes)])
            for j, margin in enumerate(self.margins)
        )

    @property
    def rank(self) -> tuple[int, ...]:
        """The margin's rank times the size of the others."""
        total = int(np.prod([len(margin.penalty) for margin in self.margins]))
        return tuple(total // len(m.penalty) * m.penalized for m in self.margins)

    @property
    def null_dim(self) -> int:
        """Products of the margins' null spaces."""
        return int(np.prod([len(m.penalty) - m.penalized for m in self.margins]))

    @property
    def block_names(self) -> tuple[str, ...]:
        """The margins' covariates."""
        return self.names

    def rotation(self) -> tuple[np.ndarray, np.ndarray]:
        """V and mu with V'S_j V = diag(mu[:, j]) for all penalties at once (they commute)."""
        pairs = [_clean_eigen(margin) for margin in self.margins]
        grids = np.meshgrid(*[values for values, _ in pairs], indexing="ij")
        mu = np.stack([grid.ravel() for grid in grids], axis=1)
        return _kron([vectors for _, vectors in pairs]), mu

    def constrain(self, row: np.ndarray | None) -> np.ndarray | None:
        """Absorb the constraint, unless the margins are centred."""
        return None if self.centred else super().constrain(row)


@record
class SeparableProduct(Basis):
    """Products of the margins' ranges and null spaces with a penalty each: ``t2``.

    Attributes
    ----------
    margins : tuple of Margin
        In coordinates [range | null], the range with an identity penalty.
    order : ndarray of int
        Columns of the full product, piece by piece, the unpenalized last.
    pieces : tuple of str
        Names of the penalized pieces: "rr", "nr", "rn", ...
    sizes : tuple of int
        Their numbers of columns.
    """

    margins: tuple[Margin, ...]
    order: np.ndarray
    pieces: tuple[str, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, bases: Sequence[Basis], parts: Sequence[Columns], full: bool = False) -> Self:
        """Put learned bases together; ``full`` separates the directions of the null spaces."""
        single_penalty(bases)
        margins = tuple(_separated(b, columns) for b, columns in zip(bases, parts, strict=True))
        letters = [_letters(margin, full) for margin in margins]
        labels = np.array(["".join(word) for word in itertools.product(*letters)])
        free = np.array(["r" not in label for label in labels])
        kinds = [list(dict.fromkeys(letter)) for letter in letters]
        words = ("".join(word[::-1]) for word in itertools.product(*kinds[::-1]))
        pieces = [word for word in words if "r" in word]
        places = [np.flatnonzero(labels == piece) for piece in pieces]
        order = np.concatenate([*places, np.flatnonzero(free)]).astype(np.int64)
        return cls(margins, order, tuple(pieces), tuple(len(place) for place in places))

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Not for s(): a product is made of learned margins, by `of`."""
        raise SmoothError("A tensor product must be written as te(), ti() or t2().")

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k1 k2 ...)."""
        return row_kron(*margin_designs(self.margins, columns))[:, self.order]

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """An identity on each piece."""
        ends = np.cumsum(self.sizes)
        at = np.arange(len(self.order))
        pieces = zip(self.sizes, ends, strict=True)
        return tuple(np.diag(((at >= e - size) & (at < e)).astype(float)) for size, e in pieces)

    @property
    def rank(self) -> tuple[int, ...]:
        """Sizes of the pieces."""
        return self.sizes

    @property
    def null_dim(self) -> int:
        """Products of the margins' null spaces."""
        return len(self.order) - sum(self.sizes)

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the pieces."""
        return self.pieces

    def constrain(self, row: np.ndarray | None) -> np.ndarray | None:
        """Absorb the constraint in the null columns, where the constant is."""
        if row is None:
            return None
        r = sum(self.sizes)
        if r == len(row):
            return super().constrain(row)
        Z = np.zeros((len(row), len(row) - 1))
        Z[:r, :r] = np.eye(r)
        Z[r:, r:] = householder_complement(row[r:])
        return Z


def margin_designs(margins: Sequence[Margin], columns: Columns) -> list[np.ndarray]:
    """The margins' columns, each from its own covariates."""
    starts = np.cumsum([0, *(margin.count for margin in margins)])
    return [m.design(columns[a : a + m.count]) for m, a in zip(margins, starts, strict=False)]


def single_penalty(bases: Sequence[Basis]) -> None:
    """Refuse margins that a product cannot be made of."""
    for basis in bases:
        if len(basis.rank) != 1:
            raise SmoothError("A margin of a tensor product must have exactly one penalty.")


def _margin(basis: Basis, columns: Columns, centred: bool, reparametrize: bool) -> Margin:
    """A margin of te or ti: centred if asked, values at points if possible, S of norm one."""
    X = basis.design(columns)
    S, k = basis.penalties[0], X.shape[1]
    Z = basis.constrain(X.mean(axis=0)) if centred else None
    T = np.eye(k) if Z is None else Z
    if reparametrize and len(columns) == 1 and not basis.keeps_coordinates:
        T = T @ _values_at_points(basis, columns[0], T)
    penalty = T.T @ S @ T
    penalty = (penalty + penalty.T) / 2 / eigen(penalty)[0][0]
    return Margin(basis, len(columns), frozen(T), frozen(penalty), min(basis.rank[0], T.shape[1]))


def _values_at_points(basis: Basis, column: Column, T: np.ndarray) -> np.ndarray:
    """Coefficients from the function's values at equally spaced points over the data."""
    assert isinstance(column, Numeric)  # noqa: S101
    at = np.linspace(column.values.min(), column.values.max(), T.shape[1])
    U, d, V = np.linalg.svd(basis.design([Numeric(column.name, at)]) @ T)
    if d[-1] < d[0] * TINY:
        warn(
            f"The margin {column.name!r} is not reparametrized: too few distinct values.",
            DesignWarning,
        )
        return np.eye(T.shape[1])
    return V.T / d @ U.T


def _separated(basis: Basis, columns: Columns) -> Margin:
    """A margin of t2: [range | null] with columns of mean square 1 in each."""
    X, r = basis.design(columns), basis.rank[0]
    R, N = split(basis.penalties[0], r)
    R = R / np.sqrt(np.mean((X @ R) ** 2))
    N = N @ defined_null(X @ N, _numbers(columns))
    penalty = np.diag(np.arange(len(N)) < r).astype(float)
    return Margin(basis, len(columns), frozen(np.hstack([R, N])), frozen(penalty), r)


def _numbers(columns: Columns) -> np.ndarray:
    """The numeric covariates; none for a margin of factors."""
    numeric = [column for column in columns if isinstance(column, Numeric)]
    return matrix(numeric) if numeric else np.zeros((len(columns[0].missing), 0))


def _letters(margin: Margin, full: bool) -> list[str]:
    """Letters of the columns: r for the range, n (or 1, 2, ...) for the null space."""
    free = len(margin.penalty) - margin.penalized
    null = [str(i + 1) for i in range(free)] if full else ["n"] * free
    return ["r"] * margin.penalized + null


def _clean_eigen(margin: Margin) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, exactly zero on the null space, and vectors of a margin's penalty."""
    values, vectors = eigen(margin.penalty)
    return np.where(np.arange(len(values)) < margin.penalized, values, 0.0), vectors


def _kron(matrices: Sequence[np.ndarray]) -> np.ndarray:
    out = matrices[0]
    for matrix_ in matrices[1:]:
        out = np.kron(out, matrix_)
    return out
