"""Computes Bayesian R-squared: the share of the variance of outcomes that the model explains.

Gelman, Goodrich, Gabry & Vehtari (2019), The American Statistician 73:307-309.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pytensor.tensor as pt
import xarray as xr

from glimmer.results.compare.loglik import outcome_values
from glimmer.results.predict.prediction import Prediction

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.assemble import Assembly
    from glimmer.fitted import Fitted
    from glimmer.results.predict.predict import Options


def conditional_variance(assembly: Assembly) -> TensorVariable:
    """The variance of the outcome given the parameters, shape (n,)."""
    return assembly.outcome.variance + pt.zeros_like(assembly.eta)


def bayes_R2(fit: Fitted, newdata: Any = None, **options: Unpack[Options]) -> xr.DataArray:
    """Draws of var(mu) / (var(mu) + the mean variance of outcomes given mu).

    Counts of successes, where there are trials. The variance given mu is the family's own, so that
    every family with a known variance has an R-squared.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
        The training rows by default.
    **options
        As in `predict`; ``groups=None`` leaves the group-specific effects out of mu.

    Returns
    -------
    DataArray
        Dimensions (chain, draw).

    Examples
    --------
    >>> bool(0 < model.bayes_R2().median() < 1)
    True
    """
    options.setdefault("random_seed", 1)
    mean = Prediction(fit, newdata, "mean", **options)
    outcome = Prediction(fit, newdata, "response", **options)
    mu, trials = mean.array(), outcome.design.trials
    residual = outcome.array(of=conditional_variance)
    explained = (mu if trials is None else mu * trials).var("obs_id", ddof=1)
    return (explained / (explained + residual.mean("obs_id"))).rename("R2")


def loo_R2(fit: Fitted, draws: int = 4000, *, random_seed: int = 1) -> xr.DataArray:
    """Draws of the leave-one-out adjusted R-squared.

    One minus the variance of leave-one-out errors over the variance of outcomes, both by Bayesian
    bootstrap of the rows; between -1 and 1.

    Parameters
    ----------
    fit : Fitted
    draws : int
        Bootstrap draws.
    random_seed : int

    Returns
    -------
    DataArray
        Dimension draw.
    """
    from glimmer.results.compare.loo import loo_epred

    y, trials = outcome_values(fit.design, discrete=False), fit.design.trials
    expected = loo_epred(fit).values * (1.0 if trials is None else trials)
    weights = np.random.default_rng(random_seed).dirichlet(np.ones(len(y)), size=draws)
    ratio = _variances(expected - y, weights) / _variances(y, weights)
    return xr.DataArray(np.clip(1 - ratio, -1, 1), dims=["draw"], name="loo_R2")


def _variances(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Variances of (n,) values under rows of weights, shape (draws,)."""
    centered = values - values.mean()
    return weights @ centered**2 - (weights @ centered) ** 2
