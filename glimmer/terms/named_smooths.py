"""Gives blocks of smooth terms the names that they have in a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.smooths.columns import (
    BlockColumns,
    by_level,
    has_unlearned,
    new_levels,
    product,
    with_new_levels,
)
from glimmer.terms.gaussian import Gaussian, Law
from glimmer.terms.naming import dim_name, new_name, sd_name, variable_name

if TYPE_CHECKING:
    from glimmer.data import Frame
    from glimmer.smooths import Smooth, SmoothTerm


@dataclass(frozen=True)
class SmoothBlock:
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
        Of the standard deviations: ``s(x)_sigma``. None for columns without a penalty.
    target : str
        The predictor that the smooth belongs to.
    """

    smooth: Smooth
    block: Any
    place: int
    name: str
    sds: tuple[str, ...]
    target: str

    @property
    def dim(self) -> str:
        """Name of the coefficients' dimension."""
        return dim_name(self.name)

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the coefficients' dimensions."""
        return dict(self.block.coords(self.name))

    @property
    def free(self) -> str:
        """Name of the free variable: coefficients, or standard normal ones they are made of."""
        return self.block.free_name(self.name) if self.sds else self.name

    @property
    def label(self) -> str:
        """Of the smooth."""
        return self.smooth.label

    def gaussian(self, arrays: BlockColumns) -> Gaussian:
        """The columns of penalized coefficients, and their levels."""
        rows, index, levels = by_level(arrays)
        targets = (self.target,) * rows.shape[1]
        return Gaussian(rows, targets, index, levels, self.name, self.block.diagonal)

    def law(self, priors: Any, noise: Any) -> Law:
        """Register the standard deviations in the current PyMC model; shared ones once."""
        sds = self.deviations(priors, noise)
        return Law(self.block.factor(sds), sds)

    def deviations(self, priors: Any, noise: Any) -> list[Any]:
        """The standard deviations, registered in the current PyMC model if they are not yet."""
        return [_sd(name, priors.smooth, noise) for name in self.sds]

    def contribution(self, priors: Any, noise: Any, arrays: BlockColumns) -> Any:
        """Register everything in the current PyMC model; return the block's values, shape (n,)."""
        import pytensor.tensor as pt

        sds = self.deviations(priors, noise)
        coefficients = self.block.coefficients(self.name, sds, priors.smooth.null.get(self.name))
        if new := new_levels(arrays):
            coefficients = pt.concatenate([coefficients, self._unlearned(sds[0], new)])
        return product(self.name, arrays, coefficients)

    def _unlearned(self, sd: Any, levels: tuple[str, ...]) -> Any:
        """Register the coefficients of levels that the smooth has not learned, (levels, q)."""
        import pymc as pm

        model, dim = pm.modelcontext(None), new_name(f"{self.name}_level")
        model.add_coord(dim, list(levels))
        sds = sd * np.ones((len(levels), len(model.coords[self.dim])))
        rv = pm.Normal.dist(0.0, sds)
        return model.register_rv(rv, new_name(self.name), dims=(dim, self.dim))

    def precision(self, values: Mapping[str, np.ndarray]) -> Any:
        """The prior precision of the coefficients where parameters have some values, sparse."""
        from scipy.sparse import csc_array, diags_array

        own = self.block.precision(np.array([float(values[name]) for name in self.sds]))
        return csc_array(own) if own.ndim == 2 else diags_array(own)

    def placed(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Coefficients by name, from (..., J, q), or (..., q) where they are independent."""
        return {self.free: values if self._leveled else values[..., 0, :]}

    def free_values(self, values: np.ndarray, factor: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of the free variable, from those of the coefficients and of T's numbers."""
        (b,) = self.placed(values).values()
        return {self.free: self.block.free_values(b, factor)}

    @property
    def _leveled(self) -> bool:
        return self.block.diagonal or len(self.coords) > 1


def _sd(name: str, priors: Any, noise: Any) -> Any:
    """A standard deviation, registered once; relative to ``noise``, if its prior is."""
    import pymc as pm

    model = pm.modelcontext(None)
    if name in model.named_vars:
        return model[name]
    rv = priors.sds[name].positive_rv()
    if not priors.relative or isinstance(noise, float):
        return model.register_rv(rv, name)
    return pm.Deterministic(name, noise * model.register_rv(rv, f"{name}_ratio"))


def smooth_blocks(terms: tuple[SmoothTerm, ...], target: str) -> Iterator[SmoothBlock]:
    """Every block of every smooth of a predictor, with the names it has in the model.

    Terms of one ``id`` share the standard deviations of the first of them.
    """
    first: dict[str, str] = {}
    for term in terms:
        for smooth in term.smooths:
            owner = smooth.label
            if term.spec.id is not None:
                owner = first.setdefault(term.spec.id, owner)
            for place, block in enumerate(smooth.blocks):
                sds = tuple(sd_name(_joined(owner, sd)) for sd in block.sds)
                name = _joined(smooth.label, block.name)
                yield SmoothBlock(smooth, block, place, name, sds, target)


def _joined(label: str, name: str) -> str:
    return variable_name(f"{label}_{name}" if name else label)


def smooth_columns(terms: tuple[SmoothTerm, ...], frame: Frame) -> dict[str, BlockColumns]:
    """Columns of every block at the rows of a frame, by name of the block."""
    out: dict[str, BlockColumns] = {}
    for term in terms:
        designs = term.designs(frame)
        for named in smooth_blocks((term,), ""):
            which = term.smooths.index(named.smooth)
            out[named.name] = designs[which][named.place]
    return out


def with_unlearned(
    blocks: tuple[SmoothBlock, ...], frame: Frame, columns: dict[str, BlockColumns]
) -> dict[str, BlockColumns]:
    """The columns, with those of each unlearned level of a grouped block apart.

    Parameters
    ----------
    blocks : tuple of SmoothBlock
    frame : Frame
    columns : dict of str to columns
        At the frame's rows, as `smooth_columns` returns them: there unlearned levels have no
        coefficients, and value zero.
    """
    out = dict(columns)
    for named in blocks:
        part = columns.get(named.name)
        if has_unlearned(part):
            out[named.name] = with_new_levels(part, _labels(named.smooth.term, frame))
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
