"""Plots posteriors: intervals, densities, traces, pairs, and against the prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import arviz as az
import xarray as xr

from glimmer.errors import ArgumentError, suggestion
from glimmer.interpreter.modes import PLAIN
from glimmer.results.posterior.summary import parameters
from glimmer.spec.priors import check_proper

if TYPE_CHECKING:
    from glimmer.fitted import Fitted

KINDS: dict[str, Callable[..., Any]] = {
    "intervals": az.plot_forest,
    "areas": az.plot_ridge,
    "dens": az.plot_dist,
    "trace": az.plot_trace_dist,
    "rank": az.plot_rank_dist,
}
MOST_PAIRS = 8


def plot(
    fit: Fitted,
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
    fit : Fitted
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
        raise ArgumentError(f"Unknown kind of plot {kind!r}.", fix=suggestion(kind, KINDS))
    if kind == "intervals":
        plot_options = _forest(prob, prob_outer) | plot_options
    return KINDS[kind](_tree(fit, pars, regex_pars), **plot_options)


def pairs(
    fit: Fitted,
    *,
    pars: Sequence[str] | None = None,
    regex_pars: str | None = None,
    **plot_options: Any,
) -> Any:
    """Plot each parameter against each other, divergent transitions marked.

    Parameters
    ----------
    fit : Fitted
    pars, regex_pars
        Which variables, as in `summary`; up to 8 parameters.
    **plot_options
        Passed to ``arviz.plot_pair``.

    Returns
    -------
    arviz_plots.PlotMatrix
    """
    tree = _tree(fit, pars, regex_pars)
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
    fit: Fitted,
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
    fit : Fitted
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
    posterior = parameters(fit, pars, regex_pars)
    prior = parameters(_at_prior(fit, random_seed), pars, regex_pars)
    both = {
        "prior": xr.DataTree.from_dict({"posterior": prior}),
        "posterior": xr.DataTree.from_dict({"posterior": posterior}),
    }
    return az.plot_forest(both, **_forest(prob, prob_outer) | plot_options)


def _at_prior(fit: Fitted, random_seed: int | None) -> Fitted:
    """A copy of the model whose draws are from its prior; nothing is compiled.

    Raises
    ------
    PriorError
        A prior is flat.
    """
    import pymc as pm

    from glimmer.assemble import assemble

    check_proper(fit.spec.priors)
    posterior, built = fit.posterior, assemble(fit.spec, fit.design).model
    known = {name: v for name, v in posterior.data_vars.items() if name in built.named_vars}
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    variables = [built[name] for name in known]
    values = pm.draw(variables, draws=count, mode=PLAIN, random_seed=random_seed)
    prior = {
        name: draws.copy(data=array.reshape(draws.shape))
        for (name, draws), array in zip(known.items(), values, strict=True)
    }
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": xr.Dataset(prior)}))


def _forest(prob: float, prob_outer: float) -> dict[str, Any]:
    return {"ci_probs": (prob, prob_outer), "ci_kind": "eti", "combined": True}


def _tree(fit: Fitted, pars: Sequence[str] | None, regex_pars: str | None) -> xr.DataTree:
    """The variables asked for, and the sampler's statistics."""
    groups = {"posterior": parameters(fit, pars, regex_pars)}
    if "sample_stats" in fit.draws.children:
        groups["sample_stats"] = fit.draws["sample_stats"].to_dataset()
    return xr.DataTree.from_dict(groups)
