"""Group-specific terms: coefficients that vary between the levels of a grouping factor.

A grouping factor is a code per row; no indicator matrix is ever built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.data import Factor, Frame
from glimmer.errors import FormulaError, ModelError, WrongType
from glimmer.formula import Call, GroupTerm, Interaction, Name, Node, column
from glimmer.record import record
from glimmer.terms.coding import Coder
from glimmer.terms.common import CommonTerm, learn_common
from glimmer.terms.naming import variable_name


@dataclass(frozen=True, eq=False)
class GroupDesign:
    """A block's arrays for some data.

    Attributes
    ----------
    index : ndarray of int32, shape (n,)
        Each row's level: a position in the block's levels, then in ``new_levels``.
    columns : ndarray, shape (n, p)
        What each row's p coefficients are multiplied by.
    new_levels : tuple of str
        Levels that the block has not learned.
    """

    index: np.ndarray
    columns: np.ndarray
    new_levels: tuple[str, ...] = ()

    def take(self, rows: np.ndarray) -> GroupDesign:
        """Return the arrays of some rows."""
        return replace(self, index=self.index[rows], columns=self.columns[rows])


@record
class GroupBlock:
    """Coefficients of one grouping factor that are correlated with each other.

    Attributes
    ----------
    name : str
        Unique among the blocks of a model: the factor's name, or that of the only effect.
    factor : tuple of str
        Columns whose combination is the grouping factor.
    levels : tuple of str
        Combinations are written ``"a:b"``.
    intercept : bool
    effects : tuple of CommonTerm
        What varies besides the intercept; a term of no variable is a column of ones.
    targets : tuple of str
        The parameter of a nonlinear model that each effect belongs to.
    """

    name: str
    factor: tuple[str, ...]
    levels: tuple[str, ...]
    intercept: bool
    effects: tuple[CommonTerm, ...]
    targets: tuple[str, ...] = ()

    @property
    def factor_name(self) -> str:
        """``"Subject"`` or ``"school:class"``."""
        return variable_name(":".join(self.factor))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the p columns: ``("1", "Days")``."""
        own = tuple(name for term in self.effects for name in term.column_names)
        return (("1",) if self.intercept else ()) + own

    @property
    def ones(self) -> tuple[bool, ...]:
        """Which of the p columns are constant."""
        own = tuple(not term.codings for term in self.effects for _ in range(term.width))
        return ((True,) if self.intercept else ()) + own

    @property
    def column_targets(self) -> tuple[str, ...]:
        """The parameter that each of the p columns belongs to; empty names where there is one."""
        targets = self.targets or ("",) * len(self.effects)
        own = tuple(
            target
            for term, target in zip(self.effects, targets, strict=True)
            for _ in range(term.width)
        )
        return (("",) if self.intercept else ()) + own

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Names of the p coefficients: ``("1|Subject", "Days|Subject")``."""
        return tuple(f"{name}|{self.factor_name}" for name in self.columns)

    @property
    def size(self) -> int:
        """Number p of correlated coefficients of a level."""
        return len(self.columns)

    @property
    def level_dim(self) -> str:
        """Name of the dimension of levels."""
        return f"{self.factor_name}__factor_dim"

    @property
    def effect_dim(self) -> str:
        """Name of the dimension of correlated coefficients."""
        return f"{self.name}__effect_dim"

    def design(self, frame: Frame, functions: Mapping[str, Any] | None = None) -> GroupDesign:
        """The block's arrays for any data."""
        index, new = code_levels(frame, self.factor, self.levels)
        parts = [np.ones((len(frame), 1))] if self.intercept else []
        parts += [term.design(frame, functions) for term in self.effects]
        return GroupDesign(index, np.hstack(parts), new)


def code_levels(
    frame: Frame, factor: Sequence[str], levels: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Code rows by known ``levels``; the others follow in order of appearance."""
    found = crossed(frame, factor)
    position = {level: i for i, level in enumerate(levels)}
    used = found.used().levels
    new = tuple(level for level in used if level not in position)
    position.update({level: len(levels) + i for i, level in enumerate(new)})
    table = np.array([*(position.get(level, -1) for level in found.levels), -1], np.int32)
    return table[found.codes], new


def crossed(frame: Frame, factor: Sequence[str]) -> Factor:
    """The combination of one or more columns as a factor; only combinations that occur."""
    parts = [frame.factor(name) for name in factor]
    if len(parts) == 1:
        return parts[0]
    codes = np.zeros(len(frame), dtype=np.int64)
    for part in parts:
        codes = codes * len(part.levels) + part.codes
    seen, index = np.unique(codes, return_inverse=True)
    labels = []
    for code in seen.tolist():
        words = []
        for part in reversed(parts):
            code, own = divmod(code, len(part.levels))
            words.append(part.levels[own])
        labels.append(":".join(reversed(words)))
    return Factor(":".join(factor), index.astype(np.int32), tuple(labels))


def learn_groups(terms: Sequence[GroupTerm], coder: Coder) -> tuple[GroupBlock, ...]:
    """Learn group-specific terms; uncorrelated ones become several blocks."""
    blocks: list[GroupBlock] = []
    for term in terms:
        factor = factor_columns(term, coder)
        levels = crossed(coder.frame, factor).used().levels
        for intercept, effects in correlated_effects(term):
            common = learn_common(effects, intercept, coder)
            blocks.append(GroupBlock("", factor, levels, intercept, common))
    return named(blocks)


def correlated_effects(term: GroupTerm) -> list[tuple[bool, tuple[Interaction, ...]]]:
    """Split ``(x || g)`` into ``(1 | g) + (0 + x | g)``, as lme4 does."""
    effects = term.effects
    if term.correlated:
        return [(effects.intercept, effects.common)]
    first: list[tuple[bool, tuple[Interaction, ...]]] = [(True, ())] if effects.intercept else []
    return first + [(False, (effect,)) for effect in effects.common]


def named(blocks: list[GroupBlock]) -> tuple[GroupBlock, ...]:
    """Name each block after its factor if that is the only one, else after its effects."""
    factors = [block.factor for block in blocks]
    out = []
    for block in blocks:
        alone = factors.count(block.factor) == 1
        name = block.factor_name if alone else f"{'+'.join(block.columns)}|{block.factor_name}"
        out.append(replace(block, name=name))  # type: ignore[type-var]
    return tuple(out)


def factor_columns(term: GroupTerm, coder: Coder) -> tuple[str, ...]:
    """The columns whose combination is a term's grouping factor."""
    return tuple(_column(node, coder) for node in term.factor)


def _column(node: Node, coder: Coder) -> str:
    """The column that a node of a grouping factor names; ``factor(g)`` is ``g``."""
    if isinstance(node, Call) and node.function in ("factor", "C") and len(node.args) == 1:
        node = node.args[0]
    if not isinstance(node, Name):
        raise FormulaError(
            f"A grouping factor is a column, not {str(node)!r}.",
            formula=coder.formula,
            span=node.span,
            fix="compute the factor as a column of the data first",
        )
    column(coder.frame, node, coder.formula)
    try:
        coder.frame.factor(node.name)
    except WrongType as error:
        raise _pointed(error, node, coder) from error
    return node.name


def _pointed(error: ModelError, node: Node, coder: Coder) -> ModelError:
    return type(error)(
        error.message, column=error.column, formula=coder.formula, span=node.span, fix=error.fix
    )
