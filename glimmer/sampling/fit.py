"""Samples a model into an InferenceData, with derived variables and labels."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pytensor.graph.traversal import ancestors

from glimmer.errors import StoreError
from glimmer.fitted import JAX, Fitted, Model, Settings
from glimmer.interpreter.replay import replay
from glimmer.record import dumps
from glimmer.sampling.policy import adapted
from glimmer.sampling.run import sample

if TYPE_CHECKING:
    import pymc as pm

    from glimmer.coordinates.plan import Plan


def fit_model(
    model: Model,
    settings: Settings,
    extended: pm.Model | None = None,
    left_out: Collection[str] = (),
) -> Fitted:
    """Fit a model to its rows, in coordinates that suit it.

    Parameters
    ----------
    model : Model
    settings : Settings
    extended : pymc.Model, optional
        The model as the user has extended it: it is sampled as it stands.
    left_out : collection of str
        Variables whose draws are not kept.

    Returns
    -------
    Fitted
        Its draws carry the specification as text, if it has a written form.

    Raises
    ------
    SamplingError
        The log density is not finite where sampling starts, or an argument is impossible.
    """
    from glimmer.assemble import assemble
    from glimmer.coordinates.choose import choose

    plan, built = None, extended
    if built is None:
        asked = "plain" if settings.sampler in JAX else settings.coordinates
        plan = choose(model.spec, model.design, asked)
        built = assemble(model.spec, model.design).model
    settings = adapted(settings, model.spec, plan)
    draws = fit(built, settings, plan, left_out)
    with suppress(StoreError):  # a prior of the user's own may have no written form
        draws.attrs["glimmer_spec"] = dumps(model.spec)
    return Fitted(
        model.spec,
        model.design,
        model.frame,
        model.functions,
        model.verb,
        draws=draws,
        settings=settings,
    )


def fit(
    model: pm.Model,
    settings: Settings,
    plan: Plan | None = None,
    left_out: Collection[str] = (),
) -> xr.DataTree:
    """Sample a PyMC model and return InferenceData.

    Parameters
    ----------
    model : pymc.Model
    settings : Settings
    plan : Plan, optional
        Coordinates to sample in; the model as it stands without one.
    left_out : collection of str
        Variables whose draws are not kept.

    Returns
    -------
    xarray.DataTree
        ``posterior`` (free variables and deterministics, in the model's order), ``sample_stats``,
        ``observed_data``, ``constant_data``.
    """
    drawn = sample(model if plan is None else plan.model, settings)
    posterior = drawn["posterior"].to_dataset()
    seed = effects_seed(settings)
    if plan is not None:
        posterior = _recovered(plan, model, posterior, seed, left_out)
    groups = {"posterior": derived(model, posterior, left_out)}
    if "sample_stats" in drawn.children:
        groups["sample_stats"] = drawn["sample_stats"].to_dataset()
    groups["observed_data"] = _observed(model)
    groups["constant_data"] = _constant(model)
    tree = xr.DataTree.from_dict({name: ds for name, ds in groups.items() if len(ds.data_vars)})
    tree.attrs.update(
        coordinates="plain" if plan is None else plan.name,
        inference_library=settings.sampler
        if settings.algorithm == "sampling"
        else settings.algorithm,
        modeling_interface="glimmer",
        modeling_interface_version=version("pymc-glimmer"),
    )
    if left_out:
        sizes = posterior.sizes
        tree.attrs.update(effects_seed=seed, effects_draws=sizes["chain"] * sizes["draw"])
    return tree


def effects_seed(settings: Settings) -> int:
    """The seed of coefficients that are drawn after sampling."""
    if settings.random_seed is not None:
        return settings.random_seed
    return int(np.random.SeedSequence().generate_state(1)[0])


def _recovered(
    plan: Plan, model: pm.Model, posterior: xr.Dataset, seed: int, left_out: Collection[str]
) -> xr.Dataset:
    """Draws of the model's own free variables, from those of a plan's."""
    names = [v.name for v in model.free_RVs if v.name not in left_out]
    coefficients = plan.recover(posterior, seed, dict.fromkeys(names, slice(None)))
    arrays = {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
        for name, values in coefficients.items()
    }
    return posterior.assign(arrays)


def derived(model: pm.Model, posterior: xr.Dataset, left_out: Collection[str] = ()) -> xr.Dataset:
    """The draws of every named quantity, from those of the free variables.

    The levels of effects that are left out stay among the coordinates.
    """
    free = [v.name for v in model.free_RVs if v.name in posterior]
    absent = {v for v in model.free_RVs if v.name not in posterior}
    wanted = [v for v in model.deterministics if absent.isdisjoint(ancestors([v]))]
    values = replay(model, wanted, posterior[free]) if wanted else []
    new = {
        variable.name: labelled(model, variable.name, array)
        for variable, array in zip(wanted, values, strict=True)
    }
    known = {name: labelled(model, name, posterior[name].values) for name in free}
    every = {**known, **new}
    coords: dict[str, Any] = {d: posterior.coords[d].values for d in ("chain", "draw")}
    for name in left_out:
        for dim in model.named_vars_to_dims.get(name) or ():
            coords[dim] = list(model.coords[dim])
    order = [v.name for v in (*model.free_RVs, *model.deterministics)]
    kept = [name for name in order if name in every and name not in left_out]
    return xr.Dataset({name: every[name] for name in kept}, coords=coords)


def labelled(model: pm.Model, name: str, values: np.ndarray) -> xr.DataArray:
    """Draws of one variable with the model's dims and coords, shape (chain, draw, ...)."""
    own = model.named_vars_to_dims.get(name) or ()
    rest = values.ndim - 2
    dims = [d if d is not None else f"{name}_dim_{i}" for i, d in enumerate(own or (None,) * rest)]
    coords = {d: list(model.coords[d]) for d in dims if model.coords.get(d) is not None}
    return xr.DataArray(values, dims=["chain", "draw", *dims], coords=coords)


def _observed(model: pm.Model) -> xr.Dataset:
    values = {v.name: model.rvs_to_values[v] for v in model.observed_RVs}
    return _dataset(model, {name: _value(v) for name, v in values.items()})


def _constant(model: pm.Model) -> xr.Dataset:
    used = {model.rvs_to_values[v].name for v in model.observed_RVs}
    data = {v.name: _value(v) for v in model.data_vars if v.name not in used}
    return _dataset(model, data)


def _value(variable: Any) -> np.ndarray:
    if hasattr(variable, "get_value"):
        return np.asarray(variable.get_value())
    return np.asarray(variable.eval())


def _dataset(model: pm.Model, values: dict[str, np.ndarray]) -> xr.Dataset:
    arrays = {}
    for name, array in values.items():
        own = model.named_vars_to_dims.get(name) or (None,) * array.ndim
        dims = [d if d is not None else f"{name}_dim_{i}" for i, d in enumerate(own)]
        coords = {d: list(model.coords[d]) for d in dims if model.coords.get(d) is not None}
        arrays[name] = xr.DataArray(array, dims=dims, coords=coords)
    return xr.Dataset(arrays)
