"""Posteriors equal rstanarm's on the reference data sets, at default settings."""

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from agreement import disagreements, sampling_problems, seed

import glimmer as gl
from glimmer.errors import SamplingWarning

REFERENCE = Path(__file__).parent / "reference" / "glmm"
MODELS = {
    "sleepstudy": ("Reaction ~ Days + (Days | Subject)", "gaussian", {}),
    "cbpp": ("cbind(incidence, size - incidence) ~ period + (1 | herd)", "binomial", {}),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "gaussian", {}),
    "roaches_poisson_glmer": (
        "y ~ roach1 + treatment + (1 | senior)",
        "poisson",
        {"offset": "log_exposure2", "checks": {"few_levels": "ignore"}},
    ),
}


@cache
def reference(name):
    return json.loads((REFERENCE / f"{name}.json").read_text())


def differences(stan, i, draws):
    """What differs from the parameter at a place of rstanarm's summary."""
    quantiles = {p: stan[key][i] for key, p in {"q05": 0.05, "median": 0.5, "q95": 0.95}.items()}
    known = (stan[key][i] for key in ("mean", "sd", "n_eff"))
    return disagreements(stan["names"][i], draws, *known, quantiles)


def table(name):
    data = reference(name)["data"]
    return {
        column: np.array(values).astype(str) if column in ("herd", "period") else values
        for column, values in data.items()
    }


@cache
def fitted(name):
    formula, family, arguments = MODELS[name]
    data = gl.load_data("cbpp") if name == "cbpp" else table(name)
    model = gl.GlmerBuilder(formula, data, family=family, **arguments)
    draws = 4000 if name == "roaches_poisson_glmer" else 2000
    with warnings.catch_warnings():
        # the sd of two levels has a heavy tail: a few divergences, as in the reference itself
        warnings.simplefilter("ignore" if name.startswith("roaches") else "error", SamplingWarning)
        model.fit(draws=draws, random_seed=seed(1), progressbar=False)
    return model


def quantities(model):
    """Draws under rstanarm's names."""
    posterior, spec = model.idata["posterior"], model.spec
    out = {"(Intercept)": posterior["Intercept"].values}
    for term in spec.predictors["mu"].common:
        values = posterior[term.name].values
        if term.scalar:
            out[term.name] = values
        for i, label in enumerate(term.labels):
            out[f"{term.name}{label}"] = values[..., i]
    for block in spec.groups:
        g = block.factor_name
        names = ["(Intercept)" if c == "1" else c for c in block.columns]
        for name, effect in zip(names, block.effect_names, strict=True):
            for j, level in enumerate(block.levels):
                out[f"b[{name} {g}:{level}]"] = posterior[effect].values[..., j]
        sds = [posterior[f"{e}_sigma"].values for e in block.effect_names]
        for i in range(block.size):
            for j in range(i + 1):
                corr = posterior[f"{block.name}_corr"].values[..., i, j] if i != j else 1.0
                out[f"Sigma[{g}:{names[i]},{names[j]}]"] = sds[i] * sds[j] * corr
    if "sigma" in posterior:
        out["sigma"] = posterior["sigma"].values
    return out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "penicillin"])
def test_every_parameter_agrees_with_rstanarm(name):
    stan = reference(name)["rstanarm"]
    ours = quantities(fitted(name))
    found = []
    for i, parameter in enumerate(stan["names"]):
        if "_NEW_" in parameter or parameter in ("mean_PPD", "log-posterior"):
            continue
        found += differences(stan, i, ours[parameter])
    assert not found


@pytest.mark.slow
def test_coefficients_agree_where_the_reference_itself_diverged():
    """rstanarm had 37 divergences on the sd of the two-level factor: the slopes are comparable."""
    stan = reference("roaches_poisson_glmer")["rstanarm"]
    ours = quantities(fitted("roaches_poisson_glmer"))
    found = []
    for i, parameter in enumerate(stan["names"]):
        if parameter in ("roach1", "treatment"):
            found += differences(stan, i, ours[parameter])
    assert not found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "penicillin"])
def test_default_fits_are_good(name):
    from glimmer.results.checks.verdict import check

    assert not sampling_problems(check(fitted(name).idata))
