"""Reads a curve written out in the formula: ``y ~ a * exp(-k * t)``.

Names are columns or parameters, functions come from a fixed table or are mean functions; the text
is never run as a program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from glimmer.errors import (
    ForbiddenExpression,
    FormulaError,
    MeanFunctionError,
    UnknownFunction,
    suggestion,
)
from glimmer.formula.nodes import Binary, Call, Name, Node, Number, Unary, spine, variables
from glimmer.nonlinear.parameters import Input, Parameter
from glimmer.nonlinear.protocol import MeanFunction
from glimmer.nonlinear.registry import find_mean_function, mean_function_names

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}
CONSTANTS = {"pi": math.pi}
ONE_ARGUMENT = (
    "exp expm1 log log1p log2 log10 sqrt abs sin cos tan arctan sinh cosh tanh sigmoid softplus erf"
).split()
TWO_ARGUMENTS = "pow minimum maximum".split()
ALIASES = {
    "plogis": "sigmoid",
    "expit": "sigmoid",
    "inv_logit": "sigmoid",
    "atan": "arctan",
    "pmin": "minimum",
    "pmax": "maximum",
}


@cache
def functions() -> dict[str, tuple[Callable[..., Any], int]]:
    """Return what an inline expression can call: functions of tensors, and how many they take."""
    import pytensor.tensor as pt

    table = {name: (vars(pt)[name], 1) for name in ONE_ARGUMENT}
    table |= {name: (vars(pt)[name], 2) for name in TWO_ARGUMENTS}
    table |= {name: table[same] for name, same in ALIASES.items()}
    return table | {
        "pnorm": (lambda z: 0.5 * pt.erfc(-z / math.sqrt(2.0)), 1),
        "I": (lambda value: value, 1),
    }


def inline_function(
    node: Node,
    *,
    formula: str,
    parameters: Mapping[str, str | Parameter] | Sequence[str],
    columns: Collection[str],
    name: str = "curve",
) -> MeanFunction:
    """Make the right-hand side of a formula a mean function.

    Parameters
    ----------
    node : Node
        The expression, as the parser reads it.
    formula : str
        The whole formula, for the errors.
    parameters : mapping of str to (str or Parameter), or sequence of str
        The names that are parameters, and what they measure (see `KINDS`) if that is known.
    columns : collection of str
        The names that are columns of the data.
    name : str

    Returns
    -------
    MeanFunction
        Its inputs are the columns that the expression uses, in the order of the text; its
        parameters stand in the order of ``parameters``.

    Raises
    ------
    MeanFunctionError
        A name is neither a column nor a parameter, or both; a parameter or the data are not used.
    UnknownFunction
        A function is not in the table.
    FormulaError
        The expression is not arithmetic.

    Examples
    --------
    >>> from glimmer.formula import parse
    >>> formula = parse("y ~ a * exp(-k * t)")
    >>> decay = inline_function(
    ...     formula.parts[0], formula=formula.text, parameters=["a", "k"], columns=["y", "t"]
    ... )
    >>> decay, decay(0.0, a=2.0, k=1.0)
    (curve(t, a, k), 2.0)
    """
    kinds = parameters if isinstance(parameters, Mapping) else dict.fromkeys(parameters, None)
    declared = {n: k if isinstance(k, Parameter) else _plain(n, k) for n, k in kinds.items()}
    check_arithmetic(node, formula)
    inputs = _data_names(node, formula, declared, columns)

    def expression(*values: Any) -> Any:
        return evaluate_expression(node, dict(zip((*inputs, *declared), values, strict=True)))

    data = tuple(Input(column) for column in inputs)
    expression.__doc__ = f"``{node}``."
    return MeanFunction(name, data, tuple(declared.values()), expression, source=str(node))


def _plain(name: str, kind: str | None) -> Parameter:
    return Parameter(name) if kind is None else Parameter(name, kind)


def _data_names(
    node: Node, formula: str, declared: Collection[str], columns: Collection[str]
) -> tuple[str, ...]:
    """The columns among the names of an expression, once every name has its one meaning."""
    names = [use for use in variables(node) if use.name not in CONSTANTS or use.name in columns]
    for use in names:
        parameter, column = use.name in declared, use.name in columns
        if parameter and column:
            raise MeanFunctionError(
                f"{use.name!r} is a parameter and also a column of the data.",
                column=use.name,
                formula=formula,
                span=use.span,
                fix="give the parameter another name",
            )
        if not (parameter or column):
            raise MeanFunctionError(
                f"{use.name!r} is neither a column of the data nor a declared parameter.",
                formula=formula,
                span=use.span,
                fix=f"declare it: params={{{use.name!r}: '~ 1'}}; among columns and parameters, "
                + suggestion(use.name, [*columns, *declared]),
            )
    used = {use.name for use in names}
    unused = [name for name in declared if name not in used]
    if unused or used <= set(declared):
        what = f"The parameter {unused[0]!r}" if unused else "No column of the data"
        raise MeanFunctionError(
            f"{what} is {'not ' if unused else ''}used in this expression.",
            formula=formula,
            span=node.span,
            fix="use it, or leave it out of params"
            if unused
            else "use at least one column of the data",
        )
    return tuple(use.name for use in names if use.name in columns)


def check_arithmetic(node: Node, formula: str) -> None:
    """Raise a typed error at the first part of an expression that is not arithmetic."""
    match node:
        case Name() | Number():
            return
        case Unary():
            return check_arithmetic(node.operand, formula)
        case Binary():
            first, joints = spine(node)
            for joint in joints:
                if joint.op not in OPERATORS:
                    raise FormulaError(
                        f"{joint.op!r} cannot be used in a curve.",
                        formula=formula,
                        span=joint.span,
                        fix="write the curve with + - * / ^ and functions",
                    )
                check_arithmetic(joint.right, formula)
            return check_arithmetic(first, formula)
        case Call():
            return _check_call(node, formula)
    raise ForbiddenExpression(
        "A curve can only contain numbers, columns, parameters and functions of them.",
        formula=formula,
        span=node.span,
    )


def _check_call(call: Call, formula: str) -> None:
    known = functions()
    if call.function in mean_function_names():
        function = find_mean_function(call.function)
        takes = len(function.inputs) + len(function.parameters)
    elif call.function in known:
        takes = known[call.function][1]
    else:
        raise UnknownFunction(
            f"A curve cannot call {call.function!r}.",
            formula=formula,
            span=(call.span[0], call.span[0] + len(call.function)),
            fix=suggestion(call.function, [*known, *mean_function_names()]),
        )
    if call.kwargs or len(call.args) != takes:
        raise FormulaError(
            f"{call.function} takes {takes} unnamed argument{'s' * (takes != 1)}.",
            formula=formula,
            span=call.span,
        )
    for argument in call.args:
        check_arithmetic(argument, formula)


def evaluate_expression(node: Node, values: Mapping[str, Any]) -> Any:
    """The value of a checked expression, given that of each name."""
    match node:
        case Number():
            return node.value
        case Name():
            return values[node.name] if node.name in values else CONSTANTS[node.name]
        case Unary():
            value = evaluate_expression(node.operand, values)
            return -value if node.op == "-" else value
        case Binary():
            first, joints = spine(node)
            value = evaluate_expression(first, values)
            for joint in joints:
                value = OPERATORS[joint.op](value, evaluate_expression(joint.right, values))
            return value
        case Call():
            arguments = [evaluate_expression(argument, values) for argument in node.args]
            if node.function in mean_function_names():
                return find_mean_function(node.function)(*arguments)
            return functions()[node.function][0](*arguments)
    raise TypeError(f"{node!r} is not arithmetic")
