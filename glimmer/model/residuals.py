"""How the residual standard deviation follows the curve, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glimmer.errors import DesignError, suggestion
from glimmer.priors import Prior, exponential, normal


@dataclass(frozen=True)
class ResidualModel:
    """A model of the residual sd.

    Attributes
    ----------
    sd : callable
        ``sd(sigma, r, **parameters)``, r the curve in units of the outcome's sd.
    relative : bool
        sigma has no unit: it is relative to the curve.
    parameters : mapping of str to Prior
        Parameters besides sigma. Those whose name ends in ``sd`` are positive.
    vanishes : bool
        The sd is zero where the curve is.
    """

    sd: Callable[..., Any]
    relative: bool = False
    parameters: Mapping[str, Prior] = ()  # type: ignore[assignment]
    vanishes: bool = False


def _additive_proportional(sigma: Any, r: Any, proportional_sd: Any, scale: float) -> Any:
    import pytensor.tensor as pt

    return pt.sqrt(sigma**2 + (proportional_sd * scale * r) ** 2)


RESIDUALS: dict[str, ResidualModel] = {
    "constant": ResidualModel(lambda sigma, r, scale: sigma, parameters={}),
    "proportional": ResidualModel(
        lambda sigma, r, scale: sigma * scale * abs(r), relative=True, parameters={}, vanishes=True
    ),
    "additive+proportional": ResidualModel(
        _additive_proportional, parameters={"proportional_sd": exponential(1)}
    ),
    "power": ResidualModel(
        lambda sigma, r, scale, power: sigma * abs(r) ** power,
        parameters={"power": normal(0, 1)},
        vanishes=True,
    ),
}
"""``constant``: sigma; ``proportional``: sigma |f|; ``additive+proportional``:
sqrt(sigma^2 + (proportional_sd f)^2); ``power``: sigma |f / sd(y)|^power (nlme's varPower, with
sigma the residual sd where the curve is at sd(y))."""


def find_residual(name: str) -> ResidualModel:
    """Return a residual model by name, or raise `DesignError`."""
    if name not in RESIDUALS:
        raise DesignError(f"There is no residual model {name!r}.", fix=suggestion(name, RESIDUALS))
    return RESIDUALS[name]
