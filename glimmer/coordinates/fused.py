"""Which models the kernels have a form for: a normal outcome, or a family's fused likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glimmer.families.builtin import is_shipped

if TYPE_CHECKING:
    from glimmer.spec import Design, ModelSpec


def is_conjugate(spec: ModelSpec) -> bool:
    """Whether the outcome is normal around a sum of effects, so that these integrate out."""
    return spec.family.normal and spec.family.link_name == "identity" and spec.stage.linear


def has_kernel(spec: ModelSpec, design: Design) -> bool:
    """Whether a kernel goes from the coefficients to the likelihood.

    That of the normal family takes precisions; all others take exponents.
    """
    from glimmer.kernels import FAMILIES

    family, weighted = spec.family, design.weights is not None
    return (
        spec.stage.linear
        and (family.name, family.link_name) in FAMILIES
        and is_shipped(family)
        and spec.weights != "precision"
        and not (family.normal and weighted)
    )
