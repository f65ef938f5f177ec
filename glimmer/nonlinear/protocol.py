"""Declares mean functions: curves that can be estimated from data without a start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import Parameter as Argument
from inspect import signature
from typing import Any

from glimmer.errors import MeanFunctionError
from glimmer.nonlinear.binding import bind
from glimmer.nonlinear.curve import Estimates, Guess, ParametricCurve
from glimmer.nonlinear.parameters import Input, Parameter, Symmetry


@dataclass(frozen=True, eq=False, repr=False)
class MeanFunction(ParametricCurve):
    """A curve with named parameters that finds its own start: see `ParametricCurve`."""

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
