"""Declares what a basis is: learned once from the training covariates, then frozen.

A basis is a `glimmer.record.record` that holds arrays only. It knows its design matrix for any
rows, its penalties, and the dimension of what they leave free. Centring, ``by`` and the scaling
of penalties are not its business: see `glimmer.smooths.construct`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, Self

import numpy as np

from glimmer.data import Column, Factor
from glimmer.errors import (
    DesignWarning,
    MissingValues,
    NotFinite,
    SmoothError,
    suggestion,
    warn,
)
from glimmer.smooths.matrices import householder_complement

Columns = Sequence[Column]
Orders = tuple[float | None, ...]


@dataclass(frozen=True)
class Grouped:
    """A design of one block of columns per level, of which each row fills one.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        Which level a row belongs to; -1 for a level that the training rows did not have.
    rows : ndarray, shape (n, p)
        What the row holds in the columns of its level.
    levels : int
        Number of levels, J.
    """

    index: np.ndarray
    rows: np.ndarray
    levels: int

    def dense(self) -> np.ndarray:
        """Return the full matrix, shape (n, J * p); columns of a level stand together."""
        n, p = self.rows.shape
        out = np.zeros((n, self.levels, p))
        seen = np.flatnonzero(self.index >= 0)
        out[seen, self.index[seen]] = self.rows[seen]
        return out.reshape(n, self.levels * p)


class Basis(ABC):
    """A smooth's raw basis: f(x) = design(x) @ b with penalties b'S_j b.

    Subclass it, decorate the class with `glimmer.record.record`, and name it with
    `register_basis` to use it in formulas.

    Attributes
    ----------
    penalties : tuple of ndarray, shape (k, k)
        The S_j.
    rank : tuple of int
        The rank of each S_j.
    null_dim : int
        Dimension of the functions that no penalty sees.
    keeps_coordinates : bool
        Whether a tensor product takes the coefficients as they are, because they are values of the
        function already; others are made values at equally spaced points.
    reads_labels : bool
        Whether whole numbers may be read as the levels of a factor.
    """

    keeps_coordinates: ClassVar[bool] = False
    reads_labels: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the basis from the training columns, ``k``, ``m``, ``xt``, ``knots`` as in mgcv."""

    @abstractmethod
    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design matrix at any rows, shape (n, k)."""

    @property
    @abstractmethod
    def penalties(self) -> tuple[np.ndarray, ...]: ...

    @property
    @abstractmethod
    def rank(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def null_dim(self) -> int: ...

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names that tell the penalties apart: ``""`` for an only one."""
        count = len(self.rank)
        return ("",) if count == 1 else tuple(str(j + 1) for j in range(count))

    def rotation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """V and mu with V'S_j V = diag(mu[:, j]), where the penalties commute and it is known."""
        return None

    def scales(self, X: Any) -> np.ndarray:
        """Scale of each penalty as in mgcv, ||S||_1 / ||X||_inf^2, for raw training columns X."""
        size = np.abs(X).sum(axis=1).max() ** 2
        return np.array([np.abs(S).sum(axis=0).max() / size for S in self.penalties])

    def constrain(self, row: np.ndarray | None) -> np.ndarray | None:
        """Z with ``row @ Z = 0``, shape (k, k - 1); None where nothing is to be absorbed.

        A basis without the constant among its unpenalized functions should return None.
        """
        return None if row is None else householder_complement(row)


class GroupedBasis(Basis):
    """A basis whose design is `Grouped`: never made dense unless asked."""

    keeps_coordinates: ClassVar[bool] = True

    @abstractmethod
    def grouped(self, columns: Columns) -> Grouped:
        """Return the compact design."""

    @property
    @abstractmethod
    def level_penalties(self) -> tuple[np.ndarray, ...]:
        """The penalties of one level's coefficients, shape (p, p); all levels are alike."""

    @property
    @abstractmethod
    def levels(self) -> int:
        """Number of levels."""

    def design(self, columns: Columns) -> np.ndarray:
        """Return the dense design matrix, shape (n, J * p)."""
        return self.grouped(columns).dense()

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """Return the penalties of all levels, shape (J * p, J * p)."""
        return tuple(np.kron(np.eye(self.levels), S) for S in self.level_penalties)

    def scales(self, X: Grouped) -> np.ndarray:
        """Scale of each penalty as in mgcv, from one level's part of the matrices."""
        size = np.abs(X.rows).sum(axis=1).max() ** 2
        return np.array([np.abs(S).sum(axis=0).max() / size for S in self.level_penalties])

    def constrain(self, row: np.ndarray | None) -> np.ndarray | None:
        """Nothing is absorbed: the levels' coefficients have mean zero by their prior."""
        return None


