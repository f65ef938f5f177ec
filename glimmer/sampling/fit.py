"""From a model to InferenceData: sample, derive what is reported, label everything."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from glimmer.model.replay import replay
from glimmer.sampling.run import Settings, sample

if TYPE_CHECKING:
    import pymc as pm

    from glimmer.sampling.plan import Plan


def fit(model: pm.Model, settings: Settings, plan: Plan | None = None) -> xr.DataTree:
    """Sample a PyMC model and return InferenceData.

    Parameters
    ----------
    model : pymc.Model
    settings : Settings
    plan : Plan, optional
        Coordinates to sample in; the model as it stands without one.

    Returns
    -------
    xarray.DataTree
        ``posterior`` (free variables and deterministics, in the model's order), ``sample_stats``,
        ``observed_data``, ``constant_data``.
    """
    drawn = sample(model if plan is None else plan.model, settings)
    posterior = drawn["posterior"].to_dataset()
    if plan is not None:
        posterior = _recovered(plan, posterior, settings.random_seed)
    groups = {"posterior": derived(model, posterior)}
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
    return tree


def _recovered(plan: Plan, posterior: xr.Dataset, seed: Any) -> xr.Dataset:
    """Draws of the model's own free variables, from those of a plan's."""
    coefficients = plan.recover(posterior, seed)
    arrays = {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
        for name, values in coefficients.items()
    }
    return posterior.assign(arrays)


def derived(model: pm.Model, posterior: xr.Dataset) -> xr.Dataset:
    """The draws of every named quantity, from those of the free variables."""
    free = [v.name for v in model.free_RVs]
    wanted = list(model.deterministics)
    values = replay(model, wanted, posterior[free]) if wanted else []
    new = {
        variable.name: labelled(model, variable.name, array)
        for variable, array in zip(wanted, values, strict=True)
    }
    known = {name: labelled(model, name, posterior[name].values) for name in free}
    order = [v.name for v in (*model.free_RVs, *model.deterministics)]
    sizes = {name: posterior.coords[name].values for name in ("chain", "draw")}
    return xr.Dataset({name: {**known, **new}[name] for name in order}, coords=sizes)


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
