"""The log density of built models against textbook formulas in numpy and scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from natural import PLAIN, Values, evaluator, log_densities, random_point
from pytensor.compile.mode import Mode
from scipy import linalg, special, stats
from textbook import (
    INVERSE_LINKS,
    LIKELIHOODS,
    effects,
    half_t,
    inverse_gamma,
    lkj,
    log_jacobian,
    partial_correlation,
)

import glimmer as gl
from glimmer.errors import PriorError
from glimmer.families import FAMILIES

N, LEVELS = 40, 5
RNG = np.random.default_rng(20)
X, Z, W = RNG.normal(1.0, [[2.0], [0.5], [1.0]], size=(3, N))
G = np.resize(np.arange(LEVELS), N)
H = np.repeat(np.arange(4), N // 4)
TRIALS = RNG.integers(5, 12, N)
OUTCOMES: dict[str, np.ndarray] = {
    "gaussian": RNG.normal(2.0, 3.0, N),
    "student_t": RNG.normal(2.0, 3.0, N),
    "lognormal": RNG.lognormal(0.5, 0.7, N),
    "bernoulli": RNG.integers(0, 2, N),
    "binomial": RNG.binomial(TRIALS, 0.4),
    "poisson": RNG.poisson(4.0, N),
    "neg_binomial_2": RNG.poisson(4.0, N),
    "Gamma": RNG.gamma(3.0, 1.0, N),
    "inverse_gaussian": RNG.gamma(3.0, 1.0, N),
    "beta": RNG.beta(2.0, 3.0, N),
}
OPTIMIZED = Mode(linker="py", optimizer="fast_run")
SIGMA_SCALED = ("gaussian", "student_t", "lognormal")
SD_X = np.array([X.std(ddof=1), Z.std(ddof=1), W.std(ddof=1)])


def table(family: str = "gaussian", **columns: Any) -> dict[str, Any]:
    labels = np.array(list("abcde"))
    data = {"y": OUTCOMES[family], "x": X, "z": Z, "w": W, "n": TRIALS, "rest": TRIALS}
    if family == "binomial":
        data["rest"] = TRIALS - data["y"]
    return {**data, "g": labels[G], "h": labels[H], "f": labels[H], **columns}


def build(formula: str, family: str = "gaussian", **arguments: Any) -> pm.Model:
    data = arguments.pop("data", table(family))
    checks = {"few_levels": "ignore", **arguments.pop("checks", {})}
    return gl.GlmerBuilder(formula, data, family, checks=checks, **arguments).build()


def assert_densities(model: pm.Model, point: Values, expected: dict[str, Any]) -> None:
    """Compare every variable's log density; ``expected`` holds arrays to be summed."""
    found = log_densities(model)(point)
    sums = {name: float(np.sum(value)) for name, value in expected.items()}
    assert found == pytest.approx(sums, rel=1e-9, abs=1e-7)


def assert_terms(model: pm.Model, point: Values, expected: dict[str, Any]) -> None:
    """Compare the log densities of some of the variables."""
    found = log_densities(model)(point)
    sums = {name: float(np.sum(value)) for name, value in expected.items()}
    assert {name: found[name] for name in sums} == pytest.approx(sums, rel=1e-9, abs=1e-7)


# Families and links

FAMILY_LINKS = [(name, link) for name, family in FAMILIES.items() for link in family.links]
# a linear predictor well inside the domain of the link
CENTERS = {"inverse": 1.5, "inverse_squared": 2.5, "sqrt": 2.0, "identity": 4.0}


