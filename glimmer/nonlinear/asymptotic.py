"""Defines curves that approach an asymptote: exponentially, or as a rectangular hyperbola."""

from __future__ import annotations

from pytensor.tensor import TensorVariable as Tensor
from pytensor.tensor import exp, expm1, switch

from glimmer.nonlinear import guesses
from glimmer.nonlinear.parameters import Input, Parameter, exchange
from glimmer.nonlinear.protocol import mean_function
from glimmer.nonlinear.stable import exp_minus_exp, log_positive


@mean_function(
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("R0", "y-level", "value at x = 0"),
        Parameter("lrc", "log-rate", "log of the rate constant"),
    ),
    guess=guesses.asymptotic,
)
def SSasymp(x: Tensor, Asym: Tensor, R0: Tensor, lrc: Tensor) -> Tensor:
    """Exponential approach to an asymptote: ``Asym + (R0 - Asym) exp(-exp(lrc) x)``.

    Notes
    -----
    R's ``stats::SSasymp``.

    Examples
    --------
    >>> SSasymp(0.0, Asym=100.0, R0=-8.5, lrc=-3.2)
    -8.5
    """
    return Asym + (R0 - Asym) * exp(-exp(lrc) * x)


@mean_function(
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("lrc", "log-rate", "log of the rate constant"),
        Parameter("c0", "x-location", "where the curve is zero"),
    ),
    guess=guesses.asymptotic_offset,
)
def SSasympOff(x: Tensor, Asym: Tensor, lrc: Tensor, c0: Tensor) -> Tensor:
    """Approach to an asymptote from zero at c0: ``Asym (1 - exp(-exp(lrc) (x - c0)))``.

    Notes
    -----
    R's ``stats::SSasympOff``.

    Examples
    --------
    >>> SSasympOff(50.0, Asym=38.0, lrc=-4.4, c0=50.0)
    0.0
    """
    return -Asym * expm1(-exp(lrc) * (x - c0))


@mean_function(
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("lrc", "log-rate", "log of the rate constant"),
    ),
    guess=guesses.asymptotic_origin,
)
def SSasympOrig(x: Tensor, Asym: Tensor, lrc: Tensor) -> Tensor:
    """Approach to an asymptote from the origin: ``Asym (1 - exp(-exp(lrc) x))``.

    Notes
    -----
    R's ``stats::SSasympOrig``.

    Examples
    --------
    >>> SSasympOrig(0.0, Asym=100.0, lrc=-3.2)
    0.0
    """
    return -Asym * expm1(-exp(lrc) * x)


@mean_function(
    parameters=(
        Parameter("A1", "y-difference", "amplitude of the faster decay"),
        Parameter("lrc1", "log-rate", "log of its rate constant"),
        Parameter("A2", "y-difference", "amplitude of the slower decay"),
        Parameter("lrc2", "log-rate", "log of its rate constant"),
    ),
    symmetries=[exchange("exchange of the exponentials", "lrc2", "lrc1", A1="A2")],
    guess=guesses.biexponential,
)
def SSbiexp(x: Tensor, A1: Tensor, lrc1: Tensor, A2: Tensor, lrc2: Tensor) -> Tensor:
    """Sum of two decays: ``A1 exp(-exp(lrc1) x) + A2 exp(-exp(lrc2) x)``.

    Notes
    -----
    R's ``stats::SSbiexp``. The two decays may change places; canonically ``lrc1 > lrc2``.

    Examples
    --------
    >>> SSbiexp(0.0, A1=2.0, lrc1=0.6, A2=0.5, lrc2=-1.8)
    2.5
    """
    return A1 * exp(-exp(lrc1) * x) + A2 * exp(-exp(lrc2) * x)


@mean_function(
    inputs=[Input("x", lower=0.0)],
    parameters=(
        Parameter("Vm", "y-level", "asymptote as x grows"),
        Parameter("K", "x-scale", "where half of it is reached"),
    ),
    guess=guesses.lineweaver_burk,
)
def SSmicmen(x: Tensor, Vm: Tensor, K: Tensor) -> Tensor:
    """Michaelis-Menten kinetics: ``Vm x / (K + x)``.

    Notes
    -----
    R's ``stats::SSmicmen``; Holling's disc equation (type II) is the same curve.

    Examples
    --------
    >>> SSmicmen(0.06, Vm=200.0, K=0.06)
    100.0
    """
    return Vm * x / (K + x)


@mean_function(
    inputs=[Input("x", lower=0.0)],
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("Drop", "y-difference", "asymptote less the value at x = 0"),
        Parameter("lrc", "log-rate", "log of the rate constant"),
        Parameter("pwr", "exponent", "power to which x is raised"),
    ),
    guess=guesses.weibull,
)
def SSweibull(x: Tensor, Asym: Tensor, Drop: Tensor, lrc: Tensor, pwr: Tensor) -> Tensor:
    """Weibull growth: ``Asym - Drop exp(-exp(lrc) x^pwr)``.

    Notes
    -----
    R's ``stats::SSweibull``; unlike R's, its derivatives are finite at x = 0.

    Examples
    --------
    >>> SSweibull(0.0, Asym=160.0, Drop=115.0, lrc=-5.5, pwr=2.5)
    45.0
    """
    remaining = switch(x > 0, exp_minus_exp(lrc + pwr * log_positive(x)), 1.0)
    return Asym - Drop * remaining
