"""Makes factors of a column by ``factor``, ``ordered`` and ``C`` with its contrasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glimmer.data import Factor
from glimmer.errors import NewLevel, SyntaxProblem, WrongType, suggestion
from glimmer.formula.arguments import flag, text, texts
from glimmer.formula.nodes import Call, Name, Node, Number, String
from glimmer.record import record

type State = dict[str, Any]

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "factor": ("levels", "ordered"),
    "ordered": ("levels",),
    "C": ("contr", "base", "levels"),
}
CONTRASTS = {
    spelling: kind
    for kind in ("treatment", "sum", "helmert", "poly")
    for spelling in (kind, kind.title(), f"contr.{kind}")
}


@record
class ContrastChoice:
    """The contrasts that a call of ``C`` asks for.

    Attributes
    ----------
    kind : {"treatment", "sum", "helmert", "poly"}
    base : str or None
        The reference level of treatment contrasts.
    """

    kind: str
    base: str | None = None


def learn_state(column: Factor, options: Mapping[str, Any], contrast: Node | None) -> State:
    """Return the levels of a column, whether they are ordered, and the contrasts asked for."""
    levels = _learn_levels(column, options.get("levels"))
    return {
        "levels": levels,
        "ordered": flag("ordered", options["ordered"]),
        "contrast": _contrast(contrast, options.get("base"), levels),
    }


def with_levels(column: Factor, levels: tuple[str, ...], ordered: bool) -> Factor:
    """Return the column coded by learned levels.

    Raises
    ------
    NewLevel
        A row has another level.
    """
    unseen = [level for level in column.used().levels if level not in levels]
    if unseen:
        shown = ", ".join(map(repr, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
        raise NewLevel(
            f"Column {column.name!r} has levels that the model has not seen: {shown}.",
            column=column.name,
            fix=suggestion(unseen[0], levels),
        )
    return replace(column.relevel(levels), ordered=ordered)


def _learn_levels(column: Factor, levels: Any) -> tuple[str, ...]:
    """Return the levels that the rows have, in the column's order or in that of ``levels``."""
    used = column.used().levels
    if levels is None:
        return used
    wanted = texts("levels", levels)
    if left_out := [level for level in used if level not in wanted]:
        raise WrongType(
            f"Column {column.name!r} has the level {left_out[0]!r}, which levels= does not list.",
            column=column.name,
            fix="list every level of the column in levels=",
        )
    return tuple(level for level in dict.fromkeys(wanted) if level in used)


def _contrast(node: Node | None, base: Any, levels: tuple[str, ...]) -> ContrastChoice | None:
    """Read ``Sum``, ``"sum"``, ``contr.sum`` or ``Treatment("b")``; None leaves the default."""
    match node:
        case None:
            kind = None if base is None else "treatment"
        case Call("Treatment" | "treatment", (Number(value) | String(value),), ()) if base is None:
            kind, base = "treatment", text("base", value)
        case Name(written) | String(written) | Call(written, (), ()):
            kind = CONTRASTS.get(written)
        case _:
            kind = None
    if kind is None:
        if node is None:
            return None
        raise _no_contrast(node)
    if base is not None and kind != "treatment":
        raise SyntaxProblem(f"base= cannot be used with contrasts of kind {kind!r}.")
    return ContrastChoice(kind, None if base is None else _base(base, levels))


def _base(base: Any, levels: tuple[str, ...]) -> str:
    """Return a level given by itself or, as in R, by its position from 1."""
    if isinstance(base, float) and base.is_integer() and 1 <= base <= len(levels):
        return levels[int(base) - 1]
    if isinstance(base, str) and base in levels:
        return base
    raise SyntaxProblem(
        f"base must be a level or the position of one, not {base!r}.",
        fix=suggestion(str(base), levels),
    )


def _no_contrast(node: Node) -> SyntaxProblem:
    return SyntaxProblem(
        f"{node} is not a contrast.",
        fix='write C(x, Treatment("level")), C(x, Sum), C(x, Helmert) or C(x, Poly)',
    )
