"""Families as declarations: parameters, links, moments, kinds of response, names."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from checking_cases import data
from fake_fit import fake_fit
from natural import log_densities, random_point
from pytensor.compile.mode import Mode
from pytensor.graph.traversal import ancestors
from scipy import special, stats

import glimmer as gl
from glimmer import record
from glimmer.errors import FamilyError, OutcomeError, PriorError, StoreError
from glimmer.families import (
    FAMILIES,
    LINKS,
    NUMBERS,
    Family,
    Link,
    Parameter,
    Trials,
    get_family,
    get_link,
    moments,
    register_family,
    register_link,
)
from glimmer.families.links import LOG, LOGIT, PROBIT
from glimmer.families.registry import ALIASES
from glimmer.interpreter.evaluate import evaluate
from glimmer.interpreter.modes import PLAIN

N = 12
OPTIMIZED = Mode(linker="py", optimizer="fast_run").excluding("fusion")


def value(expression: Any) -> np.ndarray:
    return np.asarray(pt.as_tensor(expression).eval(mode=PLAIN))


# Moments of the families that ship

LAWS: dict[str, Any] = {
    "gaussian": lambda mu, sigma: stats.norm(mu, sigma),
    "student_t": lambda mu, sigma, nu: stats.t(nu, mu, sigma),
    "lognormal": lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu)),
    "bernoulli": stats.bernoulli,
    "binomial": lambda mu, trials: stats.binom(trials, mu),
    "poisson": stats.poisson,
    "neg_binomial_2": lambda mu, alpha: stats.nbinom(alpha, alpha / (alpha + mu)),
    "Gamma": lambda mu, alpha: stats.gamma(alpha, scale=mu / alpha),
    "inverse_gaussian": lambda mu, lam: stats.invgauss(mu / lam, scale=lam),
    "beta": lambda mu, kappa: stats.beta(mu * kappa, (1 - mu) * kappa),
}
VALUES = dict(sigma=0.7, nu=4.5, alpha=1.3, lam=2.1, kappa=5.5)
VALUES = {name: np.float64(v) for name, v in VALUES.items()}
FAMILY_LINKS = [(name, link) for name, family in FAMILIES.items() for link in family.main.links]


@pytest.mark.parametrize(("name", "link"), FAMILY_LINKS)
def test_mean_and_variance_of_every_family_and_link(name: str, link: str) -> None:
    family, rng = get_family(name, link), np.random.default_rng(len(name) + len(link))
    domains = np.array([family.main.domain, family.link_function.domain, (-2, 3)])
    lower, upper = domains[:, 0].max(), domains[:, 1].min()
    mu = rng.uniform(lower + 0.1, upper - 0.1, N)
    eta = evaluate(family.link_function.forward, mu)
    aux = {parameter: VALUES[parameter] for parameter in family.others}
    trials = {"trials": rng.integers(1, 20, N)} if name == "binomial" else {}
    law = LAWS[name](mu, **aux, **trials)
    share = law.mean() / trials.get("trials", 1)
    np.testing.assert_allclose(value(family.expected(pt.as_tensor(eta), **aux)), share, rtol=1e-9)
    variance = value(family.variance_at(pt.as_tensor(eta), **aux, **trials) + np.zeros(N))
    np.testing.assert_allclose(variance, law.var(), rtol=1e-9)
    if family.mean is not None and trials:
        np.testing.assert_allclose(value(family.mean(pt.as_tensor(mu), **trials)), law.mean())


def test_the_variance_of_student_t_may_be_infinite() -> None:
    aux = {"sigma": np.float64(1), "nu": np.float64(1.5)}
    assert value(FAMILIES["student_t"].variance_at(pt.as_tensor(0.0), **aux)) == np.inf


def test_every_parameter_that_ships_is_declared() -> None:
    for family in FAMILIES.values():
        assert [name for name, p in family.parameters.items() if p.main] == ["mu"]
        for name, parameter in family.parameters.items():
            assert parameter.name == name
            assert parameter.link.name in parameter.links
            assert parameter.main == (parameter.prior is None)
    assert FAMILIES["student_t"].parameters["nu"].domain == (1, np.inf)
    assert FAMILIES["beta"].main.domain == (0, 1)


# Moments of distributions from outside

SIZE = 100_000
A, B = np.array([0.6, 1.5, 3.0]), np.array([0.4, 1.2, 2.5])
DISTRIBUTIONS: dict[str, Any] = {
    "Normal": (A, B),
    "StudentT": {"nu": 9.0, "mu": A, "sigma": B},
    "LogNormal": (A, 0.3),
    "Laplace": (A, B),
    "Logistic": (A, B),
    "Gumbel": (A, B),
    "SkewNormal": {"mu": A, "sigma": B, "alpha": np.array([-3.0, 0.5, 4.0])},
    "AsymmetricLaplace": {"kappa": A, "mu": 1.0, "b": B},
    "ExGaussian": {"mu": A, "sigma": 0.7, "nu": B},
    "Uniform": (A, A + B),
    "Exponential": (A,),
    "HalfNormal": (A,),
    "Gamma": (A, B),
    "InverseGamma": (6.0, B),
    "Weibull": (1 + A, B),
    "Wald": (A, B),
    "Beta": (A, B),
    "Bernoulli": (A / 4,),
    "Binomial": (7, A / 4),
    "BetaBinomial": {"n": 7, "alpha": A, "beta": B},
    "Poisson": (A,),
    "NegativeBinomial": {"mu": A, "alpha": B},
    "Geometric": (A / 4,),
    "DiracDelta": (A,),
    "ZeroInflatedPoisson": {"psi": 0.7, "mu": A},
    "ZeroInflatedBinomial": {"psi": A / 4, "n": 7, "p": 0.4},
    "ZeroInflatedNegativeBinomial": {"psi": 0.7, "mu": A, "alpha": B},
    "NormalMixture": {
        "w": np.array([0.3, 0.7]),
        "mu": np.array([[0.0, 2.0], [1.0, 1.0], [3.0, -1.0]]),
        "sigma": 0.5,
    },
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_moments_of_distributions_are_those_of_draws(name: str) -> None:
    """Within five Monte Carlo errors; the false-alarm rate of a comparison is 6e-7."""
    given, dist = DISTRIBUTIONS[name], getattr(pm, name).dist
    positional, named = ((), given) if isinstance(given, dict) else (given, {})
    rv = dist(*positional, **named)
    many = dist(*positional, **named, size=(SIZE, len(A)))
    draws = np.asarray(pm.draw(many, random_seed=1, mode=PLAIN), float)
    mean, variance = moments.mean(rv), moments.variance(rv)
    assert mean is not None and variance is not None
    squares = (draws - value(mean)) ** 2
    near = 5 / np.sqrt(SIZE) * squares.std(axis=0) + 1e-9
    assert (abs(draws.mean(axis=0) - value(mean)) < 5 * draws.std(axis=0) / SIZE**0.5 + 1e-9).all()
    assert (abs(squares.mean(axis=0) - value(variance)) < near).all()


def test_moments_do_not_depend_on_draws() -> None:
    """Also where a mixture's components have the shape of one another."""
    rv = pm.ZeroInflatedPoisson.dist(psi=pt.vector(), mu=pt.vector())
    for moment in (moments.mean(rv), moments.variance(rv)):
        ops = [v.owner.op for v in ancestors([moment]) if v.owner]
        assert not [op for op in ops if hasattr(op, "dist_params")]


