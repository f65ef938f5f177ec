"""What a nonlinear formula asks for: a curve, its inputs, and the terms of each parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glimmer.data import Frame
from glimmer.errors import ArgumentError, DuplicateTerm, FormulaError, OutcomeError
from glimmer.formula import Call, Formula, GroupTerm, Interaction, Name, Terms, expand, parse
from glimmer.learn.checks import Judge
from glimmer.learn.curve_call import Curve, read_curve
from glimmer.learn.reading import named, value_columns
from glimmer.terms.parameter_groups import ParameterEffects


@dataclass(frozen=True)
class Written:
    """A group term and what it says of each parameter, in the formula it is written in."""

    formula: str
    term: GroupTerm
    effects: tuple[ParameterEffects, ...]


@dataclass(frozen=True)
class Reading:
    """A nonlinear formula, read.

    Attributes
    ----------
    formula : Formula
    curve : Curve
    terms : dict of str to (str, Terms)
        For each free parameter, a formula and its terms (groups apart).
    groups : tuple of tuple of Written
        Blocks of correlated effects.
    """

    formula: Formula
    curve: Curve
    terms: dict[str, tuple[str, Terms]]
    groups: tuple[tuple[Written, ...], ...]

    @property
    def own_formulas(self) -> dict[str, str]:
        """Of the parameters that have a formula of their own, with more than an intercept."""
        plain = ("~ 1", self.formula.text)
        return {name: own for name, (own, _) in self.terms.items() if own not in plain}

    @property
    def columns(self) -> Iterator[tuple[str, Name]]:
        """Every column on a right-hand side, with the formula it stands in."""
        yield from self.value_columns
        for one in (one for block in self.groups for one in block):
            yield from ((one.formula, name) for name in named(*one.term.factor))

    @property
    def value_columns(self) -> Iterator[tuple[str, Name]]:
        """Those that are used for more than telling groups apart."""
        text, right = self.formula.text, replace(self.formula, response=None)
        inputs = (node for argument in self.curve.inputs for node in argument)
        yield from ((text, name) for name in named(*inputs))
        for own, terms in self.terms.values():
            yield from ((own, name) for name in value_columns(right, terms))
        for one in (one for block in self.groups for one in block):
            common = (node for e in one.effects for term in e.common for node in term.factors)
            yield from ((one.formula, name) for name in named(*common))


def read_curve_model(
    text: str,
    frame: Frame,
    params: Any,
    function: Any,
    kinds: Mapping[str, str] | None,
    judge: Judge,
) -> Reading:
    """Read a nonlinear formula and the formulas of its parameters.

    Raises
    ------
    FormulaError, MeanFunctionError, UnknownFunction, OutcomeError
        Something in it has no meaning; says what.
    """
    formula = parse(text)
    if formula.response is None:
        raise OutcomeError(
            "The formula has no outcome.", formula=text, span=(0, 1), fix="write y ~ ..."
        )
    outcome = _outcome(formula)
    others = [name for name in frame.names if name != outcome]
    given = _given(params)
    curve = read_curve(formula, frame, given, function, kinds or {})
    terms: dict[str, tuple[str, Terms]] = {}
    written: list[Written] = []
    for name in curve.names:
        if name not in curve.known:
            own, found = _parameter_terms(name, given.get(name, "~ 1"), others, judge)
            terms[name] = own, replace(found, groups=())
            written += _of_parameter(own, name, found)
    if len(formula.parts) > 1:
        written += _third_part(formula, curve, terms, judge)
    reading = Reading(formula, curve, terms, _blocks(written))
    _check_outcome_unused(reading, outcome)
    return reading


def _outcome(formula: Formula) -> str | None:
    """The column that is the outcome; None if several are."""
    node = formula.response
    if isinstance(node, Call) and len(node.args) > 1:
        node = node.args[0]
    names = {name.name for name in named(node)}
    return names.pop() if len(names) == 1 else None


def _check_outcome_unused(reading: Reading, outcome: str | None) -> None:
    """The outcome must not explain itself."""
    for formula, name in reading.columns:
        if name.name == outcome:
            raise OutcomeError(
                f"The outcome {outcome!r} stands on both sides.",
                column=outcome,
                formula=formula,
                span=name.span,
                fix="leave it out of the right-hand side",
            )


def _given(params: Any) -> dict[str, Any]:
    """``params=`` as a dict: formulas, known values, or kinds alone."""
    if params is None:
        return {}
    if isinstance(params, Mapping):
        return dict(params)
    if isinstance(params, str):
        raise ArgumentError("params= is a dict of formulas.", fix='params={"a": "~ 1", "b": "~ x"}')
    return dict.fromkeys(params, "~ 1")


def _parameter_terms(
    name: str, given: Any, names: Sequence[str], judge: Judge
) -> tuple[str, Terms]:
    """A parameter's formula and its terms; ``.`` stands for some names."""
    if not isinstance(given, str):
        raise FormulaError(
            f"The parameter {name!r} is given {given!r}.",
            column=name,
            fix='give it a formula, "~ 1 + x + (1 | g)", or a number if it is known',
        )
    formula = parse(given if "~" in given else f"~ {given}")
    if len(formula.parts) != 1 or (formula.response is not None and str(formula.response) != name):
        raise FormulaError(
            f"The formula of {name!r} has one side.",
            formula=formula.text,
            span=(0, len(formula.text)),
            fix=f'write params={{"{name}": "~ x + (1 | g)"}}',
        )
    return formula.text, judge.hearing(
        "formula", lambda: expand(formula.text, formula.parts[0], names=names)
    )


