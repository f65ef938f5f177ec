"""Blocks of smooth terms, with the names that they have in a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.smooths.basis import Grouped
from glimmer.smooths.blocks import Block, CholeskyBlock, GroupedBlock, Unpenalized
from glimmer.terms.naming import variable_name

if TYPE_CHECKING:
    from glimmer.data import Frame
    from glimmer.smooths.term import BlockColumns, Smooth, SmoothTerm


NEW = "__new"


@dataclass(frozen=True)
class NamedBlock:
    """A block of a smooth with its names in the model.

    Attributes
    ----------
    smooth : Smooth
    block : Block
    place : int
        Position among the smooth's blocks.
    name : str
        Of the coefficients: ``s(x)``, ``s(x)_null``, ``t2(x,z)_rr``.
    sds : tuple of str
        Of the standard deviations: ``s(x)_sigma``.
    """

    smooth: Smooth
    block: Block
    place: int
    name: str
    sds: tuple[str, ...]

    @property
    def dim(self) -> str:
        """Name of the coefficients' dimension."""
        return f"{self.name}_dim"

    @property
    def free(self) -> str:
        """Name of the free variable: coefficients, or standard normal ones they are made of."""
        return f"{self.name}_z" if isinstance(self.block, CholeskyBlock) else self.name


def named_blocks(terms: tuple[SmoothTerm, ...]) -> Iterator[NamedBlock]:
    """Every block of every smooth, with the names it has in the model.

    Terms of one ``id`` share the standard deviations of the first of them.
    """
    first: dict[str, str] = {}
    for term in terms:
        for smooth in term.smooths:
            owner = smooth.label
            if term.spec.id is not None:
                owner = first.setdefault(term.spec.id, owner)
            for place, block in enumerate(smooth.blocks):
                name = "null" if isinstance(block, Unpenalized) else block.name
                sds = tuple(f"{_joined(owner, sd)}_sigma" for sd in block.sds)
                yield NamedBlock(smooth, block, place, _joined(smooth.label, name), sds)


def _joined(label: str, name: str) -> str:
    return variable_name(f"{label}_{name}" if name else label)


def smooth_columns(terms: tuple[SmoothTerm, ...], frame: Frame) -> dict[str, BlockColumns]:
    """Columns of every block at the rows of a frame, by name of the block."""
    out: dict[str, BlockColumns] = {}
    for term in terms:
        designs = term.designs(frame)
        for named in named_blocks((term,)):
            which = term.smooths.index(named.smooth)
            out[named.name] = designs[which][named.place]
    return out


@dataclass(frozen=True)
class WithNew(Grouped):
    """A compact design whose rows may belong to levels that the smooth has not learned.

    Attributes
    ----------
    new : tuple of str
        Those levels; ``index`` counts them after the learned ones.
    """

    new: tuple[str, ...] = ()


def with_new_levels(
    terms: tuple[SmoothTerm, ...], frame: Frame, columns: dict[str, BlockColumns]
) -> dict[str, BlockColumns]:
    """The columns with every unlearned level of a grouped block told apart.

    Parameters
    ----------
    terms : tuple of SmoothTerm
    frame : Frame
    columns : dict of str to columns
        At the frame's rows, as `smooth_columns` returns them: there unlearned levels have no
        coefficients, and value zero.
    """
    out = dict(columns)
    for named in named_blocks(terms):
        part = columns.get(named.name)
        if isinstance(part, Grouped) and (part.index < 0).any():
            labels = _labels(named.smooth.term, frame)
            new, position = np.unique(labels[part.index < 0], return_inverse=True)
            index = part.index.copy()
            index[index < 0] = part.levels + position
            out[named.name] = WithNew(index, part.rows, part.levels, tuple(map(str, new)))
    return out


def grouping(term: SmoothTerm) -> tuple[str, ...]:
    """The covariates of a term that are factors."""
    pairs = zip(term.spec.variables, term.labels, strict=True)
    return tuple(variable for variable, labelled in pairs if labelled)


def _labels(term: SmoothTerm, frame: Frame) -> np.ndarray:
    """Each row's level, ``"a:b"`` for several factors, shape (n,)."""
    factors = [frame.factor(variable) for variable in grouping(term)]
    parts = [np.array(factor.levels, dtype=object)[factor.codes] for factor in factors]
    return np.array([":".join(row) for row in zip(*parts, strict=True)])


def smooth_coords(terms: tuple[SmoothTerm, ...]) -> dict[str, Any]:
    """Coordinates of the dimensions of smooths' coefficients."""
    out: dict[str, Any] = {}
    for named in named_blocks(terms):
        block = named.block
        if isinstance(block, GroupedBlock):
            out[f"{named.name}_level"] = np.arange(block.levels)
            out[named.dim] = np.arange(block.map.shape[1])
        else:
            out[named.dim] = np.arange(block.size)
    return out
