"""Blocks of smooth terms, with the names that they have in a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.smooths.blocks import Block, GroupedBlock, Unpenalized
from glimmer.terms.naming import variable_name

if TYPE_CHECKING:
    from glimmer.data import Frame
    from glimmer.smooths.term import BlockColumns, Smooth, SmoothTerm


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
