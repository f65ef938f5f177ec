"""What a formula asks for: its terms, and the columns they use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from glimmer.data import Frame
from glimmer.errors import FormulaError, OutcomeError
from glimmer.formula import (
    Call,
    Formula,
    GroupTerm,
    Name,
    Node,
    Terms,
    expand,
    parse,
    variables,
)
from glimmer.learn.checks import Judge


def read_terms(
    formula: Formula, frame: Frame, judge: Judge, *, outcome: bool, random: str | None = None
) -> Terms:
    """Return the terms of a two-part formula.

    Parameters
    ----------
    formula : Formula
    frame : Frame
        Whose columns ``.`` stands for, those of the outcome apart.
    judge : Judge
    outcome : bool
        Whether the formula must have a left-hand side.
    random : str, optional
        More group-specific terms, as a one-sided formula.

    Raises
    ------
    FormulaError
        There are three parts, or some part is not made of terms.
    OutcomeError
        There is no outcome, or it stands on the right-hand side too.
    """
    if len(formula.parts) != 1:
        raise FormulaError(
            "This model takes a formula of two parts, outcome ~ terms.",
            formula=formula.text,
            span=formula.parts[-1].span,
            fix="use NlmerBuilder for three-part formulas",
        )
    if formula.response is None and outcome:
        raise OutcomeError(
            "The formula has no outcome.", formula=formula.text, span=(0, 1), fix="write y ~ ..."
        )
    used = {name.name for name in named(formula.response)}
    others = [name for name in frame.names if name not in used]
    terms = judge.hearing("formula", lambda: expand(formula.text, formula.parts[0], names=others))
    if random is not None:
        terms = replace(terms, groups=(*terms.groups, *_random(random, judge)))
    _check_outcome_unused(formula, terms)
    return terms


def _random(text: str, judge: Judge) -> tuple[GroupTerm, ...]:
    """The group-specific terms of a one-sided formula, ``~ (1 | g)``."""
    formula = parse(text)
    terms = judge.hearing("formula", lambda: expand(formula.text, formula.parts[0]))
    if formula.response is not None or terms.common or terms.smooths or not terms.groups:
        raise FormulaError(
            "random= takes group-specific terms alone.",
            formula=formula.text,
            span=formula.parts[0].span,
            fix="write random='~ (1 | g)'",
        )
    return terms.groups


def used_columns(formula: Formula, terms: Terms) -> tuple[Name, ...]:
    """Every column that the model uses, each once."""
    groups = (node for group in terms.groups for node in group.factor)
    return tuple(dict.fromkeys((*value_columns(formula, terms), *named(*groups))))


def value_columns(formula: Formula, terms: Terms) -> tuple[Name, ...]:
    """The columns that are used for more than telling groups apart."""
    return tuple(dict.fromkeys(named(formula.response, *_value_nodes(terms))))


def covariates(terms: Terms) -> list[Node]:
    """What the smooths are smooths of."""
    return [node for call in terms.smooths for node in call.args]


def named(*nodes: Node | None) -> Iterable[Name]:
    """The columns that some nodes name."""
    return (name for node in nodes if node is not None for name in variables(node))


def _value_nodes(terms: Terms) -> list[Node]:
    effects = (effect for group in terms.groups for effect in group.effects.common)
    nodes = [node for term in (*terms.common, *effects) for node in term.factors]
    by = [node for call in terms.smooths for name, node in call.kwargs if name == "by"]
    return [*nodes, *terms.offsets, *covariates(terms), *by]


def _check_outcome_unused(formula: Formula, terms: Terms) -> None:
    """The outcome must not explain itself; the number of trials may explain it."""
    node = formula.response
    if isinstance(node, Call) and len(node.args) > 1:
        node = node.args[0]
    outcome = {name.name for name in named(node)}
    groups = (node for group in terms.groups for node in group.factor)
    for name in named(*_value_nodes(terms), *groups):
        if outcome == {name.name}:
            raise OutcomeError(
                f"The outcome {name.name!r} stands on both sides.",
                column=name.name,
                formula=formula.text,
                span=name.span,
                fix="leave it out of the right-hand side",
            )
