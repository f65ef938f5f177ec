"""Computes the cross-products of a design once, in a stream over the rows.

The factor with most coefficients is *eliminated*: its block of A'WA is block-diagonal. All other
coefficients are *the rest*: groups of other factors, smooths, common coefficients. The coupling of
a level of the eliminated factor with the rest is kept densely, or by its nonzeros where a level of
the one factor meets few levels of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.kernels.compile.native import addresses
from glimmer.kernels.gaussian.accumulation import add_corner, add_dense, add_sparse, add_within
from glimmer.kernels.gaussian.blocks import Blocks, Floats, Group, Integers
from glimmer.kernels.gaussian.memory_layout import (
    COEFFICIENTS,
    COMMON,
    CONSTANTS,
    CORNER,
    ELIMINATED,
    FACTOR,
    FLOATS,
    GROUPS,
    HEADER,
    INTEGERS,
    MEMBERS,
    ORDER,
    PENALISED,
    REST,
    SHIFT_PLACE,
    SHIFTS,
    SMOOTH,
    SPARSE,
    STATE,
    TRIANGLES,
    WORK,
)
from glimmer.kernels.gaussian.packing import Packer
from glimmer.kernels.gaussian.shift_products import ShiftProducts
from glimmer.kernels.gaussian.work_arrays import STATE_ARRAYS, work_needed

CHUNK = 1 << 15


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """Everything that a Gaussian likelihood needs to know of the data.

    Attributes
    ----------
    integers, floats : arrays
        The two packed vectors that the kernels read; put them into ``pm.Data``.
    """

    integers: NDArray[np.int32]
    floats: Floats


def cross_products(
    blocks: Blocks,
    y: Floats,
    weights: Floats | None = None,
    *,
    center: bool = True,
    decoupled: Floats | None = None,
    shifts: Floats | None = None,
) -> CrossProducts:
    """A'WA, A'W(y - offset) and their like, for all coefficients of ``blocks``.

    Parameters
    ----------
    blocks : Blocks
    y : array, shape (n,)
        Outcome, or working response.
    weights : array, shape (n,), optional
        Precision weights w, with y ~ N(eta, sigma^2 / w).
    center : bool
        Keep cross-products of y - X b with b the least-squares coefficients, which loses fewer
        digits; the kernels put b back.
    decoupled : array of float, optional
        All coefficients at the mode. Given these, every factor but the first is eliminated by
        itself, with all else held at the mode. For whitening when a second factor is too large
        for a dense Schur complement: the change of variables stays exact, its shape is less round.
    shifts : array, shape (n, m), optional
        Columns B of a response y - B s, for `ShiftedGaussian`.
    """
    plan = _Plan(blocks, decoupled)
    weights = np.ones(blocks.rows) if weights is None else np.asarray(weights, float)
    shift = _least_squares(blocks, y, weights) if center else np.zeros(blocks.X.shape[1])
    moves = ShiftProducts(blocks, np.empty((blocks.rows, 0)) if shifts is None else shifts)
    for chunk in _chunks(blocks.rows):
        response = _response(blocks, y, chunk) - np.asarray(blocks.X[chunk], float) @ shift
        plan.add(chunk, response, weights[chunk])
        moves.add(chunk, response, weights[chunk])
    seen = weights > 0
    constant = -0.5 * seen.sum() * np.log(2 * np.pi) + 0.5 * np.log(weights[seen]).sum()
    return plan.pack(np.r_[seen.sum(), constant, shift], moves)


def _table(columns: list[Floats]) -> Floats:
    return np.ascontiguousarray(np.column_stack(columns), np.float64)


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(i, min(i + CHUNK, rows)) for i in range(0, rows, CHUNK))


def _response(blocks: Blocks, y: Floats, chunk: slice) -> Floats:
    response = np.asarray(y[chunk], float)
    return response if blocks.offset is None else response - blocks.offset[chunk]


def _least_squares(blocks: Blocks, y: Floats, weights: Floats) -> Floats:
    k = blocks.X.shape[1]
    XX, Xy = np.zeros((k, k)), np.zeros(k)
    for chunk in _chunks(blocks.rows):
        X = np.asarray(blocks.X[chunk], float)
        XX += (X.T * weights[chunk]) @ X
        Xy += X.T @ (weights[chunk] * _response(blocks, y, chunk))
    return np.linalg.lstsq(XX, Xy, rcond=1e-10)[0]


def _factors(blocks: Blocks) -> list[list[int]]:
    """Positions of the groups of each factor, the factor with most coefficients first.

    Those of one level come last: their block is as dense as the rest.
    """
    names = list(dict.fromkeys(g.factor for g in blocks.groups))
    members = [[i for i, g in enumerate(blocks.groups) if g.factor == name] for name in names]

    def place(own: list[int]) -> tuple[bool, int]:
        groups = [blocks.groups[i] for i in own]
        return groups[0].levels == 1, -sum(g.size for g in groups)

    return sorted(members, key=place)


def elimination_order(blocks: Blocks) -> Integers:
    """Coefficients in the order in which the blocked Cholesky takes them."""
    plan = _Plan(blocks, None)
    first = []
    for factor in plan.eliminated:
        own = [
            plan.coefficient[i] + np.arange(g.size).reshape(g.levels, g.width)
            for i, g in zip(factor.members, factor.groups, strict=True)
        ]
        first.append(np.concatenate(own, axis=1).ravel())
    return np.concatenate([*first, plan._order()]).astype(np.int64)


class _Plan:
    """Where each group's cross-products go, and the arrays that take them up."""

    def __init__(self, blocks: Blocks, mode: Floats | None) -> None:
        self.blocks = blocks
        self.mode: Any = None if mode is None else blocks.split(mode)
        factors = _factors(blocks)
        several = sum(blocks.groups[members[0]].levels > 1 for members in factors)
        cut = min(several, 1) if mode is None else several
        sizes = [g.width * (g.width + 1) // 2 for g in blocks.groups]
        self.triangle = np.cumsum([0, *sizes])
        self.coefficient = np.cumsum([0, *(g.size for g in blocks.groups)])
        rest = self._by_density(factors[:cut], factors[cut:])
        self.starts = np.cumsum([0, *(blocks.groups[i].size for i in self.rest)])
        self.columns = int(self.starts[-1]) + blocks.scales + blocks.X.shape[1]
        self.sparse = int(self.starts[rest])
        self.corner = np.zeros((self.columns + 1, self.columns + 1))
        self.eliminated = [_Eliminated(self, members, rest) for members in factors[: min(cut, 1)]]
        self.alone = [_Alone(self, members) for members in factors[1:cut]]

    def _by_density(self, first: list[list[int]], others: list[list[int]]) -> int:
        """Order the rest's groups, sparsely coupled ones first; return how many these are."""
        sparse: list[int] = []
        dense: list[int] = []
        for members in others:
            (sparse if first and self._sparse(first[0][0], members[0]) else dense).extend(members)
        self.rest = sparse + dense
        return len(sparse)

    def _sparse(self, one: int, other: int) -> bool:
        """Whether a level of one group meets few levels of another."""
        a, b = self.blocks.groups[one], self.blocks.groups[other]
        return 4 * len(np.unique(a.index * b.levels + b.index)) < a.levels * b.levels

    def add(self, chunk: slice, y: Floats, weights: Floats) -> None:
        """Take up some rows."""
        blocks = self.blocks
        if self.mode is not None:
            y = self._residual(chunk, y, weights)
        groups = [blocks.groups[i] for i in self.rest]
        dense = [*(b[chunk] for b in blocks.smooths), blocks.X[chunk], y[:, None]]
        values = _table([*(g.z[chunk] for g in groups), *dense])
        where = np.empty((len(y), values.shape[1]), np.int64)
        at = 0
        for start, g in zip(self.starts, groups, strict=False):
            first = start + g.index[chunk] * g.width
            where[:, at : at + g.width] = first[:, None] + np.arange(g.width)
            at += g.width
        where[:, at:] = self.starts[-1] + np.arange(values.shape[1] - at)
        rows, columns = values.shape
        size = self.columns + 1
        add_corner.python(
            rows, columns, *addresses(where, values, weights), size, *addresses(self.corner)
        )
        for factor in self.eliminated:
            factor.add(chunk, where, values, weights)

    def _residual(self, chunk: slice, y: Floats, weights: Floats) -> Floats:
        """Give every factor that stands alone what the others leave; return the first's share."""
        b, s, beta = self.mode
        parts = [
            np.einsum("ij,ij->i", g.z[chunk], e[g.index[chunk]])
            for g, e in zip(self.blocks.groups, b, strict=True)
        ]
        total = sum(parts) + self.blocks.X[chunk] @ beta
        total = total + sum(B[chunk] @ v for B, v in zip(self.blocks.smooths, s, strict=True))
        for factor in self.alone:
            own = sum(parts[i] for i in factor.members)
            factor.add_alone(chunk, y - total + own, weights)
            y = y - own
        return y

    def pack(self, constants: Floats, moves: ShiftProducts) -> CrossProducts:
        """The two vectors that the kernels read."""
        header = np.zeros(HEADER, np.int64)
        blocks = self.blocks
        np.copyto(self.corner, np.tril(self.corner) + np.tril(self.corner, -1).T)
        factors = self.eliminated + self.alone
        packer = Packer(HEADER + FACTOR * len(factors))
        header[[ELIMINATED, REST, SPARSE]] = len(factors), self.columns, self.sparse
        header[[SMOOTH, COMMON, GROUPS]] = blocks.scales, blocks.X.shape[1], len(self.rest)
        header[[COEFFICIENTS, TRIANGLES]] = blocks.size, blocks.triangles
        header[CORNER], header[CONSTANTS] = packer.floats(self.corner), packer.floats(constants)
        records = [factor.pack(packer) for factor in factors]
        header[ORDER] = packer.integers(self._order())
        header[MEMBERS] = packer.integers(self._members())
        header[PENALISED] = header[REST] - header[COMMON]
        effects = sum(f.width * f.levels for f in factors)
        widths = [f.width for f in factors]
        header[WORK] = work_needed(self.columns, self.sparse, widths, effects)
        header[STATE] = STATE_ARRAYS.total(self.columns, effects)
        header[SHIFTS], header[SHIFT_PLACE] = len(moves.response), packer.floats(moves.packed())
        header[[INTEGERS, FLOATS]] = packer.integers_at, packer.floats_at
        return CrossProducts(*packer.packed(header, *records))

    def _order(self) -> Integers:
        """The place among all coefficients of each column of the rest."""
        groups = [self.coefficient[i] + np.arange(self.blocks.groups[i].size) for i in self.rest]
        tail = np.arange(self.coefficient[-1], self.blocks.size)
        return np.concatenate([*groups, tail])

    def _members(self) -> Integers:
        """First column, levels, width and place of the triangle of each group of the rest."""
        groups = [self.blocks.groups[i] for i in self.rest]
        rows = [
            (self.starts[k], g.levels, g.width, self.triangle[i])
            for k, (i, g) in enumerate(zip(self.rest, groups, strict=True))
        ]
        return np.array(rows, np.int64).ravel()


class _Alone:
    """The cross-products of one factor: block-diagonal with itself, and with the outcome."""

    linked = False

    def __init__(self, plan: _Plan, members: list[int]) -> None:
        self.plan, self.members = plan, members
        self.groups = [plan.blocks.groups[i] for i in members]
        self.levels = int(self.groups[0].levels)
        self.index = np.ascontiguousarray(self.groups[0].index, np.int64)
        self.width = p = sum(g.width for g in self.groups)
        self.within = np.zeros((p * (p + 1) // 2, self.levels))
        self.dense = np.zeros((1, p, self.levels))
        self.pointer = np.zeros(self.levels + 1, np.int64)
        self.column, self.coupling = np.empty(0, np.int64), np.empty((0, p))

    def _covariates(self, chunk: slice) -> Floats:
        return _table([g.z[chunk] for g in self.groups])

    def add_alone(self, chunk: slice, y: Floats, weights: Floats) -> None:
        """Take up some rows of this factor's share of the outcome."""
        z, level = self._covariates(chunk), self.index[chunk]
        where = np.zeros(len(y), np.int64)
        self._add(level, z, weights, np.ascontiguousarray(y)[:, None], where, 0)

    def _add(
        self,
        level: Integers,
        z: Floats,
        weights: Floats,
        values: Floats,
        where: Integers,
        skip: int,
    ) -> None:
        rows, p = z.shape
        row = addresses(level, z, weights)
        add_within.python(rows, p, self.levels, *row, *addresses(self.within))
        columns = values.shape[1]
        out = addresses(values, where, self.dense)
        add_dense.python(rows, p, self.levels, skip, columns, *row, columns, *out)

    def pack(self, packer: Packer) -> Integers:
        """The record of this factor."""
        places = packer.floats(self.within), packer.floats(self.dense), packer.floats(self.coupling)
        pointer = packer.integers(self.pointer)
        packer.integers(self.column)
        start, rows = 0, []
        for i, g in zip(self.members, self.groups, strict=True):
            rows.append((start, g.width, self.plan.triangle[i], self.plan.coefficient[i]))
            start += g.width
        members = packer.integers(np.array(rows, np.int64).ravel())
        tail = pointer, len(self.members), members, self.linked
        return np.array([self.levels, self.width, *places, *tail], np.int64)


class _Eliminated(_Alone):
    """The same, with the coupling of one factor with the rest."""

    linked = True

    def __init__(self, plan: _Plan, members: list[int], sparse: int) -> None:
        super().__init__(plan, members)
        self.dense = np.zeros((plan.columns + 1 - plan.sparse, self.width, self.levels))
        self._lay_out_sparse([plan.blocks.groups[i] for i in plan.rest[:sparse]])

    def _lay_out_sparse(self, groups: list[Group]) -> None:
        """Find the nonzeros of the coupling: level of this factor x column of the rest."""
        rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        places, count = [np.empty((len(self.index), 0), np.int64)], 0
        for start, g in zip(self.plan.starts, groups, strict=False):
            key, place = np.unique(self.index * g.levels + g.index, return_inverse=True)
            level, other = np.divmod(key, g.levels)
            rows.append(np.repeat(level, g.width))
            columns.append(((start + other * g.width)[:, None] + np.arange(g.width)).ravel())
            places.append(count + (place * g.width)[:, None] + np.arange(g.width))
            count += len(key) * g.width
        row, column = np.concatenate(rows), np.concatenate(columns)
        order = np.lexsort((column, row))
        rank = np.empty_like(order)
        rank[order] = np.arange(count)
        self.column, self.coupling = column[order], np.zeros((count, self.width))
        self.pointer = np.searchsorted(row[order], np.arange(self.levels + 1))
        self.place = np.column_stack(places)
        if count:
            self.place = rank[self.place]

    def add(self, chunk: slice, where: Integers, values: Floats, weights: Floats) -> None:
        """Take up some rows."""
        z, level, place = self._covariates(chunk), self.index[chunk], self.place[chunk]
        skip = place.shape[1]
        self._add(level, z, weights, values, where - self.plan.sparse, skip)
        sparse = addresses(values, place, self.coupling)
        rows = addresses(z, weights)
        add_sparse.python(*z.shape, skip, *rows, values.shape[1], *sparse)
