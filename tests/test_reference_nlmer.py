"""Nonlinear fits at default settings against stan_nlmer, nlmer and each other."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import arviz as az
import pytest
import xarray as xr
from agreement import (
    BATCHES,
    batch_error,
    beyond,
    both_sides,
    disagreements,
    disagreements_between,
    mean_errors,
    sampling_problems,
    seed,
)
from arviz_stats import ess

import glimmer as gl
from glimmer.errors import SamplingWarning
from glimmer.results.checks.verdict import check

pytestmark = pytest.mark.slow
REFERENCE = Path(__file__).parent / "reference" / "nonlinear"
ORANGE = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"
THEOPH = "conc ~ SSfol(Dose, Time, lKe, lKa, lCl) ~ (0 + lKe + lKa + lCl | Subject)"


@cache
def stan() -> dict[str, Any]:
    return json.loads((REFERENCE / "stan_nlmer_orange.json").read_text())["fits"][0]


@cache
def fitted(name: str) -> Any:
    data = gl.load_data("Theoph" if name == "theoph" else "Orange")
    if name != "theoph":
        data["Tree"] = data["Tree"].astype(str)
    if name in ("scaled", "rstanarm"):
        data = data.assign(age=data["age"] / 100, circumference=data["circumference"] / 100)
    model = gl.NlmerBuilder(
        THEOPH if name == "theoph" else ORANGE,
        data,
        priors="rstanarm" if name == "rstanarm" else "default",
    )
    model.fit(random_seed=seed(1), progressbar=False)
    return model


def test_orange_agrees_with_stan_nlmer() -> None:
    posterior = fitted("rstanarm").idata["posterior"].to_dataset()
    ours = {name: posterior[name].values for name in ("Asym", "xmid", "scal", "sigma")}
    for i, level in enumerate(posterior["Tree__factor_dim"].values):
        ours[f"b[Asym Tree:{level}]"] = posterior["Asym|Tree"].values[..., i]
    ours["Sigma[Tree:Asym,Asym]"] = posterior["Asym|Tree_sigma"].values ** 2
    found, compared = [], 0
    for name, of in stan()["parameters"].items():
        if name in ours:
            compared += 1
            quantiles = {float(p) / 100: q for p, q in of["quantiles"].items()}
            known = of["mean"], of["sd"], of["n_eff"], quantiles
            found += disagreements(name, ours[name], *known)
    assert compared == 10
    assert not found


def test_orange_has_the_right_loo() -> None:
    """rstanarm's own is -689, because it drops the effects of trees from predictions."""
    model, known = fitted("rstanarm"), stan()["predictions"]["loo"]["elpd_loo"]
    density, Asym = model.log_lik(), model.idata["posterior"]["Asym"].values
    error = batch_error(elpd, density)
    size = float(ess(Asym, method="mean"))
    error = both_sides(error, size, size, stan()["parameters"]["Asym"]["n_eff"])
    assert not beyond(float(model.loo().elpd) - known, 0.0, error, BATCHES - 1)


def elpd(density: xr.DataArray) -> float:
    tree = xr.DataTree.from_dict({"log_likelihood": xr.Dataset({"y": density})})
    tree["posterior"] = xr.DataTree(xr.Dataset({"any": density[..., 0]}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # high Pareto k of few draws
        return float(az.loo(tree).elpd)


def test_orange_on_raw_data() -> None:
    assert not sampling_problems(check(fitted("raw").idata))


def test_rescaling_orange_changes_nothing() -> None:
    raw, scaled = (fitted(name).posterior_epred().values for name in ("raw", "scaled"))
    found = []
    for i in range(raw.shape[-1]):
        found += disagreements_between(f"row {i}", raw[..., i], 100 * scaled[..., i])
    assert not found


def test_theoph_finds_its_one_mode() -> None:
    model = fitted("theoph")
    verdict, posterior = check(model.idata), model.idata["posterior"].to_dataset()
    assert not sampling_problems(verdict)
    assert bool((posterior["lKe"] < posterior["lKa"]).all())
    fits = json.loads((REFERENCE / "nlmer_fits.json").read_text())["fits"]
    fixed = next(fit["fixef"] for fit in fits if fit["id"] == "Theoph_full_cov")
    for name, value in fixed.items():
        draws = posterior[name].values
        assert not beyond(draws.mean() - value, 0.5 * draws.std(), mean_errors(draws)), name


def test_without_ordering_the_fit_reports_label_switching() -> None:
    model = gl.NlmerBuilder(THEOPH, gl.load_data("Theoph"), ordering=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(draws=300, tune=500, random_seed=seed(1), progressbar=False)
    said = [str(w.message) for w in caught if issubclass(w.category, SamplingWarning)]
    assert any("label switching" in text and "flip-flop" in text for text in said), said
