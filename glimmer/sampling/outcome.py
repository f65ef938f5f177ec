"""The outcome given the linear predictors of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm

from glimmer.model.assemble import outcome_arguments
from glimmer.model.curve_outcome import curve_outcome, residual_sd

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.model import Design, ModelSpec


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome in the current model.

    Attributes
    ----------
    spec : ModelSpec
    design : Design
    eta : tensor, shape (n,)
        Its linear predictor: the only one, or what a curve makes of those of its parameters.
    arguments : dict of str to tensor
        Of the outcome's distribution, besides its mean.
    """

    spec: ModelSpec
    design: Design
    eta: TensorVariable
    arguments: dict[str, Any]

    def density(self, eta: TensorVariable) -> TensorVariable:
        """Log density of each row at a linear predictor of its own, shape (n,)."""
        outcome = self.spec.family.outcome(eta, **self.arguments)
        discrete = outcome.type.dtype.startswith(("int", "uint", "bool"))
        assert self.design.y is not None  # noqa: S101
        y = pm.logp(outcome, self.design.y.astype(np.int64) if discrete else self.design.y)
        weights = exponents(self.spec, self.design)
        return y if weights is None else weights * y


def outcome_of(
    spec: ModelSpec,
    design: Design,
    aux: dict[str, Any],
    residual: dict[str, Any],
    etas: Sequence[TensorVariable],
) -> Outcome:
    """The outcome in the current model.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    aux, residual : dict of str to tensor
        Parameters of its distribution, and of a residual sd that follows a curve.
    etas : sequence of tensor, each of shape (n,)
        The linear predictors: one, or those of a curve's parameters.
    """
    if design.trials is not None:
        design = replace(design, trials=design.trials.astype(np.int64))
    if spec.nonlinear is None:
        return Outcome(spec, design, etas[0], outcome_arguments(spec, design, aux))
    names = [parameter.name for parameter in spec.nonlinear.free]
    found = curve_outcome(spec, design, dict(zip(names, etas, strict=True)))
    eta = found.eta if design.offset is None else found.eta + design.offset
    aux = residual_sd(spec, aux, residual, found.curve)
    return Outcome(spec, design, eta, outcome_arguments(spec, design, aux))


def exponents(spec: ModelSpec, design: Design) -> np.ndarray | None:
    """Powers of each row's density, shape (n,)."""
    return design.weights if spec.weights == "likelihood" else None
