"""Any PyMC distribution as a prior: ``pm.Normal.dist(0, 1)``, or one named with its arguments."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import PriorError, suggestion
from glimmer.priors.base import Prior
from glimmer.record import record

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


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
class NamedPrior(Prior):
    """A PyMC distribution by name, with the arguments of its ``dist``; see `prior`."""

    distribution: str
    arguments: dict[str, Any]

    def rv(self) -> TensorVariable:
        arguments = {k: np.asarray(v) for k, v in self.arguments.items()}
        return distribution(self.distribution).dist(**arguments)

    def positive_rv(self) -> TensorVariable:
        variable = self.rv()
        check_positive(variable, str(self))
        return variable

    def __str__(self) -> str:
        inside = ", ".join(f"{k}={v}" for k, v in self.arguments.items())
        return f"{self.distribution}({inside})"


class VariablePrior(Prior):
    """An unregistered PyMC variable as a prior, ``pm.X.dist(...)``; it cannot be saved."""

    def __init__(self, variable: TensorVariable) -> None:
        self.variable = variable

    def rv(self) -> TensorVariable:
        return self.variable

    def positive_rv(self) -> TensorVariable:
        check_positive(self.variable, str(self))
        return self.variable

    def length(self) -> int | None:
        shape = self.variable.type.shape
        return int(shape[0]) if len(shape) == 1 and shape[0] not in (None, 1) else None

    def __str__(self) -> str:
        from pymc.printing import str_for_dist

        try:
            text = str_for_dist(self.variable, formatting="plain")
        except Exception:
            text = type(self.variable.owner.op).__name__
        return text.split("~")[-1].strip()


@record
class ConstantPrior(Prior):
    """A PyMC random variable with constant parameters: what ``pm.X.dist(1, 2)`` is inside."""

    distribution: str
    inputs: tuple[np.ndarray, ...]

    def rv(self) -> TensorVariable:
        return distribution(self.distribution).rv_op(*self.inputs)

    def positive_rv(self) -> TensorVariable:
        variable = self.rv()
        check_positive(variable, str(self))
        return variable

    def length(self) -> int | None:
        sizes = {array.size for array in self.inputs if array.ndim == 1 and array.size > 1}
        return sizes.pop() if len(sizes) == 1 else None

    def at(self, columns: slice | int) -> ConstantPrior:
        if self.length() is None:
            return self
        pick = tuple(np.asarray(a[columns]) if a.ndim and a.size > 1 else a for a in self.inputs)
        return ConstantPrior(self.distribution, pick)

    def __str__(self) -> str:
        inside = ", ".join(f"{x:.4g}" if x.ndim == 0 else "[...]" for x in self.inputs)
        return f"{self.distribution}({inside})"


def from_variable(variable: TensorVariable) -> Prior:
    """Wrap ``pm.X.dist(...)``; one with constant parameters becomes a value that can be saved."""
    from pytensor.graph.basic import Constant
    from pytensor.tensor.random.op import RandomVariable

    owner = variable.owner
    if owner is None:
        raise PriorError(
            f"{variable} is not a distribution.", fix="pass pm.X.dist(...) or gl.normal(...)"
        )
    if variable.type.dtype.startswith(("int", "uint", "bool")):
        raise PriorError(
            f"{VariablePrior(variable)} is discrete; parameters are continuous.",
            fix="use a continuous distribution",
        )
    if isinstance(owner.op, RandomVariable):
        parameters = owner.op.dist_params(owner)
        for name, kind in _distributions().items():
            same = type(getattr(kind, "rv_op", None)) is type(owner.op)
            if same and all(isinstance(p, Constant) for p in parameters):
                return ConstantPrior(name, tuple(np.asarray(p.data) for p in parameters))
    return VariablePrior(variable)


def prior(name: str, **arguments: Any) -> NamedPrior:
    """Return any PyMC distribution as a prior, by name.

    Parameters
    ----------
    name : str
        Name of a continuous PyMC distribution.
    **arguments
        Its arguments, checked against its signature (PyMC itself ignores names it does not know).

    Raises
    ------
    PriorError
        Unknown distribution or argument.

    Examples
    --------
    >>> print(prior("HalfNormal", sigma=2))
    HalfNormal(sigma=2)
    """
    kind = distribution(name)
    known = [
        p.name
        for p in inspect.signature(kind.dist).parameters.values()
        if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    for argument in arguments:
        if argument not in known:
            raise PriorError(
                f"{name} has no argument {argument!r}.", fix=f"its arguments are {known}"
            )
    clean = {
        key: float(value) if np.ndim(value) == 0 else np.asarray(value, float)
        for key, value in arguments.items()
        if value is not None
    }
    made = NamedPrior(name, clean)
    from_variable(made.rv())
    return made


def check_positive(variable: TensorVariable, what: str) -> None:
    """Raise `PriorError` if a distribution gives weight to negative values."""
    import pymc as pm
    from pytensor.compile.mode import Mode

    below = pm.logp(variable, np.full(variable.type.shape, -1e-3) if variable.ndim else -1e-3)
    value = np.asarray(below.eval(mode=Mode(linker="py", optimizer=None)))
    if np.any(np.isfinite(value)):
        raise PriorError(
            f"{what} gives weight to negative values, but the parameter is positive.",
            fix="use a half-distribution, or gl.normal(), which is cut at zero there",
        )
