"""Makes any PyMC distribution a prior: ``pm.Normal.dist(0, 1)``, or one named with its arguments.

What PyMC lets pass is refused here, before anything is compiled: argument names that it does not
know, impossible values, discrete distributions, hyperparameters that are themselves random.
"""

from __future__ import annotations

import inspect
from dataclasses import field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from glimmer.errors import PriorError, suggestion
from glimmer.priors.base import CovariancePrior, Prior
from glimmer.priors.shrinkage import JointPrior
from glimmer.record import record

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

IMPROPER = ("Flat", "HalfFlat")
FAMILIAR = "gl.normal(), gl.student_t(), gl.exponential(), gl.flat(), pm.X.dist(...), ..."
NEGATIVE = -np.logspace(-6, 6, 13)


@cache
def _distributions() -> dict[str, Any]:
    import pymc as pm

    kinds = vars(pm.distributions).items()
    return {
        name: kind
        for name, kind in kinds
        if isinstance(kind, type) and issubclass(kind, pm.Distribution)
    }


def distribution(name: str) -> Any:
    """Return PyMC's distribution of that name; raise `PriorError` if there is none."""
    table = _distributions()
    if name not in table:
        raise PriorError(f"PyMC has no distribution {name!r}.", fix=suggestion(name, table))
    return table[name]


@record
class ConstantPrior(Prior):
    """A PyMC distribution with constant parameters: what ``pm.X.dist(1, 2)`` is inside.

    Attributes
    ----------
    distribution : str
        Its name in PyMC.
    parameters : tuple of ndarray
        Of its random variable, which need not be the arguments of its ``dist``; all of shape
        (size,), if there is one.
    size : int or None
        The number of coefficients.
    """

    distribution: str
    parameters: tuple[np.ndarray, ...]
    size: int | None = None

    @property
    def proper(self) -> bool:  # type: ignore[override]
        """Whether the density integrates to one."""
        return self.distribution not in IMPROPER

    def rv(self) -> TensorVariable:
        import pymc as pm

        # the constructor of the base class takes the parameters of the random variable
        return pm.Distribution.dist.__func__(distribution(self.distribution), self.parameters)

    def positive_rv(self) -> TensorVariable:
        return _positive(self.rv(), self)

    def length(self) -> int | None:
        return self.size

    def at(self, columns: slice | int) -> Self:
        if self.size is None:
            return self
        size = None if isinstance(columns, int) else len(range(self.size)[columns])
        parameters = tuple(np.asarray(values[columns]) for values in self.parameters)
        return replace(self, parameters=parameters, size=size)  # type: ignore[type-var]

    def __str__(self) -> str:
        signature = inspect.signature(distribution(self.distribution).rv_op).parameters.values()
        names = [f"{p.name}=" for p in signature if p.kind is p.POSITIONAL_OR_KEYWORD]
        names = names or [""] * len(self.parameters)
        pairs = zip(names, self.parameters, strict=False)
        return f"{self.distribution}({', '.join(f'{name}{_shown(v)}' for name, v in pairs)})"


@record
class NamedPrior(ConstantPrior):
    """A PyMC distribution made by its name and the arguments of its ``dist``; see `prior`.

    Attributes
    ----------
    arguments : dict of str to ndarray
    """

    arguments: dict[str, np.ndarray] = field(default_factory=dict)

    def at(self, columns: slice | int) -> Self:
        if self.size is None:
            return self
        whole = {name: np.broadcast_to(v, self.size) for name, v in self.arguments.items()}
        picked = {name: np.asarray(values[columns]) for name, values in whole.items()}
        return replace(super().at(columns), arguments=picked)  # type: ignore[type-var]

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={_shown(value)}" for name, value in self.arguments.items())
        return f"{self.distribution}({inside})"


class VariablePrior(Prior):
    """An unregistered PyMC variable of a composed distribution as a prior; it cannot be saved."""

    def __init__(self, variable: TensorVariable) -> None:
        self.variable = variable

    def rv(self) -> TensorVariable:
        """Return a variable of its own each time: in a model it gets a name and is drawn apart."""
        from pymc.distributions.shape_utils import change_dist_size

        batch = self.variable.type.ndim - self.variable.owner.op.ndim_supp
        return change_dist_size(self.variable, self.variable.type.shape[:batch])

    def positive_rv(self) -> TensorVariable:
        return _positive(self.rv(), self)

    def __str__(self) -> str:
        from pymc.printing import str_for_dist

        return str_for_dist(self.variable, formatting="plain").split("~")[-1].strip()


@record
class VectorPrior(JointPrior):
    """A distribution of a whole vector of k coefficients, ``pm.MvNormal.dist(...)``."""

    whole: Prior
    k: int

    def length(self) -> int:
        return self.k

    def build(self, name: str, k: int, dim: str, noise: TensorVariable | float) -> TensorVariable:
        import pymc as pm

        return pm.modelcontext(None).register_rv(self.whole.rv(), name, dims=(dim,))

    def __str__(self) -> str:
        return str(self.whole)


def from_variable(variable: TensorVariable, **arguments: np.ndarray) -> Prior:
    """Wrap ``pm.X.dist(...)``; one with constant parameters becomes a value that can be saved.

    Parameters
    ----------
    variable : TensorVariable
    **arguments
        What it was made from, if that is known.

    Raises
    ------
    PriorError
        It is not a distribution, a discrete one, or one that is impossible or not fully specified.
    """
    if variable.owner is None or not hasattr(variable.owner.op, "ndim_supp"):
        raise PriorError(
            f"{variable} is not a distribution.", fix="pass pm.X.dist(...) or gl.normal(...)"
        )
    _check_kind(variable)
    _check_density(variable)
    prior = _constant(variable, arguments) or VariablePrior(variable)
    if variable.type.ndim and prior.length() is None:
        return VectorPrior(prior, variable.type.shape[0])
    return prior


