"""Makes deviations of each level's curve from a main effect, summing to zero, ``bs="sz"``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from glimmer.errors import SmoothError
from glimmer.record import record
from glimmer.smooths.basis import Basis, Columns, Orders, register_basis
from glimmer.smooths.fs import learn_base, the_factor, without
from glimmer.smooths.matrices import frozen, householder_complement, row_kron
from glimmer.smooths.random_effect import level_codes


@record
class SumToZeroSmooth(Basis):
    """The base basis times contrasts of the levels that sum to zero.

    Attributes
    ----------
    base : Basis
    place : int
        Which of the covariates is the factor.
    factor : tuple of str
        Its levels.
    contrasts : ndarray, shape (J, J - 1)
    size : float
        The largest absolute row sum of the base design over the training rows.
    """

    base: Basis
    place: int
    factor: tuple[str, ...]
    contrasts: np.ndarray
    size: float
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
        place, levels = the_factor(columns, "sz")
        if len(levels) < 2:
            raise SmoothError(
                f"{columns[place].name!r} has one level; deviations need two or more.",
                column=columns[place].name,
            )
        base = learn_base(columns, place, k, m, xt, knots, "sz")
        contrasts = householder_complement(np.ones(len(levels)))
        size = float(np.abs(base.design(without(columns, place))).sum(axis=1).max())
        return cls(base, place, levels, frozen(contrasts), size)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the design, shape (n, (J - 1) k); zero for levels that training did not have."""
        codes = level_codes(columns[self.place], self.factor)
        signs = np.where(codes[:, None] < 0, 0.0, self.contrasts[codes])
        return row_kron(signs, self.base.design(without(columns, self.place)))

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """One for the curve of each level."""
        S = self.base.penalties[0]
        return tuple(np.kron(np.outer(c, c), S) for c in self.contrasts)

    @property
    def rank(self) -> tuple[int, ...]:
        """The base's rank for each level."""
        return self.base.rank * len(self.factor)

    @property
    def null_dim(self) -> int:
        """The base's null space for each contrast."""
        return self.base.null_dim * self.contrasts.shape[1]

    def scales(self, X: np.ndarray) -> np.ndarray:
        """All levels are scaled as the base is."""
        scale = np.abs(self.base.penalties[0]).sum(axis=0).max() / self.size**2
        return np.full(len(self.factor), scale)

    def constrain(self, row: np.ndarray | None) -> np.ndarray | None:
        """Nothing more is absorbed."""
        return None


register_basis("sz", SumToZeroSmooth)
