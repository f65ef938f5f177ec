"""Gives ArviZ's moment matching what it needs: unconstrained draws, density, likelihood.

ArviZ can build these from a ``pymc.Model``, but takes each variable's transform to depend on that
variable alone. Group-specific effects are sampled as z = (b - mu) / sigma, where mu and sigma are
variables too; here every transform is evaluated at the draws of all variables.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
import xarray as xr
from pytensor.graph.replace import vectorize_graph

from glimmer.assemble.model import assemble
from glimmer.interpreter.modes import DENSITY
from glimmer.interpreter.replay import CHUNK_BYTES, replay
from glimmer.results.posterior.draws import every_draw

if TYPE_CHECKING:
    import pymc as pm

    from glimmer.fitted import Fitted

PARAMETERS = "unconstrained_parameter"


class Unconstrained:
    """A fitted model as functions of the coordinates that NUTS moves in.

    Attributes
    ----------
    draws : DataArray
        Posterior draws, dimensions (chain, draw, unconstrained_parameter).
    """

    def __init__(self, fit: Fitted) -> None:
        self.spec, self.design = fit.spec, fit.design
        self.pymc = assemble(self.spec, self.design).model
        posterior = every_draw(fit)
        self.draws = _unconstrained(self.pymc, posterior)
        self._log_prob = _batched(self.pymc, [self.pymc.logp()])
        self._log_lik_row = lru_cache(maxsize=1)(self._log_lik_of)

    def log_prob(self, at: xr.DataArray) -> xr.DataArray:
        """Log posterior density, with Jacobian, dimensions (chain, draw)."""
        return self._evaluate(self._log_prob, at, self.design.n)

    def log_lik_i(self, at: xr.DataArray, row: int) -> xr.DataArray:
        """Log likelihood of one row, dimensions (chain, draw)."""
        return self._evaluate(self._log_lik_row(int(row)), at, 1)

    def _log_lik_of(self, row: int) -> Any:
        one = assemble(self.spec, self.design.take(np.array([row]))).model
        return _batched(one, one.logp(vars=one.observed_RVs, sum=False))

    def _evaluate(self, function: Any, at: xr.DataArray, n: int) -> xr.DataArray:
        """Evaluate at some draws at a time."""
        flat = at.transpose("chain", "draw", PARAMETERS).values.reshape(-1, at.sizes[PARAMETERS])
        size = max(1, CHUNK_BYTES // (8 * n))
        parts = [function(*self._split(flat[i : i + size])) for i in range(0, len(flat), size)]
        values = np.concatenate([np.asarray(part[0]).reshape(-1) for part in parts])
        return at.isel({PARAMETERS: 0}, drop=True).copy(
            data=values.reshape(at.sizes["chain"], at.sizes["draw"])
        )

    def _split(self, flat: np.ndarray) -> list[np.ndarray]:
        """Columns of each value variable, in its own shape."""
        shapes = self.pymc.initial_point().values()
        ends = np.cumsum([value.size for value in shapes])
        parts = np.split(flat, ends[:-1], axis=1)
        return [
            part.reshape(len(flat), *value.shape) for part, value in zip(parts, shapes, strict=True)
        ]


def _unconstrained(model: pm.Model, posterior: xr.Dataset) -> xr.DataArray:
    """Draws of the value variables side by side."""
    transforms = [(rv, model.rvs_to_transforms[rv]) for rv in model.free_RVs]
    values = [rv if t is None else t.forward(rv, *rv.owner.inputs) for rv, t in transforms]
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], -1)
    columns = [array.reshape(shape) for array in replay(model, values, posterior)]
    coords = {"chain": posterior["chain"], "draw": posterior["draw"]}
    return xr.DataArray(np.concatenate(columns, axis=2), coords, ["chain", "draw", PARAMETERS])


def _batched(model: pm.Model, outputs: list[Any]) -> Any:
    """Outputs as a function of the value variables, each with a leading axis of draws."""
    inputs = {v: v.type.clone(shape=(None, *v.type.shape))() for v in model.value_vars}
    stacked = vectorize_graph(outputs, inputs)
    return pytensor.function(list(inputs.values()), stacked, mode=DENSITY, on_unused_input="ignore")
