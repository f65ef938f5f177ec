"""Plots of the posterior: intervals, densities, traces, pairs, and against the prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import arviz as az
import xarray as xr

from glimmer.errors import ArgumentError, suggestion
from glimmer.interpreter.modes import PLAIN
from glimmer.results.posterior.summary import parameters
from glimmer.spec.priors import check_proper

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
    >>> areas = model.plot("areas", regex_pars="sigma")
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
    random_seed : int, optional
        For the draws from the prior, as many as there are from the posterior.
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
    prior = parameters(_at_prior(model, random_seed), pars, regex_pars)
    both = {
        "prior": xr.DataTree.from_dict({"posterior": prior}),
        "posterior": xr.DataTree.from_dict({"posterior": posterior}),
    }
    return az.plot_forest(both, **_forest(prob, prob_outer) | plot_options)


def _at_prior(model: ModelBuilder, random_seed: int | None) -> ModelBuilder:
    """A copy of the model whose draws are from its prior; nothing is compiled.

    Raises
    ------
    PriorError
        A prior is flat.
    """
    import pymc as pm

    check_proper(model.spec.priors)
    posterior, built = model.fitted["posterior"].to_dataset(), model.build()
    known = {name: v for name, v in posterior.data_vars.items() if name in built.named_vars}
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    variables = [built[name] for name in known]
    values = pm.draw(variables, draws=count, mode=PLAIN, random_seed=random_seed)
    prior = {
        name: draws.copy(data=array.reshape(draws.shape))
        for (name, draws), array in zip(known.items(), values, strict=True)
    }
    other = copy(model)
    other.idata = xr.DataTree.from_dict({"posterior": xr.Dataset(prior)})
    return other


def _forest(prob: float, prob_outer: float) -> dict[str, Any]:
    return {"ci_probs": (prob, prob_outer), "ci_kind": "eti", "combined": True}


def _tree(model: ModelBuilder, pars: Sequence[str] | None, regex_pars: str | None) -> xr.DataTree:
    """The variables asked for, and the sampler's statistics."""
    groups = {"posterior": parameters(model, pars, regex_pars)}
    if "sample_stats" in model.fitted.children:
        groups["sample_stats"] = model.fitted["sample_stats"].to_dataset()
    return xr.DataTree.from_dict(groups)
