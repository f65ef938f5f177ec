"""The specification of a model: one immutable value that holds everything but the data.

From it and a table the model is assembled, at fitting and at prediction alike; as JSON it is what a
saved model is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glimmer.families import Family
from glimmer.formula import Learned
from glimmer.record import record
from glimmer.smooths import SmoothTerm
from glimmer.spec.curve import Nonlinear
from glimmer.spec.priors import ModelPriors
from glimmer.spec.smooth_blocks import named_blocks, smooth_coords
from glimmer.terms import CommonTerm, GroupBlock, Response
from glimmer.terms.naming import variable_name

DATA = {"common", "offset", "trials", "weights"}  # the arrays of a model are named so
Weights = Literal["none", "likelihood", "precision", "trials"]


@record
class LinearPredictor:
    """What is linear in the coefficients.

    Attributes
    ----------
    name : str
        Empty for the only predictor of a generalized linear model; the parameter's name in a
        nonlinear one.
    intercept : bool
    common : tuple of CommonTerm
    offsets : tuple of Learned
    means : ndarray, shape (K,)
        Means of the columns of the common terms; zeros in a model without an intercept.
    rotation : ndarray, shape (K, K), or None
        With QR, the matrix that takes sampled coefficients to reported ones.
    start : float or None
        Where sampling of the centred intercept starts, if not where its prior has it.
    smooths : tuple of SmoothTerm
    """

    name: str
    intercept: bool
    common: tuple[CommonTerm, ...]
    offsets: tuple[Learned, ...]
    means: np.ndarray
    rotation: np.ndarray | None = None
    start: float | None = None
    smooths: tuple[SmoothTerm, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the K columns."""
        return tuple(name for term in self.common for name in term.column_names)

    @property
    def column_dim(self) -> str:
        """Name of the dimension of columns."""
        return f"{self.name}_common_dim" if self.name else "common_dim"


@record
class ModelSpec:
    """A model, free of data.

    Attributes
    ----------
    formula : str
    family : Family
    response : Response or None
        None only when the likelihood is off and the formula has no left-hand side.
    predictor : LinearPredictor
    groups : tuple of GroupBlock
    priors : ModelPriors
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
    nonlinear : Nonlinear or None
        The curve of a nonlinear model; `predictor` then holds no more than offsets.
    """

    formula: str
    family: Family
    response: Response | None
    predictor: LinearPredictor
    groups: tuple[GroupBlock, ...]
    priors: ModelPriors
    weights: Weights = "none"
    weights_column: str | None = None
    array_offset: bool = False
    likelihood: bool = True
    centered: dict[str, bool] | None = None
    nonlinear: Nonlinear | None = None

    @property
    def predictors(self) -> tuple[LinearPredictor, ...]:
        """Every linear predictor: one, and those of a curve's parameters."""
        free = () if self.nonlinear is None else self.nonlinear.free
        return (self.predictor, *(p.predictor for p in free if p.predictor is not None))

    @property
    def smooths(self) -> tuple[SmoothTerm, ...]:
        """The smooth terms of all predictors."""
        return tuple(term for predictor in self.predictors for term in predictor.smooths)

    def intercept_name(self, predictor: LinearPredictor, *, linear: bool = True) -> str:
        """Name of a predictor's intercept, or of its parameter's value if that is all it has."""
        if self.nonlinear is None or not predictor.name:
            return self.names.intercept
        parameter = self.nonlinear.parameter(predictor.name)
        return parameter.name if parameter.bare and not linear else parameter.intercept_name

    def coefficient_name(self, column: str) -> str:
        """The coefficient that a group's effect of some column is added to."""
        if self.nonlinear is None:
            return self.names.intercept if column == "1" else column
        free = {parameter.name: parameter.intercept_name for parameter in self.nonlinear.free}
        return free.get(column, column)

    @property
    def aux_names(self) -> tuple[str, ...]:
        """Names of the parameters of the outcome's distribution besides its mean."""
        scale = self.names.aux.get(str(self.family.group_scale))
        return (*self.names.aux.values(), *(f"{scale}_{name}" for name in self.priors.residual))

    @property
    def names(self) -> Names:
        """Names of the model's variables that are not terms."""
        return Names.of(self)

    @property
    def centered_intercept(self) -> str:
        """The name of the intercept at the means of the columns."""
        name = self.names.intercept
        return f"{name}_centered" if self.predictor.common else name

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the model's dimensions, the rows' apart."""
        coords: dict[str, Any] = {}
        for predictor in self.predictors:
            for term in predictor.common:
                if not term.scalar:
                    coords[f"{term.name}_dim"] = list(term.labels)
            if predictor.common:
                coords[predictor.column_dim] = list(predictor.column_names)
            coords.update(smooth_coords(predictor.smooths))
        for ordering in self.nonlinear.orderings if self.nonlinear is not None else ():
            coords[f"{ordering.name}_dim"] = list(ordering.parameters)
        for block in self.groups:
            coords[block.level_dim] = list(block.levels)
            if block.size > 1:
                coords[block.effect_dim] = list(block.columns)
                coords[f"{block.effect_dim}_bis"] = list(block.columns)
        return coords


@dataclass(frozen=True)
class Names:
    """Names of variables that step aside when a term of the formula has the same name.

    Attributes
    ----------
    intercept, coefficients, outcome : str
    aux : dict of str to str
    """

    intercept: str
    coefficients: str
    outcome: str
    aux: dict[str, str]

    @classmethod
    def of(cls, spec: ModelSpec) -> Names:
        """Choose names that no term of the specification has."""
        taken = {term.name for predictor in spec.predictors for term in predictor.common}
        for predictor in spec.predictors:
            taken |= {named.name for named in named_blocks(predictor.smooths)}
        for parameter in spec.nonlinear.parameters if spec.nonlinear is not None else ():
            taken |= {parameter.name, parameter.intercept_name}
        taken |= {name for block in spec.groups for name in block.effect_names}
        written = variable_name(spec.response.name) if spec.response else "y"
        outcome = _free(written, taken | DATA)
        taken.add(outcome)
        return cls(
            intercept=_free("Intercept", taken),
            coefficients=_prefix("beta", taken),
            outcome=outcome,
            aux={name: _aux(name, outcome, taken) for name in spec.family.aux},
        )


def _prefix(name: str, taken: set[str]) -> str:
    """A name that begins no name in use: others are made from it."""
    while any(other == name or other.startswith(f"{name}_") for other in taken):
        name += "_"
    return name


def _aux(name: str, outcome: str, taken: set[str]) -> str:
    return name if name not in taken else _free(f"{outcome}_{name}", taken)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
