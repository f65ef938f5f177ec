"""Several predictors are whitened through the information of each row, factored."""

from __future__ import annotations

import numpy as np
import pytest

from glimmer.coordinates.information import factored, local_model
from glimmer.coordinates.pirls import linear_predictor
from glimmer.kernels import Blocks, Group
from glimmer.kernels.gaussian.reference import design

RNG = np.random.default_rng(5)
N, LEVELS = 7, 3


def stacked(K: int) -> Blocks:
    """K predictors of the same rows, with two effects of a factor that reach over all of them."""
    index = np.tile(RNG.integers(0, LEVELS, N), K)
    group = Group(index, LEVELS, RNG.normal(size=(K * N, 2)), "g")
    return Blocks(RNG.normal(size=(K * N, 3)), (group,), (RNG.normal(size=(K * N, 2)),))


def information(P: int) -> np.ndarray:
    """Positive definite matrices, shape (P, P, n)."""
    C = RNG.normal(size=(N, P, P))
    return (C @ C.transpose(0, 2, 1) + np.eye(P)).transpose(1, 2, 0)


@pytest.mark.parametrize("P", [1, 2, 3])
def test_a_matrix_is_the_product_of_its_factors(P):
    given = information(P)
    L, D = factored(given)
    assert np.einsum("irn,rn,jrn->ijn", L, D, L) == pytest.approx(given, rel=1e-12)
    assert all((L[r, r] == 1).all() and not L[r, r + 1 :].any() for r in range(P))


@pytest.mark.parametrize(("P", "K"), [(1, 1), (2, 2), (1, 3), (2, 4)])
def test_rows_have_the_quadratic_form_of_the_likelihood(P, K):
    """sum_i g'J d - d'J'IJ d / 2, for a change d of the predictors that coefficients make."""
    blocks, etas = stacked(K), RNG.normal(size=(K, N))
    score, own = RNG.normal(size=(P, N)), information(P)
    J = np.ones((1, 1, N)) if P == K == 1 else RNG.normal(size=(P, K, N))
    near = local_model(blocks, etas, score, own, J)

    def likelihood(coefficients):
        d = linear_predictor(blocks, coefficients).reshape(K, N) - etas
        moved = np.einsum("pkn,kn->pn", J, d)
        return np.sum(score * moved) - np.einsum("pn,pqn,qn->", moved, own, moved) / 2

    def rows(coefficients):
        away = near.response - design(near.blocks) @ coefficients
        return -np.sum(near.weights * away**2) / 2

    one, two = RNG.normal(size=(2, blocks.size))
    assert rows(one) - rows(two) == pytest.approx(likelihood(one) - likelihood(two), rel=1e-9)
