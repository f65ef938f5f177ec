"""NlmerBuilder: what it reads, the density it means, its priors, errors and predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
from natural import PLAIN, log_densities
from nlmer_cases import CASES, ORANGE, THEOPH, decay, fake, logistic, orange
from scipy import stats

import glimmer as gl
from glimmer.errors import (
    ArgumentError,
    FormulaError,
    MeanFunctionError,
    NewDataError,
    StoreError,
)
from glimmer.model.coordinates import Measured, Ordered
from glimmer.model.group_effects import Informed
from glimmer.nonlinear import BUILT_IN
from glimmer.record import dumps, loads, same

REFERENCE = Path(__file__).parent / "reference" / "nonlinear"
QUIET = {"few_levels": "ignore"}
SSLOGIS = "circumference ~ SSlogis(age, Asym, xmid, scal)"


def names(model: Any) -> list[str]:
    built = model.build()
    return [v.name for v in (*built.free_RVs, *built.deterministics)]


# Structure


def test_every_mean_function_is_public() -> None:
    for name in BUILT_IN:
        assert getattr(gl, name).name == name


def test_names_in_the_posterior() -> None:
    assert names(gl.NlmerBuilder(ORANGE, orange())) == [
        "sigma",
        "Asym",
        "xmid",
        "scal_link",
        "Asym|Tree_sigma",
        "Asym|Tree_value",
        "scal",
        "Asym|Tree",
    ]


def test_one_model_in_three_notations() -> None:
    third = gl.NlmerBuilder(f"{SSLOGIS} ~ Asym:big + (Asym + xmid | Tree)", orange())
    params = gl.NlmerBuilder(
        SSLOGIS, orange(), {"Asym": "~ big + (1 | p | Tree)", "xmid": "~ (1 | p | Tree)"}
    )
    called = gl.NlmerBuilder(
        "circumference ~ logistic(age, Asym, xmid, scal) ~ Asym:big + (Asym + xmid | Tree)",
        orange(),
        function=gl.SSlogis,
    )
    assert set(names(third)) == set(names(params)) == set(names(called))
    assert same(third.spec.priors, params.spec.priors)


@pytest.mark.parametrize(
    ("right", "blocks"),
    [
        ("Asym | Tree", {"Tree": {"Asym|Tree"}}),
        ("(Asym + xmid | Tree)", {"Tree": {"Asym|Tree", "xmid|Tree"}}),
        ("(0 + Asym + xmid | Tree)", {"Tree": {"Asym|Tree", "xmid|Tree"}}),
        (
            "(Asym | Tree) + (xmid | Tree)",
            {"Asym|Tree": {"Asym|Tree"}, "xmid|Tree": {"xmid|Tree"}},
        ),
        ("(Asym + xmid || Tree)", {"Asym|Tree": {"Asym|Tree"}, "xmid|Tree": {"xmid|Tree"}}),
        ("(Asym | Tree) + (scal | plot)", {"Tree": {"Asym|Tree"}, "plot": {"scal|plot"}}),
        (
            "(Asym | plot/Tree)",
            {"plot": {"Asym|plot"}, "plot:Tree": {"Asym|plot:Tree"}},
        ),
        ("(Asym + Asym:z | Tree)", {"Tree": {"Asym|Tree", "Asym_z|Tree"}}),
    ],
)
def test_group_terms_of_the_third_part(right: str, blocks: dict[str, set[str]]) -> None:
    model = gl.NlmerBuilder(f"{SSLOGIS} ~ {right}", orange(), checks=QUIET)
    assert {b.name: set(b.effect_names) for b in model.spec.groups} == blocks
    model.build()


def test_smooths_belong_to_a_parameter_and_its_units() -> None:
    model = gl.NlmerBuilder(
        f"{SSLOGIS} ~ Asym | Tree", orange(), {"xmid": "~ s(z, k=4)", "Asym": "~ soil"}
    )
    assert {"xmid_s(z)", "xmid_s(z)_sigma", "xmid_s(z)_null", "Asym_soil"} <= set(names(model))
    scale = {line.parameter: line.adjusted for line in model.spec.priors.lines}
    assert scale["xmid_s(z)_sigma"] == f"exponential(rate = {4 / 1464:.4g})"


def test_known_parameters_are_numbers() -> None:
    by_call = gl.NlmerBuilder(
        "circumference ~ SSlogis(age, Asym, xmid, 350) ~ Asym | Tree", orange()
    )
    by_params = gl.NlmerBuilder(ORANGE, orange(), {"scal": 350})
    assert names(by_call) == names(by_params)
    assert "scal_link" not in names(by_call)
    start = {p.name: p.predictor.start for p in by_params.spec.nonlinear.free}
    residual = orange()["circumference"] - gl.SSlogis(orange()["age"].values, **start, scal=350.0)
    shifted = orange()["circumference"] - gl.SSlogis(
        orange()["age"].values, start["Asym"] + 1, start["xmid"], 350.0
    )
    assert np.sum(residual**2) < np.sum(shifted**2)


def test_data_of_a_callable_are_the_columns_it_is_passed() -> None:
    def shifted(level: Any, t: Any, a: Any, k: Any) -> Any:
        return level + a * pt.exp(-k * t)

    for kinds in (None, {"k": "rate"}):
        model = gl.NlmerBuilder(
            "y ~ shifted(x, t, a, k) ~ a | g", decay(), function=shifted, kinds=kinds
        )
        assert [p.name for p in model.spec.nonlinear.free] == ["a", "k"]


@pytest.mark.parametrize(
    ("transform", "label"),
    [
        ("identity", "scal"),
        ("log", "log(scal)"),
        ("log(10)", "log(scal - 10)"),
        ("logit(0, 1000)", "logit(scal, 0, 1000)"),
        ("softplus", "log(expm1(scal))"),
        ("above(low)", "log(scal - low)"),
    ],
)
def test_transforms_undo_themselves(transform: str, label: str) -> None:
    from glimmer.model.transforms import read_transform
    from glimmer.nonlinear import Parameter

    read = read_transform(transform, Parameter("scal", "x-scale", nonzero=True), 350.0)
    others = {"low": 7.0}
    back = read.inverse(pt.as_tensor(read.forward(350.0, others)), others).eval(mode=PLAIN)
    assert back == pytest.approx(350.0)
    assert read.label("scal") == label


# Density


def test_density_of_orange() -> None:
    model = gl.NlmerBuilder(ORANGE, orange())
    y = orange()["circumference"].values
    span, sd = np.ptp(orange()["age"].values), y.std(ddof=1)
    start = gl.SSlogis.self_start(orange()["age"].values, y)
    value = np.array([160.0, 225, 150, 230, 190])
    point = {
        "sigma": 8.0,
        "Asym": 190.0,
        "xmid": 720.0,
        "scal_link": 5.8,
        "Asym|Tree_sigma": 30.0,
        "Asym|Tree_value": value,
    }
    found = log_densities(model.build())(point)
    Asym = value[model.design.groups["Tree"].index]
    mean = logistic(orange()["age"].values, Asym, 720.0, np.exp(5.8))
    expected = {
        "sigma": stats.expon.logpdf(8.0, scale=sd),
        "Asym": stats.norm.logpdf(190, start["Asym"], 2.5 * sd),
        "xmid": stats.norm.logpdf(720, start["xmid"], span),
        "scal_link": stats.norm.logpdf(5.8, np.log(start["scal"]), 1.5),
        "Asym|Tree_sigma": stats.halfnorm.logpdf(30, scale=sd),
        "Asym|Tree_value": stats.norm.logpdf(value, 190, 30).sum(),
        "circumference": stats.norm.logpdf(y, mean, 8.0).sum(),
    }
    assert found == pytest.approx(expected, rel=1e-10)


def test_density_of_theoph_with_its_ordering() -> None:
    data = gl.load_data("Theoph")
    model = gl.NlmerBuilder(THEOPH, data)
    start = gl.SSfol.self_start(data["Dose"].values, data["Time"].values, data["conc"].values)
    ordered = model.spec.nonlinear.orderings[0]
    assert ordered.parameters == ("lKe", "lKa")
    block = model.spec.groups[0]
    random = np.random.default_rng(1)
    means = {"lKe": -2.4, "lKa": 0.4, "lCl": -3.2}
    sds = {"lKe": 0.2, "lKa": 0.6, "lCl": 0.3}
    unit = np.array([0.6, 0.3, 0.7])
    p01, p02, p12 = 2 * unit - 1
    L = np.array(
        [
            [1, 0, 0],
            [p01, np.sqrt(1 - p01**2), 0],
            [p02, p12 * np.sqrt(1 - p02**2), np.sqrt((1 - p02**2) * (1 - p12**2))],
        ]
    )
    order = [name.removesuffix("|Subject") for name in block.effect_names]
    Sigma = np.diag([sds[n] for n in order]) @ L @ L.T @ np.diag([sds[n] for n in order])
    values = np.array([means[n] for n in order]) + random.normal(size=(12, 3)) * 0.2
    point = {
        "sigma": 0.7,
        ordered.name: np.array([means["lKe"], means["lKa"]]),
        "lCl": means["lCl"],
        "Subject_partial": unit,
        **{f"{n}|Subject_sigma": sds[n] for n in order},
        **{f"{n}|Subject_value": values[:, k] for k, n in enumerate(order)},
    }
    found = log_densities(model.build())(point)
    effects = stats.multivariate_normal([means[n] for n in order], Sigma).logpdf(values).sum()
    assert sum(found[f"{n}|Subject_value"] for n in order) == pytest.approx(effects)
    priors = stats.norm.logpdf([-2.4, 0.4], [start["lKe"], start["lKa"]], 1.5).sum()
    assert found[ordered.name] == pytest.approx(priors)
    row = model.design.groups["Subject"].index
    own = {n: values[row, k] for k, n in enumerate(order)}
    mean = gl.SSfol(data["Dose"].values, data["Time"].values, **own)
    assert found["conc"] == pytest.approx(stats.norm.logpdf(data["conc"], mean, 0.7).sum())


@pytest.mark.parametrize(
    ("residual", "extra", "sd"),
    [
        ("constant", {}, lambda f, u: 0.5),
        ("proportional", {}, lambda f, u: 0.5 * f),
        (
            "additive+proportional",
            {"sigma_proportional": 0.3},
            lambda f, u: np.sqrt(0.25 + (0.3 * f) ** 2),
        ),
        ("power", {"sigma_power": 0.8}, lambda f, u: 0.5 * (f / u) ** 0.8),
        (
            "constant+power",
            {"sigma_constant": 0.2, "sigma_power": 0.8},
            lambda f, u: 0.5 * (0.2 + (f / u) ** 0.8),
        ),
    ],
)
def test_residual_sds_follow_the_curve(residual: str, extra: dict[str, float], sd: Any) -> None:
    data = decay()
    model = gl.NlmerBuilder(
        "y ~ a * exp(-k * t)", data, ["a", "k"], kinds={"k": "rate"}, residual=residual
    )
    point = {"sigma": 0.5, "a": 19.0, "k_link": -1.0, **extra}
    f = 19.0 * np.exp(-np.exp(-1.0) * data["t"].values)
    found = log_densities(model.build())(point)["y"]
    unit = data["y"].std(ddof=1)
    assert found == pytest.approx(stats.norm.logpdf(data["y"], f, sd(f, unit)).sum())
    assert "sigma" in model.spec.aux_names and set(extra) <= set(model.spec.aux_names)


@pytest.mark.parametrize(
    ("family", "outcome", "aux", "density"),
    [
        ("lognormal", "y", {"sigma": 0.3}, lambda y, f: stats.lognorm.logpdf(y, 0.3, scale=f)),
        (
            "student_t",
            "y",
            {"sigma": 2.0, "nu": 4.0},
            lambda y, f: stats.t.logpdf(y, 4.0, f, 2.0),
        ),
        ("Gamma", "y", {"alpha": 5.0}, lambda y, f: stats.gamma.logpdf(y, 5.0, scale=f / 5.0)),
        ("poisson", "count", {}, lambda y, f: stats.poisson.logpmf(y, f)),
        (
            "neg_binomial_2",
            "count",
            {"alpha": 3.0},
            lambda y, f: stats.nbinom.logpmf(y, 3.0, 3.0 / (3.0 + f)),
        ),
        (
            "beta",
            "share",
            {"kappa": 9.0},
            lambda y, f: stats.beta.logpdf(y, 9 * f, 9 * (1 - f)),
        ),
    ],
)
def test_families_have_the_curve_as_their_mean(
    family: str, outcome: str, aux: dict[str, float], density: Any
) -> None:
    data = decay()
    model = gl.NlmerBuilder(
        f"{outcome} ~ a * exp(-k * t)",
        data,
        ["a", "k"],
        kinds={"a": "y-level", "k": "rate"},
        family=family,
    )
    a = 0.6 if family == "beta" else 19.0
    transform = model.spec.nonlinear.parameter("a").transform
    assert transform.name == {"student_t": "identity", "beta": "logit"}.get(family, "log")
    name = "a" if transform.identity else "a_link"
    point = {"k_link": -1.0, name: float(transform.forward(a)), **aux}
    f = a * np.exp(-np.exp(-1.0) * data["t"].values)
    found = log_densities(model.build())(point)[outcome]
    assert found == pytest.approx(density(data[outcome].values, f).sum())


def test_with_a_link_the_curve_is_the_linear_predictor() -> None:
    data = decay()
    model = gl.NlmerBuilder(
        "count ~ a - k * t", data, ["a", "k"], family="poisson", link="log", offset="shift"
    )
    found = log_densities(model.build())({"a": 2.0, "k": 0.3})["count"]
    mean = np.exp(2.0 - 0.3 * data["t"].values + data["shift"].values)
    assert found == pytest.approx(stats.poisson.logpmf(data["count"], mean).sum())


@pytest.mark.parametrize(
    ("transform", "z", "inputs"),
    [
        (Measured(3.0, 0.2), np.array(0.7), ()),
        (Measured(np.array([1.0, 2.0]), np.array([0.1, 3.0])), np.array([0.3, -0.4]), ()),
        (
            Ordered(np.array([-2.0, 0.5]), np.array([0.3, 0.3]), np.array([-1.0, 1.0])),
            np.array([0.6, -0.5]),
            (),
        ),
        (
            Ordered(np.array([0.2, -1.0, 1.5]), np.full(3, 0.3), np.array([-1.0, 0.5, 2.0])),
            np.array([0.6, -0.5, 0.2]),
            (),
        ),
        (
            Informed(np.array([0.0, 4.0]), np.array([1.0, -2.0])),
            np.array([0.6, -0.5]),
            (None, None, 0.4, 1.3),
        ),
    ],
)
def test_coordinates_and_their_jacobians(transform: Any, z: np.ndarray, inputs: Any) -> None:
    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(transform.backward(pt.as_tensor(at), *inputs).eval(mode=PLAIN))

    there = value(z)
    back = transform.forward(pt.as_tensor(there), *inputs).eval(mode=PLAIN)
    np.testing.assert_allclose(back, z, rtol=1e-12)
    flat, step = np.atleast_1d(z), 1e-6
    slopes = []
    for i in range(flat.size):
        shift = np.zeros_like(flat)
        shift[i] = step
        up, down = value((flat + shift).reshape(z.shape)), value((flat - shift).reshape(z.shape))
        slopes.append(np.atleast_1d((up - down) / (2 * step)))
    expected = np.linalg.slogdet(np.array(slopes))[1]
    found = transform.log_jac_det(pt.as_tensor(z), *inputs).eval(mode=PLAIN).sum()
    assert found == pytest.approx(expected, abs=1e-7)
    if isinstance(transform, Ordered):
        assert transform.weights @ there > 0


# Priors


def test_rstanarm_priors() -> None:
    stan = json.loads((REFERENCE / "stan_nlmer_orange.json").read_text())["fits"][0]
    data = {k: np.array(v) for k, v in stan["data"].items()}
    model = gl.NlmerBuilder(ORANGE, data, priors="rstanarm")
    priors = model.spec.priors
    for name, scale in zip(("Asym", "xmid", "scal"), stan["prior"]["adjusted_scale"], strict=True):
        assert priors.parameters[name].intercept.location == 0
        assert priors.parameters[name].intercept.scale == pytest.approx(scale, rel=1e-12)
    assert 1 / priors.aux["sigma"].rate == pytest.approx(stan["prior"]["aux_adjusted_scale"])
    assert str(priors.covariance["Tree"]) == str(gl.decov())
    assert model.spec.nonlinear.parameter("scal").transform.name == "log"


def test_rescaled_data_mean_the_same_model() -> None:
    """Raw and rescaled Orange have the same density, constants apart, at corresponding points."""
    y, x = 0.01, 1 / 365.0
    raw = gl.NlmerBuilder(ORANGE, orange())
    small = orange().assign(circumference=orange()["circumference"] * y, age=orange()["age"] * x)
    scaled = gl.NlmerBuilder(ORANGE, small)
    value = np.array([160.0, 225, 150, 230, 190])

    def density(model: Any, u: float, v: float, Asym: float) -> float:
        point = {
            "sigma": 8.0 * u,
            "Asym": Asym * u,
            "xmid": 720.0 * v,
            "scal_link": 5.8 + np.log(v),
            "Asym|Tree_sigma": 30.0 * u,
            "Asym|Tree_value": value * u,
        }
        return sum(log_densities(model.build())(point).values())

    first = density(raw, 1, 1, 190) - density(raw, 1, 1, 205)
    second = density(scaled, y, x, 190) - density(scaled, y, x, 205)
    assert first == pytest.approx(second, rel=1e-5)


def test_priors_by_name() -> None:
    model = gl.NlmerBuilder(
        SSLOGIS,
        orange(),
        {"Asym": "~ big + (1 | Tree)"},
        prior={"Asym": gl.normal(200, 50), "Asym_big": gl.student_t(4, 0, 20)},
        prior_aux=gl.exponential(0.1),
        prior_covariance={"Tree": gl.exponential(0.05)},
    )
    text = str(model.prior_summary())
    for line in ("normal(location = 200, scale = 50)", "df = 4", "rate = 0.1", "rate = 0.05"):
        assert line in text
    point = model.build().initial_point()
    assert all(np.isfinite(v).all() for v in point.values())


def test_every_chain_starts_finite() -> None:
    for model in (
        gl.NlmerBuilder(ORANGE, orange()),
        gl.NlmerBuilder(ORANGE, orange(), priors="rstanarm"),
        gl.NlmerBuilder(THEOPH, gl.load_data("Theoph")),
        gl.NlmerBuilder(THEOPH, gl.load_data("Theoph"), ordering=False),
    ):
        built = model.build()
        start = built.initial_point()
        density = built.compile_logp(mode=PLAIN)
        random = np.random.default_rng(0)
        for _ in range(20):
            jittered = {k: v + random.uniform(-1, 1, np.shape(v)) for k, v in start.items()}
            assert np.isfinite(density(jittered))


# Predictions


@pytest.mark.parametrize("name", CASES)
def test_training_rows_are_what_arithmetic_says(name: str) -> None:
    model, data = fake(name), CASES[name].data()
    expected = CASES[name].mean(model.idata["posterior"].to_dataset(), data)
    np.testing.assert_allclose(model.posterior_epred().values, expected, rtol=1e-9)
    np.testing.assert_array_equal(
        model.posterior_epred(data).values, model.posterior_epred().values
    )


@pytest.mark.parametrize("name", CASES)
def test_rows_commute_with_prediction(name: str) -> None:
    model, data = fake(name), CASES[name].data()
    whole = model.posterior_epred(data).values
    for rows in ([3], [30, 2, 2, 17], list(range(len(data)))[::-1]):
        part = model.posterior_epred(data.iloc[rows]).values
        np.testing.assert_allclose(part, whole[..., rows], rtol=1e-12)


def test_order_of_categories_does_not_matter() -> None:
    model, data = fake("covariates"), orange()
    levels = [*sorted(set(data["Tree"].astype(str)), reverse=True), "7"]
    turned = data.assign(Tree=pd.Categorical(data["Tree"].astype(str), categories=levels))
    np.testing.assert_array_equal(
        model.posterior_epred(turned).values, model.posterior_epred(data).values
    )


def test_new_individuals() -> None:
    model = fake("orange")
    new = orange().iloc[:7].assign(Tree="6")
    typical = model.posterior_epred(new, new_levels="zero").values
    np.testing.assert_array_equal(typical, model.posterior_epred(new, groups=None).values)
    sampled = model.posterior_epred(new, random_seed=1).values
    np.testing.assert_array_equal(sampled, model.posterior_epred(new, random_seed=1).values)
    d = model.idata["posterior"].to_dataset()
    Asym = sampled[..., -1] / typical[..., -1] * d["Asym"].values
    z = (Asym - d["Asym"].values) / d["Asym|Tree_sigma"].values
    assert 0.5 < z.std() < 1.7


def test_an_offset_shifts_the_linear_predictor() -> None:
    from fake_fit import fake_fit

    model = fake_fit(
        gl.NlmerBuilder(
            "y ~ a * exp(-k * t)", decay(), ["a", "k"], kinds={"k": "rate"}, offset="shift"
        ),
        draws=5,
    )
    eta = model.posterior_linpred(decay()).values
    moved = model.posterior_linpred(decay().assign(shift=decay()["shift"] + 2.5)).values
    np.testing.assert_allclose(moved - eta, 2.5, rtol=1e-9)


def test_the_likelihood_is_that_of_the_model() -> None:
    model = fake("covariates")
    draws = model.idata["posterior"].to_dataset()
    mean = CASES["covariates"].mean(draws, orange())
    expected = stats.norm.logpdf(
        orange()["circumference"].values, mean, draws["sigma"].values[..., None]
    )
    np.testing.assert_allclose(model.log_lik().values, expected, rtol=1e-8)


def test_saved_models_predict_the_same(tmp_path: Path) -> None:
    for name in CASES:
        model = fake(name)
        model.save(tmp_path / name)
        other = gl.load(tmp_path / name)
        data = CASES[name].data()
        for method in ("posterior_epred", "posterior_predict"):
            ours = getattr(model, method)(data, random_seed=3)
            assert np.array_equal(ours.values, getattr(other, method)(data, random_seed=3).values)


def test_the_specification_travels_as_json() -> None:
    for name in CASES:
        spec = fake(name).spec
        assert same(spec, loads(dumps(spec)))


def test_an_unregistered_function_cannot_be_saved(tmp_path: Path) -> None:
    from fake_fit import fake_fit

    def decline(t: Any, a: Any, k: Any) -> Any:
        return a * pt.exp(-k * t)

    model = fake_fit(gl.NlmerBuilder("y ~ decline(t, a, k)", decay(), function=decline), draws=4)
    assert model.posterior_epred().shape == (2, 4, 48)
    with pytest.raises(StoreError, match="decline"):
        model.save(tmp_path / "m")


def test_new_data_are_judged() -> None:
    model = fake("orange")
    with pytest.raises(NewDataError, match="age"):
        model.posterior_epred(orange().drop(columns="age"))


def test_marginal_mean_of_one_effect() -> None:
    """exp(log a + b) has the mean a exp(sd^2 / 2)."""
    model = fake("counts")
    new = decay().iloc[[0, 3, 5]].drop(columns="g")
    found = model.posterior_epred(new, groups="marginal").values
    typical = model.posterior_epred(new, groups=None).values
    sd = model.idata["posterior"]["a|g_sigma"].values[..., None]
    np.testing.assert_allclose(found, typical * np.exp(sd**2 / 2), rtol=1e-8)


def test_marginal_mean_of_correlated_effects_on_two_parameters() -> None:
    """Against 200,000 groups drawn in numpy."""
    model = fake("covariates")
    new = orange().iloc[[0, 3, 6]].drop(columns=["Tree", "plot"])
    found = model.posterior_epred(new, groups="marginal").values[0, :5]
    typical = model.posterior_epred(new, groups=None).values[0, :5]
    d = model.idata["posterior"].to_dataset().isel(chain=0)
    order = model.spec.groups[0].effect_names
    z = np.random.default_rng(1).normal(size=(3, 200_000, 1))
    missed = []
    for i in range(5):
        one = d.isel(draw=i)
        joint = np.einsum("ij,jkl->ikl", np.linalg.cholesky(one["Tree_corr"].values), z[:2])
        b = {name: float(one[f"{name}_sigma"]) * v for name, v in zip(order, joint, strict=True)}
        Asym = float(one["Asym_Intercept"]) + float(one["Asym_big"]) * new["big"].values
        scal = float(one["scal_Intercept"]) + float(one["scal_z"]) * new["z"].values
        curves = logistic(
            new["age"].values,
            Asym + b["Asym|Tree"],
            float(one["xmid"]) + b["xmid|Tree"],
            np.exp(scal + float(one["scal|plot_sigma"]) * z[2]),
        )
        assert np.all(np.abs(found[i] - curves.mean(0)) < 0.02 * curves.std(0))
        missed.append(np.abs(typical[i] - curves.mean(0)) / curves.std(0))
    assert np.max(missed) > 0.2


# After the fit


def test_parameters_of_individuals_and_what_derives_from_them() -> None:
    model = fake("covariates")
    table = model.parameters("Tree")
    assert list(table.index.get_level_values(0).unique()) == ["Asym", "xmid", "scal"]
    draws = model.idata["posterior"].to_dataset()
    big = draws["Asym_Intercept"] + draws["Asym_big"] + draws["Asym|Tree"].sel(Tree__factor_dim="2")
    assert table.loc[("Asym", "2"), "Median"] == pytest.approx(float(big.median()))
    means = draws["Asym|Tree"].mean(("chain", "draw")).values.std(ddof=1)
    shrinkage = 1 - means / float(draws["Asym|Tree_sigma"].median())
    assert table.loc[("Asym", "1"), "shrinkage"] == pytest.approx(shrinkage)
    found = model.derived({"half": "log(2) * scal + xmid", "top": "Asym"}, by="Tree")
    assert found.loc[("top", "2"), "Median"] == pytest.approx(float(big.median()))
    rows = {"age": [500, 500], "big": [0, 1], "z": [0.5, 0.5]}
    found = model.derived({"top": "Asym", "scal": "scal"}, newdata=rows)
    intercept, scal = draws["Asym_Intercept"], draws["scal_Intercept"] + 0.5 * draws["scal_z"]
    assert found.loc[("top", 0), "Median"] == pytest.approx(float(intercept.median()))
    big = float((intercept + draws["Asym_big"]).median())
    assert found.loc[("top", 1), "Median"] == pytest.approx(big)
    assert found.loc[("scal", 0), "Median"] == pytest.approx(float(np.exp(scal).median()))
    with pytest.raises(ArgumentError, match="two questions"):
        model.derived({"top": "Asym"}, by="Tree", newdata=rows)
    with pytest.raises(MeanFunctionError, match="covariates"):
        model.derived({"top": "Asym"})
    with pytest.raises(MeanFunctionError, match="no parameter"):
        model.derived({"top": "Bsym"})
    with pytest.raises(FormulaError):
        model.derived({"bad": "Asym.__class__"})


def test_ready_made_quantities_agree_with_a_search() -> None:
    from fake_fit import fake_fit

    model = fake_fit(gl.NlmerBuilder(THEOPH, gl.load_data("Theoph")), draws=4, chains=1)
    ready = model.derived(draws=True)
    draws = model.idata["posterior"].to_dataset()
    time = np.exp(np.linspace(-12, 8, 200_001))
    for i in range(4):
        lKe, lKa, lCl = (float(draws[n][0, i]) for n in ("lKe", "lKa", "lCl"))
        curve = gl.SSfol(1.0, time, lKe, lKa, lCl)
        assert ready["Tmax"][0, i] == pytest.approx(time[curve.argmax()], rel=1e-3)
        assert ready["Cmax_per_dose"][0, i] == pytest.approx(curve.max(), rel=1e-6)
        assert ready["AUC_per_dose"][0, i] == pytest.approx(np.trapezoid(curve, time), rel=1e-2)
    assert model.derived("half_life", by="Subject").shape == (12, 4)


def test_plots_show_what_they_say() -> None:
    model = fake("orange")
    curves = model.individual_curves()
    assert set(curves) == set(model.spec.groups[0].levels)
    figure = model.plot_individuals()
    assert [a.get_title() for a in figure.axes if a.get_visible()] == list(curves)
    check = model.predictive_check(bins=4)
    assert np.all(check["lower"] <= check["upper"])
    assert check["observed"].shape == check["median"].shape
    model.plot_predictive_check()


def test_print_and_summaries_have_the_parameters() -> None:
    model = fake("covariates")
    for name in ("Asym_Intercept", "Asym_big", "xmid", "scal_z"):
        assert name in str(model)
        assert name in model.fixef().index
        assert name in model.summary().index
    coefficients = model.coef()["Tree"]
    draws = model.idata["posterior"].to_dataset()
    own = draws["xmid"] + draws["xmid|Tree"].sel(Tree__factor_dim="3")
    assert coefficients.loc[("xmid", "3"), "Median"] == pytest.approx(float(own.median()))
