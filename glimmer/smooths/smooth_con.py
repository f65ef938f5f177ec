"""Gives a smooth to those who build their own model: `smooth_con`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import ModelError, SyntaxProblem
from glimmer.formula import Call, parse
from glimmer.formula.specials import SMOOTHS
from glimmer.smooths.basis import Grouped
from glimmer.smooths.blocks import Block
from glimmer.smooths.construct import learn_smooths
from glimmer.smooths.spec import SmoothSpec, spec_from_call
from glimmer.smooths.term import BlockColumns, Smooth


@dataclass(frozen=True)
class LearnedBlock:
    """A block of a learned smooth, with its training rows.

    Attributes
    ----------
    block : Unpenalized, DenseBlock, GroupedBlock, DiagonalBlock or CholeskyBlock
        What was learned: see `glimmer.smooths.blocks`.
    smooth : LearnedSmooth
    place : int
        Position among the smooth's blocks.
    """

    block: Block
    smooth: LearnedSmooth
    place: int

    @property
    def penalized(self) -> bool:
        """Whether the coefficients have a standard deviation."""
        return bool(self.block.sds)

    @cached_property
    def X(self) -> np.ndarray:
        """The columns at the training rows, shape (n, q)."""
        return self._dense(self.smooth.frame)

    def design(self, newdata: Any) -> np.ndarray:
        """Return the columns at any rows, shape (n, q)."""
        return self._dense(as_frame(newdata))

    def compact(self, newdata: Any) -> BlockColumns:
        """Return the columns, as `Grouped` where the block repeats by level."""
        return self.smooth.smooth.block_designs(as_frame(newdata))[self.place]

    def _dense(self, frame: Frame) -> np.ndarray:
        columns = self.compact(frame)
        return columns.dense() if isinstance(columns, Grouped) else columns


@dataclass(frozen=True)
class LearnedSmooth:
    """A smooth that was learned from a table: R's smoothCon and PredictMat in one.

    Attributes
    ----------
    smooth : Smooth
        The smooth; ``smooth.term`` is what JSON can hold.
    frame : Frame
        The training rows.
    """

    smooth: Smooth
    frame: Frame

    @property
    def label(self) -> str:
        """The label that mgcv gives, e.g. ``s(x):gA``."""
        return self.smooth.label

    @cached_property
    def X(self) -> np.ndarray:
        """The design matrix after the constraint, shape (n, p)."""
        return self.smooth.design(self.frame)

    @cached_property
    def S(self) -> list[np.ndarray]:
        """The scaled penalty matrices, shape (p, p)."""
        return self.smooth.term.S

    @property
    def S_scale(self) -> np.ndarray:
        """What the raw penalties were divided by; empty for an unpenalized smooth."""
        return self.smooth.term.S_scale[: len(self.S)]

    @property
    def rank(self) -> tuple[int, ...]:
        """Rank of each penalty."""
        return self.smooth.term.rank

    @property
    def null_dim(self) -> int:
        """Dimension of the unpenalized functions."""
        return self.smooth.term.null_dim

    @property
    def blocks(self) -> list[LearnedBlock]:
        """Unpenalized columns and penalized blocks: f as fixed and random effects."""
        return [LearnedBlock(block, self, i) for i, block in enumerate(self.smooth.blocks)]

    def design(self, newdata: Any) -> np.ndarray:
        """Return the design matrix for other rows, in the coordinates of ``X``, shape (n, p)."""
        return self.smooth.design(as_frame(newdata))


def smooth_con(
    term: str | Call | SmoothSpec,
    data: Any,
    knots: Mapping[str, Any] | None = None,
    select: bool = False,
    xt: Mapping[str, Any] | None = None,
) -> list[LearnedSmooth]:
    """Build a smooth: its design, penalties, and the form of a random effect.

    Parameters
    ----------
    term : str, Call or SmoothSpec
        A term in mgcv's language: ``"s(x, bs='tp', k=10)"``, ``"te(x, z)"``,
        ``"s(x, by=g)"``, ...
    data : table
        Anything that `glimmer.data.Frame` takes: its rows are the training rows.
    knots : mapping, optional
        Knots by covariate, as mgcv's ``knots``.
    select : bool, default False
        Penalize the null space with an sd of its own.
    xt : mapping, optional
        Objects that the term names by ``xt=name``, such as a neighbourhood.

    Returns
    -------
    list of LearnedSmooth
        One for each smooth: a factor ``by`` gives one for each level. Each has ``X`` (n, p),
        ``S`` (list of (p, p)), ``rank``, ``null_dim``, ``S_scale``, ``design(newdata)`` and
        ``blocks``, whose columns are scaled so that an sd is the typical size of the function.

    Raises
    ------
    FormulaError, SmoothError
        The term cannot be read, or not be built from these data.

    References
    ----------
    Wood (2017), Generalized Additive Models, 2nd edition; R: ``mgcv::smoothCon``.

    Examples
    --------
    >>> import numpy as np
    >>> data = {"x": np.linspace(0.0, 1.0, 50)}
    >>> (smooth,) = smooth_con("s(x, bs='cr', k=6)", data)
    >>> smooth.X.shape, smooth.rank, smooth.null_dim
    ((50, 5), (4,), 1)
    >>> [block.design({"x": [0.5, 2.0]}).shape for block in smooth.blocks]
    [(2, 1), (2, 4)]
    """
    frame = as_frame(data)
    text = f"~ {term}" if isinstance(term, str) else None
    spec = term if isinstance(term, SmoothSpec) else _read(term, text, xt)
    (learned,) = learn_smooths([spec], frame, knots, select, formula=text)
    return [LearnedSmooth(smooth, frame) for smooth in learned.smooths]


def as_frame(data: Any) -> Frame:
    """The table as a `Frame`."""
    return data if isinstance(data, Frame) else Frame(data)


def _read(term: str | Call, text: str | None, xt: Mapping[str, Any] | None) -> SmoothSpec:
    """The spec of a term given as text or as a parsed call."""
    node = term if isinstance(term, Call) else parse(text or "").parts[0]
    if not isinstance(node, Call) or node.function not in SMOOTHS:
        raise SyntaxProblem(
            f"{node.text} is not a smooth term.",
            formula=text,
            span=node.span,
            fix="s(...), te(...), ti(...) or t2(...)",
        )
    try:
        return spec_from_call(node, xt)
    except ModelError as error:
        error.formula = text
        raise
