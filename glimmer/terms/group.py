"""Makes group-specific terms: coefficients that vary between the levels of a grouping factor.

A grouping factor is a code per row; no indicator matrix is ever built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from glimmer.data import Factor, Frame
from glimmer.record import record
from glimmer.terms.common import CommonTerm
from glimmer.terms.gaussian import Gaussian, Law
from glimmer.terms.naming import (
    MU,
    corr_name,
    data_name,
    index_name,
    new_name,
    sd_name,
    variable_name,
)


@dataclass(frozen=True, eq=False)
class GroupDesign:
    """A block's arrays for some data.

    Attributes
    ----------
    index : ndarray of int32, shape (n,)
        Each row's level: a position in the block's levels, then in ``new_levels``.
    columns : ndarray, shape (n, p)
        What each row's p coefficients are multiplied by.
    new_levels : tuple of str
        Levels that the block has not learned.
    """

    index: np.ndarray
    columns: np.ndarray
    new_levels: tuple[str, ...] = ()

    def take(self, rows: np.ndarray) -> GroupDesign:
        """Return the arrays of some rows."""
        return replace(self, index=self.index[rows], columns=self.columns[rows])


@record
class GroupBlock:
    """Coefficients of one grouping factor that are correlated with each other.

    Attributes
    ----------
    name : str
        Unique among the blocks of a model: the factor's name, or that of the only effect.
    factor : tuple of str
        Columns whose combination is the grouping factor.
    levels : tuple of str
        Combinations are written ``"a:b"``.
    effects : tuple of CommonTerm
        What varies; a term of no variable is a column of ones.
    targets : tuple of str
        The predictor that each effect belongs to.
    """

    name: str
    factor: tuple[str, ...]
    levels: tuple[str, ...]
    effects: tuple[CommonTerm, ...]
    targets: tuple[str, ...]

    @property
    def factor_name(self) -> str:
        """``"Subject"`` or ``"school:class"``."""
        return variable_name(":".join(self.factor))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the p columns: ``("1", "Days")``."""
        return tuple(name for term in self.effects for name in term.column_names)

    @property
    def ones(self) -> tuple[bool, ...]:
        """Which of the p columns are constant."""
        return tuple(not term.codings for term in self.effects for _ in range(term.width))

    @property
    def intercept(self) -> bool:
        """Whether the intercept of the outcome's mean varies."""
        pairs = zip(self.effects, self.targets, strict=True)
        return any(target == MU and not term.codings for term, target in pairs)

    @property
    def column_targets(self) -> tuple[str, ...]:
        """The predictor that each of the p columns belongs to."""
        pairs = zip(self.effects, self.targets, strict=True)
        return tuple(target for term, target in pairs for _ in range(term.width))

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Names of the p coefficients: ``("1|Subject", "Days|Subject")``."""
        return tuple(f"{name}|{self.factor_name}" for name in self.columns)

    @property
    def sd_names(self) -> tuple[str, ...]:
        """Names of their standard deviations: ``("1|Subject_sigma", "Days|Subject_sigma")``."""
        return tuple(map(sd_name, self.effect_names))

    @property
    def corr_name(self) -> str:
        """Name of their correlation matrix."""
        return corr_name(self.name)

    @property
    def size(self) -> int:
        """Number p of correlated coefficients of a level."""
        return len(self.columns)

    @property
    def level_dim(self) -> str:
        """Name of the dimension of levels."""
        return f"{self.factor_name}__factor_dim"

    @property
    def effect_dim(self) -> str:
        """Name of the dimension of correlated coefficients."""
        return f"{self.name}__effect_dim"

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of these dimensions."""
        coords: dict[str, Any] = {self.level_dim: list(self.levels)}
        if self.size > 1:
            coords[self.effect_dim] = list(self.columns)
            coords[f"{self.effect_dim}_bis"] = list(self.columns)
        return coords

    def own_names(self) -> Iterator[str]:
        """Names of the variables and data that the block may have in a model."""
        yield from (f"{self.name}_{what}" for what in ("tau", "pi", "partial"))
        yield from (self.corr_name, index_name(self.name))
        for effect, sd in zip(self.effect_names, self.sd_names, strict=True):
            yield from (effect, sd, data_name(effect))

    def design(self, frame: Frame, functions: Mapping[str, Any] | None = None) -> GroupDesign:
        """The block's arrays for any data."""
        index, new = code_levels(frame, self.factor, self.levels)
        return GroupDesign(index, self.multipliers(frame, functions), new)

    def multipliers(self, frame: Frame, functions: Mapping[str, Any] | None = None) -> np.ndarray:
        """What the coefficients are multiplied by, shape (n, p)."""
        return np.hstack([term.design(frame, functions) for term in self.effects])

    def gaussian(self, arrays: GroupDesign) -> Gaussian:
        """The columns of the coefficients, and their levels."""
        return Gaussian(
            arrays.columns, self.column_targets, arrays.index, len(self.levels), self.factor_name
        )

    def law(self, priors: Any, noise: Any) -> Law:
        """Register standard deviations and correlations in the current PyMC model."""
        import pymc as pm

        from glimmer.terms.group_effects import correlation, packed

        covariance = priors.covariance[self.name].build(self.name, self.sd_names, noise)
        if self.size > 1:
            dims = (self.effect_dim, f"{self.effect_dim}_bis")
            pm.Deterministic(self.corr_name, correlation(covariance), dims=dims)
        return Law(packed(covariance), covariance)

    def contributions(
        self,
        law: Law,
        arrays: GroupDesign,
        *,
        centered: bool = False,
        around: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Register the effects in the current PyMC model; return what they add to predictors.

        Parameters
        ----------
        law : Law
        arrays : GroupDesign
        centered : bool
            Whether effects are sampled as they are; standardized by default.
        around : mapping of str to Around
            See `glimmer.terms.group_effects.group_effects`.

        Returns
        -------
        dict of str to tensor, shape (n,)
        """
        import pymc as pm

        from glimmer.terms.group_effects import group_effects

        effects = group_effects(
            self.effect_names,
            law.parts,
            self.level_dim,
            centered=[centered] * self.size,
            around=around,
        )
        if arrays.new_levels:
            effects = self._with_new_levels(law, effects, arrays.new_levels)
        index = pm.Data(index_name(self.name), arrays.index, dims="obs_id")
        totals: dict[str, Any] = {}
        parts = zip(self.effect_names, effects, self.column_targets, strict=True)
        for k, (name, effect, target) in enumerate(parts):
            added = effect[index]
            if not self.ones[k]:
                added = added * pm.Data(data_name(name), arrays.columns[:, k], dims="obs_id")
            totals[target] = totals[target] + added if target in totals else added
        return totals

    def _with_new_levels(self, law: Law, effects: list[Any], new: tuple[str, ...]) -> list[Any]:
        """Append to each effect the levels that are not learned, drawn from N(0, Sigma)."""
        import pymc as pm
        import pytensor.tensor as pt

        from glimmer.terms.group_effects import group_effects

        model, dim = pm.modelcontext(None), new_name(self.level_dim)
        if dim not in model.coords:
            model.add_coord(dim, list(new))
        unseen = group_effects(tuple(map(new_name, self.effect_names)), law.parts, dim)
        return [pt.concatenate(pair) for pair in zip(effects, unseen, strict=True)]

    @property
    def label(self) -> None:
        """None: its freedom is not that of a curve."""
        return None

    def precision(self, values: Mapping[str, np.ndarray]) -> Any:
        """The prior precision of the coefficients where parameters have some values, sparse."""
        from scipy.sparse import csc_array, eye_array, kron

        sds = np.array([float(values[name]) for name in self.sd_names])
        corr = values[self.corr_name] if self.size > 1 else np.eye(1)
        own = csc_array(np.linalg.inv(corr * np.outer(sds, sds)))
        return kron(eye_array(len(self.levels)), own)

    def placed(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Coefficients by name, from an array of shape (..., J, p)."""
        return {name: values[..., k] for k, name in enumerate(self.effect_names)}

    def free_values(self, values: np.ndarray, factor: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of the free variables: the effects themselves."""
        return self.placed(values)


def code_levels(
    frame: Frame, factor: Sequence[str], levels: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Code rows by known ``levels``; the others follow in order of appearance."""
    found = crossed(frame, factor)
    position = {level: i for i, level in enumerate(levels)}
    used = found.used().levels
    new = tuple(level for level in used if level not in position)
    position.update({level: len(levels) + i for i, level in enumerate(new)})
    table = np.array([*(position.get(level, -1) for level in found.levels), -1], np.int32)
    return table[found.codes], new


def crossed(frame: Frame, factor: Sequence[str]) -> Factor:
    """The combination of one or more columns as a factor; only combinations that occur."""
    parts = [frame.factor(name) for name in factor]
    if len(parts) == 1:
        return parts[0]
    codes = np.zeros(len(frame), dtype=np.int64)
    for part in parts:
        codes = codes * len(part.levels) + part.codes
    seen, index = np.unique(codes, return_inverse=True)
    labels = []
    for code in seen.tolist():
        words = []
        for part in reversed(parts):
            code, own = divmod(code, len(part.levels))
            words.append(part.levels[own])
        labels.append(":".join(reversed(words)))
    return Factor(":".join(factor), index.astype(np.int32), tuple(labels))
