"""From the linear predictors of a curve's parameters to that of the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymc as pm
import pytensor.tensor as pt

from glimmer.nonlinear.protocol import as_curve
from glimmer.spec.residuals import find_residual

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.spec.curve import Nonlinear
    from glimmer.spec.design import Design
    from glimmer.spec.model import ModelSpec


@dataclass(frozen=True, eq=False)
class CurveOutcome:
    """A curve in the current model.

    Attributes
    ----------
    eta : tensor, shape (n,)
        The linear predictor of the outcome.
    curve : tensor, shape (n,)
    parameters : dict of str to tensor
        Each parameter of the curve, a number or shape (n,).
    """

    eta: TensorVariable
    curve: TensorVariable
    parameters: dict[str, TensorVariable]


def curve_outcome(spec: ModelSpec, design: Design, etas: dict[str, Any]) -> CurveOutcome:
    """The curve where its parameters have these linear predictors."""
    nonlinear = spec.nonlinear
    assert nonlinear is not None  # noqa: S101
    values = transformed(nonlinear, etas)
    curve = _curve(nonlinear, design, values)
    return CurveOutcome(outcome_eta(spec, curve), curve, values)


def outcome_eta(spec: ModelSpec, curve: TensorVariable) -> TensorVariable:
    """The outcome's linear predictor where the curve has some value."""
    assert spec.nonlinear is not None  # noqa: S101
    if spec.nonlinear.scale == "link":
        return curve
    return (
        pt.log(curve) if spec.family.unit == "log y" else spec.family.link_function.forward(curve)
    )


def transformed(nonlinear: Nonlinear, etas: dict[str, Any]) -> dict[str, Any]:
    """The curve's parameters from their linear predictors; one above another follows it."""
    values: dict[str, Any] = {
        p.name: pt.as_tensor(float(p.value)) for p in nonlinear.parameters if p.value is not None
    }
    waiting = [p for p in nonlinear.free if p.name in etas]
    while ready := [p for p in waiting if not p.transform.other or p.transform.other in values]:
        for p in ready:
            values[p.name] = p.transform.inverse(etas[p.name], values)
        waiting = [p for p in waiting if p not in ready]
    return values


def register_residual(spec: ModelSpec) -> dict[str, TensorVariable]:
    """Register the parameters of a residual sd that follows the curve, in the current model."""
    nonlinear, scale = spec.nonlinear, spec.family.group_scale
    if nonlinear is None or scale is None:
        return {}
    model, parameters = pm.modelcontext(None), find_residual(nonlinear.residual).parameters
    return {
        name: model.register_rv(
            spec.priors.residual[name].within(*parameter.domain), f"{spec.names.aux[scale]}_{name}"
        )
        for name, parameter in parameters.items()
    }


def residual_sd(
    spec: ModelSpec, aux: dict[str, Any], residual: dict[str, Any], curve: TensorVariable
) -> dict[str, Any]:
    """The family's parameters with a residual sd that follows the curve."""
    nonlinear, scale = spec.nonlinear, spec.family.group_scale
    if nonlinear is None or nonlinear.residual == "constant" or scale is None:
        return aux
    sd = find_residual(nonlinear.residual).sd
    return {**aux, scale: sd(aux[scale], curve, nonlinear.reference, **residual)}


def _curve(nonlinear: Nonlinear, design: Design, values: dict[str, Any]) -> TensorVariable:
    """The curve in every row, shape (n,)."""
    assert design.curve is not None  # noqa: S101
    inputs: list[Any] = []
    for argument, array in zip(nonlinear.function.inputs, design.curve.inputs, strict=True):
        dims = ("obs_id",) if argument.ndim == 1 else None
        inputs.append(pm.Data(f"{argument.name}_input", array, dims=dims))
    parameters = [values[p.name] for p in nonlinear.parameters]
    if any(argument.ndim > 1 for argument in nonlinear.function.inputs):
        parameters = [value + pt.zeros(design.n) for value in parameters]
    return as_curve(nonlinear.function, [*inputs, *parameters])
