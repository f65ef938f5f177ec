"""Makes the blocks that rstanarm's ``stan_gamm4`` gives to Stan, so that posteriors compare.

There a smooth comes from mgcv's ``jagam(diagonalize = TRUE)``: its null space is penalized too, by
an sd of its own, and nothing is normalized.
"""

from __future__ import annotations

import numpy as np

from glimmer.data import Frame
from glimmer.errors import SmoothError
from glimmer.smooths.basis import GroupedBasis
from glimmer.smooths.blocks import (
    Block,
    CholeskyBlock,
    DenseBlock,
    DiagonalBlock,
    Penalized,
    Unpenalized,
)
from glimmer.smooths.construct import setting
from glimmer.smooths.conversion import Setting, rescaled
from glimmer.smooths.matrices import defined_null, frozen
from glimmer.smooths.term import SmoothTerm


def rstanarm_blocks(term: SmoothTerm, frame: Frame) -> tuple[Block, ...]:
    """Return the blocks of a learned term as ``stan_gamm4`` has them.

    Parameters
    ----------
    term : SmoothTerm
    frame : Frame
        The training rows.

    Returns
    -------
    tuple of Block
        The penalized blocks, then the null space with one sd, named "null". With one penalty the
        penalized columns are in mgcv's scale and the null columns have their mean squared norm;
        where the basis has a diagonal penalty from the start (re, fs, t2) all columns are the
        basis's own. (For fs, ``stan_gamm4`` gives the blocks the wrong columns; here they are
        right.)

    Raises
    ------
    SmoothError
        Penalties that overlap (te, ti, ad, sz): ``stan_gamm4`` fails on them.
    """
    if any(isinstance(block, DiagonalBlock | CholeskyBlock) for block in term.blocks):
        raise SmoothError(
            f"stan_gamm4 cannot fit {term.spec.label}: its penalties overlap.", fix="use t2()"
        )
    if term.spec.fx:
        return term.blocks
    penalized = [b for b in term.blocks if not isinstance(b, Unpenalized) and b.name != "null"]
    sizes = _own_sizes(term)
    blocks = tuple(rescaled(b, 1 / size) for b, size in zip(penalized, sizes, strict=True))
    if not term.null_dim:
        return blocks
    return (*blocks, _null_block(term, setting(term, frame), frame, blocks[0]))


def _own_sizes(term: SmoothTerm) -> list[float]:
    """What brings each block from mgcv's scale to that of the basis's own columns."""
    basis = term.basis
    if isinstance(basis, GroupedBasis):
        S = basis.level_penalties
    elif len(basis.rank) > 1:
        S = basis.penalties
    else:
        return [1.0]
    return [float(np.sqrt(S_j.max() / a)) for S_j, a in zip(S, term.S_scale, strict=True)]


def _null_block(term: SmoothTerm, at: Setting, frame: Frame, penalized: Penalized) -> DenseBlock:
    """The null space as one block; with one penalty, scaled as the penalized columns."""
    S = at.penalties
    N = at.split(sum(S[1:], S[0]), at.p - at.null_dim)[1]
    if len(S) == 1:
        by = term.by_values(frame)[0][:, None]
        N = N @ defined_null(at.raw @ N, at.x)
        size = np.mean(np.sum((penalized.columns(at.raw) * by) ** 2, axis=0))
        N = N * np.sqrt(size / np.sum((at.raw @ N * by) ** 2, axis=0))
    return DenseBlock("null", frozen(N), frozen(np.zeros(N.shape[1])), 1.0)
