"""Registers the words that a formula calls as terms of their own: ``s(x)``, ``te(x, z)``, ...

Such a call is not a column: the formula language carries it to `Terms` as it is written, and the
class of term that belongs to the word reads it.
"""

from __future__ import annotations

from glimmer.errors import FormulaError
from glimmer.formula import factors
from glimmer.formula.characters import is_plain
from glimmer.formula.functions import FUNCTIONS
from glimmer.formula.nodes import CONSTANTS, Bar, Call, Node

SMOOTHS = ("s", "te", "ti", "t2")
OFFSET = "offset"
RESERVED = {*SMOOTHS, OFFSET, *FUNCTIONS, *factors.OPTIONS, *CONSTANTS, "I", "c"}
_REGISTERED: dict[str, None] = {}


def register_special(word: str) -> None:
    """Let formulas call a term by a new word, such as ``mo(x)``.

    Parameters
    ----------
    word : str
        The name that the formula calls. Registering it again changes nothing.

    Raises
    ------
    FormulaError
        The word cannot be written in a formula, or is already used in formulas.

    Examples
    --------
    >>> from glimmer.formula import expand, parse
    >>> register_special("mo")
    >>> formula = parse("y ~ x + mo(income)")
    >>> [str(call) for call in expand(formula.text, formula.parts[0]).specials]
    ['mo(income)']
    """
    if word in RESERVED:
        raise FormulaError(
            f"{word!r} cannot be registered as a term: it is already used in formulas.",
            fix="choose another word",
        )
    if not is_plain(word) or "." in word:
        raise FormulaError(
            f"{word!r} cannot be registered as a term: it must be a name such as 'mo'.",
            fix="use letters, digits and _, and begin with a letter",
        )
    _REGISTERED[word] = None


def special_words() -> tuple[str, ...]:
    """Return the words that are terms of their own: the smooths, and those that were registered."""
    return (*SMOOTHS, *_REGISTERED)


def is_special(node: Node) -> bool:
    """Whether a node must be a term alone: group terms, offsets, smooths, registered words."""
    return isinstance(node, Bar) or is_special_call(node) or is_offset(node)


def is_special_call(node: Node) -> bool:
    """Whether a node calls a smooth or a registered word."""
    return isinstance(node, Call) and node.function in special_words()


def is_offset(node: Node) -> bool:
    """Whether a node is ``offset(...)``."""
    return isinstance(node, Call) and node.function == OFFSET
