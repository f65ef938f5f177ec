"""Draws coefficients exactly from their distribution given the data and the other parameters."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from glimmer.kernels.compile.native import addresses
from glimmer.kernels.gaussian.blocks import Floats, Integers
from glimmer.kernels.gaussian.crossproducts import CrossProducts
from glimmer.kernels.gaussian.memory_layout import (
    COEFFICIENTS,
    ORDER,
    REST,
    SHIFT_PLACE,
    STATE,
    WORK,
)
from glimmer.kernels.gaussian.shifted import move_response
from glimmer.kernels.gaussian.whitened import coefficients_of, rest_of

MOST_THREADS = 8


def draw_coefficients(
    products: CrossProducts,
    triangles: Floats,
    scales: Floats,
    sigma: Floats,
    mean: Floats,
    precision: Floats,
    normals: Floats,
    *,
    every: bool = True,
    shift: Floats | None = None,
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
    every : bool
        Whether to draw the largest factor's effects too; their places are undefined otherwise.
    shift : array, shape (draws, m), optional
        Each draw's s of a response y - B s; the columns B are in ``products``.

    Returns
    -------
    array, shape (draws, size)
        In the order of `Blocks`; take apart by ``blocks.split``.
    """
    draws = len(sigma)
    out = np.empty((draws, int(products.integers[COEFFICIENTS])))
    tables = [_by_draw(x, draws) for x in (triangles, scales, np.reshape(sigma, (draws, 1)))]
    tables += [_by_draw(x, draws) for x in (mean, precision, normals)]
    shifts = None if shift is None else _by_draw(shift, draws)
    threads = max(1, min(os.cpu_count() or 1, draws, MOST_THREADS))
    with ThreadPoolExecutor(threads) as pool:
        parts = [range(i, draws, threads) for i in range(threads)]
        list(pool.map(lambda rows: _draw(products, tables, shifts, out, rows, every), parts))
    return out


def _draw(
    products: CrossProducts,
    tables: list[Floats],
    shifts: Floats | None,
    out: Floats,
    rows: range,
    every: bool,
) -> None:
    """Fill some rows of ``out``; the kernels let other threads run."""
    header = products.integers
    density, state, work = np.empty(()), np.empty(header[STATE]), np.empty(header[WORK])
    floats, change = products.floats, np.empty(header[COEFFICIENTS])
    if shifts is not None:
        floats = np.empty(header[SHIFT_PLACE])
    data = addresses(header, floats)
    for i in rows:
        if shifts is not None:
            given = addresses(shifts[i], header, products.floats)
            move_response.python(*given, *addresses(floats, change))
        inputs = addresses(*(table[i] for table in tables))
        if every:
            rest = addresses(out[i], density, state, work)
            coefficients_of.python(*inputs, *data, *rest)
        else:
            rest_of.python(*inputs, *data, *addresses(out[i], state, work))


def rest_places(products: CrossProducts) -> Integers:
    """Places of the coefficients outside the largest factor, which are drawn first."""
    header = products.integers
    return header[header[ORDER] : header[ORDER] + header[REST]].astype(np.int64)


def _by_draw(x: Floats, draws: int) -> Floats:
    """One contiguous row per draw."""
    x = np.asarray(x, float)
    return np.ascontiguousarray(np.broadcast_to(x, (draws, x.shape[-1])))
