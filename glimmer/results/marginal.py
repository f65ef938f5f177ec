"""Population-averaged means: the group-specific effects integrated out of the expected outcome.

Given the parameters, the group-specific part of a row's linear predictor is a sum of independent
normals, so the integral over all effects of all factors is one over a single standard normal. The
trapezoidal rule on the real line converges geometrically for functions that are analytic around it
(Trefethen & Weideman 2014, SIAM Review 56, section 5), faster here than Gauss-Hermite quadrature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.replace import vectorize_graph

if TYPE_CHECKING:
    import pymc as pm
    from pytensor.tensor.variable import TensorVariable

    from glimmer.model import Assembly, Design, ModelSpec
    from glimmer.terms import GroupBlock

POINTS = 81
REACH = 10.0


def normal_rule() -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of the standard normal's expectation, each of shape (POINTS,)."""
    points = np.linspace(-REACH, REACH, POINTS)
    density = np.exp(-(points**2) / 2)
    return points, density / density.sum()


def marginal_mean(spec: ModelSpec, design: Design, assembly: Assembly) -> TensorVariable:
    """Return the expected outcome averaged over the levels of every grouping factor.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    assembly : Assembly
        Of the two; with every group-specific effect at zero.

    Returns
    -------
    tensor, shape (n,)
    """
    variance = sum(
        (_variance(block, design, assembly.model) for block in spec.groups),
        start=pt.zeros(design.n),
    )
    points, weights = normal_rule()
    eta = assembly.eta + pt.sqrt(variance) * points[:, None]
    expected = vectorize_graph(assembly.expected, {assembly.eta: eta})
    return pt.sum(expected * weights[:, None], axis=0)


def _variance(block: GroupBlock, design: Design, model: pm.Model) -> TensorVariable:
    """The variance z' Sigma z of a block's contribution to each row, shape (n,)."""
    sds = pt.stack([model[f"{name}_sigma"] for name in block.effect_names])
    scaled = design.groups[block.name].columns * sds
    if block.size == 1:
        return scaled[:, 0] ** 2
    return pt.sum(pt.dot(scaled, model[f"{block.name}_corr"]) * scaled, axis=-1)
