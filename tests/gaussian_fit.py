"""A posterior of sleepstudy's model without a sampler, exact given its variance parameters.

Given sigma and Sigma (near their REML estimates), (beta, b) are normal: y = X beta + Z b + e.
Levels without rows come out as draws from N(0, Sigma).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from agreement import seed as moved

import glimmer as gl
from glimmer.fitted import Fitted, Model, Settings
from glimmer.results.compare import refit

SIGMA, SDS, RHO = 25.6, (24.7, 5.9), 0.07
EFFECTS, LEVELS, WIDE = ("1", "Days"), 18, 1e3


class GaussianBuilder(gl.GlmerBuilder):
    """`GlmerBuilder` for ``Reaction ~ Days + (Days | Subject)`` with a `fit` of linear algebra."""

    fits = 0

    def fit(self, model: Any = None, **arguments: Any) -> xr.DataTree:
        fit = refitted(self.unfitted_model, Settings(**arguments))
        self.idata, self.settings = fit.draws, fit.settings
        return self.idata


def refitted(model: Model, settings: Settings) -> Fitted:
    """Fit a model as `GaussianBuilder` does."""
    GaussianBuilder.fits += 1
    shape = (settings.chains, settings.draws)
    rng = np.random.default_rng(settings.random_seed)
    sigma = SIGMA * np.exp(rng.normal(0, 0.06, shape))
    beta, b = _coefficients(model.design, sigma.ravel(), rng)
    slope, at_zero = beta[:, 1].reshape(shape), beta[:, 0].reshape(shape)
    centered = at_zero + slope * model.spec.predictors["mu"].means[0]
    scalars = {"sigma": sigma, "Intercept": at_zero, "Intercept_centered": centered}
    scalars |= {"Days": slope, "Subject_tau": rng.normal(1, 0.1, shape)}
    scalars |= {
        f"{e}|Subject_sigma": rng.normal(sd, 0.1, shape) for e, sd in zip(EFFECTS, SDS, strict=True)
    }
    halves = rng.uniform(0.4, 0.6, (*shape, 2))
    arrays = {name: (("chain", "draw"), values) for name, values in scalars.items()}
    arrays["Subject_share"] = (("chain", "draw"), halves[..., 0])
    arrays["Subject_partial"] = (("chain", "draw"), halves[..., 1])
    for k, effect in enumerate(EFFECTS):
        dims = ("chain", "draw", "Subject__factor_dim")
        arrays[f"{effect}|Subject"] = (dims, b[:, :, k].reshape(*shape, -1))
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    coords["Subject__factor_dim"] = list(model.spec.groups[0].levels)
    draws = xr.DataTree.from_dict({"posterior": xr.Dataset(arrays, coords)})
    return Fitted(model.spec, model.design, model.frame, draws=draws, settings=settings)


@contextmanager
def linear_algebra() -> Iterator[None]:
    """Let refits be done here, not by a sampler."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refit, "refitted", refitted)
        yield


def _coefficients(design: Any, sigmas: np.ndarray, rng: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draws of beta, shape (S, 2), and b, shape (S, levels, 2)."""
    index, columns = design.groups["Subject"].index, design.groups["Subject"].columns
    Z = np.zeros((design.n, LEVELS, 2))
    Z[np.arange(design.n), index] = columns
    A = np.hstack([np.ones((design.n, 1)), design.columns["mu"], Z.reshape(design.n, -1)])
    cov = np.outer(SDS, SDS) * np.array([[1, RHO], [RHO, 1]])
    prior = np.zeros((A.shape[1], A.shape[1]))
    prior[0, 0] = prior[1, 1] = 1 / WIDE**2
    prior[2:, 2:] = np.kron(np.eye(LEVELS), np.linalg.inv(cov))
    precision = prior + A.T @ A / sigmas[:, None, None] ** 2
    factor = np.linalg.cholesky(precision)
    scaled = (A.T @ design.y)[None, :, None] / sigmas[:, None, None] ** 2
    z = rng.normal(size=(len(sigmas), A.shape[1], 1))
    draws = np.linalg.solve(precision, scaled) + np.linalg.solve(factor.transpose(0, 2, 1), z)
    return draws[:, :2, 0], draws[:, 2:, 0].reshape(len(sigmas), LEVELS, 2)


def sleepstudy(draws: int = 500, seed: int = 1) -> GaussianBuilder:
    """The fitted model."""
    data: pd.DataFrame = gl.load_data("sleepstudy")
    model = GaussianBuilder("Reaction ~ Days + (Days | Subject)", data)
    model.fit(draws=draws, chains=2, random_seed=moved(seed), progressbar=False)
    return model
