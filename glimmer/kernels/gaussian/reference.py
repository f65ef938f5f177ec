"""Computes what the kernels compute by plain PyTensor expressions on dense matrices, for tests.

They are the kernels' definitions: tests compare the two, and other back ends can use them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.linalg import cholesky, solve_triangular

from glimmer.kernels.gaussian.blocks import Blocks, Floats
from glimmer.kernels.gaussian.crossproducts import elimination_order

LOG_2PI = float(np.log(2 * np.pi))


def design(blocks: Blocks) -> Floats:
    """The dense design (n x size) of all coefficients."""
    parts = []
    for g in blocks.groups:
        part = np.zeros((blocks.rows, g.levels, g.width))
        part[np.arange(blocks.rows), g.index] = g.z
        parts.append(part.reshape(blocks.rows, g.size))
    return np.column_stack([*parts, *blocks.smooths, blocks.X])


def eta(blocks: Blocks, coefficients: Any) -> Any:
    """The linear predictor."""
    offset = 0.0 if blocks.offset is None else blocks.offset
    return offset + design(blocks) @ coefficients


def integrated_gaussian(
    blocks: Blocks, y: Any, weights: Floats,
    triangles: Any, scales: Any, sigma: Any, mean: Any, precision: Any,
) -> Any:  # fmt: skip
    """Log marginal likelihood; ``precision`` may hold zeros, but not as a variable.

    The response may be an expression: y - B s.
    """
    P, right, prior = _system(blocks, y, weights / sigma**2, triangles, scales, mean, precision)
    factor = cholesky(P)
    half = solve_triangular(factor, right, lower=True)
    response = y if blocks.offset is None else y - blocks.offset
    quad = pt.sum(weights * response**2) / sigma**2 + pt.sum(prior * mean**2) - pt.sum(half**2)
    value = 0.5 * np.log(weights).sum() - blocks.rows * (0.5 * LOG_2PI + pt.log(sigma)) - 0.5 * quad
    normaliser = pt.sum(pt.switch(prior > 0, pt.log(pt.switch(prior > 0, prior, 1)), LOG_2PI))
    return value - pt.sum(pt.log(pt.diagonal(factor))) + 0.5 * normaliser


def whiten(
    blocks: Blocks, response: Floats, weights: Floats,
    triangles: Any, scales: Any, mean: Any, precision: Any, z: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Coefficients and log N(u; 0, I) + log Jacobian without its constant."""
    P, right, _ = _system(blocks, response, weights, triangles, scales, mean, precision)
    order = elimination_order(blocks)
    factor = cholesky(P[order][:, order])
    half = solve_triangular(factor, right[order], lower=True)
    u = solve_triangular(factor.T, half + z[order], lower=False)[np.argsort(order)]
    penalised = blocks.size - blocks.X.shape[1]
    density = -0.5 * pt.sum(u[:penalised] ** 2) - pt.sum(pt.log(pt.diagonal(factor)))
    return _scaled(blocks, np.eye(blocks.size), triangles, scales) @ u, density


def _system(
    blocks: Blocks, y: Any, weights: Any, triangles: Any, scales: Any, mean: Any, precision: Any
) -> tuple[Any, Any, Any]:
    """Precision of (u, beta), right-hand side, and the common coefficients' precision."""
    response = y if blocks.offset is None else y - blocks.offset
    AT = _scaled(blocks, design(blocks), triangles, scales)
    ones = np.ones(blocks.size - blocks.X.shape[1])
    prior = pt.as_tensor(precision)
    P = AT.T @ (AT * weights[:, None]) + pt.diag(pt.concatenate([ones, prior]))
    return P, AT.T @ (weights * response) + pt.concatenate([0 * ones, prior * mean]), prior


def _scaled(blocks: Blocks, A: Floats, triangles: Any, scales: Any) -> Any:
    """A T for the block-diagonal T of all coefficients."""
    parts, at, column = [], 0, 0
    for g in blocks.groups:
        p = g.width
        rows, columns = np.tril_indices(p)
        T = pt.zeros((p, p))[rows, columns].set(triangles[at : at + len(rows)])
        block = A[:, column : column + g.size].reshape(len(A), g.levels, p)
        parts.append((block @ T).reshape((len(A), g.size)))
        at, column = at + len(rows), column + g.size
    tail = pt.concatenate([pt.as_tensor(scales), np.ones(blocks.X.shape[1])])
    return pt.concatenate([*parts, A[:, column:] * tail], axis=1)
