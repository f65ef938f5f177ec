"""Computes central intervals of parameters and predictions, and errors of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from glimmer.errors import check_probability
from glimmer.results.compare.loglik import outcome_values
from glimmer.results.posterior.summary import parameters

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from glimmer.fitted import Fitted
    from glimmer.results.predict.predict import Options


def posterior_interval(
    fit: Fitted,
    prob: float = 0.9,
    pars: Sequence[str] | None = None,
    regex_pars: str | None = None,
) -> pd.DataFrame:
    """Central posterior intervals.

    Parameters
    ----------
    fit : Fitted
    prob : float
        Probability inside.
    pars, regex_pars
        Which variables, as in `summary`.

    Returns
    -------
    DataFrame
        A row for each parameter; columns are named ``"5%"`` and ``"95%"``.

    Raises
    ------
    ArgumentError
        ``prob`` is not between 0 and 1.
    DataError
        The posterior has no such variable.

    Examples
    --------
    >>> list(model.posterior_interval(0.5, regex_pars="Days").columns)
    ['25%', '75%']
    """
    from arviz_base import xarray_var_iter
    from arviz_base.labels import BaseLabeller

    tails = _tails(prob)
    posterior = parameters(fit, pars, regex_pars)
    labels, ends = [], []
    for name, at, index, values in xarray_var_iter(posterior, skip_dims={"chain", "draw"}):
        labels.append(BaseLabeller().make_label_flat(name, at, index))
        ends.append(np.quantile(values, tails))
    return _table(np.array(ends), labels, tails)


def predictive_interval(
    fit: Fitted, newdata: Any = None, prob: float = 0.9, **options: Unpack[Options]
) -> pd.DataFrame:
    """Central intervals of the posterior predictive distribution.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
        The training rows by default.
    prob : float
        Probability inside.
    **options
        As in `predict`.

    Returns
    -------
    DataFrame
        A row for each row of the data.
    """
    from glimmer.results.predict.predict import posterior_predict

    tails = _tails(prob)
    drawn = posterior_predict(fit, newdata, **options)
    ends = np.quantile(drawn.values, tails, axis=(0, 1)).T
    return _table(ends, drawn["obs_id"].values, tails)


def predictive_error(fit: Fitted, newdata: Any = None, **options: Unpack[Options]) -> xr.DataArray:
    """Outcomes less draws of the posterior predictive distribution.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
        With the outcome; the training rows by default.
    **options
        As in `predict`.

    Returns
    -------
    DataArray
        Dimensions (chain, draw, obs_id); successes, where there are trials.
    """
    from glimmer.results.predict.newdata import judged_design
    from glimmer.results.predict.predict import posterior_predict

    design = fit.design
    if newdata is not None:
        given = {name: options.get(name) for name in ("offset", "trials", "weights")}
        design = judged_design(fit, newdata, **given)
    y = outcome_values(design, discrete=False)
    return y - posterior_predict(fit, newdata, **options)


def _tails(prob: float) -> tuple[float, float]:
    check_probability(prob)
    return (1 - prob) / 2, (1 + prob) / 2


def _table(ends: np.ndarray, index: Any, tails: tuple[float, float]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(ends, index=index, columns=[f"{100 * tail:.4g}%" for tail in tails])
