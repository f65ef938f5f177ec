"""Holds a formula as it is read: the terms of each predictor, group terms, columns used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from glimmer.errors import OutcomeError
from glimmer.formula import Call, Formula, Name, Node, Terms, variables
from glimmer.learn.curve_call import CurveCall
from glimmer.terms.written_groups import WrittenGroup


@dataclass(frozen=True)
class Reading:
    """A formula, read.

    Attributes
    ----------
    formula : Formula
    terms : dict of str to (str, Terms)
        For each predictor, a formula and its terms (groups apart).
    groups : tuple of tuple of WrittenGroup
        Blocks of correlated effects.
    curve : CurveCall or None
    offsets : tuple of Node
        Added to a curve.
    """

    formula: Formula
    terms: dict[str, tuple[str, Terms]]
    groups: tuple[tuple[WrittenGroup, ...], ...]
    curve: CurveCall | None = None
    offsets: tuple[Node, ...] = field(default=())

    @property
    def own_formulas(self) -> dict[str, str]:
        """Of the predictors that have a formula of their own, with more than an intercept."""
        plain = ("~ 1", self.formula.text)
        return {name: own for name, (own, _) in self.terms.items() if own not in plain}

    @property
    def columns(self) -> tuple[Name, ...]:
        """Every column that the model uses, each once."""
        return self._once((*self._values(), *self._factors()))

    @property
    def value_columns(self) -> tuple[Name, ...]:
        """The columns that are used for more than telling groups apart."""
        return self._once(self._values())

    def _once(self, right: Iterable[tuple[str, Name]]) -> tuple[Name, ...]:
        """Columns of the outcome, of offsets and of the right-hand side, each once."""
        names = (name for _, name in right)
        first = named(self.formula.response, *self.offsets)
        return tuple(dict.fromkeys((*first, *names)))

    def _values(self) -> Iterator[tuple[str, Name]]:
        """Columns of values on a right-hand side, with their formula."""
        text = self.formula.text
        inputs = (node for argument in self.curve.inputs for node in argument) if self.curve else ()
        yield from ((text, name) for name in named(*inputs))
        for own, terms in self.terms.values():
            yield from ((own, name) for name in named(*_value_nodes(terms)))
        for one in self._written():
            nodes = (node for e in one.effects for term in e.common for node in term.factors)
            yield from ((one.formula, name) for name in named(*nodes))

    def _factors(self) -> Iterator[tuple[str, Name]]:
        """Columns of grouping factors, with their formula."""
        for one in self._written():
            yield from ((one.formula, name) for name in named(*one.term.factor))

    def _written(self) -> Iterator[WrittenGroup]:
        return (one for block in self.groups for one in block)

    def check_outcome_unused(self) -> None:
        """Raise `OutcomeError` if the outcome explains itself; the number of trials may."""
        outcome = outcome_column(self.formula)
        for formula, name in (*self._values(), *self._factors()):
            if name.name == outcome:
                raise OutcomeError(
                    f"The outcome {outcome!r} cannot also be on the right-hand side.",
                    column=outcome,
                    formula=formula,
                    span=name.span,
                    fix="leave it out of the right-hand side",
                )


def outcome_column(formula: Formula) -> str | None:
    """The column that is the outcome; None if several are."""
    node = formula.response
    if isinstance(node, Call) and len(node.args) > 1:
        node = node.args[0]
    names = {name.name for name in named(node)}
    return names.pop() if len(names) == 1 else None


def covariates(terms: Terms) -> list[Node]:
    """What the smooths are smooths of."""
    return [node for call in terms.smooths for node in call.args]


def named(*nodes: Node | None) -> Iterable[Name]:
    """The columns that some nodes name."""
    return (name for node in nodes if node is not None for name in variables(node))


def _value_nodes(terms: Terms) -> list[Node]:
    """Nodes that are evaluated in some rows."""
    nodes = [node for term in terms.common for node in term.factors]
    by = [node for call in terms.smooths for name, node in call.kwargs if name == "by"]
    special = [node for call in terms.specials for node in call.args]
    return [*nodes, *terms.offsets, *covariates(terms), *by, *special]
