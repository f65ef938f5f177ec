"""Makes the plain PyMC model of a specification, from the arrays of some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymc as pm

from glimmer.assemble.outcome import (
    Outcome,
    as_stored,
    following,
    in_rows,
    is_discrete,
    outcome_of,
    register_auxiliary,
    register_residual,
)
from glimmer.assemble.predictors import (
    around,
    register_intercepts,
    register_population,
    register_smooths,
)
from glimmer.spec.names import ROWS
from glimmer.terms.naming import data_name

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.spec import Design, ModelSpec


@dataclass(frozen=True, eq=False)
class Assembly:
    """A PyMC model and the expressions in it that have no name of their own.

    Attributes
    ----------
    model : pymc.Model
    outcome : Outcome
        With its linear predictor, its expectation and its log density.
    smooths : dict of str to tensor, shape (n,)
        The value of each smooth, by label.
    parameters : dict of str to tensor, a number or shape (n,)
        Of the curve of a nonlinear model.
    """

    model: pm.Model
    outcome: Outcome
    smooths: dict[str, TensorVariable]
    parameters: dict[str, TensorVariable]

    @property
    def eta(self) -> TensorVariable:
        """The outcome's linear predictor, shape (n,)."""
        return self.outcome.eta

    @property
    def expected(self) -> TensorVariable:
        """The expected outcome, shape (n,); a probability, where there are trials."""
        return self.outcome.expected


def assemble(spec: ModelSpec, design: Design, *, observe: bool = True) -> Assembly:
    """Assemble the generative model of ``spec`` on the rows of ``design``.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    observe : bool
        Condition on the outcome; otherwise it is left to be predicted.
    """
    with pm.Model(coords={**spec.coords, ROWS: design.rows}) as model:
        aux, noise = register_auxiliary(spec)
        smooths = register_smooths(spec, design, noise)
        intercepts = register_intercepts(spec)
        etas: dict[str, Any] = {}
        for name in spec.predictors:
            own = register_population(spec, design, name, intercepts.get(name, 0.0), noise)
            etas[name] = own + sum(smooths[name].values())
        for name, added in _group_effects(spec, design, noise, intercepts).items():
            etas[name] = etas[name] + added
        found = spec.stage.staged(etas, design, spec.family, in_rows)
        parameters = following(spec, aux, register_residual(spec), found.curve)
        outcome = outcome_of(spec, design, found.eta, parameters, in_rows)
        if observe and spec.likelihood:
            _observe(spec, design, outcome)
    values = {label: f for own in smooths.values() for label, f in own.items()}
    return Assembly(model, outcome, values, found.parameters)


def _group_effects(
    spec: ModelSpec, design: Design, noise: Any, intercepts: dict[str, Any]
) -> dict[str, Any]:
    """Register group-specific effects; return their sums by predictor."""
    totals: dict[str, Any] = {}
    sums = around(spec, intercepts)
    for block in spec.groups:
        if block.name in design.groups:
            law = block.law(spec.priors, noise)
            centered = (spec.centered or {}).get(block.name, False)
            found = block.contributions(
                law, design.groups[block.name], centered=centered, around=sums
            )
            for target, added in found.items():
                totals[target] = totals[target] + added if target in totals else added
    return totals


def _observe(spec: ModelSpec, design: Design, outcome: Outcome) -> None:
    """Register the outcome as observed."""
    assert design.y is not None  # noqa: S101
    name = spec.names.outcome
    y = as_stored(design.y, is_discrete(outcome.distribution()))
    outcome.observe(name, pm.Data(data_name(name), y, dims=ROWS))