@pytest.mark.parametrize(("family", "link"), FAMILY_LINKS)
def test_every_family_and_link(family: str, link: str) -> None:
    formula = "cbind(y, rest) ~ x + (1 | g)" if family == "binomial" else "y ~ x + (1 | g)"
    model = build(formula, family, link=link)
    point = random_point(model, seed=len(family) + len(link))
    beta, b = np.float64(0.05), 0.1 * point["1|g"]
    center = -2.0 if (family, link) in (("binomial", "log"), ("bernoulli", "log")) else 0.3
    intercept = np.float64(CENTERS.get(link, center))
    point |= {"x": beta, "1|g": b, "Intercept_centered": intercept}
    aux = {name: point[name] for name in FAMILIES[family].aux}
    y = OUTCOMES[family].astype(float)
    unit = np.log(y) if family == "lognormal" else y
    sd = unit.std(ddof=1) if family in SIGMA_SCALED else 1.0
    factor = 1.5957691216057308 if link == "probit" else 1.0
    location = unit.mean() if family in SIGMA_SCALED and link == "identity" else 0.0
    mu = INVERSE_LINKS[link](intercept + beta * (X - X.mean()) + b[G])
    trials = {"trials": TRIALS} if family == "binomial" else {}
    expected = {
        "Intercept_centered": stats.norm.logpdf(intercept, location, 2.5 * sd * factor),
        "x": stats.norm.logpdf(beta, 0, 2.5 * sd * factor / SD_X[0]),
        model.observed_RVs[0].name: LIKELIHOODS[family](y, mu, **aux, **trials),
    }
    for name, value in aux.items():
        expected[name] = stats.expon.logpdf(value, scale=sd)
    if family == "student_t":
        law = stats.gamma(2, scale=10)
        expected["nu"] = law.logpdf(aux["nu"]) - law.logsf(1)
    if family in SIGMA_SCALED:
        expected["g_tau"] = stats.expon.logpdf(point["g_tau"])
        group_sd = point["g_tau"] * aux["sigma"]
    else:
        group_sd = point["1|g_sigma"]
        expected["1|g_sigma"] = stats.expon.logpdf(group_sd)
    expected["1|g"] = stats.norm.logpdf(b, 0, group_sd)
    assert_densities(model, point, expected)


@pytest.mark.parametrize(
    ("family", "link", "etas"),
    [
        ("poisson", "identity", [-1.0]),
        ("poisson", "sqrt", [-1.0]),
        ("neg_binomial_2", "sqrt", [-1.0]),
        ("Gamma", "inverse", [-1.0, 0.0]),
        ("Gamma", "identity", [-1.0]),
        ("inverse_gaussian", "inverse_squared", [-1.0, 0.0]),
        ("bernoulli", "log", [0.1]),
    ],
)
def test_an_infeasible_mean_has_density_zero(family: str, link: str, etas: list[float]) -> None:
    model = build("y ~ 1 + (1 | g)", family, link=link)
    function = model.compile_logp(mode=OPTIMIZED)
    start = model.initial_point()
    assert np.isfinite(function(start))
    for eta in etas:
        with np.errstate(all="ignore"):
            assert function({**start, "Intercept": np.array(eta)}) == -np.inf


# Coefficients

BETA = np.array([0.7, -1.3])
COEFFICIENT_PRIORS: dict[str, tuple[Any, Any]] = {
    "normal": (gl.normal(1, 2), lambda b: stats.norm.logpdf(b, 1, 2)),
    "default scale": (gl.normal(), lambda b: stats.norm.logpdf(b, 0, 2.5)),
    "student_t": (gl.student_t(5, 0.5, 2), lambda b: stats.t.logpdf(b, 5, 0.5, 2)),
    "cauchy": (gl.cauchy(0, 2), lambda b: stats.cauchy.logpdf(b, 0, 2)),
    "laplace": (gl.laplace(0.2, 3), lambda b: stats.laplace.logpdf(b, 0.2, 3)),
    "exponential": (gl.exponential([1, 3]), lambda b: stats.expon.logpdf(b, 0, [1, 1 / 3])),
    "gamma": (gl.gamma(2, [1, 3]), lambda b: stats.gamma.logpdf(b, 2, 0, [1, 1 / 3])),
    "vectors": (gl.normal([1, 2], [3, 4]), lambda b: stats.norm.logpdf(b, [1, 2], [3, 4])),
    "vector of df": (gl.student_t([3, 5], 0, 1), lambda b: stats.t.logpdf(b, [3, 5], 0, 1)),
    "PyMC scalar": (pm.Logistic.dist(0.0, 2.0), lambda b: stats.logistic.logpdf(b, 0, 2)),
    "PyMC vector": (
        pm.Normal.dist([0.0, 1.0], 2.0),
        lambda b: stats.norm.logpdf(b, [0, 1], 2),
    ),
    "PyMC by name": (
        gl.prior("StudentT", nu=4, mu=[0, 1], sigma=2),
        lambda b: stats.t.logpdf(b, 4, [0, 1], 2),
    ),
    "PyMC composed": (
        pm.Mixture.dist([0.25, 0.75], [pm.Normal.dist(0.0, 0.1), pm.Normal.dist(0.0, 3.0)]),
        lambda b: np.log(0.25 * stats.norm.pdf(b, 0, 0.1) + 0.75 * stats.norm.pdf(b, 0, 3)),
    ),
    "by term": (
        {"x": gl.normal(1, 2), "z": pm.Laplace.dist(0.0, 2.0)},
        lambda b: [stats.norm.logpdf(b[0], 1, 2), stats.laplace.logpdf(b[1], 0, 2)],
    ),
    "one by name": (
        {"z": gl.normal(1, 2)},
        lambda b: [
            stats.norm.logpdf(b[0], 0, 2.5 * OUTCOMES["gaussian"].std(ddof=1) / SD_X[0]),
            stats.norm.logpdf(b[1], 1, 2),
        ],
    ),
}


