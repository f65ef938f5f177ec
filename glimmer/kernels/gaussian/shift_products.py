"""Adds up cross-products of the columns that shift a response with all others, row by row."""

from __future__ import annotations

import numpy as np

from glimmer.kernels.gaussian.blocks import Blocks, Floats


class ShiftProducts:
    """A'WB, B'Wy and B'WB for columns B, shape (n, m)."""

    def __init__(self, blocks: Blocks, columns: Floats) -> None:
        self.blocks, self.columns = blocks, columns
        count = columns.shape[1]
        self.design = np.zeros((blocks.size, count))
        self.response, self.own = np.zeros(count), np.zeros((count, count))

    def add(self, chunk: slice, y: Floats, weights: Floats) -> None:
        """Take up some rows."""
        if not len(self.response):
            return
        B = np.asarray(self.columns[chunk], float)
        WB = weights[:, None] * B
        self.response += WB.T @ y
        self.own += WB.T @ B
        at = 0
        for g in self.blocks.groups:
            out = self.design[at : at + g.size].reshape(g.levels, g.width, -1)
            for r in range(g.width):
                for k in range(WB.shape[1]):
                    rows = g.z[chunk][:, r] * WB[:, k]
                    out[:, r, k] += np.bincount(g.index[chunk], rows, g.levels)
            at += g.size
        for table in (*self.blocks.smooths, self.blocks.X):
            width = table.shape[1]
            self.design[at : at + width] += np.asarray(table[chunk], float).T @ WB
            at += width

    def packed(self) -> Floats:
        """As the kernels read them: a row of A'WB for each column, B'Wy, B'WB."""
        return np.concatenate([self.design.T.ravel(), self.response, self.own.ravel()])
