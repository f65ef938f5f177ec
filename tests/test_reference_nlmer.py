"""Nonlinear fits at default settings against stan_nlmer, nlmer and each other."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from agreement import disagreements

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
    model.fit(random_seed=1, progressbar=False)
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
            found += disagreements(name, ours[name], of["mean"], of["sd"], of["n_eff"])
    assert compared == 10
    assert not found


def test_orange_has_the_right_loo() -> None:
    """rstanarm's own is -689, because it drops the effects of trees from predictions."""
    loo = fitted("rstanarm").loo()
    assert float(loo.elpd) == pytest.approx(33.2, abs=0.6)


def test_orange_on_raw_data() -> None:
    verdict = check(fitted("raw").idata)
    assert verdict.divergences == 0
    assert verdict.level == "good", str(verdict)


def test_rescaling_orange_changes_nothing() -> None:
    raw, scaled = (fitted(name).posterior_epred().values for name in ("raw", "scaled"))
    n = raw.shape[-1]
    size = float(check(fitted("raw").idata).ess[0])
    found = []
    for i in range(n):
        curve = 100 * scaled[..., i]
        found += disagreements(f"row {i}", raw[..., i], curve.mean(), curve.std(ddof=1), size)
    assert not found


def test_theoph_finds_its_one_mode() -> None:
    model = fitted("theoph")
    verdict, posterior = check(model.idata), model.idata["posterior"].to_dataset()
    assert verdict.rhat[0] <= 1.01, str(verdict)
    assert verdict.divergences == 0
    assert bool((posterior["lKe"] < posterior["lKa"]).all())
    fits = json.loads((REFERENCE / "nlmer_fits.json").read_text())["fits"]
    fixed = next(fit["fixef"] for fit in fits if fit["id"] == "Theoph_full_cov")
    for name, value in fixed.items():
        draws = posterior[name].values
        assert abs(draws.mean() - value) < 0.5 * draws.std(), name


def test_without_ordering_the_fit_reports_label_switching() -> None:
    model = gl.NlmerBuilder(THEOPH, gl.load_data("Theoph"), ordering=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(draws=300, tune=500, random_seed=1, progressbar=False)
    said = [str(w.message) for w in caught if issubclass(w.category, SamplingWarning)]
    assert any("label switching" in text and "flip-flop" in text for text in said), said