@pytest.mark.parametrize("name", COEFFICIENT_PRIORS)
def test_coefficient_priors(name: str) -> None:
    prior, density = COEFFICIENT_PRIORS[name]
    model = build("y ~ x + z + (1 | g)", prior=prior)
    beta = np.abs(BETA) if name in ("exponential", "gamma") else BETA
    point = random_point(model) | {"x": beta[0], "z": beta[1]}
    x, z = density(beta)
    assert_terms(model, point, {"x": x, "z": z})


def test_a_flat_prior_adds_nothing() -> None:
    priors = dict.fromkeys(("prior", "prior_intercept", "prior_aux"), gl.flat())
    model = build("y ~ x + z", checks={"flat_prior": "ignore"}, **priors)
    point = random_point(model)
    assert_terms(model, point, dict.fromkeys(("Intercept_centered", "x", "z", "sigma"), 0.0))


def test_a_multivariate_prior() -> None:
    cov = np.array([[1.0, 0.5], [0.5, 2.0]])
    model = build("y ~ x + z", prior=pm.MvNormal.dist([1.0, 0.0], cov))
    point = random_point(model) | {"beta": BETA}
    law = stats.multivariate_normal([1, 0], cov)
    assert_terms(model, point, {"beta": law.logpdf(BETA)})
    assert list(evaluator(model, ["x", "z"])(point).values()) == pytest.approx(list(BETA))


def test_priors_of_a_factor() -> None:
    model = build("y ~ f", prior={"f": gl.normal([0, 1, 2], [1, 2, 3])})
    point = random_point(model) | {"f": np.array([0.1, 0.2, 0.3])}
    densities = stats.norm.logpdf(point["f"], [0, 1, 2], [1, 2, 3])
    assert_terms(model, point, {"f": densities})


def lasso(v: Values, sigma: float) -> tuple[np.ndarray, dict[str, Any]]:
    beta = [1, 2] + v["beta_lasso_scale"] * 3 * v["beta_z"]
    return beta, {
        "beta_lasso_scale": stats.chi2.logpdf(v["beta_lasso_scale"], 2),
        "beta_z": stats.laplace.logpdf(v["beta_z"]),
    }


def product_normal(v: Values, sigma: float) -> tuple[np.ndarray, dict[str, Any]]:
    z = v["beta_z"]
    return 0.5 + 2.0**3 * z[0] * z[1] * z[2], {"beta_z": stats.norm.logpdf(z)}


def horseshoe(v: Values, sigma: float) -> tuple[np.ndarray, dict[str, Any]]:
    locals_ = {name: df for name, df in (("beta_local", 1), ("beta_local1", 2), ("beta_local2", 3))}
    locals_ = {name: df for name, df in locals_.items() if name in v}
    local = np.prod([v[name] for name in locals_], axis=0)
    tau, c2 = sigma * v["beta_global"], 1.5**2 * v["beta_slab"]
    beta = v["beta_z"] * tau * np.sqrt(c2 * local**2 / (c2 + tau**2 * local**2))
    return beta, {
        "beta_global": half_t(v["beta_global"], 1, 0.1),
        "beta_slab": inverse_gamma(v["beta_slab"], 3, 3),
        "beta_z": stats.norm.logpdf(v["beta_z"]),
        **{name: half_t(v[name], df) for name, df in locals_.items()},
    }


HS = {"global_scale": 0.1, "slab_df": 6, "slab_scale": 1.5}
JOINT_PRIORS: dict[str, tuple[Any, Any]] = {
    "lasso": (gl.lasso(2, [1, 2], 3), lasso),
    "product_normal": (gl.product_normal(3, 0.5, 2), product_normal),
    "hs": (gl.hs(**HS), horseshoe),
    "hs_plus": (gl.hs_plus(2, 3, **HS), horseshoe),
}


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
@pytest.mark.parametrize("name", JOINT_PRIORS)
def test_joint_coefficient_priors(name: str, family: str) -> None:
    prior, formula = JOINT_PRIORS[name]
    model = build("y ~ x + z", family, prior=prior)
    point = random_point(model, seed=3)
    sigma = float(point.get("sigma", 1.0))
    beta, densities = formula(point, sigma)
    assert_terms(model, point, densities)
    found = evaluator(model, ["x", "z"])(point)
    assert [found["x"], found["z"]] == pytest.approx(list(beta))
    mu = point["Intercept_centered"] + beta @ (np.stack([X, Z]).T - [X.mean(), Z.mean()]).T
    mu = mu if family == "gaussian" else np.exp(mu)
    aux = {"sigma": sigma} if family == "gaussian" else {}
    assert_terms(model, point, {"y": LIKELIHOODS[family](OUTCOMES[family], mu, **aux)})


