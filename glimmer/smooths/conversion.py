"""Converts a basis and its training rows to the blocks of a smooth.

Wood, Scheipl & Faraway (2013), Stat. Comput. 23:341; Bach & Klein (2025), Stat. Comput. 35:43.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.errors import SmoothError
from glimmer.smooths.basis import Basis, Grouped, GroupedBasis
from glimmer.smooths.blocks import (
    Block,
    CholeskyBlock,
    DenseBlock,
    DiagonalBlock,
    GroupedBlock,
    Penalized,
    Unpenalized,
)
from glimmer.smooths.matrices import defined_null, frozen, split

COMMUTE = 1e-10


@dataclass(frozen=True)
class Setting:
    """A learned basis with its training rows: all that the conversion looks at.

    Attributes
    ----------
    basis : Basis
    raw : ndarray (n, k) or Grouped
        The raw training design.
    row : ndarray (k,) or None
        What was absorbed: row @ b = 0.
    Z : ndarray (k, p) or None
        The constrained coordinates.
    S_scale : ndarray
        The penalties' scales.
    x : ndarray, shape (n, d)
        Numeric covariates.
    weights : ndarray, shape (n,)
        A numeric ``by``, or ones.
    """

    basis: Basis
    raw: Any
    row: np.ndarray | None
    Z: np.ndarray | None
    S_scale: np.ndarray
    x: np.ndarray
    weights: np.ndarray

    @property
    def grouped(self) -> bool:
        """Whether the design is compact."""
        return isinstance(self.raw, Grouped)

    @property
    def k(self) -> int:
        """Number of raw columns."""
        return self.raw.levels * self.raw.rows.shape[1] if self.grouped else self.raw.shape[1]

    @property
    def p(self) -> int:
        """Number of columns after the constraint."""
        return self.k if self.Z is None else self.Z.shape[1]

    @property
    def penalties(self) -> list[np.ndarray]:
        """The scaled penalties of the raw coefficients, shape (k, k)."""
        return absorbed(self.basis, None, self.S_scale)

    @property
    def rank(self) -> tuple[int, ...]:
        """Their ranks."""
        return tuple(min(r, self.p) for r in self.basis.rank)

    @property
    def null_dim(self) -> int:
        """Dimension of what they leave free."""
        return max(self.basis.null_dim - (self.k - self.p), 0)

    def split(self, S: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """Range and null space of a raw penalty under the constraint, both in raw coordinates."""
        sizes = np.sqrt(np.mean(self.raw**2, axis=0))
        sizes = np.where(sizes > 0, sizes, 1.0)
        Z = self.basis.constrain(None if self.row is None else self.row / sizes)
        return split(S, rank, (np.eye(self.k) if Z is None else Z) / sizes[:, None])


def absorbed(basis: Basis, Z: np.ndarray | None, S_scale: np.ndarray) -> list[np.ndarray]:
    """Z'SZ / scale for each penalty."""
    scaled = [S / a for S, a in zip(basis.penalties, S_scale, strict=True)]
    if Z is None:
        return scaled
    projected = [Z.T @ S @ Z for S in scaled]
    return [(S + S.T) / 2 for S in projected]


def to_blocks(at: Setting, fx: bool = False, select: bool = False) -> tuple[Block, ...]:
    """Return the blocks of a smooth: unpenalized columns first, then the penalized.

    Parameters
    ----------
    at : Setting
    fx : bool
        Leave everything unpenalized.
    select : bool
        Penalize the null space with an sd of its own, named "null", as a last block.
    """
    if fx or not at.basis.rank:
        return (_all_free(at),)
    if at.grouped:
        return _grouped_blocks(at)
    S = at.penalties
    R, N = at.split(sum(S[1:], S[0]), at.p - at.null_dim)
    free = _null_blocks(at, N, select) if at.null_dim else ()
    penalized = tuple(_normalized(block, at) for block in _range_blocks(at, S, R))
    return (*penalized, *free) if select else (*free, *penalized)


def rescaled(block: Penalized, scale: float) -> Penalized:
    """Return the block with another ``scale``: the function for the same sd is as much larger."""
    factor = block.scale / scale
    new = replace(block, map=frozen(block.map * factor), scale=scale)
    return new if isinstance(new, GroupedBlock) else replace(new, shift=frozen(new.shift * factor))


def _all_free(at: Setting) -> Unpenalized:
    """All columns as they are, each scaled to mean square 1."""
    block = Unpenalized(np.eye(at.k) if at.Z is None else at.Z)
    size = np.sqrt(np.mean(block.columns(at.raw) ** 2, axis=0))
    return Unpenalized(frozen(block.map / np.where(size > 0, size, 1.0)))


