"""Declares the families that ship: rstanarm's, and the Student t and lognormal.

Names are R's and bambi's; other parameters than the mean are named as in bambi. Default priors are
rstanarm's: exponential with rate 1/sd(y) for a residual sd, exponential(1) for other parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.families.builtin_kernels import GAMMA, GAUSSIAN, NEGATIVE_BINOMIAL, POISSON
from glimmer.families.builtin_kernels import LOGIT as LOGISTIC
from glimmer.families.family import Family
from glimmer.families.links import IDENTITY, INVERSE, INVERSE_SQUARED, LOG, LOGIT, LOGM1
from glimmer.families.parameter import Parameter, Unit
from glimmer.families.registry import ship
from glimmer.families.response_kinds import BINARY, Trials
from glimmer.families.support import BINARY as ZERO_OR_ONE
from glimmer.families.support import COUNTS, POSITIVE, REAL, UNIT
from glimmer.priors import exponential, gamma

REAL_LINKS = ("identity", "log", "inverse")
BINOMIAL_LINKS = ("logit", "probit", "cauchit", "log", "cloglog")
POSITIVE_LINKS = ("inverse", "log", "identity")
COUNT_LINKS = ("log", "identity", "sqrt")
SCALE_LINKS = ("log", "softplus", "identity")
LARGEST = 700.0  # log odds beyond which a probability is not a number larger than zero


def _residual_sd(unit: Unit) -> Parameter:
    prior = exponential(1, autoscale=True)
    return Parameter("sigma", LOG, SCALE_LINKS, prior=prior, label="sigma", unit=unit)


def _scale(name: str, label: str) -> Parameter:
    return Parameter(name, LOG, SCALE_LINKS, prior=exponential(1), label=label)


def _probability() -> Parameter:
    return Parameter("mu", LOGIT, BINOMIAL_LINKS, main=True, needs_intercept=("log",))


def _mean_count() -> Parameter:
    return Parameter("mu", LOG, COUNT_LINKS, main=True, needs_intercept=("identity", "sqrt"))


def _beta(logit: Any, kappa: Any) -> Any:
    logit = pt.clip(logit, -LARGEST, LARGEST)
    return pm.Beta.dist(kappa * pt.sigmoid(logit), kappa * pt.sigmoid(-logit))


gaussian = Family(
    "gaussian",
    [Parameter("mu", IDENTITY, REAL_LINKS, unit="y", main=True), _residual_sd("y")],
    dist=lambda mu, sigma: pm.Normal.dist(mu, sigma),
    support=REAL,
    mean=lambda mu, sigma: mu,
    variance=lambda mu, sigma: sigma**2,
    group_scale="sigma",
    normal=True,
    aliases=("normal",),
    bambi="gaussian",
    kernels={"identity": GAUSSIAN},
)

student_t = Family(
    "student_t",
    [
        Parameter("mu", IDENTITY, REAL_LINKS, unit="y", main=True),
        _residual_sd("y"),
        Parameter("nu", LOGM1, ("logm1", "identity"), prior=gamma(2, 0.1), label="df"),
    ],
    dist=lambda mu, sigma, nu: pm.StudentT.dist(nu=nu, mu=mu, sigma=sigma),
    support=REAL,
    mean=lambda mu, sigma, nu: mu,
    variance=lambda mu, sigma, nu: pt.switch(nu > 2, sigma**2 * nu / (nu - 2), np.inf),
    group_scale="sigma",
    aliases=("student",),
    bambi="t",
)

lognormal = Family(
    "lognormal",
    [Parameter("mu", IDENTITY, ("identity",), unit="log y", main=True), _residual_sd("log y")],
    dist=lambda mu, sigma: pm.LogNormal.dist(mu, sigma),
    support=POSITIVE,
    mean=lambda mu, sigma: pt.exp(mu + sigma**2 / 2),
    variance=lambda mu, sigma: pt.expm1(sigma**2) * pt.exp(2 * mu + sigma**2),
    group_scale="sigma",
    normal=True,
    bambi="lognormal",
)

bernoulli = Family(
    "bernoulli",
    [_probability()],
    dist=lambda mu: pm.Bernoulli.dist(p=mu),
    support=ZERO_OR_ONE,
    response=BINARY,
    mean=lambda mu: mu,
    variance=lambda mu: mu * (1 - mu),
    on_log_odds=lambda logit: pm.Bernoulli.dist(logit_p=logit),
    bambi="bernoulli",
    kernels={"logit": LOGISTIC},
)

binomial = Family(
    "binomial",
    [_probability()],
    dist=lambda mu, trials: pm.Binomial.dist(n=trials, p=mu),
    support=COUNTS,
    response=Trials(single=bernoulli),
    mean=lambda mu, trials: trials * mu,
    variance=lambda mu, trials: trials * mu * (1 - mu),
    on_log_odds=lambda logit, trials: pm.Binomial.dist(n=trials, logit_p=logit),
    bambi="binomial",
    kernels={"logit": LOGISTIC},
)

poisson = Family(
    "poisson",
    [_mean_count()],
    dist=lambda mu: pm.Poisson.dist(mu),
    support=COUNTS,
    mean=lambda mu: mu,
    variance=lambda mu: mu,
    bambi="poisson",
    kernels={"log": POISSON},
)

neg_binomial_2 = Family(
    "neg_binomial_2",
    [_mean_count(), _scale("alpha", "reciprocal_dispersion")],
    dist=lambda mu, alpha: pm.NegativeBinomial.dist(mu=mu, alpha=alpha),
    support=COUNTS,
    mean=lambda mu, alpha: mu,
    variance=lambda mu, alpha: mu + mu**2 / alpha,
    aliases=("nbinom2",),
    bambi="negativebinomial",
    kernels={"log": NEGATIVE_BINOMIAL},
)

Gamma = Family(
    "Gamma",
    [
        Parameter(
            "mu", INVERSE, POSITIVE_LINKS, main=True, needs_intercept=("inverse", "identity")
        ),
        _scale("alpha", "shape"),
    ],
    dist=lambda mu, alpha: pm.Gamma.dist(alpha=alpha, beta=alpha / mu),
    support=POSITIVE,
    mean=lambda mu, alpha: mu,
    variance=lambda mu, alpha: mu**2 / alpha,
    bambi="gamma",
    kernels={"log": GAMMA},
)

inverse_gaussian = Family(
    "inverse_gaussian",
    [
        Parameter(
            "mu",
            INVERSE_SQUARED,
            ("inverse_squared", *POSITIVE_LINKS),
            main=True,
            needs_intercept=("inverse_squared", "inverse", "identity"),
        ),
        _scale("lam", "lambda"),
    ],
    dist=lambda mu, lam: pm.Wald.dist(mu=mu, lam=lam),
    support=POSITIVE,
    mean=lambda mu, lam: mu,
    variance=lambda mu, lam: mu**3 / lam,
    aliases=("inverse.gaussian",),
    bambi="wald",
)

beta = Family(
    "beta",
    [
        Parameter("mu", LOGIT, ("logit", "probit", "cloglog", "cauchit"), main=True),
        _scale("kappa", "(phi)"),
    ],
    dist=lambda mu, kappa: pm.Beta.dist(alpha=mu * kappa, beta=(1 - mu) * kappa),
    support=UNIT,
    mean=lambda mu, kappa: mu,
    variance=lambda mu, kappa: mu * (1 - mu) / (1 + kappa),
    on_log_odds=_beta,
    aliases=("betar",),
    bambi="beta",
)

ship(
    gaussian,
    student_t,
    lognormal,
    bernoulli,
    binomial,
    poisson,
    neg_binomial_2,
    Gamma,
    inverse_gaussian,
    beta,
)
