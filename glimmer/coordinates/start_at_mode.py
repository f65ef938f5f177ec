"""Finds the mode that a model is whitened at, and the likelihood's shape there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace

from glimmer.assemble.outcome import (
    following,
    outcome_of,
    register_auxiliary,
    register_residual,
)
from glimmer.coordinates.as_data import of_known_shape
from glimmer.coordinates.information import local_model
from glimmer.coordinates.pirls import Learner, Local, Mode, gaussian_draws, penalised_mode
from glimmer.errors import SamplingError
from glimmer.interpreter.modes import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from glimmer.coordinates.layout import Layout
    from glimmer.spec import Design

FAR = 6.0
"""How many standard deviations apart ordered intercepts are far from each other."""
DRAWS = 200
"""Levels times draws that a covariance matrix is learned from, at least."""


def whitening_mode(laid: Layout, design: Design) -> Mode:
    """The penalized mode.

    Of a linear predictor: at the covariance and auxiliary parameters where sampling starts. A
    curve's shape depends on where its parameters are, so their covariance is learned on the way.

    Raises
    ------
    SamplingError
        It was not found, or has ordered intercepts that could trade places.
    """
    spec, blocks, n = laid.spec, laid.blocks, design.n
    local, (triangles, scales) = _at_start(laid, design)
    fixed = triangles, scales, laid.mean, laid.precision
    predictors = spec.predictors.values()
    eta = np.repeat([p.start or 0.0 for p in predictors], n)
    eta = eta if blocks.offset is None else eta + blocks.offset
    if spec.stage.linear:
        return penalised_mode(blocks, local, *fixed, eta=eta)
    levels = min((group.levels for group in blocks.groups), default=1)
    normals = np.random.default_rng(0).standard_normal((max(4, DRAWS // levels), blocks.size))
    mode = penalised_mode(
        blocks,
        local,
        *fixed,
        eta=eta,
        unit=np.repeat([p.unit for p in predictors], n),
        longest=1.0,
        tolerance=0.01,
        learn=Learner(len(spec.groups), spec.family.group_scale is not None, normals),
    )
    drawn = gaussian_draws(
        mode.products, mode.triangles, scales, laid.mean, laid.precision, normals
    )
    _check_apart(laid, drawn)
    return mode


def _check_apart(laid: Layout, coefficients: np.ndarray) -> None:
    """Raise `SamplingError` where ordered intercepts come near each other.

    Chains cannot cross the border, so it must be where there is no posterior mass.
    """
    for ordering in laid.orderings:
        gap = coefficients[:, laid.places(ordering)] @ ordering.weights
        if gap.mean() < FAR * gap.std():
            raise SamplingError(
                f"{' and '.join(ordering.parameters)} are ordered, and close to each other.",
                fix='sample in plain coordinates: coordinates="plain"',
            )


def _at_start(
    laid: Layout, design: Design
) -> tuple[Callable[[np.ndarray], Local], list[np.ndarray]]:
    """Where sampling starts: the likelihood near any predictors; triangles and scales."""
    spec = laid.spec
    rows, at = [pt.dvector(name) for name in laid.stack.names], pt.dvector("at")
    with pm.Model(coords=spec.coords) as model:
        aux, noise = register_auxiliary(spec)
        shifts = laid.shifted(noise)
        etas = {
            name: row + shifts[name] if name in shifts else row
            for name, row in zip(laid.stack.names, rows, strict=True)
        }
        found = spec.stage.staged(etas, design, spec.family, of_known_shape)
        parameters = following(spec, aux, register_residual(spec), found.curve)
        outcome = outcome_of(spec, design, found.eta, parameters, of_known_shape)
        factors = laid.hyperparameters(noise)
        density = outcome.density(of_known_shape("y", design.y), at)
    score: Any = pytensor.grad(pt.sum(density), at)
    curvature = pt.neg(pytensor.grad(pt.sum(score), at))
    slopes: Any = pytensor.grad(pt.sum(outcome.eta), rows)
    outputs = model.replace_rvs_by_values([outcome.eta, score, curvature, *slopes, *factors])
    point = model.initial_point()
    given = {v: pt.as_tensor(point[v.name]).astype(v.dtype) for v in model.value_vars}
    eta, *others = clone_replace(outputs, given)
    seen, factors = others[: -len(factors)], others[-len(factors) :]
    likelihood = pytensor.function(rows, [eta, *clone_replace(seen, {at: eta})], mode=PLAIN)

    def local(eta_of_rows: np.ndarray) -> Local:
        each = np.array(np.split(eta_of_rows, len(rows)))
        _, score, curved, *slopes = likelihood(*each)
        jacobian = np.array([slopes])
        return local_model(laid.blocks, each, score[None], curved[None, None], jacobian)

    return local, pytensor.function([], factors, mode=PLAIN)()
