"""Autoscaling to rstanarm's numbers, literal priors, errors, and priors from elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pymc as pm
import pytest
from natural import PLAIN, log_densities, random_point
from scipy import stats

import glimmer as gl
from glimmer.assemble import assemble
from glimmer.errors import FamilyError, PriorError
from glimmer.families import Parameter
from glimmer.priors import as_prior
from glimmer.record import dumps, loads, record

REFERENCE = Path(__file__).parent / "reference" / "glmm"
MPG = [
    21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4,
    14.7, 32.4, 30.4, 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4,
]  # fmt: skip
WT = [
    2.620, 2.875, 2.320, 3.215, 3.440, 3.460, 3.570, 3.190, 3.150, 3.440, 3.440, 4.070, 3.730,
    3.780, 5.250, 5.424, 5.345, 2.200, 1.615, 1.835, 2.465, 3.520, 3.435, 3.840, 3.845, 1.935,
    2.140, 1.513, 3.170, 2.770, 3.570, 2.780,
]  # fmt: skip
AM = [1] * 3 + [0] * 14 + [1] * 3 + [0] * 5 + [1] * 7
MTCARS = {
    "mpg": MPG, "wt": WT, "am": AM, "high": [int(m > 20) for m in MPG],
    "count": [round(m) for m in MPG], "share": [m / 40 for m in MPG], "g": list("abcdefgh") * 4,
}  # fmt: skip


def build(formula: str, family: str = "gaussian", **arguments: Any) -> gl.GlmerBuilder:
    return gl.GlmerBuilder(formula, MTCARS, family, checks={"few_levels": "ignore"}, **arguments)


def scales(model: gl.GlmerBuilder) -> dict[str, Any]:
    """Location and scale, or rate, of every prior by name of its parameter."""
    priors = model.spec.priors
    own = priors.predictors["mu"]
    found = {"Intercept": own.intercept, **priors.aux}
    found |= {", ".join(common.terms): common.prior for common in own.common}
    return {
        name: (prior.rate,) if hasattr(prior, "rate") else (prior.location, prior.scale)
        for name, prior in found.items()
        if prior is not None
    }


# rstanarm's numbers


def test_mtcars_as_rstanarm_documents_it() -> None:
    found = scales(build("mpg ~ wt + am"))
    assert found["Intercept"] == pytest.approx((20.1, 15.07), abs=0.01)
    assert found["wt"] == pytest.approx((0, 15.40), abs=0.005)
    assert found["am"] == pytest.approx((0, 30.20), abs=0.005)
    assert found["sigma"] == pytest.approx((1 / 6.03,), rel=1e-3)


FITS: dict[str, tuple[str, dict[str, Any]]] = {
    "sleepstudy": ("Reaction ~ Days + (Days | Subject)", {}),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", {}),
    "cbpp": (
        "cbind(incidence, size - incidence) ~ factor(period) + (1 | herd)",
        {"family": "binomial"},
    ),
    "roaches_poisson_glmer": (
        "y ~ roach1 + treatment + (1 | senior)",
        {"family": "poisson", "offset": "log_exposure2", "checks": {"few_levels": "ignore"}},
    ),
}


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


def rstanarm_numbers(lines: list[str]) -> dict[str, list[float]]:
    """Numbers of the last (adjusted) prior under each heading of rstanarm's prior_summary."""
    found: dict[str, list[float]] = {}
    heading = ""
    for line in lines:
        if re.match(r"^[A-Z]", line):
            heading = line.split()[0]
        elif "~" in line:
            found[heading] = numbers(line.split("~")[1])
    return found


