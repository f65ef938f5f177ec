"""Makes a curve for each level of a factor, all equally smooth, ``bs="fs"``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from glimmer.data import Factor
from glimmer.errors import SmoothError
from glimmer.record import record
from glimmer.smooths.basis import (
    Basis,
    Columns,
    Grouped,
    GroupedBasis,
    Orders,
    basis_class,
    matrix,
    register_basis,
)
from glimmer.smooths.matrices import defined_null, frozen
from glimmer.smooths.random_effect import level_codes


@record
class FactorSmooth(GroupedBasis):
    """The base basis once per level, in its natural coordinates.

    The range of the base penalty has one penalty, each direction of its null space another.

    Attributes
    ----------
    base : Basis
    place : int
        Which of the covariates is the factor.
    factor : tuple of str
        Its levels.
    natural : ndarray, shape (p, p)
        Base coefficients from natural ones: first the range, then the null directions.
    weight : float
        What the penalty of the range is multiplied by.
    """

    base: Basis
    place: int
    factor: tuple[str, ...]
    natural: np.ndarray
    weight: float
    reads_labels: ClassVar[bool] = True

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the base, ``xt={"bs": "tp"}``, over all rows, and the levels."""
        place, levels = the_factor(columns, "fs")
        base = learn_base(columns, place, k, m, xt, knots, "fs")
        rest = without(columns, place)
        natural, weight = _natural(base, base.design(rest), matrix(rest))
        return cls(base, place, levels, frozen(natural), weight)

    def grouped(self, columns: Columns) -> Grouped:
        """Return the level of each row and its natural base columns, (n, p)."""
        index = level_codes(columns[self.place], self.factor)
        rows = self.base.design(without(columns, self.place)) @ self.natural
        return Grouped(index, rows, len(self.factor))

    @property
    def levels(self) -> int:
        """Number of curves."""
        return len(self.factor)

    @property
    def level_penalties(self) -> tuple[np.ndarray, ...]:
        """One for the range, one for each null direction."""
        p, r = len(self.natural), self.base.rank[0]
        pieces = [(0, r, self.weight), *((i, i + 1, 1.0) for i in range(r, p))]
        return tuple(np.diag([w if a <= i < b else 0.0 for i in range(p)]) for a, b, w in pieces)

    @property
    def rank(self) -> tuple[int, ...]:
        """Levels times the ranks in one level."""
        return tuple(int(np.count_nonzero(S)) * self.levels for S in self.level_penalties)

    @property
    def null_dim(self) -> int:
        """Nothing is free."""
        return 0


def the_factor(columns: Columns, bs: str) -> tuple[int, tuple[str, ...]]:
    """The place of the one factor among the covariates, and its levels."""
    factors = [(i, c) for i, c in enumerate(columns) if isinstance(c, Factor)]
    if len(factors) != 1 or len(columns) < 2:
        raise SmoothError(
            f'bs="{bs}" needs numeric covariates and one factor; it has {len(factors)} factors.',
            fix=f's(x, group, bs="{bs}") with group a column of labels',
        )
    ((place, factor),) = factors
    return place, factor.used().levels


def without(columns: Columns, place: int) -> Columns:
    """All covariates but one."""
    return [column for i, column in enumerate(columns) if i != place]


def learn_base(
    columns: Columns,
    place: int,
    k: int | None,
    m: Orders | None,
    xt: Mapping[str, Any] | None,
    knots: np.ndarray | None,
    bs: str,
) -> Basis:
    """The basis of the curves, ``xt["bs"]`` or tp; it must have one penalty."""
    inner = dict(xt or {})
    name = inner.pop("bs", "tp")
    base = basis_class(name).learn(without(columns, place), k=k, m=m, xt=inner, knots=knots)
    if len(base.rank) != 1 or isinstance(base, GroupedBasis):
        raise SmoothError(
            f'bs="{bs}" needs a base with exactly one penalty, which bs="{name}" does not have.'
        )
    return base


def _natural(base: Basis, X: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Coordinates in which the penalty is diagonal, and the range's weight.

    Range columns are those of the generalized eigenproblem S v = d X'X v with penalty 1, scaled to
    mean square 1 (which makes the penalty their squared scale); null columns are the
    centred covariates and last the constant, each with mean square 1.
    """
    R = np.linalg.qr(X, mode="r")
    inverse = np.linalg.inv(R)
    values, vectors = np.linalg.eigh(inverse.T @ base.penalties[0] @ inverse)
    r = base.rank[0]
    values, vectors = values[::-1], vectors[:, ::-1]
    penalized = inverse @ vectors[:, :r] / np.sqrt(values[:r])
    weight = float(1 / np.mean((X @ penalized) ** 2))
    free = inverse @ vectors[:, r:]
    free = free @ defined_null(X @ free, x)[:, ::-1]
    return np.hstack([penalized * np.sqrt(weight), free]), weight


register_basis("fs", FactorSmooth)
