"""A model's linear predictor laid out for the kernels: which coefficient stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from glimmer.model.assemble import register_covariance
from glimmer.model.smooth_effects import register_sds, spread
from glimmer.model.smooth_names import NamedBlock, named_blocks
from glimmer.priors.base import LocationScale
from glimmer.priors.independent import Flat
from glimmer.sampling.kernels import Blocks, Group
from glimmer.smooths.basis import Grouped
from glimmer.smooths.blocks import Block, CholeskyBlock, GroupedBlock

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.model import Design, ModelSpec
    from glimmer.priors import Prior
    from glimmer.priors.covariance import Covariance
    from glimmer.smooths.term import BlockColumns

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
        predictor, priors = self.spec.predictor, self.spec.priors.smooth
        sds = register_sds(predictor.smooths, priors, noise)
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
        return out

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
    """Lay out a linear predictor; None if the kernels have no form for one of its terms."""
    named = list(named_blocks(spec.predictor.smooths))
    parts = _common_parts(spec, named)
    if parts is None:
        return None
    grouped = tuple(one for one in named if isinstance(one.block, GroupedBlock | CholeskyBlock))
    dense = tuple(one for one in named if one.block.sds and one not in grouped)
    null = [one for one in named if not one.block.sds]
    groups = tuple(
        Group(
            design.groups[block.name].index.astype(np.int64),
            len(block.levels),
            design.groups[block.name].columns,
            block.factor_name,
        )
        for block in spec.groups
    )
    blocks = Blocks(
        X=_common_columns(spec, design, [design.smooths[one.name] for one in null]),
        groups=(*groups, *(_group(one.name, design.smooths[one.name]) for one in grouped)),
        smooths=tuple(np.asarray(design.smooths[one.name]) for one in dense),
        offset=design.offset,
    )
    mean, precision = _normal(parts, blocks.X.shape[1])
    return Layout(spec, blocks, grouped, dense, tuple(parts), mean, precision)


def _common_parts(spec: ModelSpec, named: list[NamedBlock]) -> list[Part] | None:
    """Variables of the common columns: intercept, terms (or the rotated vector), null spaces."""
    predictor, names, priors = spec.predictor, spec.names, spec.priors
    out: list[Part] = []
    at = 0
    if predictor.intercept:
        assert priors.intercept is not None  # noqa: S101
        out.append((spec.centered_intercept, 0, priors.intercept))
        at = 1
    if predictor.rotation is not None:
        k = len(predictor.column_names)
        out.append((f"{names.coefficients}_rotated", slice(at, at + k), priors.common[0].prior))
        at += k
    else:
        own = {c.terms: c.prior for c in priors.common}
        for term in predictor.common:
            if (term.name,) not in own:
                return None
            place = at if term.scalar else slice(at, at + term.width)
            out.append((term.name, place, own[term.name,]))
            at += term.width
    for one in named:
        if not one.block.sds:
            out.append((one.name, slice(at, at + one.block.size), priors.smooth.null[one.name]))
            at += one.block.size
    known = all(isinstance(prior, LocationScale | Flat) and not prior.joint for *_, prior in out)
    return out if known else None


def _common_columns(spec: ModelSpec, design: Design, null: list[Any]) -> np.ndarray:
    predictor = spec.predictor
    X = design.X - predictor.means
    if predictor.rotation is not None:
        X = X @ predictor.rotation
    ones = [np.ones((design.n, 1))] if predictor.intercept else []
    return np.hstack([*ones, X, *null])


def _normal(parts: list[Part], k: int) -> tuple[np.ndarray, np.ndarray]:
    mean, precision = np.zeros(k), np.zeros(k)
    for _, place, prior in parts:
        if isinstance(prior, LocationScale):
            location, scale = prior.shift_and_scale
            mean[place], precision[place] = location, scale**-2.0
    return mean, precision


def _group(name: str, columns: BlockColumns) -> Group:
    """A penalized block as a group: of one level, where coefficients are not apart by level."""
    if isinstance(columns, Grouped):
        return Group(columns.index.astype(np.int64), columns.levels, columns.rows, name)
    return Group(np.zeros(len(columns), np.int64), 1, columns, name)


def _packed(covariance: Covariance) -> TensorVariable:
    """The lower triangle of diag(sds) chol, row by row."""
    rows = zip(covariance.sds, covariance.chol, strict=True)
    return pt.stack([sd * entry for sd, row in rows for entry in row])


def _triangle(block: Block, sds: list[Any]) -> Any:
    """The same for a penalized block."""
    if isinstance(block, CholeskyBlock):
        from glimmer.sampling.kernels.mixed_op import MixedTriangle

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
