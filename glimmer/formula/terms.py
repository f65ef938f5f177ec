"""Declares the terms of a formula: common, group-specific, smooths, offsets."""

from __future__ import annotations

from dataclasses import dataclass

from glimmer.errors import Span
from glimmer.formula.nodes import Call, Node


@dataclass(frozen=True)
class Interaction:
    """A common effect: one factor, or the product of several.

    Attributes
    ----------
    factors : tuple of Node
        Names and calls, in the order in which the formula first mentions them.
    span : (int, int)
    """

    factors: tuple[Node, ...]
    span: Span

    def __str__(self) -> str:
        return ":".join(map(str, self.factors))


@dataclass(frozen=True)
class GroupTerm:
    """Effects that vary between the levels of a grouping factor.

    Attributes
    ----------
    effects : Terms
        Intercept and common effects that vary; nothing else in it.
    factor : tuple of Node
        The grouping factor; several for the interaction ``a:b``.
    correlated : bool
        False for ``||``: each numeric column apart, the columns of a factor together.
    label : str or None
        The ``p`` of ``(1 | p | g)``.
    span : (int, int)
    """

    effects: Terms
    factor: tuple[Node, ...]
    correlated: bool
    label: str | None
    span: Span


@dataclass(frozen=True)
class Terms:
    """The terms of a right-hand side.

    Attributes
    ----------
    intercept : bool
    common : tuple of Interaction
        By degree, then in the order of the formula.
    groups : tuple of GroupTerm
    offsets : tuple of Node
        What stands inside each ``offset(...)``.
    smooths : tuple of Call
        Calls of ``s``, ``te``, ``ti`` and ``t2``.
    specials : tuple of Call
        Calls of the words of `register_special`.
    """

    intercept: bool
    common: tuple[Interaction, ...] = ()
    groups: tuple[GroupTerm, ...] = ()
    offsets: tuple[Node, ...] = ()
    smooths: tuple[Call, ...] = ()
    specials: tuple[Call, ...] = ()
