"""Packs rows, and an outcome as a family's kernel folds it, for the kernels in `rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.kernels.gaussian.blocks import Blocks, Floats, Group, Integers
from glimmer.kernels.gaussian.packing import Packer
from glimmer.kernels.rows import row_density as rows
from glimmer.kernels.rows.row_kernel import RowKernel

LONG_RUN = 8  # rows per level from which sums level by level are quicker


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows and outcome in two packed vectors; put them into ``pm.Data``."""

    integers: NDArray[np.int32]
    floats: Floats


def pack_rows(
    blocks: Blocks,
    kernel: RowKernel | None = None,
    y: Floats | None = None,
    *,
    trials: Floats | None = None,
    weights: Floats | None = None,
    sort: bool = False,
) -> Rows:
    """Lay out a linear predictor, and the outcome if there is one.

    Parameters
    ----------
    blocks : Blocks
    kernel : RowKernel, optional
        That of the family for its link; without it only the predictor's kernels work.
    y, trials, weights : array, shape (n,), optional
        Outcome, binomial trials, and weights of the kind that the kernel takes.
    sort : bool
        Sort the rows by the first group's level, for locality. Of no consequence for the kernel
        from coefficients to the log likelihood; the others need the rows in their order.
    """
    n = blocks.rows
    order: Any = slice(None)
    if sort and blocks.groups:
        order = np.argsort(blocks.groups[0].index, kind="stable")
    packer = Packer(rows.HEADER + rows.RECORD * len(blocks.groups))
    header = np.zeros(rows.HEADER, np.int64)
    header[rows.ROWS], header[rows.SIZE] = n, blocks.size
    header[rows.GROUP_COUNT] = len(blocks.groups)
    offset = np.zeros(n) if blocks.offset is None else blocks.offset[order]
    header[rows.OFFSET] = packer.floats(offset)
    header[rows.ORDER] = packer.integers(order) if isinstance(order, np.ndarray) else -1
    first = np.cumsum([0, *(g.size for g in blocks.groups)])
    records = [
        [g.width, start, *_group(packer, g, order)]
        for start, g in zip(first, blocks.groups, strict=False)
    ]
    _columns(header, packer, blocks, first, order)
    if kernel is not None and y is not None:
        folded = kernel.fold(*(_of_rows(x, n, order) for x in (y, trials, weights)))
        header[rows.OUTCOME] = packer.floats(np.array(folded[0], float))
        header[rows.CONSTANTS] = packer.floats(np.array(folded[1], float))
        header[rows.PARAMETERS] = len(kernel.aux)
    return Rows(*packer.packed(header, *records))


def _intercepts(g: Group) -> bool:
    return g.width == 1 and bool(np.all(g.z == 1.0))


def _group(packer: Packer, g: Group, order: Any) -> list[int]:
    """Where a group's levels and covariates stand, and the first row of each of its levels."""
    index, ones, starts = g.index[order], _intercepts(g), -1
    at = packer.integers(index)
    if ones and len(index) >= LONG_RUN * g.levels and np.all(index[1:] >= index[:-1]):
        starts = packer.integers(np.searchsorted(index, np.arange(g.levels + 1)))
    return [at, -1 if ones else packer.floats(np.asarray(g.z[order], float).T), starts]


def _columns(header: Integers, packer: Packer, blocks: Blocks, first: Integers, order: Any) -> None:
    """Lay out smooths and common columns; those constant within levels once for each level."""
    columns = [column for table in (*blocks.smooths, blocks.X) for column in table.T]
    places, dense, shared = [], [], []
    for place, column in enumerate(columns, start=int(first[-1])):
        for start, g in zip(first, blocks.groups, strict=False):
            values = np.zeros(g.levels)
            values[g.index] = column
            if _intercepts(g) and np.array_equal(values[g.index], column):
                shared += [place, start, g.levels, packer.floats(values)]
                break
        else:
            places.append(place)
            dense.append(column[order])
    header[rows.COLUMNS], header[rows.SHARED] = len(dense), len(shared) // rows.SHARED_RECORD
    header[rows.COLUMN_PLACES] = packer.integers(np.array(places, np.int64))
    header[rows.SHARED_RECORDS] = packer.integers(np.array(shared, np.int64))
    header[rows.DENSE_COLUMNS] = packer.floats(np.array(dense, float))


def _of_rows(values: Floats | None, n: int, order: Any) -> Floats:
    return np.ones(n) if values is None else np.asarray(values, float)[order]
