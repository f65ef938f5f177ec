"""Registers the coefficients of smooths in a PyMC model, with their standard deviations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.linalg import cholesky, solve_triangular

from glimmer.priors.value_transforms import STANDARDIZED

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def free_coefficients(name: str, size: int, prior: Any) -> TensorVariable:
    """Register coefficients without a penalty, shape (q,)."""
    from pymc.distributions.shape_utils import change_dist_size

    rv = change_dist_size(prior.rv(), (size,))
    return pm.modelcontext(None).register_rv(rv, name, dims=(f"{name}_dim",))


def normal_coefficients(name: str, spread: Any, dims: tuple[str, ...]) -> TensorVariable:
    """Register independent coefficients, sampled in units of their standard deviations."""
    return pm.Normal(name, 0.0, spread, dims=dims, default_transform=STANDARDIZED)


def correlated_coefficients(
    name: str, free: str, shares: np.ndarray, sds: list[Any]
) -> TensorVariable:
    """Register z ~ N(0, I); return b = T z, shape (q,)."""
    dim = f"{name}_dim"
    z = pm.Normal(free, 0.0, 1.0, dims=dim)
    return pm.Deterministic(name, pt.dot(covariance_factor(shares, sds), z), dims=dim)


def filled(spread: Any, size: int) -> TensorVariable:
    """A standard deviation for each of ``size`` coefficients."""
    if spread.type.ndim:
        return spread
    # of constant ones PyTensor makes an Alloc, which takes numba seconds to compile
    return spread * pytensor.shared(np.ones(size))


def mixed_spread(shares: np.ndarray, sds: list[Any]) -> TensorVariable:
    """Standard deviations of independent coefficients whose precisions mix several, shape (q,)."""
    return 1 / pt.sqrt(mixed(shares, sds))


def mixed_triangle(shares: np.ndarray, sds: list[Any]) -> TensorVariable:
    """The lower triangle of `covariance_factor`, row by row, from a kernel."""
    from glimmer.kernels.ops.mixed import MixedTriangle

    header = np.array(shares.shape[:2], np.int32)
    triangle: Any = MixedTriangle()(pt.stack(sds), header, shares.ravel())
    return triangle


def covariance_factor(shares: np.ndarray, sds: list[Any]) -> TensorVariable:
    """The lower triangle T with b ~ N(0, TT'), shape (q, q).

    T = U'^-1 for the precision UU' with U an upper triangle: its Cholesky factor from the last row
    to the first. There is no covariance matrix to be computed, which could lose digits.
    """
    L = cholesky(mixed(shares[:, ::-1, ::-1], sds))
    return solve_triangular(L, pt.eye(shares.shape[1]), lower=True).T[::-1, ::-1]


def mixed(shares: np.ndarray, sds: list[Any]) -> TensorVariable:
    """Precisions that share several standard deviations: sum_j shares[j] / sd_j^2."""
    return sum(share * sd**-2.0 for share, sd in zip(shares, sds, strict=True))
