"""The families that ship: rstanarm's, and the Student t and lognormal.

Names are R's and bambi's; auxiliary parameters are named as in bambi. Default priors are
rstanarm's: exponential with rate 1/sd(y) for a residual sd, exponential(1) for other parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from glimmer.errors import FamilyError, suggestion
from glimmer.families.bambi import family_from_bambi, is_bambi_family
from glimmer.families.family import Auxiliary, Family
from glimmer.families.links import LOG_ODDS, log_odds
from glimmer.families.row_kernels import GAMMA, GAUSSIAN, LOGIT, NEGATIVE_BINOMIAL, POISSON
from glimmer.families.support import BINARY, COUNTS, POSITIVE, REAL, UNIT
from glimmer.priors import exponential, gamma

RESIDUAL_SD = Auxiliary(exponential(1, autoscale=True), "sigma")
BINOMIAL_LINKS = ("logit", "probit", "cauchit", "log", "cloglog")
POSITIVE_LINKS = ("inverse", "log", "identity")
COUNT_LINKS = ("log", "identity", "sqrt")
LARGEST = 700.0  # log odds beyond which a probability is not a number larger than zero


def by_log_odds(dist: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """The distribution in the linear predictor, for every link that knows its log odds.

    Parameters
    ----------
    dist : callable
        ``dist(logit, **aux)`` returns an unregistered PyMC variable.
    """

    def on(link: str) -> Callable[..., Any]:
        return lambda eta, **aux: dist(log_odds(link, eta), **aux)

    return {link: on(link) for link in LOG_ODDS}


def _beta(logit: Any, kappa: Any) -> Any:
    return pm.Beta.dist(kappa * pt.sigmoid(logit), kappa * pt.sigmoid(-logit))


gaussian = Family(
    "gaussian",
    dist=lambda mu, sigma: pm.Normal.dist(mu, sigma),
    link="identity",
    links=("identity", "log", "inverse"),
    aux={"sigma": RESIDUAL_SD},
    support=REAL,
    unit="y",
    group_scale="sigma",
    normal=True,
    kernels={"identity": GAUSSIAN},
)

student_t = Family(
    "student_t",
    dist=lambda mu, sigma, nu: pm.StudentT.dist(nu=nu, mu=mu, sigma=sigma),
    link="identity",
    links=("identity", "log", "inverse"),
    aux={"sigma": RESIDUAL_SD, "nu": Auxiliary(gamma(2, 0.1), "df", lower=1.0)},
    support=REAL,
    unit="y",
    group_scale="sigma",
)

lognormal = Family(
    "lognormal",
    dist=lambda mu, sigma: pm.LogNormal.dist(mu, sigma),
    link="identity",
    links=("identity",),
    aux={"sigma": RESIDUAL_SD},
    support=POSITIVE,
    unit="log y",
    group_scale="sigma",
    normal=True,
    mean=lambda mu, sigma: pt.exp(mu + sigma**2 / 2),
)

bernoulli = Family(
    "bernoulli",
    dist=lambda mu: pm.Bernoulli.dist(p=mu),
    link="logit",
    links=BINOMIAL_LINKS,
    support=BINARY,
    on_eta=by_log_odds(lambda logit: pm.Bernoulli.dist(logit_p=logit)),
    needs_intercept=("log",),
    binary=True,
    kernels={"logit": LOGIT},
)

binomial = Family(
    "binomial",
    dist=lambda mu, trials: pm.Binomial.dist(n=trials, p=mu),
    link="logit",
    links=BINOMIAL_LINKS,
    support=COUNTS,
    on_eta=by_log_odds(lambda logit, trials: pm.Binomial.dist(n=trials, logit_p=logit)),
    has_trials=True,
    needs_intercept=("log",),
    without_trials=bernoulli,
    kernels={"logit": LOGIT},
)

poisson = Family(
    "poisson",
    dist=lambda mu: pm.Poisson.dist(mu),
    link="log",
    links=COUNT_LINKS,
    support=COUNTS,
    needs_intercept=("identity", "sqrt"),
    kernels={"log": POISSON},
)

neg_binomial_2 = Family(
    "neg_binomial_2",
    dist=lambda mu, alpha: pm.NegativeBinomial.dist(mu=mu, alpha=alpha),
    link="log",
    links=COUNT_LINKS,
    aux={"alpha": Auxiliary(exponential(1), "reciprocal_dispersion")},
    support=COUNTS,
    needs_intercept=("identity", "sqrt"),
    kernels={"log": NEGATIVE_BINOMIAL},
)

Gamma = Family(
    "Gamma",
    dist=lambda mu, alpha: pm.Gamma.dist(alpha=alpha, beta=alpha / mu),
    link="inverse",
    links=POSITIVE_LINKS,
    aux={"alpha": Auxiliary(exponential(1), "shape")},
    support=POSITIVE,
    needs_intercept=("inverse", "identity"),
    kernels={"log": GAMMA},
)

inverse_gaussian = Family(
    "inverse_gaussian",
    dist=lambda mu, lam: pm.Wald.dist(mu=mu, lam=lam),
    link="inverse_squared",
    links=("inverse_squared", *POSITIVE_LINKS),
    aux={"lam": Auxiliary(exponential(1), "lambda")},
    support=POSITIVE,
    needs_intercept=("inverse_squared", "inverse", "identity"),
)

beta = Family(
    "beta",
    dist=lambda mu, kappa: pm.Beta.dist(alpha=mu * kappa, beta=(1 - mu) * kappa),
    link="logit",
    links=("logit", "probit", "cloglog", "cauchit"),
    aux={"kappa": Auxiliary(exponential(1), "(phi)")},
    support=UNIT,
    on_eta=by_log_odds(lambda logit, kappa: _beta(pt.clip(logit, -LARGEST, LARGEST), kappa)),
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
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
}

ALIASES = {
    "normal": "gaussian",
    "t": "student_t",
    "student": "student_t",
    "negativebinomial": "neg_binomial_2",
    "nbinom2": "neg_binomial_2",
    "gamma": "Gamma",
    "inverse.gaussian": "inverse_gaussian",
    "wald": "inverse_gaussian",
    "betar": "beta",
}


def register_family(family: Family) -> Family:
    """Make a family known by its name, so that saved models that use it can be loaded.

    Raises
    ------
    FamilyError
        The name is taken by a family that ships.
    """
    if family.name in _SHIPPED or family.name in ALIASES:
        raise FamilyError(f"The name {family.name!r} is taken.", fix="choose another name")
    FAMILIES[family.name] = family
    return family


_SHIPPED = frozenset(FAMILIES)


def get_family(family: Any, link: Any = None) -> Family:
    """Return a family by name, or as it is given (ours, or an object of bambi's), with a link.

    Raises
    ------
    FamilyError
        The family or link is unknown, or they do not go together.
    """
    if isinstance(family, Family):
        found = family
    elif is_bambi_family(family):
        found = family_from_bambi(family, _named)
    elif isinstance(family, str):
        found = _named(family)
    else:
        raise FamilyError(
            f"A family is a name or a Family, not a {type(family).__name__}.",
            fix=f"use one of {tuple(FAMILIES)}",
        )
    return found.with_link(found.link if link is None else link)


def _named(name: str) -> Family:
    name = ALIASES.get(name, name)
    if name not in FAMILIES:
        raise FamilyError(
            f"There is no family {name!r}.", fix=suggestion(name, [*FAMILIES, *ALIASES])
        )
    return FAMILIES[name]
