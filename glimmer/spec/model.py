"""Specifies a model: one immutable value that has everything but the data.

From it and a table the model is assembled, at fitting and at prediction alike; as JSON it is what a
saved model is made of.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from glimmer.families import Family
from glimmer.record import record
from glimmer.smooths import SmoothTerm
from glimmer.spec.names import Names
from glimmer.spec.predictor import Predictor
from glimmer.spec.priors import ModelPriors
from glimmer.spec.stage import Direct, Stage
from glimmer.terms import GroupBlock, Response, SmoothBlock, TermBlock

type Normal = GroupBlock | SmoothBlock | TermBlock
"""A block of coefficients that are normal given the other parameters."""
Weights = Literal["none", "likelihood", "precision", "trials"]


@record
class ModelSpec:
    """A model, free of data.

    Attributes
    ----------
    formula : str
    family : Family
    response : Response or None
        None only when the likelihood is off and the formula has no left-hand side.
    predictors : dict of str to Predictor
        By the parameter they predict: the outcome's mean, ``"mu"``, or the parameters of a curve.
    groups : tuple of GroupBlock
        Group-specific effects, which may belong to several predictors.
    priors : ModelPriors
    stage : Stage
        What lies between predictors and the outcome's mean: nothing, or a curve.
    weights : {"none", "likelihood", "precision", "trials"}
        What weights mean.
    weights_column : str or None
        The column that holds them.
    array_offset : bool
        Whether an offset was given as an array, which new data must then give too.
    likelihood : bool
        False to sample the prior.
    centered : dict of str to bool
        Blocks that are sampled in centred coordinates; the model is the same either way.
    """

    formula: str
    family: Family
    response: Response | None
    predictors: dict[str, Predictor]
    groups: tuple[GroupBlock, ...]
    priors: ModelPriors
    stage: Stage = Direct()
    weights: Weights = "none"
    weights_column: str | None = None
    array_offset: bool = False
    likelihood: bool = True
    centered: dict[str, bool] | None = None

    @property
    def smooths(self) -> tuple[SmoothTerm, ...]:
        """The smooth terms of all predictors."""
        return tuple(term for p in self.predictors.values() for term in p.smooths)

    @property
    def smooth_blocks(self) -> tuple[SmoothBlock, ...]:
        """The blocks of all smooths."""
        return tuple(block for p in self.predictors.values() for block in p.smooth_blocks)

    @property
    def term_blocks(self) -> tuple[TermBlock, ...]:
        """The terms of registered kinds, of all predictors."""
        return tuple(block for p in self.predictors.values() for block in p.term_blocks)

    def coefficient_name(self, column: str, target: str) -> str:
        """The coefficient that a group's effect of some column is added to."""
        ones = {"1", target}
        return self.names.intercepts[target] if column in ones else column

    @cached_property
    def names(self) -> Names:
        """Names of the model's variables that are not terms."""
        return Names.of(
            self.family,
            self.response,
            self.predictors,
            self.groups,
            {name: self.stage.intercept_name(p) for name, p in self.predictors.items()},
            [parameter.name for parameter in self.stage.parameters],
            self.priors.residual,
        )

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the model's dimensions, the rows' apart."""
        coords: dict[str, Any] = {}
        for predictor in self.predictors.values():
            coords.update(predictor.coords)
        coords.update(self.stage.coords)
        for block in self.groups:
            coords.update(block.coords)
        return coords


def normal_blocks(spec: ModelSpec) -> tuple[Normal, ...]:
    """The blocks of a model whose coefficients are normal given the other parameters."""
    smooths = (block for block in spec.smooth_blocks if block.sds)
    return (*spec.groups, *smooths, *(block for block in spec.term_blocks if block.normal))