# Intercept and auxiliary parameters

INTERCEPT_PRIORS: dict[str, tuple[Any, Any]] = {
    "normal": (gl.normal(1, 2), stats.norm(1, 2)),
    "student_t": (gl.student_t(4, 1, 2), stats.t(4, 1, 2)),
    "cauchy": (gl.cauchy(1, 2), stats.cauchy(1, 2)),
    "PyMC": (pm.Uniform.dist(-3.0, 5.0), stats.uniform(-3, 8)),
}


@pytest.mark.parametrize("name", INTERCEPT_PRIORS)
@pytest.mark.parametrize(
    ("formula", "variable"), [("y ~ x", "Intercept_centered"), ("y ~ 1", "Intercept")]
)
def test_intercept_priors(name: str, formula: str, variable: str) -> None:
    prior, law = INTERCEPT_PRIORS[name]
    model = build(formula, prior_intercept=prior)
    point = random_point(model) | {variable: np.float64(0.6)}
    assert_terms(model, point, {variable: law.logpdf(0.6)})


AUX_PRIORS: dict[str, tuple[Any, Any]] = {
    "exponential": (gl.exponential(2), stats.expon(scale=0.5)),
    "half-normal": (gl.normal(0, 3), stats.halfnorm(scale=3)),
    "truncated normal": (gl.normal(1, 3), stats.truncnorm(-1 / 3, np.inf, 1, 3)),
    "half-Cauchy": (gl.cauchy(0, 3), stats.halfcauchy(scale=3)),
    "gamma": (gl.gamma(3, 2), stats.gamma(3, scale=0.5)),
    "laplace": (gl.laplace(0, 2), stats.expon(scale=2)),
    "PyMC": (pm.InverseGamma.dist(3.0, 2.0), stats.invgamma(3, scale=2)),
    "by name": (gl.prior("Weibull", alpha=2, beta=3), stats.weibull_min(2, scale=3)),
    "by parameter": ({"sigma": gl.exponential(2)}, stats.expon(scale=0.5)),
}


@pytest.mark.parametrize("name", AUX_PRIORS)
def test_auxiliary_priors(name: str) -> None:
    prior, law = AUX_PRIORS[name]
    model = build("y ~ x", prior_aux=prior)
    point = random_point(model) | {"sigma": np.float64(1.7)}
    assert_terms(model, point, {"sigma": law.logpdf(1.7)})


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (gl.student_t(4, 0, 3), lambda s: half_t(s, 4, 3)),
        (gl.student_t(4, 1, 3), lambda s: stats.t.logpdf(s, 4, 1, 3) - stats.t.logsf(0, 4, 1, 3)),
    ],
)
def test_half_t_on_an_auxiliary_parameter(prior: Any, law: Any) -> None:
    model = build("y ~ x", prior_aux=prior)
    point = random_point(model) | {"sigma": np.float64(1.7)}
    assert_terms(model, point, {"sigma": law(1.7)})


# Group covariances

TERMS = {1: "(1 | g)", 2: "(x | g)", 3: "(x + z | g)", 4: "(x + z + w | g)"}
COLUMNS = {"1": np.ones(N), "x": X, "z": Z, "w": W}
CONCENTRATION = (1.0, 2.0, 3.0, 4.0)


