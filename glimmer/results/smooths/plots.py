"""Plots smooth terms: curves with bands, curves of levels, surfaces, levels' effects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import ArgumentError
from glimmer.results.smooths.estimates import (
    chosen_smooths,
    grid,
    numeric_covariates,
    smooth_estimates,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from glimmer.fitted import Fitted
    from glimmer.smooths import Smooth

MOST_LEGEND = 10
CONTOURS = 12


@dataclass(frozen=True)
class Options:
    """What to draw; see `plot_nonlinear`."""

    prob: float
    n: int | None
    rug: bool
    residuals: bool
    overall_uncertainty: bool
    too_far: float
    color: str


def plot_nonlinear(
    fit: Fitted,
    smooths: str | Sequence[str] | None = None,
    *,
    prob: float = 0.9,
    n: int | None = None,
    rug: bool = True,
    residuals: bool = False,
    overall_uncertainty: bool = False,
    too_far: float = 0.1,
    common_scale: bool = False,
    color: str = "C0",
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Plot smooth terms, a panel for each: rstanarm's ``plot_nonlinear`` and mgcv's ``plot.gam``.

    A smooth of one covariate is its median and a central band; with a factor beside it (fs, sz), a
    curve of medians for each level; of two covariates, a heat map of the median with contours; of
    factors alone, an interval for each level. The intercept is not included.

    Parameters
    ----------
    fit : Fitted
    smooths : str or sequence of str, optional
        Labels: ``"s(x)"``, which names all its levels of ``by``, or ``"s(x):ga"``. Default: all
        that have a plot.
    prob : float
        Probability of the bands.
    n : int, optional
        Number of values of each covariate; 100 for curves, 40 for surfaces.
    rug : bool
        Mark where the training rows are.
    residuals : bool
        Add partial residuals to curves: the curve at the row plus the working residual at the
        posterior mean, times the root of its relative working weight.
    overall_uncertainty : bool
        Add the uncertainty about the intercept to the bands.
    too_far : float
        Leave a surface blank where no training row is so near; both covariates run from 0 to 1.
    common_scale : bool
        Give all curves the same vertical axis, as ``plot.gam`` does.
    color : str
        Of curves and bands.
    axes : sequence of Axes, optional
        One for each panel; a new figure is made, if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        There is no such smooth, or it has more than two numeric covariates.

    Examples
    --------
    >>> axes = model.plot_nonlinear("s(Days)", residuals=True)
    """
    chosen = chosen_smooths(fit, smooths)
    if smooths is None:
        chosen = [smooth for smooth in chosen if _painter(smooth) is not None]
    panels = _panels(len(chosen), axes)
    options = Options(prob, n, rug, residuals, overall_uncertainty, too_far, color)
    curves = []
    for smooth, panel in zip(chosen, panels, strict=True):
        paint = _painter(smooth)
        if paint is None:
            raise ArgumentError(
                f"{smooth.label} has too many covariates to be plotted.",
                fix="use smooth_estimates(), with some of them held constant in data=",
            )
        paint(fit, smooth, panel, options)
        panel.set_title(smooth.label)
        if paint in (_curve, _curves):
            curves.append(panel)
    if common_scale and curves:
        limits = np.array([panel.get_ylim() for panel in curves])
        for panel in curves:
            panel.set_ylim(limits[:, 0].min(), limits[:, 1].max())
    return panels[0].figure


plot_smooths = plot_nonlinear


def _painter(smooth: Smooth) -> Callable[..., None] | None:
    """How a smooth is drawn; None if it cannot be."""
    kinds = {(0, True): _levels, (1, False): _curve, (1, True): _curves, (2, False): _surface}
    return kinds.get((len(numeric_covariates(smooth)), any(smooth.term.labels)))


