"""Draws posterior predictive checks, by ArviZ's plots where there are such.

Gabry, Simpson, Vehtari, Betancourt & Gelman (2019), JRSS A 182:389-402; names of kinds are
bayesplot's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import arviz as az
import numpy as np
import xarray as xr

from glimmer.data import Factor
from glimmer.errors import ArgumentError, WrongLength, suggestion
from glimmer.results.compare.loglik import observed, with_log_likelihood
from glimmer.results.predict.predict import posterior_predict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glimmer.fitted import Fitted


def pp_check(
    fit: Fitted,
    kind: str = "dens_overlay",
    *,
    group: Any = None,
    x: Any = None,
    stat: str | float | Callable[..., Any] = "mean",
    draws: int | None = None,
    random_seed: int | None = None,
    **plot_options: Any,
) -> Any:
    """Compare the outcomes with outcomes drawn from the posterior predictive distribution.

    Parameters
    ----------
    fit : Fitted
    kind : str
        ``"dens_overlay"``, ``"hist"``, ``"ecdf_overlay"``: distributions of the outcomes;
        ``"stat"``: the distribution of a statistic; ``"pit"``, ``"loo_pit"``: whether probability
        integral transforms are uniform; ``"intervals"``, ``"loo_intervals"``: each row's interval;
        ``"rootogram"``, ``"bars"``: frequencies of counts; ``"error"``: histograms of predictive
        errors; ``"scatter_avg"``: outcomes against average predictions.
    group : str or array of shape (n,), optional
        One panel for each level; for distributions, statistics and ``"pit"``.
    x : str or array of shape (n,), optional
        What ``"error"`` is drawn against, instead of histograms.
    stat : str, float or callable
        For ``"stat"``: ``"mean"``, ``"sd"``, ``"median"``, ``"var"``, ``"min"``, ``"max"``,
        ``"iqr"``, ``"mad"``, a quantile, or a function of an array of outcomes.
    draws : int, optional
        Use so many posterior draws.
    random_seed : int, optional
    **plot_options
        Passed to the plot of ArviZ.

    Returns
    -------
    arviz_plots.PlotCollection, or matplotlib.figure.Figure for "error" and "scatter_avg"

    Raises
    ------
    ArgumentError
        There is no such kind, or it does not suit the outcome.

    Examples
    --------
    >>> axes = model.pp_check("stat", stat="sd", group="Subject")
    """
    _check(fit, kind, group, draws)
    replicated = posterior_predict(fit, draws=draws, random_seed=random_seed)
    if kind == "error":
        return _errors(fit, replicated, x)
    if kind == "scatter_avg":
        return _scatter(fit, replicated)
    tree = _tree(fit, replicated, group, likelihood=kind.startswith("loo"))
    if kind == "stat":
        plot_options = {"t_stat": "std" if stat == "sd" else stat, **plot_options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return ARVIZ[kind](tree, **plot_options)


def _check(fit: Fitted, kind: str, group: Any, draws: int | None) -> None:
    """Raise `ArgumentError` if arguments do not go together."""
    if kind not in KINDS:
        raise ArgumentError(f"Unknown kind of check {kind!r}.", fix=suggestion(kind, KINDS))
    if kind in COUNTS_ONLY and not fit.spec.family.support.whole:
        raise ArgumentError(
            f"{kind!r} can only be used with counts.", fix='use "dens_overlay" or "ecdf_overlay"'
        )
    if group is not None and kind not in GROUPED:
        raise ArgumentError(f"{kind!r} cannot be grouped.", fix="leave out group=")
    if draws is not None and kind.startswith("loo"):
        raise ArgumentError(
            f"{kind!r} uses all draws, so draws= cannot be given.", fix="leave out draws="
        )


ARVIZ: dict[str, Callable[..., Any]] = {
    "dens_overlay": partial(az.plot_ppc_dist, kind="kde", num_samples=50),
    "ecdf_overlay": partial(az.plot_ppc_dist, kind="ecdf", num_samples=50),
    "hist": partial(az.plot_ppc_dist, kind="hist", num_samples=8),
    "stat": az.plot_ppc_tstat,
    "pit": az.plot_ppc_pit,
    "loo_pit": az.plot_loo_pit,
    "intervals": az.plot_ppc_interval,
    "loo_intervals": az.plot_loo_interval,
    "rootogram": az.plot_ppc_rootogram,
    "bars": partial(az.plot_ppc_rootogram, yscale="linear"),
}
KINDS = (*ARVIZ, "error", "scatter_avg")
GROUPED = ("dens_overlay", "ecdf_overlay", "hist", "stat", "pit")
COUNTS_ONLY = ("rootogram", "bars")
ERRORS = 6


def _tree(fit: Fitted, replicated: xr.DataArray, group: Any, *, likelihood: bool) -> xr.DataTree:
    """Outcomes and their replicates as ArviZ takes them; each group a variable of its own."""
    name, y = fit.spec.names.outcome, observed(fit)
    if group is None:
        parts = {name: np.arange(fit.design.n)}
    else:
        levels = _levels(fit, group)
        parts = {f"{name} | {_safe(label)}": rows for label, rows in levels.items()}
    dims = {part: {"obs_id": f"{part}_id"} if len(parts) > 1 else {} for part in parts}
    groups = {
        "observed_data": {p: y[rows].rename(dims[p]) for p, rows in parts.items()},
        "posterior_predictive": {
            p: replicated[..., rows].rename(dims[p]) for p, rows in parts.items()
        },
    }
    tree = with_log_likelihood(fit) if likelihood else xr.DataTree()
    for where, arrays in groups.items():
        tree[where] = xr.DataTree(xr.Dataset(arrays))
    return tree


def _safe(label: str) -> str:
    """A label that may be a variable's name: those have no slash."""
    return label.replace("/", "\N{DIVISION SLASH}")


