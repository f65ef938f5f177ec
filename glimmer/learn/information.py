"""What the rows of each group say of its effects on a curve's parameters.

The curve is linearized at the self-start; a linear mixed model of what is left is fitted by EM. The
marginal posterior of an effect, divided by its prior, is what the rows say of it. Coordinates for
sampling are chosen by it (`glimmer.assemble.groups.Informed`); the model is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glimmer.spec.curve import Information
from glimmer.spec.transforms import Transform

if TYPE_CHECKING:
    from glimmer.learn.curve_start import CurveStart
    from glimmer.spec.design import Design
    from glimmer.spec.model import ModelSpec

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
    spec: ModelSpec, design: Design, start: CurveStart
) -> tuple[dict[str, Information], dict[str, float]]:
    """What rows say of each effect.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    start : CurveStart

    Returns
    -------
    dict of str to Information
        Of effects on intercepts, one factor for each parameter.
    dict of str to float
        The share of every effect's variance that rows explain.
    """
    assert spec.nonlinear is not None  # noqa: S101
    slopes, residuals = linearized(spec, design, start)
    found: dict[str, Information] = {}
    shares: dict[str, float] = {}
    taken: set[str] = set()
    for block in spec.groups:
        group, targets = design.groups[block.name], block.column_targets
        own = [spec.nonlinear.parameter(target) for target in targets]
        centers = np.array([p.predictor.start if p.predictor else 0.0 for p in own], float)
        pairs = zip(own, centers, strict=True)
        least = np.array([start.units.between(p.kind, p.transform, at) / 4 for p, at in pairs])
        J = np.column_stack([slopes[target] for target in targets]) * group.columns
        fitted = group_posterior(J, residuals, group.index, len(block.levels), least)
        precision = np.maximum(1 / fitted.variance - 1 / fitted.between, SMALLEST / fitted.between)
        at = centers + fitted.mean / fitted.variance / precision
        for k, name in enumerate(block.effect_names):
            shares[name] = float(1 - (fitted.variance[:, k] / fitted.between[k]).mean())
            p = own[k].predictor
            if block.ones[k] and p is not None and p.intercept and targets[k] not in taken:
                found[name] = Information(block.levels, precision[:, k], at[:, k])
                taken.add(targets[k])
    return found, shares


def linearized(
    spec: ModelSpec, design: Design, start: CurveStart
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Derivatives of the curve by each linear predictor, and residuals, at the self-start."""
    nonlinear, curve = spec.nonlinear, design.curve
    assert nonlinear is not None and curve is not None  # noqa: S101
    values = [start.estimates[p.name] for p in nonlinear.parameters]
    gradient = nonlinear.function.gradient(*curve.inputs, *values)
    slopes = {
        p.name: np.nan_to_num(gradient[:, i] * slope(p.transform, start.estimates[p.name]))
        for i, p in enumerate(nonlinear.parameters)
    }
    return slopes, start.y - nonlinear.function(*curve.inputs, *values)


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
