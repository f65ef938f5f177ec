"""Holds a smooth term that has learned its basis, and evaluates the smooths it makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glimmer.data import Frame
from glimmer.errors import NewLevel, suggestion
from glimmer.record import record
from glimmer.smooths.basis import Basis, Columns, Grouped, GroupedBasis, matrix
from glimmer.smooths.blocks import Block
from glimmer.smooths.columns import BlockColumns, times_rows
from glimmer.smooths.conversion import absorbed
from glimmer.smooths.random_effect import level_codes
from glimmer.smooths.spec import SmoothSpec


@record
class SmoothTerm:
    """A smooth term that has learned its basis: all that prediction needs, and JSON can hold.

    A factor ``by`` makes several `smooths` of one term; they share basis, constraint and blocks.

    Attributes
    ----------
    spec : SmoothSpec
    basis : Basis
    labels : tuple of bool
        Which covariates are read as levels.
    limits : tuple
        (lowest, highest) training value of each covariate; None for levels.
    by_levels : tuple of str or None
        Levels of a factor ``by``.
    by_ordered : bool
        Whether its first level has no smooth of its own.
    Z : ndarray, shape (k, p), or None
        The absorbed constraint.
    S_scale : ndarray
        mgcv's scale of each penalty: S is the raw penalty divided by it.
    rank : tuple of int
        Rank of each penalty after the constraint.
    null_dim : int
        Dimension of the unpenalized functions after the constraint.
    blocks : tuple of Block
        The smooth as unpenalized columns and penalized blocks.
    prefix : str
        What its name begins with, where a model has several predictors.
    """

    spec: SmoothSpec
    basis: Basis
    labels: tuple[bool, ...]
    limits: tuple[tuple[float, float] | None, ...]
    by_levels: tuple[str, ...] | None
    by_ordered: bool
    Z: np.ndarray | None
    S_scale: np.ndarray
    rank: tuple[int, ...]
    null_dim: int
    blocks: tuple[Block, ...]
    prefix: str = ""

    @property
    def smooths(self) -> tuple[Smooth, ...]:
        """The smooths of the term: one, or one for each level of a factor ``by``."""
        if self.by_levels is None:
            return (Smooth(self, None),)
        return tuple(Smooth(self, level) for level in self.by_levels[int(self.by_ordered) :])

    @property
    def S(self) -> list[np.ndarray]:
        """The scaled penalties of the constrained coefficients, as mgcv's smoothCon gives them."""
        return [] if self.spec.fx else absorbed(self.basis, self.Z, self.S_scale)

    def raw(self, frame: Frame) -> BlockColumns:
        """Return the raw design of the basis at the rows of a frame, compact where it can be."""
        return raw_design(self.basis, self.columns(frame))

    def columns(self, frame: Frame) -> Columns:
        """Return the covariates from a frame."""
        pairs = zip(self.spec.variables, self.labels, strict=True)
        return [frame.factor(v) if labelled else frame.numeric(v) for v, labelled in pairs]

    def by_values(self, frame: Frame) -> np.ndarray:
        """What the rows of each smooth are multiplied by, shape (number of smooths, n)."""
        by = self.spec.by
        if by is None:
            return np.ones((1, frame.n))
        if self.by_levels is None:
            return matrix([frame.numeric(by)]).T
        column = frame.factor(by)
        codes = level_codes(column, self.by_levels)
        if (codes < 0).any():
            level = column.levels[column.codes[int(np.argmin(codes))]]
            raise NewLevel(
                f"{self.spec.label} has no curve for the new level {level!r} of {by!r}.",
                column=by,
                fix=suggestion(level, self.by_levels),
            )
        first = int(self.by_ordered)
        return (codes == np.arange(first, len(self.by_levels))[:, None]).astype(float)

    def designs(self, frame: Frame) -> tuple[tuple[BlockColumns, ...], ...]:
        """Return the columns of every block of every smooth at the rows of a frame.

        Returns
        -------
        tuple of tuple
            ``designs[i][j]`` belongs to ``smooths[i].blocks[j]``: an array (n, q), or `Grouped`
            for a `GroupedBlock`.
        """
        raw = self.raw(frame)
        parts = [block.columns(raw) for block in self.blocks]  # type: ignore[arg-type]
        rows = self.by_values(frame)
        return tuple(tuple(times_rows(part, values) for part in parts) for values in rows)


@dataclass(frozen=True)
class Smooth:
    """One smooth of a term: the term itself, or its part in one level of ``by``."""

    term: SmoothTerm
    level: str | None

    @property
    def label(self) -> str:
        """The name mgcv gives it: ``s(x)``, ``s(x):z``, ``s(x):gA``."""
        by = self.term.spec.by
        return (
            self.term.prefix
            + self.term.spec.label
            + ("" if by is None else f":{by}{self.level or ''}")
        )

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Its blocks."""
        return self.term.blocks

    def design(self, frame: Frame) -> np.ndarray:
        """Return the constrained design as mgcv has it, shape (n, p)."""
        return constrained(self.term, self.term.raw(frame)) * self.by(frame)[:, None]

    def block_designs(self, frame: Frame) -> tuple[BlockColumns, ...]:
        """Return the columns of every block; see `SmoothTerm.designs`."""
        return self.term.designs(frame)[self._place]

    def by(self, frame: Frame) -> np.ndarray:
        """What the rows are multiplied by, shape (n,)."""
        return self.term.by_values(frame)[self._place]

    @property
    def _place(self) -> int:
        levels = [smooth.level for smooth in self.term.smooths]
        return levels.index(self.level)


def raw_design(basis: Basis, columns: Columns) -> BlockColumns:
    """The raw design, compact where the basis has such a form."""
    return basis.grouped(columns) if isinstance(basis, GroupedBasis) else basis.design(columns)


def constrained(term: SmoothTerm, raw: BlockColumns) -> np.ndarray:
    """The design after the constraint, shape (n, p)."""
    dense = raw.dense() if isinstance(raw, Grouped) else raw
    return dense if term.Z is None else dense @ term.Z
