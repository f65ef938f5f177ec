"""Registers families by name, finds them, and writes and reads them in saved models.

A family is written, and travels between processes, as its name and that of its link.
"""

from __future__ import annotations

import copyreg
from copyreg import __newobj__  # type: ignore[attr-defined]
from typing import Any

from glimmer.errors import FamilyError, StoreError, suggestion
from glimmer.families.bambi import family_from_bambi, is_bambi_family
from glimmer.families.family import Family
from glimmer.families.links import LINKS, get_link
from glimmer.record import record, stands_for

FAMILIES: dict[str, Family] = {}
ALIASES: dict[str, str] = {}
SHIPPED: set[str] = set()


def ship(*families: Family) -> None:
    """Make families known by their names and aliases, which nobody else may take."""
    for family in families:
        FAMILIES[family.name] = family
        others = (*family.aliases, family.bambi or family.name)
        ALIASES.update({name: family.name for name in others if name != family.name})
        SHIPPED.add(family.name)


def register_family(family: Family) -> Family:
    """Make a family known by its name, so that saved models that use it can be loaded.

    Raises
    ------
    FamilyError
        The name is taken by a family that ships.
    """
    if family.name in SHIPPED or family.name in ALIASES:
        raise FamilyError(f"The name {family.name!r} is taken.", fix="choose another name")
    FAMILIES[family.name] = family
    return family


def get_family(family: Any, link: Any = None) -> Family:
    """Return a family by name, or as it is given (ours, or an object of bambi's), with a link.

    Raises
    ------
    FamilyError
        The family or link is unknown, or they do not go together.
    """
    if isinstance(family, Family):
        found = family
    elif is_bambi_family(family):
        found = family_from_bambi(family, _named)
    elif isinstance(family, str):
        found = _named(family)
    else:
        raise FamilyError(
            f"family must be a name or a Family, not {type(family).__name__}.",
            fix=f"use one of {tuple(FAMILIES)}",
        )
    return found.with_link(link)


def _named(name: str) -> Family:
    name = ALIASES.get(name, name)
    if name not in FAMILIES:
        raise FamilyError(f"Unknown family {name!r}.", fix=suggestion(name, [*FAMILIES, *ALIASES]))
    return FAMILIES[name]


@record
class NamedFamily:
    """A family by its name; ``link`` is None for the family's own."""

    name: str
    link: str | None


def write_family(family: Family) -> NamedFamily:
    """Return a family as it is saved: its name, and its link's.

    Raises
    ------
    StoreError
        The family is not known by its name, or its link is not.
    """
    known = FAMILIES.get(family.name)
    if known is None or family.with_link(known.link_function) != known:
        raise StoreError(
            f"The family {family.name!r} is not registered, so it cannot be saved.",
            fix="call register_family(family) before building the model, and before loading it",
        )
    link = family.link_function
    if link is known.link_function:
        return NamedFamily(family.name, None)
    if LINKS.get(link.name) is not link:
        raise StoreError(
            f"The link {link.name!r} is not registered, so it cannot be saved.",
            fix="call register_link(link) before building the model, and before loading it",
        )
    return NamedFamily(family.name, link.name)


def read_family(named: NamedFamily) -> Family:
    """Look a family up.

    Raises
    ------
    StoreError
        No family or link of that name has been registered.
    """
    try:
        link = None if named.link is None else get_link(named.link)
        return get_family(named.name, link)
    except FamilyError as error:
        raise StoreError(
            f"The model has the family {named.name!r}, which cannot be found: {error.message}",
            fix="call register_family(family) and register_link(link) before loading",
        ) from error


def _reduced(family: Family) -> Any:
    """Travel between processes by name where that is possible: lambdas cannot travel."""
    try:
        return read_family, (write_family(family),)
    except StoreError:
        return __newobj__, (Family,), family.__dict__


stands_for(Family, NamedFamily, write_family, read_family)
copyreg.pickle(Family, _reduced)
