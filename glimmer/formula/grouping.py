"""Reads the grouping factors of group-specific terms, and checks that no effect is there twice."""

from __future__ import annotations

from collections.abc import Sequence

from glimmer.errors import DuplicateTerm, SyntaxProblem, TooComplex
from glimmer.formula.nodes import Call, Name, Node, spine
from glimmer.formula.specials import is_special
from glimmer.formula.terms import GroupTerm

MAX_NESTED = 50


def grouping_factors(text: str, node: Node) -> list[tuple[Node, ...]]:
    """Return the grouping factors of ``g``, ``a:b`` (one), ``a/b`` (two: a and a:b)."""
    first, joints = spine(node)
    _check_no_special(text, first)
    if len(joints) > MAX_NESTED:
        raise TooComplex(
            f"A grouping factor cannot join more than {MAX_NESTED} columns.",
            formula=text,
            span=node.span,
        )
    parts = [first] + [joint.right for joint in joints]
    if isinstance(first, Name | Call) and all(joint.op in ":/" for joint in joints):
        factors: list[tuple[Node, ...]] = [(first,)]
        for joint in joints:
            right = grouping_factors(text, joint.right)
            if len(right) > 1:
                break
            longer = [tuple(dict.fromkeys(factor + right[0])) for factor in factors]
            factors = longer if joint.op == ":" else factors + longer[-1:]
        else:
            return factors
    apart = " + ".join(f"(1 | {part})" for part in parts)
    raise SyntaxProblem(
        "A grouping factor must be a column, or columns joined by : or /.",
        formula=text,
        span=node.span,
        fix=f"write {apart}" if len(parts) > 1 else None,
    )


def check_repeats(text: str, groups: Sequence[GroupTerm]) -> None:
    """Raise `DuplicateTerm` when an effect varies twice by one grouping factor."""
    seen: set[tuple[frozenset[Node], frozenset[Node]]] = set()
    for group in groups:
        effects = [effect.factors for effect in group.effects.common]
        for factors in effects + [()] * group.effects.intercept:
            key = (frozenset(group.factor), frozenset(factors))
            if key in seen:
                by = ":".join(map(str, group.factor))
                effect = ":".join(map(str, factors)) or "The intercept"
                raise DuplicateTerm(
                    f"{effect} varies by {by} in two terms.",
                    formula=text,
                    span=group.span,
                    fix=f"leave it out of one term, as in (0 + x | {by}); "
                    f"(1 + x || {by}) has both effects, uncorrelated",
                )
            seen.add(key)


def _check_no_special(text: str, node: Node) -> None:
    if isinstance(node, Call) and is_special(node):
        raise SyntaxProblem(
            f"{node} cannot be a grouping factor: it must be a term of its own.",
            formula=text,
            span=node.span,
            fix="name a column, as in (1 | g)",
        )
