"""Expands the right-hand side of a formula into its terms, as R's ``terms.formula`` does."""

from __future__ import annotations

from collections.abc import Sequence

from glimmer.errors import (
    DesignWarning,
    Span,
    SyntaxProblem,
    TooComplex,
    warn,
)
from glimmer.formula.grouping import check_repeats, grouping_factors
from glimmer.formula.nodes import (
    Bar,
    Binary,
    Call,
    Dot,
    Name,
    Node,
    Number,
    Unary,
    spine,
    variables,
)
from glimmer.formula.specials import SMOOTHS, is_offset, is_special
from glimmer.formula.terms import GroupTerm, Interaction, Terms

MAX_TERMS = 5_000
MAX_WORK = 200_000

type TermSet = dict[frozenset[str], Interaction]


def expand(
    formula_text: str,
    node: Node,
    names: Sequence[str] | None = None,
    *,
    intercepts: bool = True,
) -> Terms:
    """Return the terms of a right-hand side.

    Parameters
    ----------
    formula_text : str
        The formula that ``node`` is part of, to point into.
    node : Node
        One of `Formula.parts`.
    names : sequence of str, optional
        The columns that ``.`` stands for: all but those of the outcome.
    intercepts : bool
        Whether there is an intercept, here and inside bars, where none is asked for.

    Returns
    -------
    Terms

    Raises
    ------
    SyntaxProblem
        A part of the formula is not a term.
    DuplicateTerm
        The same effect varies by the same grouping factor in two terms.
    TooComplex
        There would be more than 5,000 terms.

    Examples
    --------
    >>> from glimmer.formula import parse
    >>> formula = parse("y ~ a * b + (1 | g)")
    >>> terms = expand(formula.text, formula.parts[0])
    >>> [str(term) for term in terms.common]
    ['a', 'b', 'a:b']
    """
    algebra = _Algebra(formula_text, names, intercepts)
    found = algebra.expand(node)
    return algebra.sorted_out(found)


