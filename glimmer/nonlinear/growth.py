"""Defines curves of growth in size and number: allometry, fish, forests, crops, populations."""

from __future__ import annotations

from pytensor.tensor import TensorVariable as Tensor
from pytensor.tensor import exp, expm1, minimum

from glimmer.nonlinear.parameters import Input, Parameter
from glimmer.nonlinear.protocol import mean_function
from glimmer.nonlinear.stable import power


@mean_function(
    parameters=(
        Parameter("a", "y-level", "value at x = 0"),
        Parameter("k", "rate", "relative growth per unit of x", nonzero=True),
    ),
)
def exponential_growth(x: Tensor, a: Tensor, k: Tensor) -> Tensor:
    """Exponential growth, or decay with k < 0: ``a exp(k x)``.

    Examples
    --------
    >>> exponential_growth(0.0, a=2.0, k=-0.5)
    2.0
    """
    return a * exp(k * x)


@mean_function(
    inputs=[Input("x", lower=0.0)],
    parameters=(
        Parameter("a", "coefficient", "value at x = 1"),
        Parameter("b", "exponent", "power to which x is raised"),
    ),
)
def power_law(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Allometric growth: ``a x^b``.

    Notes
    -----
    Huxley (1932), Problems of Relative Growth. With b > 0 the curve starts at the origin.

    Examples
    --------
    >>> power_law(4.0, a=3.0, b=0.5)
    6.0
    """
    return a * power(x, b)


@mean_function(
    parameters=(
        Parameter("Linf", "y-level", "asymptote as x grows"),
        Parameter("k", "rate", "rate of approach"),
        Parameter("t0", "x-location", "age at which the curve is zero"),
    ),
)
def von_bertalanffy(x: Tensor, Linf: Tensor, k: Tensor, t0: Tensor) -> Tensor:
    """Von Bertalanffy growth in length: ``Linf (1 - exp(-k (x - t0)))``.

    Notes
    -----
    Von Bertalanffy (1938), Human Biology 10, 181-213. The curve of `SSasympOff`, with the rate
    itself as parameter.

    Examples
    --------
    >>> von_bertalanffy(-0.5, Linf=80.0, k=0.2, t0=-0.5)
    0.0
    """
    return -Linf * expm1(-k * (x - t0))


@mean_function(
    inputs=[Input("x", lower=0.0)],
    parameters=(
        Parameter("Asym", "y-level", "asymptote as x grows"),
        Parameter("k", "rate", "rate of the final approach"),
        Parameter("p", "exponent", "shape: 1 is the exponential approach, 3 weight by length"),
    ),
)
def chapman_richards(x: Tensor, Asym: Tensor, k: Tensor, p: Tensor) -> Tensor:
    """Chapman-Richards growth: ``Asym (1 - exp(-k x))^p``.

    Notes
    -----
    Chapman (1961); Pienaar & Turnbull (1973), Forest Science 19, 2-22.

    Examples
    --------
    >>> chapman_richards(0.0, Asym=30.0, k=0.05, p=1.5)
    0.0
    """
    return Asym * power(-expm1(-k * x), p)


@mean_function(
    inputs=[Input("x", lower=0.0)],
    parameters=(
        Parameter("wmax", "y-level", "final weight"),
        Parameter("te", "x-location", "time at which growth ends", lower=0.0),
        Parameter("tm", "x-location", "time of fastest growth, before te", lower=0.0),
    ),
)
def beta_growth(x: Tensor, wmax: Tensor, te: Tensor, tm: Tensor) -> Tensor:
    """Determinate growth: ``wmax (1 + (te - x) / (te - tm)) (x / te)^(te / (te - tm))``.

    Notes
    -----
    Yin et al. (2003), Annals of Botany 91, 361-371; `wmax` from `te` on. `beta_growth_log` is the
    same curve in parameters without constraints.

    Examples
    --------
    >>> beta_growth(90.0, wmax=20.0, te=80.0, tm=50.0)
    20.0
    """
    return _beta_growth(x, wmax, te, te - tm)


@mean_function(
    inputs=[Input("x", lower=0.0)],
    parameters=(
        Parameter("wmax", "y-level", "final weight"),
        Parameter("lte", "log-scale", "log of the time at which growth ends"),
        Parameter("ldt", "log-scale", "log of the time from fastest growth to that end"),
    ),
)
def beta_growth_log(x: Tensor, wmax: Tensor, lte: Tensor, ldt: Tensor) -> Tensor:
    """Determinate growth in parameters without constraints: `beta_growth` in logs.

    Examples
    --------
    >>> beta_growth_log(90.0, wmax=20.0, lte=4.4, ldt=3.4)
    20.0
    """
    return _beta_growth(x, wmax, exp(lte), exp(ldt))


def _beta_growth(x: Tensor, wmax: Tensor, te: Tensor, dt: Tensor) -> Tensor:
    """Growth that is fastest dt before it ends at te."""
    x = minimum(x, te)
    return wmax * (1 + (te - x) / dt) * power(x / te, te / dt)


@mean_function(
    parameters=(
        Parameter("a", "coefficient", "slope at x = 0"),
        Parameter("b", "rate", "one over the x at which the curve is highest"),
    ),
)
def ricker(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Ricker stock and recruitment: ``a x exp(-b x)``.

    Notes
    -----
    Ricker (1954), J. Fish. Res. Board Can. 11, 559-623.

    Examples
    --------
    >>> ricker(0.0, a=3.0, b=0.1)
    0.0
    """
    return a * x * exp(-b * x)
