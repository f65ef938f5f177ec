"""Evaluates a node of a formula on a frame; names are looked up in frame and tables only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from glimmer.data import Column, Factor, Frame
from glimmer.data.frame import looks_numeric
from glimmer.errors import (
    DuplicateName,
    ForbiddenExpression,
    MissingValues,
    ModelError,
    NotFinite,
    SyntaxProblem,
    UnknownFunction,
    WrongLength,
    WrongType,
    suggestion,
)
from glimmer.formula import factors
from glimmer.formula.functions import FUNCTIONS, Function
from glimmer.formula.nodes import (
    CONSTANTS,
    Binary,
    Call,
    Name,
    Node,
    Number,
    String,
    Unary,
    spine,
    variables,
)
from glimmer.formula.specials import special_words

type Functions = Mapping[str, Callable[..., np.ndarray]]
type Memory = dict[str, Any]

MODULES = ("np", "numpy", "math", "os", "sys", "pd", "pandas", "scipy", "builtins", "subprocess")
ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}


def column(frame: Frame, name: Name, formula: str) -> Column:
    """Return the column of a name.

    Raises
    ------
    UnknownColumn
        There is none; the caret is below the name.
    ForbiddenExpression
        There is none, and the name reaches into a module (``np.log``).
    """
    head, _, last = name.name.rpartition(".")
    if name.name not in frame and head.split(".")[0] in MODULES:
        raise ForbiddenExpression(
            f"{name} cannot be used in a formula: names must be columns, not members of a module.",
            formula=formula,
            span=name.span,
            fix=f"write {last}(x)" if last in FUNCTIONS else "name a column",
        )
    with pointing(formula, name):
        return frame[name.name]


@contextmanager
def pointing(formula: str, node: Node) -> Iterator[None]:
    """Let errors that do not say where they are point to a node."""
    try:
        yield
    except ModelError as error:
        if error.span is None:
            error.formula, error.span = formula, node.span
        raise


class Evaluator:
    """One evaluation of a node.

    Parameters
    ----------
    frame : Frame
    formula : str
        What the spans of the node count in.
    functions : mapping
        The user's own functions.
    memory : dict
        The state of each learned call by its text: written when learning, else read.
    learning : bool
    """

    def __init__(
        self, frame: Frame, formula: str, functions: Functions, memory: Memory, *, learning: bool
    ) -> None:
        self.frame, self.formula, self.functions = frame, formula, functions
        self.memory, self.learning = memory, learning
        taken = {*FUNCTIONS, *factors.OPTIONS, *special_words()}
        if clash := sorted(taken.intersection(functions)):
            raise DuplicateName(
                f"{clash[0]!r} has a meaning in formulas already.", fix="give yours another name"
            )

    def value(self, node: Node) -> np.ndarray | Factor:
        """Return labels, or float64 of shape (n,) or (n, k)."""
        with np.errstate(all="ignore"):
            labels = self._labels(node)
            if labels is not None:
                return labels
            values = self._number(node)
        return values if values.ndim else np.full(self.frame.n, values)

    def _problem(self, message: str, node: Node, fix: str | None = None) -> SyntaxProblem:
        return SyntaxProblem(message, formula=self.formula, span=node.span, fix=fix)

    def _labels(self, node: Node) -> Factor | None:
        """Return the labels of a categorical node; None if it is numeric."""
        if isinstance(node, Call) and node.function in factors.OPTIONS:
            return self._factor(node)
        if not isinstance(node, Name):
            return None
        found = column(self.frame, node, self.formula)
        if not isinstance(found, Factor):
            return None
        if looks_numeric(found):
            raise WrongType(
                f"Column {found.name!r} looks numeric, but its numbers are stored as text.",
                column=found.name,
                formula=self.formula,
                span=node.span,
                fix=f"convert it to numbers, or write factor({node}) if they are labels",
            )
        return self._with_levels(node, found, {"ordered": found.ordered})

    def _factor(self, call: Call) -> Factor:
        """Return the labels of ``factor``, ``ordered`` or ``C``."""
        if not call.args:
            raise self._problem(f"{call.function}(...) must be given a column.", call)
        inner = call.args[0]
        options = self._bound(call, call.args[1:], factors.OPTIONS[call.function])
        contrast = options.pop("contr", None)
        constants = {name: self._constant(node) for name, node in options.items()}
        with pointing(self.formula, call):
            found = self._as_labels(inner)
            constants.setdefault("ordered", call.function == "ordered" or found.ordered)
            return self._with_levels(call, found, constants, contrast)

    def _as_labels(self, node: Node) -> Factor:
        """Return any node as labels: whole numbers too."""
        if isinstance(node, Name):
            column(self.frame, node, self.formula)
            return self.frame.factor(node.name)
        if (labels := self._labels(node)) is not None:
            return labels
        values = np.broadcast_to(self._vector(node), self.frame.n)
        return Frame({node.text: values}).factor(node.text)

    def _with_levels(
        self, node: Node, found: Factor, options: dict[str, Any], contrast: Node | None = None
    ) -> Factor:
        """Code labels by the levels that were learned, or learn them."""
        if found.missing.any():
            raise self._missing(node, found.missing)
        if self.learning:
            self.memory[node.text] = factors.learn_state(found, options, contrast)
        state = self.memory[node.text]
        with pointing(self.formula, node):
            return factors.with_levels(found, state["levels"], state["ordered"])

    def _number(self, node: Node) -> np.ndarray:
        """Return numbers; of shape () for a constant."""
        first, joints = spine(node)
        value = self._operand(first)
        for joint in joints:
            value = self._arithmetic(joint, value, self._number(joint.right))
        return value

    def _operand(self, node: Node) -> np.ndarray:
        match node:
            case Number():
                return np.array(node.value)
            case Unary():
                value = self._vector(node.operand)
                return -value if node.op == "-" else value
            case Name():
                return self._numeric(node)
            case Call():
                return self._call(node)
        raise self._problem(f"{node} is not a number.", node)

    def _vector(self, node: Node) -> np.ndarray:
        """Return numbers of which there is one per row."""
        value = self._number(node)
        if value.ndim > 1:
            raise self._problem(f"{node} has several columns, but one is needed here.", node)
        return value

    def _numeric(self, name: Name) -> np.ndarray:
        column(self.frame, name, self.formula)
        with pointing(self.formula, name):
            found = self.frame.numeric(name.name)
        if found.missing.any():
            raise self._missing(name, found.missing)
        return self._finite(name, found.values)

    def _arithmetic(self, joint: Binary, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        if joint.op not in ARITHMETIC:
            raise self._problem(f"{joint.op!r} cannot be used in arithmetic.", joint)
        for side, value in ((joint.left, left), (joint.right, right)):
            if value.ndim > 1:
                raise self._problem(f"{side} has several columns, but one is needed here.", side)
        return self._finite(joint, np.asarray(ARITHMETIC[joint.op](left, right)))

    def _call(self, call: Call) -> np.ndarray:
        if call.function in self.functions:
            return self._finite(call, self._users(call))
        function = FUNCTIONS.get(call.function)
        if call.function in special_words():
            raise self._problem(
                f"{call} must be a term of its own; it cannot be an argument or a factor.",
                call,
                "add it to the other terms, as in y ~ x + s(z)",
            )
        if function is None:
            known = [*FUNCTIONS, *factors.OPTIONS, *self.functions]
            raise UnknownFunction(
                f"Unknown function {call.function!r}.",
                formula=self.formula,
                span=(call.span[0], call.span[0] + len(call.function)),
                fix=f"{suggestion(call.function, known)} (pass your own as functions={{...}})",
            )
        return self._finite(call, self._tabled(call, function))

    def _tabled(self, call: Call, function: Function) -> np.ndarray:
        """Return a function of the table on its arguments."""
        given = call.args[: function.most]
        if len(given) < function.least:
            raise self._problem(
                f"{call.function}(...) needs at least {function.least} unnamed argument(s).", call
            )
        values = [self._vector(node) for node in given]
        named = self._bound(call, call.args[function.most :], tuple(function.options))
        options = dict(function.options) | {k: self._constant(v) for k, v in named.items()}
        with pointing(self.formula, call):
            if function.plain:
                return np.asarray(function.apply(function.learn(*values, **options), *values))
            values = [np.broadcast_to(value, self.frame.n) for value in values]
            if self.learning:
                self.memory[call.text] = function.learn(*values, **options)
            return function.apply(self.memory[call.text], *values)

    def _users(self, call: Call) -> np.ndarray:
        """Return a user's function on copies of its arguments."""
        values = [np.array(self._number(node)) for node in call.args]
        options = {name: self._constant(node) for name, node in call.kwargs}
        result = np.asarray(self.functions[call.function](*values, **options))
        if result.dtype.kind not in "fiub":
            raise WrongType(
                f"{call.function}(...) must return numbers, not {result.dtype}.",
                formula=self.formula,
                span=call.span,
            )
        if result.ndim > 2 or (result.ndim and len(result) != self.frame.n):
            raise WrongLength(
                f"{call.function}(...) must return one value for each of the {self.frame.n} rows, "
                f"not shape {result.shape}.",
                formula=self.formula,
                span=call.span,
            )
        return result.astype(np.float64)

    def _bound(self, call: Call, args: Sequence[Node], names: tuple[str, ...]) -> dict[str, Node]:
        """Match the arguments after the values to the options: by name, then by position."""
        bound = dict(call.kwargs)
        for name, node in bound.items():
            if name not in names:
                raise self._problem(
                    f"{call.function}(...) has no argument {name}.", node, suggestion(name, names)
                )
        free = [name for name in names if name not in bound]
        if len(args) > len(free):
            raise self._problem(f"{call.function}(...) has too many arguments.", args[len(free)])
        return bound | dict(zip(free, args, strict=False))

    def _constant(self, node: Node) -> Any:
        """Return an option: a number, a text, TRUE, FALSE, NULL, or several by ``c(...)``."""
        match node:
            case Number() | String():
                return node.value
            case Name(name) if name in CONSTANTS:
                return CONSTANTS[name]
            case Unary("-", Number(value)):
                return -value
            case Call("c", args, ()):
                return tuple(map(self._constant, args))
        raise self._problem(f"{node} is not a constant, which an option must be.", node)

    def _finite(self, node: Node, values: np.ndarray) -> np.ndarray:
        """Let values pass; raise `NotFinite` for the first node whose value is not finite."""
        if np.isfinite(values).all():
            return values
        finite = np.isfinite(values)
        bad = np.broadcast_to(~(finite.all(axis=1) if values.ndim > 1 else finite), self.frame.n)
        names = [name.name for name in variables(node)]
        what = "Column" if isinstance(node, Name) else "The call"
        raise NotFinite(
            f"{what} {node} is infinite or undefined on {self._rows(bad)}.",
            column=", ".join(names) or None,
            formula=self.formula,
            span=node.span,
            fix=f"check {' and '.join(names)} in these rows" if names else None,
        )

    def _missing(self, node: Node, missing: np.ndarray) -> MissingValues:
        names = [name.name for name in variables(node)]
        return MissingValues(
            f"{node} has missing values on {self._rows(missing)}.",
            column=", ".join(names) or None,
            formula=self.formula,
            span=node.span,
        )

    def _rows(self, chosen: np.ndarray) -> str:
        """Name the first rows, counted from 0 in the user's table."""
        rows = self.frame.rows()[chosen]
        shown = ", ".join(str(row) for row in rows[:5])
        more = f", ... ({len(rows)} in all)" if len(rows) > 5 else ""
        return f"row{'s' if len(rows) > 1 else ''} {shown}{more}"
