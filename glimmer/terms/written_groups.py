"""Learns blocks of correlated effects from group terms as they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glimmer.errors import DuplicateTerm, FormulaError, ModelError, WrongType
from glimmer.formula import Call, GroupTerm, Interaction, Name, Node, column
from glimmer.terms.coding import Coder
from glimmer.terms.common import CommonTerm, learn_common, of_predictor
from glimmer.terms.group import GroupBlock, crossed
from glimmer.terms.naming import MU


@dataclass(frozen=True)
class VaryingEffects:
    """What varies of one predictor by the factor of a group term.

    Attributes
    ----------
    predictor : str
    intercept : str or None
        The name of the column of ones if the predictor's intercept varies.
    common : tuple of Interaction
        Coefficients that vary.
    """

    predictor: str
    intercept: str | None
    common: tuple[Interaction, ...]


@dataclass(frozen=True)
class WrittenGroup:
    """A group term as it is written: its factor, and what of each predictor varies by it.

    Attributes
    ----------
    formula : str
        That the term is part of.
    term : GroupTerm
    effects : tuple of VaryingEffects
    """

    formula: str
    term: GroupTerm
    effects: tuple[VaryingEffects, ...]


def joined(written: Sequence[WrittenGroup]) -> tuple[tuple[WrittenGroup, ...], ...]:
    """Group terms of the same label and factor are correlated: they make one block.

    Raises
    ------
    DuplicateTerm
        An effect varies by the same factor in two terms.
    """
    blocks: dict[Any, list[WrittenGroup]] = {}
    seen: set[Any] = set()
    for i, one in enumerate(written):
        factor = tuple(map(str, one.term.factor))
        for effect in one.effects:
            for what in (*effect.common, *([] if effect.intercept is None else [None])):
                key = (factor, effect.predictor, str(what))
                if key in seen:
                    raise _twice(one, effect, what, factor)
                seen.add(key)
        label = one.term.label
        blocks.setdefault(i if label is None else (label, factor), []).append(one)
    return tuple(map(tuple, blocks.values()))


def _twice(
    one: WrittenGroup, effect: VaryingEffects, what: Any, factor: tuple[str, ...]
) -> DuplicateTerm:
    own = [] if effect.predictor == MU else [effect.predictor]
    name = ":".join([*own, *([] if what is None else [str(what)])]) or "the intercept"
    return DuplicateTerm(
        f"{name} varies by {':'.join(factor)} in two terms.",
        formula=one.formula,
        span=one.term.span,
        fix="leave it out of one term",
    )


def learn_groups(
    blocks: Sequence[Sequence[WrittenGroup]], coder: Callable[[str], Coder]
) -> tuple[GroupBlock, ...]:
    """Learn blocks of group-specific terms.

    Parameters
    ----------
    blocks : sequence of sequence of WrittenGroup
        What is correlated, block by block; the first term names the factor.
    coder : callable
        From a formula to its coder.
    """
    learned = []
    for block in blocks:
        first = coder(block[0].formula)
        factor = factor_columns(block[0].term, first)
        levels = crossed(first.frame, factor).used().levels
        varying = [(e, coder(one.formula)) for one in block for e in one.effects]
        terms = [(t, e.predictor) for e, own in varying for t in _terms(e, own)]
        effects, targets = zip(*terms, strict=True)
        learned.append(GroupBlock("", factor, levels, effects, targets))
    return named(learned)


def _terms(effects: VaryingEffects, coder: Coder) -> list[CommonTerm]:
    ones = [] if effects.intercept is None else [CommonTerm(effects.intercept, ())]
    common = learn_common(effects.common, effects.intercept is not None, coder)
    return [*ones, *(of_predictor(effects.predictor, common))]


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
            f"A grouping factor must be a column, not {str(node)!r}.",
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
