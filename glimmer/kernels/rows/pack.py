"""Rows, outcome and family packed for the kernels in `rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from glimmer.kernels.gaussian.blocks import Blocks, Floats, Group, Integers
from glimmer.kernels.gaussian.packing import Packer
from glimmer.kernels.rows import row_density as rows

#: Families (with their link) that have a kernel.
FAMILIES = {
    ("bernoulli", "logit"): rows.LOGIT,
    ("binomial", "logit"): rows.LOGIT,
    ("poisson", "log"): rows.POISSON,
    ("neg_binomial_2", "log"): rows.NEGATIVE_BINOMIAL,
    ("gaussian", "identity"): rows.GAUSSIAN,
    ("Gamma", "log"): rows.GAMMA,
}
LONG_RUN = 8  # rows per level from which sums level by level are quicker


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows and outcome in two packed vectors; put them into ``pm.Data``."""

    integers: NDArray[np.int32]
    floats: Floats


def pack_rows(
    blocks: Blocks,
    family: tuple[str, str] | None = None,
    y: Floats | None = None,
    *,
    trials: Floats | None = None,
    weights: Floats | None = None,
    sort: bool = False,
) -> Rows:
    """Lay out a linear predictor, and the outcome of a family if there is one.

    Parameters
    ----------
    blocks : Blocks
    family : (str, str), optional
        Family and link, a key of `FAMILIES`; without it only the predictor's kernels work.
    y, trials, weights : array, shape (n,), optional
        Outcome, binomial trials, and weights: of the precision for the gaussian family (variance
        sigma^2 / w), of the log likelihood for the others (a row that stands for w rows).
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
    first = np.cumsum([0, *(g.size for g in blocks.groups)])
    records = [
        [g.width, start, *_group(packer, g, order)]
        for start, g in zip(first, blocks.groups, strict=False)
    ]
    _columns(header, packer, blocks, first, order)
    if family is not None and y is not None:
        _outcome(header, packer, family, y, trials, weights, order)
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


def _outcome(header, packer, family, y, trials, weights, order) -> None:  # type: ignore[no-untyped-def]
    """Fold outcome, trials and weights into a and b and the terms without eta."""
    code = FAMILIES[family]
    y = np.asarray(y, float)[order]
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)[order]
    m = np.ones(len(y)) if trials is None else np.asarray(trials, float)[order]
    a, b = w * y, w * m
    table = np.zeros((0, 2))
    match code:
        case rows.LOGIT:
            terms = [(w * (gammaln(m + 1) - gammaln(y + 1) - gammaln(m - y + 1))).sum()]
        case rows.POISSON:
            terms = [-(w * gammaln(y + 1)).sum()]
        case rows.NEGATIVE_BINOMIAL:
            terms = [-(w * gammaln(y + 1)).sum(), w.sum()]
            values, place = np.unique(y, return_inverse=True)
            table = np.column_stack([values, np.bincount(place, w, len(values))])
        case rows.GAUSSIAN:
            a, seen = y, w > 0
            terms = [0.5 * (np.log(w[seen]) - np.log(2 * np.pi)).sum(), float(seen.sum())]
        case _:
            logs = (w * np.log(y)).sum()
            terms = [-logs, w.sum(), logs]
    header[[rows.FAMILY, rows.UNIT]] = code, bool(np.all(b == 1.0))
    header[rows.FIRST], header[rows.SECOND] = packer.floats(a), packer.floats(b)
    header[rows.TERMS] = packer.floats(np.array(terms))
    header[rows.TABLE], header[rows.TABLE_SIZE] = packer.floats(table), len(table)
