"""Predictions of models with smooths: the properties that every model's predictions have."""

import warnings

import numpy as np
import pandas as pd
import pytest
from agreement import covariance_is, seed
from fake_fit import fake_fit
from gamm4_cases import CASES, TABLE, build, fitted
from methods import log_lik, predict, save
from scipy import stats

import glimmer as gl
from glimmer.builders.saved import load
from glimmer.errors import DataWarning, NewDataError, NewLevel
from glimmer.results.smooths.estimates import chosen_smooths, smooth_draws

every = pytest.mark.parametrize("name", CASES)
KINDS = ("linpred", "mean", "response")


def values(model, table=None, kind="linpred", **options):
    tree = predict(model, table, kind, **options)
    group = "posterior_predictive" if table is None else "predictions"
    (array,) = tree[group].to_dataset().data_vars.values()
    return array.values


@every
def test_training_rows_as_new_data(name):
    model = fitted(name)
    for kind in KINDS:
        known = values(model, kind=kind, random_seed=4)
        assert np.allclose(known, values(model, TABLE, kind, random_seed=4), rtol=1e-12, atol=1e-12)


@every
def test_rows_chosen_permuted_repeated(name):
    """A basis that was built again from the rows asked for would fail here."""
    model = fitted(name)
    whole = values(model, TABLE)
    n = len(TABLE)
    for rows in ([3], [5, 5, 5], [n - 1, 0, 7], list(np.random.default_rng(1).permutation(n))):
        some = values(model, TABLE.iloc[rows])
        assert np.allclose(some, whole[:, :, rows], rtol=1e-12, atol=1e-10)


@every
def test_how_labels_are_written_changes_nothing(name):
    model = fitted(name)
    whole = values(model, TABLE)
    for levels in (sorted(set(TABLE["g"])), ["unused", *sorted(set(TABLE["g"]), reverse=True)]):
        other = TABLE.assign(
            g=pd.Categorical(TABLE["g"], levels), f=pd.Categorical(TABLE["f"], ["mid", "lo", "hi"])
        )
        assert np.array_equal(values(model, other), whole)


@every
def test_offset_shifts_the_linear_predictor(name):
    formula, family, arguments = CASES[name]
    shifted = TABLE.assign(shift=np.random.default_rng(2).normal(size=len(TABLE)))
    model = gl.Gamm4Builder(f"{formula} + offset(shift)", shifted, family=family, **arguments)
    fake_fit(model, draws=3, chains=1)
    plain = values(model, shifted.assign(shift=0.0))
    expected = plain + shifted["shift"].to_numpy()
    assert np.allclose(values(model, shifted), expected, rtol=1e-12, atol=1e-10)


@every
def test_log_likelihood_is_that_of_the_predicted_mean(name):
    model = fitted(name)
    mean, posterior = values(model, kind="mean"), model.idata["posterior"]
    y = model.design.y
    match CASES[name][1]:
        case "gaussian":
            expected = stats.norm.logpdf(y, mean, posterior["sigma"].values[..., None])
        case "poisson":
            expected = stats.poisson.logpmf(y, mean)
        case _:
            alpha = posterior["alpha"].values[..., None]
            expected = stats.nbinom.logpmf(y, alpha, alpha / (alpha + mean))
    assert np.allclose(log_lik(model).values, expected, rtol=1e-8, atol=1e-8)


@every
def test_same_seed_same_draws(name):
    model = fitted(name)
    first = values(model, TABLE, "response", random_seed=7)
    assert np.array_equal(first, values(model, TABLE, "response", random_seed=7))
    assert not np.array_equal(first, values(model, TABLE, "response", random_seed=8))


@every
def test_saved_and_loaded_predicts_bit_for_bit(name, tmp_path):
    model = fitted(name)
    other = load(save(model, tmp_path / "model"))
    for table in (None, TABLE.head(9)):
        for kind in KINDS:
            ours, theirs = (values(m, table, kind, random_seed=7) for m in (model, other))
            assert np.array_equal(ours, theirs)


# Beyond the data


