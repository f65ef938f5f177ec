"""Families of outcome distributions and their links, as data."""

from glimmer.families.builtin import FAMILIES, get_family, register_family
from glimmer.families.family import Auxiliary, Family
from glimmer.families.links import Link, get_link
from glimmer.families.support import Support

__all__ = [
    "FAMILIES",
    "Auxiliary",
    "Family",
    "Link",
    "Support",
    "get_family",
    "get_link",
    "register_family",
]
