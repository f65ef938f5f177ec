"""Defines dose-response curves: Emax and Hill, log-logistic, Weibull.

The log-logistic and Weibull curves have the names and parameters of the drc package for R: `c` and
`d` are the lower and the upper limit, `b` the slope about the dose `e` (Ritz et al. 2015, PLoS ONE
10, e0146021). A log-logistic curve falls with b > 0. At dose zero every curve takes its limit.
"""

from __future__ import annotations

from pytensor.tensor import TensorVariable as Tensor
from pytensor.tensor import exp, log, softplus, switch

from glimmer.nonlinear.parameters import Input, Parameter, Symmetry
from glimmer.nonlinear.protocol import mean_function
from glimmer.nonlinear.stable import exp_minus_exp, log_positive, logistic

DOSE = [Input("x", lower=0.0)]
SLOPE = Parameter("b", "exponent", "slope about e on the scale of log x", nonzero=True)
LOWER = Parameter("c", "y-level", "lower limit")
UPPER = Parameter("d", "y-level", "upper limit")
ED50 = Parameter("e", "x-scale", "dose with half the effect (ED50)")
INFLECTION = Parameter("e", "x-scale", "point of inflection on the scale of log x")


@mean_function(
    inputs=DOSE,
    parameters=(
        Parameter("E0", "y-level", "response without a dose"),
        Parameter("Emax", "y-difference", "greatest effect"),
        Parameter("EC50", "x-scale", "dose with half of it"),
    ),
)
def emax(x: Tensor, E0: Tensor, Emax: Tensor, EC50: Tensor) -> Tensor:
    """Emax curve: ``E0 + Emax x / (EC50 + x)``.

    Examples
    --------
    >>> emax(5.0, E0=1.0, Emax=10.0, EC50=5.0)
    6.0
    """
    return E0 + Emax * x / (EC50 + x)


@mean_function(
    inputs=DOSE,
    parameters=(
        Parameter("E0", "y-level", "response without a dose"),
        Parameter("Emax", "y-difference", "greatest effect"),
        Parameter("EC50", "x-scale", "dose with half of it"),
        Parameter("h", "exponent", "Hill coefficient"),
    ),
)
def hill(x: Tensor, E0: Tensor, Emax: Tensor, EC50: Tensor, h: Tensor) -> Tensor:
    """Hill's curve, the sigmoid Emax: ``E0 + Emax x^h / (EC50^h + x^h)``.

    Notes
    -----
    Hill (1910), J. Physiol. 40, iv-vii.

    Examples
    --------
    >>> hill(5.0, E0=1.0, Emax=10.0, EC50=5.0, h=2.5)
    6.0
    """
    effect = logistic(h * (log_positive(x) - log(EC50)))
    return E0 + Emax * switch(x > 0, effect, 0.0)


@mean_function(inputs=DOSE, parameters=(SLOPE, UPPER, ED50))
def loglogistic3(x: Tensor, b: Tensor, d: Tensor, e: Tensor) -> Tensor:
    """Log-logistic curve with lower limit zero: ``d / (1 + (x / e)^b)``.

    Examples
    --------
    >>> loglogistic3(2.0, b=1.5, d=8.0, e=2.0)
    4.0
    """
    return d * _log_logistic(x, b, e, 1.0)


@mean_function(
    inputs=DOSE,
    parameters=(SLOPE, LOWER, UPPER, ED50),
    symmetries=[
        Symmetry(
            "sign of b",
            image={"c": {"d": 1.0}, "d": {"c": 1.0}, "b": {"b": -1.0}},
            positive={"d": 1.0, "c": -1.0},
        )
    ],
)
def loglogistic4(x: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor) -> Tensor:
    """Log-logistic curve: ``c + (d - c) / (1 + (x / e)^b)``.

    Notes
    -----
    The curve is the same with c and d exchanged and the sign of b turned; canonically d > c.

    Examples
    --------
    >>> loglogistic4(2.0, b=1.5, c=1.0, d=8.0, e=2.0)
    4.5
    """
    return c + (d - c) * _log_logistic(x, b, e, 1.0)


@mean_function(
    inputs=DOSE,
    parameters=(
        SLOPE,
        LOWER,
        UPPER,
        INFLECTION,
        Parameter("f", "exponent", "asymmetry: 1 is the symmetric curve"),
    ),
)
def loglogistic5(x: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Tensor:
    """Asymmetric log-logistic curve: ``c + (d - c) / (1 + (x / e)^b)^f``.

    Notes
    -----
    Finney (1979), Biometrics 35, 547-555.

    Examples
    --------
    >>> loglogistic5(0.0, b=1.5, c=0.0, d=8.0, e=2.0, f=3.0)
    8.0
    """
    return c + (d - c) * _log_logistic(x, b, e, f)


@mean_function(inputs=DOSE, parameters=(SLOPE, LOWER, UPPER, INFLECTION))
def weibull1(x: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor) -> Tensor:
    """Weibull curve of type 1: ``c + (d - c) exp(-(x / e)^b)``.

    Examples
    --------
    >>> weibull1(0.0, b=1.5, c=1.0, d=8.0, e=2.0)
    8.0
    """
    return c + (d - c) * _weibull(x, b, e)


@mean_function(inputs=DOSE, parameters=(SLOPE, LOWER, UPPER, INFLECTION))
def weibull2(x: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor) -> Tensor:
    """Weibull curve of type 2: ``c + (d - c) (1 - exp(-(x / e)^b))``.

    Examples
    --------
    >>> weibull2(0.0, b=1.5, c=1.0, d=8.0, e=2.0)
    1.0
    """
    return c + (d - c) * (1 - _weibull(x, b, e))


def _log_logistic(x: Tensor, b: Tensor, e: Tensor, f: Tensor | float) -> Tensor:
    """``(1 + (x / e)^b)^-f``, at x = 0 its limit: 1 or 0 by the sign of b."""
    inside = exp(-f * softplus(b * (log_positive(x) - log(e))))
    return switch(x > 0, inside, b > 0)


def _weibull(x: Tensor, b: Tensor, e: Tensor) -> Tensor:
    """``exp(-(x / e)^b)``, at x = 0 its limit: 1 or 0 by the sign of b."""
    return switch(x > 0, exp_minus_exp(b * (log_positive(x) - log(e))), b > 0)
