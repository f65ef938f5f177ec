"""Declares what a prior is: the law of a parameter, which may be rescaled to the data first."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from glimmer.errors import PriorError, suggestion

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

Hyper = float | tuple[float, ...]
DEFAULT_SCALE = 2.5
STEPS = np.logspace(-6, 6, 13)
"""How far outside a domain a prior is asked for weight."""


@dataclass(frozen=True)
class Scales:
    """The scales of the data that an autoscaled prior is adjusted to.

    Parameters
    ----------
    outcome : float
        sd of the outcome where the linear predictor lives on its scale, else 1.
    predictors : ndarray, shape (k,)
        sd of each column of the design, or 1.
    link : float
        Ratio of the link's scale to the logit's (probit: 1.5958), else 1.
    """

    outcome: float = 1.0
    predictors: np.ndarray | float = 1.0
    link: float = 1.0

    @property
    def factor(self) -> np.ndarray | float:
        """What a scale is multiplied by."""
        return self.outcome * self.link / self.predictors


class Prior:
    """A prior distribution.

    A prior of one's own is any subclass with `rv` (and `positive_rv`, if it may be put on a scale
    parameter); `rescaled` returns ``self`` unless the prior can be autoscaled.

    Attributes
    ----------
    joint : bool
        Whether the prior is for a vector of coefficients as a whole.
    proper : bool
        Whether the density integrates to one.
    vectors : tuple of str
        The fields that may hold one value for each coefficient (of a dataclass).

    Examples
    --------
    >>> import pymc as pm, glimmer as gl
    >>> class Logistic(gl.Prior):
    ...     def rv(self):
    ...         return pm.Logistic.dist(0, 1)
    """

    joint: ClassVar[bool] = False
    proper: ClassVar[bool] = True
    vectors: ClassVar[tuple[str, ...]] = ()
    autoscale: bool = False

    def rv(self) -> TensorVariable:
        """Return the prior as a new unregistered PyMC variable, scalar or of its own shape."""
        raise PriorError(f"{self} cannot be the prior of a parameter on the whole real line.")

    def positive_rv(self) -> TensorVariable:
        """Return the prior truncated to positive values, as a new unregistered PyMC variable."""
        raise PriorError(f"{self} cannot be the prior of a positive parameter.")

    def above(self, lower: float) -> TensorVariable:
        """Return the prior truncated to values above ``lower``, as a new PyMC variable."""
        import pymc as pm

        if not np.isfinite(lower):
            return self.rv()
        if lower == 0:
            return self.positive_rv()
        try:
            return pm.Truncated.dist(self.positive_rv() if lower > 0 else self.rv(), lower=lower)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise PriorError(
                f"{self} cannot be truncated at {lower:g}, the lower bound of the parameter.",
                fix="use gl.gamma() or gl.exponential()",
            ) from error

    def sized(self, size: int) -> Prior:
        """Return the prior for ``size`` numbers, where it depends on how many there are."""
        return self

    def within(self, lower: float, upper: float) -> TensorVariable:
        """Return the prior truncated to values between two ends, as a new PyMC variable.

        Raises
        ------
        PriorError
            It has weight outside and cannot be truncated.
        """
        if not np.isfinite(upper):
            return self.above(lower)
        for law in (self.rv, self.positive_rv) if lower >= 0 else (self.rv,):
            try:
                return _cut(law(), lower, upper)
            except (TypeError, ValueError, NotImplementedError):  # PriorError is a ValueError
                continue
        raise PriorError(
            f"{self} cannot be cut off at {lower:g} and {upper:g}, the ends of the parameter's "
            "domain.",
            fix='use gl.prior("Beta", ...), or another distribution between these ends',
        )

    def rescaled(self, scales: Scales) -> Prior:
        """Return the prior in the units of the data, free of ``autoscale``."""
        return self

    def at(self, columns: slice | int) -> Prior:
        """Return the prior of some of the coefficients, if its hyperparameters are vectors."""
        fields = {name: getattr(self, name) for name in self.vectors}
        picked = {name: h[columns] for name, h in fields.items() if isinstance(h, tuple)}
        return replace(self, **picked) if picked else self  # type: ignore[type-var]

    def length(self) -> int | None:
        """Number of coefficients the prior is for, None if any."""
        fields = {name: getattr(self, name) for name in self.vectors}
        lengths = {name: len(h) for name, h in fields.items() if isinstance(h, tuple)}
        if len(set(lengths.values())) > 1:
            raise PriorError(f"{self}: {' and '.join(lengths)} have different lengths.")
        return next(iter(lengths.values()), None)

    def normal_parameters(self) -> tuple[Hyper, Hyper] | None:
        """Location and scale if the prior is normal (scale inf if flat), else None."""
        return None


@dataclass(frozen=True)
class Covariance:
    """A covariance matrix as its standard deviations and the Cholesky factor of its correlations.

    Attributes
    ----------
    sds : list of scalar tensors, length p
    chol : list of lists of scalar tensors
        ``chol[k][m]`` for m <= k.
    """

    sds: list[Any]
    chol: list[list[Any]]


class CovariancePrior:
    """A prior for the covariance of a block of group-specific effects."""

    def rescaled(self, scales: Scales) -> CovariancePrior:
        """Return the prior in the units of the data."""
        return self

    def build(
        self, name: str, sd_names: tuple[str, ...], noise: TensorVariable | float
    ) -> Covariance:
        """Register the prior's variables in the current PyMC model.

        Parameters
        ----------
        name : str
            Prefix of the variables of the block as a whole.
        sd_names : tuple of str, length p
            Names under which the standard deviations are registered.
        noise : tensor or float
            What standard deviations are relative to.
        """
        raise NotImplementedError


def _cut(rv: TensorVariable, lower: float, upper: float) -> TensorVariable:
    """A distribution as it is if it lies between two ends, else truncated to them."""
    import pymc as pm

    from glimmer.interpreter.evaluate import log_density

    outside = np.concatenate([lower - STEPS, upper + STEPS])
    if not np.isfinite(log_density(rv, outside[np.isfinite(outside)])).any():
        return rv
    cut = pm.Truncated.dist(rv, lower=lower if np.isfinite(lower) else None, upper=upper)
    inside = upper - 1 if not np.isfinite(lower) else (lower + upper) / 2
    if not np.isfinite(log_density(cut, inside)):
        raise ValueError("its density is not finite")
    return cut


class LocationScale(Prior):
    """A symmetric prior with a location and a scale; both may be vectors."""

    vectors: ClassVar[tuple[str, ...]] = ("location", "scale")
    location: Hyper
    scale: Hyper | None

    def rescaled(self, scales: Scales) -> Self:
        if not self.autoscale:
            return self
        scale = DEFAULT_SCALE if self.scale is None else self.scale
        adjusted = hyper(np.asarray(scale) * scales.factor)
        return replace(self, scale=adjusted, autoscale=False)  # type: ignore[type-var]

    @property
    def shift_and_scale(self) -> tuple[Any, Any]:
        """Location and scale as numbers or arrays."""
        scale = DEFAULT_SCALE if self.scale is None else self.scale
        return np.asarray(self.location, float), np.asarray(scale, float)

    @property
    def centred_at_zero(self) -> bool:
        """Whether the location is 0, so that the positive half is a half-distribution."""
        return bool(np.all(np.asarray(self.location) == 0))


def hyper(value: Any) -> Hyper:
    """A hyperparameter as a float or a tuple of floats."""
    array = np.asarray(value, dtype=float)
    if array.ndim > 1:
        raise PriorError(
            f"A hyperparameter must be a number or a vector, not of shape {array.shape}."
        )
    return float(array) if array.ndim == 0 else tuple(array.tolist())


def real(value: Any, what: str) -> Hyper:
    """A finite hyperparameter."""
    number = _number(value, what)
    if not np.all(np.isfinite(number)):
        raise PriorError(f"{what} must be finite, not {value!r}.")
    return number


def positive(value: Any, what: str) -> Hyper:
    """A positive and finite hyperparameter."""
    number = _number(value, what)
    if not (np.all(np.isfinite(number)) and np.all(np.asarray(number) > 0)):
        raise PriorError(f"{what} must be positive and finite, not {value!r}.")
    return number


def positive_scale(value: Any) -> Hyper | None:
    """A scale, where None asks for the default of 2.5."""
    return None if value is None else positive(value, "scale")


def _number(value: Any, what: str) -> Hyper:
    try:
        return hyper(value)
    except (TypeError, ValueError) as error:
        if isinstance(error, PriorError):
            raise
        raise PriorError(f"{what} must be a number or a vector, not {value!r}.") from error


MEANT = {"mean": "location", "mu": "location", "sd": "scale", "sigma": "scale", "lam": "rate"}


def prior_function[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Turn a wrong argument name into a `PriorError` with the right one."""
    signature = inspect.signature(function)

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in signature.parameters:
                known = list(signature.parameters)
                meant = MEANT.get(name)
                hint = f"did you mean {meant!r}?" if meant in known else suggestion(name, known)
                raise PriorError(f"{function.__name__}() has no argument {name!r}.", fix=hint)
        return function(*args, **kwargs)

    return bound


def shown(value: Any) -> str:
    """A hyperparameter for people: 4 significant digits, the first three of a vector."""
    if value is None:
        return "2.5"
    if isinstance(value, tuple):
        return (
            "[" + ", ".join(f"{v:.4g}" for v in value[:3]) + (", ...]" if len(value) > 3 else "]")
        )
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


def described(name: str, autoscale: bool, **arguments: Any) -> str:
    """``normal(location = 0, scale = 2.5)``."""
    inside = ", ".join(f"{k} = {shown(v)}" for k, v in arguments.items())
    return f"{name}({inside}{', autoscale = True' if autoscale else ''})"
