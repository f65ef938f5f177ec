"""Reads a nonlinear formula: its curve, and the terms of each of the curve's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from glimmer.data import Frame
from glimmer.errors import ArgumentError, FormulaError, OutcomeError
from glimmer.formula import Formula, GroupTerm, Interaction, Name, Node, Terms, expand, parse
from glimmer.learn.checks import Judge
from glimmer.learn.curve_call import CurveCall, read_curve
from glimmer.learn.reading import Reading, outcome_column
from glimmer.terms.written_groups import VaryingEffects, WrittenGroup, correlated_effects, joined


def read_curve_model(
    text: str,
    frame: Frame,
    params: Any,
    function: Any,
    kinds: Mapping[str, str] | None,
    judge: Judge,
    offsets: tuple[Node, ...] = (),
) -> Reading:
    """Read a nonlinear formula and the formulas of its parameters.

    Raises
    ------
    FormulaError, MeanFunctionError, UnknownFunction, OutcomeError
        Some part of it cannot be read; the message points at it.
    """
    formula = parse(text)
    if formula.response is None:
        raise OutcomeError(
            "The formula must have an outcome.", formula=text, span=(0, 1), fix="write y ~ ..."
        )
    outcome = outcome_column(formula)
    others = [name for name in frame.names if name != outcome]
    given = _given(params)
    curve = read_curve(formula, frame, given, function, kinds or {})
    terms: dict[str, tuple[str, Terms]] = {}
    written: list[WrittenGroup] = []
    for name in curve.names:
        if name not in curve.known:
            own, found = _parameter_terms(name, given.get(name, "~ 1"), others, judge)
            terms[name] = own, replace(found, groups=())
            written += _of_parameter(own, name, found)
    if len(formula.parts) > 1:
        written += _third_part(formula, curve, terms, judge)
    reading = Reading(formula, terms, joined(written), curve, offsets)
    reading.check_outcome_unused()
    return reading


def _given(params: Any) -> dict[str, Any]:
    """``params=`` as a dict: formulas, known values, or kinds alone."""
    if params is None:
        return {}
    if isinstance(params, Mapping):
        return dict(params)
    if isinstance(params, str):
        raise ArgumentError(
            "params must be a dict of formulas.", fix='params={"a": "~ 1", "b": "~ x"}'
        )
    return dict.fromkeys(params, "~ 1")


def _parameter_terms(
    name: str, given: Any, names: Sequence[str], judge: Judge
) -> tuple[str, Terms]:
    """A parameter's formula and its terms; ``.`` is short for some names."""
    if not isinstance(given, str):
        raise FormulaError(
            f"The formula for {name!r} must be a string such as '~ x', not {given!r}.",
            column=name,
            fix='give it a formula, "~ 1 + x + (1 | g)", or a number if it is known',
        )
    formula = parse(given if "~" in given else f"~ {given}")
    if len(formula.parts) != 1 or (formula.response is not None and str(formula.response) != name):
        raise FormulaError(
            f"The formula for {name!r} must be one-sided: ~ x.",
            formula=formula.text,
            span=(0, len(formula.text)),
            fix=f'write params={{"{name}": "~ x + (1 | g)"}}',
        )
    return formula.text, judge.hearing(
        "formula", lambda: expand(formula.text, formula.parts[0], names=names)
    )


def _of_parameter(formula: str, name: str, terms: Terms) -> list[WrittenGroup]:
    """The group terms of one parameter's formula."""
    return [
        WrittenGroup(formula, term, (_varying(name, intercept, common),))
        for term in terms.groups
        for intercept, common in correlated_effects(term)
    ]


def _third_part(
    formula: Formula,
    curve: CurveCall,
    terms: dict[str, tuple[str, Terms]],
    judge: Judge,
) -> list[WrittenGroup]:
    """R's third part: ``Asym | g`` and, for common effects, ``Asym:x``."""
    found = judge.hearing(
        "formula", lambda: expand(formula.text, formula.parts[1], intercepts=False)
    )
    free = [name for name in curve.names if name not in curve.known]
    for special in (*found.smooths, *found.offsets):
        raise FormulaError(
            "Smooths and offsets must be in the formula of a parameter.",
            formula=formula.text,
            span=special.span,
            fix=f'write params={{"{free[0]}": "~ {special}"}}',
        )
    for term in found.common:
        name, rest = _split(term, free, formula)
        if rest is not None:
            text, own = terms[name]
            if text not in ("~ 1", formula.text):
                raise FormulaError(
                    f"The parameter {name!r} has a formula of its own in params=.",
                    formula=formula.text,
                    span=term.span,
                    fix="write its terms in one place",
                )
            terms[name] = formula.text, replace(own, common=(*own.common, rest))
    written = []
    for group in found.groups:
        apart = _split_effects(group, free, formula)
        joint = [tuple(apart)] if group.correlated else [(effect,) for effect in apart]
        written += [WrittenGroup(formula.text, group, effects) for effects in joint]
    return written


def _split(
    term: Interaction, free: Sequence[str], formula: Formula
) -> tuple[str, Interaction | None]:
    """``Asym:x`` as the parameter and what is left of the product."""
    named = [node for node in term.factors if isinstance(node, Name) and node.name in free]
    if len(named) != 1:
        raise FormulaError(
            f"The term {term} must contain exactly one parameter of the curve.",
            formula=formula.text,
            span=term.span,
            fix=f"after the second ~, terms are parameters ({', '.join(free)}), or products of one "
            "with covariates",
        )
    rest = tuple(node for node in term.factors if node != named[0])
    return named[0].name, Interaction(rest, term.span) if rest else None


def _split_effects(group: GroupTerm, free: Sequence[str], formula: Formula) -> list[VaryingEffects]:
    """The effects that a bar of the third part gives to each parameter, in the order of mention."""
    split = [_split(term, free, formula) for term in group.effects.common]
    if not split:
        raise FormulaError(
            "1 is not a parameter of this curve.",
            formula=formula.text,
            span=group.span,
            fix=f"name the parameter that varies: ({free[0]} | {':'.join(map(str, group.factor))})",
        )
    out = []
    for name in dict.fromkeys(name for name, _ in split):
        own = [rest for other, rest in split if other == name]
        common = tuple(rest for rest in own if rest is not None)
        out.append(_varying(name, None in own, common))
    return out


def _varying(name: str, intercept: bool, common: tuple[Interaction, ...]) -> VaryingEffects:
    """What of a parameter varies; its column of ones has the parameter's name."""
    return VaryingEffects(name, name if intercept else None, common)
