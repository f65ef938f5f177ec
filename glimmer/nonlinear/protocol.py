"""What a mean function is: a formula in PyTensor, and what is known about its parameters.

Nothing here is heavy; PyTensor is imported when a function is first evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from inspect import Parameter as Argument
from inspect import Signature, cleandoc, signature
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import DataError, MeanFunctionError, NotEnoughData, WrongLength
from glimmer.nonlinear.evaluate import bind, floats, interpreted
from glimmer.nonlinear.parameters import Input, Parameter, Symmetry

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

type Estimates = dict[str, float]
type Guess = Callable[..., Mapping[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class MeanFunction:
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

    def self_start(self, *args: Any, **kwargs: Any) -> Estimates:
        """Estimate the parameters by least squares, without being given a start.

        Parameters
        ----------
        *args, **kwargs : array, shape (n,)
            The inputs, then the outcome ``y``; rows with missing values are left out.

        Returns
        -------
        dict of str to float
            Where symmetries exist, the canonical set of parameters. If the data do not determine
            the curve, values that fit the data's range, with a `DataWarning`.
        """
        from glimmer.nonlinear.selfstart import self_start

        *inputs, y = bind(self.name, (*self.input_names, "y"), args, kwargs)
        return self_start(self, inputs, y)

    def canonical(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the canonical one of all sets of parameters with the same curve."""
        for symmetry in self.symmetries:
            parameters = symmetry.canonical(parameters)
        return dict(parameters)

    def check_inputs(self, *values: Any, columns: tuple[str, ...] | None = None) -> None:
        """Raise a typed error where the curve has no meaning on these data.

        Parameters
        ----------
        *values : array
            One for each input.
        columns : tuple of str, optional
            What the inputs are called in the user's table.

        Raises
        ------
        DataError
            A value lies outside the domain of the function.
        NotEnoughData
            There are fewer distinct values of the inputs than parameters.
        """
        columns = columns or self.input_names
        for argument, value, column in zip(self.inputs, values, columns, strict=True):
            outside = np.flatnonzero(np.any(np.atleast_2d(np.asarray(value).T) < argument.lower, 0))
            if outside.size:
                raise DataError(
                    f"{self.name} has no meaning for {column} < {argument.lower:g} "
                    f"(row {outside[0]}, and {outside.size - 1} more).",
                    column=column,
                )
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


def as_curve(function: MeanFunction, arguments: list[TensorVariable]) -> TensorVariable:
    """Return the function's expression on tensors, or a typed error if it cannot take tensors."""
    from pytensor.tensor import as_tensor_variable

    try:
        return as_tensor_variable(function.expression(*arguments))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise MeanFunctionError(
            f"{function.name} cannot be evaluated on PyTensor tensors: {error}",
            fix="write it with functions of pytensor.tensor, such as pt.exp in place of np.exp",
        ) from error


def _documentation(function: MeanFunction) -> str:
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


def mean_function(
    expression: Callable[..., Any] | None = None,
    *,
    parameters: Mapping[str, str | Parameter] | Sequence[Parameter] | None = None,
    inputs: Sequence[str | Input] | None = None,
    symmetries: Sequence[Symmetry] = (),
    guess: Guess | None = None,
    self_start: Guess | None = None,
    name: str | None = None,
) -> Any:
    """Make a Python callable of PyTensor tensors a mean function (also as a decorator).

    Parameters
    ----------
    expression : callable
        Takes the inputs, then the parameters, by position; its argument names are theirs.
    parameters : mapping of str to (str or Parameter), or sequence of Parameter, optional
        What the parameters measure: a kind (see `KINDS`) or a `Parameter` for each name. Those
        not mentioned are taken as coefficients, any real number.
    inputs : sequence of (str or Input), optional
        The data arguments. By default the arguments that are not in ``parameters``, or only the
        first argument if ``parameters`` is not given.
    symmetries : sequence of Symmetry
        Sets of parameters that give the same curve.
    guess : callable, optional
        ``guess(*inputs, y)`` gives a first estimate of some parameters, to start from.
    self_start : callable, optional
        ``self_start(*inputs, y)`` gives all parameters; by default they are estimated by least
        squares from many starts.
    name : str, optional
        By default the name of the callable.

    Returns
    -------
    MeanFunction

    Raises
    ------
    MeanFunctionError
        The arguments of the callable are not the declared inputs and parameters.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> @mean_function(parameters={"a": "y-level", "k": "rate"})
    ... def decay(t, a, k):
    ...     return a * pt.exp(-k * t)
    >>> decay(0.0, a=2.0, k=1.0)
    2.0
    """
    if expression is None:
        return partial(
            mean_function,
            parameters=parameters,
            inputs=inputs,
            symmetries=symmetries,
            guess=guess,
            self_start=self_start,
            name=name,
        )
    label = name or str(getattr(expression, "__name__", type(expression).__name__))
    declared = _declared(parameters)
    names = _argument_names(label, expression)
    data = _inputs(names, declared, inputs)
    own = tuple(n for n in names if n not in {argument.name for argument in data})
    if names != (*(argument.name for argument in data), *own) or not set(declared) <= set(own):
        raise MeanFunctionError(
            f"{label}({', '.join(names)}) does not take the declared inputs "
            f"({', '.join(argument.name for argument in data)}) and then the declared parameters "
            f"({', '.join(declared)}).",
        )
    return MeanFunction(
        label,
        data,
        tuple(declared.get(n, Parameter(n)) for n in own),
        expression,
        tuple(symmetries),
        guess,
        self_start,
    )


def _declared(
    parameters: Mapping[str, str | Parameter] | Sequence[Parameter] | None,
) -> dict[str, Parameter]:
    if not isinstance(parameters, Mapping):
        return {parameter.name: parameter for parameter in parameters or ()}
    return {n: Parameter(n, p) if isinstance(p, str) else p for n, p in parameters.items()}


def _argument_names(name: str, expression: Callable[..., Any]) -> tuple[str, ...]:
    arguments = signature(expression).parameters.values()
    positional = (Argument.POSITIONAL_ONLY, Argument.POSITIONAL_OR_KEYWORD)
    starred = [argument.name for argument in arguments if argument.kind not in positional]
    if starred or len(arguments) < 2:
        raise MeanFunctionError(
            f"{name} must name each of its arguments, data and parameters, in its signature.",
            fix="write def f(x, a, b), without *args and keyword-only arguments",
        )
    return tuple(argument.name for argument in arguments)


def _inputs(
    names: tuple[str, ...],
    declared: Mapping[str, Parameter],
    inputs: Sequence[str | Input] | None,
) -> tuple[Input, ...]:
    if inputs is None:
        inputs = [n for n in names if n not in declared] if declared else names[:1]
    return tuple(Input(item) if isinstance(item, str) else item for item in inputs)