_BASES: dict[str, type[Basis]] = {}


def register_basis(name: str, cls: type[Basis]) -> None:
    """Make ``cls`` available in formulas as ``bs="name"``.

    Parameters
    ----------
    name : str
        What stands in ``s(x, bs="name")``.
    cls : subclass of Basis
        Decorated with `glimmer.record.record`, so that models that use it can be saved.

    Raises
    ------
    SmoothError
        The name is taken by another class, or ``cls`` is not a basis.
    """
    if not (isinstance(cls, type) and issubclass(cls, Basis)):
        raise SmoothError(f"The basis {name!r} must be a subclass of glimmer.smooths.Basis.")
    if _BASES.get(name, cls) is not cls:
        raise SmoothError(
            f"The name {name!r} is taken by another basis.", fix="choose another name"
        )
    _BASES[name] = cls


def basis_class(name: str) -> type[Basis]:
    """Return the class registered under ``name``."""
    if name not in _BASES:
        raise SmoothError(f"Unknown basis {name!r}.", fix=suggestion(name, sorted(_BASES)))
    return _BASES[name]


def matrix(columns: Columns) -> np.ndarray:
    """Numeric columns side by side, shape (n, d)."""
    for column in columns:
        if isinstance(column, Factor):
            raise SmoothError(
                f"Column {column.name!r} is categorical, but this basis needs numbers.",
                column=column.name,
                fix=f'use by={column.name}, or a basis for factors: "re", "fs", "sz", "mrf"',
            )
        if column.missing.any():
            raise MissingValues(f"Column {column.name!r} has missing values.", column=column.name)
        if not np.isfinite(column.values).all():
            raise NotFinite(f"Column {column.name!r} has infinite values.", column=column.name)
    return np.stack([column.values for column in columns], axis=1)  # type: ignore[union-attr]


def training_matrix(columns: Columns) -> np.ndarray:
    """Numeric training columns, each of which must vary, shape (n, d)."""
    x = matrix(columns)
    for column, values in zip(columns, x.T, strict=True):
        if values.size == 0 or values.min() == values.max():
            raise SmoothError(
                f"Column {column.name!r} is constant, so it cannot be smoothed.",
                column=column.name,
                fix="remove the term",
            )
    return x


def only_column(columns: Columns, bs: str) -> np.ndarray:
    """The training values of the only covariate, shape (n,)."""
    if len(columns) != 1:
        raise SmoothError(
            f'A smooth with bs="{bs}" takes one covariate, not {len(columns)}.',
            fix="use te() or t2() for several covariates",
        )
    return training_matrix(columns)[:, 0]


def integer_order(m: Orders | None, default: tuple[int, ...], bs: str) -> tuple[int, ...]:
    """``m`` as whole numbers, filled up from ``default``."""
    given = tuple(m or ())
    if any(v is not None and (v < 0 or v != int(v)) for v in given):
        raise SmoothError(f'm of bs="{bs}" must be whole numbers, not {given}.')
    filled = [d if v is None else v for v, d in zip_longest(given, default)]
    return tuple(int(v) for v in filled if v is not None)


def at_least(k: int, smallest: int, why: str) -> int:
    """Raise ``k`` to the smallest possible with a warning, as mgcv does."""
    if k >= smallest:
        return k
    warn(f"k={k} is too small for {why}; k={smallest} is used.", DesignWarning)
    return smallest


def at_most(k: int, unique: int, columns: Columns) -> None:
    """Refuse a ``k`` above the number of different covariate values."""
    if k > unique:
        names = ", ".join(column.name for column in columns)
        raise SmoothError(
            f"k={k} is more than the {unique} different values of {names}.",
            column=columns[0].name,
            fix=f"use k={unique} or less",
        )


def sorted_knots(knots: Any, columns: Columns) -> np.ndarray | None:
    """Knots of one covariate given by the user, sorted; None when there are none."""
    if knots is None:
        return None
    values = np.sort(np.asarray(knots, dtype=float).reshape(-1))
    if not np.isfinite(values).all() or (len(values) > 1 and np.diff(values).min() <= 0):
        raise SmoothError(
            f"The knots of {columns[0].name!r} must be finite and different from each other.",
            column=columns[0].name,
        )
    return values


def knots_cover(low: float, high: float, x: np.ndarray, columns: Columns) -> None:
    """Refuse knots that leave data outside."""
    if low > x.min() or high < x.max():
        raise SmoothError(
            f"The knots of {columns[0].name!r} run from {low:g} to {high:g}, "
            f"but the data run from {x.min():g} to {x.max():g}.",
            column=columns[0].name,
            fix="give knots that cover the data",
        )
