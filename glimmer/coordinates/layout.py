"""Lays out a model's predictors for the kernels: the place and the prior of each coefficient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from glimmer.coordinates.stack import Stack, Variable, columns, variables
from glimmer.kernels import Blocks, Group
from glimmer.priors.base import LocationScale
from glimmer.priors.independent import Flat
from glimmer.spec.model import normal_blocks
from glimmer.terms.naming import value_name

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.priors import Prior
    from glimmer.spec import Design, ModelSpec
    from glimmer.spec.model import Normal
    from glimmer.spec.stage import Ordering
    from glimmer.terms import Gaussian, TermArrays, TermBlock

Part = tuple[str, "slice | int", "Prior"]


@dataclass(frozen=True, eq=False)
class Layout:
    """Coefficients of a model in the order of the kernels.

    Attributes
    ----------
    spec : ModelSpec
    stack : Stack
    blocks : Blocks
        Groups (group-specific effects, then other blocks by level), smooths, common columns.
    leveled, dense : tuple of blocks
        Of normal coefficients: those among the groups, and those among the smooths.
    shifts : tuple of (TermBlock, TermArrays)
        Terms whose coefficients are not normal: they shift the predictors of the others.
    common : tuple of (str, slice or int, Prior)
        Name, place among the common columns, and prior of each variable there.
    mean, precision : ndarray, shape (k,)
        Normal priors of the common columns; of other priors, their location and scale.
    """

    spec: ModelSpec
    stack: Stack
    blocks: Blocks
    leveled: tuple[Normal, ...]
    dense: tuple[Normal, ...]
    shifts: tuple[tuple[TermBlock, TermArrays], ...]
    common: tuple[Part, ...]
    mean: np.ndarray
    precision: np.ndarray

    @property
    def predictors(self) -> dict[str, Blocks]:
        """The rows of each predictor, by its name."""
        names = self.stack.names
        return dict(zip(names, self.blocks.apart(len(names)), strict=True))

    @property
    def orderings(self) -> tuple[Ordering, ...]:
        """Which intercepts of a curve are ordered."""
        return self.spec.stage.orderings

    @property
    def normal(self) -> bool:
        """Whether all common coefficients have normal or flat priors."""
        return all(prior.normal_parameters() is not None for _, _, prior in self.common)

    def hyperparameters(self, noise: Any) -> tuple[TensorVariable, TensorVariable]:
        """Register covariances and standard deviations in the current model.

        Returns
        -------
        triangles, scales : tensors of one dimension
            As `Blocks` lays them out.
        """
        laws = {
            block.name: block.law(self.spec.priors, noise) for block in normal_blocks(self.spec)
        }
        triangles = [laws[block.name].factor for block in self.leveled]
        scales = [laws[block.name].factor for block in self.dense]
        return _joined(triangles), _joined(scales)

    def shifted(self, noise: Any) -> dict[str, Any]:
        """Register the terms that are not normal; return what they add to predictors."""
        totals: dict[str, Any] = {}
        for block, arrays in self.shifts:
            added = block.contribution(self.spec.priors, noise, arrays)
            known = totals.get(block.target)
            totals[block.target] = added if known is None else known + added
        return totals

    def shift_weights(self) -> TensorVariable | None:
        """Register the terms that are not normal; return the coefficients of their columns."""
        weights = [block.weights(self.spec.priors) for block, _ in self.shifts]
        return pt.concatenate(weights) if weights else None

    @property
    def shift_columns(self) -> np.ndarray | None:
        """The columns of the terms that are not normal, shape (n, m)."""
        columns = [arrays.columns for _, arrays in self.shifts]
        return np.hstack(columns) if columns else None

    def placed(self, coefficients: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of coefficients, shape (..., size), by name."""
        groups, smooths, common = self.blocks.split(coefficients)
        out: dict[str, np.ndarray] = {}
        for block, values in zip((*self.leveled, *self.dense), (*groups, *smooths), strict=True):
            out |= block.placed(values)
        return self._finished(out, common, coefficients)

    def free(self, coefficients: np.ndarray, triangles: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of the model's free variables by name: coefficients, some of them standardized.

        Parameters
        ----------
        coefficients : ndarray, shape (draws, size)
        triangles : ndarray, shape (draws, t)
        """
        groups, smooths, common = self.blocks.split(coefficients)
        sizes = [g.width * (g.width + 1) // 2 for g in self.blocks.groups]
        parts = np.split(triangles, np.cumsum(sizes)[:-1], axis=-1) if sizes else []
        out: dict[str, np.ndarray] = {}
        for block, values, part in zip(self.leveled, groups, parts, strict=True):
            out |= block.free_values(values, part)
        for block, values in zip(self.dense, smooths, strict=True):
            out |= block.placed(values)
        return self._finished(out, common, coefficients)

    def _finished(
        self, out: dict[str, np.ndarray], common: np.ndarray, coefficients: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Effects that are variables together with an intercept; ordered intercepts as vectors."""
        for name, place, _ in self.common:
            out[name] = common[..., place]
        for name, intercept in self._around().items():
            out[value_name(name)] = out.pop(name) + out[intercept][..., None]
        for ordering in self.orderings:
            out[ordering.name] = coefficients[..., self.places(ordering)]
            for name in self._intercepts(ordering):
                del out[name]
        return out

    def places(self, ordering: Ordering) -> np.ndarray:
        """Where the intercepts stand of which a linear form is positive."""
        common = {name: place for name, place, _ in self.common}
        before = self.blocks.size - self.blocks.X.shape[1]
        return np.array([before + common[name] for name in self._intercepts(ordering)])

    def _around(self) -> dict[str, str]:
        """The intercept of each effect that is a variable together with it."""
        information = self.spec.stage.information
        return {
            name: self.spec.names.centered[target]
            for block in self.spec.groups
            for target, name in zip(block.column_targets, block.effect_names, strict=True)
            if name in information
        }

    def _intercepts(self, ordering: Ordering) -> list[str]:
        return [self.spec.names.centered[name] for name in ordering.parameters]


def layout(spec: ModelSpec, design: Design) -> Layout | None:
    """Lay out a model's predictors; None if the kernels have no form for one's coefficients."""
    predictors = tuple(spec.predictors.values())
    stack = Stack(tuple(spec.predictors))
    own = [variables(spec, predictor) for predictor in predictors]
    common = _placed([part for each in own for part in each or ()])
    known = all(isinstance(prior, LocationScale | Flat) and not prior.joint for *_, prior in common)
    if None in own or not known:
        return None
    arrays: dict[str, Any] = {**design.groups, **design.smooths, **design.terms}
    forms = {b.name: (b, b.gaussian(arrays[b.name])) for b in normal_blocks(spec)}
    leveled = [(block, form) for block, form in forms.values() if not form.diagonal]
    dense = [(block, form) for block, form in forms.values() if form.diagonal]
    X = [stack.columns(columns(p, design), p.name) for p in predictors]
    blocks = Blocks(
        X=np.hstack(X),
        groups=tuple(_group(stack, form, design.n) for _, form in leveled),
        smooths=tuple(stack.columns(form.z, form.targets) for _, form in dense),
        offset=stack.offsets(design),
    )
    shifts = tuple((b, design.terms[b.name]) for b in spec.term_blocks if not b.normal)
    mean, precision = _normal(common, blocks.X.shape[1])
    return Layout(
        spec,
        stack,
        blocks,
        tuple(block for block, _ in leveled),
        tuple(block for block, _ in dense),
        shifts,
        common,
        mean,
        precision,
    )


def _placed(variables: list[Variable]) -> tuple[Part, ...]:
    """Variables with their places among the common columns, in their order."""
    out: list[Part] = []
    at = 0
    for name, width, prior in variables:
        out.append((name, at if width is None else slice(at, at + width), prior))
        at += 1 if width is None else width
    return tuple(out)


def _normal(parts: tuple[Part, ...], k: int) -> tuple[np.ndarray, np.ndarray]:
    mean, precision = np.zeros(k), np.zeros(k)
    for _, place, prior in parts:
        if isinstance(prior, LocationScale):
            location, scale = prior.shift_and_scale
            mean[place], precision[place] = location, scale**-2.0
    return mean, precision


def _group(stack: Stack, form: Gaussian, n: int) -> Group:
    """A block in the rows of all predictors; of one level, where there are no levels."""
    index = np.zeros(n, np.int64) if form.index is None else form.index
    z = stack.columns(form.z, form.targets)
    return Group(stack.index(index), form.levels, z, form.factor)


def _joined(parts: list[TensorVariable]) -> TensorVariable:
    return pt.concatenate(parts) if parts else pt.zeros(0)
