"""Finds the mode of a plan by penalised iteratively reweighted least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glimmer.coordinates.coefficient_draws import draw_coefficients
from glimmer.errors import SamplingError
from glimmer.kernels.gaussian.blocks import Blocks, Floats
from glimmer.kernels.gaussian.crossproducts import CrossProducts, cross_products

LEAST_SHARE = 1e-6
"""Of an effect's variance, what the others do not explain."""


@dataclass(frozen=True, eq=False)
class Local:
    """A likelihood near some linear predictors: that of a normal outcome.

    Attributes
    ----------
    blocks : Blocks
        Its linear predictor.
    response, weights : array, shape (n,)
        Working response and weights.
    """

    blocks: Blocks
    response: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class Mode:
    """Where the penalised likelihood is greatest, and its quadratic approximation there.

    Attributes
    ----------
    coefficients : array, shape (size,)
    eta : array
        The linear predictors.
    local : Local
    products : CrossProducts
        Of ``local``.
    triangles : array
        Covariance factors of the groups.
    steps : int
    """

    coefficients: Floats
    eta: Floats
    local: Local
    products: CrossProducts
    triangles: Floats
    steps: int


def penalised_mode(
    blocks: Blocks,
    local: Callable[[Floats], Local],
    triangles: Floats,
    scales: Floats,
    mean: Floats,
    precision: Floats,
    *,
    eta: Floats | None = None,
    unit: Floats | float = 1.0,
    longest: float = 5.0,
    tolerance: float = 1e-6,
    most: int = 100,
    learn: Learner | None = None,
) -> Mode:
    """Coefficients of greatest posterior density given covariance parameters.

    Parameters
    ----------
    blocks : Blocks
    local : callable
        The likelihood near some linear predictors.
    triangles, scales, mean, precision : array
        Covariance factors, smooths' sds and the common coefficients' normal priors.
    eta : array, optional
        Where to start; zero by default.
    unit : array or float
        Of each element of eta.
    longest : float
        No step changes any eta by more units than this; infinite for a quadratic log likelihood.
    tolerance, most : float and int
        Stop when no eta changes by more units than ``tolerance``; fail after ``most`` steps.
    learn : callable, optional
        After each step, better covariance factors and residual variance.

    Raises
    ------
    SamplingError
        No convergence.
    """
    eta, noise = np.zeros(blocks.rows) if eta is None else eta, 1.0
    fixed = np.asarray(scales), mean, precision
    for step in range(1, most + 1):
        near = local(eta)
        near = replace(near, weights=near.weights / noise)
        products = cross_products(near.blocks, near.response, near.weights, center=False)
        normals = np.zeros((1, blocks.size))
        coefficients = gaussian_draws(products, triangles, *fixed, normals)[0]
        change = linear_predictor(blocks, coefficients) - eta
        far = float(np.abs(change / unit).max(initial=0.0))
        if not np.isfinite(far):
            break
        if far <= tolerance:
            return Mode(coefficients, eta, near, products, triangles, step)
        eta = eta + min(1.0, longest / far) * change
        if learn is not None:
            triangles, ratio = learn(near, products, triangles, *fixed)
            noise *= ratio
    raise SamplingError(
        "The mode of the penalised likelihood was not found.",
        fix='sample in plain coordinates: coordinates="plain"',
    )


def gaussian_draws(
    products: CrossProducts,
    triangles: Floats,
    scales: Floats,
    mean: Floats,
    precision: Floats,
    normals: Floats,
) -> Floats:
    """Draws of all coefficients at one value of the covariance parameters, shape (draws, size)."""
    draws = len(normals)
    T, s = np.tile(triangles, (draws, 1)), np.tile(scales, (draws, 1))
    return draw_coefficients(products, T, s, np.ones(draws), mean, precision, normals)


@dataclass(frozen=True, eq=False)
class Learner:
    """Covariance factors and residual variance by a step of EM, with expectations from draws.

    Attributes
    ----------
    groups : int
        How many of the groups have a covariance to learn; the first ones.
    noise : bool
        Whether there is a residual variance to learn.
    normals : array, shape (draws, size)
        Standard normal numbers, the same ones at every step.
    """

    groups: int
    noise: bool
    normals: Floats

    def __call__(
        self,
        near: Local,
        products: CrossProducts,
        triangles: Floats,
        scales: Floats,
        mean: Floats,
        precision: Floats,
    ) -> tuple[Floats, float]:
        """Return better covariance factors, and the ratio of residual variances."""
        drawn = gaussian_draws(products, triangles, scales, mean, precision, self.normals)
        out, at = triangles.copy(), 0
        for b in near.blocks.split(drawn)[0][: self.groups]:
            covariance = np.einsum("djk,djl->kl", b, b) / (b.shape[0] * b.shape[1])
            T = np.linalg.cholesky(covariance + LEAST_SHARE * np.diag(np.diag(covariance)))
            lower = T[np.tril_indices(len(T))]
            out[at : at + len(lower)] = lower
            at += len(lower)
        left = near.response - np.array([linear_predictor(near.blocks, c) for c in drawn])
        return out, float(np.mean(near.weights * left**2)) if self.noise else 1.0


def linear_predictor(blocks: Blocks, coefficients: Floats) -> Floats:
    """Offset + X beta + the groups' and smooths' contributions, shape (n,)."""
    groups, smooths, beta = blocks.split(coefficients)
    eta = blocks.X @ beta
    for g, b in zip(blocks.groups, groups, strict=True):
        eta = eta + np.einsum("ij,ij->i", g.z, b[g.index])
    for B, s in zip(blocks.smooths, smooths, strict=True):
        eta = eta + B @ s
    return eta if blocks.offset is None else eta + blocks.offset
