"""Which effects of a curve's parameters to sample as values of each group, and which as deviations.

Where the rows of a group say more about its effect than the other groups do, the group's own value
is close to independent of everything else; where they say less, the standardized deviation is
(Papaspiliopoulos, Roberts & Skold 2007). Which is the case is judged by a linear mixed model of the
residuals around the self-start, fitted by EM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glimmer.model.transforms import Transform

if TYPE_CHECKING:
    from glimmer.model.curve_start import CurveStart
    from glimmer.model.design import Design
    from glimmer.model.spec import ModelSpec

STEPS = 50
INFORMED = 0.5
SMALLEST = 1e-12


def informed_effects(spec: ModelSpec, design: Design, start: CurveStart) -> dict[str, float]:
    """For each effect, whether the rows of most groups say more than the other groups.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    start : CurveStart

    Returns
    -------
    dict of str to float
    """
    slopes, residuals = linearized(spec, design, start)
    chosen = {}
    for block in spec.groups:
        group = design.groups[block.name]
        columns = np.column_stack([slopes[target] for target in block.column_targets])
        J = columns * group.columns
        shares = _shares(J, residuals, group.index, len(block.levels))
        chosen |= dict(zip(block.effect_names, shares.round(2).tolist(), strict=True))
    return chosen


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
    residuals = start.y - nonlinear.function(*curve.inputs, *values)
    return slopes, residuals


def slope(transform: Transform, value: float) -> float:
    """How fast a parameter changes with its linear predictor, by a central difference."""
    if transform.identity or transform.name == "above":
        return 1.0
    step = 1e-6 * max(abs(value - transform.bound), 1e-6)
    rise = transform.forward(value + step) - transform.forward(value - step)
    return float(2 * step / rise)


def _shares(J: np.ndarray, r: np.ndarray, index: np.ndarray, levels: int) -> np.ndarray:
    """The share of each effect's variance that the rows explain, averaged over levels, shape (p,)."""
    p = J.shape[1]
    units = np.maximum(np.sqrt((J**2).mean(axis=0)), SMALLEST)
    J, r = J / units, r / max(float(r.std()), SMALLEST)
    JJ, Jr = np.zeros((levels, p, p)), np.zeros((levels, p))
    np.add.at(JJ, index, J[:, :, None] * J[:, None, :])
    np.add.at(Jr, index, J * r[:, None])
    noise, between = 0.5, np.full(p, 0.5)
    for _ in range(STEPS):
        V = np.linalg.inv(JJ / noise + np.diag(1 / between))
        b = np.einsum("jkl,jl->jk", V, Jr) / noise
        left = r - np.sum(J * b[index], axis=1)
        noise = float(np.mean(left**2) + np.einsum("jkl,jkl->", JJ, V) / len(r))
        own = np.einsum("jkk->jk", V)
        noise, between = max(noise, 1e-9), np.maximum((b**2 + own).mean(axis=0), 1e-9)
    return 1 - own.mean(axis=0) / between
