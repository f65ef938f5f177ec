"""Checks that outcomes lie where a family allows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glimmer.errors import OutcomeError

LARGEST_COUNT = 1e15


@dataclass(frozen=True)
class Support:
    """A set of numbers that an outcome must belong to.

    Parameters
    ----------
    name : str
        In words, for messages: "positive numbers".
    lower, upper : float
        Open ends, unless ``closed``.
    closed : bool
    whole : bool
        Only whole numbers.
    """

    name: str
    lower: float = -np.inf
    upper: float = np.inf
    closed: bool = False
    whole: bool = False

    def includes(self, y: np.ndarray) -> np.ndarray:
        """Whether each value belongs to the set, shape of ``y``."""
        inside = (y > self.lower) & (y < self.upper)
        if self.closed:
            inside |= (y == self.lower) | (y == self.upper)
        if self.whole:
            inside &= (y == np.round(y)) & (np.abs(y) <= LARGEST_COUNT)
        return inside & np.isfinite(y)

    def check(self, y: np.ndarray, column: str, family: str, rows: np.ndarray) -> None:
        """Raise `OutcomeError`, naming the column and ``rows``, if a value lies outside."""
        outside = np.flatnonzero(~self.includes(y))
        if outside.size:
            shown = ", ".join(f"{y[i]:g} in row {rows[i]}" for i in outside[:3])
            raise OutcomeError(
                f"The {family} family needs {self.name}; {column!r} has {shown}"
                + (f" and {outside.size - 3} more." if outside.size > 3 else "."),
                column=column,
                fix="correct these rows, drop them with subset=, or choose another family",
            )


REAL = Support("finite numbers")
POSITIVE = Support("positive numbers", lower=0.0)
UNIT = Support("numbers strictly between 0 and 1", lower=0.0, upper=1.0)
COUNTS = Support("whole numbers from 0 up", lower=0.0, closed=True, whole=True)
BINARY = Support("0 or 1", lower=0.0, upper=1.0, closed=True, whole=True)
