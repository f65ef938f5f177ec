"""The log density of built models against textbook formulas: families, rows, coordinates."""

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
from small_models import (
    OUTCOMES,
    SD_X,
    SIGMA_SCALED,
    TRIALS,
    G,
    N,
    W,
    X,
    Z,
    assert_densities,
    assert_terms,
    build,
    table,
)
from textbook import (
    INVERSE_LINKS,
    LIKELIHOODS,
    log_jacobian,
)

import glimmer as gl
from glimmer.errors import PriorError
from glimmer.families import FAMILIES

OPTIMIZED = Mode(linker="py", optimizer="fast_run").excluding("fusion")

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
    quiet = {"flat_prior": "ignore"}
    with pytest.raises(PriorError, match="x, z is flat"):
        gl.GlmerBuilder("y ~ x + z", table(), prior=gl.flat(), prior_PD=True, checks=quiet)


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
        return np.concatenate([v.ravel() for v in values.values()])

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
