"""Leave-one-out cross-validation: against ArviZ, against exact refits, against definitions."""

from __future__ import annotations

import warnings
from dataclasses import replace

import arviz as az
import numpy as np
import pytest
import xarray as xr
from agreement import beyond, seed, within
from checking_cases import fitted
from gaussian_fit import linear_algebra, sleepstudy
from methods import bayes_R2, log_lik, loo, loo_linpred, loo_predict, loo_R2, loo_subsample, waic
from scipy import stats
from scipy.special import logsumexp

from glimmer.errors import ArgumentError, DataError, SamplingWarning
from glimmer.interpreter.modes import PLAIN
from glimmer.results.compare import loo as module
from glimmer.results.compare.compare import loo_compare, loo_model_weights
from glimmer.results.compare.momentmatch import Unconstrained


@pytest.fixture(scope="module", autouse=True)
def exact_refits():
    with linear_algebra():
        yield


@pytest.fixture(scope="module")
def sleep():
    return sleepstudy()


def _quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*args, **kwargs)


def _by_hand(model):
    """The log likelihood from the draws, without the package."""
    p, d = model.fitted["posterior"], model.frame
    index = model.design.groups["Subject"].index
    days = d.numeric("Days").values
    mu = (p["Intercept"].values + p["1|Subject"].values.transpose(2, 0, 1)).transpose(1, 2, 0)
    slope = (p["Days"].values + p["Days|Subject"].values.transpose(2, 0, 1)).transpose(1, 2, 0)
    eta = mu[:, :, index] + slope[:, :, index] * days
    return stats.norm.logpdf(d.numeric("Reaction").values, eta, p["sigma"].values[..., None])


def test_agrees_with_arviz_on_a_log_likelihood_computed_by_hand(sleep):
    tree = xr.DataTree.from_dict(
        {
            "posterior": sleep.fitted["posterior"].to_dataset(),
            "log_likelihood": xr.Dataset({"y": (("chain", "draw", "row"), _by_hand(sleep))}),
        }
    )
    expected = _quietly(az.loo, tree, pointwise=True)
    with pytest.warns(SamplingWarning, match="Pareto k above"):
        found = loo(sleep)
    assert found.elpd == pytest.approx(expected.elpd, abs=1e-8)
    assert found.p == pytest.approx(expected.p, abs=1e-8)
    np.testing.assert_allclose(found.elpd_i, expected.elpd_i, atol=1e-8)
    assert found.elpd_i["obs_id"].values.tolist() == list(range(180))


def test_no_warning_without_a_high_k():
    found = loo(fitted("bernoulli"), k_threshold=2.0)
    assert (found.pareto_k < 2).all()


def test_refits_replace_rows_of_high_k(sleep):
    before = _quietly(loo, sleep)
    bad = np.flatnonzero(before.pareto_k > before.good_k)
    fits = type(sleep).fits
    after = loo(sleep, reloo=True)
    assert 0 < len(bad) == type(sleep).fits - fits
    assert (after.pareto_k[bad] == 0).all() and not after.warning
    others = np.setdiff1d(np.arange(180), bad)
    np.testing.assert_array_equal(after.elpd_i[others], before.elpd_i[others])
    assert after.elpd == pytest.approx(float(after.elpd_i.sum()))
    full = logsumexp(log_lik(sleep).values, axis=(0, 1)) - np.log(1000)
    assert after.p == pytest.approx(float(full.sum() - after.elpd))


def test_a_threshold_of_ones_own_decides_which_rows_are_refitted(sleep):
    fits = type(sleep).fits
    after = _quietly(loo, sleep, reloo=True, k_threshold=1.0)
    assert type(sleep).fits - fits == int((after.pareto_k == 0).sum()) < 4


def test_refitted_rows_are_near_the_exact_density(sleep):
    """Row 57 given the others is t-like; the exact value is by the same linear algebra."""
    after = loo(sleep, reloo=True)
    row = int(np.argmin(after.elpd_i.values))
    assert after.pareto_k[row] == 0
    refit = sleep.on_rows(np.setdiff1d(np.arange(180), [row]))
    refit.fit(draws=5000, chains=2, random_seed=seed(9), progressbar=False)
    values = np.exp(log_lik(refit, _table(sleep, [row])).values)
    error = values.std() / values.mean() * np.sqrt(1 / 1000 + 1 / values.size)
    assert within(after.elpd_i.values[row], np.log(values.mean()), error)