def test_moments_that_are_not_known() -> None:
    censored = pm.Censored.dist(pm.Normal.dist(0, 1), lower=-1, upper=1)
    for rv in (pm.Cauchy.dist(0, 1), pm.VonMises.dist(0, 1), censored):
        assert moments.variance(rv) is None
    assert moments.mean(pm.Cauchy.dist(0, 1)) is None and moments.mean(censored) is None
    mixed = pm.Mixture.dist([0.5, 0.5], [pm.Cauchy.dist(0, 1), pm.Normal.dist(0, 1)])
    assert moments.mean(mixed) is None and moments.variance(mixed) is None


# Families from outside

UNIFORM = gl.prior("Beta", alpha=1, beta=1)


def inflated(**more: Any) -> Family:
    """Zero-inflated Poisson, as a user would write it."""
    return Family(
        "zip",
        [Parameter("mu", "log", main=True), Parameter("zi", "logit", prior=UNIFORM)],
        dist=lambda mu, zi: pm.ZeroInflatedPoisson.dist(psi=1 - zi, mu=mu),
        support=FAMILIES["poisson"].support,
        **more,
    )


def beta_binomial(**more: Any) -> Family:
    return Family(
        "beta_binomial",
        dist=lambda mu, kappa, trials: pm.BetaBinomial.dist(
            n=trials, alpha=mu * kappa, beta=(1 - mu) * kappa
        ),
        link="logit",
        aux={"kappa": gl.exponential(1)},
        support=FAMILIES["binomial"].support,
        **{"has_trials": True} | more,
    )


