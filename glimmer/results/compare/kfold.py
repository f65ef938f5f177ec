"""Cross-validates by exact refits in k folds, by rows or by groups."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from glimmer.errors import ArgumentError, WrongLength
from glimmer.results.compare.loglik import log_lik
from glimmer.results.compare.refit import judge_without, log_mean_exp

if TYPE_CHECKING:
    from arviz import ELPDDataLOOKFold

    from glimmer.fitted import Fitted


def kfold(
    fit: Fitted,
    k: int | None = None,
    *,
    folds: Any = None,
    group: Any = None,
    executor: Executor | None = None,
    random_seed: int | None = None,
    save_fits: bool = False,
) -> ELPDDataLOOKFold:
    """Estimate the expected log predictive density by K-fold cross-validation.

    Each fold is left out in turn and judged by the model fitted to the other rows. The model keeps
    its priors and learned terms; default priors are not scaled anew in every fold (as rstanarm
    does), so that all folds judge the same model.

    Parameters
    ----------
    fit : Fitted
        Fitted; refits use the settings of its fit.
    k : int, optional
        Number of folds: 10 by default, and each group by itself if ``group`` is given.
    folds : array of shape (n,), optional
        The fold of each row, instead of ``k`` random ones.
    group : str or array of shape (n,), optional
        Keep the rows of each group together. A group that is left out is judged as a new one.
    executor : concurrent.futures.Executor, optional
        Where refits run. By default they run here, one after another.
    random_seed : int, optional
        For the random folds.
    save_fits : bool
        Keep the InferenceData of each fold, in ``fold_fits``.

    Returns
    -------
    ELPDDataLOOKFold
        ArviZ's result, with pointwise values; for `loo_compare`.

    Raises
    ------
    ArgumentError
        The folds are impossible.

    Examples
    --------
    >>> model.kfold(group="Subject")  # doctest: +SKIP
    """
    import arviz as az

    full = log_mean_exp(log_lik(fit).values)
    held_out = fold_rows(fit, k, folds, group, random_seed)
    judged = list(judge_without(fit, held_out, executor=executor, keep=save_fits))
    elpd_i = np.empty(fit.design.n)
    for rows, fold in zip(held_out, judged, strict=True):
        elpd_i[rows] = fold.density
    p_i = full - elpd_i
    coords = {"obs_id": fit.design.rows}
    return az.ELPDDataLOOKFold(
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(len(elpd_i) * np.var(elpd_i))),
        p=float(p_i.sum()),
        n_samples=judged[0].draws,
        n_data_points=len(elpd_i),
        scale="log",
        warning=False,
        good_k=None,
        elpd_i=xr.DataArray(elpd_i, coords, ["obs_id"]),
        n_folds=len(held_out),
        p_kfold_i=xr.DataArray(p_i, coords, ["obs_id"]),
        fold_fits={i: fold.idata for i, fold in enumerate(judged)} if save_fits else None,
    )


def fold_rows(
    fit: Fitted, k: int | None, folds: Any, group: Any, seed: int | None
) -> list[np.ndarray]:
    """Positions of the rows of each fold."""
    n = fit.design.n
    if folds is not None:
        if k is not None or group is not None:
            raise ArgumentError(
                "folds= cannot be combined with k= or group=.", fix="leave out k= and group="
            )
        return _split(_labels(fit, folds, "folds"))
    if group is None:
        return _split(_random(n, 10 if k is None else k, seed))
    of_row = _labels(fit, group, "group")
    if k is None:
        return _split(of_row)
    return _split(_random(int(of_row.max()) + 1, k, seed)[of_row])


def _labels(fit: Fitted, given: Any, what: str) -> np.ndarray:
    """A code from 0 up for each row."""
    if isinstance(given, str):
        values = fit.frame.factor(given).codes
    else:
        values = np.asarray(given)
        if values.shape != (fit.design.n,):
            raise WrongLength(
                f"{what} must have one value per row ({fit.design.n}), not shape {values.shape}.",
                column=what,
            )
    codes = np.unique(values, return_inverse=True)[1]
    if codes.max() == 0:
        raise ArgumentError(f"{what} must divide the rows into at least two folds.")
    return codes


def _random(count: int, k: int, seed: int | None) -> np.ndarray:
    """A random fold for each of ``count`` rows or groups; sizes differ by one at most."""
    if not 2 <= k <= count:
        raise ArgumentError(f"k must be a whole number from 2 to {count}, not {k}.")
    return np.random.default_rng(seed).permutation(np.arange(count) % k)


def _split(codes: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
