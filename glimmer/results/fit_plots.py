"""Plots of the posterior: intervals, densities, traces, pairs, and against the prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import arviz as az
import xarray as xr

from glimmer.errors import ArgumentError, PriorError, suggestion
from glimmer.results.intervals import parameters

if TYPE_CHECKING:
    from glimmer.builders import ModelBuilder

KINDS: dict[str, Callable[..., Any]] = {
    "intervals": az.plot_forest,
    "areas": az.plot_ridge,
    "dens": az.plot_dist,
    "trace": az.plot_trace_dist,
    "rank": az.plot_rank_dist,
}
MOST_PAIRS = 8


def plot(
    model: ModelBuilder,
    kind: str = "intervals",
    *,
    pars: Sequence[str] | None = None,
    regex_pars: str | None = None,
    prob: float = 0.5,
    prob_outer: float = 0.9,
    **plot_options: Any,
) -> Any:
    """Plot the posterior.

    Parameters
    ----------
    model : ModelBuilder
        Fitted.
    kind : {"intervals", "areas", "dens", "trace", "rank"}
    pars, regex_pars
        Which variables, as in `summary`.
    prob, prob_outer : float
        Of the two central intervals of ``"intervals"``.
    **plot_options
        Passed to the plot of ArviZ.

    Returns
    -------
    arviz_plots.PlotCollection

    Raises
    ------
    ArgumentError
        There is no such kind.
    DataError
        The posterior has no such variable.

    Examples
    --------
    >>> plot(model, "areas", regex_pars="sigma")  # doctest: +SKIP
    """
    if kind not in KINDS:
        raise ArgumentError(f"There is no plot {kind!r}.", fix=suggestion(kind, KINDS))
    if kind == "intervals":
        plot_options = _forest(prob, prob_outer) | plot_options
    return KINDS[kind](_tree(model, pars, regex_pars), **plot_options)


def pairs(
    model: ModelBuilder,
    *,
    pars: Sequence[str] | None = None,
    regex_pars: str | None = None,
    **plot_options: Any,
) -> Any:
    """Plot each parameter against each other, divergent transitions marked.

    Parameters
    ----------
    model : ModelBuilder
        Fitted.
    pars, regex_pars
        Which variables, as in `summary`; up to 8 parameters.
    **plot_options
        Passed to ``arviz.plot_pair``.

    Returns
    -------
    arviz_plots.PlotMatrix
    """
    tree = _tree(model, pars, regex_pars)
    posterior = tree["posterior"].to_dataset()
    count = sum(v[0, 0].size for v in posterior.data_vars.values())
    if count > MOST_PAIRS:
        raise ArgumentError(
            f"{count} parameters make {count * (count - 1) // 2} plots.",
            fix=f"choose up to {MOST_PAIRS} by pars= or regex_pars=",
        )
    visuals = {"divergence": "sample_stats" in tree.children}
    return az.plot_pair(tree, **{"visuals": visuals, **plot_options})


def posterior_vs_prior(
    model: ModelBuilder,
    *,
    pars: Sequence[str] | None = None,
    regex_pars: str | None = None,
    prob: float = 0.5,
    prob_outer: float = 0.9,
    draws: int = 1000,
    random_seed: int | None = None,
    **plot_options: Any,
) -> Any:
    """Plot intervals of the posterior beside those of the prior.

    Parameters
    ----------
    model : ModelBuilder
        Fitted.
    pars, regex_pars
        Which variables, as in `summary`.
    prob, prob_outer : float
        Of the two central intervals.
    draws : int
        From the prior.
    random_seed : int, optional
    **plot_options
        Passed to ``arviz.plot_forest``.

    Returns
    -------
    arviz_plots.PlotCollection

    Raises
    ------
    PriorError
        A prior is flat: nothing can be drawn from it.
    """
    posterior = parameters(model, pars, regex_pars)
    prior = parameters(with_prior(model, draws, random_seed), pars, regex_pars)
    both = {
        "prior": xr.DataTree.from_dict({"posterior": prior}),
        "posterior": xr.DataTree.from_dict({"posterior": posterior}),
    }
    return az.plot_forest(both, **_forest(prob, prob_outer) | plot_options)


def with_prior(model: ModelBuilder, draws: int, random_seed: int | None) -> ModelBuilder:
    """A copy of the model whose posterior is its prior."""
    from copy import copy

    other = copy(model)
    other.idata = xr.DataTree.from_dict({"posterior": prior_draws(model, draws, random_seed)})
    return other


def prior_draws(model: ModelBuilder, draws: int, random_seed: int | None) -> xr.Dataset:
    """Draws of every variable from the prior, as a single chain; nothing is compiled.

    Raises
    ------
    PriorError
        A prior is flat.
    """
    import pymc as pm

    from glimmer.model.priors import improper
    from glimmer.model.replay import PLAIN
    from glimmer.sampling.fit import derived

    if improper(model.spec.priors):
        raise PriorError("A flat prior cannot be drawn from.", fix="give proper priors")
    built = model.build()
    values = pm.draw(built.free_RVs, draws=draws, mode=PLAIN, random_seed=random_seed)
    arrays = {
        v.name: (("chain", "draw", *(f"{v.name}_{i}" for i in range(v.ndim))), array[None])
        for v, array in zip(built.free_RVs, values, strict=True)
    }
    return derived(built, xr.Dataset(arrays, coords={"chain": [0], "draw": range(draws)}))


def _forest(prob: float, prob_outer: float) -> dict[str, Any]:
    return {"ci_probs": (prob, prob_outer), "ci_kind": "eti", "combined": True}


def _tree(model: ModelBuilder, pars: Sequence[str] | None, regex_pars: str | None) -> xr.DataTree:
    """The variables asked for, and the sampler's statistics."""
    groups = {"posterior": parameters(model, pars, regex_pars)}
    if "sample_stats" in model.fitted.children:
        groups["sample_stats"] = model.fitted["sample_stats"].to_dataset()
    return xr.DataTree.from_dict(groups)
