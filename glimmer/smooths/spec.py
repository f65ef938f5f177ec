"""Reads a smooth term as it is written, free of data: ``s(x, k=20)``, ``te(x, z)``, ..."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glimmer.errors import FormulaError, SmoothError, Span, suggestion
from glimmer.formula import Call, Name, Node, Number, String, Unary
from glimmer.formula.nodes import CONSTANTS
from glimmer.formula.specials import SMOOTHS
from glimmer.record import record

COMMON = ("k", "bs", "m", "by", "fx", "pc", "id", "xt")
OPTIONS = {
    "s": COMMON,
    "te": (*COMMON, "d", "np"),
    "ti": (*COMMON, "d", "np"),
    "t2": (*COMMON, "d", "full"),
}
LITERALS = {**CONSTANTS, "NA": None}


@record
class SmoothSpec:
    """A smooth term as it is written.

    Attributes
    ----------
    function : {"s", "te", "ti", "t2"}
    variables : tuple of str
        The covariates.
    bs : tuple of str
        The basis of ``s``, or of every margin.
    k : tuple of int or None
        Basis dimension of each margin; None for the default.
    m : tuple
        Orders of each margin, a tuple or None.
    d : tuple of int
        Number of covariates of each margin.
    by : str or None
        The column that multiplies, or the factor whose levels each have their smooth.
    fx : bool
        Whether the smooth is left unpenalized.
    pc : tuple of float or None
        The point at which f is zero, in place of sum-to-zero.
    id : str or None
        Smooths of one ``id`` share basis and smoothness.
    xt : mapping or None
        What a basis needs besides, such as the neighbours of regions.
    np, full : bool
        Options of ``te``/``ti`` (values at points as coefficients) and ``t2`` (null spaces apart).
    span : (int, int) or None
        Where the term stands in its formula.
    """

    function: str
    variables: tuple[str, ...]
    bs: tuple[str, ...]
    k: tuple[int | None, ...]
    m: tuple[tuple[float | None, ...] | None, ...]
    d: tuple[int, ...]
    by: str | None = None
    fx: bool = False
    pc: tuple[float, ...] | None = None
    id: str | None = None
    xt: Mapping[str, Any] | None = None
    np: bool = True
    full: bool = False
    span: Span | None = None

    @property
    def label(self) -> str:
        """The term without its options, ``te(x,z)``, as mgcv names it."""
        return f"{self.function}({','.join(self.variables)})"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the data that the term uses."""
        return self.variables + (() if self.by is None else (self.by,))


def smooth_spec(function: str, *variables: str, **options: Any) -> SmoothSpec:
    """Return the spec of a smooth term from Python values.

    Parameters
    ----------
    function : {"s", "te", "ti", "t2"}
    *variables : str
        Names of the covariates.
    **options
        ``k, bs, m, by, fx, pc, id, xt`` and, for tensor products, ``d, np, full``, as in mgcv.

    Returns
    -------
    SmoothSpec

    Raises
    ------
    SmoothError
        An option does not exist or has an impossible value.

    Examples
    --------
    >>> smooth_spec("te", "x", "z", k=(4, 6)).k
    (4, 6)
    """
    if function not in SMOOTHS:
        raise SmoothError(f"Unknown smooth {function}().", fix=suggestion(function, SMOOTHS))
    for name in options:
        if name not in OPTIONS[function]:
            raise SmoothError(
                f"{function}() has no argument {name!r}.",
                fix=suggestion(name, OPTIONS[function]),
            )
    if not variables or len(set(variables)) < len(variables):
        raise SmoothError(f"{function}() needs one or more different covariates, not {variables}.")
    given = {name: value for name, value in options.items() if value is not None}
    d = _margins(function, len(variables), given.get("d"))
    default = ("tp",) if function == "s" else tuple("cr" if size == 1 else "tp" for size in d)
    bs = _each(given.get("bs", default), len(d), "bs", str)
    if function != "s":
        bs = tuple("tp" if b == "cr" and size > 1 else b for b, size in zip(bs, d, strict=True))
    return SmoothSpec(
        function,
        tuple(variables),
        bs,
        _dimensions(given.get("k"), d, function),
        _orders(given.get("m"), len(d)),
        d,
        by=given.get("by"),
        fx=_flag(given.get("fx", False), "fx"),
        pc=_point(given.get("pc"), len(variables)),
        id=None if "id" not in given else str(given["id"]),
        xt=given.get("xt"),
        np=_flag(given.get("np", True), "np"),
        full=_flag(given.get("full", False), "full"),
    )


