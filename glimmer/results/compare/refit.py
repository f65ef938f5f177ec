"""Fits a model again without some rows, for k-fold cross-validation and exact leave-one-out.

The model that is refitted is the same specification, priors and learned terms included, on fewer
rows. A level that loses all its rows keeps its prior given Sigma, as an unseen level has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from glimmer.errors import DataError, NotFitted

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Fitted, Model, Settings
    from glimmer.spec import Design


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows judged by a model that has not seen them.

    Attributes
    ----------
    density : ndarray, shape (m,)
        Log predictive density of each row.
    draws : int
    idata : InferenceData or None
        The fit, if it was asked for.
    """

    density: np.ndarray
    draws: int
    idata: xr.DataTree | None


def judge_without(
    fit: Fitted,
    held_out: Sequence[np.ndarray],
    *,
    executor: Executor | None = None,
    keep: bool = False,
) -> Iterator[Judged]:
    """Refit the model without each set of rows, and judge those rows by it.

    Parameters
    ----------
    fit : Fitted
        Fitted; refits use the settings of its fit, each with a seed of its own.
    held_out : sequence of ndarray
        Positions of the rows to leave out.
    executor : concurrent.futures.Executor, optional
        Where refits run; here, one after another, by default.
    keep : bool
        Keep the fits.
    """
    settings = fit.settings
    if settings is None:
        raise NotFitted(
            "The settings of the fit are unknown, so it cannot be repeated.",
            fix="call model.fit() again",
        )
    tasks = []
    for rows, seed in zip(held_out, _seeds(settings, len(held_out)), strict=True):
        kept = np.setdiff1d(np.arange(fit.design.n), rows)
        check_identified(fit, kept)
        judged = fit.design.take(rows)
        tasks.append((fit.model.on_rows(kept), judged, repeated(settings, seed), keep))
    if executor is None:
        yield from (refit_and_judge(*task) for task in tasks)
    else:
        futures = [executor.submit(refit_and_judge, *task) for task in tasks]
        yield from (future.result() for future in futures)


def refit_and_judge(model: Model, judged: Design, settings: Settings, keep: bool) -> Judged:
    """Fit a model and judge other rows by it."""
    from glimmer.results.compare.loglik import pointwise

    fit = refitted(model, settings)
    values = pointwise(fit.spec, judged, fit.posterior, settings.random_seed)
    return Judged(log_mean_exp(values.values), values[..., 0].size, fit.draws if keep else None)


def refitted(model: Model, settings: Settings) -> Fitted:
    """Fit a model, and warn if the fit cannot be believed."""
    from glimmer.results.checks.verdict import announce
    from glimmer.sampling.fit import fit_model

    fit = fit_model(model, settings)
    announce(fit)
    return fit


def log_mean_exp(values: np.ndarray) -> np.ndarray:
    """Log of the mean over draws of exp(values), from shape (chain, draw, n) to (n,)."""
    draws = values.shape[0] * values.shape[1]
    return logsumexp(values, axis=(0, 1)) - np.log(draws)


def repeated(settings: Settings, seed: int | None) -> Settings:
    """The settings of a fit that is repeated quietly, with another seed."""
    return replace(settings, random_seed=seed, progressbar=False)


def check_identified(fit: Fitted, kept: np.ndarray) -> None:
    """Raise `DataError` if flat priors leave coefficients undetermined by the rows kept."""
    from glimmer.spec.priors import improper

    if not improper(fit.spec.priors):
        return
    for name, predictor in fit.spec.predictors.items():
        ones = np.ones((fit.design.n, int(predictor.intercept)))
        full = np.hstack([ones, fit.design.columns[name]])
        if np.linalg.matrix_rank(full[kept]) < np.linalg.matrix_rank(full):
            raise DataError(
                f"Without the {fit.design.n - len(kept)} rows of one fold the coefficients, "
                "whose priors are flat, are not determined.",
                fix="give proper priors, or folds that keep every level of each factor",
            )


def _seeds(settings: Settings, k: int) -> list[int | None]:
    if settings.random_seed is None:
        return [None] * k
    streams = np.random.SeedSequence(settings.random_seed).spawn(k)
    return [int(stream.generate_state(1)[0]) for stream in streams]
