"""Densities and values of a model in its variables' own units, without compiling anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from pymc.distributions.shape_utils import change_dist_size
from pymc.logprob.basic import conditional_logp
from pymc.pytensorf import reseed_rngs
from pytensor.graph.replace import clone_replace, vectorize_graph
from pytensor.graph.traversal import ancestors
from pytensor.tensor import as_tensor
from pytensor.tensor.random.variable import RandomGeneratorSharedVariable

from glimmer.interpreter.modes import PLAIN
from glimmer.priors.value_transforms import Standardized

Values = dict[str, np.ndarray]


def log_densities(model: pm.Model) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """A function from values of the free variables to the log density of every variable.

    No transforms and no Jacobians: each density is summed over its variable's entries.
    """
    free = {rv: rv.type() for rv in model.free_RVs}
    values = {**free, **{rv: model.rvs_to_values[rv] for rv in model.observed_RVs}}
    terms = conditional_logp(values)
    names = {value: rv.name for rv, value in values.items()}
    outputs = [term.sum() for term in terms.values()]
    function = pytensor.function([*free.values()], outputs, mode=PLAIN, on_unused_input="ignore")

    def at(point: Mapping[str, Any]) -> dict[str, float]:
        found = function(*(np.asarray(point[rv.name], float) for rv in free))
        return {names[value]: float(sum) for value, sum in zip(terms, found, strict=True)}

    return at


def evaluator(model: pm.Model, names: Sequence[str]) -> Callable[[Mapping[str, Any]], Values]:
    """A function from values of the free variables to the values of named expressions."""
    inputs = {rv: rv.type() for rv in model.free_RVs}
    outputs = clone_replace([model[name] for name in names], inputs)
    function = pytensor.function([*inputs.values()], outputs, mode=PLAIN, on_unused_input="ignore")

    def at(point: Mapping[str, Any]) -> Values:
        found = function(*(np.asarray(point[rv.name], float) for rv in inputs))
        return dict(zip(names, found, strict=True))

    return at


def random_point(model: pm.Model, seed: int = 0, scale: float = 0.4) -> Values:
    """Values of the free variables, normal around 0 where they are not constrained."""
    rng = np.random.default_rng(seed)
    start = model.initial_point()
    point: Values = {}
    for rv in model.free_RVs:
        transform, value = model.rvs_to_transforms[rv], model.rvs_to_values[rv]
        z = scale * rng.normal(size=start[value.name].shape)
        if transform is not None and not isinstance(transform, Standardized):
            z = transform.backward(as_tensor(z), *rv.owner.inputs).eval(mode=PLAIN)
        point[rv.name] = np.asarray(z)
    return point


def prior_draws(model: pm.Model, names: Sequence[str], draws: int, seed: int = 0) -> Values:
    """Draws of named variables from the prior in one vectorized pass, the draws' axis first."""
    free = set(model.free_RVs)
    roots = [rv for rv in model.free_RVs if not free & (set(ancestors([rv])) - {rv})]
    batched = {rv: change_dist_size(rv, (draws,), expand=True) for rv in roots}
    outputs = vectorize_graph([model[name] for name in names], batched)
    generators = [v for v in ancestors(outputs) if isinstance(v, RandomGeneratorSharedVariable)]
    reseed_rngs(generators, seed)
    found = pytensor.function([], outputs, mode=PLAIN)()
    return dict(zip(names, map(np.asarray, found), strict=True))
