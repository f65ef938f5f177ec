"""Outcomes are drawn for any PyMC distribution as a family, in training and in new rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from fake_fit import fake_fit
from scipy import stats
from scipy.special import beta, ive

import glimmer as gl
from glimmer.families.support import COUNTS, POSITIVE, UNIT
from glimmer.interpreter.evaluate import evaluate
from glimmer.interpreter.replay import RandomExpression, Replay
from glimmer.results.predict import outcomes

Moments = Callable[..., tuple[Any, Any]]

PSI = gl.prior("Beta", alpha=8, beta=4)
ONE = gl.gamma(30, 30)
ROWS, DRAWS, TRIALS = 24, 500, 12
BEYOND = 4.5  # standard errors: a false alarm in 150,000 comparisons
NON_NEGATIVE = gl.Support("numbers from 0 up", lower=0.0, closed=True)


@dataclass(frozen=True)
class Case:
    """A family, and the mean and variance of its distribution (or of a function of outcomes)."""

    family: gl.Family
    moments: Moments
    statistic: Callable[[Any, Any], Any] = lambda y, mu: y


def case(name: str, dist: Any, moments: Moments, **options: Any) -> Case:
    statistic = {"statistic": options.pop("statistic")} if "statistic" in options else {}
    return Case(gl.Family(name, dist=dist, **options), moments, **statistic)


def of_scipy(make: Callable[..., Any]) -> Moments:
    def moments(mu: Any, **aux: Any) -> tuple[Any, Any]:
        found = make(mu, **aux)
        return found.mean(), found.var()

    return moments


def raw(first: Any, second: Any) -> tuple[Any, Any]:
    """Mean and variance from the first two moments."""
    return first, second - first**2


def censored_moments(mu: Any, sigma: Any) -> tuple[Any, Any]:
    a, b = (-1 - mu) / sigma, (1 - mu) / sigma
    below, above = stats.norm.cdf(a), stats.norm.sf(b)
    inside = stats.truncnorm(a, b, mu, sigma)
    second = inside.var() + inside.mean() ** 2
    between = 1 - below - above
    return raw(above - below + between * inside.mean(), above + below + between * second)


def discrete_weibull_moments(mu: Any, shape: Any) -> tuple[Any, Any]:
    """By the tail: P(Y >= k) = q^(k^shape)."""
    k = np.arange(1, 400).reshape(-1, 1, 1)
    tail = mu ** (k**shape)
    return raw(tail.sum(axis=0), ((2 * k - 1) * tail).sum(axis=0))


def cosine_moments(mu: Any, kappa: Any) -> tuple[Any, Any]:
    """Of cos(y - mu), for a von Mises outcome."""
    kappa = kappa + 0 * mu
    one, two = (ive(order, kappa) / ive(0, kappa) for order in (1, 2))
    return raw(one, (1 + two) / 2)


def hurdle_poisson_moments(mu: Any, psi: Any) -> tuple[Any, Any]:
    positive = psi / -np.expm1(-mu)
    return raw(positive * mu, positive * (mu + mu**2))


def noisy(mu: Any, sigma: Any, size: Any) -> Any:
    """Normal noise and exponential noise."""
    return pm.Normal.dist(mu, sigma, size=size) + pm.Exponential.dist(1 / sigma, size=size)


CASES = [
    case(
        "zero_inflated_poisson",
        lambda mu, psi: pm.ZeroInflatedPoisson.dist(psi=psi, mu=mu),
        lambda mu, psi: raw(psi * mu, psi * (mu + mu**2)),
        link="log",
        aux={"psi": PSI},
        support=COUNTS,
    ),
    case(
        "zero_inflated_binomial",
        lambda mu, psi: pm.ZeroInflatedBinomial.dist(psi=psi, n=9, p=mu),
        lambda mu, psi: raw(psi * 9 * mu, psi * (9 * mu * (1 - mu) + 81 * mu**2)),
        link="logit",
        aux={"psi": PSI},
        support=COUNTS,
    ),
    case(
        "zero_inflated_negative_binomial",
        lambda mu, psi, alpha: pm.ZeroInflatedNegativeBinomial.dist(psi=psi, mu=mu, alpha=alpha),
        lambda mu, psi, alpha: raw(psi * mu, psi * (mu + mu**2 / alpha + mu**2)),
        link="log",
        aux={"psi": PSI, "alpha": gl.gamma(30, 10)},
        support=COUNTS,
    ),
    case(
        "hurdle_poisson",
        lambda mu, psi: pm.HurdlePoisson.dist(psi=psi, mu=mu),
        hurdle_poisson_moments,
        link="log",
        aux={"psi": PSI},
        support=COUNTS,
    ),
    case(
        "hurdle_gamma",
        lambda mu, psi, alpha: pm.HurdleGamma.dist(psi=psi, alpha=alpha, beta=alpha / mu),
        lambda mu, psi, alpha: raw(psi * mu, psi * mu**2 * (1 + 1 / alpha)),
        link="log",
        aux={"psi": PSI, "alpha": gl.gamma(60, 20)},
        support=NON_NEGATIVE,
    ),
    case(
        "asymmetric_laplace",
        lambda mu, b, kappa: pm.AsymmetricLaplace.dist(kappa=kappa, mu=mu, b=b),
        lambda mu, b, kappa: (
            mu - (kappa - 1 / kappa) / b,
            (1 + kappa**4) / (kappa * b) ** 2 + 0 * mu,
        ),
        aux={"b": ONE, "kappa": gl.gamma(60, 30)},
    ),
    case(
        "censored_normal",
        lambda mu, sigma: pm.Censored.dist(pm.Normal.dist(mu, sigma), lower=-1.0, upper=1.0),
        censored_moments,
        aux={"sigma": ONE},
        support=gl.Support("numbers from -1 to 1", lower=-1.0, upper=1.0, closed=True),
    ),
    case(
        "truncated_normal",
        lambda mu, sigma: pm.TruncatedNormal.dist(mu, sigma, lower=0.0),
        of_scipy(lambda mu, sigma: stats.truncnorm(-mu / sigma, np.inf, mu, sigma)),
        aux={"sigma": ONE},
        support=POSITIVE,
    ),
    case(
        "weibull",
        lambda mu, alpha: pm.Weibull.dist(alpha=alpha, beta=mu),
        of_scipy(lambda mu, alpha: stats.weibull_min(alpha, scale=mu)),
        link="log",
        aux={"alpha": gl.gamma(60, 30)},
        support=POSITIVE,
    ),
    case(
        "exgaussian",
        lambda mu, sigma, nu: pm.ExGaussian.dist(mu=mu, sigma=sigma, nu=nu),
        lambda mu, sigma, nu: (mu + nu, sigma**2 + nu**2 + 0 * mu),
        aux={"sigma": ONE, "nu": ONE},
    ),
    case(
        "skew_normal",
        lambda mu, sigma, alpha: pm.SkewNormal.dist(mu=mu, sigma=sigma, alpha=alpha),
        of_scipy(lambda mu, sigma, alpha: stats.skewnorm(alpha, mu, sigma)),
        aux={"sigma": ONE, "alpha": gl.gamma(30, 10)},
    ),
    case(
        "custom_by_distributions",
        lambda mu, sigma: pm.CustomDist.dist(mu, sigma, dist=noisy),
        lambda mu, sigma: (mu + sigma, 2 * sigma**2 + 0 * mu),
        aux={"sigma": ONE},
    ),
    case(
        "custom_by_numpy",
        lambda mu, sigma: pm.CustomDist.dist(
            mu, sigma, random=lambda mu, sigma, rng, size: rng.uniform(mu, mu + sigma, size)
        ),
        lambda mu, sigma: (mu + sigma / 2, sigma**2 / 12 + 0 * mu),
        aux={"sigma": ONE},
    ),
    case(
        "laplace",
        lambda mu, b: pm.Laplace.dist(mu, b),
        of_scipy(lambda mu, b: stats.laplace(mu, b)),
        aux={"b": ONE},
    ),
    case(
        "logistic",
        lambda mu, s: pm.Logistic.dist(mu, s),
        of_scipy(lambda mu, s: stats.logistic(mu, s)),
        aux={"s": ONE},
    ),
    case(
        "gumbel",
        lambda mu, s: pm.Gumbel.dist(mu, s),
        of_scipy(lambda mu, s: stats.gumbel_r(mu, s)),
        aux={"s": ONE},
    ),
    case(
        "von_mises",
        lambda mu, kappa: pm.VonMises.dist(mu, kappa),
        cosine_moments,
        statistic=lambda y, mu: np.cos(y - mu),
        aux={"kappa": gl.gamma(60, 30)},
        support=gl.Support("angles", lower=-np.pi, upper=np.pi, closed=True),
    ),
    case(
        "beta_binomial",
        lambda mu, phi, trials: pm.BetaBinomial.dist(alpha=mu * phi, beta=(1 - mu) * phi, n=trials),
        of_scipy(lambda mu, phi: stats.betabinom(TRIALS, mu * phi, (1 - mu) * phi)),
        link="logit",
        aux={"phi": gl.gamma(60, 10)},
        support=COUNTS,
        has_trials=True,
    ),
    case(
        "discrete_weibull",
        lambda mu, shape: pm.DiscreteWeibull.dist(q=mu, beta=shape),
        discrete_weibull_moments,
        link="logit",
        aux={"shape": ONE},
        support=COUNTS,
    ),
    case(
        "student_of_8",
        lambda mu, sigma: pm.StudentT.dist(nu=8, mu=mu, sigma=sigma),
        of_scipy(lambda mu, sigma: stats.t(8, mu, sigma)),
        aux={"sigma": ONE},
    ),
    case(
        "kumaraswamy",
        lambda mu, b: pm.Kumaraswamy.dist(a=mu, b=b),
        lambda mu, b: raw(*(b * beta(1 + order / mu, b) for order in (1, 2))),
        link="log",
        aux={"b": gl.gamma(60, 30)},
        support=UNIT,
    ),
    case(
        "two_normals",
        lambda mu, sigma: pm.Mixture.dist(
            [0.25, 0.75], [pm.Normal.dist(mu, sigma), pm.Normal.dist(mu + 4, 2 * sigma)]
        ),
        lambda mu, sigma: (mu + 3, 3.25 * sigma**2 + 3 + 0 * mu),
        aux={"sigma": ONE},
    ),
]
NAMES = [one.family.name for one in CASES]
NO_MEAN = (
    "hurdle_poisson",
    "hurdle_gamma",
    "censored_normal",
    "truncated_normal",
    "custom_by_distributions",
    "custom_by_numpy",
    "discrete_weibull",
)
"""Whose mean PyMC does not give: mu is taken for it, unless the family declares one."""


def model_of(family: gl.Family) -> Any:
    """A model with a group, and a posterior drawn from its prior."""
    rng = np.random.default_rng(4)
    y = rng.choice([1.0, 2.0] if family.support.whole else [0.25, 0.5], size=ROWS)
    data = {
        "y": y,
        "x": rng.normal(size=ROWS),
        "g": np.repeat(list("abcdef"), ROWS // 6),
        "missed": TRIALS - y,
    }
    model = gl.GlmerBuilder(
        "cbind(y, missed) ~ x + (1 | g)" if family.has_trials else "y ~ x + (1 | g)",
        data,
        family=family,
        prior=gl.normal(0, 0.3),
        prior_intercept=gl.normal(0.4, 0.3),
        prior_covariance=gl.exponential(4),
    )
    return fake_fit(model, draws=DRAWS)


def new_rows() -> dict[str, Any]:
    """Levels seen and not seen, one of them twice."""
    return {"x": np.linspace(-1.5, 1.5, 6), "g": ["f", "a", "new", "b", "new", "newer"]}


def errors(model: Any, own: Case, newdata: Any) -> np.ndarray:
    """Outcomes standardized by the distribution's own mean and sd, shape (draws, rows)."""
    trials = {"trials": np.full(6, TRIALS)} if own.family.has_trials and newdata else {}
    drawn = model.posterior_predict(newdata, random_seed=3, **trials)
    mu, mean, variance = centres(model, own, newdata)
    assert drawn.dims == ("chain", "draw", "obs_id") and drawn.shape[:2] == (2, DRAWS)
    return (own.statistic(drawn.values.reshape(mu.shape), mu) - mean) / np.sqrt(variance)


