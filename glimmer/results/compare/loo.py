"""Estimates leave-one-out cross-validation by ArviZ's importance sampling; exactly where it fails.

Vehtari, Gelman & Gabry (2017), Statistics and Computing 27:1413-1432; Paananen et al. (2021) for
moment matching; Magnusson et al. (2019) for subsampling.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import arviz as az
import numpy as np
import xarray as xr

from glimmer.errors import ArgumentError, SamplingWarning, warn
from glimmer.results.compare.loglik import log_lik, observed, pointwise, with_log_likelihood
from glimmer.results.compare.refit import judge_without, log_mean_exp
from glimmer.results.posterior.draws import every_draw

if TYPE_CHECKING:
    from glimmer.fitted import Fitted

LARGE_VARIANCE = 0.4


@dataclass(kw_only=True, repr=False)
class ELPDDataWAIC(az.ELPDData):
    """What `waic` returns: ArviZ's container of an expected log predictive density.

    Attributes
    ----------
    p_waic_i : DataArray
        Each row's effective number of parameters.
    """

    _kind: ClassVar[str] = "waic"
    p_waic_i: xr.DataArray


def loo(
    fit: Fitted,
    *,
    moment_match: bool = False,
    reloo: bool = False,
    k_threshold: float | None = None,
    executor: Executor | None = None,
) -> az.ELPDDataLOO:
    """Estimate the expected log predictive density by leave-one-out cross-validation.

    A row with a likelihood weight is left out with its weight: its density is raised to that power.

    Parameters
    ----------
    fit : Fitted
    moment_match : bool
        Move the draws to improve the estimate for rows with a high Pareto k.
    reloo : bool
        Refit the model without each row whose Pareto k is high (still, after moment matching).
    k_threshold : float, optional
        What counts as high. Default: ArviZ's ``min(1 - 1 / log10(draws), 0.7)``.
    executor : concurrent.futures.Executor, optional
        Where refits run. By default they run here, one after another.

    Returns
    -------
    ELPDDataLOO
        ArviZ's result, with pointwise values.

    Raises
    ------
    NotFitted
        The model has not been fitted.

    Warns
    -----
    SamplingWarning
        Some Pareto k are high, so that the estimate cannot be trusted.

    Examples
    --------
    >>> result = model.loo()
    >>> len(result.pareto_k)
    180
    """
    tree = with_log_likelihood(fit)
    with _quiet():
        result = az.loo(tree, pointwise=True)
    threshold = result.good_k if k_threshold is None else k_threshold
    if moment_match and _bad(result, threshold).size:
        result = _moment_matched(fit, tree, result, threshold)
    if reloo and _bad(result, threshold).size:
        result = _refitted(fit, tree, result, threshold, executor)
    _advise(result, threshold)
    return result


def loo_subsample(
    fit: Fitted,
    observations: int | np.ndarray = 400,
    *,
    method: Literal["plpd", "lpd"] = "plpd",
    random_seed: int = 1,
) -> az.ELPDDataLOOSubsample:
    """Estimate the leave-one-out density of large data from some of the rows.

    Importance sampling is done for a simple random sample of rows; the others enter through a
    cheap approximation, in the difference estimator. Only the sampled rows' log likelihood is held
    in memory.

    Parameters
    ----------
    fit : Fitted
    observations : int or array of int
        How many rows, or which.
    method : {"plpd", "lpd"}
        The approximation: the log density at the posterior mean of the sampled parameters, or the
        log of the mean density over all draws (closer, and dearer).
    random_seed : int
        For the choice of rows. Models to be compared should use the same.

    Returns
    -------
    ELPDDataLOOSubsample
        ArviZ's result; ``subsampling_se`` is the part of the error that is due to sampling rows.
    """
    rows = _sampled_rows(observations, fit.design.n, random_seed)
    posterior = every_draw(fit)
    exact = pointwise(fit.spec, fit.design.take(rows), posterior)
    approximate = _approximate(fit, posterior, method)
    tree = xr.DataTree.from_dict(
        {"posterior": posterior, "log_likelihood": exact.to_dataset(name="y")}
    )
    with _quiet():
        sampled = az.loo(tree, pointwise=True)
    chosen = approximate.isel(obs_id=rows)
    elpd, subsampling_se, se = sampled.elpd_i.azstats.diff_srs_estimator(
        lpd_approx_sample=chosen, lpd_approx_all=approximate, n_data_points=fit.design.n
    )
    p_i = log_mean_exp(exact.values) - sampled.elpd_i.values
    _advise(sampled, sampled.good_k)
    known = vars(sampled) | {
        "elpd": elpd,
        "se": se,
        "p": float(p_i.mean() * fit.design.n),
        "n_data_points": fit.design.n,
        "elpd_i": _spread(sampled.elpd_i, approximate, rows),
        "pareto_k": _spread(sampled.pareto_k, approximate, rows),
    }
    return az.ELPDDataLOOSubsample(
        **known,
        subsample_size=len(rows),
        subsampling_se=subsampling_se,
        loo_subsample_observations=rows,
        elpd_loo_approx=approximate,
    )


def waic(fit: Fitted) -> ELPDDataWAIC:
    """Estimate the expected log predictive density by the widely applicable information criterion.

    `loo` is more robust and warns when it fails; this is for comparison with other work. Watanabe
    (2010); the version with the variance of the log likelihood.

    Returns
    -------
    ELPDDataWAIC
        With pointwise values.

    Warns
    -----
    SamplingWarning
        For some rows the variance exceeds 0.4.
    """
    values = log_lik(fit)
    p_i = values.var(("chain", "draw"), ddof=1)
    elpd_i = p_i.copy(data=log_mean_exp(values.values)) - p_i
    unsure = int((p_i > LARGE_VARIANCE).sum())
    if unsure:
        warn(
            f"{unsure} of {p_i.size} rows have a log likelihood with variance above "
            f"{LARGE_VARIANCE}: waic cannot be trusted.",
            SamplingWarning,
            fix="use loo()",
        )
    return ELPDDataWAIC(
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(elpd_i.size * elpd_i.var())),
        p=float(p_i.sum()),
        n_samples=values[..., 0].size,
        n_data_points=elpd_i.size,
        scale="log",
        warning=bool(unsure),
        good_k=None,
        elpd_i=elpd_i,
        p_waic_i=p_i,
    )


def loo_predict(
    fit: Fitted,
    kind: str = "mean",
    probs: Any = None,
    *,
    random_seed: int | None = None,
) -> xr.DataArray:
    """Predict each training row from all others, by importance sampling.

    Parameters
    ----------
    fit : Fitted
    kind : {"mean", "median", "var", "sd", "quantile"}
        What to report of each row's predictive distribution.
    probs : float or sequence of float, optional
        For ``"quantile"``.
    random_seed : int, optional

    Returns
    -------
    DataArray
        Dimension obs_id, and ``quantile``.
    """
    from glimmer.results.predict.predict import posterior_predict

    return _expectation(fit, posterior_predict(fit, random_seed=random_seed), kind, probs)


def loo_linpred(fit: Fitted, kind: str = "mean", probs: Any = None) -> xr.DataArray:
    """The linear predictor of each training row given all other rows; see `loo_predict`."""
    from glimmer.results.predict.predict import posterior_linpred

    return _expectation(fit, posterior_linpred(fit), kind, probs)


def loo_epred(fit: Fitted, kind: str = "mean", probs: Any = None) -> xr.DataArray:
    """The expected outcome of each training row given all other rows; see `loo_predict`."""
    from glimmer.results.predict.predict import posterior_epred

    return _expectation(fit, posterior_epred(fit), kind, probs)


def _expectation(fit: Fitted, draws: xr.DataArray, kind: str, probs: Any) -> xr.DataArray:
    """A weighted expectation of ``draws``; dims (chain, draw, obs_id) to (obs_id,)."""
    tree, name = with_log_likelihood(fit), fit.spec.names.outcome
    tree["posterior_predictive"] = xr.DataTree(draws.to_dataset(name=name))
    with _quiet():
        expected, k = az.loo_expectations(tree, kind=kind, probs=probs)
    _advise_k(k.values, _good_k(draws[..., 0].size))
    return expected


def _moment_matched(
    fit: Fitted, tree: xr.DataTree, result: az.ELPDDataLOO, threshold: float
) -> az.ELPDDataLOO:
    from glimmer.results.compare.momentmatch import Unconstrained

    at = Unconstrained(fit)
    with _quiet():
        return az.loo_moment_match(
            tree,
            result,
            at.log_prob,
            at.log_lik_i,
            at.draws,
            k_threshold=threshold,
            pointwise=True,
        )


def _refitted(
    fit: Fitted,
    tree: xr.DataTree,
    result: az.ELPDDataLOO,
    threshold: float,
    executor: Executor | None,
) -> az.ELPDDataLOO:
    """The result with rows of high Pareto k judged by models fitted without them."""
    rows = _bad(result, threshold)
    judged = list(judge_without(fit, [np.array([row]) for row in rows], executor=executor))
    elpd_i, k = result.elpd_i.copy(), result.pareto_k.copy()
    elpd_i[rows] = [one.density[0] for one in judged]
    k[rows] = 0.0
    values = tree["log_likelihood"].to_dataset()[fit.spec.names.outcome].values
    p_i = elpd_i.copy(data=log_mean_exp(values)) - elpd_i
    return replace(
        result,
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(elpd_i.size * elpd_i.var())),
        p=float(p_i.sum()),
        warning=bool((k > result.good_k).any()),
        elpd_i=elpd_i,
        pareto_k=k,
        p_loo_i=p_i,
    )


def _sampled_rows(observations: Any, n: int, seed: int) -> np.ndarray:
    if isinstance(observations, int | np.integer):
        if not 1 < observations <= n:
            raise ArgumentError(
                f"observations must be a whole number from 2 to {n}, not {observations}."
            )
        return np.sort(np.random.default_rng(seed).choice(n, int(observations), replace=False))
    rows = np.asarray(observations)
    if rows.dtype.kind not in "iu" or rows.ndim != 1 or not np.isin(rows, np.arange(n)).all():
        raise ArgumentError(
            "observations must be positions of rows.", fix=f"use whole numbers from 0 to {n - 1}"
        )
    return np.unique(rows)


def _approximate(fit: Fitted, posterior: xr.Dataset, method: str) -> xr.DataArray:
    """A cheap log predictive density of every row, dimension obs_id."""
    if method == "plpd":
        at_mean = posterior.mean(("chain", "draw")).expand_dims(chain=[0], draw=[0])
        return pointwise(fit.spec, fit.design, at_mean)[0, 0].drop_vars(["chain", "draw"])
    if method != "lpd":
        raise ArgumentError(f"method must be 'plpd' or 'lpd', not {method!r}.")
    size = max(1, 2**23 // (posterior.sizes["chain"] * posterior.sizes["draw"]))
    parts = [np.arange(i, min(i + size, fit.design.n)) for i in range(0, fit.design.n, size)]
    densities = [
        log_mean_exp(pointwise(fit.spec, fit.design.take(rows), posterior).values) for rows in parts
    ]
    return observed(fit).copy(data=np.concatenate(densities))


def _spread(values: xr.DataArray, like: xr.DataArray, rows: np.ndarray) -> xr.DataArray:
    """Values of the sampled rows among all rows, NaN elsewhere."""
    out = np.full(like.shape, np.nan)
    out[rows] = values.values
    return like.copy(data=out)


def _bad(result: az.ELPDDataLOO, threshold: float) -> np.ndarray:
    return np.flatnonzero(result.pareto_k.values > threshold)


def _good_k(draws: int) -> float:
    return min(1 - 1 / np.log10(draws), 0.7) if draws > 1 else 0.7


def _advise(result: az.ELPDDataLOO, threshold: float) -> None:
    _advise_k(result.pareto_k.values, threshold)


def _advise_k(k: np.ndarray, threshold: float) -> None:
    """Warn of high Pareto k, in the package's own words."""
    bad = int((k > threshold).sum())
    if bad:
        warn(
            f"{bad} of {k.size} rows have a Pareto k above {threshold:.2f}: the leave-one-out "
            "estimate cannot be trusted.",
            SamplingWarning,
            fix="loo(moment_match=True), loo(reloo=True)" + (" or kfold()" if bad > 10 else ""),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence ArviZ's warnings about Pareto k, and numpy's about infinite ratios; ours follow."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", UserWarning)
        yield
