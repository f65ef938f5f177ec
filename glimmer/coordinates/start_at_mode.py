"""The normal distribution that a model is whitened by: its likelihood's shape at a mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace

from glimmer.assemble.curve_outcome import register_residual
from glimmer.assemble.model import register_auxiliary
from glimmer.coordinates.likelihood import outcome_of
from glimmer.coordinates.pirls import Learner, Local, Mode, gaussian_draws, penalised_mode
from glimmer.errors import SamplingError
from glimmer.interpreter.modes import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from glimmer.coordinates.layout import Layout
    from glimmer.spec import Design

LEAST_WEIGHT = 1e-4
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
    if spec.nonlinear is None:
        eta = np.full(n, spec.predictor.start or 0.0)
        return penalised_mode(blocks, local, *fixed, eta=_shifted(laid, eta))
    free = spec.nonlinear.free
    levels = min((group.levels for group in blocks.groups), default=1)
    normals = np.random.default_rng(0).standard_normal((max(4, DRAWS // levels), blocks.size))
    mode = penalised_mode(
        blocks,
        local,
        *fixed,
        eta=_shifted(laid, np.repeat([p.origin for p in free], n)),
        unit=np.repeat([p.unit for p in free], n),
        longest=1.0,
        tolerance=0.01,
        learn=Learner(len(spec.groups), spec.family.group_scale is not None, normals),
    )
    scales, mean, precision = fixed[1:]
    drawn = gaussian_draws(mode.products, mode.triangles, scales, mean, precision, normals)
    _check_apart(laid, drawn)
    return mode


def _check_apart(laid: Layout, coefficients: np.ndarray) -> None:
    """Raise `SamplingError` where ordered intercepts come near each other.

    Chains do not see what is beyond the border, so it must be where there is no posterior mass.
    """
    for ordering in laid.orderings:
        gap = coefficients[:, laid.places(ordering)] @ ordering.weights
        if gap.mean() < FAR * gap.std():
            raise SamplingError(
                f"{' and '.join(ordering.parameters)} are ordered, and close to each other.",
                fix='sample in plain coordinates: coordinates="plain"',
            )


def _shifted(laid: Layout, eta: np.ndarray) -> np.ndarray:
    return eta if laid.blocks.offset is None else eta + laid.blocks.offset


def _at_start(
    laid: Layout, design: Design
) -> tuple[Callable[[np.ndarray], Local], list[np.ndarray]]:
    """Where sampling starts: the likelihood near any linear predictors; triangles and scales."""
    rows, at = [pt.dvector(name) for name in laid.predictors], pt.dvector("at")
    with pm.Model(coords=laid.spec.coords) as model:
        aux, noise = register_auxiliary(laid.spec)
        outcome = outcome_of(laid.spec, design, aux, register_residual(laid.spec), rows)
        factors = laid.hyperparameters(noise)
    score: Any = pytensor.grad(pt.sum(outcome.density(at)), at)
    curvature = pt.neg(pytensor.grad(pt.sum(score), at))
    slopes: Any = pytensor.grad(pt.sum(outcome.eta), rows)
    outputs = model.replace_rvs_by_values([outcome.eta, score, curvature, *slopes, *factors])
    point = model.initial_point()
    given = {v: pt.as_tensor(point[v.name]).astype(v.dtype) for v in model.value_vars}
    eta, *others = clone_replace(outputs, given)
    seen, factors = others[: -len(factors)], others[-len(factors) :]
    likelihood = pytensor.function(rows, [eta, *clone_replace(seen, {at: eta})], mode=PLAIN)

    def local(eta_of_rows: np.ndarray) -> Local:
        each = np.split(eta_of_rows, len(rows))
        eta, score, curved, *slopes = likelihood(*each)
        weights = np.maximum(curved, LEAST_WEIGHT * max(float(np.median(curved)), LEAST_WEIGHT))
        if laid.spec.nonlinear is None:
            return Local(laid.blocks, eta + score / weights, weights)
        linear = sum(slope * own for slope, own in zip(slopes, each, strict=True))
        return Local(laid.blocks.combined(np.array(slopes)), linear + score / weights, weights)

    return local, pytensor.function([], factors, mode=PLAIN)()
