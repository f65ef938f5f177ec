"""The density that `NlmerBuilder`'s models mean: curves, residuals, coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from natural import PLAIN, log_densities
from nlmer_cases import ORANGE, THEOPH, decay, logistic, orange
from scipy import stats

import glimmer as gl
from glimmer.priors.value_transforms import Informed, Measured, Ordered


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
    ordered = model.spec.stage.orderings[0]
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
    assert "sigma" in model.spec.names.aux and set(extra) <= set(model.spec.names.aux)


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
    transform = model.spec.stage.parameter("a").transform
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
