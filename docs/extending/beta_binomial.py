"""A beta-binomial family: successes in trials whose probability varies, with concentration phi."""

from math import exp, lgamma

import pymc as pm
import pytensor.tensor as pt

import glimmer as gl
from glimmer.kernels import digamma


def row(eta, y, n, phi):
    """Log density of y successes in n trials, and its derivatives by eta and by phi."""
    p, q = 1 / (1 + exp(-eta)), 1 / (1 + exp(eta))
    a, b = p * phi, q * phi
    value = lgamma(n + 1) - lgamma(y + 1) - lgamma(n - y + 1) + lgamma(phi) - lgamma(n + phi)
    value += lgamma(y + a) - lgamma(a) + lgamma(n - y + b) - lgamma(b)
    by_a, by_b = digamma(y + a) - digamma(a), digamma(n - y + b) - digamma(b)
    by_phi = digamma(phi) - digamma(n + phi) + p * by_a + q * by_b
    return value, phi * p * q * (by_a - by_b), by_phi


beta_binomial = gl.Family(
    "beta_binomial",
    link="logit",
    aux={"phi": gl.exponential(0.1)},
    has_trials=True,
    support=gl.Support("whole numbers from 0 up", lower=0.0, closed=True, whole=True),
    dist=lambda mu, phi, trials: pm.BetaBinomial.dist(mu * phi, (1 - mu) * phi, trials),
    on_log_odds=lambda eta, phi, trials: pm.BetaBinomial.dist(  # 1 - mu loses digits near mu = 1
        pt.sigmoid(eta) * phi, pt.sigmoid(-eta) * phi, trials
    ),
    mean=lambda mu, phi, trials: trials * mu,
    variance=lambda mu, phi, trials: trials * mu * (1 - mu) * (phi + trials) / (phi + 1),
    kernels={"logit": gl.row_kernel(row, aux=["phi"])},
)
gl.register_family(beta_binomial)
