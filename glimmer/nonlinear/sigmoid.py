"""Defines curves shaped like an S: the logistic, and its asymmetric relatives."""

from __future__ import annotations

from pytensor.tensor import TensorVariable as Tensor
from pytensor.tensor import exp, log, softplus

from glimmer.nonlinear import guesses
from glimmer.nonlinear.parameters import Parameter, Symmetry
from glimmer.nonlinear.protocol import mean_function
from glimmer.nonlinear.stable import logistic


@mean_function(
    parameters=(
        Parameter("Asym", "y-level", "asymptote"),
        Parameter("xmid", "x-location", "where half of it is reached"),
        Parameter("scal", "x-scale", "distance from there to 73 % of it", nonzero=True),
    ),
    guess=guesses.logistic,
)
def SSlogis(x: Tensor, Asym: Tensor, xmid: Tensor, scal: Tensor) -> Tensor:
    """Logistic growth: ``Asym / (1 + exp((xmid - x) / scal))``.

    Notes
    -----
    R's ``stats::SSlogis``. With scal < 0 the curve falls from the asymptote to zero.

    Examples
    --------
    >>> SSlogis(728.0, Asym=190.0, xmid=728.0, scal=350.0)
    95.0
    """
    return Asym * logistic((x - xmid) / scal)


@mean_function(
    parameters=(
        Parameter("A", "y-level", "left asymptote"),
        Parameter("B", "y-level", "right asymptote"),
        Parameter("xmid", "x-location", "where the curve is half way between them"),
        Parameter("scal", "x-scale", "distance from there to 73 % of the way", nonzero=True),
    ),
    symmetries=[
        Symmetry(
            "sign of scal",
            image={"A": {"B": 1.0}, "B": {"A": 1.0}, "scal": {"scal": -1.0}},
            positive={"scal": 1.0},
        )
    ],
    guess=guesses.logistic,
)
def SSfpl(x: Tensor, A: Tensor, B: Tensor, xmid: Tensor, scal: Tensor) -> Tensor:
    """Four-parameter logistic: ``A + (B - A) / (1 + exp((xmid - x) / scal))``.

    Notes
    -----
    R's ``stats::SSfpl``. The curve is the same with A and B exchanged and the sign of scal
    turned; canonically scal > 0.

    Examples
    --------
    >>> SSfpl(20.0, A=30.0, B=350.0, xmid=20.0, scal=6.0)
    190.0
    """
    return A + (B - A) * logistic((x - xmid) / scal)


@mean_function(
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("b2", "exponent", "log of the asymptote over the value at x = 0", nonzero=True),
        Parameter("b3", "fraction", "factor by which that log shrinks per unit of x"),
    ),
    guess=guesses.gompertz,
)
def SSgompertz(x: Tensor, Asym: Tensor, b2: Tensor, b3: Tensor) -> Tensor:
    """Gompertz growth: ``Asym exp(-b2 b3^x)``.

    Notes
    -----
    R's ``stats::SSgompertz``. With b2 < 0 the curve falls to the asymptote.

    Examples
    --------
    >>> round(SSgompertz(0.0, Asym=4.6, b2=2.3, b3=0.7), 4)
    0.4612
    """
    return Asym * exp(-b2 * exp(x * log(b3)))


@mean_function(
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("xmid", "x-location", "point of inflection"),
        Parameter("scal", "x-scale", "one over the rate of the final approach"),
        Parameter("nu", "exponent", "asymmetry: 1 is the logistic, towards 0 the Gompertz"),
    ),
)
def richards(x: Tensor, Asym: Tensor, xmid: Tensor, scal: Tensor, nu: Tensor) -> Tensor:
    """Richards growth: ``Asym (1 + nu exp((xmid - x) / scal))^(-1 / nu)``.

    Notes
    -----
    Richards (1959), J. Exp. Bot. 10, 290-301, parameterised by the point of inflection, where the
    curve is at ``(1 + nu)^(-1 / nu)`` of the asymptote. Early growth is exponential at the rate
    ``1 / (nu scal)``.

    Examples
    --------
    >>> richards(10.0, Asym=2.0, xmid=10.0, scal=3.0, nu=1.0)
    1.0
    """
    return Asym * exp(-softplus(log(nu) + (xmid - x) / scal) / nu)
