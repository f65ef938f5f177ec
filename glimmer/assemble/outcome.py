"""Gives the distribution of the outcome at its linear predictors: the only likelihood.

The generative model, the sampling coordinates, log likelihoods and explained variance all take the
outcome's distribution, its expectation and its log density from here: likelihood weights, precision
weights and numbers of trials enter once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.spec.names import ROWS, TRIALS, WEIGHTS
from glimmer.spec.residual_models import find_residual

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.families import Family
    from glimmer.spec import Design, ModelSpec
    from glimmer.spec.stage import Data


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome in the current model.

    Attributes
    ----------
    family : Family
    eta : tensor, shape (n,)
        The linear predictor.
    parameters : dict of str to tensor
        Of the distribution, besides its mean.
    trials : tensor, shape (n,), or None
    exponents : tensor, shape (n,), or None
        Powers of each row's density.
    """

    family: Family
    eta: TensorVariable
    parameters: dict[str, Any]
    trials: TensorVariable | None
    exponents: TensorVariable | None

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the distribution besides its mean."""
        return self.parameters | ({} if self.trials is None else {"trials": self.trials})

    def distribution(self, eta: TensorVariable | None = None) -> TensorVariable:
        """The outcome's distribution, shape (n,), unregistered; at some predictor of one's own."""
        return self.family.outcome(self.eta if eta is None else eta, **self.arguments)

    @property
    def expected(self) -> TensorVariable:
        """The expected outcome, shape (n,); a probability, where there are trials."""
        return self.family.expected(self.eta, **self.parameters)

    @property
    def variance(self) -> TensorVariable:
        """The variance of each row, shape (n,); raises `FamilyError` if it is not known."""
        return self.family.variance_at(self.eta, **self.arguments)

    def density(self, y: TensorVariable, eta: TensorVariable | None = None) -> TensorVariable:
        """Log density of each row, shape (n,); at some predictor of one's own."""
        distribution = self.distribution(eta)
        density = pm.logp(distribution, y.astype(distribution.dtype), warn_rvs=False)
        return density if self.exponents is None else self.exponents * density

    def observe(self, name: str, y: TensorVariable) -> None:
        """Register the outcome in the current model as observed."""
        model, distribution = pm.modelcontext(None), self.distribution()
        if self.exponents is not None:
            distribution = self._weighted(self.exponents)
        model.register_rv(distribution, name, observed=y, dims=(ROWS,))

    def _weighted(self, exponents: TensorVariable) -> TensorVariable:
        """The distribution with each row's log density multiplied by its weight."""
        keys = tuple(self.arguments)

        def dist(eta: Any, weights: Any, *values_and_size: Any) -> TensorVariable:
            return self.family.outcome(eta, **dict(zip(keys, values_and_size[:-1], strict=True)))

        def logp(value: Any, eta: Any, weights: Any, *values: Any) -> TensorVariable:
            return weights * pm.logp(dist(eta, weights, *values, None), value)

        arguments = self.arguments.values()
        return pm.CustomDist.dist(
            self.eta, exponents, *arguments, dist=dist, logp=logp, class_name=self.family.name
        )


def outcome_of(
    spec: ModelSpec, design: Design, eta: TensorVariable, parameters: dict[str, Any], data: Data
) -> Outcome:
    """The outcome of some rows.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    eta : tensor, shape (n,)
    parameters : dict of str to tensor
        Of the distribution, besides its mean.
    data : callable
        Puts an array into the current model.
    """
    trials, weights = design.trials, design.weights
    given = None if weights is None else data(WEIGHTS, weights)
    if spec.weights == "precision" and given is not None:
        scale = str(spec.family.group_scale)
        parameters = {**parameters, scale: parameters[scale] / pt.sqrt(given)}
    return Outcome(
        spec.family,
        eta,
        parameters,
        None if trials is None else data(TRIALS, trials.astype(np.int64)),
        given if spec.weights == "likelihood" else None,
    )


def exponents(spec: ModelSpec, design: Design) -> np.ndarray | None:
    """Powers of each row's density, shape (n,)."""
    return design.weights if spec.weights == "likelihood" else None


def in_rows(name: str, array: np.ndarray) -> TensorVariable:
    """Data with the dimension of rows; of several columns, without names for these."""
    return pm.Data(name, array, dims=ROWS if array.ndim == 1 else None)


def as_stored(y: np.ndarray, discrete: bool) -> np.ndarray:
    """The outcome's values as its distribution has them: whole numbers where it is discrete."""
    return y.astype(np.int64) if discrete else y


def is_discrete(distribution: TensorVariable) -> bool:
    """Whether a distribution is over whole numbers."""
    return distribution.type.dtype.startswith(("int", "uint", "bool"))


def register_auxiliary(spec: ModelSpec) -> tuple[dict[str, TensorVariable], Any]:
    """Register the family's parameters in the current model; return them and the residual sd.

    The residual sd, which group-level sds may be relative to, is 1.0 for families without one.
    """
    model = pm.modelcontext(None)
    aux = {
        name: model.register_rv(
            prior.within(*spec.family.others[name].domain), spec.names.parameters[name]
        )
        for name, prior in spec.priors.aux.items()
    }
    scale = spec.family.group_scale
    return aux, aux[scale] if scale is not None else 1.0


def register_residual(spec: ModelSpec) -> dict[str, TensorVariable]:
    """Register the parameters of a residual sd that follows a curve, in the current model."""
    model, parameters = pm.modelcontext(None), find_residual(spec.stage.residual).parameters
    return {
        name: model.register_rv(
            spec.priors.residual[name].within(*parameter.domain), spec.names.residual[name]
        )
        for name, parameter in parameters.items()
    }


def following(
    spec: ModelSpec, parameters: dict[str, Any], residual: dict[str, Any], curve: Any
) -> dict[str, Any]:
    """The distribution's parameters with a residual sd that follows the curve."""
    scale, stage = spec.family.group_scale, spec.stage
    if scale is None or stage.residual == "constant":
        return parameters
    sd = find_residual(stage.residual).sd
    return {**parameters, scale: sd(parameters[scale], curve, stage.reference, **residual)}
