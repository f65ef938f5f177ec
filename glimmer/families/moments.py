"""Computes mean and variance of PyMC's distributions, for families that declare none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions import continuous as real
from pymc.distributions.distribution import DiracDeltaRV
from pymc.distributions.mixture import MixtureRV
from pymc.distributions.moments import mean as mean_of
from pymc.exceptions import UndefinedMomentException
from pytensor.tensor.random import basic

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def mean(outcome: TensorVariable) -> TensorVariable | None:
    """Return the mean of a distribution in its parameters and their shape; None if not known.

    Examples
    --------
    >>> import pymc as pm
    >>> mean(pm.ZeroInflatedPoisson.dist(psi=0.75, mu=[1.0, 2.0])).eval()
    array([0.75, 1.5 ])
    """
    try:
        return mean_of(outcome)
    except (NotImplementedError, UndefinedMomentException):
        return None


def variance(outcome: TensorVariable) -> TensorVariable | None:
    """Return the variance of a distribution in its parameters and their shape; None if not known.

    Examples
    --------
    >>> import pymc as pm
    >>> variance(pm.Laplace.dist(0.0, [1.0, 2.0])).eval()
    array([2., 8.])
    """
    op = outcome.owner.op
    if isinstance(op, MixtureRV):
        return _of_mixture(*op.dist_params(outcome.owner))
    rule = _VARIANCES.get(type(op))
    return None if rule is None else rule(*op.dist_params(outcome.owner))


def _of_mixture(weights: Any, *components: Any) -> TensorVariable | None:
    """The variance within components, and that of their means."""
    means = _side_by_side([mean(component) for component in components])
    within = _side_by_side([variance(component) for component in components])
    if means is None or within is None:
        return None
    center = pt.sum(weights * means, axis=-1, keepdims=True)
    return pt.sum(weights * (within + (means - center) ** 2), axis=-1)


def _side_by_side(values: list[Any]) -> TensorVariable | None:
    """Values of components in a last dimension, which a single component has already."""
    if any(value is None for value in values):
        return None
    return values[0] if len(values) == 1 else pt.stack(pt.broadcast_arrays(*values), axis=-1)


def _of_skew_normal(mu: Any, sigma: Any, alpha: Any) -> TensorVariable:
    return sigma**2 * (1 - 2 * alpha**2 / (np.pi * (1 + alpha**2)))


def _of_weibull(alpha: Any, beta: Any) -> TensorVariable:
    return beta**2 * (pt.gamma(1 + 2 / alpha) - pt.gamma(1 + 1 / alpha) ** 2)


def _of_beta(a: Any, b: Any) -> TensorVariable:
    return a * b / ((a + b) ** 2 * (a + b + 1))


def _of_student_t(nu: Any, mu: Any, sigma: Any) -> TensorVariable:
    return pt.switch(nu > 2, sigma**2 * nu / (nu - 2), pt.inf)


_VARIANCES: dict[type, Callable[..., TensorVariable]] = {
    basic.NormalRV: lambda mu, sigma: sigma**2,
    basic.StudentTRV: _of_student_t,
    basic.LogNormalRV: lambda mu, sigma: pt.expm1(sigma**2) * pt.exp(2 * mu + sigma**2),
    basic.LaplaceRV: lambda mu, b: 2 * b**2,
    basic.LogisticRV: lambda mu, s: (np.pi * s) ** 2 / 3,
    basic.GumbelRV: lambda mu, beta: (np.pi * beta) ** 2 / 6,
    real.SkewNormalRV: _of_skew_normal,
    real.AsymmetricLaplaceRV: lambda b, kappa, mu: (1 + kappa**4) / (b * kappa) ** 2,
    real.ExGaussianRV: lambda mu, sigma, nu: sigma**2 + nu**2,
    basic.UniformRV: lambda lower, upper: (upper - lower) ** 2 / 12,
    basic.ExponentialRV: lambda scale: scale**2,
    basic.HalfNormalRV: lambda loc, sigma: sigma**2 * (1 - 2 / np.pi),
    basic.GammaRV: lambda shape, scale: shape * scale**2,
    basic.InvGammaRV: lambda a, b: pt.switch(a > 2, b**2 / ((a - 1) ** 2 * (a - 2)), pt.inf),
    real.WeibullBetaRV: _of_weibull,
    real.WaldRV: lambda mu, lam, alpha: mu**3 / lam,
    basic.BetaRV: _of_beta,
    basic.BernoulliRV: lambda p: p * (1 - p),
    basic.BinomialRV: lambda n, p: n * p * (1 - p),
    basic.BetaBinomialRV: lambda n, a, b: n * (a + b + n) * _of_beta(a, b),
    basic.PoissonRV: lambda mu: mu,
    basic.NegBinomialRV: lambda n, p: n * (1 - p) / p**2,
    basic.GeometricRV: lambda p: (1 - p) / p**2,
    DiracDeltaRV: lambda c: pt.zeros_like(c),
}
