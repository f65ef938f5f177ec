"""Reads the formula of a linear predictor: outcome ~ terms."""

from __future__ import annotations

from dataclasses import replace

from glimmer.data import Frame
from glimmer.errors import FormulaError, OutcomeError
from glimmer.formula import Formula, GroupTerm, Node, expand, parse
from glimmer.learn.checks import Judge
from glimmer.learn.reading import Reading, named
from glimmer.terms.naming import MU
from glimmer.terms.written_groups import VaryingEffects, WrittenGroup, correlated_effects, joined

ONES = "1"
"""The name of the column of ones among a group's effects."""


def read_linear_model(
    text: str,
    frame: Frame,
    judge: Judge,
    *,
    outcome: bool,
    offsets: tuple[Node, ...] = (),
    random: str | None = None,
) -> Reading:
    """Read a two-part formula.

    Parameters
    ----------
    text : str
    frame : Frame
        ``.`` is all its columns but those of the outcome.
    judge : Judge
    outcome : bool
        Whether the formula must have a left-hand side.
    offsets : tuple of Node
        More offsets than the formula has.
    random : str, optional
        More group-specific terms, as a one-sided formula.

    Raises
    ------
    FormulaError
        There are three parts, or some part is not made of terms.
    OutcomeError
        There is no outcome, or it is on the right-hand side too.
    """
    formula = parse(text)
    _check_parts(formula, outcome)
    used = {name.name for name in named(formula.response)}
    others = [name for name in frame.names if name not in used]
    terms = judge.hearing("formula", lambda: expand(formula.text, formula.parts[0], names=others))
    written = _written(formula.text, terms.groups)
    if random is not None:
        written += _random(random, judge)
    own = replace(terms, groups=(), offsets=(*terms.offsets, *offsets))
    reading = Reading(formula, {MU: (formula.text, own)}, joined(written))
    reading.check_outcome_unused()
    return reading


def _written(formula: str, terms: tuple[GroupTerm, ...]) -> list[WrittenGroup]:
    """Group terms, those that are not correlated apart."""
    return [
        WrittenGroup(formula, term, (VaryingEffects(MU, ONES if intercept else None, common),))
        for term in terms
        for intercept, common in correlated_effects(term)
    ]


def _check_parts(formula: Formula, outcome: bool) -> None:
    if len(formula.parts) != 1:
        raise FormulaError(
            "The formula must have two parts: outcome ~ terms.",
            formula=formula.text,
            span=formula.parts[-1].span,
            fix="use NlmerBuilder for three-part formulas",
        )
    if formula.response is None and outcome:
        raise OutcomeError(
            "The formula must have an outcome.",
            formula=formula.text,
            span=(0, 1),
            fix="write y ~ ...",
        )


def _random(text: str, judge: Judge) -> list[WrittenGroup]:
    """The group-specific terms of a one-sided formula, ``~ (1 | g)``."""
    formula = parse(text)
    terms = judge.hearing("formula", lambda: expand(formula.text, formula.parts[0]))
    if formula.response is not None or terms.common or terms.smooths or not terms.groups:
        raise FormulaError(
            "random must contain group-specific terms only.",
            formula=formula.text,
            span=formula.parts[0].span,
            fix="write random='~ (1 | g)'",
        )
    return _written(formula.text, terms.groups)