def correlations(
    model: pm.Model, block: str, point: Values, eta: float
) -> tuple[np.ndarray, float]:
    """The correlation matrix of a block, and its log density in the model's parameters."""
    partial, corr = f"{block}_partial", f"{block}_corr"
    evaluate = evaluator(model, [corr])
    R = evaluate(point)[corr]
    lower = np.tril_indices(len(R), -1)
    jacobian = log_jacobian(lambda u: evaluate({**point, partial: u})[corr][lower], point[partial])
    return R, lkj(R, eta) + jacobian


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
@pytest.mark.parametrize("p", TERMS)
def test_decov(p: int, family: str) -> None:
    concentration = CONCENTRATION[:p]
    prior = gl.decov(1.5, concentration if p > 1 else 1.0, shape=2.0, scale=0.7)
    model = build(f"y ~ 1 + {TERMS[p]}", family, prior_covariance=prior)
    point = random_point(model, seed=p)
    noise = point["sigma"] if family == "gaussian" else 1.0
    names = list(COLUMNS)[:p]
    b = np.stack([point[f"{name}|g"] for name in names], axis=1)
    terms: dict[str, Any] = {}
    if p == 1 and family == "poisson":
        sds = point["1|g_sigma"][None]
        terms["1|g_sigma"] = stats.gamma.logpdf(sds, 2, scale=0.7)
    else:
        terms["g_tau"] = stats.gamma.logpdf(point["g_tau"], 2)
        shares = p * point["g_pi"] if p > 1 else np.ones(1)
        sds = noise * 0.7 * point["g_tau"] * np.sqrt(shares)
    R = np.eye(p)
    if p > 1:
        terms["g_pi"] = stats.dirichlet.logpdf(point["g_pi"], concentration)
        R, terms["g_partial"] = correlations(model, "g", point, 1.5)
    assert_terms(model, point, terms)
    found = log_densities(model)(point)
    assert sum(found[f"{name}|g"] for name in names) == pytest.approx(effects(b, sds, R), rel=1e-9)
    reported = evaluator(model, [f"{name}|g_sigma" for name in names])(point)
    assert list(reported.values()) == pytest.approx(list(sds))
    eta = point["Intercept"] + sum(b[G, k] * COLUMNS[name] for k, name in enumerate(names))
    mu = eta if family == "gaussian" else np.exp(eta)
    aux = {"sigma": noise} if family == "gaussian" else {}
    assert_terms(model, point, {"y": LIKELIHOODS[family](OUTCOMES[family], mu, **aux)})


@pytest.mark.parametrize("p", [2, 3, 4])
def test_partial_correlations_are_those_of_the_reported_matrix(p: int) -> None:
    model = build(f"y ~ 1 + {TERMS[p]}")
    point = random_point(model, seed=10 + p)
    R = evaluator(model, ["g_corr"])(point)["g_corr"]
    pairs = [(i, j) for j in range(1, p) for i in range(j)]
    expected = [partial_correlation(R, i, j) for i, j in pairs]
    assert list(2 * point["g_partial"] - 1) == pytest.approx(expected)


@pytest.mark.parametrize("p", TERMS)
def test_lkj(p: int) -> None:
    scale = np.array([1.0, 2.0, 3.0, 4.0])[:p]
    model = build(f"y ~ 1 + {TERMS[p]}", prior_covariance=gl.lkj(2.5, list(scale), df=3))
    point = random_point(model, seed=p)
    names = list(COLUMNS)[:p]
    sds = np.array([point[f"{name}|g_sigma"] for name in names])
    columns = np.array([COLUMNS[name].std(ddof=1) for name in names])
    columns[0] = 1.0
    scale = scale * OUTCOMES["gaussian"].std(ddof=1) / columns
    terms = {f"{name}|g_sigma": half_t(sds[k], 3, scale[k]) for k, name in enumerate(names)}
    R = np.eye(p)
    if p > 1:
        R, terms["g_partial"] = correlations(model, "g", point, 2.5)
    assert_terms(model, point, terms)
    b = np.stack([point[f"{name}|g"] for name in names], axis=1)
    found = log_densities(model)(point)
    assert sum(found[f"{name}|g"] for name in names) == pytest.approx(effects(b, sds, R), rel=1e-9)


GROUP_FORMULAS: dict[str, tuple[str, dict[str, tuple[np.ndarray, Any]]]] = {
    # effect: (index of each row, column); every effect has an sd of its own
    "uncorrelated": ("(x || g)", {"1|g": (G, 1.0), "x|g": (G, X)}),
    "two bars": ("(1 | g) + (0 + x | g)", {"1|g": (G, 1.0), "x|g": (G, X)}),
    "crossed": ("(1 | g) + (1 | h)", {"1|g": (G, 1.0), "1|h": (H, 1.0)}),
    "nested": ("(1 | h / g)", {"1|h": (H, 1.0), "1|h:g": (LEVELS * H + G, 1.0)}),
    "interaction": ("(0 + x | g:h)", {"x|g:h": (4 * G + H, X)}),
}


@pytest.mark.parametrize("name", GROUP_FORMULAS)
def test_several_group_terms(name: str) -> None:
    bars, gathered = GROUP_FORMULAS[name]
    model = build(f"y ~ 1 + {bars}", "poisson")
    point = random_point(model, seed=5)
    terms: dict[str, Any] = {}
    eta = np.full(N, point["Intercept"])
    for effect, (index, column) in gathered.items():
        sd = point[f"{effect}_sigma"]
        terms[f"{effect}_sigma"] = stats.expon.logpdf(sd)
        terms[effect] = stats.norm.logpdf(point[effect], 0, sd)
        eta += point[effect][index] * column
    terms["Intercept"] = stats.norm.logpdf(point["Intercept"], 0, 2.5)
    terms["y"] = stats.poisson.logpmf(OUTCOMES["poisson"], np.exp(eta))
    assert_densities(model, point, terms)


