"""Splits the text of a formula into tokens, and rejects all that cannot be in a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from glimmer.errors import (
    ForbiddenExpression,
    FormulaError,
    Span,
    SyntaxProblem,
    TooComplex,
)
from glimmer.formula.characters import (
    called,
    continues_name,
    impostor,
    is_hidden,
    is_internal,
    starts_name,
)

MAX_LENGTH = 10_000
MAX_BRACKETS = 50
OPERATORS = ("%in%", "||", "**", *"+-*/:^~|(){},=.")
CLOSES = {")": "(", "}": "{"}
NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NO_CODE = "use names of columns and calls of functions; a formula cannot contain code"
FORBIDDEN = {
    "[": ("Subscripts and lists have no place in a formula.", "write c(...) for a list of values"),
    "]": ("Subscripts and lists have no place in a formula.", "write c(...) for a list of values"),
    "$": ("Parts of objects cannot be reached from a formula.", "name the column alone"),
    "@": ("Parts of objects cannot be reached from a formula.", "name the column alone"),
    ";": ("A formula is one expression, not a program.", NO_CODE),
    "\\": ("A formula is one expression, not a program.", NO_CODE),
}
COMPARISON = "comparisons and conditions cannot be terms; add a column to the data instead"


@dataclass(frozen=True)
class Token:
    """A piece of the text.

    Attributes
    ----------
    kind : {"name", "quoted", "number", "string", "operator", "end"}
        A "quoted" name stood in backquotes.
    text : str
        The operator, the name, or the content of the quotes.
    span : (int, int)
    """

    kind: str
    text: str
    span: Span

    def is_operator(self, *texts: str) -> bool:
        """Whether it is one of these operators."""
        return self.kind == "operator" and self.text in texts


def scan(text: str) -> list[Token]:
    """Return the tokens of a formula, the last of kind "end"; brackets are known to match.

    Raises
    ------
    SyntaxProblem, ForbiddenExpression
        At the first character that cannot be in a formula, or a bracket without its partner.
    TooComplex
        The text is longer, or nested deeper, than the limits.
    """
    if len(text) > MAX_LENGTH:
        raise TooComplex(
            f"The formula has {len(text):,} characters; the limit is {MAX_LENGTH:,}.",
            fix="use `.` for all columns, or combine columns beforehand",
        )
    for at, character in enumerate(text):
        if is_hidden(character):
            raise SyntaxProblem(
                f"The formula contains an invisible character, {called(character)}.",
                formula=text,
                span=(at, at + 1),
                fix="retype the formula; it may have been copied from a document",
            )
    tokens = list(_tokens(text))
    _match_brackets(text, tokens)
    return tokens


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _token(text, at)
        yield token
        at = token.span[1]
    yield Token("end", "", (at, at))


def _token(text: str, at: int) -> Token:
    """Return the token that begins at a position."""
    character = text[at]
    if match := NUMBER.match(text, at):
        return _number(text, match)
    if starts_name(character) or (character == "." and starts_name(text[at + 1 : at + 2])):
        return _name(text, at)
    if character in "'\"`":
        return _quoted(text, at)
    for operator in OPERATORS:
        if text.startswith(operator, at):
            shown = "^" if operator == "**" else operator
            return Token("operator", shown, (at, at + len(operator)))
    raise _unexpected(text, at)


def _number(text: str, match: re.Match[str]) -> Token:
    if not math.isfinite(float(match[0])):
        raise SyntaxProblem("This number is too large.", formula=text, span=match.span())
    return Token("number", match[0], match.span())


def _name(text: str, start: int) -> Token:
    stop = start + 1
    while stop < len(text) and continues_name(text[stop]):
        stop += 1
    name = text[start:stop]
    if character := impostor(name):
        at = text.index(character, start)
        raise SyntaxProblem(
            f"In {name!r}, the character {called(character)} only looks like a Latin letter.",
            formula=text,
            span=(at, at + 1),
            fix=f"retype the letter, or write `{name}` if that is the name of the column",
        )
    if is_internal(name):
        raise ForbiddenExpression(
            f"{name!r} cannot be used in a formula: names that begin with __ are Python's own.",
            formula=text,
            span=(start, stop),
            fix=f"write `{name}` if it is a column",
        )
    return Token("name", name, (start, stop))


def _quoted(text: str, start: int) -> Token:
    """Return a string or a backquoted name; a quote ends on its own line."""
    quote = text[start]
    stop = text.find(quote, start + 1)
    if stop < 0 or "\n" in text[start:stop]:
        raise SyntaxProblem(
            "This quote is not closed.", formula=text, span=(start, start + 1), fix=f"add a {quote}"
        )
    if quote == "`" and stop == start + 1:
        raise SyntaxProblem("This name is empty.", formula=text, span=(start, stop + 1))
    kind = "quoted" if quote == "`" else "string"
    return Token(kind, text[start + 1 : stop], (start, stop + 1))


def _unexpected(text: str, at: int) -> FormulaError:
    character, span = text[at], (at, at + 1)
    if character in FORBIDDEN:
        message, fix = FORBIDDEN[character]
        return ForbiddenExpression(message, formula=text, span=span, fix=fix)
    shown = character if character.isascii() else called(character)
    return SyntaxProblem(
        f"The character {shown} cannot be used in a formula.",
        formula=text,
        span=span,
        fix=COMPARISON if character in "<>!&?" else None,
    )


def _match_brackets(text: str, tokens: list[Token]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.is_operator("(", "{"):
            opened.append(token)
            if len(opened) > MAX_BRACKETS:
                raise TooComplex(
                    f"Parentheses cannot be nested more than {MAX_BRACKETS} deep.",
                    formula=text,
                    span=token.span,
                )
        elif token.is_operator(")", "}"):
            if not opened or opened.pop().text != CLOSES[token.text]:
                raise SyntaxProblem(f"Unmatched {token.text!r}.", formula=text, span=token.span)
    if opened:
        raise SyntaxProblem(f"Unmatched {opened[-1].text!r}.", formula=text, span=opened[-1].span)
