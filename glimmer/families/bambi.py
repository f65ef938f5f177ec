"""Reads families of bambi by their attributes; bambi itself is never imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glimmer.errors import FamilyError
from glimmer.families.family import Family
from glimmer.families.links import Link, get_link
from glimmer.priors import as_prior
from glimmer.priors.any_distribution import distribution


def is_bambi_family(family: Any) -> bool:
    """Whether an object has the shape of ``bambi.Family``."""
    return hasattr(family, "likelihood") and hasattr(family, "link") and hasattr(family, "name")


def family_from_bambi(family: Any, shipped: Callable[[str], Family]) -> Family:
    """Translate a ``bambi.Family``: one of ours by name, else its PyMC distribution.

    Parameters
    ----------
    family : bambi.Family
    shipped : callable
        Looks up a family of ours by name; raises `FamilyError` when there is none.
    """
    likelihood = family.likelihood
    link = get_link(getattr(family.link[likelihood.parent], "name", family.link[likelihood.parent]))
    try:
        return shipped(family.name).with_link(link)
    except FamilyError:
        return _from_likelihood(family, link)


def _from_likelihood(family: Any, link: Link) -> Family:
    likelihood = family.likelihood
    dist = likelihood.dist or distribution(likelihood.name)
    rest = [name for name in likelihood.params if name != likelihood.parent]
    defaults = getattr(family, "default_priors", None) or {}
    missing = [name for name in rest if name not in defaults]
    if missing:
        raise FamilyError(
            f"The family {family.name!r} gives no default prior for {', '.join(missing)}.",
            fix="call family.set_default_priors(...) first",
        )
    parent = likelihood.parent
    return Family(
        family.name,
        dist=lambda mu, **aux: dist.dist(**{parent: mu}, **aux),
        link=link,
        aux={name: as_prior(defaults[name]) for name in rest},
    )
