"""Predictions of nonlinear models, and what is looked at after the fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
from agreement import mean_is, sds_are, seed
from nlmer_cases import CASES, THEOPH, decay, fake, logistic, orange
from scipy import stats

import glimmer as gl
from glimmer.errors import (
    ArgumentError,
    FormulaError,
    MeanFunctionError,
    NewDataError,
    StoreError,
)
from glimmer.record import dumps, loads, same


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
    sampled = model.posterior_epred(new, random_seed=seed(1)).values
    np.testing.assert_array_equal(sampled, model.posterior_epred(new, random_seed=seed(1)).values)
    d = model.idata["posterior"].to_dataset()
    Asym = sampled[..., -1] / typical[..., -1] * d["Asym"].values
    z = (Asym - d["Asym"].values) / d["Asym|Tree_sigma"].values
    assert mean_is(z.ravel(), 0)
    assert sds_are(z.std(ddof=1), 1, z.size)


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
    z = np.random.default_rng(seed(1)).normal(size=(3, 200_000, 1))
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
        assert mean_is(curves, found[i])
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
    with pytest.raises(ArgumentError, match="either by= or newdata="):
        model.derived({"top": "Asym"}, by="Tree", newdata=rows)
    with pytest.raises(MeanFunctionError, match="covariates"):
        model.derived({"top": "Asym"})
    with pytest.raises(MeanFunctionError, match="not a parameter of the curve"):
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
