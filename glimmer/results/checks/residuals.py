"""Computes fitted values and residuals of the training rows, as means over the posterior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import ndtri

from glimmer.assemble.model import Assembly, assemble
from glimmer.errors import ArgumentError
from glimmer.interpreter.replay import CHUNK_BYTES, Replay, flat
from glimmer.results.compare.loglik import is_discrete, outcome_values
from glimmer.results.posterior.draws import every_draw

if TYPE_CHECKING:
    from glimmer.fitted import Fitted

NEAREST = 1e-16


def fitted_values(fit: Fitted) -> xr.DataArray:
    """The posterior mean of each row's expected outcome (a probability, where there are trials).

    Not the expected outcome at the posterior's median, as rstanarm's ``fitted`` is.

    Returns
    -------
    DataArray
        Dimension obs_id.

    Examples
    --------
    >>> model.fitted_values().sizes
    Frozen({'obs_id': 180})
    """
    (mu,) = _means(fit, lambda assembly: [assembly.expected])
    return _by_row(fit, mu)


def residuals(
    fit: Fitted,
    kind: Literal["response", "pearson", "quantile"] = "response",
    *,
    random_seed: int = 1,
) -> xr.DataArray:
    """Residuals of the training rows.

    Parameters
    ----------
    fit : Fitted
    kind : {"response", "pearson", "quantile"}
        The outcome (a proportion, where there are trials) less its posterior mean; that difference
        over the outcome's standard deviation, averaged over the posterior; or the normal quantile
        of the posterior predictive probability of an outcome up to the observed one (Dunn & Smyth
        1996), which is standard normal under the model whatever the family.
    random_seed : int
        Quantile residuals of discrete outcomes are drawn between two probabilities.

    Returns
    -------
    DataArray
        Dimension obs_id.

    Raises
    ------
    ArgumentError
        There is no such kind.
    """
    if kind == "response":
        return _by_row(fit, _observed_mean(fit)) - fitted_values(fit)
    if kind == "pearson":
        return _by_row(fit, _pearson(fit))
    if kind == "quantile":
        return _by_row(fit, _quantile(fit, random_seed))
    raise ArgumentError(f"kind must be 'response', 'pearson' or 'quantile', not {kind!r}.")


def _observed_mean(fit: Fitted) -> np.ndarray:
    """Outcomes on the scale of their means: proportions, where there are trials."""
    y = outcome_values(fit.design, discrete=False)
    return y if fit.design.trials is None else y / fit.design.trials


def _pearson(fit: Fitted) -> np.ndarray:
    y, trials = outcome_values(fit.design, discrete=False), fit.design.trials

    def standardized(assembly: Assembly) -> list[Any]:
        mean = assembly.expected if trials is None else assembly.expected * trials
        return [(y - mean) / pt.sqrt(assembly.outcome.variance)]

    return _means(fit, standardized)[0]


def _quantile(fit: Fitted, seed: int) -> np.ndarray:
    """Normal quantiles of the posterior predictive cdf, randomized where it jumps."""

    def cdf(assembly: Assembly) -> list[Any]:
        outcome = assembly.outcome.distribution()
        discrete = is_discrete(outcome)
        y = outcome_values(fit.design, discrete=discrete)
        upto = pt.exp(pm.logcdf(outcome, y, warn_rvs=False))
        if not discrete:
            return [upto, upto]
        return [pt.exp(pm.logcdf(outcome, y - 1, warn_rvs=False)), upto]

    below, upto = _means(fit, cdf)
    uniform = np.random.default_rng(seed).uniform(size=len(upto))
    return ndtri(np.clip(below + uniform * (upto - below), NEAREST, 1 - NEAREST))


def _means(fit: Fitted, expressions: Callable[[Assembly], Sequence[Any]]) -> list[np.ndarray]:
    """Posterior means of expressions of each training row, each of shape (n,)."""
    posterior = every_draw(fit)
    assembly = assemble(fit.spec, fit.design, observe=False)
    outputs = list(expressions(assembly))
    run = Replay(assembly.model, outputs, [str(name) for name in posterior.data_vars])
    draws = {name: flat(posterior[name]) for name in run.names}
    size = max(1, CHUNK_BYTES // (8 * fit.design.n * len(outputs)))
    totals = [np.zeros(fit.design.n) for _ in outputs]
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    for parts in run.chunks(draws, count, size):
        totals = [total + part.sum(axis=0) for total, part in zip(totals, parts, strict=True)]
    return [total / count for total in totals]


def _by_row(fit: Fitted, values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=["obs_id"], coords={"obs_id": fit.design.rows})
