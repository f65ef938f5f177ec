"""Correlated group-specific effects as a sequence of normals, each given those before it.

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

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import Transform

from glimmer.priors.covariance import Covariance

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


class Standardized(Transform):
    """Coordinates z = (b - mu) / sigma of a variable b ~ Normal(mu, sigma): non-centred."""

    name = "standardized"

    def forward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return (value - mu) / sigma

    def backward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return mu + sigma * value

    def log_jac_det(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return pt.zeros_like(value) + pt.log(sigma)


STANDARDIZED = Standardized()


class Informed(Transform):
    """Coordinates of b ~ Normal(mu, sigma) that would be standard normal after data about b.

    With data equal to one normal observation ``at`` of each b, of a given ``precision``, b is
    normal around (precision at + mu / sigma^2) / (precision + 1 / sigma^2): centred coordinates
    where the data say much compared to sigma, non-centred ones where they do not.

    Parameters
    ----------
    precision, at : ndarray, shape (J,)
    """

    name = "informed"

    def __init__(self, precision: np.ndarray, at: np.ndarray) -> None:
        self.precision, self.at = precision, at

    def forward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        location, scale = self._posterior(mu, sigma)
        return (value - location) / scale

    def backward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        location, scale = self._posterior(mu, sigma)
        return location + scale * value

    def log_jac_det(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return pt.zeros_like(value) + pt.log(self._posterior(mu, sigma)[1])

    def _posterior(self, mu: Any, sigma: Any) -> tuple[Any, Any]:
        weight = 1 / (1 + self.precision * sigma**2)
        return weight * mu + (1 - weight) * self.at, sigma * pt.sqrt(weight)


@dataclass(frozen=True, eq=False)
class Around:
    """The population's value that effects are added to, and what the data say of their sums."""

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


def value_name(effect: str) -> str:
    """Name of the variable that is an effect together with the population's value."""
    return f"{effect}_value"


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
