"""Residuals, intervals, predictive checks and plots: what they compute, and what they draw."""

from __future__ import annotations

import matplotlib
from methods import (
    fitted_values,
    pairs,
    plot,
    posterior_epred,
    posterior_interval,
    posterior_predict,
    posterior_vs_prior,
    pp_check,
    predictive_error,
    predictive_interval,
    residuals,
)

matplotlib.use("agg")

from dataclasses import replace

import arviz as az
import numpy as np
import pandas as pd
import pytest
from agreement import RATE, critical, seed
from checking_cases import OUTCOMES, data, fitted
from fake_fit import fake_fit
from matplotlib.figure import Figure
from scipy import stats

import glimmer as gl
from glimmer.assemble import assemble
from glimmer.errors import ArgumentError, DataError, FamilyError, PriorError, WrongLength
from glimmer.interpreter.replay import replay
from glimmer.results.checks import ppcheck
from glimmer.results.checks.ppcheck import KINDS
from glimmer.results.predict.draws_in_use import Draws
from glimmer.results.predict.outcomes import drawn_outcomes


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.mark.parametrize("family", OUTCOMES)
def test_fitted_values_are_posterior_means(family):
    model = fitted(family)
    expected = posterior_epred(model).mean(("chain", "draw"))
    np.testing.assert_allclose(fitted_values(model), expected, rtol=1e-10)


@pytest.mark.parametrize("family", OUTCOMES)
def test_variances_are_those_of_draws(family):
    model = fitted(family)
    assembly = assemble(model.spec, model.design, observe=False)
    one = model.fitted["posterior"].to_dataset().isel(chain=[0], draw=[3])
    (expected,) = replay(assembly.model, [assembly.outcome.variance], one)
    many = Draws(one.isel(draw=np.zeros(4000, dtype=int)), model.spec)
    drawn = drawn_outcomes(assembly, many, seed(1))
    ratio = drawn.var(axis=0) / expected[0, 0]
    errors = np.sqrt((stats.kurtosis(drawn, fisher=False) - 1) / 4000)
    error = np.sqrt(np.mean(errors**2) / len(errors))
    assert abs(np.log(ratio).mean()) < max(0.02, critical() * error)


def test_a_distribution_without_a_rule():
    import pymc as pm

    moyal = gl.Family(
        "moyal", dist=lambda mu, sigma: pm.Moyal.dist(mu, sigma), aux={"sigma": gl.exponential(1)}
    )
    model = fake_fit(gl.GlmerBuilder("real ~ x", data(), moyal), draws=20)
    with pytest.raises(FamilyError, match=r"moyal family(.|\n)*variance=lambda mu, sigma"):
        residuals(model, "pearson")
    declared = replace(moyal, variance=lambda mu, sigma: (np.pi * sigma) ** 2 / 2)
    model = fake_fit(gl.GlmerBuilder("real ~ x", data(), declared), draws=20)
    assert np.isfinite(residuals(model, "pearson")).all()


def test_response_residuals():
    model = fitted("binomial")
    y = model.design.y / model.design.trials
    np.testing.assert_allclose(residuals(model), y - fitted_values(model))
    model = fitted("poisson")
    np.testing.assert_allclose(residuals(model), model.design.y - fitted_values(model))


def test_pearson_residuals():
    model = fitted("binomial")
    p, n = posterior_epred(model), model.design.trials
    expected = ((model.design.y - n * p) / np.sqrt(n * p * (1 - p))).mean(("chain", "draw"))
    np.testing.assert_allclose(residuals(model, "pearson"), expected, rtol=1e-10)
    weighted = fitted("gaussian", weights=gl.precision_weights("w"))
    sd = weighted.fitted["posterior"]["sigma"].values[..., None] / np.sqrt(data().w.values)
    error = weighted.design.y - posterior_epred(weighted).values
    expected = (error / sd).mean(axis=(0, 1))
    np.testing.assert_allclose(residuals(weighted, "pearson"), expected, rtol=1e-10)


