"""The draws of a fit, and what to say of effects whose draws it left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glimmer.errors import NotFitted

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.builders import ModelBuilder


def every_draw(model: ModelBuilder) -> xr.Dataset:
    """The posterior draws, of every parameter and effect.

    Raises
    ------
    NotFitted
        There are none, or those of some group-specific effects were not stored: replaying a model
        without them would take them from their distribution.
    """
    if absent := left_out_effects(model):
        raise not_stored(model, absent[0])
    return model.fitted["posterior"].to_dataset()


def left_out_effects(model: ModelBuilder) -> list[str]:
    """Names of the group-specific effects that the fit did not store."""
    posterior = model.fitted["posterior"]
    names = [name for block in model.spec.groups for name in block.effect_names]
    return [name for name in names if name not in posterior.data_vars]


def not_stored(model: ModelBuilder, name: str) -> NotFitted:
    """What to say of an effect that the fit has left out."""
    later = model.fitted.attrs.get("coordinates") == "integrated"
    return NotFitted(
        f"The fit did not store the draws of {name!r}.",
        fix=f"{'model.draw_effects(keep=True), or ' if later else ''}fit with store_effects=True",
    )
