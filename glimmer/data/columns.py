"""Declares the two kinds of columns: numeric ones and factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.errors import WrongType

NO_NUMBER = ("", "na", "n/a", "nan", "null", "none", ".", "-", "?")


@dataclass(frozen=True, eq=False)
class Numeric:
    """A column of numbers.

    Attributes
    ----------
    name : str
    values : ndarray of float64, shape (n,)
        NaN where missing.
    kind : {"float", "int", "bool"}
        What the column held before it became float64.
    exact : ndarray, shape (n,), or None
        The integers themselves, if some lie beyond 2**53, where float64 cannot tell them apart.
    """

    name: str
    values: np.ndarray
    kind: str = "float"
    exact: np.ndarray | None = None

    @property
    def missing(self) -> np.ndarray:
        """Rows without a value, shape (n,)."""
        return np.isnan(self.values)

    def take(self, rows: np.ndarray) -> Numeric:
        """Return the column at ``rows`` (indices or a mask)."""
        exact = None if self.exact is None else self.exact[rows]
        return replace(self, values=self.values[rows], exact=exact)

    def as_factor(self) -> Factor:
        """Return whole numbers and booleans as labels, sorted by value; else raise `WrongType`."""
        values, present = self.values, ~self.missing
        if self.kind == "float" and np.any(values[present] != np.round(values[present])):
            raise WrongType(
                f"Column {self.name!r} has non-integer values, so it cannot be used as a factor.",
                column=self.name,
                fix="use labels or whole numbers, or bin the values first",
            )
        codes = np.full(len(values), -1, dtype=np.int32)
        exact = values if self.exact is None else self.exact
        levels, codes[present] = np.unique(exact[present], return_inverse=True)
        if self.kind == "bool":
            levels = levels.astype(bool)
        return Factor(self.name, codes, tuple(map(label, levels.tolist())))


@dataclass(frozen=True, eq=False)
class Factor:
    """A column of labels.

    Attributes
    ----------
    name : str
    codes : ndarray of int32, shape (n,)
        Position of each row's level in ``levels``; -1 where missing.
    levels : tuple of str
        In the order of the category dtype, else sorted (numbers by value).
    ordered : bool
    text : bool
        The column held plain strings, not a declared set of levels.
    """

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]
    ordered: bool = False
    text: bool = False

    @property
    def missing(self) -> np.ndarray:
        """Rows without a level, shape (n,)."""
        return self.codes < 0

    def take(self, rows: np.ndarray) -> Factor:
        """Return the column at ``rows``; levels that no row has any more stay."""
        return replace(self, codes=self.codes[rows])

    def used(self) -> Factor:
        """Return the column without levels that no row has."""
        present = np.bincount(self.codes[self.codes >= 0], minlength=len(self.levels)) > 0
        return self if present.all() else self.relevel(self._kept(present))

    def relevel(self, levels: Sequence[str]) -> Factor:
        """Code the rows by other ``levels``; a row whose level is not among them is missing."""
        position = {level: i for i, level in enumerate(levels)}
        table = np.array([position.get(level, -1) for level in self.levels] + [-1], np.int32)
        return replace(self, codes=table[self.codes], levels=tuple(levels))

    def _kept(self, present: np.ndarray) -> list[str]:
        return [level for level, kept in zip(self.levels, present, strict=True) if kept]


Column = Numeric | Factor


def label(value: Any) -> str:
    """How a level is written: 1.0 and 1 alike."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def looks_numeric(factor: Factor) -> bool:
    """Whether the levels are numbers that were stored as text, but for marks of missing values."""
    if not factor.text:
        return False
    numbers = [level for level in factor.levels if level.strip().lower() not in NO_NUMBER]
    try:
        [float(level) for level in numbers]
    except ValueError:
        return False
    return len(numbers) > 0


def some(levels: Sequence[str], most: int = 3) -> str:
    """The first few levels, for a message."""
    return ", ".join(map(repr, levels[:most])) + (", ..." if len(levels) > most else "")