def _table(model, rows):
    frame = model.frame.take(np.asarray(rows))
    subject = frame.factor("Subject")
    return {
        "Reaction": frame.numeric("Reaction").values,
        "Days": frame.numeric("Days").values,
        "Subject": [subject.levels[code] for code in subject.codes],
    }


@pytest.mark.parametrize("family", ["gaussian", "neg_binomial_2"])
def test_moment_matching_sees_the_model_as_it_is_sampled(family):
    """Coordinates, density and likelihood against numpy and PyMC, draw by draw."""
    model = fitted(family)
    at = Unconstrained(model.fitted_model)
    p = model.fitted["posterior"]
    built = model.build()
    names = [v.name for v in built.value_vars]
    z = names.index("1|g_standardized__")
    first = sum(int(np.prod(built.initial_point()[name].shape)) for name in names[:z])
    expected = p["1|g"] / p["1|g_sigma"]
    np.testing.assert_allclose(at.draws[..., first : first + 6], expected, rtol=1e-12)
    logp = built.compile_logp(mode=PLAIN)
    found = at.log_prob(at.draws)
    for chain, draw in ((0, 0), (1, 50)):
        point = _point(built, at.draws[chain, draw].values)
        assert float(found[chain, draw]) == pytest.approx(float(logp(point)), rel=1e-10)
    np.testing.assert_allclose(at.log_lik_i(at.draws, 3), log_lik(model)[..., 3], rtol=1e-10)


def _point(built, flat):
    point, at = {}, 0
    for name, value in built.initial_point().items():
        point[name] = flat[at : at + value.size].reshape(value.shape)
        at += value.size
    return point


def test_moment_matching_is_handed_on(sleep, monkeypatch):
    seen = {}

    def record(tree, result, log_prob, log_lik_i, draws, **options):
        seen.update(options, draws=draws)
        return replace(result, pareto_k=result.pareto_k * 0)

    monkeypatch.setattr(module.az, "loo_moment_match", record)
    assert (loo(sleep, moment_match=True).pareto_k == 0).all()
    assert seen["pointwise"] and seen["draws"].sizes["unconstrained_parameter"] == 42


@pytest.mark.parametrize("method", ["plpd", "lpd"])
def test_subsample(sleep, method):
    whole = _quietly(loo, sleep)
    everything = _quietly(loo_subsample, sleep, 180, method=method)
    assert everything.elpd == pytest.approx(whole.elpd, abs=1e-6)
    part = _quietly(loo_subsample, sleep, 60, method=method, random_seed=seed(1))
    assert not beyond(part.elpd - whole.elpd, 0, part.subsampling_se, df=59)
    assert part.n_data_points == 180 and np.isfinite(part.elpd_i).sum() == 60
    np.testing.assert_array_equal(
        _quietly(loo_subsample, sleep, [5, 3]).loo_subsample_observations, [3, 5]
    )


@pytest.mark.parametrize("observations", [1, 181, [0.5], [180]])
def test_impossible_subsamples(sleep, observations):
    with pytest.raises(ArgumentError):
        loo_subsample(sleep, observations)


def test_waic():
    model = fitted("bernoulli")
    found, values = waic(model), log_lik(model).values.reshape(-1, 60)
    lppd = logsumexp(values, axis=0) - np.log(200)
    penalty = values.var(axis=0, ddof=1)
    assert found.elpd == pytest.approx((lppd - penalty).sum())
    assert found.p == pytest.approx(penalty.sum())
    assert "elpd_waic" in str(found)
    with pytest.warns(SamplingWarning, match="variance"):
        waic(sleepstudy(50))


