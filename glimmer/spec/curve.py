"""The specification of what is nonlinear: a curve, its inputs and its parameters."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

import numpy as np

from glimmer.formula import Learned
from glimmer.nonlinear import MeanFunction
from glimmer.record import record
from glimmer.spec.transforms import Transform

if TYPE_CHECKING:
    from glimmer.spec.model import LinearPredictor


@record
class NonlinearParameter:
    """A parameter of a curve.

    Attributes
    ----------
    name : str
        In the formula.
    kind : str
        What it measures; see `glimmer.nonlinear.KINDS`.
    transform : Transform
    predictor : LinearPredictor or None
        On the scale of the transform; None for a known value.
    value : float or None
        The known value.
    unit : float
        The scale of its default prior, on the scale of the transform.
    origin, reach : float
        Chains start at most ``reach`` from ``origin``, on that scale.
    """

    name: str
    kind: str
    transform: Transform
    predictor: LinearPredictor | None
    value: float | None = None
    unit: float = 1.0
    origin: float = 0.0
    reach: float = 1.0

    @property
    def bare(self) -> bool:
        """Whether an intercept is all there is of the population's value."""
        p = self.predictor
        return p is not None and p.intercept and not (p.common or p.smooths or p.offsets)

    @property
    def intercept_name(self) -> str:
        """Name of the intercept on the scale of the transform."""
        if not self.bare:
            return f"{self.name}_Intercept"
        return self.name if self.transform.identity else f"{self.name}_link"


@record
class Ordering:
    """Which of two equal sets of parameters is meant: a linear form of intercepts is positive.

    Attributes
    ----------
    symmetry : str
    parameters : tuple of str, length k
    weights : ndarray, shape (k,)
        The last is positive.
    """

    symmetry: str
    parameters: tuple[str, ...]
    weights: np.ndarray

    @property
    def name(self) -> str:
        """Name of the variable that holds the k intercepts."""
        return f"{'_'.join(self.parameters)}_ordered"


@record
class Information:
    """What the rows of each group say of a parameter: as much as one normal observation of it.

    Attributes
    ----------
    levels : tuple of str, length J
    precision, at : ndarray, shape (J,)
        Of the observation; on the scale of the parameter's transform.
    """

    levels: tuple[str, ...]
    precision: np.ndarray
    at: np.ndarray

    def of(self, levels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Precision and place for some of the levels."""
        if levels == self.levels:
            return self.precision, self.at
        place = {level: i for i, level in enumerate(self.levels)}
        rows = [place[level] for level in levels]
        return self.precision[rows], self.at[rows]


@record
class Nonlinear:
    """What is nonlinear in a model.

    Attributes
    ----------
    function : MeanFunction
    inputs : tuple of tuple of Learned
        For each data argument of the function, the columns it is made of.
    parameters : tuple of NonlinearParameter
        In the order of the function's arguments.
    orderings : tuple of Ordering
    scale : {"response", "link"}
        Whether the curve is the mean (the median, of a lognormal outcome) or the linear predictor.
    residual : str
        See `glimmer.spec.residuals.RESIDUALS`.
    reference : float
        The outcome's sd, the unit of the curve in residual models.
    information : dict of str to Information
        By effect, where sampling makes use of it.
    formulas : dict of str to str
        Of the parameters that have one of their own.
    """

    function: MeanFunction
    inputs: tuple[tuple[Learned, ...], ...]
    parameters: tuple[NonlinearParameter, ...]
    orderings: tuple[Ordering, ...] = ()
    scale: Literal["response", "link"] = "response"
    residual: str = "constant"
    reference: float = 1.0
    information: dict[str, Information] = field(default_factory=dict)
    formulas: dict[str, str] = field(default_factory=dict)

    @property
    def free(self) -> tuple[NonlinearParameter, ...]:
        """The parameters that are not known."""
        return tuple(p for p in self.parameters if p.predictor is not None)

    @property
    def settled(self) -> bool:
        """Whether chains start at the self-start, not between two sets of parameters."""
        starts = ((p.predictor.start, p.origin) for p in self.free if p.predictor is not None)
        return all(start == origin for start, origin in starts)

    def parameter(self, name: str) -> NonlinearParameter:
        """The parameter of that name."""
        return next(p for p in self.parameters if p.name == name)
