"""Group-specific terms: coefficients that vary between the levels of a grouping factor.

A grouping factor is a code per row; no indicator matrix is ever built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from glimmer.data import Factor, Frame
from glimmer.errors import DuplicateTerm, FormulaError, ModelError, WrongType
from glimmer.formula import Call, GroupTerm, Interaction, Name, Node, column
from glimmer.record import record
from glimmer.terms.coding import Coder
from glimmer.terms.common import CommonTerm, learn_common, of_predictor
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


@dataclass(frozen=True)
class VaryingEffects:
    """What varies of one predictor by the factor of a group term.

    Attributes
    ----------
    predictor : str
    intercept : str or None
        The name of the column of ones if the predictor's intercept varies.
    common : tuple of Interaction
        Coefficients that vary.
    """

    predictor: str
    intercept: str | None
    common: tuple[Interaction, ...]


@dataclass(frozen=True)
class WrittenGroup:
    """A group term as it is written: its factor, and what of each predictor varies by it.

    Attributes
    ----------
    formula : str
        That the term is part of.
    term : GroupTerm
    effects : tuple of VaryingEffects
    """

    formula: str
    term: GroupTerm
    effects: tuple[VaryingEffects, ...]


def joined(written: Sequence[WrittenGroup]) -> tuple[tuple[WrittenGroup, ...], ...]:
    """Group terms of the same label and factor are correlated: they make one block.

    Raises
    ------
    DuplicateTerm
        An effect varies by the same factor in two terms.
    """
    blocks: dict[Any, list[WrittenGroup]] = {}
    seen: set[Any] = set()
    for i, one in enumerate(written):
        factor = tuple(map(str, one.term.factor))
        for effect in one.effects:
            for what in (*effect.common, *([] if effect.intercept is None else [None])):
                key = (factor, effect.predictor, str(what))
                if key in seen:
                    raise _twice(one, effect, what, factor)
                seen.add(key)
        label = one.term.label
        blocks.setdefault(i if label is None else (label, factor), []).append(one)
    return tuple(map(tuple, blocks.values()))


def _twice(
    one: WrittenGroup, effect: VaryingEffects, what: Any, factor: tuple[str, ...]
) -> DuplicateTerm:
    own = [] if effect.predictor == MU else [effect.predictor]
    name = ":".join([*own, *([] if what is None else [str(what)])]) or "the intercept"
    return DuplicateTerm(
        f"{name} varies by {':'.join(factor)} in two terms.",
        formula=one.formula,
        span=one.term.span,
        fix="leave it out of one term",
    )


def learn_groups(
    blocks: Sequence[Sequence[WrittenGroup]], coder: Callable[[str], Coder]
) -> tuple[GroupBlock, ...]:
    """Learn blocks of group-specific terms.

    Parameters
    ----------
    blocks : sequence of sequence of WrittenGroup
        What is correlated, block by block; the first term names the factor.
    coder : callable
        From a formula to its coder.
    """
    learned = []
    for block in blocks:
        first = coder(block[0].formula)
        factor = factor_columns(block[0].term, first)
        levels = crossed(first.frame, factor).used().levels
        varying = [(e, coder(one.formula)) for one in block for e in one.effects]
        terms = [(t, e.predictor) for e, own in varying for t in _terms(e, own)]
        effects, targets = zip(*terms, strict=True)
        learned.append(GroupBlock("", factor, levels, effects, targets))
    return named(learned)


def _terms(effects: VaryingEffects, coder: Coder) -> list[CommonTerm]:
    ones = [] if effects.intercept is None else [CommonTerm(effects.intercept, ())]
    common = learn_common(effects.common, effects.intercept is not None, coder)
    return [*ones, *(of_predictor(effects.predictor, common))]


def correlated_effects(term: GroupTerm) -> list[tuple[bool, tuple[Interaction, ...]]]:
    """Split ``(x || g)`` into ``(1 | g) + (0 + x | g)``, as lme4 does."""
    effects = term.effects
    if term.correlated:
        return [(effects.intercept, effects.common)]
    first: list[tuple[bool, tuple[Interaction, ...]]] = [(True, ())] if effects.intercept else []
    return first + [(False, (effect,)) for effect in effects.common]


def named(blocks: list[GroupBlock]) -> tuple[GroupBlock, ...]:
    """Name each block after its factor if that is the only one, else after its effects."""
    factors = [block.factor for block in blocks]
    out = []
    for block in blocks:
        alone = factors.count(block.factor) == 1
        name = block.factor_name if alone else f"{'+'.join(block.columns)}|{block.factor_name}"
        out.append(replace(block, name=name))  # type: ignore[type-var]
    return tuple(out)


def factor_columns(term: GroupTerm, coder: Coder) -> tuple[str, ...]:
    """The columns whose combination is a term's grouping factor."""
    return tuple(_column(node, coder) for node in term.factor)


def _column(node: Node, coder: Coder) -> str:
    """The column that a node of a grouping factor names; ``factor(g)`` is ``g``."""
    if isinstance(node, Call) and node.function in ("factor", "C") and len(node.args) == 1:
        node = node.args[0]
    if not isinstance(node, Name):
        raise FormulaError(
            f"A grouping factor is a column, not {str(node)!r}.",
            formula=coder.formula,
            span=node.span,
            fix="compute the factor as a column of the data first",
        )
    column(coder.frame, node, coder.formula)
    try:
        coder.frame.factor(node.name)
    except WrongType as error:
        raise _pointed(error, node, coder) from error
    return node.name


def _pointed(error: ModelError, node: Node, coder: Coder) -> ModelError:
    return type(error)(
        error.message, column=error.column, formula=coder.formula, span=node.span, fix=error.fix
    )
