"""Builds a model again with another formula, other data or other arguments."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from glimmer.builders.spelling import arguments_of
from glimmer.errors import ArgumentError, suggestion
from glimmer.formula import Dot, Formula, Node, parse, walk


class Builder(Protocol):
    """What is asked of a builder: the arguments that it was made with."""

    arguments: tuple[tuple[Any, ...], dict[str, Any]] | None


def update[B: Builder](model: B, formula: str | None = None, **changes: Any) -> B:
    """Make a new model of the same arguments, but for those given; it is not fitted.

    Parameters
    ----------
    model : ModelBuilder
    formula : str, optional
        A dot is what was on that side: ``". ~ . + x"``.
    **changes
        Other arguments of the builder: ``data``, ``prior``, ``family``, ...

    Returns
    -------
    ModelBuilder

    Raises
    ------
    ArgumentError
        The builder has no such argument, or the model was loaded and has no data.

    Examples
    --------
    >>> import glimmer as gl
    >>> one = gl.GlmerBuilder("Reaction ~ 1 + (1 | Subject)", gl.load_data("sleepstudy"))
    >>> one.update(". ~ . + Days").spec.formula
    'Reaction ~ (1 + (1 | Subject)) + Days'
    """
    builder = type(model)
    if model.arguments is None:
        raise ArgumentError(
            "A loaded model cannot be updated without its data.",
            fix=f"build a new one: gl.{builder.__name__}(...)",
        )
    known = inspect.signature(builder).parameters
    args, keywords = model.arguments
    given = dict(zip(known, args, strict=False)) | keywords
    if formula is not None:
        changes["formula"] = _filled(formula, parse(given["formula"]))
    named = arguments_of(builder)
    for name in changes:
        if name not in named:
            raise ArgumentError(
                f"{builder.__name__} has no argument {name!r}.", fix=suggestion(name, named)
            )
    return builder(**{**given, **changes})


def _filled(formula: str, old: Formula) -> str:
    """The new formula's text, each dot replaced by the old text of its side."""
    left, tilde, right = formula.partition("~")
    if left.strip() == ".":
        formula = f"{_text(old, old.response)} {tilde}{right}"
    new = parse(formula)
    text, shift = new.text, 0
    sides = [(new.response, _text(old, old.response))]
    sides += [
        (part, _text(old, before)) for part, before in zip(new.parts, old.parts, strict=False)
    ]
    for node, before in sides:
        for dot in sorted(walk(node), key=lambda n: n.span) if node is not None else ():
            if isinstance(dot, Dot):
                start, stop = (at + shift for at in dot.span)
                put = before if node is new.response else f"({before})"
                text = text[:start] + put + text[stop:]
                shift += len(put) - (stop - start)
    return text


def _text(formula: Formula, node: Node | None) -> str:
    return "" if node is None else formula.text[slice(*node.span)]
