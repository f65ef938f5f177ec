"""Finds the compiled likelihood of a model: that of a normal outcome, or a family's row kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glimmer.kernels import RowKernel
    from glimmer.spec import Design, ModelSpec


def is_conjugate(spec: ModelSpec) -> bool:
    """Whether the outcome is normal around a sum of effects, so that these integrate out."""
    return spec.family.normal and spec.family.link_name == "identity" and spec.stage.linear


def fused_kernel(spec: ModelSpec, design: Design) -> RowKernel | None:
    """The family's kernel from coefficients to the likelihood, if it takes the model's weights."""
    kernel = spec.family.row_kernel if spec.stage.linear else None
    if kernel is None or design.weights is None or spec.weights == kernel.weights:
        return kernel
    return None
