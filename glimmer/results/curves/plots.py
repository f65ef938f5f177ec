"""Plots nonlinear fits: a panel for each individual, and the visual predictive check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.data import Factor
from glimmer.errors import ArgumentError, suggestion
from glimmer.results.curves.parameters import _block, _nonlinear
from glimmer.results.predict.newdata import every_column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glimmer.fitted import Fitted

GRID = 60
QUANTILES = (0.1, 0.5, 0.9)


def individual_curves(
    fit: Fitted,
    by: str | None = None,
    x: str | None = None,
    *,
    prob: float = 0.9,
    draws: int | None = 400,
    random_seed: int | None = 1,
) -> dict[str, dict[str, np.ndarray]]:
    """Fitted curves of each individual on a grid of the last input.

    Parameters
    ----------
    fit : Fitted
    by : str, optional
        The grouping factor whose levels are individuals; by default the first.
    x : str, optional
        The column along which to draw; by default that of the last input.
    prob : float
        Probability of the interval of the curve.
    draws : int or None
        How many posterior draws to use.
    random_seed : int, optional

    Returns
    -------
    dict of str to dict of str to ndarray
        By level: ``x``, ``median``, ``lower``, ``upper``, ``population``, each of shape (60,).
    """
    from glimmer.results.predict.predict import posterior_epred

    block, x = _block(fit, by), _axis(fit, x)
    index = fit.design.groups[block.name].index
    first = np.array([int(np.argmax(index == level)) for level in range(len(block.levels))])
    values = fit.frame.numeric(x).values
    grid = np.linspace(values.min(), values.max(), GRID)
    total = fit.draws["posterior"].sizes["chain"] * fit.draws["posterior"].sizes["draw"]
    new = _columns(fit, np.repeat(first, GRID)) | {x: np.tile(grid, len(first))}
    options: dict[str, Any] = {
        "draws": None if draws is None or draws >= total else draws,
        "random_seed": random_seed,
    }
    shape = (-1, len(first), GRID)
    own = posterior_epred(fit, new, **options).values.reshape(shape)
    typical = posterior_epred(fit, new, groups=None, **options).values.reshape(shape)
    lower, median, upper = np.quantile(own, [(1 - prob) / 2, 0.5, (1 + prob) / 2], axis=0)
    return {
        level: {
            "x": grid,
            "median": median[i],
            "lower": lower[i],
            "upper": upper[i],
            "population": np.median(typical[:, i], axis=0),
        }
        for i, level in enumerate(block.levels)
    }


def plot_individuals(
    fit: Fitted,
    by: str | None = None,
    x: str | None = None,
    *,
    columns: int = 4,
    **options: Any,
) -> Figure:
    """Draw each individual's outcomes, fitted curve with its interval, and the population's curve.

    Parameters
    ----------
    fit : Fitted
    by, x, **options
        As in `individual_curves`.
    columns : int
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    block, x = _block(fit, by), _axis(fit, x)
    curves = individual_curves(fit, by, x, **options)
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    index, values = fit.design.groups[block.name].index, fit.frame.numeric(x).values
    assert fit.design.y is not None  # noqa: S101
    for i, (axis, (level, curve)) in enumerate(zip(axes.flat, curves.items(), strict=False)):
        axis.fill_between(curve["x"], curve["lower"], curve["upper"], alpha=0.3, linewidth=0)
        axis.plot(curve["x"], curve["median"])
        axis.plot(curve["x"], curve["population"], color="0.6", linestyle="--", linewidth=1)
        axis.plot(values[index == i], fit.design.y[index == i], "k.", markersize=4)
        axis.set_title(level, fontsize="small")
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    figure.supxlabel(x)
    figure.supylabel(fit.spec.names.outcome)
    return figure


def predictive_check(
    fit: Fitted,
    x: str | None = None,
    *,
    bins: int = 8,
    prob: float = 0.9,
    draws: int | None = 400,
    random_seed: int | None = 1,
) -> dict[str, np.ndarray]:
    """Quantiles of the outcomes in bins of x, and those of outcomes simulated for new individuals.

    The visual predictive check of Holford (2005): each replicate draws the effects of new
    individuals, so that the variation between individuals is checked too.

    Returns
    -------
    dict of str to ndarray
        ``x``, shape (bins,); ``observed``, shape (3, bins): the 10 %, 50 % and 90 % quantiles;
        ``lower``, ``median``, ``upper``, shape (3, bins): of the same quantiles of replicates.
    """
    from glimmer.results.predict.predict import posterior_predict

    x = _axis(fit, x)
    total = fit.draws["posterior"].sizes["chain"] * fit.draws["posterior"].sizes["draw"]
    new = _columns(fit, np.arange(fit.design.n))
    for column in {name for block in fit.spec.groups for name in block.factor}:
        new[column] = np.array([f"new {level}" for level in new[column]])
    drawn = posterior_predict(
        fit,
        new,
        draws=None if draws is None or draws >= total else draws,
        random_seed=random_seed,
    ).values.reshape(-1, fit.design.n)
    values = fit.frame.numeric(x).values
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))
    which = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    used = np.unique(which)
    assert fit.design.y is not None  # noqa: S101
    observed = np.array([np.quantile(fit.design.y[which == b], QUANTILES) for b in used]).T
    simulated = np.array([np.quantile(drawn[:, which == b], QUANTILES, axis=1) for b in used])
    ends = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
    lower, median, upper = np.quantile(simulated, ends, axis=2)
    middles = np.array([np.median(values[which == b]) for b in used])
    return {
        "x": middles,
        "observed": observed,
        "lower": lower.T,
        "median": median.T,
        "upper": upper.T,
    }


def plot_predictive_check(fit: Fitted, x: str | None = None, **options: Any) -> Figure:
    """Draw the visual predictive check; arguments as in `predictive_check`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    x, y = _axis(fit, x), fit.design.y
    assert y is not None  # noqa: S101
    found = predictive_check(fit, x, **options)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot(fit.frame.numeric(x).values, y, ".", color="0.7", markersize=4)
    for i, quantile in enumerate(QUANTILES):
        line = axis.plot(found["x"], found["observed"][i], "o-", label=f"{quantile:.0%} observed")
        color = line[0].get_color()
        axis.fill_between(found["x"], found["lower"][i], found["upper"][i], alpha=0.25, color=color)
    axis.set_xlabel(x)
    axis.set_ylabel(fit.spec.names.outcome)
    axis.legend(fontsize="small")
    return figure


def _axis(fit: Fitted, x: str | None) -> str:
    """The column to draw along."""
    inputs = [part.text for parts in _nonlinear(fit).inputs for part in parts]
    chosen = inputs[-1] if x is None else x
    if chosen not in fit.frame:
        raise ArgumentError(
            f"{chosen!r} is not a column of the data.", fix="pass x=, " + suggestion(chosen, inputs)
        )
    return chosen


def _columns(fit: Fitted, rows: np.ndarray) -> dict[str, Any]:
    """The columns that the model reads, at some rows, as a table."""
    out: dict[str, Any] = {}
    for name in every_column(fit.spec):
        column = fit.frame[name]
        if isinstance(column, Factor):
            out[name] = np.array(column.levels)[column.codes[rows]]
        else:
            out[name] = column.values[rows]
    return out
