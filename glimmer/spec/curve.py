"""A curve: the stage from the predictors of its parameters to the mean of the outcome."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimmer.formula import Learned
from glimmer.nonlinear import MeanFunction
from glimmer.record import record
from glimmer.spec.transforms import Transform

if TYPE_CHECKING:
    from glimmer.families import Family


@record
class CurveParameter:
    """A parameter of a curve.

    Attributes
    ----------
    name : str
        In the formula.
    kind : str
        What it measures; see `glimmer.nonlinear.KINDS`.
    transform : Transform
        From its predictor to its value.
    value : float or None
        A known value, in place of a predictor.
    """

    name: str
    kind: str
    transform: Transform
    value: float | None = None


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

    @property
    def dim(self) -> str:
        """Name of its dimension."""
        return f"{self.name}_dim"


@record
class Information:
    """What the rows of each group tell of a parameter: as much as one normal observation of it.

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
class Curve:
    """A mean function with its data and its parameters.

    Attributes
    ----------
    function : MeanFunction
    inputs : tuple of tuple of Learned
        For each data argument of the function, the columns it is made of.
    parameters : tuple of CurveParameter
        In the order of the function's arguments.
    offsets : tuple of Learned
        Added to the curve, on the scale of the link.
    orderings : tuple of Ordering
    scale : {"response", "link"}
        Whether the curve is the mean (the median, of a lognormal outcome) or the linear predictor.
    residual : str
        See `glimmer.spec.residuals.RESIDUALS`.
    reference : float
        The outcome's sd, the unit of the curve in residual models.
    settled : bool
        Whether chains start at the self-start, not between two sets of parameters.
    information : dict of str to Information
        By effect, where sampling makes use of it.
    formulas : dict of str to str
        Of the parameters that have one of their own.
    """

    function: MeanFunction
    inputs: tuple[tuple[Learned, ...], ...]
    parameters: tuple[CurveParameter, ...]
    offsets: tuple[Learned, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    scale: Literal["response", "link"] = "response"
    residual: str = "constant"
    reference: float = 1.0
    settled: bool = True
    information: dict[str, Information] = field(default_factory=dict)
    formulas: dict[str, str] = field(default_factory=dict)

    @property
    def free(self) -> tuple[CurveParameter, ...]:
        """The parameters that are not known."""
        return tuple(p for p in self.parameters if p.value is None)

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the dimensions of ordered intercepts."""
        return {ordering.dim: list(ordering.parameters) for ordering in self.orderings}

    def parameter(self, name: str) -> CurveParameter:
        """The parameter of that name."""
        return next(p for p in self.parameters if p.name == name)

    def values(self, etas: dict[str, Any]) -> dict[str, Any]:
        """The parameters from their predictors (tensors); one above another follows it."""
        import pytensor.tensor as pt

        values: dict[str, Any] = {
            p.name: pt.as_tensor(float(p.value)) for p in self.parameters if p.value is not None
        }
        waiting = [p for p in self.free if p.name in etas]
        while ready := [p for p in waiting if not p.transform.other or p.transform.other in values]:
            for p in ready:
                values[p.name] = p.transform.inverse(etas[p.name], values)
            waiting = [p for p in waiting if p not in ready]
        return values

    def eta(self, family: Family, curve: Any) -> Any:
        """The outcome's linear predictor where the curve has some value (tensors)."""
        import pytensor.tensor as pt

        if self.scale == "link":
            return curve
        return pt.log(curve) if family.unit == "log y" else family.link_function.forward(curve)
