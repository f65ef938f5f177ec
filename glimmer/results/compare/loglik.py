"""Computes the log likelihood of each row at each posterior draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
import xarray as xr

from glimmer.assemble.model import Assembly, assemble
from glimmer.errors import OutcomeError
from glimmer.interpreter.modes import DENSITY
from glimmer.interpreter.replay import Replay
from glimmer.results.posterior.draws import every_draw
from glimmer.results.predict.draws_in_use import Draws
from glimmer.results.predict.new_levels import LevelStreams, add_unseen, entropy_of

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.fitted import Fitted
    from glimmer.spec import Design, ModelSpec

GROUP = "log_likelihood"


def log_lik(
    fit: Fitted,
    newdata: Any = None,
    *,
    offset: Any = None,
    weights: Any = None,
    random_seed: int | None = None,
) -> xr.DataArray:
    """Pointwise log likelihood.

    Likelihood weights multiply it, precision weights enter the standard deviation. A level that the
    model has not seen is drawn from its distribution, once for each posterior draw.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
        Rows with outcomes; the training rows by default.
    offset, weights : array of shape (n,), optional
        For ``newdata``, where the model was given arrays.
    random_seed : int, optional
        For effects of unseen levels.

    Returns
    -------
    DataArray
        Dimensions (chain, draw, obs_id).

    Raises
    ------
    NotFitted
        The model has not been fitted, or the fit did not store all effects.
    NewDataError, DataError, OutcomeError
        ``newdata`` cannot be judged by the model.

    Examples
    --------
    >>> model.log_lik().sizes["obs_id"]
    180
    """
    posterior = every_draw(fit)
    if newdata is None:
        return pointwise(fit.spec, fit.design, posterior, random_seed)
    from glimmer.results.predict.newdata import judged_design

    design = judged_design(fit, newdata, offset=offset, weights=weights)
    return pointwise(fit.spec, design, posterior, random_seed)


def compute_log_likelihood(fit: Fitted) -> xr.DataTree:
    """Store the pointwise log likelihood of the training rows in the model's InferenceData.

    Returns
    -------
    InferenceData (an xarray.DataTree)
        The model's own, with the group ``log_likelihood``.
    """
    idata = fit.draws
    idata[GROUP] = xr.DataTree(_dataset(fit))
    return idata


def with_log_likelihood(fit: Fitted) -> xr.DataTree:
    """What ArviZ's functions need: the posterior, the outcome, its log likelihood."""
    idata = fit.draws
    known = GROUP in idata.children and fit.spec.names.outcome in idata[GROUP]
    groups = {
        "posterior": idata["posterior"].to_dataset(),
        GROUP: idata[GROUP].to_dataset() if known else _dataset(fit),
        "observed_data": observed(fit).to_dataset(name=fit.spec.names.outcome),
    }
    return xr.DataTree.from_dict(groups)


def observed(fit: Fitted) -> xr.DataArray:
    """The outcome of the training rows, dimension obs_id; successes where there are trials."""
    y = outcome_values(fit.design, discrete=fit.spec.family.support.whole)
    return xr.DataArray(y, dims=["obs_id"], coords={"obs_id": fit.design.rows})


def pointwise(
    spec: ModelSpec, design: Design, posterior: xr.Dataset, seed: int | None = None
) -> xr.DataArray:
    """Log likelihood of the rows of ``design``, dimensions (chain, draw, obs_id)."""
    assembly = assemble(spec, design, observe=False)
    density = log_density(spec, design, assembly)
    draws = Draws(posterior, spec)
    add_unseen(draws, LevelStreams(entropy_of(seed), draws.size), spec, design, assembly.model)
    run = Replay(assembly.model, [density], draws.names, DENSITY)
    values = np.concatenate([part for (part,) in run.chunks(draws, draws.size)])
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], design.n)
    return by_row(values.reshape(shape), design, posterior)


def by_row(values: np.ndarray, design: Design, posterior: xr.Dataset) -> xr.DataArray:
    """Label an array of shape (chain, draw, n)."""
    coords = {"chain": posterior["chain"], "draw": posterior["draw"], "obs_id": design.rows}
    return xr.DataArray(values, dims=["chain", "draw", "obs_id"], coords=coords)


def log_density(spec: ModelSpec, design: Design, assembly: Assembly) -> TensorVariable:
    """The log density of the outcome in the parameters of an assembled model, shape (n,)."""
    y = outcome_values(design, discrete=is_discrete(assembly.outcome.distribution()))
    return assembly.outcome.density(pt.as_tensor(y))


def is_discrete(outcome: TensorVariable) -> bool:
    """Whether a distribution is over whole numbers."""
    return outcome.type.dtype.startswith(("int", "uint", "bool"))


def outcome_values(design: Design, *, discrete: bool) -> np.ndarray:
    """The outcome, shape (n,); raise `OutcomeError` if the rows have none."""
    if design.y is None:
        raise OutcomeError("The rows have no outcome.", fix="give data that have the outcome")
    return design.y.astype(np.int64) if discrete else design.y


def _dataset(fit: Fitted) -> xr.Dataset:
    return log_lik(fit).to_dataset(name=fit.spec.names.outcome)