def test_quantile_residuals():
    model = fitted("gaussian")
    mu = posterior_epred(model).values
    sigma = model.fitted["posterior"]["sigma"].values[..., None]
    cdf = stats.norm.cdf(model.design.y, mu, sigma).mean(axis=(0, 1))
    # PyMC's normal log cdf takes the square root of two in single precision
    np.testing.assert_allclose(residuals(model, "quantile"), stats.norm.ppf(cdf), atol=1e-6)
    model = fitted("poisson")
    mu, y = posterior_epred(model).values, model.design.y
    lower, upper = (stats.poisson.cdf(v, mu).mean(axis=(0, 1)) for v in (y - 1, y))
    found = stats.norm.cdf(residuals(model, "quantile", random_seed=4))
    assert ((found >= lower - 1e-12) & (found <= upper + 1e-12)).all()
    np.testing.assert_array_equal(
        residuals(model, "quantile", random_seed=4), residuals(model, "quantile", random_seed=4)
    )


@pytest.mark.parametrize("family", ["neg_binomial_2", "binomial", "bernoulli", "beta", "Gamma"])
def test_quantile_residuals_are_standard_normal_under_the_model(family):
    """Outcomes drawn from one draw of the parameters, the "posterior" being that draw."""
    model = fitted(family)
    other = model.on_rows(np.tile(np.arange(60), 40))
    other.idata = model.fitted.isel(chain=[0], draw=[3])
    y = posterior_predict(other, random_seed=seed(7)).values[0, 0].astype(float)
    other.design = type(other.design)(**{**vars(other.design), "y": y})
    assert stats.kstest(residuals(other, "quantile"), "norm").pvalue > RATE


def test_unknown_residuals():
    with pytest.raises(ArgumentError):
        residuals(fitted("poisson"), "deviance")


def test_posterior_intervals():
    model = fitted("gaussian")
    table = posterior_interval(model, 0.5, pars=["sigma"], regex_pars=r"^1\|g$")
    assert table.index.tolist() == ["sigma", *(f"1|g[{level}]" for level in "abcdef")]
    assert table.columns.tolist() == ["25%", "75%"]
    draws = model.fitted["posterior"]
    np.testing.assert_allclose(table.loc["sigma"], np.quantile(draws["sigma"], [0.25, 0.75]))
    np.testing.assert_allclose(
        table.loc["1|g[c]"], np.quantile(draws["1|g"].sel(g__factor_dim="c"), [0.25, 0.75])
    )
    with pytest.raises(DataError, match="sigm"):
        posterior_interval(model, pars=["sigm"])
    with pytest.raises(ArgumentError):
        posterior_interval(model, 90)


def test_correlations_have_intervals_once():
    model = fake_fit(gl.GlmerBuilder("real ~ x + (x | g)", data()))
    table = posterior_interval(model, pars=["g_corr"])
    assert table.index.tolist() == ["g_corr[1, x]"]


def test_predictive_intervals_and_errors():
    model = fitted("poisson")
    drawn = posterior_predict(model, random_seed=1)
    table = predictive_interval(model, prob=0.8, random_seed=1)
    assert table.columns.tolist() == ["10%", "90%"]
    np.testing.assert_allclose(table.T, np.quantile(drawn, [0.1, 0.9], axis=(0, 1)))
    error = predictive_error(model, random_seed=1)
    np.testing.assert_array_equal(error, model.design.y - drawn)
    new = data().iloc[[5, 0]]
    again = predictive_error(model, new, random_seed=1)
    expected = new["count"].values - posterior_predict(model, new, random_seed=1)
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "bernoulli", "binomial"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_check_draws(family, kind):
    if kind in ppcheck.COUNTS_ONLY and family == "gaussian":
        with pytest.raises(ArgumentError, match="counts"):
            pp_check(fitted(family), kind)
        return
    drawn = pp_check(fitted(family), kind, random_seed=1)
    assert isinstance(drawn, Figure | az.PlotCollection)


def _panels(collection):
    return sum(bool(axes.has_data()) for axes in collection.viz["figure"].item().axes)


@pytest.mark.parametrize("kind", ["dens_overlay", "ecdf_overlay", "stat", "pit"])
@pytest.mark.parametrize("group", ["g", np.repeat(["u/w", "v"], 30)])
def test_a_panel_for_each_group(kind, group):
    drawn = pp_check(fitted("gaussian"), kind, group=group, random_seed=1)
    assert _panels(drawn) == len(np.unique(data().g if isinstance(group, str) else group))


