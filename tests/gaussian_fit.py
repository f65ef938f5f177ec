"""A posterior of sleepstudy's model without a sampler, exact given its variance parameters.

Given sigma and Sigma (near their REML estimates), (beta, b) are normal: y = X beta + Z b + e.
Levels without rows come out as draws from N(0, Sigma).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from fake_fit import fake_fit

import glimmer as gl
from glimmer.sampling import Settings

SIGMA, SDS, RHO = 25.6, (24.7, 5.9), 0.07
WIDE = 1e3


class GaussianBuilder(gl.GlmerBuilder):
    """`GlmerBuilder` for ``Reaction ~ Days + (Days | Subject)`` with a `fit` of linear algebra."""

    fits = 0

    def fit(self, model: Any = None, **arguments: Any) -> xr.DataTree:
        self.settings = Settings(**arguments)
        type(self).fits += 1
        rng = np.random.default_rng(self.settings.random_seed)
        shape = (self.settings.chains, self.settings.draws)
        fake_fit(self, *shape[::-1])
        assert self.idata is not None
        posterior = self.idata["posterior"].to_dataset()
        sigma = SIGMA * np.exp(rng.normal(0, 0.06, shape))
        beta, b = _coefficients(self.design, sigma.ravel(), rng)
        means = self.spec.predictor.means
        values = {
            "sigma": sigma,
            "Intercept": beta[:, 0].reshape(shape),
            "Intercept_centered": (beta[:, 0] + beta[:, 1] * means[0]).reshape(shape),
            "Days": beta[:, 1].reshape(shape),
            "1|Subject": b[:, :, 0].reshape(*shape, -1),
            "Days|Subject": b[:, :, 1].reshape(*shape, -1),
        }
        for name, array in values.items():
            posterior[name] = posterior[name].copy(data=array)
        self.idata["posterior"] = xr.DataTree(posterior)
        return self.idata


def _coefficients(design: Any, sigmas: np.ndarray, rng: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draws of beta, shape (S, 2), and b, shape (S, levels, 2)."""
    index, columns = design.groups["Subject"].index, design.groups["Subject"].columns
    levels = 18
    Z = np.zeros((design.n, levels, 2))
    Z[np.arange(design.n), index] = columns
    A = np.hstack([np.ones((design.n, 1)), design.X, Z.reshape(design.n, -1)])
    cov = np.outer(SDS, SDS) * np.array([[1, RHO], [RHO, 1]])
    prior = np.zeros((A.shape[1], A.shape[1]))
    prior[0, 0] = prior[1, 1] = 1 / WIDE**2
    prior[2:, 2:] = np.kron(np.eye(levels), np.linalg.inv(cov))
    draws = []
    for sigma in sigmas:
        precision = prior + A.T @ A / sigma**2
        L = np.linalg.cholesky(precision)
        mean = np.linalg.solve(precision, A.T @ design.y / sigma**2)
        draws.append(mean + np.linalg.solve(L.T, rng.normal(size=len(mean))))
    out = np.array(draws)
    return out[:, :2], out[:, 2:].reshape(len(out), levels, 2)


def sleepstudy(draws: int = 500, seed: int = 1) -> GaussianBuilder:
    """The fitted model."""
    data: pd.DataFrame = gl.load_data("sleepstudy")
    model = GaussianBuilder("Reaction ~ Days + (Days | Subject)", data)
    model.fit(draws=draws, chains=2, random_seed=seed, progressbar=False)
    return model
