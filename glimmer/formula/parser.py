"""Parses tokens into nodes: a Pratt parser with the precedences of R."""

from __future__ import annotations

from glimmer.errors import (
    ForbiddenExpression,
    FormulaError,
    Span,
    SyntaxProblem,
    TooComplex,
)
from glimmer.formula.nodes import (
    PRECEDENCE,
    UNARY,
    Bar,
    Binary,
    Call,
    Dot,
    Formula,
    Name,
    Node,
    Number,
    String,
    Unary,
    spine,
)
from glimmer.formula.scanner import Token, scan

MAX_DEPTH = 100
MODULES = ("np.", "numpy.", "math.", "scipy.special.", "jnp.", "pm.math.")
UNPREFIXED = (
    "abs ceil cos exp expit expm1 floor log log10 log1p log2 logit round sigmoid sin sqrt tan tanh"
).split()
ALIASES = {
    **{module + name: name for module in MODULES for name in UNPREFIXED},
    "as.factor": "factor",
    "as.ordered": "ordered",
}


def parse(text: str) -> Formula:
    """Read a formula.

    Parameters
    ----------
    text : str
        ``y ~ x + (1 | g)``, one-sided ``~ x``, or three-part ``y ~ f(x, a) ~ a | g``. Operators
        and precedences are R's: ``^`` (or ``**``), the signs, ``:``, ``%in%``, ``* /``, ``+ -``,
        and ``|``, ``||`` inside brackets.

    Returns
    -------
    Formula

    Raises
    ------
    SyntaxProblem
        It is not a formula; the caret shows where.
    ForbiddenExpression
        It contains code: dotted calls, subscripts, attributes.
    TooComplex
        It is longer than 10,000 characters, or its brackets are nested deeper than 50.

    Examples
    --------
    >>> formula = parse("log(y) ~ x + (1 | g)")
    >>> str(formula.response), str(formula.parts[0])
    ('log(y)', 'x + (1 | g)')
    """
    if not isinstance(text, str):
        raise SyntaxProblem(
            f"A formula must be a string, not of type {type(text).__name__}.",
            fix='write "y ~ x + (1 | g)"',
        )
    return _Parser(text).formula()


