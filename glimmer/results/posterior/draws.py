"""Gives the draws of a fit, and raises an error for effects that it did not store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glimmer.errors import NotFitted

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Fitted


def every_draw(fit: Fitted) -> xr.Dataset:
    """The posterior draws, of every parameter and effect.

    Raises
    ------
    NotFitted
        There are none, or those of some group-specific effects were not stored: replaying a model
        without them would take them from their distribution.
    """
    if absent := left_out_effects(fit):
        raise not_stored(fit, absent[0])
    return fit.posterior


def left_out_effects(fit: Fitted) -> list[str]:
    """Names of the group-specific effects that the fit did not store."""
    posterior = fit.draws["posterior"]
    names = [name for block in fit.spec.groups for name in block.effect_names]
    return [name for name in names if name not in posterior.data_vars]


def not_stored(fit: Fitted, name: str) -> NotFitted:
    """The error for an effect that the fit did not store."""
    later = fit.draws.attrs.get("coordinates") == "integrated"
    return NotFitted(
        f"The fit did not store the draws of {name!r}.",
        fix=f"{'model.draw_effects(keep=True), or ' if later else ''}fit with store_effects=True",
    )