def test_comparison(sleep):
    from gaussian_fit import GaussianBuilder

    worse = GaussianBuilder("Reaction ~ Days + (Days | Subject)", _table(sleep, np.arange(180)))
    worse.idata = sleep.fitted.copy()
    shifted = worse.idata["posterior"].to_dataset()
    shifted["Intercept"] = shifted["Intercept"] + 15
    worse.idata["posterior"] = xr.DataTree(shifted.drop_vars("Intercept_centered"))
    worse.idata["posterior"]["Intercept_centered"] = (
        sleep.fitted["posterior"]["Intercept_centered"] + 15
    )
    table = _quietly(loo_compare, right=sleep, shifted=worse)
    assert table.index.tolist() == ["right", "shifted"]
    one, two = _quietly(loo, sleep), _quietly(loo, worse)
    assert table.elpd_diff["shifted"] == pytest.approx(two.elpd - one.elpd)
    difference = two.elpd_i.values - one.elpd_i.values
    assert table.dse["shifted"] == pytest.approx(np.sqrt(180 * np.var(difference)))
    weights = loo_model_weights(shifted=two, right=one)
    assert weights.index.tolist() == ["shifted", "right"]
    assert weights["right"] > 0.9 and weights.sum() == pytest.approx(1)
    by_waic = _quietly(loo_compare, right=sleep, shifted=worse, criterion="waic")
    assert by_waic.index.tolist() == ["right", "shifted"]


def test_models_that_do_not_compare(sleep):
    count, positive = fitted("poisson"), fitted("Gamma")
    with pytest.raises(DataError, match="different rows"):
        loo_compare(sleep, count)
    with pytest.raises(DataError, match="different outcomes"):
        loo_compare(count, positive)
    with pytest.raises(ArgumentError, match="At least two models"):
        loo_compare(sleep)
    with pytest.raises(ArgumentError, match="method must be"):
        loo_compare(sleep, sleep, method="stack")
    with pytest.raises(ArgumentError, match="criterion must be"):
        loo_compare(sleep, sleep, criterion="lo")
    with pytest.raises(ArgumentError, match="dict objects"):
        loo_compare({"right": sleep}, sleep)


def test_predictions_given_the_other_rows():
    model = fitted("bernoulli")
    weights = -log_lik(model).values.reshape(200, 60)
    weights = np.exp(weights - logsumexp(weights, axis=0))
    p = model.fitted["posterior"]
    effect = p["1|g"].values[:, :, model.design.groups["g"].index]
    x = model.design.columns["mu"][:, 0]
    eta = p["Intercept"].values[..., None] + p["x"].values[..., None] * x + effect
    expected = (weights * eta.reshape(200, 60)).sum(axis=0)
    np.testing.assert_allclose(_quietly(loo_linpred, model), expected, atol=0.02)
    ends = _quietly(loo_predict, model, "quantile", [0.1, 0.9], random_seed=1)
    assert ends.sizes == {"quantile": 2, "obs_id": 60}
    assert set(np.unique(ends)) <= {0.0, 1.0}


def test_r_squared():
    for family in ("gaussian", "bernoulli", "binomial"):
        model = fitted(family)
        p, trials = model.fitted["posterior"], model.design.trials
        effect = p["1|g"].values[:, :, model.design.groups["g"].index]
        x = model.design.columns["mu"][:, 0]
        eta = p["Intercept"].values[..., None] + p["x"].values[..., None] * x + effect
        n = 1 if trials is None else trials
        mu = eta if family == "gaussian" else n / (1 + np.exp(-eta))
        rest = p["sigma"].values ** 2 if family == "gaussian" else (mu * (1 - mu / n)).mean(-1)
        explained = mu.var(axis=-1, ddof=1)
        expected = explained / (explained + rest)
        np.testing.assert_allclose(bayes_R2(model), expected, rtol=1e-9)
    assert (bayes_R2(model, groups=None).mean() < bayes_R2(model).mean()).item()


def test_loo_r_squared_is_below_the_other(sleep):
    found = _quietly(loo_R2, sleep, 500)
    assert found.sizes == {"draw": 500}
    assert 0.6 < float(found.mean()) < float(bayes_R2(sleep).mean()) < 0.85