def centres(model: Any, own: Case, newdata: Any) -> tuple[Any, Any, Any]:
    """mu, and the mean and variance at it, shape (draws, rows)."""
    eta = model.posterior_linpred(newdata, random_seed=3).values.reshape(2 * DRAWS, -1)
    mu = evaluate(own.family.link_function.inverse, eta)
    posterior = model.fitted["posterior"]
    aux = {name: posterior[name].values.reshape(-1, 1) for name in own.family.aux}
    return mu, *own.moments(mu, **aux)


@pytest.mark.parametrize("own", CASES, ids=NAMES)
def test_the_expected_outcome_is_the_mean_where_that_is_known(own: Case) -> None:
    model = model_of(own.family)
    mu, mean, _ = centres(model, own, new_rows())
    expected = model.posterior_epred(new_rows(), random_seed=3).values.reshape(mu.shape)
    if own.family.name in ("von_mises", *NO_MEAN):
        mean = mu
    elif own.family.has_trials:
        mean = mean / TRIALS
    np.testing.assert_allclose(expected, np.broadcast_to(mean, mu.shape), rtol=1e-9)


@pytest.mark.parametrize("own", CASES, ids=NAMES)
def test_moments_are_those_of_the_distribution(own: Case) -> None:
    model = model_of(own.family)
    for newdata in (None, new_rows()):
        z = errors(model, own, newdata)
        assert np.all(np.abs(z.mean(axis=0)) < BEYOND * z.std(axis=0) / np.sqrt(len(z)))
        squares = (z**2).ravel()
        assert abs(squares.mean() - 1) < BEYOND * squares.std() / np.sqrt(squares.size)


