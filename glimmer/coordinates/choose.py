"""Chooses integrated, whitened or plain coordinates for a model; the posterior is the same.

* **integrated**: the outcome is normal, so the coefficients given the other parameters are normal
  too, and are integrated out. NUTS sees standard deviations and correlations alone; coefficients
  are drawn exactly afterwards.
* **whitened**: coefficients are P^-1 r + L^-T z, with P = L L' their precision in the quadratic
  approximation at a penalized mode, of a curve that of its tangent there; z is close to standard
  normal whatever the other parameters.
* **plain**: the model as it stands.

Draws come back as those of the model's own free variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glimmer.errors import SamplingError, alternatives, suggestion

if TYPE_CHECKING:
    from glimmer.coordinates.layout import Layout
    from glimmer.coordinates.plan import Plan
    from glimmer.spec import Design, ModelSpec

COORDINATES = ("integrated", "whitened", "plain")


def choose(spec: ModelSpec, design: Design, coordinates: str | None) -> Plan | None:
    """The plan for a model, or None to sample it as it stands.

    Raises
    ------
    SamplingError
        The coordinates asked for do not exist, or not for this model.
    """
    if coordinates is not None and coordinates not in COORDINATES:
        raise SamplingError(
            f"coordinates must be {alternatives(COORDINATES)}, not {coordinates!r}.",
            fix=suggestion(coordinates, COORDINATES),
        )
    if coordinates == "plain" or not spec.likelihood:
        return None
    plan = _laid(spec, design, coordinates)
    if plan is None and coordinates is not None:
        raise SamplingError(
            f"{coordinates.capitalize()} coordinates cannot be used with this model.",
            fix="leave out coordinates=",
        )
    return plan


def _laid(spec: ModelSpec, design: Design, coordinates: str | None) -> Plan | None:
    """The plan for linear predictors. Its kernels are compiled once on every machine."""
    from glimmer.coordinates.fused import fused_kernel, is_conjugate
    from glimmer.coordinates.layout import layout
    from glimmer.kernels.compile.ahead import INTEGRATED, compile_ahead, whitened_with

    laid = layout(spec, design)
    if laid is None:
        return None
    kernel = fused_kernel(spec, design)
    conjugate = is_conjugate(spec) and coordinates != "whitened"
    compile_ahead(INTEGRATED if conjugate else whitened_with(kernel and kernel.kernels))
    from glimmer.coordinates.plan import integrated

    plan = None
    if coordinates in (None, "integrated"):
        plan = integrated(laid, design)
    if plan is None and coordinates in (None, "whitened"):
        plan = _whitened(laid, design, required=coordinates is not None)
    return plan


def _whitened(laid: Layout, design: Design, required: bool) -> Plan | None:
    """Whitened coordinates; None if no mode was found and they were not asked for."""
    from glimmer.coordinates.whitened import whitened

    if laid.spec.stage.doubtful(laid.spec.family) and not required:
        return None
    try:
        return whitened(laid, design)
    except SamplingError:
        if required:
            raise
        return None
