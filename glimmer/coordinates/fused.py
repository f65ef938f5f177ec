"""Which models the kernels have a form for: a normal outcome, or a family's fused likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glimmer.spec import Design, ModelSpec


def is_conjugate(spec: ModelSpec) -> bool:
    """Whether the outcome is normal around a sum of effects, so that these integrate out."""
    return spec.family.normal and spec.family.link_name == "identity" and spec.stage.linear


def has_kernel(spec: ModelSpec, design: Design) -> bool:
    """Whether a kernel goes from the coefficients to the likelihood, with weights of its kind."""
    kernel = spec.family.row_kernel if spec.stage.linear else None
    if kernel is None:
        return False
    return design.weights is None or spec.weights == kernel.weights


def row_functions(spec: ModelSpec, design: Design) -> Any:
    """The compiled functions of rows that a whitened model needs; None if it has no kernel."""
    kernel = spec.family.row_kernel
    return kernel.kernels if kernel is not None and has_kernel(spec, design) else None
