"""Coefficients drawn exactly from their distribution given the data and the other parameters."""

from __future__ import annotations

import numpy as np

from glimmer.sampling.kernels.blocks import Floats
from glimmer.sampling.kernels.crossproducts import CrossProducts
from glimmer.sampling.kernels.layout import (
    COEFFICIENTS,
    STATE,
    WORK,
)
from glimmer.sampling.kernels.native import addresses
from glimmer.sampling.kernels.whitened import coefficients_of


def draw_coefficients(
    products: CrossProducts,
    triangles: Floats,
    scales: Floats,
    sigma: Floats,
    mean: Floats,
    precision: Floats,
    normals: Floats,
) -> Floats:
    """Draw all coefficients of a Gaussian model, once for each draw of its parameters.

    Parameters
    ----------
    products : CrossProducts
    triangles, scales : array, shape (draws, t) and (draws, s)
        Covariance factors and smooths' sds, laid out as in `Blocks`.
    sigma : array, shape (draws,)
    mean, precision : array, shape (k,) or (draws, k)
        The common coefficients' normal priors; precision zero for a flat one.
    normals : array, shape (draws, size)
        Independent standard normal numbers; zeros give the conditional means.

    Returns
    -------
    array, shape (draws, size)
        In the order of `Blocks`; take apart by ``blocks.split``.
    """
    header = products.integers
    draws, size = len(sigma), int(header[COEFFICIENTS])
    out = np.empty((draws, size))
    tables = [_by_draw(x, draws) for x in (triangles, scales, np.reshape(sigma, (draws, 1)))]
    tables += [_by_draw(x, draws) for x in (mean, precision, normals)]
    density, state, work = np.empty(()), np.empty(header[STATE]), np.empty(header[WORK])
    data, rest = addresses(header, products.floats), addresses(density, state, work)
    for i in range(draws):
        inputs = addresses(*(table[i] for table in tables))
        coefficients_of.python(*inputs, *data, *addresses(out[i]), *rest)
    return out


def _by_draw(x: Floats, draws: int) -> Floats:
    """One contiguous row per draw."""
    x = np.asarray(x, float)
    return np.ascontiguousarray(np.broadcast_to(x, (draws, x.shape[-1])))