def _panels(count: int, axes: Sequence[Axes] | None) -> list[Any]:
    """Axes for every panel, in a figure of up to three columns."""
    if axes is not None:
        given = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(given) < count:
            raise ArgumentError(
                f"axes must have at least {count} elements, one for each panel, not {len(given)}."
            )
        return given[:count]
    if count == 0:
        raise ArgumentError("None of these smooths can be plotted.", fix="use smooth_estimates()")
    import matplotlib.pyplot as plt

    columns = min(count, 3)
    rows = -(-count // columns)
    size = (4.2 * columns, 3.4 * rows)
    _, grid_of_axes = plt.subplots(rows, columns, squeeze=False, figsize=size, layout="constrained")
    panels = list(grid_of_axes.flat)
    for panel in panels[count:]:
        panel.set_axis_off()
    return panels[:count]


def _curve(fit: Fitted, smooth: Smooth, panel: Axes, options: Options) -> None:
    """Median and band of a curve, partial residuals, rug."""
    (x,) = numeric_covariates(smooth)
    table = _estimates(fit, smooth, options)
    panel.fill_between(
        table[x], table["lower"], table["upper"], color=options.color, alpha=0.25, lw=0
    )
    panel.plot(table[x], table["estimate"], color=options.color)
    if options.residuals:
        panel.plot(*_partial_residuals(fit, smooth, x), ".", color="0.4", ms=3, zorder=0)
    if options.rug:
        _rug(panel, _seen(fit, smooth, x))
    panel.set(xlabel=x, ylabel="partial effect")


def _curves(fit: Fitted, smooth: Smooth, panel: Axes, options: Options) -> None:
    """A curve for each level, or combination of levels."""
    (x,) = numeric_covariates(smooth)
    factors = [v for v in smooth.term.spec.variables if v != x]
    table = _estimates(fit, smooth, options)
    groups = list(table.groupby(factors, sort=False, observed=True))
    for i, (level, rows) in enumerate(groups):
        panel.plot(rows[x], rows["estimate"], color=f"C{i % 10}", label=":".join(map(str, level)))
    if len(groups) <= MOST_LEGEND:
        panel.legend(title=":".join(factors), fontsize="small")
    if options.rug:
        _rug(panel, _seen(fit, smooth, x))
    panel.set(xlabel=x, ylabel="partial effect")


def _surface(fit: Fitted, smooth: Smooth, panel: Axes, options: Options) -> None:
    """Median of a surface in colours and contours, blank far from the data."""
    u, v = numeric_covariates(smooth)
    table = _estimates(fit, smooth, options)
    a, b = np.unique(table[u]), np.unique(table[v])
    seen = np.column_stack([_seen(fit, smooth, u), _seen(fit, smooth, v)])
    far = far_from(table[[u, v]].to_numpy(), seen, options.too_far)
    z = np.where(far, np.nan, table["estimate"]).reshape(len(a), len(b)).T
    bound = float(np.nanmax(np.abs(z)))
    mesh = panel.pcolormesh(a, b, z, cmap="RdBu_r", vmin=-bound, vmax=bound, shading="nearest")
    lines = panel.contour(a, b, z, CONTOURS, colors="0.2", linewidths=0.6)
    panel.clabel(lines, fontsize="x-small")
    if options.rug:
        panel.plot(*seen.T, ".", color="k", ms=1.5, alpha=0.5)
    panel.figure.colorbar(mesh, ax=panel)
    panel.set(xlabel=u, ylabel=v)


def _levels(fit: Fitted, smooth: Smooth, panel: Axes, options: Options) -> None:
    """Median and interval of each level, in order of the medians."""
    table = _estimates(fit, smooth, options).sort_values("estimate")
    names = table[list(smooth.term.spec.variables)].astype(str).agg(":".join, axis=1)
    at = np.arange(len(table))
    panel.hlines(at, table["lower"], table["upper"], color=options.color, alpha=0.5)
    panel.plot(table["estimate"], at, "o", color=options.color, ms=3)
    panel.set_yticks(at, list(names), fontsize="small")
    panel.set(xlabel=smooth.label)


def _estimates(fit: Fitted, smooth: Smooth, options: Options) -> pd.DataFrame:
    return smooth_estimates(
        fit,
        smooth.label,
        options.n,
        grid(fit, smooth, options.n),
        prob=options.prob,
        overall_uncertainty=options.overall_uncertainty,
    )


def far_from(points: np.ndarray, data: np.ndarray, distance: float) -> np.ndarray:
    """Which points have no data within ``distance``, all scaled so that points fill [0, 1].

    Parameters
    ----------
    points : ndarray, shape (m, d)
    data : ndarray, shape (n, d)
    distance : float

    Returns
    -------
    ndarray of bool, shape (m,)

    References
    ----------
    R: ``mgcv::exclude.too.far``.
    """
    from scipy.spatial import KDTree

    low, width = points.min(axis=0), np.ptp(points, axis=0)
    return KDTree((data - low) / width).query((points - low) / width)[0] > distance


def _seen(fit: Fitted, smooth: Smooth, variable: str) -> np.ndarray:
    """Values of a covariate in the training rows that the smooth has a part in."""
    return fit.frame.numeric(variable).values[_counts(fit, smooth)]


def _counts(fit: Fitted, smooth: Smooth) -> np.ndarray:
    """Rows in which the smooth is not multiplied by zero."""
    return smooth.by(fit.frame) != 0


def _partial_residuals(fit: Fitted, smooth: Smooth, x: str) -> tuple[np.ndarray, np.ndarray]:
    """The covariate, and the smooth's median at each row plus the weighted working residual."""
    from glimmer.results.checks.working_weights import working
    from glimmer.results.smooths.estimates import by_column, smooth_draws

    found, counts = working(fit), _counts(fit, smooth)
    values = _seen(fit, smooth, x)
    f = np.median(smooth_draws(fit, smooth, {x: values} | by_column(smooth, len(values))), axis=0)
    relative = np.sqrt(found.weights / found.weights.mean())
    return values, f + (found.residuals * relative)[counts]


def _rug(panel: Axes, values: np.ndarray) -> None:
    """Ticks at the bottom where the training rows are."""
    unique = np.unique(values)
    panel.plot(
        unique,
        np.zeros(len(unique)),
        "|",
        color="k",
        ms=6,
        alpha=0.5,
        transform=panel.get_xaxis_transform(),
        clip_on=False,
    )