def test_priors_per_factor_and_per_effect() -> None:
    priors = {"h": gl.exponential(3), "x|g": gl.normal(0, 2), "1|g": gl.decov(shape=2)}
    model = build("y ~ 1 + (x || g) + (1 | h)", "poisson", prior_covariance=priors)
    point = random_point(model)
    sds = {name: point[name] for name in ("1|h_sigma", "x|g_sigma", "1|g_sigma")}
    laws = {
        "1|h_sigma": stats.expon(scale=1 / 3),
        "x|g_sigma": stats.halfnorm(scale=2),
        "1|g_sigma": stats.gamma(2),
    }
    assert_terms(model, point, {name: laws[name].logpdf(sd) for name, sd in sds.items()})


# Rows: weights, offsets, trials; design: QR, no intercept, no likelihood


def gaussian_rows(point: Values, scale: Any = 1.0, offset: Any = 0.0) -> np.ndarray:
    mu = point["Intercept_centered"] + point["x"] * (X - X.mean()) + offset
    return stats.norm.logpdf(OUTCOMES["gaussian"], mu, point["sigma"] * scale)


def test_weights_are_exponents_of_the_likelihood() -> None:
    weights = np.linspace(0, 3, N)
    model = build("y ~ x", weights=weights)
    point = random_point(model)
    assert_terms(model, point, {"y": weights * gaussian_rows(point)})


def test_weights_of_one_change_nothing_and_of_two_double_rows() -> None:
    plain, ones = build("y ~ x + (1 | g)"), build("y ~ x + (1 | g)", weights=np.ones(N))
    twice = build("y ~ x + (1 | g)", weights=np.full(N, 2.0))
    point = random_point(plain)
    alone = log_densities(plain)(point)
    assert log_densities(ones)(point) == pytest.approx(alone)
    assert log_densities(twice)(point)["y"] == pytest.approx(2 * alone["y"])


@pytest.mark.parametrize(("family", "formula"), [
    ("binomial", "p(y, n) ~ 1"), ("poisson", "y ~ 1"), ("student_t", "y ~ 1"),
    ("bernoulli", "y ~ 1"),
])  # fmt: skip
def test_weights_in_other_families(family: str, formula: str) -> None:
    weights = np.linspace(0.5, 3, N)
    model = build(formula, family, weights=weights)
    point = random_point(model)
    mu = INVERSE_LINKS[FAMILIES[family].link_name](np.full(N, point["Intercept"]))
    aux = {name: point[name] for name in FAMILIES[family].aux}
    trials = {"trials": TRIALS} if family == "binomial" else {}
    rows = LIKELIHOODS[family](OUTCOMES[family], mu, **aux, **trials)
    assert_terms(model, point, {model.observed_RVs[0].name: weights * rows})


def test_precision_weights_divide_the_variance() -> None:
    weights = np.linspace(0.5, 3, N)
    model = build("y ~ x", weights=gl.precision_weights(weights))
    point = random_point(model)
    assert_terms(model, point, {"y": gaussian_rows(point, 1 / np.sqrt(weights))})


@pytest.mark.parametrize(("formula", "offset", "total"), [
    ("y ~ x + offset(z)", None, Z),
    ("y ~ x", "z", Z),
    ("y ~ x", Z, Z),
    ("y ~ x + offset(z) + offset(log(n))", W, Z + np.log(TRIALS) + W),
])  # fmt: skip
def test_offsets(formula: str, offset: Any, total: np.ndarray) -> None:
    model = build(formula, offset=offset)
    point = random_point(model)
    assert_terms(model, point, {"y": gaussian_rows(point, offset=total)})


@pytest.mark.parametrize(("formula", "weights"), [
    ("cbind(y, rest) ~ 1", None), ("cbind(y, n - y) ~ 1", None), ("p(y, n) ~ 1", None),
    ("share ~ 1", "n"),
])  # fmt: skip
def test_trials(formula: str, weights: Any) -> None:
    data = table("binomial", share=OUTCOMES["binomial"] / TRIALS)
    model = build(formula, "binomial", data=data, weights=weights)
    point = random_point(model)
    rows = stats.binom.logpmf(OUTCOMES["binomial"], TRIALS, special.expit(point["Intercept"]))
    assert_terms(model, point, {model.observed_RVs[0].name: rows})


