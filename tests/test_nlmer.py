"""NlmerBuilder: what it reads, and its priors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from natural import PLAIN, log_densities
from nlmer_cases import ORANGE, THEOPH, decay, orange

import glimmer as gl
from glimmer.nonlinear import BUILT_IN
from glimmer.record import same

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
    start = {n: p.start for n, p in by_params.spec.predictors.items()}
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
        assert [p.name for p in model.spec.stage.free] == ["a", "k"]


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
    from glimmer.nonlinear import Parameter
    from glimmer.spec.transforms import read_transform

    read = read_transform(transform, Parameter("scal", "x-scale", nonzero=True), 350.0)
    others = {"low": 7.0}
    back = read.inverse(pt.as_tensor(read.forward(350.0, others)), others).eval(mode=PLAIN)
    assert back == pytest.approx(350.0)
    assert read.label("scal") == label


# Priors


def test_rstanarm_priors() -> None:
    stan = json.loads((REFERENCE / "stan_nlmer_orange.json").read_text())["fits"][0]
    data = {k: np.array(v) for k, v in stan["data"].items()}
    model = gl.NlmerBuilder(ORANGE, data, priors="rstanarm")
    priors = model.spec.priors
    for name, scale in zip(("Asym", "xmid", "scal"), stan["prior"]["adjusted_scale"], strict=True):
        assert priors.predictors[name].intercept.location == 0
        assert priors.predictors[name].intercept.scale == pytest.approx(scale, rel=1e-12)
    assert 1 / priors.aux["sigma"].rate == pytest.approx(stan["prior"]["aux_adjusted_scale"])
    assert str(priors.covariance["Tree"]) == str(gl.decov())
    assert model.spec.stage.parameter("scal").transform.name == "log"


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
