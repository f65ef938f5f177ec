"""A fitted model without a sampler: its "posterior" is drawn from its prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from agreement import seed as moved

from glimmer.interpreter.modes import PLAIN
from glimmer.sampling.fit import _constant, _observed, derived


def fake_fit[B](builder: B, draws: int = 50, chains: int = 2, seed: int = 1) -> B:
    """Give ``builder`` an ``idata`` of prior draws, and return it.

    The shape is that of a real fit: ``posterior`` with every free variable and deterministic,
    ``observed_data`` and ``constant_data``.
    """
    model: pm.Model = builder.build()  # type: ignore[attr-defined]
    free = [variable.name for variable in model.free_RVs]
    prior = pm.sample_prior_predictive(
        draws * chains,
        model=model,
        var_names=free,
        random_seed=moved(seed),
        compile_kwargs={"mode": PLAIN},
    )["prior"]
    arrays: dict[str, Any] = {
        name: (("chain", "draw", *prior[name].dims[2:]), _split(prior[name].values, chains))
        for name in free
    }
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    groups = {
        "posterior": derived(model, xr.Dataset(arrays, coords=coords)),
        "observed_data": _observed(model),
        "constant_data": _constant(model),
    }
    builder.idata = xr.DataTree.from_dict(groups)  # type: ignore[attr-defined]
    return builder


def _split(values: np.ndarray, chains: int) -> np.ndarray:
    return values[0].reshape(chains, -1, *values.shape[2:])