class _Parser:
    """A position in the tokens, and how to read on from it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = scan(text)
        self.at = 0
        self.depth = 0
        self.calls = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def problem(self, message: str, span: Span, fix: str | None = None) -> SyntaxProblem:
        return SyntaxProblem(message, formula=self.text, span=span, fix=fix)

    def formula(self) -> Formula:
        """Read the whole text: sides between tildes, and nothing left over."""
        tildes = [token for token in self.tokens if token.is_operator("~")]
        self._check_tildes(tildes)
        response = None if self.next.is_operator("~") else self._response()
        parts = []
        for number in range(len(tildes)):
            self._tilde()
            parts.append(self._side(bare_bar=number == 1))
        return Formula(self.text, response, tuple(parts))

    def _check_tildes(self, tildes: list[Token]) -> None:
        if self.next.kind == "end":
            raise self.problem("The formula is empty.", (0, 0), 'write "y ~ x + (1 | g)"')
        if not tildes:
            whole = (self.next.span[0], self.tokens[-2].span[1])
            raise self.problem(
                "A formula must have a ~ between the outcome and its terms.",
                whole,
                _with_tilde(self.text),
            )
        one_sided = self.next.is_operator("~")
        if len(tildes) > 2 - one_sided:
            raise self.problem(
                "Too many ~.",
                tildes[2 - one_sided].span,
                "write y ~ x, or y ~ f(x, a) ~ a | g for a nonlinear model",
            )

    def _tilde(self) -> None:
        if not self.next.is_operator("~"):
            raise self._left_over()
        token = self.take()
        if self.next.kind == "end" or self.next.is_operator("~"):
            raise self.problem("Missing terms after ~.", token.span, "write ~ 1 for no terms")

    def _response(self) -> Node:
        node = self.expression(0)
        if isinstance(node, Number | String | Bar | Dot):
            raise self.problem("The outcome must be a column or a function of columns.", node.span)
        return node

    def _side(self, bare_bar: bool) -> Node:
        node = self.expression(0)
        if not self.next.is_operator("|", "||"):
            if self.next.kind != "end" and not self.next.is_operator("~"):
                raise self._left_over()
            return node
        bar = self._bar(node)
        if not bare_bar:
            raise self.problem(
                "Group-specific terms must be in parentheses.", bar.span, f"write {bar}"
            )
        if self.next.kind != "end":
            raise self._left_over()
        return bar

    def _left_over(self) -> FormulaError:
        token = self.next
        fix = None
        if token.kind in ("name", "quoted", "number", "string"):
            fix = "put + between terms, and backquotes around a name with spaces"
        elif token.is_operator("(", "|", "||"):
            fix = "put + before a group-specific term, as in y ~ x + (1 | g)"
        elif token.is_operator("="):
            fix = "write ~ after the outcome; = can only name an argument of a function"
        return self.problem("Missing operator here.", token.span, fix)

    def expression(self, binding: int) -> Node:
        """Read operands joined by operators that bind tighter than ``binding``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplex(
                "The formula is nested too deeply.", formula=self.text, span=self.next.span
            )
        left = self._operand()
        while self.next.kind == "operator" and PRECEDENCE.get(self.next.text, 0) > binding:
            operator = self.take()
            self._needs_operand(operator)
            power = PRECEDENCE[operator.text]
            right = self.expression(power - 1 if operator.text == "^" else power)
            left = Binary(operator.text, left, right, (left.span[0], right.span[1]))
        self.depth -= 1
        return left

    def _needs_operand(self, operator: Token) -> None:
        if self.next.kind == "end" or self.next.is_operator(")", "}", "~", ",", "|", "||", "="):
            raise self.problem(f"Missing operand after {operator.text!r}.", operator.span)

    def _operand(self) -> Node:
        token = self.take()
        match token.kind, token.text:
            case "number", text:
                return Number(float(text), token.span)
            case "string", text:
                return String(text, token.span)
            case "quoted", text:
                return Name(text, token.span)
            case "name", _:
                return self._call(token) if self.next.is_operator("(") else _name(token)
            case "operator", ".":
                return Dot(token.span)
            case "operator", "(":
                return self._bracket(token)
            case "operator", "{":
                return self._braces(token)
            case "operator", ("+" | "-") as sign:
                self._needs_operand(token)
                operand = self.expression(UNARY)
                return Unary(sign, operand, (token.span[0], operand.span[1]))
        raise self._no_operand(token)

    def _no_operand(self, token: Token) -> SyntaxProblem:
        if token.kind == "end":
            return self.problem("Unexpected end of the formula.", self.tokens[-2].span)
        return self.problem(f"Missing operand before {token.text!r}.", token.span)

    def _bracket(self, opening: Token) -> Node:
        if self.next.is_operator(")"):
            raise self.problem("Empty parentheses.", (opening.span[0], self.next.span[1]))
        node = self.expression(0)
        if self.next.is_operator("|", "||"):
            if self.calls:
                raise self.problem(
                    "A group-specific term cannot be an argument of a function.", self.next.span
                )
            node = self._bar(node)
        return node.at((opening.span[0], self._close(")").span[1]))

    def _bar(self, effects: Node) -> Bar:
        """Read on from the bar: ``| g``, ``|| g`` or ``| label | g``."""
        first = self.take()
        self._needs_operand(first)
        group, label = self.expression(0), None
        if first.text == "|" and self.next.is_operator("|"):
            if not isinstance(group, Name):
                raise self.problem("The label between two bars must be a name.", group.span)
            label = group.name
            self._needs_operand(self.take())
            group = self.expression(0)
        span = (effects.span[0], group.span[1])
        return Bar(effects, group, first.text == "|", label, span)

    def _braces(self, opening: Token) -> Call:
        self.calls += 1
        node = self.expression(0)
        closing = self._close("}")
        self.calls -= 1
        return Call("I", (node,), (), (opening.span[0], closing.span[1]))

    def _close(self, bracket: str) -> Token:
        if not self.next.is_operator(bracket):
            raise self._left_over()
        return self.take()

    def _call(self, token: Token) -> Call:
        function = ALIASES.get(token.text, token.text)
        if "." in function:
            raise self._dotted_call(token)
        self.take()
        self.calls += 1
        args: list[Node] = []
        kwargs: dict[str, Node] = {}
        while not self.next.is_operator(")"):
            self._argument(args, kwargs)
            if self.next.is_operator(","):
                self._needs_operand(self.take())
            elif not self.next.is_operator(")"):
                raise self._left_over()
        closing = self.take()
        self.calls -= 1
        span = (token.span[0], closing.span[1])
        return Call(function, tuple(args), tuple(kwargs.items()), span)

    def _argument(self, args: list[Node], kwargs: dict[str, Node]) -> None:
        """Read one argument, named or not."""
        name = self.next
        if not (name.kind == "name" and self.tokens[self.at + 1].is_operator("=")):
            args.append(self.expression(0))
            return
        if name.text in kwargs:
            raise self.problem(f"The argument {name.text} is given twice.", name.span)
        self.take()
        self._needs_operand(self.take())
        kwargs[name.text] = self.expression(0)

    def _dotted_call(self, token: Token) -> ForbiddenExpression:
        last = token.text.rpartition(".")[2]
        fix = "pass your own functions as functions={...} and call them by a plain name"
        return ForbiddenExpression(
            f"{token.text}(...) cannot be called in a formula: a function must have a plain name.",
            formula=self.text,
            span=token.span,
            fix=f"write {last}(...)" if last in UNPREFIXED else fix,
        )


def _with_tilde(text: str) -> str:
    """What to write in place of a formula without ``~``."""
    try:
        terms = parse(f"~ {text}").parts[0]
    except FormulaError:
        return "write y ~ x + (1 | g)"
    first, joints = spine(terms)
    if all(isinstance(term, Bar) for term in (first, *(joint.right for joint in joints))):
        return f"write ~ {terms}, or y ~ {terms} with an outcome"
    return f"write y ~ {terms}"


def _name(token: Token) -> Name:
    return Name(token.text, token.span)