def test_the_shorthand_is_a_declaration() -> None:
    short = Family(
        "laplace",
        dist=lambda mu, b: pm.Laplace.dist(mu, b),
        link="identity",
        links=("identity", "log"),
        aux={"b": gl.exponential(1), "skew": Parameter(link="identity", prior=gl.normal(0, 1))},
        unit="y",
    )
    mu, b, skew = short.parameters.values()
    assert (mu.name, mu.main, mu.unit, mu.domain) == ("mu", True, "y", (-np.inf, np.inf))
    assert (b.name, b.domain, b.link, b.main) == ("b", (0, np.inf), LOG, False)
    assert (skew.name, skew.domain) == ("skew", (-np.inf, np.inf))
    assert short.response == NUMBERS and list(short.others) == ["b", "skew"]
    assert beta_binomial().main.domain == (0, 1) and beta_binomial().response == Trials()
    with pytest.raises(FamilyError, match="'probit' cannot be used"):
        short.with_link("probit")
    assert short.with_link("softplus", "b").parameters["b"].link is LINKS["softplus"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dist": None}, "needs dist="),
        ({"aux": {"b": gl.exponential(1)}}, "twice"),
        ({"parameters": [Parameter("mu")]}, "one main parameter"),
        ({"parameters": [Parameter("mu", main=True), Parameter("b")]}, "'b'.* default prior"),
        ({"group_scale": "tau"}, "no parameter 'tau'"),
    ],
)
def test_declarations_that_do_not_go_together(arguments: dict[str, Any], message: str) -> None:
    given = {"parameters": [Parameter("mu", main=True)], "dist": pm.Poisson.dist, **arguments}
    with pytest.raises(FamilyError, match=message):
        Family("own", **given)


def test_a_domain_must_not_be_empty() -> None:
    with pytest.raises(FamilyError, match="domain of 'zi'"):
        Parameter("zi", domain=(1, 0))
    with pytest.raises(FamilyError, match="Unknown link 'logitt'"):
        Parameter("zi", "logitt")


def test_a_shape_may_depend_on_the_outcome() -> None:
    steps = Parameter("thresholds", "identity", shape=lambda outcome: (int(outcome.max()) - 1,))
    assert steps.shape_for(np.array([1, 4, 2])) == (3,)
    assert Parameter("sigma").shape_for(np.array([1])) == ()


@pytest.mark.parametrize(
    ("family", "formula"),
    [(inflated, "count ~ x"), (beta_binomial, "cbind(hits, trials - hits) ~ x")],
)
def test_what_needs_mean_and_variance(family: Any, formula: str) -> None:
    """From the distribution and from the declaration alike."""
    if family is inflated:
        own = family(
            mean=lambda mu, zi: (1 - zi) * mu, variance=lambda mu, zi: (1 - zi) * mu * (1 + zi * mu)
        )
    else:
        own = family(
            mean=lambda mu, kappa, trials: trials * mu,
            variance=lambda mu, kappa, trials: (
                trials * mu * (1 - mu) * (trials + kappa) / (1 + kappa)
            ),
        )
    priors = {"prior": gl.normal(0.5, 0.1), "prior_intercept": gl.normal(0, 0.1)}
    found = []
    for given in (family(), own):
        model = fake_fit(gl.GlmerBuilder(formula, data(), given, **priors), draws=30)
        mean = model.posterior_epred()
        posterior = model.fitted["posterior"]
        if family is inflated:
            x = xr.DataArray(data()["x"], dims="obs_id")
            eta = posterior["Intercept"] + posterior["x"] * x
            expected = (1 - posterior["zi"]) * np.exp(eta)
            np.testing.assert_allclose(mean.values, expected.values, rtol=1e-9)
        else:
            assert mean.max() < 1
        found.append((mean, model.residuals("pearson"), model.bayes_R2()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (None, stats.uniform()),
        (gl.exponential(2), stats.truncexpon(2, scale=0.5)),
        (gl.normal(0.2, 0.3), stats.truncnorm(-0.2 / 0.3, 0.8 / 0.3, 0.2, 0.3)),
        (gl.student_t(3, 0, 1), None),
        (pm.Uniform.dist(0.0, 0.5), stats.uniform(0, 0.5)),
    ],
)
def test_priors_stay_in_the_domain(prior: Any, law: Any) -> None:
    aux = None if prior is None else {"zi": prior}
    model = gl.GlmerBuilder("count ~ x", data(), inflated(), prior_aux=aux).build()
    point, at = random_point(model), np.float64(0.3)
    if law is None:
        t = stats.t(3)
        expected = t.logpdf(0.3) - np.log(t.cdf(1) - t.cdf(0))
    else:
        expected = law.logpdf(0.3)
    assert log_densities(model)({**point, "zi": at})["zi"] == pytest.approx(expected)
    assert (value(pm.logp(model["zi"], np.array([-0.1, 1.1]))) == -np.inf).all()
    transformed = model.rvs_to_transforms[model["zi"]]
    ends = [transformed.backward(z, *model["zi"].owner.inputs) for z in (-20.0, 20.0)]
    assert 0 <= value(ends[0]) and value(ends[1]) <= 1


