"""A model's linear predictors laid out for the kernels: which coefficient stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from glimmer.assemble.curve_effects import centered_name
from glimmer.assemble.groups import value_name
from glimmer.assemble.model import register_covariance
from glimmer.assemble.smooths import register_sds, spread
from glimmer.coordinates.stack import Stack, Variable, offsets, predicted
from glimmer.kernels import Blocks, Group
from glimmer.priors.base import LocationScale
from glimmer.priors.independent import Flat
from glimmer.smooths.basis import Grouped
from glimmer.smooths.blocks import Block, CholeskyBlock, GroupedBlock
from glimmer.spec.smooth_blocks import NamedBlock

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.priors import Prior
    from glimmer.priors.covariance import Covariance
    from glimmer.smooths.term import BlockColumns
    from glimmer.spec import Design, ModelSpec
    from glimmer.spec.curve import Ordering

Part = tuple[str, "slice | int", "Prior"]


@dataclass(frozen=True, eq=False)
class Layout:
    """Coefficients of a model in the order of the kernels.

    Attributes
    ----------
    spec : ModelSpec
    blocks : Blocks
        Groups (blocks of the model, then smooths by level), smooths, common columns.
    grouped, dense : tuple of NamedBlock
        Blocks of smooths among the groups, and those among the smooths.
    common : tuple of (str, slice or int, Prior)
        Name, place among the common columns, and prior of each variable there.
    mean, precision : ndarray, shape (k,)
        Normal priors of the common columns; of other priors, their location and scale.
    """

    spec: ModelSpec
    blocks: Blocks
    grouped: tuple[NamedBlock, ...]
    dense: tuple[NamedBlock, ...]
    common: tuple[Part, ...]
    mean: np.ndarray
    precision: np.ndarray

    @property
    def predictors(self) -> dict[str, Blocks]:
        """The rows of each linear predictor, by its name."""
        nonlinear = self.spec.nonlinear
        names = [""] if nonlinear is None else [p.name for p in nonlinear.free]
        return dict(zip(names, self.blocks.apart(len(names)), strict=True))

    @property
    def orderings(self) -> tuple[Ordering, ...]:
        """Which intercepts of a curve are ordered."""
        return () if self.spec.nonlinear is None else self.spec.nonlinear.orderings

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
        triangles = [
            _packed(register_covariance(self.spec, block, noise)) for block in self.spec.groups
        ]
        sds: dict[str, TensorVariable] = {}
        for predictor in self.spec.predictors:
            sds |= register_sds(predictor.smooths, self.spec.priors.smooth, noise)
        triangles += [_triangle(one.block, [sds[sd] for sd in one.sds]) for one in self.grouped]
        scales = [spread(one.block, [sds[sd] for sd in one.sds]) for one in self.dense]
        return _joined(triangles), _joined(scales)

    def placed(self, coefficients: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of coefficients, shape (..., size), by name."""
        groups, smooths, common = self.blocks.split(coefficients)
        out: dict[str, np.ndarray] = {}
        for block, values in zip(self.spec.groups, groups, strict=False):
            for k, name in enumerate(block.effect_names):
                out[name] = values[..., k]
        for named, values in zip(self.grouped, groups[len(self.spec.groups) :], strict=True):
            out[named.free] = values if isinstance(named.block, GroupedBlock) else values[..., 0, :]
        for named, values in zip(self.dense, smooths, strict=True):
            out[named.free] = values
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
        nonlinear = self.spec.nonlinear
        return {
            name: centered_name(nonlinear.parameter(target))
            for block in self.spec.groups
            for target, name in zip(block.column_targets, block.effect_names, strict=True)
            if nonlinear is not None and name in nonlinear.information
        }

    def _intercepts(self, ordering: Ordering) -> list[str]:
        assert self.spec.nonlinear is not None  # noqa: S101
        return [centered_name(self.spec.nonlinear.parameter(p)) for p in ordering.parameters]

    def free(self, coefficients: np.ndarray, triangles: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of the model's free variables by name: coefficients, some of them standardized.

        Parameters
        ----------
        coefficients : ndarray, shape (draws, size)
        triangles : ndarray, shape (draws, t)
        """
        out = self.placed(coefficients)
        sizes = [g.width * (g.width + 1) // 2 for g in self.blocks.groups]
        parts = np.split(triangles, np.cumsum(sizes), axis=-1)
        for named, part in zip(self.grouped, parts[len(self.spec.groups) :], strict=False):
            if isinstance(named.block, CholeskyBlock):
                out[named.free] = _standardized(out[named.free], part)
        return out


def layout(spec: ModelSpec, design: Design) -> Layout | None:
    """Lay out a model's linear predictors; None if the kernels have no form for one's terms."""
    all_of = predicted(spec, design)
    stack = Stack(tuple(one.predictor.name for one in all_of))
    variables = [one.variables(spec) for one in all_of]
    common = _placed([part for own in variables for part in own or ()])
    known = all(isinstance(prior, LocationScale | Flat) and not prior.joint for *_, prior in common)
    if None in variables or not known:
        return None
    penalized = [(b, one.predictor.name) for one in all_of for b in one.named if b.block.sds]
    columns = {b.name: _stacked(stack, design.smooths[b.name], to) for b, to in penalized}
    grouped = tuple(b for b, _ in penalized if isinstance(b.block, GroupedBlock | CholeskyBlock))
    dense = tuple(b for b, _ in penalized if b not in grouped)
    groups = [
        Group(
            stack.index(design.groups[block.name].index),
            len(block.levels),
            stack.columns(design.groups[block.name].columns, block.column_targets),
            block.factor_name,
        )
        for block in spec.groups
    ]
    blocks = Blocks(
        X=np.hstack([stack.columns(one.columns(design), one.predictor.name) for one in all_of]),
        groups=(*groups, *(_group(b.name, columns[b.name]) for b in grouped)),
        smooths=tuple(np.asarray(columns[b.name]) for b in dense),
        offset=offsets(all_of, design.n),
    )
    mean, precision = _normal(common, blocks.X.shape[1])
    return Layout(spec, blocks, grouped, dense, common, mean, precision)


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


def _stacked(stack: Stack, columns: BlockColumns, target: str) -> BlockColumns:
    """A penalized block's columns in the rows of all predictors."""
    if isinstance(columns, Grouped):
        rows = stack.columns(columns.rows, target)
        return Grouped(stack.index(columns.index), rows, columns.levels)
    return stack.columns(np.asarray(columns), target)


def _group(name: str, columns: BlockColumns) -> Group:
    """A penalized block as a group: of one level, where coefficients are not apart by level."""
    if isinstance(columns, Grouped):
        return Group(columns.index, columns.levels, columns.rows, name)
    return Group(np.zeros(len(columns), np.int64), 1, columns, name)


def _packed(covariance: Covariance) -> TensorVariable:
    """The lower triangle of diag(sds) chol, row by row."""
    rows = zip(covariance.sds, covariance.chol, strict=True)
    return pt.stack([sd * entry for sd, row in rows for entry in row])


def _triangle(block: Block, sds: list[Any]) -> Any:
    """The same for a penalized block."""
    if isinstance(block, CholeskyBlock):
        from glimmer.kernels.ops.mixed import MixedTriangle

        header = np.array(block.shares.shape[:2], np.int32)
        return MixedTriangle()(pt.stack(sds), header, block.shares.ravel())
    q = block.map.shape[1]  # coefficients of one level
    return sds[0] * np.eye(q)[np.tril_indices(q)]


def _standardized(b: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """T^-1 b for each draw, shape (draws, q)."""
    draws, q = b.shape
    T = np.zeros((draws, q, q))
    T[:, *np.tril_indices(q)] = triangle
    return np.linalg.solve(T, b[..., None])[..., 0]


def _joined(parts: list[TensorVariable]) -> TensorVariable:
    return pt.concatenate(parts) if parts else pt.zeros(0)