@pytest.mark.parametrize("name", FITS)
def test_prior_summary_shows_the_scales_of_rstanarm(name: str) -> None:
    fit = json.loads((REFERENCE / f"{name}.json").read_text())
    formula, arguments = FITS[name]
    model = gl.GlmerBuilder(formula, fit["data"], **arguments)
    expected = rstanarm_numbers(fit["prior_summary"])
    shown: dict[str, list[float]] = {}
    for line in model.prior_summary().lines:
        heading = {"common": "Coefficients", "auxiliary": "Auxiliary", "intercept": "Intercept"}
        shown[heading.get(line.group, "Covariance")] = numbers(line.adjusted)
    assert set(shown) == set(expected)
    for heading, values in expected.items():
        if heading == "Coefficients":  # rstanarm repeats the location of each coefficient
            values = [0.0, *values[len(values) // 2 :]]
        assert shown[heading] == pytest.approx(values, rel=5e-4), heading


def test_prior_summary_says_what_was_specified_and_what_is_used() -> None:
    text = str(build("mpg ~ wt + (1 | g)").prior_summary())
    assert "specified ~ normal(location = 0, scale = 2.5, autoscale = True)" in text
    assert "adjusted ~ normal(location = 0, scale = [15.4])" in text
    assert "adjusted ~ exponential(rate = 0.1659)" in text
    assert "decov(reg = 1, conc = 1, shape = 1, scale = 1)" in text


# Which scales are adjusted

SD_Y, SD_WT = np.std(MPG, ddof=1), np.std(WT, ddof=1)
PROBIT = stats.norm.pdf(0) / stats.logistic.pdf(0)
SCALINGS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "literal": (
        "mpg ~ wt",
        "gaussian",
        {"prior": gl.normal(1, 2), "prior_intercept": gl.cauchy(3, 4)},
        {"wt": (1, 2), "Intercept": (3, 4), "sigma": (1 / SD_Y,)},
    ),
    "literal aux": ("mpg ~ wt", "gaussian", {"prior_aux": gl.exponential(2)}, {"sigma": (2,)}),
    "asked for": (
        "mpg ~ wt",
        "gaussian",
        {"prior": gl.laplace(1, 2, autoscale=True), "prior_aux": gl.normal(0, 3, autoscale=True)},
        {"wt": (1, 2 * SD_Y / SD_WT), "sigma": (0, 3 * SD_Y)},
    ),
    "lasso": (
        "mpg ~ wt",
        "gaussian",
        {"prior": gl.lasso(1, 0, 2, autoscale=True)},
        {"wt": (0, 2 * SD_Y / SD_WT)},
    ),
    "product_normal is never adjusted": (
        "mpg ~ wt",
        "gaussian",
        {"prior": gl.product_normal(2, 0, 3)},
        {"wt": (0, 3)},
    ),
    "other families": (
        "high ~ wt",
        "bernoulli",
        {},
        {"wt": (0, 2.5 / SD_WT), "Intercept": (0, 2.5)},
    ),
    "auxiliary parameters of other families": (
        "share ~ wt",
        "beta",
        {"prior_aux": gl.exponential(2, autoscale=True)},
        {"kappa": (2,)},
    ),
    "links on the outcome's scale but not the identity": (
        "mpg ~ wt",
        "gaussian",
        {"link": "log"},
        {"wt": (0, 2.5 * SD_Y / SD_WT), "Intercept": (0, 2.5 * SD_Y)},
    ),
    "lognormal": (
        "mpg ~ wt",
        "lognormal",
        {},
        {
            "Intercept": (np.mean(np.log(MPG)), 2.5 * np.std(np.log(MPG), ddof=1)),
            "sigma": (1 / np.std(np.log(MPG), ddof=1),),
        },
    ),
    "probit defaults": (
        "high ~ wt",
        "bernoulli",
        {"link": "probit"},
        {"wt": (0, 2.5 * PROBIT / SD_WT), "Intercept": (0, 2.5 * PROBIT)},
    ),
    "probit leaves what the user says": (
        "high ~ wt",
        "bernoulli",
        {"link": "probit", "prior": gl.normal(0, 2), "prior_intercept": gl.normal(0, 2)},
        {"wt": (0, 2), "Intercept": (0, 2)},
    ),
    "QR: not by sd(x)": (
        "mpg ~ wt + am",
        "gaussian",
        {"QR": True},
        {"wt, am": (0, (2.5 * SD_Y,) * 2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCALINGS)
def test_what_autoscaling_adjusts(name: str) -> None:
    formula, family, arguments, expected = SCALINGS[name]
    found = scales(build(formula, family, **arguments))
    for parameter, value in expected.items():
        assert np.hstack(found[parameter]) == pytest.approx(np.hstack(value)), parameter


def test_group_sds_are_adjusted_on_request() -> None:
    model = build("mpg ~ 1 + (wt | g)", prior_covariance=gl.lkj(scale=2))
    prior = model.spec.priors.covariance["g"]
    assert [sd.scale for sd in prior.sd] == pytest.approx([2 * SD_Y, 2 * SD_Y / SD_WT])
    model = build("mpg ~ 1 + (wt | g)", prior_covariance=gl.lkj(scale=2, autoscale=False))
    assert [sd.scale for sd in model.spec.priors.covariance["g"].sd] == [2, 2]


# Priors as values

VALUES: dict[str, Any] = {
    "normal": gl.normal(1, [2, 3]),
    "student_t": gl.student_t(4, 1, 2, autoscale=True),
    "cauchy": gl.cauchy(),
    "laplace": gl.laplace(0, 2),
    "exponential": gl.exponential(3),
    "gamma": gl.gamma(2, 3),
    "flat": gl.flat(),
    "by name": gl.prior("SkewNormal", mu=0, sigma=1, alpha=[1, 2]),
    "PyMC": as_prior(pm.Gamma.dist(2.0, 3.0)),
    "PyMC vector": as_prior(pm.Normal.dist([0.0, 1.0], 2.0)),
    "PyMC symbolic": as_prior(pm.HalfStudentT.dist(3.0, 2.0)),
    "PyMC from whole numbers": as_prior(pm.Normal.dist(0, 1)),
}


@pytest.mark.parametrize("name", VALUES)
def test_priors_are_written_and_read(name: str) -> None:
    prior = VALUES[name]
    again = loads(dumps(prior))
    assert str(again) == str(prior)
    assert again.length() == prior.length()
    at = [0.3, 1.7] if prior.length() else 1.7
    one, two = (pm.logp(p.rv(), at).eval(mode=PLAIN) for p in (prior, again))
    np.testing.assert_array_equal(one, two)


JOINT: dict[str, dict[str, Any]] = {
    "lasso": {"prior": gl.lasso(2, 0, [1, 2])},
    "product_normal": {"prior": gl.product_normal(3)},
    "hs_plus": {"prior": gl.hs_plus()},
    "MvNormal": {"prior": pm.MvNormal.dist(np.zeros(2), np.eye(2))},
    "decov": {"prior_covariance": gl.decov(2, [1, 2])},
    "lkj": {"prior_covariance": gl.lkj(2, sd=[gl.exponential(2), pm.HalfNormal.dist(2.0)])},
}


@pytest.mark.parametrize("name", JOINT)
def test_specifications_are_written_and_read(name: str) -> None:
    model = build("mpg ~ wt + am + (wt | g)", **JOINT[name])
    again = assemble(loads(dumps(model.spec)), model.design).model
    point = random_point(again)
    assert log_densities(again)(point) == log_densities(model.build())(point)


def test_a_composed_variable_cannot_be_written_but_serves_several_models() -> None:
    mixture = pm.Mixture.dist([0.5, 0.5], [pm.Normal.dist(0.0, 1.0), pm.Normal.dist(0.0, 9.0)])
    model = build("mpg ~ wt + am", prior=mixture)
    with pytest.raises(gl.errors.StoreError):
        dumps(model.spec)
    first, second = model.build(), model.build()
    assert len({id(v) for m in (first, second) for v in (m["wt"], m["am"])}) == 4
    assert mixture.name is None


def test_a_vector_is_divided_between_terms() -> None:
    model = build("mpg ~ wt + am", prior=gl.prior("Normal", mu=[1, 2], sigma=3))
    wt, am = (common.prior for common in model.spec.priors.predictors["mu"].common)
    assert (str(wt), str(am)) == ("Normal(mu=1, sigma=3)", "Normal(mu=2, sigma=3)")
    assert am.rv().type.shape == ()


def test_how_priors_of_pymc_are_shown() -> None:
    assert str(gl.prior("HalfNormal", sigma=2)) == "HalfNormal(sigma=2)"
    assert str(as_prior(pm.Gamma.dist(2.0, 4.0))) == "Gamma(shape=2, scale=0.25)"
    assert str(as_prior(pm.HalfStudentT.dist(3.0, 2.0))) == "HalfStudentT(nu=3, sigma=2)"


# Priors and families from elsewhere


def test_an_object_with_a_name_and_arguments_is_a_prior() -> None:
    given = SimpleNamespace(name="Normal", args={"mu": 1, "sigma": 2}, dist=None)
    assert str(as_prior(given)) == "Normal(mu=1, sigma=2)"
    nested = SimpleNamespace(name="Normal", args={"mu": 0, "sigma": given}, dist=None)
    with pytest.raises(PriorError, match="Normal cannot be made"):
        as_prior(nested)


def test_bambi_objects() -> None:
    bambi = pytest.importorskip("bambi")
    model = build("mpg ~ wt", prior=bambi.Prior("StudentT", nu=3, mu=1, sigma=2)).build()
    point = random_point(model) | {"wt": np.float64(0.4)}
    assert log_densities(model)(point)["wt"] == pytest.approx(stats.t.logpdf(0.4, 3, 1, 2))
    likelihood = bambi.Likelihood("AsymmetricLaplace", params=["mu", "b", "kappa"], parent="mu")
    family = bambi.Family("quantile", likelihood, "identity")
    with pytest.raises(FamilyError, match="no default prior for b, kappa"):
        build("mpg ~ wt", family)
    halves = {name: bambi.Prior("HalfNormal", sigma=5) for name in ("b", "kappa")}
    family.set_default_priors(halves)
    model = build("mpg ~ wt", family).build()
    point = random_point(model)
    mu = point["Intercept_centered"] + point["wt"] * (np.array(WT) - np.mean(WT))
    b, kappa = point["b"], point["kappa"]
    law = stats.laplace_asymmetric(kappa, loc=mu, scale=1 / b)
    assert log_densities(model)(point)["mpg"] == pytest.approx(law.logpdf(MPG).sum())


@record
class Logistic(gl.Prior):
    """A prior defined outside the package."""

    scale: float = 1.0

    def rv(self) -> Any:
        return pm.Logistic.dist(0.0, np.float64(self.scale))

    def __str__(self) -> str:
        return f"logistic({self.scale:g})"


def test_a_prior_of_ones_own() -> None:
    model = build("mpg ~ wt + (1 | g)", prior=Logistic(2.0))
    point = random_point(model.build()) | {"wt": np.float64(0.4)}
    expected = stats.logistic.logpdf(0.4, 0, 2)
    assert log_densities(model.build())(point)["wt"] == pytest.approx(expected)
    assert "logistic(2)" in str(model.prior_summary())
    again = assemble(loads(dumps(model.spec)), model.design).model
    assert log_densities(again)(point) == log_densities(model.build())(point)
    with pytest.raises(
        PriorError, match=r"logistic\(2\) cannot be the prior of a positive parameter"
    ):
        build("mpg ~ wt", prior_aux=Logistic(2.0))


SKEW_NORMAL = gl.Family(
    "skew_normal",
    dist=lambda mu, sigma, skew: pm.SkewNormal.dist(mu=mu, sigma=sigma, alpha=skew),
    aux={
        "sigma": gl.exponential(1, autoscale=True),
        "skew": Parameter(link="identity", prior=gl.normal(0, 4)),
    },
    unit="y",
    group_scale="sigma",
)


def test_a_family_of_ones_own() -> None:
    model = build("mpg ~ wt + (1 | g)", SKEW_NORMAL).build()
    names = ["sigma", "skew", "Intercept_centered", "wt", "g_tau", "1|g"]
    assert [v.name for v in model.free_RVs] == names
    assert np.isfinite(model.compile_logp(mode=PLAIN)(model.initial_point()))
    point = random_point(model) | {"skew": np.float64(-1.5), "Intercept_centered": np.float64(20)}
    point["sigma"] = np.float64(6)
    index = np.resize(np.arange(8), len(WT))
    mu = point["Intercept_centered"] + point["wt"] * (np.array(WT) - np.mean(WT))
    law = stats.skewnorm(-1.5, mu + point["1|g"][index], point["sigma"])
    found = log_densities(model)(point)
    assert found["mpg"] == pytest.approx(law.logpdf(MPG).sum())
    assert found["skew"] == pytest.approx(stats.norm.logpdf(-1.5, 0, 4))
    assert found["sigma"] == pytest.approx(stats.expon.logpdf(point["sigma"], scale=SD_Y))


def test_a_link_of_ones_own() -> None:
    import pytensor.tensor as pt

    loglog = gl.Link("loglog", lambda mu: -pt.log(-pt.log(mu)), lambda eta: pt.exp(-pt.exp(-eta)))
    model = build("high ~ wt", "bernoulli", link=loglog).build()
    point = random_point(model)
    eta = point["Intercept_centered"] + point["wt"] * (np.array(WT) - np.mean(WT))
    high, p = np.array(MTCARS["high"]), np.exp(-np.exp(-eta))
    expected = np.log(np.where(high == 1, p, 1 - p)).sum()
    assert log_densities(model)(point)["high"] == pytest.approx(expected)
