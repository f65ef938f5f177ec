"""Makes simple random effects, ``bs="re"``: independent coefficients of levels, or of slopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from glimmer.data import Column, Factor
from glimmer.errors import DesignWarning, MissingValues, WrongType, warn
from glimmer.record import record
from glimmer.smooths.basis import Columns, Grouped, GroupedBasis, Orders, matrix, register_basis


@record
class RandomEffect(GroupedBasis):
    """The columns of R's ``~ a:b - 1`` with an identity penalty.

    Attributes
    ----------
    factors : tuple
        For every covariate its levels, or an empty tuple where it is a number.
    """

    factors: tuple[tuple[str, ...], ...]

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn the levels."""
        if len(columns) == 1 and getattr(columns[0], "kind", "") == "int":
            name = columns[0].name
            warn(
                f"{name!r} has whole numbers, so s({name}, bs='re') is one random slope.",
                DesignWarning,
                fix=f"make {name!r} strings or a categorical for an effect of each level",
            )
        return cls(tuple(c.used().levels if isinstance(c, Factor) else () for c in columns))

    def grouped(self, columns: Columns) -> Grouped:
        """Return the level of each row (the first factor varies fastest) and its slope, (n, 1)."""
        n = len(_values(columns[0]))
        index, size = np.zeros(n, dtype=np.int64), 1
        slope = np.ones((n, 1))
        for column, levels in zip(columns, self.factors, strict=True):
            if not levels:
                slope = slope * matrix([column])
                continue
            codes = level_codes(column, levels)
            index = np.where((codes < 0) | (index < 0), -1, index + size * codes)
            size *= len(levels)
        return Grouped(index, slope, size)

    @property
    def levels(self) -> int:
        """Number of coefficients."""
        return int(np.prod([len(levels) or 1 for levels in self.factors]))

    @property
    def level_penalties(self) -> tuple[np.ndarray, ...]:
        """The identity."""
        return (np.eye(1),)

    @property
    def rank(self) -> tuple[int, ...]:
        """Full."""
        return (self.levels,)

    @property
    def null_dim(self) -> int:
        """Nothing is free."""
        return 0


def level_codes(column: Column, levels: tuple[str, ...]) -> np.ndarray:
    """Positions in the training ``levels``; -1 for a level that they lack."""
    if not isinstance(column, Factor):
        raise WrongType(
            f"Column {column.name!r} is numeric, but was categorical when the smooth was learned.",
            column=column.name,
        )
    if column.missing.any():
        raise MissingValues(f"Column {column.name!r} has missing values.", column=column.name)
    return np.asarray(column.relevel(levels).codes, dtype=np.int64)


def _values(column: Column) -> np.ndarray:
    return column.codes if isinstance(column, Factor) else column.values


register_basis("re", RandomEffect)