@pytest.mark.parametrize("name", ["exgaussian", "zero_inflated_poisson", "hurdle_poisson"])
def test_the_same_seed_draws_the_same_outcomes(name, monkeypatch):
    model = model_of(CASES[NAMES.index(name)].family)
    first = model.posterior_predict(new_rows(), random_seed=5).values
    monkeypatch.setattr("glimmer.results.predict.prediction.CHUNK_BYTES", 8 * 6 * 7)
    assert np.array_equal(model.posterior_predict(new_rows(), random_seed=5).values, first)
    assert not np.array_equal(model.posterior_predict(new_rows(), random_seed=6).values, first)


def test_batches_go_on_where_the_last_one_stopped(monkeypatch):
    model = model_of(CASES[NAMES.index("laplace")].family)
    first = model.posterior_predict(random_seed=5).values
    monkeypatch.setattr(outcomes, "DRAWS_AT_ONCE", 37)
    assert np.array_equal(model.posterior_predict(random_seed=5).values, first)
    flat = first.reshape(2 * DRAWS, -1)
    assert abs(np.corrcoef(flat[:256].ravel(), flat[256:512].ravel())[0, 1]) < 0.5


@pytest.mark.parametrize(
    "outcome",
    [
        lambda mu: pm.Normal.dist(mu, 1.0),
        lambda mu: pm.ZeroInflatedPoisson.dist(psi=0.3, mu=pt.exp(mu)),
        lambda mu: pm.CustomDist.dist(mu, 1.0, dist=noisy) + 1.0,
    ],
)
def test_a_random_expression_is_never_replayed(outcome):
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=3)
        outcome = outcome(mu)
        with pytest.raises(RandomExpression):
            Replay(model, [outcome], ["mu"])
        with pytest.raises(RandomExpression):
            Replay(model, [mu + 1], [])
        assert Replay(model, [mu + 1], ["mu"])({"mu": np.zeros((4, 3))}, 4)[0].shape == (4, 3)
