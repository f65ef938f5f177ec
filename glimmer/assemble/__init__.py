"""Makes a PyMC model from a specification and the arrays of some rows."""

from glimmer.assemble.model import Assembly, assemble

__all__ = ["Assembly", "assemble"]