def _levels(fit: Fitted, group: Any) -> dict[str, np.ndarray]:
    """Rows of each level of a column or array."""
    from glimmer.data import Frame

    frame = fit.frame if isinstance(group, str) else Frame({"group": _per_row(fit, group)})
    factor: Factor = frame.factor(group if isinstance(group, str) else "group").used()
    return {level: np.flatnonzero(factor.codes == code) for code, level in enumerate(factor.levels)}


def _per_row(fit: Fitted, values: Any) -> np.ndarray:
    if np.shape(values) != (fit.design.n,):
        raise WrongLength(f"There are {fit.design.n} rows, and values of shape {np.shape(values)}.")
    return np.asarray(values)


def _errors(fit: Fitted, replicated: xr.DataArray, x: Any) -> Figure:
    """Histograms of the errors of a few draws, or average errors against ``x``."""
    from matplotlib.figure import Figure

    errors = (observed(fit) - replicated).stack(sample=("chain", "draw"))
    if x is not None:
        at = fit.frame.numeric(x).values if isinstance(x, str) else _per_row(fit, x)
        labels = {"xlabel": x if isinstance(x, str) else "x", "ylabel": "average error"}
        return _points(at, errors.mean("sample"), [at.min(), at.max()], [0.0, 0.0], labels)
    figure = Figure(layout="constrained")
    panels = figure.subplots(2, ERRORS // 2, sharex=True, sharey=True).ravel()
    chosen = np.linspace(0, errors.sizes["sample"] - 1, ERRORS).astype(int)
    for axes, i in zip(panels, chosen, strict=True):
        axes.hist(errors.isel(sample=i), bins="auto")
    figure.supxlabel("predictive error")
    return figure


def _scatter(fit: Fitted, replicated: xr.DataArray) -> Figure:
    """Outcomes against average predictions."""
    mean = replicated.mean(("chain", "draw")).values
    labels = {"xlabel": "average prediction", "ylabel": fit.spec.names.outcome}
    ends = [mean.min(), mean.max()]
    return _points(mean, observed(fit), ends, ends, labels)


def _points(x: Any, y: Any, line_x: Any, line_y: Any, labels: dict[str, str]) -> Figure:
    """Points, and the line they should scatter around."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    axes = figure.add_subplot(**labels)
    axes.scatter(x, y, s=12, alpha=0.6)
    axes.plot(line_x, line_y, color="0.5", linewidth=1)
    return figure
