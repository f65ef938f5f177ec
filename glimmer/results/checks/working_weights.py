"""Computes PIRLS's weights and working residuals at the means of the posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glimmer.errors import ArgumentError
from glimmer.results.posterior.draws import every_draw

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Fitted


@dataclass(frozen=True)
class Working:
    """What PIRLS would work with at the posterior mean, each of shape (n,).

    Attributes
    ----------
    weights : ndarray
        (d mean / d eta)^2 / variance, times likelihood weights.
    residuals : ndarray
        (y - mean) / (d mean / d eta), in the units of the linear predictor.
    """

    weights: np.ndarray
    residuals: np.ndarray


def working(fit: Fitted) -> Working:
    """The working weights and residuals at the posterior mean of all parameters."""
    import pytensor.tensor as pt

    from glimmer.assemble.model import assemble
    from glimmer.interpreter.replay import replay

    check_linear(fit)
    design = fit.design
    assembly = assemble(fit.spec, design, observe=False)
    trials = 1.0 if design.trials is None else design.trials
    mean = assembly.expected * trials
    slope = pt.grad(pt.sum(mean), assembly.eta)
    outputs = [mean, slope, assembly.outcome.variance + pt.zeros(design.n)]
    values = replay(assembly.model, outputs, centre(fit))
    mu, dmu, var = (value[0, 0] for value in values)
    prior = design.weights if fit.spec.weights == "likelihood" else None
    weights = dmu**2 / var * (1.0 if prior is None else prior)
    y = np.full(design.n, np.nan) if design.y is None else design.y
    return Working(weights, (y - mu) / dmu)


def check_linear(fit: Fitted) -> None:
    """The terms must be parts of one linear predictor."""
    if not fit.spec.stage.linear:
        raise ArgumentError(
            "This cannot be computed for a nonlinear model, which has several linear predictors.",
            fix="use smooth_estimates() or plot_nonlinear()",
        )


def centre(fit: Fitted) -> xr.Dataset:
    """The posterior mean as a single draw; the geometric mean of standard deviations."""
    posterior = every_draw(fit)
    sds = {sd for block in fit.spec.smooth_blocks for sd in block.sds}
    sds |= {sd for block in fit.spec.groups for sd in block.sd_names}
    logs = posterior.assign({sd: (posterior[sd].dims, np.log(posterior[sd].values)) for sd in sds})
    mean = logs.mean(("chain", "draw"))
    mean = mean.assign({sd: (mean[sd].dims, np.exp(mean[sd].values)) for sd in sds})
    return mean.expand_dims({"chain": [0], "draw": [0]})