def test_qr() -> None:
    model = build("y ~ x + z + w", QR=True)
    point = random_point(model)
    centred = np.stack([X - X.mean(), Z - Z.mean(), W - W.mean()], axis=1)
    Q, R = linalg.qr(centred, mode="economic")
    Q, R = Q * np.sign(np.diag(R)), R * np.sign(np.diag(R))[:, None]
    theta = point["beta_rotated"]
    sd_y = OUTCOMES["gaussian"].std(ddof=1)
    eta = point["Intercept_centered"] + Q @ theta * np.sqrt(N - 1)
    terms = {
        "beta_rotated": stats.norm.logpdf(theta, 0, 2.5 * sd_y),
        "y": stats.norm.logpdf(OUTCOMES["gaussian"], eta, point["sigma"]),
    }
    assert_terms(model, point, terms)
    beta = np.linalg.solve(R, theta * np.sqrt(N - 1))
    found = evaluator(model, ["x", "z", "w", "Intercept"])(point)
    means = np.array([X.mean(), Z.mean(), W.mean()])
    intercept = point["Intercept_centered"] - means @ beta
    assert list(found.values()) == pytest.approx([*beta, intercept])


def test_without_an_intercept_nothing_is_centred() -> None:
    model = build("y ~ 0 + x", prior=gl.normal(0, 1))
    point = random_point(model)
    rows = stats.norm.logpdf(OUTCOMES["gaussian"], point["x"] * X, point["sigma"])
    sd_y = OUTCOMES["gaussian"].std(ddof=1)
    expected = {
        "x": stats.norm.logpdf(point["x"]),
        "sigma": stats.expon.logpdf(point["sigma"], scale=sd_y),
        "y": rows,
    }
    assert_densities(model, point, expected)


def test_prior_pd_leaves_out_the_likelihood() -> None:
    full, prior_only = build("y ~ x + (x | g)"), build("y ~ x + (x | g)", prior_PD=True)
    point = random_point(full)
    expected = log_densities(full)(point)
    del expected["y"]
    assert log_densities(prior_only)(point) == pytest.approx(expected)
    without_outcome = build("~ x + (x | g)", prior_PD=True)
    assert not without_outcome.observed_RVs


def test_prior_pd_with_a_flat_prior_is_refused() -> None:
    with pytest.raises(PriorError, match="x, z is flat"):
        build("y ~ x + z", prior=gl.flat(), prior_PD=True, checks={"flat_prior": "ignore"})


# Coordinates of sampling