class _Algebra:
    """The operators on sets of terms, as R defines them.

    A set of terms is a dict from the texts of a term's factors to the term, in order of mention.
    Bars, smooths, registered words and offsets are carried through it as factors, and told apart
    at the end.
    """

    def __init__(self, text: str, names: Sequence[str] | None, intercepts: bool) -> None:
        self.text = text
        self.names = names
        self.intercepts = intercepts
        self.intercept = intercepts
        self.asked = False
        self.sign = 1
        self.mentioned: dict[str, int] = {}
        self.work = 0

    def problem(self, message: str, node: Node, fix: str | None = None) -> SyntaxProblem:
        return SyntaxProblem(message, formula=self.text, span=node.span, fix=fix)

    def expand(self, node: Node) -> TermSet:
        """Return the set of terms of a node; 0, 1 and -1 set the intercept on the way."""
        first, joints = spine(node)
        if joints and joints[0].op not in "+-":
            self._check_factor(first, joints[0])
        terms = self._atom(first)
        for joint in joints:
            terms = self._join(terms, joint)
            if len(terms) > MAX_TERMS:
                raise self._too_complex(joint)
        return terms

    def _atom(self, node: Node) -> TermSet:
        match node:
            case Name() | Call():
                return self._single(node, node.text)
            case Bar():
                return self._single(node, f"{node.text} at {node.span}")
            case Number():
                self._number(node)
                return {}
            case Dot():
                return self._dot(node)
            case Unary("+"):
                return self.expand(node.operand)
            case Unary("-"):
                return self._difference({}, node.operand)
        raise self.problem(
            f"{node} is not a term.", node, "put backquotes around a name with spaces"
        )

    def _single(self, node: Node, key: str) -> TermSet:
        self.mentioned.setdefault(key, len(self.mentioned))
        return {frozenset({key}): Interaction((node,), node.span)}

    def _dot(self, node: Dot) -> TermSet:
        if self.names is None:
            raise self.problem(". cannot be used here.", node, "name the columns")
        terms: TermSet = {}
        for name in self.names:
            terms |= self._atom(Name(name, node.span))
        return terms

    def _number(self, node: Number) -> None:
        """Let 0 or 1 decide on the intercept; the last one wins."""
        if node.value not in (0, 1):
            raise self.problem(
                f"{node} cannot be a term; the only numbers allowed are 0 and 1.",
                node,
                f"write I({node}) for a constant, or offset(...) for a known shift",
            )
        wanted = (node.value == 1) == (self.sign > 0)
        if self.asked and wanted != self.intercept:
            warn(
                f"The formula {self.text!r} both adds and removes the intercept; "
                f"the last one wins: {'an' if wanted else 'no'} intercept.",
                DesignWarning,
                fix="keep one of 0, 1 and -1",
            )
        self.intercept, self.asked = wanted, True

    def _negative(self, node: Node) -> TermSet:
        """Expand what is taken away: in it, 1 means no intercept."""
        self.sign = -self.sign
        terms = self.expand(node)
        self.sign = -self.sign
        for term in terms.values():
            if isinstance(term.factors[0], Bar):
                raise self.problem(
                    "Group-specific terms cannot be removed with '-'.", term.factors[0]
                )
        return terms

    def _join(self, left: TermSet, joint: Binary) -> TermSet:
        """Apply one operator; the left set is ours to change."""
        if joint.op == "^":
            return self._power(left, joint)
        if joint.op == "+":
            return self._union(left, self.expand(joint.right))
        if joint.op == "-":
            return self._difference(left, joint.right)
        self._check_factor(joint.right, joint)
        right = self.expand(joint.right)
        match joint.op:
            case "*":
                products = self._products(left, right, joint)
                return self._union(self._union(left, right), products)
            case ":":
                return self._products(left, right, joint)
            case "/":
                return self._union(left, self._products(self._all(left, joint), right, joint))
            case _:
                return self._products(left, self._all(right, joint), joint)

    def _union(self, left: TermSet, right: TermSet) -> TermSet:
        for key, term in right.items():
            left.setdefault(key, term)
        return left

    def _difference(self, left: TermSet, node: Node) -> TermSet:
        for key, term in self._negative(node).items():
            if left.pop(key, None) is None:
                warn(
                    f"'- {term}' has no effect in {self.text!r}: the term is not there to remove.",
                    DesignWarning,
                )
        return left

    def _products(self, left: TermSet, right: TermSet, joint: Binary) -> TermSet:
        """Every term of the left with every term of the right."""
        terms: TermSet = {}
        for a, first in left.items():
            self.work += len(right)
            if self.work > MAX_WORK or len(terms) > MAX_TERMS:
                raise self._too_complex(joint)
            for b, second in right.items():
                if (key := a | b) not in terms:
                    terms[key] = _product(first, second, joint.span)
        return terms

    def _all(self, terms: TermSet, joint: Binary) -> TermSet:
        """The one term in which all factors of a set meet."""
        if not terms:
            return {}
        factors = [factor for term in terms.values() for factor in term.factors]
        every = tuple(dict.fromkeys(factors))
        return {frozenset().union(*terms): Interaction(every, joint.span)}

    def _power(self, base: TermSet, joint: Binary) -> TermSet:
        power = joint.right
        if not (isinstance(power, Number) and power.is_integer and power.value >= 1):
            raise self.problem(
                "The power of terms must be a whole number of at least 1.",
                power,
                f"write I({joint}) for arithmetic",
            )
        terms = dict(base)
        for _ in range(int(power.value) - 1):
            before = len(terms)
            terms = self._union(terms, self._products(terms, base, joint))
            if len(terms) == before:
                break
        return terms

    def _check_factor(self, node: Node, joint: Binary) -> None:
        if isinstance(node, Number):
            raise self.problem(
                f"{joint.op!r} cannot join a term and a number.",
                node,
                f"write I({joint}) for arithmetic",
            )

    def _too_complex(self, joint: Binary) -> TooComplex:
        return TooComplex(
            f"The formula would have more than {MAX_TERMS:,} terms.",
            formula=self.text,
            span=joint.span,
            fix="use interactions of lower degree",
        )

    def sorted_out(self, found: TermSet) -> Terms:
        """Tell common terms, bars, smooths, registered words and offsets apart."""
        common: list[Interaction] = []
        bars: list[Bar] = []
        smooths: list[Call] = []
        specials: list[Call] = []
        offsets: list[Node] = []
        for key, term in found.items():
            special = next(filter(is_special, term.factors), None)
            if special is None:
                common.append(self._in_order(key, term))
            elif len(term.factors) > 1:
                raise self.problem(
                    f"{special} cannot be part of an interaction; it can only be added with +.",
                    special,
                )
            elif isinstance(special, Bar):
                bars.append(special)
            elif isinstance(special, Call) and special.function in SMOOTHS:
                smooths.append(special)
            elif isinstance(special, Call) and not is_offset(special):
                specials.append(special)
            else:
                offsets.append(self._offset(special))
        common.sort(key=lambda term: len(term.factors))
        groups = tuple(
            term
            for bar in bars
            for term in group_terms(self.text, bar, self.names, intercepts=self.intercepts)
        )
        check_repeats(self.text, groups)
        return Terms(
            self.intercept,
            tuple(common),
            groups,
            tuple(offsets),
            tuple(smooths),
            tuple(specials),
        )

    def _in_order(self, key: frozenset[str], term: Interaction) -> Interaction:
        if len(key) == 1:
            return term
        factors = sorted(term.factors, key=lambda node: self.mentioned[node.text])
        return Interaction(tuple(factors), term.span)

    def _offset(self, call: Node) -> Node:
        inside = call.children()
        if len(inside) != 1:
            raise self.problem("offset(...) must have one argument.", call)
        return inside[0]


def group_terms(
    text: str, bar: Bar, names: Sequence[str] | None, *, intercepts: bool = True
) -> list[GroupTerm]:
    """Return the terms of one bar: several when the grouping factor is nested, ``a/b``."""
    factors = grouping_factors(text, bar.group)
    own = {name.name for name in variables(bar.group)}
    others = None if names is None else [name for name in names if name not in own]
    effects = expand(text, bar.effects, others, intercepts=intercepts)
    if effects.groups or effects.offsets or effects.smooths or effects.specials:
        raise SyntaxProblem(
            "Only common terms can stand left of the bar of a group-specific term.",
            formula=text,
            span=bar.effects.span,
        )
    if not (effects.intercept or effects.common):
        raise SyntaxProblem(
            "The group-specific term has no effects.",
            formula=text,
            span=bar.effects.span,
            fix=f"write (1 | {bar.group})",
        )
    for name in variables(bar.effects):
        if name.name in own:
            raise SyntaxProblem(
                f"The effect of {name} cannot vary by a grouping factor that contains {name}.",
                formula=text,
                span=bar.span,
                fix=f"write (1 | {bar.group})",
            )
    return [GroupTerm(effects, factor, bar.correlated, bar.label, bar.span) for factor in factors]


def _product(first: Interaction, second: Interaction, span: Span) -> Interaction:
    return Interaction(tuple(dict.fromkeys(first.factors + second.factors)), span)
