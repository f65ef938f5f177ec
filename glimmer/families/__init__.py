"""Declares families of outcome distributions and their links, as data."""

import glimmer.families.builtin  # noqa: F401  # which registers the families that ship
from glimmer.families.family import Family
from glimmer.families.links import LINKS, Link, get_link, register_link
from glimmer.families.parameter import Parameter
from glimmer.families.registry import FAMILIES, get_family, register_family
from glimmer.families.response_kinds import BINARY, NUMBERS, ResponseKind, Trials
from glimmer.families.responses import Outcome, Reading, Response
from glimmer.families.support import Support

__all__ = [
    "BINARY",
    "FAMILIES",
    "LINKS",
    "NUMBERS",
    "Family",
    "Link",
    "Outcome",
    "Parameter",
    "Reading",
    "Response",
    "ResponseKind",
    "Support",
    "Trials",
    "get_family",
    "get_link",
    "register_family",
    "register_link",
]
