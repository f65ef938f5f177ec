"""Declares the nodes that formulas are made of, each with its place in the text.

Every node has a canonical text (``str(node)``), by which terms are named and by which nodes are
compared: two nodes are equal when they read the same, wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from glimmer.errors import Span
from glimmer.formula.characters import is_plain

PRECEDENCE = {"+": 20, "-": 20, "*": 30, "/": 30, "%in%": 40, ":": 50, "^": 70}
UNARY = 60
ATOM = 100
CONSTANTS = {"TRUE": True, "True": True, "FALSE": False, "False": False, "NULL": None, "None": None}


class Node:
    """The common part of all nodes: the canonical text, and equality by it."""

    span: Span

    @property
    def precedence(self) -> int:
        """How tightly the node's outermost operator binds."""
        return ATOM

    @cached_property
    def text(self) -> str:
        """The canonical text, which parses to an equal node."""
        raise NotImplementedError

    def children(self) -> tuple[Node, ...]:
        """Return the nodes below this one, in the order of the text."""
        return ()

    def at(self, span: Span) -> Self:
        """Return the same node at another place."""
        return replace(self, span=span)  # type: ignore[type-var]  # all nodes are dataclasses

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True, eq=False)
class Name(Node):
    """A column of the data (or, as an option of a call, a constant such as ``TRUE``)."""

    name: str
    span: Span = (0, 0)

    @cached_property
    def text(self) -> str:
        return self.name if is_plain(self.name) else f"`{self.name}`"


@dataclass(frozen=True, eq=False)
class Dot(Node):
    """The ``.`` that stands for all other columns."""

    span: Span = (0, 0)

    @cached_property
    def text(self) -> str:
        return "."


@dataclass(frozen=True, eq=False)
class Number(Node):
    """A number without a sign."""

    value: float
    span: Span = (0, 0)

    @property
    def is_integer(self) -> bool:
        """Whether it is a whole number."""
        return self.value.is_integer()

    @cached_property
    def text(self) -> str:
        return str(int(self.value)) if self.value < 1e15 and self.is_integer else repr(self.value)


@dataclass(frozen=True, eq=False)
class String(Node):
    """A text in quotes; it has no escapes."""

    value: str
    span: Span = (0, 0)

    @cached_property
    def text(self) -> str:
        return f"'{self.value}'" if '"' in self.value else f'"{self.value}"'


@dataclass(frozen=True, eq=False)
class Call(Node):
    """A function with its arguments; ``{x + 1}`` is the call ``I(x + 1)``."""

    function: str
    args: tuple[Node, ...] = ()
    kwargs: tuple[tuple[str, Node], ...] = ()
    span: Span = (0, 0)

    def children(self) -> tuple[Node, ...]:
        return self.args + tuple(node for _, node in self.kwargs)

    @cached_property
    def text(self) -> str:
        named = [f"{key}={node.text}" for key, node in self.kwargs]
        return f"{self.function}({', '.join([node.text for node in self.args] + named)})"


@dataclass(frozen=True, eq=False)
class Unary(Node):
    """A sign before a node."""

    op: str
    operand: Node
    span: Span = (0, 0)

    @property
    def precedence(self) -> int:
        return UNARY

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    @cached_property
    def text(self) -> str:
        return self.op + _bracketed(self.operand, UNARY)


@dataclass(frozen=True, eq=False)
class Binary(Node):
    """Two nodes joined by an operator.

    Its meaning depends on where it stands: algebra of terms, or arithmetic inside a call.
    """

    op: str
    left: Node
    right: Node
    span: Span = (0, 0)

    @property
    def precedence(self) -> int:
        return PRECEDENCE[self.op]

    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)

    @cached_property
    def text(self) -> str:
        first, joined = spine(self)
        text, binds = first.text, first.precedence
        for node in joined:
            own, power = node.precedence, node.op == "^"
            left = f"({text})" if binds < own + power else text
            gap = "" if node.op in ":^" else " "
            text = f"{left}{gap}{node.op}{gap}{_bracketed(node.right, own + (not power))}"
            binds = own
        return text


@dataclass(frozen=True, eq=False)
class Bar(Node):
    """A group-specific term: ``(effects | group)``, ``(effects || group)``.

    ``(effects | label | group)`` shares its covariance with the other terms of that label.
    """

    effects: Node
    group: Node
    correlated: bool = True
    label: str | None = None
    span: Span = (0, 0)

    def children(self) -> tuple[Node, ...]:
        return (self.effects, self.group)

    @cached_property
    def text(self) -> str:
        middle = "|" if self.correlated else "||"
        if self.label is not None:
            middle = f"| {Name(self.label)} |"
        return f"({self.effects} {middle} {self.group})"


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    text : str
        As the user wrote it; all spans count characters of it.
    response : Node or None
        Left of the first ``~``; None when the formula is one-sided.
    parts : tuple of Node
        What stands right of each ``~``: one node, or two for ``y ~ f(...) ~ bars``.
    """

    text: str
    response: Node | None
    parts: tuple[Node, ...]


def spine(node: Node) -> tuple[Node, list[Binary]]:
    """Return the first operand of a chain ``a + b - c``, and its joints from left to right.

    Chains are as long as the formula, so they are walked, where brackets are recursed into.
    """
    joints: list[Binary] = []
    while isinstance(node, Binary):
        joints.append(node)
        node = node.left
    return node, joints[::-1]


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all below it, in the order of the text."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children()))


def variables(node: Node) -> tuple[Name, ...]:
    """Return the columns that a node uses, each once, with the place of its first mention.

    Parameters
    ----------
    node : Node

    Returns
    -------
    tuple of Name
        In the order of the text. Functions, options such as the contrasts in ``C(x, Sum)``, and
        constants such as ``TRUE`` are not columns.

    Examples
    --------
    >>> from glimmer.formula import parse
    >>> [str(name) for name in variables(parse("~ log(x) + poly(z, 2, raw=TRUE)").parts[0])]
    ['x', 'z']
    """
    found: dict[str, Name] = {}
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Name) and node.name not in CONSTANTS:
            found.setdefault(node.name, node)
        below = node.args[:1] if isinstance(node, Call) and node.function == "C" else None
        waiting.extend(reversed(node.children() if below is None else below))
    return tuple(found.values())


def _bracketed(node: Node, needed: int) -> str:
    return f"({node.text})" if node.precedence < needed else node.text
