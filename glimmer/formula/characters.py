"""Decides which characters a formula may contain, and which names need no backquotes."""

from __future__ import annotations

import re
import unicodedata

CONFUSABLE = frozenset(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԛԝ"  # Cyrillic letters that look Latin
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"  # Greek letters that look Latin
)


def is_hidden(character: str) -> bool:
    """Whether a character is invisible or reorders the text: control, bidi, zero-width."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and (
        character not in "\t\n\r"
    )


def starts_name(character: str) -> bool:
    """Whether a name can begin with the character."""
    return character.isidentifier()


def continues_name(character: str) -> bool:
    """Whether the character can stand inside a name."""
    return character == "." or ("a" + character).isidentifier()


def impostor(name: str) -> str | None:
    """Return the first character that passes for a Latin letter in one of the name's words.

    A word wholly in another script is what it is; a word that mixes scripts, with a letter that
    looks Latin, is a trap.
    """
    for word in re.split(r"[\W\d_]+", name):
        disguised = [c for c in word if _disguised(c)]
        borrowed = [c for c in word if c in CONFUSABLE]
        if disguised or (borrowed and any("LATIN" in unicodedata.name(c, "") for c in word)):
            return (disguised + borrowed)[0]
    return None


def is_plain(name: str) -> bool:
    """Whether a name can stand in a formula without backquotes."""
    head = name[1:] if name[:1] == "." else name
    return (
        head != ""
        and starts_name(head[0])
        and all(map(continues_name, head))
        and not is_internal(name)
        and impostor(name) is None
    )


def is_internal(name: str) -> bool:
    """Whether a name, or a part behind a dot, looks like Python's own (``__class__``)."""
    return any(part.startswith("__") for part in name.split("."))


def called(character: str) -> str:
    """How a character is shown in a message: its code point and its name."""
    name = unicodedata.name(character, "no name")
    return f"U+{ord(character):04X} ({name.lower()})"


def _disguised(character: str) -> bool:
    """Full-width, mathematical and other letters that are a Latin letter in another dress."""
    plain = unicodedata.normalize("NFKC", character)
    return not character.isascii() and plain.isascii() and plain.isalpha()