def test_priors_that_cannot_be_kept_in_the_domain() -> None:
    with pytest.raises(PriorError, match="flat cannot be cut off at 0 and 1"):
        gl.GlmerBuilder("count ~ x", data(), inflated(), prior_aux={"zi": gl.flat()})


def test_ends_of_domains() -> None:
    law = stats.truncnorm(-1, np.inf)
    density = pm.logp(gl.normal(0, 1).within(-1.0, np.inf), np.array([-1.5, -0.5]))
    np.testing.assert_allclose(value(density), law.logpdf([-1.5, -0.5]))
    density = pm.logp(gl.normal(0, 1).within(-np.inf, 1.0), np.array([0.5, 1.5]))
    np.testing.assert_allclose(value(density), stats.truncnorm(-np.inf, 1).logpdf([0.5, 1.5]))


# Links


@pytest.mark.parametrize("name", LINKS)
def test_links_go_back_and_forth(name: str) -> None:
    link = LINKS[name]
    lower, upper = np.maximum(link.domain[0], -3), np.minimum(link.domain[1], 4)
    mu = np.linspace(lower + 0.05, upper - 0.05, 9)
    np.testing.assert_allclose(evaluate(link.inverse, evaluate(link.forward, mu)), mu, rtol=1e-9)
    if link.log_odds is not None:
        eta = np.linspace(-2, 2, 9)
        odds = special.logit(evaluate(link.inverse, eta))
        np.testing.assert_allclose(evaluate(link.log_odds, eta), odds, rtol=1e-9)


def test_links_are_made_once() -> None:
    assert get_link("log") is get_link("log") is get_family("poisson").link_function is LOG
    assert get_family("Gamma", "log").main.link is LOG
    for link in LINKS.values():
        assert pickle.loads(pickle.dumps(link)) is link  # noqa: S301


def loglog() -> Link:
    return Link(
        "loglog",
        lambda mu: -pt.log(-pt.log(mu)),
        lambda eta: pt.exp(-pt.exp(-eta)),
        domain=(0.0, 1.0),
    )


def test_a_registered_link_is_saved_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glimmer.families.links.LINKS", dict(LINKS))
    monkeypatch.setattr("glimmer.families.registry.LINKS", LINKS)
    own = loglog()
    with pytest.raises(StoreError, match="register_link"):
        record.dumps(get_family("bernoulli", own))
    with pytest.raises(FamilyError, match="'logit' is taken"):
        register_link(replace(own, name="logit"))
    with pytest.raises(FamilyError, match="is taken"):
        register_link(replace(own, name="1/mu^2"))
    from glimmer.families import links, registry

    monkeypatch.setattr(registry, "LINKS", links.LINKS)
    register_link(own)
    text = record.dumps(get_family("bernoulli", own))
    assert record.loads(text).link_function is own
    assert pickle.loads(pickle.dumps(get_family("bernoulli", own))).link_function is own  # noqa: S301
    monkeypatch.undo()
    with pytest.raises(StoreError, match="loglog"):
        record.loads(text)


