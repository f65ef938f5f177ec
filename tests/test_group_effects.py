"""The names, dimensions and coordinates of built models, and what else PyMC can do with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from natural import PLAIN, log_densities, random_point
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.compile.mode import Mode

import glimmer as gl

REFERENCE = Path(__file__).parent / "reference" / "glmm"
N = 24
RNG = np.random.default_rng(3)
DATA = {
    "y": RNG.normal(5, 2, N),
    "x": RNG.normal(size=N),
    "z": RNG.normal(size=N),
    "f": np.resize(["low", "mid", "high"], N),
    "g": np.resize(list("abcd"), N),
    "h": np.repeat(["u", "v", "w"], N // 3),
}


def build(formula: str, **arguments: Any) -> pm.Model:
    checks = {"few_levels": "ignore"}
    return gl.GlmerBuilder(formula, DATA, checks=checks, **arguments).build()


def dims_of(model: pm.Model) -> dict[str, tuple[str, ...]]:
    """Dimensions of all variables but the data."""
    data = {variable.name for variable in model.data_vars}
    names = [name for name in model.named_vars if name not in data]
    return {name: tuple(model.named_vars_to_dims.get(name, ())) for name in names}


PLAIN_NAMES = {"sigma": (), "Intercept_centered": (), "Intercept": (), "y": ("obs_id",)}
G = ("g__factor_dim",)
STRUCTURES: dict[str, tuple[dict[str, tuple[str, ...]], dict[str, list[str]]]] = {
    "y ~ x + (1 | g)": (
        {**PLAIN_NAMES, "x": (), "g_tau": (), "1|g_sigma": (), "1|g": G},
        {"g__factor_dim": ["a", "b", "c", "d"], "common_dim": ["x"]},
    ),
    "y ~ f + (1 | g)": (
        {**PLAIN_NAMES, "f": ("f_dim",), "g_tau": (), "1|g_sigma": (), "1|g": G},
        {"f_dim": ["low", "mid"], "common_dim": ["f[low]", "f[mid]"]},
    ),
    "y ~ x + (x | g)": (
        {
            **PLAIN_NAMES,
            "x": (),
            "g_tau": (),
            "g_share": (),
            "g_partial": (),
            "1|g_sigma": (),
            "x|g_sigma": (),
            "g_corr": ("g__effect_dim", "g__effect_dim_bis"),
            "1|g": G,
            "x|g": G,
        },
        {"g__effect_dim": ["1", "x"], "g__effect_dim_bis": ["1", "x"]},
    ),
    "y ~ x + (x || g)": (
        {
            **PLAIN_NAMES,
            "x": (),
            **{f"{effect}|g{suffix}": () for effect in "1x" for suffix in ("_tau", "_sigma")},
            "1|g": G,
            "x|g": G,
        },
        {},
    ),
    "y ~ x + (1 | h / g)": (
        {
            **PLAIN_NAMES,
            "x": (),
            **{f"{name}_tau": () for name in ("h", "h:g")},
            **{f"1|{name}_sigma": () for name in ("h", "h:g")},
            "1|h": ("h__factor_dim",),
            "1|h:g": ("h:g__factor_dim",),
        },
        {"h__factor_dim": ["u", "v", "w"]},
    ),
    "y ~ x + (0 + f | g)": (
        {
            **PLAIN_NAMES,
            "x": (),
            "g_tau": (),
            "g_share": (),
            "g_partial": (),
            **{f"f[{level}]|g_sigma": () for level in ("high", "low", "mid")},
            **{f"f[{level}]|g": G for level in ("high", "low", "mid")},
            "g_corr": ("g__effect_dim", "g__effect_dim_bis"),
        },
        {"g__effect_dim": ["f[high]", "f[low]", "f[mid]"]},
    ),
}


@pytest.mark.parametrize("formula", STRUCTURES)
def test_names_dimensions_and_coordinates(formula: str) -> None:
    dims, coords = STRUCTURES[formula]
    model = build(formula)
    assert dims_of(model) == dims
    for name, labels in coords.items():
        assert list(model.coords[name]) == labels
    assert list(model.coords["obs_id"]) == list(range(N))


def test_without_common_terms_the_intercept_is_itself() -> None:
    names = [variable.name for variable in build("y ~ 1 + (1 | g)").free_RVs]
    assert names == ["sigma", "Intercept", "g_tau", "1|g"]


def test_data_can_be_replaced() -> None:
    model = build("y ~ x + (x | g) + offset(z)")
    names = {variable.name for variable in model.data_vars}
    assert names == {"common_data", "offset_data", "g_index", "x|g_data", "y_data"}


def test_a_variable_steps_aside_for_a_column_of_its_name() -> None:
    data = {**DATA, "sigma": DATA["x"], "Intercept": DATA["z"]}
    model = gl.GlmerBuilder("y ~ sigma + Intercept", data).build()
    names = {"sigma", "Intercept", "y_sigma", "Intercept_", "Intercept__centered", "y"}
    assert set(dims_of(model)) == names


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "sleepstudy": ("Reaction ~ Days + (Days | Subject)", {}),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", {}),
    "cbpp": (
        "cbind(incidence, size - incidence) ~ factor(period) + (1 | herd)",
        {"family": "binomial"},
    ),
    "roaches_poisson_glmer": (
        "y ~ roach1 + treatment + (1 | senior)",
        {"family": "poisson", "offset": "log_exposure2"},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_sampling_can_start(name: str) -> None:
    formula, arguments = MODELS[name]
    data = json.loads((REFERENCE / f"{name}.json").read_text())["data"]
    checks = {"few_levels": "ignore"}
    model = gl.GlmerBuilder(formula, data, checks=checks, **arguments).build()
    start = model.initial_point()
    assert np.isfinite(model.compile_logp(mode=PLAIN)(start))
    assert np.isfinite(model.compile_dlogp(mode=PLAIN)(start)).all()
    rng = np.random.default_rng(0)  # samplers start at random around the initial point
    moved = {key: value + rng.uniform(-1, 1, value.shape) for key, value in start.items()}
    assert np.isfinite(model.compile_logp(mode=PLAIN)(moved))


def posterior(model: pm.Model, draws: int = 5) -> xr.Dataset:
    """A posterior as `fit` returns it: free variables with their dimensions."""
    points = [random_point(model, seed) for seed in range(draws)]
    variables = {}
    for rv in model.free_RVs:
        values = np.stack([point[rv.name] for point in points])[None]
        dims = model.named_vars_to_dims.get(rv.name)
        if dims is None:
            dims = [f"{rv.name}_dim_{i}" for i in range(rv.ndim)]
        variables[rv.name] = (("chain", "draw", *dims), values)
    coords = {name: list(values) for name, values in model.coords.items() if values is not None}
    return xr.Dataset(variables, {"chain": [0], "draw": range(draws), **coords})


def test_pymc_predicts_from_the_posterior() -> None:
    model = build("y ~ x + (x | g)")
    draws = posterior(model)
    with model:
        predicted = pm.sample_posterior_predictive(
            draws,
            var_names=["y", "Intercept", "x|g_sigma", "g_corr"],
            progressbar=False,
            random_seed=1,
            compile_kwargs={"mode": PLAIN},
        )["posterior_predictive"].to_dataset()
    assert predicted["y"].dims == ("chain", "draw", "obs_id")
    assert predicted["g_corr"].dims[2:] == ("g__effect_dim", "g__effect_dim_bis")
    centred, slope = draws["Intercept_centered"], draws["x"]
    np.testing.assert_allclose(predicted["Intercept"], centred - slope * DATA["x"].mean())
    sd = draws["sigma"] * draws["g_tau"] * np.sqrt(2 - 2 * draws["g_share"])
    np.testing.assert_allclose(predicted["x|g_sigma"], sd.values)


def test_models_can_be_conditioned_and_intervened_upon() -> None:
    model = build("y ~ x + (x | g)")
    fixed = pm.observe(model, {"sigma": 2.0})
    assert "sigma" not in [variable.name for variable in fixed.free_RVs]
    still = pm.do(model, {"x": np.float64(0.0)})
    point = random_point(model) | {"x": np.float64(0.0)}
    expected = log_densities(model)(point)
    del expected["x"]
    assert log_densities(still)(point) == pytest.approx(expected)
    natural = remove_value_transforms(model)
    total = natural.compile_logp(mode=PLAIN)({v.name: point[v.name] for v in natural.value_vars})
    assert total == pytest.approx(sum(log_densities(model)(point).values()))


def test_a_model_can_be_extended() -> None:
    model = build("y ~ x + (1 | g)")
    point = random_point(model)
    before = model.compile_logp(mode=PLAIN)(model.initial_point())
    with model:
        pm.Potential("pull", -((model["x"] - 1) ** 2))
        pm.Deterministic("doubled", 2 * model["x"])
    after = model.compile_logp(mode=PLAIN)(model.initial_point())
    assert after == pytest.approx(before - 1)
    assert set(point) == {variable.name for variable in model.free_RVs}


def test_the_graph_stays_small() -> None:
    """Compile time grows with the number of operations: watch it."""
    model = build("y ~ x + (x | g)")
    mode = Mode(linker="py", optimizer="fast_run")
    function = model.logp_dlogp_function(mode=mode, ravel_inputs=True)
    assert len(function._pytensor_function.maker.fgraph.apply_nodes) < 130
