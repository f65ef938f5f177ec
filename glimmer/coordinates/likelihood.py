"""The outcome given the linear predictors of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm

from glimmer.assemble.curve_outcome import curve_outcome, residual_sd
from glimmer.assemble.model import outcome_arguments

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.families import Family
    from glimmer.spec import Design, ModelSpec


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome in the current model.

    Attributes
    ----------
    family : Family
    y : tensor, shape (n,)
        Its values.
    exponents : tensor, shape (n,), or None
        Powers of each row's density.
    eta : tensor, shape (n,)
        Its linear predictor: the only one, or what a curve makes of those of its parameters.
    arguments : dict of str to tensor
        Of the outcome's distribution, besides its mean.
    """

    family: Family
    y: TensorVariable
    exponents: TensorVariable | None
    eta: TensorVariable
    arguments: dict[str, Any]

    def density(self, eta: TensorVariable) -> TensorVariable:
        """Log density of each row at a linear predictor of its own, shape (n,)."""
        outcome = self.family.outcome(eta, **self.arguments)
        density = pm.logp(outcome, self.y.astype(outcome.dtype))
        return density if self.exponents is None else self.exponents * density


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
    weights = exponents(spec, design)
    own = _data("y", design.y), None if weights is None else _data("exponents", weights)
    if design.trials is not None:
        design = replace(design, trials=_data("trials", design.trials.astype(np.int64)))
    if spec.nonlinear is None:
        return Outcome(spec.family, *own, etas[0], outcome_arguments(spec, design, aux))
    names = [parameter.name for parameter in spec.nonlinear.free]
    found = curve_outcome(spec, design, dict(zip(names, etas, strict=True)))
    eta = found.eta if design.offset is None else found.eta + _data("offset", design.offset)
    aux = residual_sd(spec, aux, residual, found.curve)
    return Outcome(spec.family, *own, eta, outcome_arguments(spec, design, aux))


def _data(name: str, rows: Any) -> Any:
    """Data of known shape: of others it must be checked whether they go together."""
    return pm.Data(name, rows, shape=rows.shape)


def exponents(spec: ModelSpec, design: Design) -> np.ndarray | None:
    """Powers of each row's density, shape (n,)."""
    return design.weights if spec.weights == "likelihood" else None
