"""Penalised iteratively reweighted least squares: the working weights and response of a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glimmer.errors import SamplingError
from glimmer.sampling.kernels.blocks import Blocks, Floats
from glimmer.sampling.kernels.crossproducts import cross_products
from glimmer.sampling.kernels.draws import draw_coefficients


@dataclass(frozen=True, eq=False)
class Mode:
    """Where the penalised likelihood is greatest, and its quadratic approximation there.

    Attributes
    ----------
    coefficients : array, shape (size,)
    eta, weights, response : array, shape (n,)
        Linear predictor, working weights, and working response eta + score / weight.
    steps : int
    """

    coefficients: Floats
    eta: Floats
    weights: Floats
    response: Floats
    steps: int


def penalised_mode(
    blocks: Blocks,
    score: Callable[[Floats], Floats],
    weight: Callable[[Floats], Floats],
    triangles: Floats,
    scales: Floats,
    mean: Floats,
    precision: Floats,
    *,
    eta: Floats | None = None,
    longest: float = 5.0,
    tolerance: float = 1e-6,
    most: int = 100,
) -> Mode:
    """Coefficients of greatest posterior density at fixed covariance parameters.

    Parameters
    ----------
    blocks : Blocks
    score, weight : callable
        From eta to the log likelihood's derivative and to positive weights (the expected second
        derivative, with the sign changed), both of shape (n,).
    triangles, scales, mean, precision : array
        Covariance factors, smooths' sds and the common coefficients' normal priors.
    eta : array, shape (n,), optional
        Where to start; zero by default.
    longest : float
        No step changes any eta by more than this; infinite for a quadratic log likelihood.
    tolerance, most : float and int
        Stop when no eta changes by more than ``tolerance``; fail after ``most`` steps.

    Raises
    ------
    SamplingError
        No convergence.
    """
    eta = np.zeros(blocks.rows) if eta is None else eta
    priors = np.asarray(triangles)[None], np.asarray(scales)[None], np.ones(1), mean, precision
    for step in range(1, most + 1):
        weights = weight(eta)
        response = eta + score(eta) / weights
        products = cross_products(blocks, response, weights, center=False)
        coefficients = draw_coefficients(products, *priors, np.zeros((1, blocks.size)))[0]
        change = linear_predictor(blocks, coefficients) - eta
        far = float(np.abs(change).max(initial=0.0))
        if not np.isfinite(far):
            break
        if far <= tolerance:
            return Mode(coefficients, eta, weights, response, step)
        eta = eta + min(1.0, longest / far) * change
    raise SamplingError(
        "The mode of the penalised likelihood was not found.",
        fix='sample in plain coordinates: coordinates="plain"',
    )


def linear_predictor(blocks: Blocks, coefficients: Floats) -> Floats:
    """Offset + X beta + the groups' and smooths' contributions, shape (n,)."""
    groups, smooths, beta = blocks.split(coefficients)
    eta = blocks.X @ beta
    for g, b in zip(blocks.groups, groups, strict=True):
        eta = eta + np.einsum("ij,ij->i", g.z, b[g.index])
    for B, s in zip(blocks.smooths, smooths, strict=True):
        eta = eta + B @ s
    return eta if blocks.offset is None else eta + blocks.offset
