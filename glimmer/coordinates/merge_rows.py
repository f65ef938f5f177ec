"""Merges identical rows into one with a count: a discrete outcome often has few distinct rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glimmer.kernels.gaussian.blocks import Blocks, Floats, Group

WORTH = 0.8
"""The share of rows that may be left for merging to be worth its while."""


def merge_rows(
    blocks: Blocks, y: Floats, trials: Floats | None, weights: Floats | None
) -> tuple[Blocks, Floats, Floats | None, Floats | None]:
    """Merge identical rows into one that counts as often.

    Parameters
    ----------
    blocks : Blocks
    y : array, shape (n,)
    trials, weights : array, shape (n,), optional
        Numbers of trials, and exponents of the rows' likelihoods.

    Returns
    -------
    blocks, y, trials, weights
        Of the kinds of rows, the weights summed; or as given, where few rows are alike.
    """
    columns = _columns(blocks, y, trials)
    kept, kind = _kinds(columns, len(y))
    if len(kept) > WORTH * len(y) or any((c[kept][kind] != c).any() for c in columns):
        return blocks, y, trials, weights
    counts = np.bincount(kind, weights, len(kept)).astype(float)
    merged = replace(
        blocks,
        X=blocks.X[kept],
        groups=tuple(_of_rows(group, kept) for group in blocks.groups),
        smooths=tuple(smooth[kept] for smooth in blocks.smooths),
        offset=None if blocks.offset is None else blocks.offset[kept],
    )
    return merged, y[kept], None if trials is None else trials[kept], counts


def _columns(blocks: Blocks, y: Floats, trials: Floats | None) -> list[Floats]:
    groups = [column for g in blocks.groups for column in (g.index, *g.z.T)]
    dense = [column for matrix in (blocks.X, *blocks.smooths) for column in np.asarray(matrix).T]
    return [y, *groups, *dense, *(v for v in (trials, blocks.offset) if v is not None)]


def _kinds(columns: list[Floats], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each kind, and the kind of each row, told apart by a random sum."""
    rng, key = np.random.default_rng(0), np.zeros(rows)
    for column in columns:
        key += rng.normal() * column
    _, kept, kind = np.unique(key, return_index=True, return_inverse=True)
    return kept, kind


def _of_rows(group: Group, rows: np.ndarray) -> Group:
    return replace(group, index=group.index[rows], z=group.z[rows])
