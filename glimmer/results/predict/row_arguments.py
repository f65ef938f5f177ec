"""Reads the offset, trials and weights that come with the rows of a new table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.data import Frame, array_argument
from glimmer.errors import NewDataError, UnknownColumn, suggestion

if TYPE_CHECKING:
    from glimmer.fitted import Fitted
    from glimmer.spec import ModelSpec


@dataclass(frozen=True)
class PerRowArguments:
    """What new data may bring besides columns: an array, or the name of a column."""

    offset: Any = None
    trials: Any = None
    weights: Any = None


NOTHING_GIVEN = PerRowArguments()


def offset_of(spec: ModelSpec, frame: Frame, given: PerRowArguments) -> np.ndarray | None:
    """Return the offset of new rows, shape (rows,): given when the fit had an array of its own."""
    if spec.array_offset and given.offset is None:
        raise NewDataError(
            "The model was fitted with an array as offset, so new data need one too.",
            column="offset",
            fix="pass offset= with the new data, one value for each row",
        )
    if not spec.array_offset and given.offset is not None:
        raise NewDataError(
            "offset= cannot be used: the model was fitted without an array as offset.",
            column="offset",
            fix="leave it out; offsets of the formula are computed from the new columns",
        )
    return None if given.offset is None else _finite("offset", given.offset, frame)


def trials_of(
    fit: Fitted, frame: Frame, given: PerRowArguments, *, outcome: bool
) -> np.ndarray | None:
    """Trials from the argument, else from the left-hand side; ones where they do not matter."""
    spec = fit.spec
    if not spec.family.has_trials:
        if given.trials is not None:
            raise NewDataError(f"The {spec.family.name} family has no trials.", column="trials")
        return None
    trials: np.ndarray | None
    if given.trials is not None:
        trials = _finite("trials", given.trials, frame)
    elif not outcome:
        return np.ones(len(frame))
    elif spec.weights == "trials":
        trials = weights_of(spec, frame, given, "trials")
    elif spec.response is None:
        raise NewDataError("The number of trials is unknown.", column="trials", fix="pass trials=")
    else:
        try:
            trials = spec.response.trials(frame, None, fit.functions)
        except UnknownColumn as error:
            error.fix = "add it, or pass the numbers of trials: trials="
            raise
    assert trials is not None  # noqa: S101
    if np.any((trials < 0) | (trials != np.round(trials))):
        raise NewDataError("Numbers of trials must be whole and not negative.", column="trials")
    return trials


def precision_of(
    spec: ModelSpec, frame: Frame, given: PerRowArguments, *, outcome: bool
) -> np.ndarray | None:
    """Return the precision weights of new rows, shape (rows,), where the outcome is needed."""
    if spec.weights != "precision" or not outcome:
        return None
    weights = weights_of(spec, frame, given, "weights")
    if np.any(weights <= 0):
        raise NewDataError("Precision weights must be positive.", column="weights")
    return weights


def weights_of(spec: ModelSpec, frame: Frame, given: PerRowArguments, argument: str) -> np.ndarray:
    """Weights from the argument, else from the column that held them at the fit."""
    source = spec.weights_column if given.weights is None else given.weights
    if source is None:
        raise NewDataError(
            "The model was fitted with an array of weights, so new data need one too.",
            column="weights",
            fix=f"pass {argument}= with the new data, one value for each row",
        )
    return _finite("weights", source, frame)


def _finite(what: str, given: Any, frame: Frame) -> np.ndarray:
    """Read an array, or a column by its name."""
    if isinstance(given, str):
        check_present(frame, given)
        values = frame.numeric(given).values
    else:
        values = array_argument(given, len(frame), what)
    if (absent := ~np.isfinite(values)).any():
        raise NewDataError(f"{what} is missing or infinite in row {absent.argmax()}.", column=what)
    return values


def check_present(frame: Frame, name: str) -> None:
    """Refuse a table without the column."""
    if name not in frame:
        raise NewDataError(
            f"The new data have no column {name!r}.",
            column=name,
            fix=f"add it ({suggestion(name, frame.names)})",
        )
