"""The log density of built models against textbook formulas: priors and group effects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from natural import Values, evaluator, log_densities, random_point
from scipy import stats
from small_models import (
    LEVELS,
    OUTCOMES,
    SD_X,
    G,
    H,
    N,
    W,
    X,
    Z,
    assert_densities,
    assert_terms,
    build,
)
from textbook import (
    LIKELIHOODS,
    effects,
    half_t,
    inverse_gamma,
    lkj,
    log_jacobian,
    partial_correlation,
)

import glimmer as gl

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
    shape = point[partial].shape  # a scalar if there is one
    jacobian = log_jacobian(
        lambda u: evaluate({**point, partial: u.reshape(shape)})[corr][lower],
        point[partial].ravel(),
    )
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
        shares = p * broken_stick(point["g_share"].ravel()) if p > 1 else np.ones(1)
        sds = noise * 0.7 * point["g_tau"] * np.sqrt(shares)
    R = np.eye(p)
    if p > 1:
        after = [sum(concentration[k + 1 :]) for k in range(p - 1)]
        terms["g_share"] = stats.beta.logpdf(point["g_share"], concentration[:-1], after)
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


def broken_stick(shares: np.ndarray) -> np.ndarray:
    """Parts of a stick of which each share takes its part of what is left."""
    left = np.cumprod(np.r_[1, 1 - shares])
    return np.r_[shares * left[:-1], left[-1]]


def test_shares_of_a_dirichlet_vector_are_independent_betas() -> None:
    alpha, pi = np.array([0.7, 2.0, 1.3, 3.1]), np.array([0.2, 0.1, 0.4, 0.3])
    left = 1 - np.r_[0, np.cumsum(pi[:-1])]
    after = alpha.sum() - np.cumsum(alpha)
    shares = pi[:-1] / left[:-1]
    np.testing.assert_allclose(broken_stick(shares), pi)
    density = stats.beta.logpdf(shares, alpha[:-1], after[:-1]).sum() - np.log(left[:-1]).sum()
    assert density == pytest.approx(stats.dirichlet.logpdf(pi, alpha))


@pytest.mark.parametrize("p", [2, 3, 4])
def test_partial_correlations_are_those_of_the_reported_matrix(p: int) -> None:
    model = build(f"y ~ 1 + {TERMS[p]}")
    point = random_point(model, seed=10 + p)
    R = evaluator(model, ["g_corr"])(point)["g_corr"]
    pairs = [(i, j) for j in range(1, p) for i in range(j)]
    expected = [partial_correlation(R, i, j) for i, j in pairs]
    assert list(2 * point["g_partial"].ravel() - 1) == pytest.approx(expected)


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