TRANSFORMED: dict[str, dict[str, Any]] = {
    "decov": {"formula": "y ~ x + (x | g)"},
    "decov of three": {"formula": "y ~ 1 + (x + z | g)"},
    "centred": {"formula": "y ~ x + (x | g)", "centered": True},
    "lkj": {"formula": "y ~ 1 + (x | g)", "prior_covariance": gl.lkj(2)},
    "student_t": {"formula": "y ~ 1 + (1 | g)", "family": "student_t"},
    "horseshoe": {"formula": "y ~ x + z", "prior": gl.hs(), "family": "beta"},
    "bounded": {"formula": "y ~ 1", "prior_intercept": pm.Uniform.dist(-1.0, 2.0)},
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_transforms_have_their_jacobian(name: str) -> None:
    model = build(**TRANSFORMED[name])
    start = model.initial_point()
    sizes = [start[v.name].size for v in model.value_vars]
    z = 0.3 * np.random.default_rng(1).normal(size=sum(sizes))
    back = pytensor.function(
        model.value_vars, model.replace_rvs_by_values(model.free_RVs), mode=PLAIN
    )

    def split(flat: np.ndarray) -> dict[str, np.ndarray]:
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return {
            v.name: part.reshape(start[v.name].shape)
            for v, part in zip(model.value_vars, parts, strict=True)
        }

    def natural(flat: np.ndarray) -> Values:
        values = back(*split(flat).values())
        return {rv.name: v for rv, v in zip(model.free_RVs, values, strict=True)}

    def coordinates(flat: np.ndarray) -> np.ndarray:
        values = natural(flat)
        free = [v[:-1] if name.endswith("_pi") else v.ravel() for name, v in values.items()]
        return np.concatenate(free)

    expected = sum(log_densities(model)(natural(z)).values()) + log_jacobian(coordinates, z)
    found = model.compile_logp(mode=PLAIN, jacobian=True)(split(z))
    assert found == pytest.approx(expected, rel=1e-7)
    without = model.compile_logp(mode=PLAIN, jacobian=False)(split(z))
    assert without == pytest.approx(sum(log_densities(model)(natural(z)).values()))


def test_centred_coordinates_leave_the_model_as_it_is() -> None:
    models = [build("y ~ x + (x | g) + (1 | h)", centered=c) for c in (False, True, {"h": True})]
    point = random_point(models[0])
    first, *others = (log_densities(model)(point) for model in models)
    assert all(other == pytest.approx(first) for other in others)
    assert models[1].rvs_to_transforms[models[1]["1|g"]] is None
    assert models[2].rvs_to_transforms[models[2]["1|h"]] is None


# Extremes

TAILS: dict[str, tuple[Any, Any]] = {
    "logit": (stats.logistic.logcdf, stats.logistic.logsf),
    "probit": (stats.norm.logcdf, stats.norm.logsf),
    "cauchit": (stats.cauchy.logcdf, stats.cauchy.logsf),
    "cloglog": (lambda eta: np.log(-np.expm1(-np.exp(eta))), lambda eta: -np.exp(eta)),
}


def density_and_slope(family: str, link: str, y: Any, eta: float, **aux: Any) -> list[Any]:
    """Log density of one outcome and its derivative in the linear predictor."""
    x = pt.dscalar()
    density = pm.logp(FAMILIES[family].with_link(link).outcome(x, **aux), y).sum()
    return pytensor.function([x], [density, pytensor.grad(density, x)], mode=OPTIMIZED)(eta)


@pytest.mark.parametrize("eta", [-40.0, -5.0, 0.0, 5.0, 40.0])
@pytest.mark.parametrize("link", TAILS)
def test_probabilities_in_the_tails(link: str, eta: float) -> None:
    h = 1e-6 * max(1.0, abs(eta))
    for y, tail in zip((1, 0), TAILS[link], strict=True):
        density, slope = density_and_slope("bernoulli", link, y, eta)
        assert density == pytest.approx(tail(eta), rel=1e-9, abs=1e-15)
        by_difference = (tail(eta + h) - tail(eta - h)) / (2 * h)
        assert slope == pytest.approx(by_difference, rel=1e-4, abs=1e-9)
        assert np.isfinite(density_and_slope("bernoulli", link, y, 30 * eta)).all()


@pytest.mark.parametrize("eta", [-40.0, 40.0])
@pytest.mark.parametrize("link", TAILS)
def test_beta_in_the_tails(link: str, eta: float) -> None:
    density, slope = density_and_slope("beta", link, 0.3, eta, kappa=2.0)
    assert np.isfinite([density, slope]).all()
    if link in ("logit", "cauchit"):
        assert np.sign(slope) == -np.sign(eta)


@pytest.mark.parametrize("count", [10**6, 10**9, 10**12])
def test_large_counts(count: int) -> None:
    eta = np.log(count) + 1e-4
    density, slope = density_and_slope("poisson", "log", count, eta)
    assert density == pytest.approx(stats.poisson.logpmf(count, np.exp(eta)), rel=1e-6)
    assert slope == pytest.approx(count - np.exp(eta), rel=1e-6)
    density, slope = density_and_slope("neg_binomial_2", "log", count, eta, alpha=2.0)
    # for large means, NB2 is a gamma density of the count
    assert density == pytest.approx(stats.gamma.logpdf(count, 2, scale=np.exp(eta) / 2), rel=1e-3)
    assert np.isfinite(slope)


def test_correlations_near_one() -> None:
    model = build("y ~ 1 + (x + z | g)", "poisson")
    start = model.initial_point()
    name = model.rvs_to_values[model["g_partial"]].name
    density, gradient = model.compile_logp(mode=OPTIMIZED), model.compile_dlogp(mode=OPTIMIZED)
    for distance in (-30.0, 30.0):
        point = {**start, name: np.array([distance, 0.1, -distance])}
        assert np.isfinite(density(point))
        assert np.isfinite(gradient(point)).all()


DEFAULT_LINKS = [(name, str(family.link)) for name, family in FAMILIES.items()]
BOUNDED_LINKS = [("gaussian", "inverse"), ("bernoulli", "log"), ("poisson", "identity")]


@pytest.mark.parametrize(("family", "link"), DEFAULT_LINKS + BOUNDED_LINKS)
def test_the_gradient_is_finite_where_sampling_starts(family: str, link: str) -> None:
    formula = "cbind(y, rest)" if family == "binomial" else "y"
    model = build(f"{formula} ~ x + (1 | g)", family, link=link)
    gradient = model.compile_dlogp(mode=PLAIN)(model.initial_point())
    assert np.isfinite(gradient).all()
