"""Specifies the stage between predictors and the outcome's mean: a curve, or direct."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from glimmer.data import Frame
from glimmer.formula import Learned
from glimmer.nonlinear import MeanFunction
from glimmer.record import record
from glimmer.spec.columns import input_arrays
from glimmer.spec.names import OFFSET
from glimmer.spec.predictor import Predictor
from glimmer.spec.transforms import Transform
from glimmer.terms.naming import MU, prefixed

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.families import Family
    from glimmer.spec.design import Design

type Data = Callable[[str, np.ndarray], TensorVariable]
"""From a name and an array to data of the current PyMC model."""


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
    """Choose one of two equal sets of parameters: a linear form of intercepts is positive.

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


@dataclass(frozen=True, eq=False)
class Staged:
    """The outcome's linear predictor in the current PyMC model.

    Attributes
    ----------
    eta : tensor, shape (n,)
    curve : tensor, shape (n,), or None
    parameters : dict of str to tensor
        Of the curve, each a number or shape (n,).
    """

    eta: TensorVariable
    curve: TensorVariable | None = None
    parameters: dict[str, TensorVariable] = field(default_factory=dict)


class Stage:
    """What lies between the predictors of a model and the linear predictor of its outcome.

    Attributes
    ----------
    linear : bool
        Whether effects add up in the outcome's linear predictor.
    parameters : tuple of CurveParameter
    offsets : tuple of Learned
        Added to the outcome's linear predictor.
    orderings : tuple of Ordering
    information : dict of str to Information
        By effect, where sampling makes use of it.
    residual : str
        See `glimmer.spec.residual_models.RESIDUALS`.
    reference : float
        The outcome's sd, the unit of a curve in residual models.
    formulas : dict of str to str
        Of the parameters that have one of their own.
    """

    linear: ClassVar[bool] = True
    parameters: tuple[CurveParameter, ...] = ()
    offsets: tuple[Learned, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    information: Mapping[str, Information] = {}
    residual: str = "constant"
    reference: float = 1.0
    formulas: Mapping[str, str] = {}

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the dimensions of ordered intercepts."""
        return {ordering.dim: list(ordering.parameters) for ordering in self.orderings}

    @property
    def learned(self) -> tuple[Learned, ...]:
        """The columns that it reads, offsets apart."""
        return ()

    def arrays(
        self, frame: Frame, functions: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, ...]:
        """The data arguments of a curve for any table."""
        return ()

    def intercept_name(self, predictor: Predictor) -> str:
        """Name of a predictor's intercept, on the scale of its link."""
        return prefixed(predictor.name, "Intercept")

    def values(self, etas: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a curve from their predictors (tensors)."""
        return {}

    def doubtful(self, family: Family) -> bool:
        """Whether there may be no mode, or two."""
        raise NotImplementedError

    def staged(self, etas: Mapping[str, Any], design: Design, family: Family, data: Data) -> Staged:
        """The outcome's linear predictor, where those of the model have some values.

        Parameters
        ----------
        etas : mapping of str to tensor
            By predictor, a number or shape (n,).
        design : Design
        family : Family
        data : callable
            Puts an array into the current PyMC model.
        """
        raise NotImplementedError


@record
class Direct(Stage):
    """The predictor is the outcome's own."""

    def doubtful(self, family: Family) -> bool:
        return family.link_name in family.needs_intercept

    def staged(self, etas: Mapping[str, Any], design: Design, family: Family, data: Data) -> Staged:
        import pytensor.tensor as pt

        eta = pt.as_tensor(etas[MU])
        return Staged(eta if eta.type.ndim else eta + pt.zeros(design.n))


@record
class Curve(Stage):
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
        See `glimmer.spec.residual_models.RESIDUALS`.
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

    linear: ClassVar[bool] = False

    @property
    def free(self) -> tuple[CurveParameter, ...]:
        """The parameters that are not known."""
        return tuple(p for p in self.parameters if p.value is None)

    @property
    def learned(self) -> tuple[Learned, ...]:
        """The columns that its inputs are made of."""
        return tuple(part for parts in self.inputs for part in parts)

    def parameter(self, name: str) -> CurveParameter:
        """The parameter of that name."""
        return next(p for p in self.parameters if p.name == name)

    def arrays(
        self, frame: Frame, functions: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, ...]:
        return input_arrays(self.function, self.inputs, frame, functions)

    def intercept_name(self, predictor: Predictor) -> str:
        """A bare parameter's value has its name, if it is its own predictor."""
        if not predictor.bare:
            return prefixed(predictor.name, "Intercept")
        identity = self.parameter(predictor.name).transform.identity
        return predictor.name if identity else f"{predictor.name}_link"

    def values(self, etas: Mapping[str, Any]) -> dict[str, Any]:
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

    def doubtful(self, family: Family) -> bool:
        return not self.settled

    def staged(self, etas: Mapping[str, Any], design: Design, family: Family, data: Data) -> Staged:
        values = self.values(etas)
        curve = self._rows(design, values, data)
        eta = self.eta(family, curve)
        if design.offset is not None:
            eta = eta + data(OFFSET, design.offset)
        return Staged(eta, curve, values)

    def eta(self, family: Family, curve: Any) -> Any:
        """The outcome's linear predictor where the curve has some value (tensors)."""
        import pytensor.tensor as pt

        if self.scale == "link":
            return curve
        return pt.log(curve) if family.unit == "log y" else family.link_function.forward(curve)

    def _rows(self, design: Design, values: dict[str, Any], data: Data) -> TensorVariable:
        """The curve in every row, shape (n,)."""
        import pytensor.tensor as pt

        from glimmer.nonlinear.curve import as_curve

        pairs = zip(self.function.inputs, design.inputs, strict=True)
        inputs: list[Any] = [data(f"{argument.name}_input", array) for argument, array in pairs]
        parameters = [values[p.name] for p in self.parameters]
        if any(argument.ndim > 1 for argument in self.function.inputs):
            parameters = [value + pt.zeros(design.n) for value in parameters]
        return as_curve(self.function, [*inputs, *parameters])
