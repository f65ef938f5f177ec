"""Plots predictions, comparisons and slopes: estimate and interval against chosen columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from glimmer.errors import ArgumentError
from glimmer.results.effects.effects import comparisons, predictions, slopes
from glimmer.results.effects.grid import Conditional
from glimmer.results.effects.question import EffectOptions, Effects

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from glimmer.fitted import Fitted

MOST = 3
HEIGHT = 3.6
LONG = 14


def plot_predictions(
    fit: Fitted, conditional: Conditional = None, **options: Unpack[EffectOptions]
) -> Figure:
    """Plot `predictions`.

    The first column of ``conditional`` (or of ``average_by``) goes along the x axis, the second
    gives colours, the third panels. Numbers are drawn as lines with ribbons, labels as points with
    bars.

    Parameters
    ----------
    fit : Fitted
    conditional : str, sequence of str, or mapping, optional
    **options
        As in `predictions`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        There is no column to plot against, or there are more than three.

    Examples
    --------
    >>> axes = model.plot_predictions(["Days", "Subject"], groups="all")
    """
    effects = predictions(fit, conditional, **options)
    label = f"{fit.spec.names.outcome}{_scale(options)}"
    return _plot(effects, _axes(conditional, options), label)


def plot_comparisons(
    fit: Fitted,
    contrast: str | Mapping[str, Any],
    conditional: Conditional = None,
    *,
    comparison: Any = "diff",
    pairs: Any = "reference",
    **options: Unpack[EffectOptions],
) -> Figure:
    """Plot `comparisons`; several contrasts are panels. Arguments are those of `comparisons`.

    Without columns to plot against, the contrasts themselves go along the x axis.
    """
    effects = comparisons(fit, contrast, conditional, comparison=comparison, pairs=pairs, **options)
    columns = _axes(conditional, options)
    several = effects.summary["contrast"].nunique() > 1
    columns += ["contrast"] if several or not columns else []
    (term,) = effects.summary["term"].unique()
    return _plot(effects, columns, f"comparison of {term}{_scale(options)}")


def plot_slopes(
    fit: Fitted,
    wrt: str,
    conditional: Conditional = None,
    *,
    slope: str = "dydx",
    **options: Unpack[EffectOptions],
) -> Figure:
    """Plot `slopes`. Arguments are those of `slopes`."""
    effects = slopes(fit, wrt, conditional, slope=slope, **options)
    return _plot(effects, _axes(conditional, options), f"slope in {wrt}{_scale(options)}")


def _axes(conditional: Conditional, options: EffectOptions) -> list[str]:
    """Columns to plot against."""
    by = options.get("average_by")
    source = conditional if by is None or isinstance(by, bool) else by
    if by is True or source is None:
        return []
    return [source] if isinstance(source, str) else list(source)


def _scale(options: EffectOptions) -> str:
    return " (linear predictor)" if options.get("kind") == "linpred" else ""


def _plot(effects: Effects, columns: list[str], label: str) -> Figure:
    import matplotlib.pyplot as plt

    if not 1 <= len(columns) <= MOST:
        raise ArgumentError(
            f"A plot must have 1 to {MOST} columns, not {len(columns)}.",
            fix="name them in conditional= or average_by=",
        )
    x, colour, panel = [*columns, None, None][:MOST]
    parts = _split(effects.summary, panel)
    figure, axes = plt.subplots(
        1,
        len(parts),
        figsize=(HEIGHT * (0.6 + len(parts)), HEIGHT),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, (value, part) in zip(axes[0], parts, strict=True):
        lines = _split(part, colour)
        for i, (name, rows) in enumerate(lines):
            _draw(axis, rows, str(x), None if name is None else str(name), (i, len(lines)))
        axis.set_xlabel(str(x))
        axis.set_title("" if value is None else f"{panel} = {_short(value)}")
    axes[0, 0].set_ylabel(label)
    if colour is not None:
        handles, names = axes[0, 0].get_legend_handles_labels()
        columns_of_legend = 1 + len(names) // LONG
        figure.legend(
            handles, names, title=colour, loc="outside right upper", ncols=columns_of_legend
        )
    return figure


def _split(rows: pd.DataFrame, column: str | None) -> list[tuple[Any, pd.DataFrame]]:
    if column is None:
        return [(None, rows)]
    return list(rows.groupby(column, sort=False, observed=True))


def _draw(
    axis: Axes, rows: pd.DataFrame, x: str, label: str | None, place: tuple[int, int]
) -> None:
    """One line with its ribbon, or points with bars set side by side."""
    lower, upper = (
        next(rows[name].to_numpy() for name in rows if str(name).startswith(f"{end}_"))
        for end in ("lower", "upper")
    )
    estimate = rows["estimate"].to_numpy()
    at = rows[x].to_numpy()
    if np.issubdtype(at.dtype, np.number):
        order = np.argsort(at)
        (line,) = axis.plot(at[order], estimate[order], label=label)
        axis.fill_between(
            at[order], lower[order], upper[order], color=line.get_color(), alpha=0.25, linewidth=0
        )
        return
    names = [str(value) for value in at]
    known = [tick.get_text() for tick in axis.get_xticklabels()] if axis.lines else []
    ticks = [*known, *(name for name in dict.fromkeys(names) if name not in known)]
    shift = 0.4 * (place[0] - (place[1] - 1) / 2) / place[1]
    positions = np.array([ticks.index(name) for name in names]) + shift
    bars = np.abs(np.stack([estimate - lower, upper - estimate]))
    axis.errorbar(positions, estimate, yerr=bars, fmt="o", label=label)
    axis.set_xticks(range(len(ticks)), ticks)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
