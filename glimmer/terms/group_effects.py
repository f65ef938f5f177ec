"""Registers correlated group-specific effects as a sequence of normals, each given the former.

With Sigma = diag(s) L L' diag(s), the effects of a level are b_k = s_k (L_k1 z_1 + ... + L_kk z_k),
z ~ N(0, I). Written one by one, b_k is normal given b_1 ... b_{k-1}: every effect is a variable of
its own with its own name, and only elementwise arithmetic is needed. NUTS moves in z, through a
transform that changes coordinates and not the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pymc as pm
import pytensor.tensor as pt

from glimmer.priors.covariance import Covariance
from glimmer.priors.value_transforms import STANDARDIZED
from glimmer.terms.naming import value_name

if TYPE_CHECKING:
    from pymc.distributions.transforms import Transform
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True, eq=False)
class Around:
    """The population's value that effects are added to, and the data's information on the sums."""

    value: Any
    coordinates: Transform


def group_effects(
    names: tuple[str, ...],
    covariance: Covariance,
    dim: str,
    *,
    centered: Sequence[bool] = (),
    around: Mapping[str, Around] = MappingProxyType({}),
) -> list[TensorVariable]:
    """Register the effects of a block in the current model.

    Parameters
    ----------
    names : tuple of str, length p
    covariance : Covariance
    dim : str
        The dimension of levels.
    centered : sequence of bool, length p
        Which effects are sampled in b itself rather than in z; none by default.
    around : mapping of str to Around
        By effect: the sum of b and the population's value is sampled, a variable of its own
        (``Asym|Tree_value``). The model is the same.

    Returns
    -------
    list of TensorVariable, length p, each of shape (J,)
    """
    effects: list[Any] = []
    z: list[Any] = []
    for k, name in enumerate(names):
        sd, row = covariance.sds[k], covariance.chol[k]
        mean = sd * sum((row[m] * z[m] for m in range(k)), start=0.0)
        spread = sd * row[k]
        if name in around:
            effect = _around(name, around[name], mean, spread, dim)
        else:
            transform = None if centered and centered[k] else STANDARDIZED
            effect = pm.Normal(
                name, mean, spread, dims=dim, shape=_length(dim), default_transform=transform
            )
        effects.append(effect)
        z.append((effect - mean) / spread)
    return effects


def _around(name: str, around: Around, mean: Any, spread: Any, dim: str) -> TensorVariable:
    """An effect as the difference between a level's value and the population's."""
    value = pm.Normal(
        value_name(name),
        around.value + mean,
        spread,
        dims=dim,
        shape=_length(dim),
        default_transform=around.coordinates,
    )
    return pm.Deterministic(name, value - around.value, dims=dim)


def _length(dim: str) -> int:
    """The length of a dimension: a shape known beforehand needs no checks to be compiled."""
    return len(pm.modelcontext(None).coords[dim])


def correlation(covariance: Covariance) -> TensorVariable:
    """The correlation matrix, shape (p, p)."""
    p = len(covariance.sds)
    entries = [[0.0 for _ in range(p)] for _ in range(p)]
    for i in range(p):
        for j in range(i):
            entries[i][j] = entries[j][i] = sum(
                covariance.chol[i][m] * covariance.chol[j][m] for m in range(j + 1)
            )
        entries[i][i] = 1.0
    return pt.stacklists(entries)


def packed(covariance: Covariance) -> TensorVariable:
    """The lower triangle of diag(sds) chol, row by row."""
    rows = zip(covariance.sds, covariance.chol, strict=True)
    return pt.stack([sd * entry for sd, row in rows for entry in row])