def test_log_odds_are_used_where_a_link_has_them() -> None:
    """The density of a failure where 1 - mu is a rounding error."""
    eta, rounding = pt.dscalar(), np.log(2.0**-53)
    for log_odds, expected in ((None, rounding), (PROBIT.log_odds, stats.norm.logsf(10))):
        own = replace(PROBIT, name="own", log_odds=log_odds)
        density = pm.logp(get_family("bernoulli", own).outcome(eta), 0)
        assert density.eval({eta: 10.0}, mode=OPTIMIZED) == pytest.approx(expected)


def test_a_link_of_the_same_name_is_another_link() -> None:
    double = Link("logit", LOGIT.forward, lambda eta: pt.sigmoid(2 * eta))
    outcome = get_family("bernoulli", double).outcome(pt.as_tensor(np.float64(0.4)))
    assert value(pm.logp(outcome, 1)) == pytest.approx(np.log(special.expit(0.8)))


# Kinds of response


def test_successes_of_a_family_from_outside() -> None:
    table = data().assign(share=lambda d: d["hits"] / d["trials"], n=lambda d: d["trials"])
    family = beta_binomial()
    ways = [("cbind(hits, trials - hits)", None), ("p(hits, trials)", None), ("share", "n")]
    for left, weights in ways:
        model = gl.GlmerBuilder(f"{left} ~ x", table, family, weights=weights)
        np.testing.assert_array_equal(model.design.y, table["hits"])
        np.testing.assert_array_equal(model.design.trials, table["trials"])
        point = random_point(model.build())
        eta = point["Intercept_centered"] + point["x"] * (table["x"] - table["x"].mean())
        p, kappa = special.expit(eta), point["kappa"]
        law = stats.betabinom(table["trials"], p * kappa, (1 - p) * kappa)
        found = log_densities(model.build())(point)[model.build().observed_RVs[0].name]
        assert found == pytest.approx(law.logpmf(table["hits"]).sum())
    with pytest.raises(OutcomeError, match="needs the number of trials"):
        gl.GlmerBuilder("binary ~ x", table, family)
    with pytest.raises(OutcomeError, match="is categorical"):
        gl.GlmerBuilder("g ~ x", table, family)


def test_single_trials_of_a_family_from_outside() -> None:
    table = data().assign(answer=lambda d: np.where(d["binary"] == 1, "yes", "no"))
    family = beta_binomial(without_trials=FAMILIES["bernoulli"])
    for outcome in ("binary", "answer"):
        model = gl.GlmerBuilder(f"{outcome} ~ x", table, family, link="probit")
        assert (model.spec.family.name, model.spec.family.link_name) == ("bernoulli", "probit")
        np.testing.assert_array_equal(model.design.y, table["binary"])


def test_labels_of_a_binary_family_from_outside() -> None:
    family = Family(
        "clipped",
        dist=lambda mu: pm.Bernoulli.dist(p=mu),
        link="logit",
        support=FAMILIES["bernoulli"].support,
        binary=True,
    )
    table = pd.DataFrame({"y": ["no", "yes", "yes", "no", "yes"], "x": [1.0, 3, 2, 5, 4]})
    model = gl.GlmerBuilder("y ~ x", table, family)
    assert list(model.design.y) == [0, 1, 1, 0, 1] and model.spec.response.success == "yes"
    with pytest.raises(OutcomeError, match="has no trials"):
        gl.GlmerBuilder("cbind(x, x) ~ 1", table, family)


# Names


def test_every_name_and_alias_finds_its_family() -> None:
    for alias, name in ALIASES.items():
        assert get_family(alias) is FAMILIES[name]
    assert {"normal", "t", "nbinom2", "negativebinomial", "wald", "betar"} <= set(ALIASES)
    for name in ("poisson", "wald"):
        with pytest.raises(FamilyError, match="is taken"):
            register_family(replace(inflated(), name=name))


def test_names_in_bambi() -> None:
    from bambi.defaults.families import BUILTIN_FAMILIES

    assert {family.bambi for family in FAMILIES.values()} <= set(BUILTIN_FAMILIES)
    laplace = Family(
        "own",
        dist=lambda mu, b: pm.Laplace.dist(mu, b),
        aux={"b": gl.exponential(1)},
        bambi="laplace",
    )
    model = gl.GlmerBuilder("real ~ x", data(), laplace)
    assert model.to_bambi().family.name == "laplace"
