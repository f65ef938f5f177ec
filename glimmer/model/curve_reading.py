"""What a nonlinear formula asks for: a curve, its inputs, and the terms of each parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from glimmer.data import Frame
from glimmer.errors import (
    ArgumentError,
    DuplicateTerm,
    FormulaError,
    MeanFunctionError,
    OutcomeError,
    UnknownFunction,
    suggestion,
)
from glimmer.formula import (
    Call,
    Formula,
    GroupTerm,
    Interaction,
    Name,
    Node,
    Number,
    Terms,
    Unary,
    expand,
    parse,
    variables,
)
from glimmer.model.checks import Judge
from glimmer.nonlinear import (
    MeanFunction,
    Parameter,
    find_mean_function,
    mean_function,
    mean_function_names,
)
from glimmer.nonlinear.evaluate import bind
from glimmer.terms.parameter_groups import ParameterEffects

FORMULA = 'write "y ~ SSlogis(x, Asym, xmid, scal) ~ Asym | g", or give params={"Asym": "~ 1"}'


@dataclass(frozen=True)
class Curve:
    """A mean function with the data and the names it is given in a formula.

    Attributes
    ----------
    function : MeanFunction
    inputs : tuple of tuple of Node
        For each data argument, the columns it is made of.
    names : tuple of str
        Of the parameters, in the function's order.
    known : dict of str to float
        Values of parameters that are not estimated.
    """

    function: MeanFunction
    inputs: tuple[tuple[Node, ...], ...]
    names: tuple[str, ...]
    known: dict[str, float] = field(default_factory=dict)


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
    given = _given(params)
    curve = _curve(formula, frame, given, function, kinds or {})
    _check_names(formula, curve, given, frame)
    terms: dict[str, tuple[str, Terms]] = {}
    written: list[Written] = []
    for name in curve.names:
        if name not in curve.known:
            own, found = _parameter_terms(name, given.get(name, "~ 1"), frame, judge)
            terms[name] = own, replace(found, groups=())
            written += _of_parameter(own, name, found)
    if len(formula.parts) > 1:
        written += _third_part(formula, curve, terms, judge)
    return Reading(formula, curve, terms, _blocks(written))


def _given(params: Any) -> dict[str, Any]:
    """``params=`` as a dict: formulas, known values, or kinds alone."""
    if params is None:
        return {}
    if isinstance(params, Mapping):
        return dict(params)
    if isinstance(params, str):
        raise ArgumentError("params= is a dict of formulas.", fix='params={"a": "~ 1", "b": "~ x"}')
    return dict.fromkeys(params, "~ 1")


def _curve(
    formula: Formula,
    frame: Frame,
    given: dict[str, Any],
    function: Any,
    kinds: Mapping[str, str],
) -> Curve:
    from glimmer.nonlinear.inline import inline_function

    node = formula.parts[0]
    if isinstance(function, str):
        function = find_mean_function(function)
    if function is not None and not isinstance(function, MeanFunction):
        declared = {n: kinds[n] for n in kinds} or None
        function = mean_function(function, parameters=declared)
    if isinstance(node, Call):
        if function is not None and node.function not in mean_function_names():
            return _called(node, function, formula)
        if node.function in mean_function_names() and _plain(node, frame):
            return _called(node, function or find_mean_function(node.function), formula)
    if function is not None:
        raise MeanFunctionError(
            f"The formula does not call {function!r}.",
            formula=formula.text,
            span=node.span,
            fix=f"write y ~ {function!r}, with your columns and parameters",
        )
    if not given:
        _check_known(node, formula)
    parameters = {n: Parameter(n, kinds[n]) if n in kinds else Parameter(n) for n in given}
    curve = inline_function(
        node, formula=formula.text, parameters=parameters, columns=frame.names, name="curve"
    )
    nodes = {name.name: name for name in variables(node)}
    inputs = tuple((nodes[argument.name],) for argument in curve.inputs)
    return Curve(curve, inputs, curve.names, _known(given))


def _check_known(node: Node, formula: Formula) -> None:
    """Raise when a formula calls what is no function, or writes a curve without ``params=``."""
    if isinstance(node, Call) and node.function not in mean_function_names():
        raise UnknownFunction(
            f"There is no mean function {node.function!r}.",
            formula=formula.text,
            span=(node.span[0], node.span[0] + len(node.function)),
            fix=suggestion(node.function, mean_function_names())
            + " (or give your own with function=)",
        )
    raise MeanFunctionError(
        "The parameters of this curve are not declared.",
        formula=formula.text,
        span=node.span,
        fix='declare them: params={"a": "~ 1", "k": "~ 1"}',
    )


def _plain(call: Call, frame: Frame) -> bool:
    """Whether the parameters of a mean function are names or numbers, without arithmetic."""
    function = find_mean_function(call.function)
    passed = dict(zip((*function.input_names, *function.names), call.args, strict=False))
    passed |= dict(call.kwargs)
    own = [node for name, node in passed.items() if name in function.names]
    return all(isinstance(node, Name) or _value(node) is not None for node in own)


def _called(call: Call, function: MeanFunction, formula: Formula) -> Curve:
    """A mean function as it is called: arguments by position or by name."""
    try:
        nodes = bind(
            function.name, (*function.input_names, *function.names), call.args, dict(call.kwargs)
        )
    except MeanFunctionError as error:
        raise MeanFunctionError(
            error.message, formula=formula.text, span=call.span, fix=error.fix
        ) from error
    data, own = nodes[: len(function.inputs)], nodes[len(function.inputs) :]
    names, known = [], {}
    for parameter, node in zip(function.names, own, strict=True):
        value = _value(node)
        name = node.name if isinstance(node, Name) else parameter
        if value is None and not isinstance(node, Name):
            raise MeanFunctionError(
                f"The parameter {parameter} of {function.name} is a name or a number.",
                formula=formula.text,
                span=node.span,
                fix=f'give it a formula of its own: params={{"{parameter}": "~ ..."}}',
            )
        if name in names:
            raise MeanFunctionError(
                f"The parameter {name!r} is passed twice.", formula=formula.text, span=node.span
            )
        names.append(name)
        if value is not None:
            known[name] = value
    inputs = tuple(
        node.args if argument.ndim == 2 and isinstance(node, Call) else (node,)
        for argument, node in zip(function.inputs, data, strict=True)
    )
    return Curve(function, inputs, tuple(names), known)


def _value(node: Node) -> float | None:
    match node:
        case Number():
            return float(node.value)
        case Unary("-", Number()):
            return -float(node.operand.value)  # type: ignore[attr-defined]
    return None


def _known(given: Mapping[str, Any]) -> dict[str, float]:
    return {n: float(v) for n, v in given.items() if isinstance(v, int | float)}


def _check_names(formula: Formula, curve: Curve, given: dict[str, Any], frame: Frame) -> None:
    """Each name has one meaning: a column or a parameter."""
    uses = {name.name: name.span for name in variables(formula.parts[0])}
    for name in curve.names:
        if name in frame:
            raise MeanFunctionError(
                f"{name!r} is a parameter and also a column of the data.",
                column=name,
                formula=formula.text,
                span=uses.get(name, formula.parts[0].span),
                fix="give the parameter another name, or rename the column",
            )
    for name in given:
        if name not in curve.names:
            raise MeanFunctionError(
                f"params= names {name!r}, which is no parameter of this curve.",
                formula=formula.text,
                span=formula.parts[0].span,
                fix=suggestion(str(name), curve.names),
            )
    curve.known.update(_known(given))
    if len(curve.known) == len(curve.names):
        raise MeanFunctionError(
            "All parameters of the curve are known: nothing is left to estimate.",
            formula=formula.text,
            span=formula.parts[0].span,
        )
    parameters = set(curve.names)
    for nodes in curve.inputs:
        for use in (name for node in nodes for name in variables(node)):
            if use.name in parameters:
                raise MeanFunctionError(
                    f"The parameter {use.name!r} stands where {curve.function!r} takes data.",
                    formula=formula.text,
                    span=use.span,
                    fix="the data come first, then the parameters",
                )


def _parameter_terms(name: str, given: Any, frame: Frame, judge: Judge) -> tuple[str, Terms]:
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
    names = list(frame.names)
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
            "A literal 1 is no parameter of the curve: which one varies?",
            formula=formula.text,
            span=group.span,
            fix=f"write ({free[0]} | {':'.join(map(str, group.factor))})",
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
