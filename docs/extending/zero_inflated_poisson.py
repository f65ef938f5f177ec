"""A zero-inflated Poisson family: an outcome is 0 with probability zi, else Poisson(mu)."""

import math

import pymc as pm
from scipy.special import gammaln

import glimmer as gl
from glimmer.families import Parameter


def row(eta, y, constant, zi):
    """Log density of one outcome, and its derivatives by eta = log(mu) and by zi."""
    mu = math.exp(eta)
    if y > 0:
        return math.log1p(-zi) + y * eta - mu - constant, y - mu, -1 / (1 - zi)
    none = math.exp(-mu)
    zero = zi + (1 - zi) * none
    return math.log(zero), -(1 - zi) * none * mu / zero, (1 - none) / zero


zero_inflated_poisson = gl.Family(
    "zero_inflated_poisson",
    [
        Parameter("mu", "log", main=True),
        Parameter("zi", "logit", prior=gl.prior("Beta", alpha=1, beta=1)),
    ],
    dist=lambda mu, zi: pm.ZeroInflatedPoisson.dist(psi=1 - zi, mu=mu),
    support=gl.Support("whole numbers from 0 up", lower=0.0, closed=True, whole=True),
    mean=lambda mu, zi: (1 - zi) * mu,
    variance=lambda mu, zi: (1 - zi) * mu * (1 + zi * mu),
    kernels={"log": gl.row_kernel(row, aux=["zi"], fold=lambda y, trials: (y, gammaln(y + 1)))},
)
gl.register_family(zero_inflated_poisson)
