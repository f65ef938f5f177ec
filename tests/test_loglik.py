"""The pointwise log likelihood, against PyMC's and against formulas."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from agreement import mean_is, seed
from checking_cases import OUTCOMES, data, fitted
from fake_fit import fake_fit
from methods import compute_log_likelihood, log_lik
from scipy import stats

import glimmer as gl
from glimmer.errors import NewDataError
from glimmer.interpreter.modes import PLAIN
from glimmer.results.compare.loglik import pointwise, with_log_likelihood


@pytest.mark.parametrize("family", OUTCOMES)
def test_equals_pymc(family):
    model = fitted(family)
    expected = pm.compute_log_likelihood(
        model.fitted.copy(),
        model=model.build(),
        extend_inferencedata=False,
        progressbar=False,
        compile_kwargs={"mode": PLAIN},
    )
    assert log_lik(model).dims == ("chain", "draw", "obs_id")
    np.testing.assert_allclose(log_lik(model), expected[model.spec.names.outcome], rtol=1e-10)


def _normal(model, sd_factor=1.0):
    p = model.fitted["posterior"]
    effect = p["1|g"].values[:, :, model.design.groups["g"].index]
    mu = p["Intercept"].values[..., None] + p["x"].values[..., None] * data().x.values + effect
    sd = p["sigma"].values[..., None] * sd_factor
    return stats.norm.logpdf(data().real.values, mu, sd)


def test_likelihood_weights_multiply():
    model = fitted("gaussian", weights="w")
    np.testing.assert_allclose(log_lik(model), _normal(model) * data().w.values, rtol=1e-10)


def test_precision_weights_enter_the_sd():
    model = fitted("gaussian", weights=gl.precision_weights("w"))
    expected = _normal(model, 1 / np.sqrt(data().w.values))
    np.testing.assert_allclose(log_lik(model), expected, rtol=1e-10)


def test_new_data_travel_the_same_path():
    for family in ("gaussian", "binomial"):
        model = fitted(family)
        rows = [30, 2, 2]
        again = log_lik(model, data().iloc[rows])
        np.testing.assert_allclose(again, log_lik(model).isel(obs_id=rows), rtol=1e-12)


def test_a_new_level_is_drawn():
    model = fitted("gaussian")
    new = data().iloc[[0]].assign(g="unseen")
    values = log_lik(model, new, random_seed=seed(1))
    p = model.fitted["posterior"]
    mu = p["Intercept"] + p["x"] * data().x[0]
    sd = np.hypot(p["sigma"], p["1|g_sigma"])
    expected = stats.norm.pdf(data().real[0], mu, sd)
    assert mean_is((np.exp(values.values[..., 0]) - expected).ravel(), 0)


def test_new_data_without_the_outcome():
    with pytest.raises(NewDataError, match="real"):
        log_lik(fitted("gaussian"), {"x": [0.0], "g": ["a"]})


def test_stored_on_request_and_then_used():
    model = gl.GlmerBuilder("real ~ x + (1 | g)", data())
    model.idata = fitted("gaussian").fitted.copy()
    compute_log_likelihood(model)
    stored = model.fitted["log_likelihood"]["real"]
    np.testing.assert_array_equal(stored, log_lik(model))
    model.fitted["log_likelihood"]["real"] = stored + 1
    np.testing.assert_array_equal(
        with_log_likelihood(model.fitted_model)["log_likelihood"]["real"], stored + 1
    )


def test_bounded_memory_gives_the_same_numbers(monkeypatch):
    import glimmer.interpreter.replay as replay

    model = fitted("poisson")
    whole = log_lik(model)
    monkeypatch.setattr(replay, "CHUNK_BYTES", 8 * 60 * 7)
    np.testing.assert_array_equal(log_lik(model), whole)


def test_tails_are_finite():
    """A success at log odds of -40 has log density -40, not -inf."""
    data = {"y": np.tile([0, 1], 10), "g": np.repeat(list("abcde"), 4)}
    model = gl.GlmerBuilder("y ~ 1 + (1 | g)", data, family="bernoulli")
    fake_fit(model, draws=4)
    posterior = model.idata["posterior"].to_dataset()
    certain = posterior.assign(Intercept=posterior["Intercept"] * 0 + 40.0)
    certain["1|g"] = posterior["1|g"] * 0
    values = pointwise(model.spec, model.design, certain).values
    np.testing.assert_allclose(values[..., ::2], -40.0)
    np.testing.assert_allclose(values[..., 1::2], 0.0, atol=1e-15)
