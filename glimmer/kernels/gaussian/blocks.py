"""Describes a linear predictor as arrays: an offset, common columns, groups and smooths."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """Group effects b[j] ~ N(0, T T'), one correlated vector of length p per level j.

    Attributes
    ----------
    index : array of int, shape (n,)
        The level of each row.
    levels : int
        The number of levels, those without rows included.
    z : array, shape (n, p)
        The covariates of the effects; a column of ones for an intercept.
    factor : str
        Name of the grouping factor. Groups of one factor have the same ``index``.
    """

    index: Integers
    levels: int
    z: Floats
    factor: str

    @property
    def width(self) -> int:
        """The number p of effects per level."""
        return self.z.shape[1]

    @property
    def size(self) -> int:
        """The number of coefficients."""
        return self.levels * self.width


@dataclass(frozen=True, eq=False)
class Blocks:
    """The terms of one linear predictor.

    Coefficients stand in one vector in the order: groups (level by level), smooths, common.
    The covariance factors of all groups stand in one vector ``triangles``: the lower triangles
    of T, row by row, group after group. The prior sds of all smooths stand in one vector
    ``scales``, one entry per coefficient.

    Attributes
    ----------
    X : array, shape (n, k)
        Columns of the common coefficients; k may be zero.
    groups : tuple of Group
    smooths : tuple of array, shape (n, q)
        Columns of penalised coefficients.
    offset : array, shape (n,), optional
    """

    X: Floats
    groups: tuple[Group, ...] = ()
    smooths: tuple[Floats, ...] = ()
    offset: Floats | None = field(default=None)

    @property
    def rows(self) -> int:
        """The number n of rows."""
        return self.X.shape[0]

    @property
    def triangles(self) -> int:
        """Length of the vector of covariance factors."""
        return sum(g.width * (g.width + 1) // 2 for g in self.groups)

    @property
    def scales(self) -> int:
        """Length of the vector of the smooths' sds."""
        return sum(b.shape[1] for b in self.smooths)

    @property
    def size(self) -> int:
        """The number of coefficients."""
        return sum(g.size for g in self.groups) + self.scales + self.X.shape[1]

    def apart(self, count: int) -> list[Blocks]:
        """Each of several linear predictors of as many rows that are one below the other."""
        n = self.rows // count
        return [self._some(slice(k * n, (k + 1) * n)) for k in range(count)]

    def _some(self, rows: slice) -> Blocks:
        groups = (replace(g, index=g.index[rows], z=g.z[rows]) for g in self.groups)
        offset = None if self.offset is None else self.offset[rows]
        return Blocks(self.X[rows], tuple(groups), tuple(b[rows] for b in self.smooths), offset)

    @classmethod
    def below(cls, parts: list[Blocks]) -> Blocks:
        """Linear predictors of the same coefficients, one below the other."""
        first, *_ = parts
        if len(parts) == 1:
            return first
        groups = tuple(
            replace(
                g,
                index=np.concatenate([part.groups[i].index for part in parts]),
                z=np.concatenate([part.groups[i].z for part in parts]),
            )
            for i, g in enumerate(first.groups)
        )
        columns = zip(*(part.smooths for part in parts), strict=True)
        smooths = tuple(np.concatenate(own) for own in columns)
        offsets = [p.offset for p in parts if p.offset is not None]
        offset = np.concatenate(offsets) if offsets else None
        return cls(np.concatenate([part.X for part in parts]), groups, smooths, offset)

    def combined(self, slopes: Floats) -> Blocks:
        """The linear predictor that is a weighted sum of K stacked ones, row by row.

        Parameters
        ----------
        slopes : array, shape (K, n)
            Weights; the K n rows here stand one predictor below the other.
        """
        K, n = slopes.shape

        def total(rows: Floats) -> Floats:
            return np.einsum("kn,knq->nq", slopes, rows.reshape(K, n, rows.shape[1]))

        groups = (replace(g, index=g.index[:n], z=total(g.z)) for g in self.groups)
        offset = None if self.offset is None else total(self.offset[:, None])[:, 0]
        return Blocks(total(self.X), tuple(groups), tuple(map(total, self.smooths)), offset)

    def split(self, coefficients: NDArray) -> tuple[list[NDArray], list[NDArray], NDArray]:
        """Cut vectors of coefficients (last axis) into groups (levels x p), smooths and common."""
        lead, at = coefficients.shape[:-1], 0
        groups, smooths = [], []
        for g in self.groups:
            block = coefficients[..., at : at + g.size]
            groups.append(block.reshape(*lead, g.levels, g.width))
            at += g.size
        for b in self.smooths:
            smooths.append(coefficients[..., at : at + b.shape[1]])
            at += b.shape[1]
        return groups, smooths, coefficients[..., at:]