def test_groups_hold_their_own_rows(monkeypatch):
    seen = {}
    monkeypatch.setitem(ppcheck.ARVIZ, "stat", lambda tree, **o: seen.update(tree=tree, **o))
    model = fitted("poisson")
    pp_check(model, "stat", stat="sd", group="g", random_seed=1, draws=20)
    assert seen["t_stat"] == "std"
    drawn = posterior_predict(model, random_seed=1, draws=20)
    rows = np.flatnonzero(data().g == "c")
    observed = seen["tree"]["observed_data"]["count | c"]
    replicated = seen["tree"]["posterior_predictive"]["count | c"]
    np.testing.assert_array_equal(observed, data()["count"].values[rows])
    np.testing.assert_array_equal(replicated, drawn[..., rows])


def test_a_statistic_of_ones_own():
    assert pp_check(fitted("gaussian"), "stat", stat=lambda y: y.max() - y.min())


def test_errors_against_a_column():
    figure = pp_check(fitted("gaussian"), "error", x="x", random_seed=1)
    points = figure.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], data().x)
    expected = predictive_error(fitted("gaussian"), random_seed=1).mean(("chain", "draw"))
    np.testing.assert_allclose(points[:, 1], expected)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"kind": "density"}, ArgumentError),
        ({"kind": "intervals", "group": "g"}, ArgumentError),
        ({"kind": "loo_pit", "draws": 10}, ArgumentError),
        ({"group": ["a"]}, WrongLength),
        ({"kind": "error", "x": [1.0]}, WrongLength),
        ({"group": "gg"}, gl.errors.UnknownColumn),
    ],
)
def test_impossible_checks(options, error):
    with pytest.raises(error):
        pp_check(fitted("gaussian"), **options)


@pytest.mark.parametrize("kind", ["intervals", "areas", "dens", "trace", "rank"])
def test_every_plot_draws(kind):
    assert isinstance(plot(fitted("gaussian"), kind, regex_pars="^(x|sigma)$"), az.PlotCollection)
    assert plot(fake_fit(gl.GlmerBuilder("real ~ x + (x | g)", data())), kind)


def test_unknown_plots():
    with pytest.raises(ArgumentError, match="trance"):
        plot(fitted("gaussian"), "trance")
    with pytest.raises(DataError):
        plot(fitted("gaussian"), regex_pars="nothing like it")


def test_pairs_mark_divergences():
    model = fake_fit(gl.GlmerBuilder("real ~ x + (1 | g)", data()))
    assert pairs(model, pars=["x", "sigma"])
    diverging = np.zeros((2, 50), dtype=bool)
    diverging[0, 4] = True
    stats_group = az.convert_to_datatree({"diverging": diverging})["posterior"]
    model.idata["sample_stats"] = stats_group
    matrix = pairs(model, pars=["x", "sigma"])
    assert "divergence" in matrix.viz
    with pytest.raises(ArgumentError, match="choose up to 8"):
        pairs(model, pars=["x", "sigma", "1|g", "Intercept", "1|g_sigma"])


def test_posterior_beside_prior(monkeypatch):
    model = fitted("gaussian")
    drawn = posterior_vs_prior(model, random_seed=1)
    assert isinstance(drawn, az.PlotCollection)
    seen = {}
    monkeypatch.setattr(az, "plot_forest", lambda both, **o: seen.update(both))
    posterior_vs_prior(model, pars=["x", "1|g_sigma"], random_seed=1)
    prior = seen["prior"]["posterior"]
    for name, law in (("x", stats.norm(0.5, 0.1)), ("1|g_sigma", stats.expon(0, 0.1))):
        assert stats.kstest(prior[name].values.ravel(), law.cdf).pvalue > RATE


def test_flat_priors_cannot_be_drawn():
    model = gl.GlmerBuilder("real ~ x", data(), prior=gl.flat(), checks={"flat_prior": "ignore"})
    model.idata = fitted("gaussian").fitted
    with pytest.raises(PriorError, match="flat"):
        posterior_vs_prior(model)


def test_tables_are_frames():
    assert isinstance(posterior_interval(fitted("poisson")), pd.DataFrame)