def spec_from_call(node: Call, xt: Mapping[str, Any] | None = None) -> SmoothSpec:
    """Return the spec of a call in a formula.

    Parameters
    ----------
    node : Call
        ``s(...)``, ``te(...)``, ``ti(...)`` or ``t2(...)``.
    xt : mapping, optional
        Objects that ``xt=name`` may name.

    Raises
    ------
    FormulaError
        A covariate is not a column name, or an argument is not a literal. The span is set.
    SmoothError
        An option does not exist or has an impossible value. The span is set.
    """
    for argument in node.args:
        if not isinstance(argument, Name):
            raise FormulaError(
                f"{node.function}() must be given names of columns, not {argument.text}.",
                span=argument.span,
                fix="add the expression to the data as a column",
            )
    options = {name: _option(name, value, xt or {}) for name, value in node.kwargs}
    try:
        names = [argument.name for argument in node.args if isinstance(argument, Name)]
        spec = smooth_spec(node.function, *names, **options)
    except SmoothError as error:
        error.span = node.span
        raise
    return replace(spec, span=node.span)


def _option(name: str, node: Node, xt: Mapping[str, Any]) -> Any:
    """The value of an argument: a literal, a column for ``by``, a named object for ``xt``."""
    if isinstance(node, Name) and node.name not in LITERALS:
        if name == "by":
            return node.name
        if name == "xt" and node.name in xt:
            return xt[node.name]
    if name == "xt" and isinstance(node, Call) and node.function == "list":
        return {key: _option(key, value, xt) for key, value in node.kwargs}
    return _literal(node)


def _literal(node: Node) -> Any:
    match node:
        case Number(value=value):
            return int(value) if float(value).is_integer() else float(value)
        case String(value=value):
            return value
        case Unary(op=op, operand=Number(value=value)) if op in "+-":
            return _literal(Number(-value if op == "-" else value))
        case Name(name=name) if name in LITERALS:
            return LITERALS[name]
        case Call(function="c" | "list", kwargs=()):
            return tuple(_literal(item) for item in node.args)
    raise FormulaError(
        f"An argument of a smooth must be a constant, not {node.text}.",
        span=node.span,
        fix='use numbers, texts, TRUE, FALSE or c(...), e.g. k=10, bs="cr", m=c(2, 1)',
    )


def _margins(function: str, variables: int, d: Any) -> tuple[int, ...]:
    """Numbers of covariates of the margins."""
    if function == "s":
        return (variables,)
    sizes = (1,) * variables if d is None else _numbers(d, "d", int)
    if sum(sizes) != variables or min(sizes) < 1:
        raise SmoothError(f"d must add up to the {variables} covariates, not be {sizes}.")
    if len(sizes) < 2 and function != "ti":  # ti(x) is a main effect beside ti(x, z)
        raise SmoothError(f"{function}() needs at least two margins.", fix="use s()")
    return sizes


def _dimensions(k: Any, d: tuple[int, ...], function: str) -> tuple[int | None, ...]:
    """Basis dimensions; mgcv's -1 and NA ask for the default, which is 5^d for margins."""
    default = [None if function == "s" else 5**size for size in d]
    values = _each(k, len(d), "k", int) if k is not None else (None,) * len(d)
    chosen = tuple(
        default[i] if value is None or value == -1 else value for i, value in enumerate(values)
    )
    if any(value is not None and value < 1 for value in chosen):
        raise SmoothError(f"k must be a positive whole number, not {k}.")
    return chosen


def _orders(m: Any, margins: int) -> tuple[tuple[float | None, ...] | None, ...]:
    """Orders of each margin: one for all, one number for each, or a tuple for each."""
    if m is None:
        return (None,) * margins
    if not isinstance(m, tuple | list) or margins == 1 or len(m) != margins:
        return (_numbers(m, "m", float),) * margins
    return tuple(None if item is None else _numbers(item, "m", float) for item in m)


def _each(value: Any, count: int, name: str, kind: type) -> tuple[Any, ...]:
    """A value for each margin, one value standing for all."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    values = values * count if len(values) == 1 else values
    wrong = [v for v in values if v is not None and not _is(v, kind)]
    if wrong or len(values) != count:
        raise SmoothError(
            f"{name}={value!r} must be {'a string' if kind is str else 'a whole number'}, "
            f"or one for each of {count} margins."
        )
    return tuple(v if v is None else kind(v) for v in values)


def _numbers(value: Any, name: str, kind: type) -> tuple[Any, ...]:
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if any(v is not None and not _is(v, kind) for v in values):
        raise SmoothError(f"{name} must be numbers, not {value!r}.")
    return tuple(v if v is None else kind(v) for v in values)


def _is(value: Any, kind: type) -> bool:
    """Whether a literal is of a kind; whole floats are integers, flags are not numbers."""
    if kind is str:
        return isinstance(value, str)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (kind is float or float(value).is_integer())


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise SmoothError(f"{name} must be TRUE or FALSE, not {value!r}.")
    return value


def _point(pc: Any, variables: int) -> tuple[float, ...] | None:
    """The point where f is zero, a number for each covariate."""
    if pc is None:
        return None
    point = _numbers(pc, "pc", float)
    if len(point) != variables or None in point:
        raise SmoothError(f"pc must have a number for each of {variables} covariates, not {pc}.")
    return point
