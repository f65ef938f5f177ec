"""Computes weights and working responses that approximate a likelihood near some predictors.

With K predictors eta of a row, of which P parameters theta of the outcome are made (one, its mean,
for most families), score g and information I in theta, and J the derivatives of theta by eta,

    log L(eta + d) = log L(eta) + g'J d - d'J'I J d / 2 + ...

With I = L D L', L a unit triangle, this is the log likelihood of P normal rows: row r has the
columns (J'L)_r of the K predictors' columns, precision D_r and response
(J'L)_r'eta + (L^-1 g)_r / D_r. Cross-products take these rows as they take any others.
"""

from __future__ import annotations

import numpy as np

from glimmer.coordinates.pirls import Local
from glimmer.kernels import Blocks

LEAST_WEIGHT = 1e-4


def local_model(
    blocks: Blocks,
    etas: np.ndarray,
    score: np.ndarray,
    information: np.ndarray,
    jacobian: np.ndarray,
) -> Local:
    """The normal rows that a likelihood is near some predictors.

    Parameters
    ----------
    blocks : Blocks
        The predictors, one below the other.
    etas : ndarray, shape (K, n)
    score : ndarray, shape (P, n)
    information : ndarray, shape (P, P, n)
        Observed or expected; where it is not positive, a little of its median is taken.
    jacobian : ndarray, shape (P, K, n)
        Derivatives of the P parameters by the K predictors.
    """
    triangle, weights = factored(information)
    along = np.empty_like(score)
    for r in range(len(score)):  # L^-1 g, by substitution
        along[r] = score[r] - np.einsum("sn,sn->n", triangle[r, :r], along[:r])
    slopes = np.einsum("prn,pkn->rkn", triangle, jacobian)
    if slopes.shape[:2] == (1, 1) and np.all(slopes == 1.0):  # one predictor, as it is
        return Local(blocks, etas[0] + along[0] / weights[0], weights[0])
    response = np.einsum("rkn,kn->rn", slopes, etas) + along / weights
    rows = [blocks.combined(own) for own in slopes]
    return Local(Blocks.below(rows), response.ravel(), weights.ravel())


def factored(information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The unit triangle L and the diagonal D of I = L D L', shapes (P, P, n) and (P, n)."""
    P, _, n = information.shape
    L, D = np.zeros_like(information), np.empty((P, n))
    for j in range(P):
        L[j, j] = 1.0
        left = information[:, j] - np.einsum("isn,sn,sn->in", L[:, :j], D[:j], L[j, :j])
        D[j] = floored(left[j])
        L[j + 1 :, j] = left[j + 1 :] / D[j]
    return L, D


def floored(weights: np.ndarray) -> np.ndarray:
    """Weights, those far below their median raised."""
    least = LEAST_WEIGHT * max(float(np.median(weights)), LEAST_WEIGHT)
    return np.maximum(weights, least)
