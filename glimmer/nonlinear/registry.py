"""Registers mean functions by name: the package's own, and those that the user adds."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from glimmer.errors import MeanFunctionError, Span, UnknownFunction, suggestion
from glimmer.nonlinear.protocol import MeanFunction, mean_function

MODULES = {
    "asymptotic": "SSasymp SSasympOff SSasympOrig SSbiexp SSmicmen SSweibull",
    "sigmoid": "SSlogis SSfpl SSgompertz richards",
    "growth": "exponential_growth power_law von_bertalanffy chapman_richards beta_growth "
    "beta_growth_log ricker",
    "dose_response": "emax hill loglogistic3 loglogistic4 loglogistic5 weibull1 weibull2",
    "pharmacokinetic": "SSfol onecpt_bolus onecpt_infusion onecpt_oral onecpt_oral_lag "
    "onecpt_oral_rates twocpt_bolus twocpt_oral",
}
BUILT_IN = {name: module for module, names in MODULES.items() for name in names.split()}
_REGISTERED: dict[str, MeanFunction] = {}


def mean_function_names() -> tuple[str, ...]:
    """Return the names of all mean functions that a formula can call."""
    return (*BUILT_IN, *_REGISTERED)


def find_mean_function(
    name: str, *, formula: str | None = None, span: Span | None = None
) -> MeanFunction:
    """Return a mean function by its name.

    Parameters
    ----------
    name : str
    formula, span : str and (int, int), optional
        Where the name stands, for the error.

    Raises
    ------
    UnknownFunction
        No mean function has that name.

    Examples
    --------
    >>> find_mean_function("SSlogis")
    SSlogis(x, Asym, xmid, scal)
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in BUILT_IN:
        raise UnknownFunction(
            f"Unknown mean function {name!r}.",
            formula=formula,
            span=span,
            fix=suggestion(name, mean_function_names())
            + " (add your own with register_mean_function)",
        )
    return vars(import_module(f"glimmer.nonlinear.{BUILT_IN[name]}"))[name]


def register_mean_function(
    function: MeanFunction | Callable[..., Any], **declaration: Any
) -> MeanFunction:
    """Add a mean function, so that formulas and saved models find it by name.

    Parameters
    ----------
    function : MeanFunction or callable
        A callable of PyTensor tensors is made a mean function first.
    **declaration
        For a callable: ``parameters``, ``inputs``, ``self_start``, ... of `mean_function`.

    Returns
    -------
    MeanFunction

    Raises
    ------
    MeanFunctionError
        The name belongs to one of the package's functions, or is not an identifier; or the
        callable and its declaration do not match.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> def decline(t, a, k):
    ...     return a * pt.exp(-k * t)
    >>> register_mean_function(decline, parameters={"a": "y-level", "k": "rate"})
    decline(t, a, k)
    """
    added: MeanFunction = (
        function if isinstance(function, MeanFunction) else mean_function(function, **declaration)
    )
    if added.name in BUILT_IN or not added.name.isidentifier():
        raise MeanFunctionError(
            f"{added.name!r} cannot be the name of a new mean function.",
            fix="give it another name: name='my_curve'",
        )
    _REGISTERED[added.name] = added
    return added
