"""From the predictors of a model to that of the outcome: they are one, or a curve lies between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.nonlinear.curve import as_curve
from glimmer.spec.names import OFFSET, ROWS
from glimmer.terms.naming import MU

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.assemble.outcome import Data
    from glimmer.spec import Curve, Design, ModelSpec


@dataclass(frozen=True, eq=False)
class Staged:
    """The outcome's linear predictor in the current model.

    Attributes
    ----------
    eta : tensor, shape (n,)
    curve : tensor, shape (n,), or None
    parameters : dict of str to tensor
        Of the curve, each a number or shape (n,).
    """

    eta: TensorVariable
    curve: TensorVariable | None = None
    parameters: dict[str, TensorVariable] = field(default_factory=dict)


def staged(spec: ModelSpec, design: Design, etas: dict[str, Any], data: Data) -> Staged:
    """The outcome's linear predictor, where those of the model have some values.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    etas : dict of str to tensor
        By predictor, a number or shape (n,).
    data : callable
        Puts an array into the current model.
    """
    if spec.curve is None:
        return Staged(etas[MU])
    values = spec.curve.values(etas)
    curve = _curve(spec.curve, design, values)
    eta = spec.curve.eta(spec.family, curve)
    if design.offset is not None:
        eta = eta + data(OFFSET, design.offset)
    return Staged(eta, curve, values)


def _curve(curve: Curve, design: Design, values: dict[str, Any]) -> TensorVariable:
    """The curve in every row, shape (n,)."""
    inputs: list[Any] = []
    for argument, array in zip(curve.function.inputs, design.inputs, strict=True):
        dims = (ROWS,) if argument.ndim == 1 else None
        inputs.append(pm.Data(f"{argument.name}_input", np.asarray(array), dims=dims))
    parameters = [values[p.name] for p in curve.parameters]
    if any(argument.ndim > 1 for argument in curve.function.inputs):
        parameters = [value + pt.zeros(design.n) for value in parameters]
    return as_curve(curve.function, [*inputs, *parameters])
