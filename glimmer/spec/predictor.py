"""Specifies the predictor of one parameter: a sum of terms on the scale of its link."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimmer.formula import Learned
from glimmer.record import record
from glimmer.smooths import SmoothTerm
from glimmer.terms import CommonTerm, SmoothBlock, Term, TermBlock, smooth_blocks
from glimmer.terms.naming import MU, prefixed


class SumOfTerms:
    """The terms of a predictor; see `Predictor` for the attributes."""

    name: str
    intercept: bool
    common: tuple[CommonTerm, ...]
    offsets: tuple[Learned, ...]
    smooths: tuple[SmoothTerm, ...]
    others: tuple[Term, ...]

    @property
    def bare(self) -> bool:
        """Whether an intercept is all there is of the population's value."""
        return self.intercept and not (self.common or self.smooths or self.offsets or self.others)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the K columns."""
        return tuple(name for term in self.common for name in term.column_names)

    @property
    def smooth_blocks(self) -> tuple[SmoothBlock, ...]:
        """The blocks of its smooths."""
        return tuple(smooth_blocks(self.smooths, self.name))

    @property
    def term_blocks(self) -> tuple[TermBlock, ...]:
        """Its terms of registered kinds, with their names."""
        return tuple(TermBlock(term, self.name) for term in self.others)


@record
class Predictor(SumOfTerms):
    """What a parameter of the outcome's distribution, or of a curve, is made of.

    Attributes
    ----------
    name : str
        Of the parameter: ``"mu"``, ``"Asym"``.
    intercept : bool
    common : tuple of CommonTerm
    means : ndarray, shape (K,)
        Means of the columns of the common terms; zeros without an intercept.
    offsets : tuple of Learned
    smooths : tuple of SmoothTerm
    others : tuple of Term
        Terms of registered kinds.
    rotation : ndarray, shape (K, K), or None
        With QR, the matrix that takes sampled coefficients to reported ones.
    start : float or None
        Where sampling of the centred intercept starts, if not where its prior has it.
    reach : float or None
        Chains start at most this far from ``start``; None to leave it to the sampler.
    unit : float
        The scale of the default prior.
    """

    name: str
    intercept: bool
    common: tuple[CommonTerm, ...]
    means: np.ndarray
    offsets: tuple[Learned, ...] = ()
    smooths: tuple[SmoothTerm, ...] = ()
    others: tuple[Term, ...] = ()
    rotation: np.ndarray | None = None
    start: float | None = None
    reach: float | None = None
    unit: float = 1.0

    @property
    def column_dim(self) -> str:
        """Name of the dimension of columns."""
        return prefixed(self.name, "common_dim")

    @property
    def columns_name(self) -> str:
        """Name of the columns among the data."""
        return prefixed(self.name, "common_data")

    @property
    def offset_name(self) -> str:
        """Name of the offset among the data."""
        return prefixed(self.name, "offset_data")

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the dimensions of its variables."""
        coords: dict[str, Any] = {}
        for term in self.common:
            coords.update(term.coords)
        if self.common:
            coords[self.column_dim] = list(self.column_names)
        blocks: tuple[Any, ...] = (*self.smooth_blocks, *self.term_blocks)
        for block in blocks:
            coords.update(block.coords)
        return coords

    @property
    def main(self) -> bool:
        """Whether it is that of the outcome's mean, whose terms have no prefix."""
        return self.name == MU
