"""Smooth terms in a model: unpenalized columns, and penalized blocks as random effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.linalg import cholesky, solve_triangular

from glimmer.assemble.groups import STANDARDIZED
from glimmer.smooths.basis import Grouped
from glimmer.smooths.blocks import (
    Block,
    CholeskyBlock,
    DiagonalBlock,
    GroupedBlock,
    Unpenalized,
)
from glimmer.spec.smooth_blocks import NEW, NamedBlock, WithNew, named_blocks

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.smooths.term import BlockColumns, SmoothTerm
    from glimmer.spec.priors import SmoothPriors


def smooth_effects(
    terms: tuple[SmoothTerm, ...],
    columns: dict[str, BlockColumns],
    priors: SmoothPriors,
    noise: Any,
) -> dict[str, TensorVariable]:
    """Register the coefficients of all smooths in the current model.

    Parameters
    ----------
    terms : tuple of SmoothTerm
    columns : dict of str to columns
        By name of the block; see `smooth_columns`. Blocks without columns are left out.
    priors : SmoothPriors
    noise : tensor or float
        The residual sd, where standard deviations are relative to it.

    Returns
    -------
    dict of str to tensor
        The value of each smooth in each row, by label, shape (n,).
    """
    sds = register_sds(terms, priors, noise)
    values: dict[str, Any] = {}
    for named in named_blocks(terms):
        if named.name not in columns:
            continue
        own = [sds[sd] for sd in named.sds]
        coefficients = _coefficients(named, own, priors)
        part = columns[named.name]
        if isinstance(part, WithNew):
            coefficients = pt.concatenate([coefficients, _unlearned(named, own[0], part.new)])
        f = _times(named.name, part, coefficients)
        label = named.smooth.label
        values[label] = values[label] + f if label in values else f
    return values


def register_sds(
    terms: tuple[SmoothTerm, ...], priors: SmoothPriors, noise: Any
) -> dict[str, TensorVariable]:
    """Register the standard deviations of all smooths in the current model, by name."""
    names = dict.fromkeys(sd for named in named_blocks(terms) for sd in named.sds)
    return {name: _sd(name, priors, noise) for name in names}


def _sd(name: str, priors: SmoothPriors, noise: Any) -> TensorVariable:
    """Register a standard deviation; relative to ``noise``, if its prior is."""
    rv = priors.sds[name].positive_rv()
    model = pm.modelcontext(None)
    if not priors.relative or isinstance(noise, float):
        return model.register_rv(rv, name)
    return pm.Deterministic(name, noise * model.register_rv(rv, f"{name}_ratio"))


def _coefficients(named: NamedBlock, sds: list[Any], priors: SmoothPriors) -> TensorVariable:
    """Register the coefficients of a block: (q,), or (J, q) for a grouped one."""
    block, name, dim = named.block, named.name, named.dim
    if isinstance(block, Unpenalized):
        from pymc.distributions.shape_utils import change_dist_size

        rv = change_dist_size(priors.null[name].rv(), (block.size,))
        return pm.modelcontext(None).register_rv(rv, name, dims=(dim,))
    if isinstance(block, CholeskyBlock):
        z = pm.Normal(named.free, 0.0, 1.0, dims=dim)
        return pm.Deterministic(name, pt.dot(covariance_factor(block, sds), z), dims=dim)
    dims = (f"{name}_level", dim) if isinstance(block, GroupedBlock) else (dim,)
    scale = spread(block, sds) if isinstance(block, DiagonalBlock) else sds[0]
    return pm.Normal(name, 0.0, scale, dims=dims, default_transform=STANDARDIZED)


def _unlearned(named: NamedBlock, sd: Any, levels: tuple[str, ...]) -> TensorVariable:
    """Register the coefficients of levels that the smooth has not learned, (levels, q)."""
    model, dim = pm.modelcontext(None), f"{named.name}_level{NEW}"
    model.add_coord(dim, list(levels))
    sds = sd * np.ones((len(levels), len(model.coords[named.dim])))
    return model.register_rv(pm.Normal.dist(0.0, sds), f"{named.name}{NEW}", dims=(dim, named.dim))


def spread(block: Block, sds: list[Any]) -> TensorVariable:
    """Standard deviation of each of a block's independent coefficients, shape (q,)."""
    if not isinstance(block, DiagonalBlock):
        # of constant ones PyTensor makes an Alloc, which takes numba seconds to compile
        return sds[0] * pytensor.shared(np.ones(block.size))
    return 1 / pt.sqrt(_mixed(block.shares.T, sds))


def covariance_factor(block: CholeskyBlock, sds: list[Any]) -> TensorVariable:
    """The lower triangle T with b ~ N(0, TT'), shape (q, q).

    T = U'^-1 for the precision UU' with U an upper triangle: its Cholesky factor from the last row
    to the first. There is no covariance matrix to be computed, which could lose digits.
    """
    L = cholesky(_mixed(block.shares[:, ::-1, ::-1], sds))
    return solve_triangular(L, pt.eye(block.size), lower=True).T[::-1, ::-1]


def _mixed(shares: np.ndarray, sds: list[Any]) -> TensorVariable:
    """Precisions that share several standard deviations: sum_j shares[j] / sd_j^2."""
    return sum(share * sd**-2.0 for share, sd in zip(shares, sds, strict=True))


def _times(name: str, columns: BlockColumns, coefficients: TensorVariable) -> TensorVariable:
    """The block's value in each row, shape (n,)."""
    if isinstance(columns, Grouped):
        index = pm.Data(f"{name}_index", columns.index.astype(np.int32), dims="obs_id")
        known = (columns.index >= 0)[:, None]  # a level without training rows has value zero
        rows = pm.Data(f"{name}_data", columns.rows * known, dims=("obs_id", f"{name}_dim"))
        return pt.sum(rows * coefficients[index], axis=1)
    data = pm.Data(f"{name}_data", columns, dims=("obs_id", f"{name}_dim"))
    return pt.dot(data, coefficients)