def _check_kind(variable: TensorVariable) -> None:
    """Raise `PriorError` unless the distribution is continuous, and of a number or a vector."""
    shown = VariablePrior(variable)
    if variable.type.dtype.startswith(("int", "uint", "bool")):
        raise PriorError(
            f"{shown} is discrete, but a prior must be continuous.",
            fix="use a continuous distribution",
        )
    if variable.type.ndim > 1 or None in variable.type.shape:
        raise PriorError(f"{shown} must be a prior for a number or for a vector of known length.")


def _check_density(variable: TensorVariable) -> None:
    """Raise `PriorError` if the density is not finite at a typical point."""
    import pymc as pm
    from pymc.distributions.distribution import support_point
    from pymc.logprob.utils import ParameterValueError
    from pymc.pytensorf import rvs_in_graph

    shown = VariablePrior(variable)
    density = pm.logp(variable, support_point(variable), warn_rvs=False)
    if rvs_in_graph(density):
        raise PriorError(
            f"The hyperparameters of {shown} must be numbers, not random variables.",
            fix="give numbers, or change the model that build() returns",
        )
    try:
        value = _value(density)
    except ParameterValueError as error:
        raise PriorError(f"{shown} is impossible: it needs {error}.") from error
    if not np.isfinite(value).all():
        raise PriorError(f"{shown} has no finite density.", fix="check its arguments")


def _constant(variable: TensorVariable, arguments: dict[str, np.ndarray]) -> ConstantPrior | None:
    """Take a distribution apart into name and parameters; None if it is composed of others."""
    from pymc.pytensorf import rvs_in_graph

    op = variable.owner.op
    kinds = _distributions().items()
    name = next((name for name, kind in kinds if getattr(kind, "rv_type", None) is type(op)), None)
    ndims = getattr(op, "ndims_params", None)
    if name is None or ndims is None:
        return None
    inputs = op.dist_params(variable.owner)
    if rvs_in_graph(inputs):
        return None
    parameters, size = tuple(_value(p).astype(float) for p in inputs), None
    if variable.type.ndim and not any(ndims):
        size = variable.type.shape[0]
        parameters = tuple(np.broadcast_to(values, size).copy() for values in parameters)
    if arguments:
        return NamedPrior(name, parameters, size, arguments)
    return ConstantPrior(name, parameters, size)


def prior(name: str, **arguments: Any) -> Prior:
    """Return any PyMC distribution as a prior, by name.

    Parameters
    ----------
    name : str
        Name of a continuous PyMC distribution.
    **arguments
        Its arguments, checked against its signature (PyMC itself ignores names it does not know);
        numbers, or vectors with one value for each coefficient.

    Raises
    ------
    PriorError
        Unknown distribution or argument, or an impossible value.

    Examples
    --------
    >>> print(prior("HalfNormal", sigma=2))
    HalfNormal(sigma=2)
    """
    kind = distribution(name)
    signature = inspect.signature(kind.dist).parameters.values()
    known = [p.name for p in signature if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for argument in arguments:
        if argument not in known:
            raise PriorError(
                f"{name} has no argument {argument!r}.", fix=f"its arguments are {known}"
            )
    try:
        given = {k: np.asarray(v, float) for k, v in arguments.items() if v is not None}
        variable = kind.dist(**given)
    except (TypeError, ValueError) as error:
        raise PriorError(
            f"{name} cannot be made from these arguments: {error}", fix=f"its arguments are {known}"
        ) from error
    return from_variable(variable, **given)


def as_prior(value: Any) -> Prior:
    """Return a prior from ours, ``pm.X.dist(...)``, or an object of bambi's.

    Raises
    ------
    PriorError
        It is none of these.
    """
    if isinstance(value, Prior):
        return value
    if isinstance(value, CovariancePrior):
        raise PriorError(
            f"{value} cannot be used here: it is a prior of the covariance of group effects.",
            fix="pass it as prior_covariance=",
        )
    if hasattr(value, "owner") and hasattr(value, "type"):
        return from_variable(value)
    if hasattr(value, "name") and isinstance(getattr(value, "args", None), dict):
        return prior(value.name, **value.args)
    raise PriorError(
        f"A prior must be one of {FAMILIAR}, not {value!r}.",
        fix=f"write for example gl.normal(0, {value!r})"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else None,
    )


def _positive(variable: TensorVariable, prior: Prior) -> TensorVariable:
    """Return ``variable``; raise `PriorError` if it gives weight to negative values."""
    import pymc as pm

    values = NEGATIVE.reshape(-1, *[1] * variable.type.ndim)
    if np.isfinite(_value(pm.logp(variable, values))).any():
        raise PriorError(
            f"{prior} allows negative values, but the parameter is positive.",
            fix="use a half-distribution, or gl.normal(), which is cut at zero there",
        )
    return variable


def _value(expression: TensorVariable) -> np.ndarray:
    """The value of a constant expression, without compiling anything."""
    from glimmer.interpreter.modes import PLAIN

    return np.asarray(expression.eval(mode=PLAIN))


def _shown(value: np.ndarray) -> str:
    return f"{value:.4g}" if value.ndim == 0 else "[...]"
