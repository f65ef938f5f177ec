"""Group-specific terms of a nonlinear model: what varies is a parameter of the curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glimmer.formula import GroupTerm, Interaction
from glimmer.terms.coding import Coder
from glimmer.terms.common import CommonTerm, learn_common
from glimmer.terms.group import GroupBlock, crossed, factor_columns, named


@dataclass(frozen=True)
class ParameterEffects:
    """What of one parameter varies by the factor of a group term.

    Attributes
    ----------
    parameter : str
    intercept : bool
        Whether the parameter's intercept varies.
    common : tuple of Interaction
        Coefficients that vary.
    """

    parameter: str
    intercept: bool
    common: tuple[Interaction, ...]


@dataclass(frozen=True)
class ParameterBlock:
    """Effects on one or more parameters that are correlated with each other.

    Attributes
    ----------
    term : GroupTerm
        The first that was written; it names the factor.
    coder : Coder
        Of the formula that the term is part of.
    effects : tuple of ParameterEffects
    """

    term: GroupTerm
    coder: Coder
    effects: tuple[ParameterEffects, ...]


def learn_parameter_groups(blocks: Sequence[ParameterBlock]) -> tuple[GroupBlock, ...]:
    """Learn the blocks of a nonlinear model; columns are named after their parameters."""
    learned = []
    for block in blocks:
        factor = factor_columns(block.term, block.coder)
        levels = crossed(block.coder.frame, factor).used().levels
        terms = [(t, e.parameter) for e in block.effects for t in _terms(e, block.coder)]
        own, targets = zip(*terms, strict=True)
        learned.append(GroupBlock("", factor, levels, False, own, targets))
    return named(learned)


def _terms(effects: ParameterEffects, coder: Coder) -> list[CommonTerm]:
    intercept = [CommonTerm(effects.parameter, ())] if effects.intercept else []
    common = learn_common(effects.common, effects.intercept, coder)
    return intercept + list(of_parameter(effects.parameter, common))


def of_parameter(parameter: str, terms: Sequence[CommonTerm]) -> tuple[CommonTerm, ...]:
    """Terms under names that say which parameter they belong to: ``Asym_treatment``."""
    return tuple(replace(term, name=f"{parameter}_{term.name}") for term in terms)  # type: ignore[type-var]
