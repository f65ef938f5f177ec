"""Computes how much the rows of each group inform its effects on a curve's parameters.

The curve is linearized at the self-start; a linear mixed model of what is left is fitted by EM. The
marginal posterior of an effect, divided by its prior, is the information of the rows. Coordinates
for sampling are chosen by it (`glimmer.priors.value_transforms.Informed`); the model is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.learn.curve_start import CurveStart
from glimmer.learn.population import Placement
from glimmer.nonlinear import MeanFunction
from glimmer.spec.stage import CurveParameter, Information
from glimmer.spec.transforms import Transform
from glimmer.terms import GroupBlock

STEPS = 50
SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class GroupPosterior:
    """The effects of a block in a linear mixed model.

    Attributes
    ----------
    mean, variance : ndarray, shape (J, p)
    between : ndarray, shape (p,)
        Variances between levels.
    """

    mean: np.ndarray
    variance: np.ndarray
    between: np.ndarray


def informed(
    groups: tuple[GroupBlock, ...],
    frame: Frame,
    functions: Mapping[str, Any] | None,
    start: CurveStart,
    function: MeanFunction,
    parameters: tuple[CurveParameter, ...],
    placed: Mapping[str, Placement],
    intercepts: Mapping[str, bool],
) -> tuple[dict[str, Information], dict[str, float]]:
    """What the rows tell of each effect.

    Parameters
    ----------
    groups : tuple of GroupBlock
    frame : Frame
        The training rows.
    functions : mapping, optional
        The user's own functions.
    start : CurveStart
    function : MeanFunction
    parameters : tuple of CurveParameter
        In the order of the function's arguments.
    placed : mapping of str to Placement
    intercepts : mapping of str to bool
        Whether a parameter has an intercept.

    Returns
    -------
    dict of str to Information
        Of effects on intercepts, one factor for each parameter.
    dict of str to float
        The share of every effect's variance that rows explain.
    """
    slopes, residuals = linearized(function, parameters, start)
    by_name = {parameter.name: parameter for parameter in parameters}
    found: dict[str, Information] = {}
    shares: dict[str, float] = {}
    taken: set[str] = set()
    for block in groups:
        group, targets = block.design(frame, functions), block.column_targets
        own = [by_name[target] for target in targets]
        centers = np.array([placed[target].estimate for target in targets])
        pairs = zip(own, centers, strict=True)
        least = np.array([start.units.between(p.kind, p.transform, at) / 4 for p, at in pairs])
        J = np.column_stack([slopes[target] for target in targets]) * group.columns
        fitted = group_posterior(J, residuals, group.index, len(block.levels), least)
        precision = np.maximum(1 / fitted.variance - 1 / fitted.between, SMALLEST / fitted.between)
        at = centers + fitted.mean / fitted.variance / precision
        for k, name in enumerate(block.effect_names):
            shares[name] = float(1 - (fitted.variance[:, k] / fitted.between[k]).mean())
            if block.ones[k] and intercepts[targets[k]] and targets[k] not in taken:
                found[name] = Information(block.levels, precision[:, k], at[:, k])
                taken.add(targets[k])
    return found, shares


def sorted_by_information(block: GroupBlock, shares: Mapping[str, float]) -> GroupBlock:
    """A block with its effects in the order of what rows tell of them: the most first.

    The others are normal given those.
    """
    at = np.cumsum([0, *(term.width for term in block.effects)])
    told = [shares[block.effect_names[i]] for i in at[:-1]]
    order = sorted(range(len(told)), key=lambda k: -told[k])
    effects = tuple(block.effects[k] for k in order)
    targets = tuple(block.targets[k] for k in order)
    return replace(block, effects=effects, targets=targets)  # type: ignore[type-var]


def linearized(
    function: MeanFunction, parameters: tuple[CurveParameter, ...], start: CurveStart
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Derivatives of the curve by each linear predictor, and residuals, at the self-start."""
    values = [start.estimates[p.name] for p in parameters]
    gradient = function.gradient(*start.inputs, *values)
    slopes = {
        p.name: np.nan_to_num(gradient[:, i] * slope(p.transform, start.estimates[p.name]))
        for i, p in enumerate(parameters)
    }
    return slopes, start.y - function(*start.inputs, *values)


def slope(transform: Transform, value: float) -> float:
    """How fast a parameter changes with its linear predictor, by a central difference."""
    if transform.identity or transform.other:
        return 1.0
    step = 1e-6 * max(abs(value - transform.bound), 1e-6)
    rise = transform.forward(value + step) - transform.forward(value - step)
    return float(2 * step / rise)


def group_posterior(
    J: np.ndarray, r: np.ndarray, index: np.ndarray, levels: int, least: np.ndarray
) -> GroupPosterior:
    """Fit r = J b + noise, b independent normals by level, by EM.

    Parameters
    ----------
    J : ndarray, shape (n, p)
    r : ndarray, shape (n,)
    index : ndarray, shape (n,)
    levels : int
    least : ndarray, shape (p,)
        Standard deviations below which those between levels are not believed.
    """
    p = J.shape[1]
    JJ, Jr = np.zeros((levels, p, p)), np.zeros((levels, p))
    np.add.at(JJ, index, J[:, :, None] * J[:, None, :])
    np.add.at(Jr, index, J * r[:, None])
    floor = max(SMALLEST * float(np.mean(r**2)), np.finfo(float).tiny)
    noise, between = float(np.mean(r**2)) / 2 + floor, 4 * least**2
    for _ in range(STEPS):
        V = np.linalg.inv(JJ / noise + np.diag(1 / between))
        b = np.einsum("jkl,jl->jk", V, Jr) / noise
        left = r - np.sum(J * b[index], axis=1)
        noise = max(float(np.mean(left**2) + np.einsum("jkl,jkl->", JJ, V) / len(r)), floor)
        own = np.einsum("jkk->jk", V)
        between = np.maximum((b**2 + own).mean(axis=0), least**2)
    V = np.linalg.inv(JJ / noise + np.diag(1 / between))
    mean = np.einsum("jkl,jl->jk", V, Jr) / noise
    return GroupPosterior(mean, np.einsum("jkk->jk", V), between)
