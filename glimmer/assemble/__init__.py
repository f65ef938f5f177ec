"""From a specification and the arrays of some rows to a PyMC model."""

from glimmer.assemble.model import Assembly, assemble

__all__ = ["Assembly", "assemble"]
