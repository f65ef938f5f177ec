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


class PartlyCentered(Transform):
    """Coordinates between b ~ Normal(mu, sigma) itself (weight 1) and (b - mu) / sigma (weight 0).

    They are (b - w center - (1 - w) mu) / (unit^w sigma^(1 - w)), those of Papaspiliopoulos, Roberts
    & Skold (2007) measured from ``center`` in ``unit``.

    Parameters
    ----------
    weight, center, unit : float
    """

    name = "partly_centered"

    def __init__(self, weight: float, center: float, unit: float) -> None:
        self.weight, self.center, self.unit = weight, center, unit

    def forward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return (value - self._location(mu)) / self._scale(sigma)

    def backward(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return self._location(mu) + self._scale(sigma) * value

    def log_jac_det(self, value: Any, rng: Any, size: Any, mu: Any, sigma: Any) -> Any:
        return pt.zeros_like(value) + pt.log(self._scale(sigma))

    def _location(self, mu: Any) -> Any:
        return self.weight * self.center + (1 - self.weight) * mu

    def _scale(self, sigma: Any) -> Any:
        return self.unit**self.weight * sigma ** (1 - self.weight)


@dataclass(frozen=True)
class Around:
    """The population's value that effects are added to, where it starts, and a unit for it."""

    value: Any
    start: float
    unit: float


def group_effects(
    names: tuple[str, ...],
    covariance: Covariance,
    dim: str,
    *,
    centered: Sequence[float] = (),
    around: Mapping[str, Around] = MappingProxyType({}),
) -> list[TensorVariable]:
    """Register the effects of a block in the current model.

    Parameters
    ----------
    names : tuple of str, length p
    covariance : Covariance
    dim : str
        The dimension of levels.
    centered : sequence of float, length p
        1 for effects that are sampled in b itself rather than in z; none by default.
    around : mapping of str to Around
        By effect: sample those that are centred, wholly or partly, in the sum of b and the
        population's value, which is a variable ``Asym|Tree_value`` of its own. The model is the
        same.

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
        weight = centered[k] if centered else 0.0
        if weight and name in around:
            effect = _around(name, around[name], weight, mean, spread, dim)
        else:
            transform = None if weight > 0.5 else STANDARDIZED
            effect = pm.Normal(name, mean, spread, dims=dim, default_transform=transform)
        effects.append(effect)
        z.append((effect - mean) / spread)
    return effects


def _around(
    name: str, around: Around, weight: float, mean: Any, spread: Any, dim: str
) -> TensorVariable:
    """An effect as the difference between a level's value and the population's."""
    value = pm.Normal(
        f"{name}_value",
        around.value + mean,
        spread,
        dims=dim,
        default_transform=PartlyCentered(weight, around.start, around.unit),
    )
    return pm.Deterministic(name, value - around.value, dims=dim)


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
