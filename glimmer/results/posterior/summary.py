"""Summarizes every parameter: estimates with Monte Carlo errors and convergence diagnostics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from glimmer.errors import DataError, check_probability, suggestion
from glimmer.terms.naming import corr_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

    from glimmer.fitted import Fitted


def summary(
    fit: Fitted,
    prob: float = 0.9,
    pars: Sequence[str] | None = None,
    regex_pars: str | None = None,
) -> pd.DataFrame:
    """Summarize the posterior.

    Parameters
    ----------
    fit : Fitted
    prob : float
        Probability of the central interval.
    pars : sequence of str, optional
        Variables of the posterior. Default: coefficients, auxiliary parameters, standard deviations
        and correlations; ``"varying"`` adds group-specific effects.
    regex_pars : str, optional
        A regular expression that names more of them.

    Returns
    -------
    DataFrame
        mean, sd, interval, effective sample sizes, R-hat and Monte Carlo standard errors.

    Raises
    ------
    DataError
        The posterior has no such variable.
    ArgumentError
        ``prob`` is not between 0 and 1.
    """
    import arviz as az

    check_probability(prob)
    posterior = parameters(fit, pars, regex_pars)
    return az.summary(posterior, ci_prob=prob, ci_kind="eti", round_to="none")


def parameters(fit: Fitted, pars: Sequence[str] | None, regex_pars: str | None) -> xr.Dataset:
    """Draws of the variables asked for; correlations as the entries below the diagonal."""
    posterior = fit.posterior
    names = chosen(fit, list(map(str, posterior.data_vars)), pars, regex_pars)
    return _without_constants(posterior[names])


def _without_constants(posterior: xr.Dataset) -> xr.Dataset:
    """Correlation matrices as their entries below the diagonal, each under its own name."""
    out = posterior
    for name in [str(n) for n in posterior.data_vars if str(n).endswith(corr_name(""))]:
        corr = posterior[name]
        rows, columns = corr.dims[-2:]
        labels = corr.coords[rows].values.tolist()
        for i, j in zip(*np.tril_indices(len(labels), -1), strict=True):
            entry = corr.isel({rows: i, columns: j}, drop=True)
            out = out.assign({f"{name}[{labels[j]}, {labels[i]}]": entry})
        out = out.drop_vars(name).drop_dims([rows, columns], errors="ignore")
    return out


def chosen(
    fit: Fitted,
    known: list[str],
    pars: Sequence[str] | None,
    regex_pars: str | None,
) -> list[str]:
    """Names of the variables that ``pars`` and ``regex_pars`` ask for."""
    if pars is None and regex_pars is None:
        return reported(fit)
    asked = [pars] if isinstance(pars, str) else list(pars or ())
    names: list[str] = []
    for name in asked:
        if name == "varying":
            names += effects(fit)
        elif name in known:
            names.append(name)
        else:
            raise DataError(f"The posterior has no {name!r}.", fix=suggestion(name, known))
    if regex_pars is not None:
        found = [name for name in known if re.search(regex_pars, name)]
        if not found:
            raise DataError(f"No variable matches {regex_pars!r}.", fix=suggestion("", known))
        names += found
    return list(dict.fromkeys(names))


def reported(fit: Fitted) -> list[str]:
    """Variables that a summary shows: those with a meaning of their own, effects apart."""
    spec = fit.spec
    names = []
    for name, predictor in spec.predictors.items():
        value = spec.names.values.get(name, spec.names.intercepts[name])
        names += [value] if predictor.intercept else []
        names += [term.name for term in predictor.common]
        names += [variable for block in predictor.term_blocks for variable in block.variables]
    names += spec.names.aux
    names += smooth_sds(fit)
    for block in spec.groups:
        names += block.sd_names
        names += [block.corr_name] if block.size > 1 else []
    return names


def smooth_sds(fit: Fitted) -> list[str]:
    """Names of the standard deviations of smooth terms."""
    return list(dict.fromkeys(sd for block in fit.spec.smooth_blocks for sd in block.sds))


def effects(fit: Fitted) -> list[str]:
    """Names of the group-specific effects."""
    return [name for block in fit.spec.groups for name in block.effect_names]
