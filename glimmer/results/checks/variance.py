"""The variance of an outcome given the parameters, by its distribution."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import pytensor.tensor as pt
from pymc.distributions.continuous import WaldRV
from pytensor.tensor.random import basic

from glimmer.errors import FamilyError

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def variance(outcome: TensorVariable) -> TensorVariable:
    """Return the variance of a distribution, as an expression in its parameters and their shape.

    Raises
    ------
    FamilyError
        The rule for this distribution is not known; register one with `variance_of`.

    Examples
    --------
    >>> import pymc as pm
    >>> variance(pm.Poisson.dist([1.0, 2.0])).eval()
    array([1., 2.])
    """
    node = outcome.owner
    return variance_of(node.op)(*node.op.dist_params(node))


@singledispatch
def variance_of(op: Any) -> Callable[..., Any]:
    """Return the rule for a distribution's Op: from its parameters to the variance.

    Examples
    --------
    >>> from pytensor.tensor.random.basic import LaplaceRV
    >>> @variance_of.register(LaplaceRV)
    ... def laplace(op):
    ...     return lambda mu, b: 2 * b**2
    """
    raise FamilyError(
        f"The variance of {type(op).__name__} is not known.",
        fix="register its rule with glimmer.results.checks.variance.variance_of",
    )


def _rule(kind: type, rule: Callable[..., Any]) -> None:
    variance_of.register(kind)(lambda op: rule)


_rule(basic.NormalRV, lambda mu, sigma: sigma**2)
_rule(basic.StudentTRV, lambda nu, mu, sigma: pt.switch(nu > 2, sigma**2 * nu / (nu - 2), pt.inf))
_rule(basic.LogNormalRV, lambda mu, sigma: pt.expm1(sigma**2) * pt.exp(2 * mu + sigma**2))
_rule(basic.BernoulliRV, lambda p: p * (1 - p))
_rule(basic.BinomialRV, lambda n, p: n * p * (1 - p))
_rule(basic.PoissonRV, lambda mu: mu)
_rule(basic.NegBinomialRV, lambda n, p: n * (1 - p) / p**2)
_rule(basic.GammaRV, lambda shape, scale: shape * scale**2)
_rule(WaldRV, lambda mu, lam, alpha: mu**3 / lam)
_rule(basic.BetaRV, lambda a, b: a * b / ((a + b) ** 2 * (a + b + 1)))
