"""Reads arguments with one value per row, weights and offsets, from arrays or columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.data import Frame, array_argument
from glimmer.errors import DataError

HUGE = 1e12


@dataclass(frozen=True, eq=False)
class PerRow:
    """A per-row argument.

    Attributes
    ----------
    name : str
        The column's, or the argument's own.
    values : ndarray, shape (n,), or None
    array : bool
        Whether it was given as an array, so that new data must bring their own.
    precision : bool
        Weights that divide the residual variance.
    """

    name: str
    values: np.ndarray | None = None
    array: bool = False
    precision: bool = False

    def take(self, rows: np.ndarray) -> PerRow:
        """Return the values at ``rows``."""
        return self if self.values is None else replace(self, values=self.values[rows])


@dataclass(frozen=True)
class PrecisionWeights:
    """Weights that divide the residual variance; see `precision_weights`."""

    values: Any


def precision_weights(values: Any) -> PrecisionWeights:
    """Mark weights as lme4's: the residual variance of row i is sigma^2 / w_i.

    Plain weights are exponents of the likelihood instead: a row of weight 2 counts as two rows.

    Parameters
    ----------
    values : str or array of shape (n,)
        The name of a column, or positive numbers.

    Examples
    --------
    >>> weights = precision_weights([1.0, 2.0, 0.5])
    """
    return PrecisionWeights(values)


def per_row(what: str, given: Any, frame: Frame) -> PerRow:
    """Read ``weights=`` or ``offset=``.

    Raises
    ------
    WrongLength, WrongType
        It has not one number per row.
    DataError
        Weights are negative, all zero, or huge.
    """
    precision = isinstance(given, PrecisionWeights)
    if isinstance(given, PrecisionWeights):
        given = given.values
    if given is None:
        return PerRow(what)
    if isinstance(given, str):
        read = PerRow(given, frame.numeric(given).values, precision=precision)
    else:
        values = array_argument(given, len(frame), what)
        read = PerRow(what, values, array=True, precision=precision)
    if what == "weights":
        _check_weights(read)
    return read


def _check_weights(weights: PerRow) -> None:
    values = weights.values
    assert values is not None  # noqa: S101
    present = values[~np.isnan(values)]
    lowest = present.min(initial=0.0)
    if lowest < 0 or (weights.precision and np.any(present <= 0)):
        least, bound = ("be positive", "> 0") if weights.precision else ("not be negative", ">= 0")
        raise DataError(
            f"The weights {weights.name!r} must {least}; the smallest is {lowest:g}.",
            column=weights.name,
            fix=f"use weights {bound}, or leave rows out with subset=",
        )
    if not present.any():
        raise DataError(
            f"The weights {weights.name!r} are all zero.",
            column=weights.name,
            fix="leave weights= out to give each row the weight 1",
        )
    if present.max() > HUGE:
        raise DataError(
            f"The weights {weights.name!r} must not exceed {HUGE:g}; the largest is "
            f"{present.max():g}.",
            column=weights.name,
            fix="rescale the weights so that their mean is 1",
        )
