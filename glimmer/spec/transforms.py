"""Transforms parameters of a curve to the scale where they are linear in their coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from glimmer.errors import DesignError, ModelError, suggestion
from glimmer.formula import Call, Name, Node, Number, Unary, parse
from glimmer.nonlinear.parameters import Parameter
from glimmer.record import record

NAMES = ("identity", "log", "logit", "softplus", "above")


@record
class Transform:
    """From a linear predictor to a parameter of a curve, and back.

    Attributes
    ----------
    name : {"identity", "log", "logit", "softplus", "above"}
        ``log``: bound + sign exp(eta); ``softplus``: bound + log(1 + exp(eta)); ``logit``: between
        bound and upper; ``above``: another parameter plus exp(eta).
    bound, upper, sign : float
    other : str
        The parameter that ``above`` keeps this one above.
    """

    name: Literal["identity", "log", "logit", "softplus", "above"] = "identity"
    bound: float = 0.0
    upper: float = 1.0
    sign: float = 1.0
    other: str = ""

    @property
    def identity(self) -> bool:
        """Whether the parameter is its own linear predictor."""
        return self.name == "identity"

    def forward(self, value: Any, parameters: Mapping[str, Any] | None = None) -> Any:
        """The linear predictor of a value (numbers); NaN or infinite where there is none."""
        with np.errstate(all="ignore"):
            match self.name:
                case "log":
                    return np.log(self.sign * (value - self.bound))
                case "softplus":
                    return np.log(np.expm1(value - self.bound))
                case "logit":
                    return np.log(value - self.bound) - np.log(self.upper - value)
                case "above":
                    return np.log(value - (parameters or {})[self.other])
        return value

    def inverse(self, eta: Any, parameters: Mapping[str, Any] | None = None) -> Any:
        """The value at a linear predictor (tensors)."""
        import pytensor.tensor as pt

        match self.name:
            case "log":
                return self.bound + self.sign * pt.exp(eta)
            case "softplus":
                return self.bound + pt.softplus(eta)
            case "logit":
                return self.bound + (self.upper - self.bound) * pt.sigmoid(eta)
            case "above":
                return (parameters or {})[self.other] + pt.exp(eta)
        return eta

    def label(self, parameter: str) -> str:
        """How the linear predictor of a parameter is written: ``log(scal)``."""
        shifted = parameter if self.bound == 0 else f"{parameter} - {self.bound:g}"
        match self.name:
            case "log":
                return f"log({shifted})" if self.sign > 0 else f"log(-({shifted}))"
            case "softplus":
                return f"log(expm1({shifted}))"
            case "logit":
                ends = (
                    ""
                    if (self.bound, self.upper) == (0, 1)
                    else f", {self.bound:g}, {self.upper:g}"
                )
                return f"logit({parameter}{ends})"
            case "above":
                return f"log({parameter} - {self.other})"
        return parameter


def default_transform(parameter: Parameter, at: float) -> Transform:
    """The transform from the whole line to a parameter's domain, on the side where it starts."""
    lower, upper = parameter.domain(at)
    if math.isinf(lower) and math.isinf(upper):
        return Transform()
    if math.isinf(upper):
        return Transform("log", bound=lower)
    if math.isinf(lower):
        return Transform("log", bound=upper, sign=-1.0)
    return Transform("logit", bound=lower, upper=upper)


def read_transform(text: Any, parameter: Parameter, at: float) -> Transform:
    """Read ``"log"``, ``"log(lower)"``, ``"logit(lower, upper)"``, ``"above(other)"``, ...

    Raises
    ------
    DesignError
        It is not a transform, or allows values outside the parameter's domain.
    """
    if isinstance(text, Transform):
        return text
    name, arguments = _read(text, parameter)
    limits = [_number(node) for node in arguments if not isinstance(node, Name)]
    match name, len(arguments):
        case "identity", 0:
            transform = Transform()
        case "log", 0:
            negative = parameter.nonzero and at < 0
            transform = Transform("log", sign=-1.0 if negative else 1.0)
        case (("log" | "softplus"), (0 | 1)):
            transform = Transform(name, bound=limits[0] if limits else 0.0)  # type: ignore[arg-type]
        case "logit", (0 | 2):
            lower, upper = limits or (0.0, 1.0)
            if not lower < upper:
                raise _problem(
                    parameter,
                    f"logit({lower:g}, {upper:g}): the lower bound must be below the upper.",
                )
            transform = Transform("logit", bound=lower, upper=upper)
        case "above", 1 if isinstance(arguments[0], Name):
            return Transform("above", other=arguments[0].name)
        case _:
            raise _problem(
                parameter,
                f"{text!r} must be a transform with its arguments, such as 'logit(0, 1)'.",
            )
    _check_inside(transform, parameter, at)
    return transform


def _read(text: Any, parameter: Parameter) -> tuple[str, tuple[Node, ...]]:
    """The name and the arguments of a transform."""
    try:
        node = parse(f"~ {text}").parts[0]
    except ModelError as error:
        raise _problem(parameter, f"{text!r} cannot be read.") from error
    arguments: tuple[Node, ...] = ()
    match node:
        case Name():
            name = node.name
        case Call():
            name, arguments = node.function, node.args
        case _:
            raise _problem(parameter, f"{text!r} must be a transform, such as 'logit(0, 1)'.")
    if name not in NAMES:
        raise _problem(parameter, f"Unknown transform {name!r}.", suggestion(name, NAMES))
    return name, arguments


def _number(node: Node) -> float:
    match node:
        case Number():
            return float(node.value)
        case Unary("-", Number()):
            return -float(node.operand.value)  # type: ignore[attr-defined]
    raise DesignError(
        f"The bound {node} of a transform must be a number.", fix="write for example logit(0, 1)"
    )


def _check_inside(transform: Transform, parameter: Parameter, at: float) -> None:
    """Every value of a transform must be in the parameter's domain, and its start among them."""
    lower, upper = parameter.domain(at if parameter.nonzero and not transform.identity else None)
    low, high = _range(transform)
    if low < lower or high > upper:
        raise _problem(
            parameter,
            f"{transform.label(parameter.name)} allows values from {low:g} to {high:g}, but the "
            f"parameter must be between {lower:g} and {upper:g}.",
        )
    if not low < at < high:
        raise _problem(
            parameter,
            f"{transform.label(parameter.name)} allows values from {low:g} to {high:g}, but the "
            f"least squares estimate of {parameter.name} is {at:.4g}.",
        )


def _range(transform: Transform) -> tuple[float, float]:
    match transform.name:
        case "identity":
            return -math.inf, math.inf
        case "logit":
            return transform.bound, transform.upper
    if transform.sign > 0:
        return transform.bound, math.inf
    return -math.inf, transform.bound


def attainable(transform: Transform, value: float) -> bool:
    """Whether a transform has a value in its range."""
    low, high = _range(transform)
    return low < value < high


def _problem(parameter: Parameter, message: str, fix: str | None = None) -> DesignError:
    return DesignError(
        f"The transform of {parameter.name!r}: {message}",
        column=parameter.name,
        fix=fix
        or 'use "identity", "log", "log(lower)", "logit(lower, upper)", "softplus" or '
        '"above(another parameter)"; leave it out for the default',
    )
