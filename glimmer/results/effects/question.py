"""Predicts the rows that an effect compares, and averages and summarizes their draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from glimmer.data import Frame
from glimmer.errors import ArgumentError, check_probability
from glimmer.results.effects.grid import Conditional, Grid, build_grid, levels_of
from glimmer.results.predict.newdata import used_columns
from glimmer.results.predict.predict import Options
from glimmer.results.predict.prediction import Kind, Prediction, needs_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from glimmer.fitted import Fitted

type AverageBy = str | Sequence[str] | bool | None
Pairs = Literal["reference", "pairwise", "sequential"]


class Effects(NamedTuple):
    """Effects and the draws that they summarize.

    Attributes
    ----------
    summary : DataFrame
        One row for each effect: what it is about, ``estimate`` (the posterior mean) and the ends of
        a central interval.
    draws : DataArray
        Dims (chain, draw, row); ``row`` counts the rows of ``summary``.
    """

    summary: pd.DataFrame
    draws: xr.DataArray


class EffectOptions(Options, total=False):
    """Arguments that all effects share: those of `predict`, and how to summarize."""

    newdata: Any
    average_by: AverageBy
    kind: Kind
    prob: float


class Change(NamedTuple):
    """A comparison of two values of a column, each a value or one for every row."""

    label: str
    low: Any
    high: Any


class Question:
    """Options of `predictions`, with their defaults."""

    def __init__(self, options: EffectOptions) -> None:
        given: dict[str, Any] = dict(options)
        self.newdata = given.pop("newdata", None)
        self.average_by: AverageBy = given.pop("average_by", None)
        self.kind: Kind = given.pop("kind", "mean")
        self.prob = given.pop("prob", 0.9)
        self.groups = given.pop("groups", None)
        self.options = given
        check_probability(self.prob)

    def refuse_outcomes(self) -> None:
        """Raise `ArgumentError` for drawn outcomes, whose noise would add to every comparison."""
        if self.kind == "response":
            raise ArgumentError(
                'kind="response" cannot be compared: its noise is drawn anew.',
                fix='use kind="mean"',
            )

    def labels(self, fit: Fitted, name: str) -> bool:
        """Whether a column is read as labels."""
        return used_columns(fit.spec, needs_of(fit.spec, self.kind, self.groups))[name]

    def grid(self, fit: Fitted, conditional: Conditional, focus: tuple[str, ...] = ()) -> Grid:
        """The rows at which effects are computed."""
        return build_grid(fit, conditional, self.newdata, self.kind, self.groups, focus)

    def predict(self, fit: Fitted, tables: list[pd.DataFrame]) -> list[xr.DataArray]:
        """Predict tables of equal length at once, so that new levels have the same effects."""
        import pandas as pd

        options = dict(self.options)
        for name in ("offset", "trials", "weights"):
            value = options.get(name)
            if value is not None and not isinstance(value, str):
                options[name] = np.tile(value, len(tables))
        table = pd.concat(tables, ignore_index=True)
        draws = Prediction(fit, table, self.kind, groups=self.groups, **options).array()
        parts = np.split(np.arange(len(table)), len(tables))
        return [draws.isel(obs_id=part).assign_coords(obs_id=parts[0]) for part in parts]

    def answer(
        self, rows: list[pd.DataFrame], draws: list[xr.DataArray], keep: Sequence[str] = ()
    ) -> Effects:
        """Average as asked, and summarize."""
        import pandas as pd
        import xarray as xr

        about = pd.concat(rows, ignore_index=True)
        values = np.concatenate([np.asarray(part) for part in draws], axis=-1)
        about, values = self._averaged(about, values, keep)
        tail = (1 - self.prob) / 2
        lower, upper = np.quantile(values, [tail, 1 - tail], axis=(0, 1))
        summary = about.assign(
            estimate=values.mean(axis=(0, 1)),
            **{f"lower_{_percent(tail)}%": lower, f"upper_{_percent(1 - tail)}%": upper},
        )
        coords = {name: draws[0].coords[name] for name in ("chain", "draw")}
        array = xr.DataArray(
            values, dims=("chain", "draw", "row"), coords={**coords, "row": summary.index}
        )
        return Effects(summary, array.rename("estimate"))

    def _averaged(
        self, about: pd.DataFrame, values: np.ndarray, keep: Sequence[str]
    ) -> tuple[pd.DataFrame, np.ndarray]:
        if self.average_by is None or self.average_by is False:
            return about, values
        asked = [] if self.average_by is True else self.average_by
        by = [*([asked] if isinstance(asked, str) else asked), *keep]
        for name in by:
            if name not in about:
                raise ArgumentError(
                    f"{name!r} is not one of the columns of the table.",
                    column=name,
                    fix=f"average by some of {list(about.columns)}",
                )
        if not by:
            return about.iloc[:1, :0], values.mean(axis=-1, keepdims=True)
        groups = about.groupby(by, sort=False, observed=True, dropna=False)
        place = groups.ngroup().to_numpy()
        means = [values[..., place == i].mean(axis=-1) for i in range(place.max() + 1)]
        first = about.drop_duplicates(by)[by].reset_index(drop=True)
        return first, np.stack(means, axis=-1)


def change_of(
    fit: Fitted, question: Question, name: str, change: Any
) -> tuple[float | None, list[Any]]:
    """A contrast as a step of a number, or as values to compare."""
    labels = question.labels(fit, name)
    if isinstance(change, list | tuple | np.ndarray):
        values = list(change)
        if len(values) < 2:
            raise ArgumentError(f"A contrast of {name!r} needs at least two values.", column=name)
        return None, values
    if labels:
        if change is not None:
            raise ArgumentError(
                f"{name!r} is categorical.", column=name, fix="give a list of levels to compare"
            )
        return None, levels_of(fit.frame, name)
    if isinstance(change, str):
        if change != "sd":
            raise ArgumentError(
                f'The change of a numeric column must be "sd" or a number, not {change!r}.'
            )
        return sd_of(fit, question, name), []
    return (1.0 if change is None else float(change)), []


def sd_of(fit: Fitted, question: Question, name: str) -> float:
    """The standard deviation of a column in the training rows; in new data if there are none."""
    frame = fit.frame if question.newdata is None else Frame(question.newdata)
    values = frame.numeric(name).values
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return sd if sd > 0 else 1.0


def pairs_of(values: list[Any], pairs: Pairs) -> list[tuple[Any, Any]]:
    """Pairs (low, high) of values."""
    match pairs:
        case "reference":
            return [(values[0], other) for other in values[1:]]
        case "sequential":
            return list(pairwise(values))
        case "pairwise":
            return list(combinations(values, 2))
    raise ArgumentError(f"pairs must be 'reference', 'pairwise' or 'sequential', not {pairs!r}.")


def _percent(probability: float) -> float:
    return round(100 * probability, 2)
