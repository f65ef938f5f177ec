"""Draws group-specific effects that a fit did not store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import ArgumentError, NotFitted, suggestion

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Fitted
    from glimmer.spec import ModelSpec

REFIT = "fit again with store_effects=True"


def left_out(spec: ModelSpec, store: bool | Iterable[str]) -> tuple[str, ...]:
    """Names of the effects that are not to be stored.

    Parameters
    ----------
    spec : ModelSpec
    store : bool or list of str
        All, none, or those named: effects (``1|g``) or grouping factors (``g``).

    Raises
    ------
    ArgumentError
        A name is not one of the model's.
    """
    effects = _by_factor(spec)
    every = list(dict.fromkeys(effects))
    if isinstance(store, bool):
        return () if store else tuple(every)
    asked = {store} if isinstance(store, str) else set(store)
    known = {*every, *effects.values()}
    for name in sorted(asked - known):
        raise ArgumentError(
            f"Unknown group-specific effects {name!r}.", fix=suggestion(name, known)
        )
    return tuple(name for name in every if name not in asked and effects[name] not in asked)


def _by_factor(spec: ModelSpec) -> dict[str, str]:
    """The grouping factor of each effect."""
    return {name: block.factor_name for block in spec.groups for name in block.effect_names}


def draw_effects(
    fit: Fitted,
    names: Iterable[str] | None = None,
    *,
    levels: Mapping[str, Iterable[str]] | None = None,
    keep: bool = False,
) -> xr.Dataset:
    """Draw group-specific effects that the fit did not store (``store_effects=``).

    They are the very draws that the fit would have stored: the joint posterior with all other
    variables. Memory is that of what is returned.

    Parameters
    ----------
    fit : Fitted
        Fitted in integrated coordinates.
    names : list of str, optional
        Effects (``1|g``) or grouping factors (``g``); all that are not stored by default.
    levels : mapping of str to list of str, optional
        By grouping factor, the levels wanted; all by default.
    keep : bool
        Put the draws into ``model.idata``, so that `ranef` and `predict` find them.

    Returns
    -------
    xarray.Dataset
        Each effect with dims (chain, draw, levels).

    Raises
    ------
    NotFitted
        The effects cannot be drawn: the fit was not in integrated coordinates, or its draws have
        been thinned.
    ArgumentError
        There is no such effect or level.

    Examples
    --------
    >>> model.fit(store_effects=False)  # doctest: +SKIP
    >>> model.draw_effects(levels={"g": ["17"]})  # doctest: +SKIP
    """
    from glimmer.coordinates.choose import choose

    if keep and levels is not None:
        raise ArgumentError("Only effects of all levels can be kept.", fix="leave out levels=")
    posterior, seed = _reproducible(fit)
    wanted = set(_by_factor(fit.spec)) - set(posterior.data_vars)
    if names is not None:
        wanted = set(_by_factor(fit.spec)) - set(left_out(fit.spec, list(names)))
    plan = choose(fit.spec, fit.design, "integrated")
    assert plan is not None  # noqa: S101
    positions = {name: at for name, at in _positions(fit.spec, levels).items() if name in wanted}
    drawn = _labelled(fit.spec, plan.recover(posterior, seed, positions), positions)
    drawn = drawn.assign_coords({d: posterior.coords[d] for d in ("chain", "draw")})
    if keep:
        fit.draws["posterior"] = fit.posterior.merge(drawn)
    return drawn


def _reproducible(fit: Fitted) -> tuple[xr.Dataset, int]:
    """The posterior and the seed of the effects drawn with it."""
    idata = fit.draws
    posterior = idata["posterior"].to_dataset()
    if idata.attrs["coordinates"] != "integrated" or "effects_seed" not in idata.attrs:
        raise NotFitted("The effects cannot be drawn: the fit stored too little.", fix=REFIT)
    if posterior.sizes["chain"] * posterior.sizes["draw"] != idata.attrs["effects_draws"]:
        raise NotFitted("The draws have been thinned since the fit.", fix=REFIT)
    return posterior, int(idata.attrs["effects_seed"])


def _positions(
    spec: ModelSpec, levels: Mapping[str, Iterable[str]] | None
) -> dict[str, slice | np.ndarray]:
    """By effect, the levels that are wanted."""
    asked = levels or {}
    known = dict.fromkeys(_by_factor(spec).values())
    for factor in asked:
        if factor not in known:
            raise ArgumentError(
                f"Unknown grouping factor {factor!r}.", fix=suggestion(factor, known)
            )
    out: dict[str, slice | np.ndarray] = {}
    for block in spec.groups:
        at: Any = slice(None)
        if block.factor_name in asked:
            place = {level: i for i, level in enumerate(block.levels)}
            chosen = [str(level) for level in asked[block.factor_name]]
            if unknown := [level for level in chosen if level not in place]:
                raise ArgumentError(f"{block.factor_name!r} has no level {unknown[0]!r}.")
            at = np.array([place[level] for level in chosen], dtype=int)
        out.update(dict.fromkeys(block.effect_names, at))
    return out


def _labelled(
    spec: ModelSpec, drawn: Mapping[str, np.ndarray], positions: Mapping[str, slice | np.ndarray]
) -> xr.Dataset:
    import xarray as xr

    arrays = {}
    for block in spec.groups:
        for name in block.effect_names:
            if name in drawn:
                labels = np.array(block.levels, dtype=object)[positions[name]]
                dims = ("chain", "draw", block.level_dim)
                arrays[name] = xr.DataArray(drawn[name], dims=dims, coords={dims[2]: list(labels)})
    return xr.Dataset(arrays)
