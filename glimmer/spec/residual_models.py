"""Specifies how the residual standard deviation follows the curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glimmer.errors import DesignError, suggestion
from glimmer.families import Parameter
from glimmer.priors import exponential, normal

SMALLEST = 1e-10
"""Below, a power of the curve stays as it is: its slope has no end at zero."""


@dataclass(frozen=True)
class ResidualModel:
    """A model of the residual sd.

    Attributes
    ----------
    sd : callable
        ``sd(sigma, f, unit, **parameters)``, f the curve and unit the outcome's sd.
    relative : bool
        sigma has no unit: it is relative to the curve.
    parameters : mapping of str to Parameter
        Parameters besides sigma.
    vanishes : bool
        The sd is zero where the curve is.
    """

    sd: Callable[..., Any]
    relative: bool = False
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    vanishes: bool = False


def _additive_proportional(sigma: Any, f: Any, unit: float, proportional: Any) -> Any:
    import pytensor.tensor as pt

    return pt.sqrt(sigma**2 + (proportional * f) ** 2)


def _constant_power(sigma: Any, f: Any, unit: float, constant: Any, power: Any) -> Any:
    import pytensor.tensor as pt

    return sigma * (constant + pt.maximum(abs(f / unit), SMALLEST) ** power)


RESIDUALS: dict[str, ResidualModel] = {
    "constant": ResidualModel(lambda sigma, f, unit: sigma),
    "proportional": ResidualModel(
        lambda sigma, f, unit: sigma * abs(f), relative=True, vanishes=True
    ),
    "additive+proportional": ResidualModel(
        _additive_proportional,
        parameters={"proportional": Parameter("proportional", prior=exponential(1))},
    ),
    "power": ResidualModel(
        lambda sigma, f, unit, power: sigma * abs(f / unit) ** power,
        parameters={"power": Parameter("power", "identity", prior=normal(0, 1))},
        vanishes=True,
    ),
    "constant+power": ResidualModel(
        _constant_power,
        parameters={
            "constant": Parameter("constant", prior=exponential(1)),
            "power": Parameter("power", prior=normal(0, 1)),
        },
    ),
}
"""``constant``: sigma; ``proportional``: sigma |f|; ``additive+proportional``:
sqrt(sigma^2 + (proportional f)^2); ``power``: sigma |f / sd(y)|^power (nlme's varPower, with
sigma the residual sd where the curve is at sd(y)); ``constant+power``:
sigma (constant + |f / sd(y)|^power), power > 0 (its varConstPower)."""


def find_residual(name: str) -> ResidualModel:
    """Return a residual model by name, or raise `DesignError`."""
    if name not in RESIDUALS:
        raise DesignError(f"Unknown residual model {name!r}.", fix=suggestion(name, RESIDUALS))
    return RESIDUALS[name]
