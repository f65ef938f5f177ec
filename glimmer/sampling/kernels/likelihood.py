"""Rows, outcome and family packed for the kernels in `rows`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from glimmer.sampling.kernels import rows
from glimmer.sampling.kernels.blocks import Blocks, Floats, Integers

#: Families (with their link) that have a kernel.
FAMILIES = {
    ("bernoulli", "logit"): rows.LOGIT,
    ("binomial", "logit"): rows.LOGIT,
    ("poisson", "log"): rows.POISSON,
    ("neg_binomial_2", "log"): rows.NEGATIVE_BINOMIAL,
    ("gaussian", "identity"): rows.GAUSSIAN,
    ("Gamma", "log"): rows.GAMMA,
}


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
    packer = _Packer(rows.HEADER + rows.RECORD * len(blocks.groups))
    header = np.zeros(rows.HEADER, np.int64)
    header[rows.ROWS], header[rows.SIZE] = n, blocks.size
    header[rows.COLUMNS] = blocks.scales + blocks.X.shape[1]
    header[rows.GROUP_COUNT] = len(blocks.groups)
    offset = np.zeros(n) if blocks.offset is None else blocks.offset[order]
    header[rows.OFFSET] = packer.floats(offset)
    header[rows.DENSE_COLUMNS] = packer.floats_at
    for table in (*blocks.smooths, blocks.X):
        packer.floats(np.asarray(table[order], float).T)
    records, first = [], 0
    for g in blocks.groups:
        ones = g.width == 1 and np.all(g.z == 1.0)
        covariates = -1 if ones else packer.floats(np.asarray(g.z[order], float).T)
        records += [g.width, first, packer.integers(g.index[order]), covariates]
        first += g.size
    if family is not None and y is not None:
        _outcome(header, packer, family, y, trials, weights, order)
    return Rows(
        np.concatenate([header, np.array(records, np.int64), *packer.integer_parts]).astype(
            np.int32
        ),
        np.concatenate(packer.float_parts),
    )


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


class _Packer:
    """Lays arrays one after the other."""

    def __init__(self, integers_at: int) -> None:
        self.float_parts: list[Floats] = []
        self.integer_parts: list[np.ndarray] = []
        self.integers_at, self.floats_at = integers_at, 0

    def floats(self, array: Floats) -> int:
        """Where the array will stand."""
        self.float_parts.append(np.asarray(array, np.float64).ravel())
        self.floats_at += array.size
        return self.floats_at - array.size

    def integers(self, array: Integers) -> int:
        """Where the array will stand."""
        self.integer_parts.append(np.asarray(array, np.int32).ravel())
        self.integers_at += array.size
        return self.integers_at - array.size
