"""Reads the curve that a nonlinear formula calls, with its columns, parameters and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from itertools import takewhile
from typing import Any

from glimmer.data import Frame
from glimmer.errors import MeanFunctionError, UnknownFunction, suggestion
from glimmer.formula import Call, Formula, Name, Node, Number, Unary, variables
from glimmer.nonlinear import (
    MeanFunction,
    Parameter,
    find_mean_function,
    mean_function,
    mean_function_names,
)
from glimmer.nonlinear.binding import bind


@dataclass(frozen=True)
class CurveCall:
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


def read_curve(
    formula: Formula,
    frame: Frame,
    given: Mapping[str, Any],
    function: Any,
    kinds: Mapping[str, str],
) -> CurveCall:
    """Read the curve of a nonlinear formula.

    Parameters
    ----------
    formula : Formula
    frame : Frame
    given : mapping
        ``params=``, by name: formulas, and numbers for known values.
    function : MeanFunction, callable, str, or None
        What the formula calls, if it is none of the registered functions.
    kinds : mapping of str to str
        What the parameters of the user's own curve measure.

    Raises
    ------
    MeanFunctionError, UnknownFunction
        It is not a curve, or a name in it cannot be resolved to one column or parameter.
    """
    own = _own_function(function, kinds, formula.parts[0], frame)
    curve = _curve(formula, given, own, kinds, frame)
    known = {n: float(v) for n, v in given.items() if _is_known(v)}
    curve = replace(curve, known={**curve.known, **known})
    _check_columns(formula, curve, frame)
    _check_declared(formula, curve, given)
    _check_kinds(formula, curve, kinds, function)
    _check_inputs(formula, curve)
    return curve


def _is_known(given: Any) -> bool:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    return number and math.isfinite(given)


def _own_function(
    function: Any, kinds: Mapping[str, str], node: Node, frame: Frame
) -> MeanFunction | None:
    """What was passed as ``function=``, as a mean function.

    The data of a callable are those of its first arguments that the formula passes columns to.
    """
    if function is None or isinstance(function, MeanFunction):
        return function
    if isinstance(function, str):
        return find_mean_function(function)
    if not callable(function):
        raise MeanFunctionError(
            f"function={function!r} cannot be called.",
            fix="pass a function of PyTensor tensors, or the name of a registered one",
        )
    passed = node.args if isinstance(node, Call) else ()
    data = list(takewhile(lambda argument: _of_columns(argument, frame), passed))
    inputs = [name for name, _ in zip(signature(function).parameters, data, strict=False)]
    own = {n: kinds[n] for n in signature(function).parameters if n in kinds and n not in inputs}
    return mean_function(function, parameters=own or None, inputs=inputs or None)


def _of_columns(node: Node, frame: Frame) -> bool:
    names = [name.name for name in variables(node)]
    return bool(names) and all(name in frame for name in names)


def _curve(
    formula: Formula,
    given: Mapping[str, Any],
    function: MeanFunction | None,
    kinds: Mapping[str, str],
    frame: Frame,
) -> CurveCall:
    node = formula.parts[0]
    if isinstance(node, Call):
        if function is not None and node.function not in mean_function_names():
            return _called(node, function, formula)
        if node.function in mean_function_names() and _plain(node):
            return _called(node, function or find_mean_function(node.function), formula)
    if function is not None:
        raise MeanFunctionError(
            f"The formula must call {function!r}.",
            formula=formula.text,
            span=node.span,
            fix=f"write y ~ {function!r}, with your columns and parameters",
        )
    if not given:
        raise _undeclared(node, formula)
    return _written_out(node, formula, given, kinds, frame)


def _written_out(
    node: Node,
    formula: Formula,
    given: Mapping[str, Any],
    kinds: Mapping[str, str],
    frame: Frame,
) -> CurveCall:
    """A curve that is an expression in columns and declared parameters."""
    from glimmer.nonlinear.inline import inline_function

    parameters = {n: Parameter(n, kinds[n]) if n in kinds else Parameter(n) for n in given}
    curve = inline_function(
        node, formula=formula.text, parameters=parameters, columns=frame.names, name="curve"
    )
    nodes = {name.name: name for name in variables(node)}
    inputs = tuple((nodes[argument.name],) for argument in curve.inputs)
    return CurveCall(curve, inputs, curve.names)


def _undeclared(node: Node, formula: Formula) -> MeanFunctionError | UnknownFunction:
    """The error for a call of no function, or for a curve written out without ``params=``."""
    if isinstance(node, Call) and node.function not in mean_function_names():
        return UnknownFunction(
            f"Unknown mean function {node.function!r}.",
            formula=formula.text,
            span=(node.span[0], node.span[0] + len(node.function)),
            fix=suggestion(node.function, mean_function_names())
            + " (or give your own with function=)",
        )
    return MeanFunctionError(
        "The parameters of this curve are not declared.",
        formula=formula.text,
        span=node.span,
        fix='declare them: params={"a": "~ 1", "k": "~ 1"}',
    )


def _plain(call: Call) -> bool:
    """Whether the parameters of a mean function are names or numbers, without arithmetic."""
    function = find_mean_function(call.function)
    passed = dict(zip((*function.input_names, *function.names), call.args, strict=False))
    passed |= dict(call.kwargs)
    own = [node for name, node in passed.items() if name in function.names]
    return all(isinstance(node, Name) or _value(node) is not None for node in own)


def _called(call: Call, function: MeanFunction, formula: Formula) -> CurveCall:
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
                f"The argument {parameter} of {function.name} must be a name or a number.",
                formula=formula.text,
                span=node.span,
                fix=f'give it a formula of its own: params={{"{parameter}": "~ ..."}}',
            )
        if name in names:
            raise MeanFunctionError(
                f"The parameter {name!r} is passed twice.",
                formula=formula.text,
                span=node.span,
                fix="give each parameter a name of its own",
            )
        names.append(name)
        if value is not None:
            known[name] = value
    inputs = tuple(
        node.args if argument.ndim == 2 and isinstance(node, Call) else (node,)
        for argument, node in zip(function.inputs, data, strict=True)
    )
    return CurveCall(function, inputs, tuple(names), known)


def _value(node: Node) -> float | None:
    match node:
        case Number():
            return float(node.value)
        case Unary("-", Number()):
            return -float(node.operand.value)  # type: ignore[attr-defined]
    return None


def _check_columns(formula: Formula, curve: CurveCall, frame: Frame) -> None:
    """Raise `MeanFunctionError` if a parameter has the name of a column."""
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


def _check_declared(formula: Formula, curve: CurveCall, given: Mapping[str, Any]) -> None:
    """Raise `MeanFunctionError` unless all that is declared are parameters, and one is free."""
    for name in given:
        if name not in curve.names:
            raise MeanFunctionError(
                f"{name!r} in params is not a parameter of this curve.",
                formula=formula.text,
                span=formula.parts[0].span,
                fix=suggestion(str(name), curve.names),
            )
    if len(curve.known) == len(curve.names):
        raise MeanFunctionError(
            "At least one parameter of the curve must be free: all are given as numbers.",
            formula=formula.text,
            span=formula.parts[0].span,
            fix="leave one of the numbers out",
        )


def _check_kinds(
    formula: Formula, curve: CurveCall, kinds: Mapping[str, str], function: Any
) -> None:
    """Raise `MeanFunctionError` unless kinds are given for a curve of the user's own."""
    own = curve.function
    for name in kinds:
        if name not in own.names:
            raise MeanFunctionError(
                f"{name!r} in kinds is not a parameter of this curve.",
                formula=formula.text,
                span=formula.parts[0].span,
                fix=suggestion(str(name), own.names),
            )
    if kinds and own.source is None and isinstance(function, MeanFunction | str | None):
        raise MeanFunctionError(
            f"kinds cannot be used with {own.name}, whose parameters have kinds already.",
            formula=formula.text,
            span=formula.parts[0].span,
            fix="leave kinds= out; it is for curves of your own",
        )


def _check_inputs(formula: Formula, curve: CurveCall) -> None:
    """Raise `MeanFunctionError` if a parameter is passed as data."""
    for use in (name for nodes in curve.inputs for node in nodes for name in variables(node)):
        if use.name in curve.names:
            raise MeanFunctionError(
                f"{use.name!r} is a parameter, but this argument of {curve.function!r} must be "
                "data.",
                formula=formula.text,
                span=use.span,
                fix="pass the data first, then the parameters",
            )