def _grouped_blocks(at: Setting) -> tuple[Block, ...]:
    basis = at.basis
    if not isinstance(basis, GroupedBasis) or basis.null_dim:
        raise SmoothError("A grouped basis must be fully penalized.")
    parts = zip(basis.level_penalties, at.S_scale, basis.rank, basis.block_names, strict=True)
    blocks = []
    for S, scale, rank, name in parts:
        R = split(S / scale, rank // basis.levels)[0]
        blocks.append(_normalized(GroupedBlock(name, R, basis.levels, 1.0), at))
    return tuple(blocks)


def _null_blocks(at: Setting, N: np.ndarray, select: bool) -> tuple[Block, ...]:
    """The null space: named functions without penalty, or one more block."""
    if select:
        return (_normalized(_dense("null", N), at),)
    functions = at.raw @ N
    if np.linalg.matrix_rank(functions) < functions.shape[1]:
        raise SmoothError("The data do not determine the unpenalized part of the smooth.")
    return (Unpenalized(frozen(N @ defined_null(functions, at.x))),)


def _range_blocks(at: Setting, S: list[np.ndarray], R: np.ndarray) -> list[DenseBlock]:
    """The penalized part, for ``R`` with R'(sum S_j)R = I."""
    names = at.basis.block_names
    if len(S) == 1:
        return [_dense(names[0], R)]
    if _orthogonal(absorbed(at.basis, at.Z, at.S_scale)):
        parts = zip(names, S, at.rank, strict=True)
        return [_dense(name, at.split(S_j, rank)[0]) for name, S_j, rank in parts]
    rotation = at.basis.rotation()
    if rotation is not None and (at.Z is None or _constant_is_free(at, rotation)):
        return [_diagonal(at, *rotation)]
    return [_mixed(np.stack([R.T @ S_j @ R for S_j in S]), R, names)]


def _mixed(shares: np.ndarray, R: np.ndarray, names: tuple[str, ...]) -> DenseBlock:
    """Penalties that share the directions: one by one, if they commute (as two always do)."""
    shift = np.zeros(R.shape[1])
    V = np.linalg.eigh(np.tensordot(np.arange(len(shares)), shares, axes=1))[1]
    rotated = V.T @ shares @ V
    mu = np.maximum(np.diagonal(rotated, axis1=1, axis2=2), 0.0)
    if np.abs(rotated - [np.diag(each) for each in mu]).max() < COMMUTE:
        return DiagonalBlock("", R @ V, shift, 1.0, frozen((mu / mu.sum(axis=0)).T), names)
    return CholeskyBlock("", R, shift, 1.0, frozen(shares), names)


def _dense(name: str, map_: np.ndarray) -> DenseBlock:
    return DenseBlock(name, map_, np.zeros(map_.shape[1]), 1.0)


def _diagonal(at: Setting, V: np.ndarray, mu: np.ndarray) -> DiagonalBlock:
    """Penalties that commute, in their common eigenvectors.

    A constraint would undo the diagonal form. As the constant is free it only moves f up or down,
    so the columns are shifted instead: to mean zero, or to zero at the point of ``pc``.
    """
    mu = mu / at.S_scale
    total = mu.sum(axis=1)
    kept = total > 0
    map_ = V[:, kept] / np.sqrt(total[kept])
    shift = np.zeros(map_.shape[1]) if at.row is None or at.Z is None else at.row @ map_
    shares = frozen(mu[kept] / total[kept, None])
    return DiagonalBlock("", map_, shift, 1.0, shares, at.basis.block_names)


def _constant_is_free(at: Setting, rotation: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the unpenalized functions hold the constant."""
    V, mu = rotation
    N = at.raw @ V[:, mu.sum(axis=1) == 0]
    one = np.ones(len(N))
    if N.shape[1] == 0:
        return False
    return bool(np.abs(N @ np.linalg.lstsq(N, one)[0] - one).max() < 1e-8)


def _orthogonal(S: list[np.ndarray]) -> bool:
    """Whether no two penalties see the same directions."""
    norms = [np.linalg.norm(S_j) for S_j in S]
    return all(
        np.linalg.norm(S[i] @ S[j]) < COMMUTE * norms[i] * norms[j]
        for i in range(len(S))
        for j in range(i)
    )


def _normalized(block: Penalized, at: Setting) -> Penalized:
    """The block scaled to mean diag Z Z' = 1 over the training rows."""
    columns = block.columns(at.raw)  # type: ignore[arg-type]
    values = columns.rows if isinstance(columns, Grouped) else columns
    scale = float(np.sqrt(np.mean(np.sum(values**2, axis=1) * at.weights**2)))
    if not np.isfinite(scale) or scale == 0:
        raise SmoothError(
            "The smooth is zero at all rows.",
            fix="check that its by variable is not zero everywhere",
        )
    return rescaled(block, scale)