def along(model, x, **columns):
    table = pd.DataFrame({"x": x}).assign(**{"z": 0.0, "g": "a", "f": "lo", "w": 1.0, **columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return values(model, table)


@pytest.mark.parametrize("term", ["s(x)", "s(x, bs='cr')", "s(x, bs='ps')", "s(x, bs='bs')"])
def test_curves_go_on_as_straight_lines(term):
    model = fake_fit(gl.Gamm4Builder(f"y ~ {term}", TABLE), draws=4)
    far = TABLE["x"].max() + np.linspace(0.5, 60, 7)
    f = along(model, far)
    slope = np.diff(f) / np.diff(far)
    assert np.allclose(slope, slope[..., :1], rtol=1e-6, atol=1e-6)
    assert np.abs(slope).min() > 0


def test_a_cyclic_curve_wraps_around():
    model = fitted("cyclic, group")
    period = np.ptp(TABLE["x"])
    x = np.linspace(0.5, 9, 8)
    f = along(model, x)
    assert np.allclose(along(model, x + 3 * period), f, atol=1e-9)
    assert np.ptp(f) > 0.1


def test_extrapolation_is_announced():
    with pytest.warns(DataWarning, match="extrapolated"):
        values(fitted("dense"), TABLE.head(2).assign(x=[3.0, 30.0]))


@pytest.mark.parametrize("name", ["fs", "re"])
def test_zero_for_a_level_that_the_smooth_has_not_seen(name):
    model = fitted(name)
    new = TABLE.head(3).assign(g=["a", "unseen", "zz"])
    f = values(model, new, new_levels="zero")
    (smooth,) = chosen_smooths(model.fitted_model, "s(x,g)" if name == "fs" else "s(g)")
    own = smooth_draws(model.fitted_model, smooth, {"x": new["x"], "g": new["g"]})
    assert np.all(own[:, 1:] == 0) and np.all(own[:, 0] != 0)
    posterior = model.idata["posterior"]
    if name == "fs":
        assert np.allclose(f[..., 1:], posterior["Intercept"].values[..., None])


@pytest.mark.parametrize("name", ["fs", "re"])
def test_a_level_not_seen_is_drawn_once_for_all_its_rows(name):
    model = fake_fit(build(name), draws=1500, chains=2)
    new = TABLE.head(5).assign(g=["a", "u", "u", "v", "b"], x=[1.0, 2.0, 2.0, 2.0, 3.0])
    tree = predict(model, new, "linpred", random_seed=seed(3))
    assert tree["predictions"].attrs["new_levels"] == '{"g": ["u", "v"]}'
    sampled = tree["predictions"]["eta"].values
    deviation = sampled - values(model, new, new_levels="zero")
    assert np.all(deviation[..., [0, 4]] == 0)
    assert np.allclose(deviation[..., 1], deviation[..., 2])
    assert np.allclose(values(model, new.iloc[[3, 1]], random_seed=seed(3)), sampled[..., [3, 1]])
    with pytest.raises(NewLevel, match="'u', 'v'"):
        values(model, new, new_levels="error")
    if name == "re":
        z = deviation[..., [1, 3]] / model.idata["posterior"]["s(g)_sigma"].values[..., None]
        assert covariance_is(z.reshape(-1, 2), np.eye(2))


def test_a_new_level_of_by_is_an_error():
    with pytest.raises((NewLevel, NewDataError), match="new"):
        values(fitted("by factor"), TABLE.head(2).assign(f=["lo", "new"]))


def test_columns_of_smooths_are_needed():
    model = fitted("by number")
    for column in ("x", "w"):
        with pytest.raises(NewDataError, match=repr(column)):
            values(model, TABLE.drop(columns=column))
    with pytest.raises(NewDataError, match="missing or infinite in row 1"):
        values(model, TABLE.head(3).assign(x=[1.0, np.nan, 2.0]))


def test_the_parts_make_up_the_whole():
    """Smooths evaluated one by one, and the predictor that they are parts of."""
    model = fitted("by factor")
    posterior = model.idata["posterior"]
    total = posterior["Intercept"].values.reshape(-1, 1).repeat(len(TABLE), 1)
    f = posterior["f"].values.reshape(len(total), -1)
    for i, level in enumerate(posterior["f_dim"].values):
        total = total + np.outer(f[:, i], TABLE["f"] == level)
    for smooth in chosen_smooths(model.fitted_model, "s(x)"):
        total = total + smooth_draws(model.fitted_model, smooth, {"x": TABLE["x"], "f": TABLE["f"]})
    assert np.allclose(total, values(model).reshape(len(total), -1), atol=1e-10)


def test_not_all_cases_are_alike():
    assert {build(name).spec.family.name for name in CASES} == {
        "gaussian",
        "poisson",
        "neg_binomial_2",
    }
