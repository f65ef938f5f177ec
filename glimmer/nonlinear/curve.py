"""Evaluates a curve: a formula in PyTensor whose parameters have names and domains.

Nothing here is heavy; PyTensor is imported when a curve is first evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter as Argument
from inspect import Signature, cleandoc
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import DataError, MeanFunctionError, NotEnoughData, WrongLength
from glimmer.nonlinear.binding import bind, floats, interpreted
from glimmer.nonlinear.parameters import Input, Parameter, Symmetry

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

type Estimates = dict[str, float]
type Guess = Callable[..., Mapping[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class ParametricCurve:
    """A curve with named parameters, called like a function.

    Called with numbers or arrays it returns a float or an array; called with any PyTensor tensor
    it returns a tensor. Parameters may be given by position or by name, one for all rows or one
    per row.

    Attributes
    ----------
    name : str
    inputs : tuple of Input
        The data arguments. Locations, scales and rates are in units of the last.
    parameters : tuple of Parameter
    expression : callable
        Tensors (inputs, then parameters) to a tensor: the definition.
    symmetries : tuple of Symmetry
    guess : callable, optional
        ``guess(*inputs, y)`` gives a first estimate of some parameters, from a linearisation.
    start : callable, optional
        ``start(*inputs, y)`` gives all parameters: a self-start in place of the package's own.
    source : str, optional
        The text of a curve that was written out in a formula.
    """

    name: str
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    expression: Callable[..., TensorVariable]
    symmetries: tuple[Symmetry, ...] = ()
    guess: Guess | None = None
    start: Guess | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__doc__", _documentation(self))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the data arguments."""
        return tuple(argument.name for argument in self.inputs)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of the arguments and of gradient columns."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def __signature__(self) -> Signature:
        return Signature(
            [Argument(n, Argument.POSITIONAL_OR_KEYWORD) for n in self.input_names + self.names]
        )

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(self.input_names + self.names)})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the curve.

        Parameters
        ----------
        *args, **kwargs : number, array or tensor
            Inputs, then parameters; arrays are broadcast against each other.

        Returns
        -------
        float, ndarray or TensorVariable

        Raises
        ------
        MeanFunctionError
            An argument is unknown, missing, or given twice.
        WrongType, WrongLength
            An argument does not hold numbers, or does not fit the others.
        """
        from pytensor.graph.basic import Variable
        from pytensor.tensor import as_tensor_variable

        values = self._bind(args, kwargs)
        if any(isinstance(value, Variable) for value in values):
            return as_curve(self, [as_tensor_variable(v).astype("float64") for v in values])
        rows, shape = self._rows(values)
        with np.errstate(all="ignore"):
            value = np.broadcast_to(self._value(*rows), rows[-1].shape).reshape(shape)
        return value.copy() if shape else float(value)

    def gradient(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """Evaluate the derivatives with respect to the parameters.

        Parameters
        ----------
        *args, **kwargs : number or array
            As when the function is called.

        Returns
        -------
        ndarray of float, shape (n, p)
            One row per (broadcast) row of the arguments, one column per parameter.
        """
        rows, _ = self._rows(self._bind(args, kwargs))
        with np.errstate(all="ignore"):
            return np.stack(self._derivatives(*rows), axis=1)

    def canonical(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the canonical one of all sets of parameters with the same curve."""
        for symmetry in self.symmetries:
            parameters = symmetry.canonical(parameters)
        return dict(parameters)

    def check_domain(
        self,
        *values: Any,
        columns: Sequence[str] | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        """Raise `DataError` unless all inputs lie in the domain of the curve.

        Parameters
        ----------
        *values : array, shape (n,) or (n, k)
            One for each input.
        columns : sequence of str, optional
            What the inputs are called in the user's table.
        rows : ndarray, shape (n,), optional
            The numbers of the rows in the user's table; by default 0 to n - 1.

        Raises
        ------
        DataError
            A value lies below the least value that its input may have.

        Examples
        --------
        >>> from glimmer.nonlinear import SSfol
        >>> SSfol.check_domain([4.0, 4.0], [0.5, 1.0], columns=["Dose", "Time"])
        """
        columns = columns or self.input_names
        for argument, value, column in zip(self.inputs, values, columns, strict=True):
            outside = np.flatnonzero(np.any(np.atleast_2d(np.asarray(value).T) < argument.lower, 0))
            if outside.size:
                first = outside[0] if rows is None else rows[outside[0]]
                more = f" and {outside.size - 1} more" if outside.size > 1 else ""
                raise DataError(
                    f"{self.name} requires {column} >= {argument.lower:g}, "
                    f"but it is smaller in row {first}{more}.",
                    column=column,
                    fix="leave these rows out with subset=, or choose another function",
                )

    def check_inputs(self, *values: Any, columns: Sequence[str] | None = None) -> None:
        """Raise a typed error unless the curve can be estimated from these inputs.

        Parameters
        ----------
        *values : array, shape (n,) or (n, k)
            One for each input.
        columns : sequence of str, optional
            What the inputs are called in the user's table.

        Raises
        ------
        DataError
            A value lies outside the domain of the function.
        NotEnoughData
            There are fewer distinct values of the inputs than parameters.
        """
        columns = columns or self.input_names
        self.check_domain(*values, columns=columns)
        distinct = len(np.unique(np.column_stack(values), axis=0))
        if distinct < len(self.parameters):
            raise NotEnoughData(
                f"{self.name} has {len(self.parameters)} parameters, but {' and '.join(columns)} "
                f"only {distinct} distinct values.",
                column=columns[-1],
                fix="use a function with fewer parameters, or fix some of them",
            )

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        return bind(self.name, self.input_names + self.names, args, kwargs)

    def _rows(self, values: list[Any]) -> tuple[list[np.ndarray], tuple[int, ...]]:
        """Arguments as float arrays with one row per value of the curve, and the shape of these."""
        own = [argument.ndim - 1 for argument in self.inputs] + [0] * len(self.parameters)
        names = self.input_names + self.names
        arrays = [floats(self.name, n, v) for n, v in zip(names, values, strict=True)]
        try:
            shape = np.broadcast_shapes(
                *(a.shape[: a.ndim - k] for a, k in zip(arrays, own, strict=True))
            )
        except ValueError as error:
            found = ", ".join(f"{n} {a.shape}" for n, a in zip(names, arrays, strict=True))
            raise WrongLength(f"Arguments of {self.name} do not match: {found}.") from error
        rows = []
        for array, k in zip(arrays, own, strict=True):
            tail = array.shape[array.ndim - k :]
            rows.append(np.broadcast_to(array, shape + tail).reshape(-1, *tail))
        return rows, shape

    @cached_property
    def _graph(self) -> tuple[list[TensorVariable], list[TensorVariable], TensorVariable]:
        """Symbolic inputs, symbolic parameters, and the curve on them."""
        import pytensor.tensor as pt

        inputs = [pt.tensor(a.name, dtype="float64", shape=(None,) * a.ndim) for a in self.inputs]
        parameters = [pt.vector(name, dtype="float64") for name in self.names]
        return inputs, parameters, as_curve(self, inputs + parameters)

    @cached_property
    def _value(self) -> Callable[..., np.ndarray]:
        inputs, parameters, curve = self._graph
        return interpreted(inputs + parameters, curve)

    @cached_property
    def _derivatives(self) -> Callable[..., list[np.ndarray]]:
        from pytensor.gradient import grad

        inputs, parameters, curve = self._graph
        slopes = grad(curve.sum(), parameters, disconnected_inputs="ignore")
        return interpreted(inputs + parameters, slopes)


def as_curve(function: ParametricCurve, arguments: list[TensorVariable]) -> TensorVariable:
    """Return the function's expression on tensors, or a typed error if it cannot take tensors."""
    from pytensor.tensor import as_tensor_variable

    try:
        return as_tensor_variable(function.expression(*arguments))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise MeanFunctionError(
            f"{function.name} cannot be evaluated on PyTensor tensors: {error}",
            fix="write it with functions of pytensor.tensor, such as pt.exp in place of np.exp",
        ) from error


def _documentation(function: ParametricCurve) -> str:
    """The expression's docstring, with a list of the arguments put in after its first line."""
    summary, _, rest = cleandoc(function.expression.__doc__ or f"{function!r}.").partition("\n")
    lines = [summary, "", "Parameters", "----------"]
    for argument in function.inputs:
        shape = "(n,)" if argument.ndim == 1 else "(n, k)"
        domain = f", at least {argument.lower:g}" if argument.lower > -math.inf else ""
        lines.append(f"{argument.name} : number, array of shape {shape}, or tensor{domain}")
    for parameter in function.parameters:
        lines.append(f"{parameter.name} : {parameter.kind}")
        lines += [f"    {parameter.meaning}."] if parameter.meaning else []
    return "\n".join([*lines, "", rest.strip()]).rstrip() + "\n"
