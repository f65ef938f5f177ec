"""Computes the columns of a smooth's block in some rows: a matrix, or compact by level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.smooths.basis import Grouped

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

BlockColumns = np.ndarray | Grouped


@dataclass(frozen=True)
class WithNew(Grouped):
    """A compact design whose rows may belong to levels that the smooth has not learned.

    Attributes
    ----------
    new : tuple of str
        Those levels; ``index`` counts them after the learned ones.
    """

    new: tuple[str, ...] = ()


def take_rows(columns: BlockColumns, rows: np.ndarray) -> BlockColumns:
    """Some rows of the columns."""
    if isinstance(columns, Grouped):
        return replace(columns, index=columns.index[rows], rows=columns.rows[rows])
    return columns[rows]


def times_rows(columns: BlockColumns, values: np.ndarray) -> BlockColumns:
    """Columns multiplied row by row."""
    if isinstance(columns, Grouped):
        return replace(columns, rows=columns.rows * values[:, None])
    return columns * values[:, None]


def by_level(columns: BlockColumns) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Columns of one level, the level of each row, and the number of levels."""
    if isinstance(columns, Grouped):
        return columns.rows, columns.index, columns.levels
    return columns, None, 1


def new_levels(columns: BlockColumns | None) -> tuple[str, ...]:
    """Levels among the rows that the smooth has not learned."""
    return columns.new if isinstance(columns, WithNew) else ()


def has_unlearned(columns: BlockColumns | None) -> bool:
    """Whether some rows belong to no learned level."""
    return isinstance(columns, Grouped) and bool((columns.index < 0).any())


def with_new_levels(columns: Any, labels: np.ndarray) -> WithNew:
    """The columns with every unlearned level told apart by the rows' labels."""
    new, position = np.unique(labels[columns.index < 0], return_inverse=True)
    index = columns.index.copy()
    index[index < 0] = columns.levels + position
    return WithNew(index, columns.rows, columns.levels, tuple(map(str, new)))


def product(name: str, columns: BlockColumns, coefficients: Any) -> TensorVariable:
    """The block's value in each row, shape (n,), with the columns as data of a PyMC model."""
    import pymc as pm
    import pytensor.tensor as pt

    if isinstance(columns, Grouped):
        index = pm.Data(f"{name}_index", columns.index.astype(np.int32), dims="obs_id")
        known = (columns.index >= 0)[:, None]  # a level without training rows has value zero
        rows = pm.Data(f"{name}_data", columns.rows * known, dims=("obs_id", f"{name}_dim"))
        return pt.sum(rows * coefficients[index], axis=1)
    data = pm.Data(f"{name}_data", columns, dims=("obs_id", f"{name}_dim"))
    return pt.dot(data, coefficients)
