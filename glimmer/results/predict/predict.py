"""Predicts known and new rows, of known and new groups, as linear predictors, means or outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from glimmer.results.predict.newdata import MissingGroups
from glimmer.results.predict.prediction import Groups, Kind, NewLevels, Prediction

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Fitted


class Options(TypedDict, total=False):
    """Arguments that every kind of prediction takes; see `predict`."""

    groups: Groups
    new_levels: NewLevels
    missing_groups: MissingGroups
    draws: int | None
    random_seed: int | None
    offset: Any
    trials: Any
    weights: Any


def predict(
    fit: Fitted,
    newdata: Any = None,
    kind: Kind = "mean",
    *,
    groups: Groups = "all",
    new_levels: NewLevels = "sample",
    missing_groups: MissingGroups = "error",
    draws: int | None = None,
    random_seed: int | None = None,
    offset: Any = None,
    trials: Any = None,
    weights: Any = None,
) -> xr.DataTree:
    """Predict at every draw of the posterior.

    Nothing is compiled. The outcome's column is not needed in new data; those of the terms, the
    formula's offsets and the grouping factors that count are.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
        The training rows, if not given. Further columns do no harm; labels may come as text,
        categories or whole numbers, in any order.
    kind : {"mean", "linpred", "response"}
        The expected outcome (a probability, where there are trials); the linear predictor, offset
        included; or outcomes drawn from the posterior predictive distribution (counts, where there
        are trials).
    groups : "all", None, "marginal", or names
        Which group-specific effects count. None: none of them, which is the curve of a group whose
        effects are zero. Names: those of grouping factors (``"Subject"``), blocks, or single
        effects (``"1|Subject"``); the others are zero. ``"marginal"``: the mean over the population
        of groups, their effects integrated out of the expected outcome; only for ``kind="mean"``
        (to 1e-7; to about 0.01 sds between groups where several effects enter a curve). The columns
        of factors that do not count are not needed.
    new_levels : {"sample", "zero", "error"}
        What the effects of a level are that the model has not seen: drawn from N(0, Sigma) once for
        each draw of the posterior, the same in all its rows, independent of other levels, and joint
        over all terms of the factor; or zero; or an error. New levels are listed in
        ``predictions.attrs["new_levels"]``.
    missing_groups : {"error", "unknown"}
        What a row with a missing level is: an error, or the only member of a new level.
    draws : int, optional
        Use so many draws, taken at random without replacement; they come as a single chain.
    random_seed : int, optional
        The same seed gives the same draws, those of new levels included: a level has the same
        effects whatever other rows there are.
    offset : array of shape (n,), optional
        Needed for new data if the model was fitted with an array as offset.
    trials : str or array of shape (n,), optional
        For drawing outcomes; computed from the formula's left-hand side if not given.
    weights : str or array of shape (n,), optional
        For drawing outcomes of a model with precision weights; their column at the fit, if not
        given. Likelihood weights play no part in predictions.

    Returns
    -------
    InferenceData (an xarray.DataTree)
        For new data ``predictions`` and ``predictions_constant_data``, for training rows
        ``posterior_predictive``. The variable is ``mu``, ``eta`` or the outcome's name, with dims
        (chain, draw, obs_id); ``obs_id`` are positions of rows in the table.

    Raises
    ------
    NewDataError
        A column is missing, of another kind, or not finite.
    NewLevel
        A level is new and ``new_levels="error"``, or the factor is a common term.
    ArgumentError
        An argument cannot have the value given.
    NotFitted
        The model has no draws.

    Examples
    --------
    >>> predictions = model.predict({"Days": [0, 9], "Subject": ["308", "someone new"]})
    >>> predictions["predictions"]["mu"].mean(("chain", "draw")).sizes
    Frozen({'obs_id': 2})
    """
    options: Options = {
        "groups": groups,
        "new_levels": new_levels,
        "missing_groups": missing_groups,
        "draws": draws,
        "random_seed": random_seed,
        "offset": offset,
        "trials": trials,
        "weights": weights,
    }
    return Prediction(fit, newdata, kind, **options).tree()


def predict_chunks(
    fit: Fitted, newdata: Any = None, kind: Kind = "mean", **options: Unpack[Options]
) -> Iterator[xr.DataArray]:
    """Predict 4096 rows at a time, for tables whose predictions do not fit into memory.

    Arguments are those of `predict`. The parts together hold the numbers that `predict` returns.

    Yields
    ------
    DataArray
        Dims (chain, draw, obs_id).

    Examples
    --------
    >>> for part in model.predict_chunks(gl.load_data("sleepstudy"), kind="mean"):
    ...     interval = part.quantile([0.05, 0.95], ("chain", "draw"))
    >>> interval.sizes
    Frozen({'quantile': 2, 'obs_id': 180})
    """
    prediction = Prediction(fit, newdata, kind, **options)
    for rows, values in prediction.blocks():
        yield prediction.labelled(values, rows)


def posterior_epred(fit: Fitted, newdata: Any = None, **options: Unpack[Options]) -> xr.DataArray:
    """Draws of the expected outcome, dims (chain, draw, obs_id); see `predict`.

    As in rstanarm, a probability where there are trials.
    """
    return Prediction(fit, newdata, "mean", **options).array()


def posterior_linpred(
    fit: Fitted, newdata: Any = None, transform: bool = False, **options: Unpack[Options]
) -> xr.DataArray:
    """Draws of the linear predictor, dims (chain, draw, obs_id); see `predict`.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
    transform : bool
        Return the expected outcome instead, as `posterior_epred` does.
    **options
        As in `predict`.
    """
    return Prediction(fit, newdata, "mean" if transform else "linpred", **options).array()


def posterior_predict(
    fit: Fitted,
    newdata: Any = None,
    fun: Callable[[xr.DataArray], Any] | None = None,
    **options: Unpack[Options],
) -> Any:
    """Draws of the outcome, dims (chain, draw, obs_id); see `predict`.

    Parameters
    ----------
    fit : Fitted
    newdata : table, optional
    fun : callable, optional
        Applied to the array of draws: ``numpy.exp`` for a model of the log outcome.
    **options
        As in `predict`.
    """
    drawn = Prediction(fit, newdata, "response", **options).array()
    return drawn if fun is None else fun(drawn)
