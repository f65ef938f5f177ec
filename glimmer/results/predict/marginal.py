"""Integrates group-specific effects out of the expected outcome: population-averaged means.

Given the parameters, the group-specific part of a row's linear predictor is a sum of independent
normals, so the integral over all effects of all factors is one over a single standard normal. The
trapezoidal rule on the real line converges geometrically for functions that are analytic around it
(Trefethen & Weideman 2014, SIAM Review 56, section 5), faster here than Gauss-Hermite quadrature.

A curve has several linear predictors: its mean is taken over the effects of one new group, the same
points for all draws. One effect has the rule above, more have scrambled Sobol' points (Owen 1998,
Journal of Complexity 14).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.replace import vectorize_graph

from glimmer.terms import GroupDesign

if TYPE_CHECKING:
    import pymc as pm
    from pytensor.tensor.variable import TensorVariable

    from glimmer.assemble import Assembly
    from glimmer.spec import Design, ModelSpec
    from glimmer.terms import GroupBlock

POINTS = 81
REACH = 10.0
SPREAD = 1024
"""Points in more than one dimension."""


def normal_rule(dimensions: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of the standard normal's expectation, shapes (K, dimensions) and (K,)."""
    if dimensions == 1:
        points = np.linspace(-REACH, REACH, POINTS)
        density = np.exp(-(points**2) / 2)
        return points[:, None], density / density.sum()
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    return ndtri(Sobol(dimensions, seed=1).random(SPREAD)), np.full(SPREAD, 1 / SPREAD)


def add_up(spec: ModelSpec) -> bool:
    """Whether all effects add up in one linear predictor, whose sum is normal."""
    return spec.stage.linear


def points_of(spec: ModelSpec) -> int:
    """Number of points of the rule for a model."""
    several = not add_up(spec) and sum(block.size for block in spec.groups) > 1
    return SPREAD if several else POINTS


def marginal_mean(spec: ModelSpec, design: Design, assembly: Assembly) -> TensorVariable:
    """Return the expected outcome averaged over the levels of every grouping factor.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    assembly : Assembly
        Of the two; with every group-specific effect at zero, or, of a curve, in one new group.

    Returns
    -------
    tensor, shape (n,)
    """
    if not add_up(spec):
        return _mean_of_one_group(spec, assembly)
    variance = sum(
        (_variance(block, design, assembly.model) for block in spec.groups),
        start=pt.zeros(design.n),
    )
    points, weights = normal_rule()
    eta = assembly.eta + pt.sqrt(variance) * points
    expected = vectorize_graph(assembly.expected, {assembly.eta: eta})
    return pt.sum(expected * weights[:, None], axis=0)


def _variance(block: GroupBlock, design: Design, model: pm.Model) -> TensorVariable:
    """The variance z' Sigma z of a block's contribution to each row, shape (n,)."""
    sds = pt.stack([model[name] for name in block.sd_names])
    scaled = design.groups[block.name].columns * sds
    if block.size == 1:
        return scaled[:, 0] ** 2
    return pt.sum(pt.dot(scaled, model[block.corr_name]) * scaled, axis=-1)


def of_one_new_group(
    spec: ModelSpec, design: Design
) -> tuple[ModelSpec, Design, dict[str, np.ndarray]]:
    """Return the same model with all rows in one group, of every factor, that it has not seen.

    Returns
    -------
    ModelSpec, Design
    dict of str to ndarray
        By dimension of levels, the positions of those that stay: none.
    """
    blocks = tuple(replace(block, levels=()) for block in spec.groups)  # type: ignore[type-var]
    index = np.zeros(design.n, dtype=np.int32)
    groups = {
        name: GroupDesign(index, group.columns, ("new",)) for name, group in design.groups.items()
    }
    kept = {block.level_dim: np.zeros(0, dtype=int) for block in spec.groups}
    return replace(spec, groups=blocks), replace(design, groups=groups), kept  # type: ignore[type-var]


def _mean_of_one_group(spec: ModelSpec, assembly: Assembly) -> TensorVariable:
    """The expected outcome averaged over the effects of the one new group."""
    from glimmer.terms.naming import NEW

    names = [name for block in spec.groups for name in block.effect_names]
    if not names:
        return assembly.expected
    points, weights = normal_rule(len(names))
    effects: dict[Any, Any] = {}
    for name, z in zip(names, points.T, strict=True):
        effect = assembly.model[f"{name}{NEW}"]
        law = effect.owner.op.dist_params(effect.owner)
        mean, sd = [vectorize_graph(v, effects) for v in law] if effects else law
        effects[effect] = mean + sd * z[:, None]
    expected = vectorize_graph(assembly.expected, effects)
    return pt.sum(expected * weights[:, None], axis=0)