def _of_parameter(formula: str, name: str, terms: Terms) -> list[Written]:
    """The group terms of one parameter's formula."""
    from glimmer.terms.group import correlated_effects

    return [
        Written(formula, term, (ParameterEffects(name, intercept, common),))
        for term in terms.groups
        for intercept, common in correlated_effects(term)
    ]


def _third_part(
    formula: Formula,
    curve: Curve,
    terms: dict[str, tuple[str, Terms]],
    judge: Judge,
) -> list[Written]:
    """R's third part: ``Asym | g`` and, for common effects, ``Asym:x``."""
    found = judge.hearing(
        "formula", lambda: expand(formula.text, formula.parts[1], intercepts=False)
    )
    free = [name for name in curve.names if name not in curve.known]
    for special in (*found.smooths, *found.offsets):
        raise FormulaError(
            "Smooths and offsets belong to a parameter.",
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
        written += [Written(formula.text, group, effects) for effects in joint]
    return written


def _split(
    term: Interaction, free: Sequence[str], formula: Formula
) -> tuple[str, Interaction | None]:
    """``Asym:x`` as the parameter and what is left of the product."""
    named = [node for node in term.factors if isinstance(node, Name) and node.name in free]
    if len(named) != 1:
        raise FormulaError(
            f"The term {term} names {'more than one' if named else 'no'} parameter of the curve.",
            formula=formula.text,
            span=term.span,
            fix=f"after the second ~, terms are parameters ({', '.join(free)}), or products of one "
            "with covariates",
        )
    rest = tuple(node for node in term.factors if node != named[0])
    return named[0].name, Interaction(rest, term.span) if rest else None


def _split_effects(
    group: GroupTerm, free: Sequence[str], formula: Formula
) -> list[ParameterEffects]:
    """What a bar of the third part says of each parameter, in the order of mention."""
    split = [_split(term, free, formula) for term in group.effects.common]
    if not split:
        raise FormulaError(
            "A literal 1 is no parameter of the curve.",
            formula=formula.text,
            span=group.span,
            fix=f"say what varies: ({free[0]} | {':'.join(map(str, group.factor))})",
        )
    out = []
    for name in dict.fromkeys(name for name, _ in split):
        own = [rest for other, rest in split if other == name]
        common = tuple(rest for rest in own if rest is not None)
        out.append(ParameterEffects(name, None in own, common))
    return out


def _blocks(written: Sequence[Written]) -> tuple[tuple[Written, ...], ...]:
    """Group terms of the same label and factor are correlated: they make one block."""
    blocks: dict[Any, list[Written]] = {}
    seen: set[Any] = set()
    for i, one in enumerate(written):
        factor = tuple(map(str, one.term.factor))
        for effect in one.effects:
            for what in (*effect.common, *([None] if effect.intercept else [])):
                key = (factor, effect.parameter, str(what))
                if key in seen:
                    raise DuplicateTerm(
                        f"Twice, {effect.parameter}{'' if what is None else f':{what}'} varies by "
                        f"{':'.join(factor)}.",
                        formula=one.formula,
                        span=one.term.span,
                        fix="leave it out of one term",
                    )
                seen.add(key)
        label = one.term.label
        blocks.setdefault((label, factor) if label is not None else i, []).append(one)
    return tuple(map(tuple, blocks.values()))
