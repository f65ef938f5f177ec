"""Which group-specific effects count, what new levels are, and means over the population."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from agreement import covariance_is, mean_is, seed
from fake_fit import fake_fit
from methods import posterior_epred, posterior_linpred, posterior_predict, predict
from predict_cases import CASES, case, of_level
from scipy.integrate import quad
from scipy.stats import norm

import glimmer as gl
from glimmer.errors import ArgumentError, DataWarning, NewDataError, NewLevel

MANY = 6000
every = pytest.mark.parametrize("name", CASES)


def repeated(model, draws=MANY):
    """The model with its first draw repeated: whatever varies is then sampled at prediction."""
    other = object.__new__(type(model))
    other.__dict__.update(model.__dict__)
    posterior = model.idata["posterior"].to_dataset().isel(chain=[0], draw=[0])
    posterior = posterior.isel(draw=np.zeros(draws, dtype=int))
    other.idata = type(model.idata).from_dict(
        {"posterior": posterior.assign_coords(draw=np.arange(draws))}
    )
    return other


def deviations(model, new, **options):
    """Group-specific parts of the linear predictor, shape (draws, n)."""
    without = posterior_linpred(model, new, groups=None)
    return (posterior_linpred(model, new, **options) - without).values.reshape(MANY, -1)


def sigma_of(model, effects, corr=None):
    first = model.idata["posterior"].isel(chain=0, draw=0)
    sds = np.array([float(first[f"{name}_sigma"]) for name in effects])
    return np.outer(sds, sds) * (np.eye(len(sds)) if corr is None else first[corr].values)


def test_new_levels_are_independent_with_covariance_sigma():
    model = repeated(case("correlated slopes")[1])
    levels = [f"new {i}" for i in range(4)]
    new = pd.DataFrame({"Days": [0.0, 1.0] * 4, "Subject": np.repeat(levels, 2)})
    at = deviations(model, new, random_seed=seed(5))
    b = np.stack([at[:, 0::2], at[:, 1::2] - at[:, 0::2]], axis=-1).reshape(MANY, 8)
    sigma = sigma_of(model, ["1|Subject", "Days|Subject"], "Subject_corr")
    assert abs(sigma[0, 1]) > 0.2 * np.sqrt(sigma[0, 0] * sigma[1, 1])
    assert covariance_is(b, np.kron(np.eye(4), sigma))
    assert mean_is(b, 0)


def test_new_levels_of_uncorrelated_terms():
    model = repeated(case("NB, ||")[1])
    new = pd.DataFrame({"x": [0.0, 1.0] * 2, "g": ["new 1", "new 1", "new 2", "new 2"]})
    at = deviations(model, new, random_seed=seed(5))
    b = np.stack([at[:, 0::2], at[:, 1::2] - at[:, 0::2]], axis=-1).reshape(MANY, 4)
    sigma = sigma_of(model, ["1|g", "x|g"])
    assert covariance_is(b, np.kron(np.eye(2), sigma))


def test_three_correlated_effects_in_one_block():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=["y", "x", "z"])
    table["g"] = np.repeat(list("abcdefghij"), 6)
    model = fake_fit(gl.GlmerBuilder("y ~ (x + z | g)", table), draws=2)
    model = repeated(model)
    new = pd.DataFrame({"x": [0.0, 1, 0], "z": [0.0, 0, 1], "g": "new"})
    at = deviations(model, new, random_seed=seed(5))
    b = np.stack([at[:, 0], at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]], axis=-1)
    sigma = sigma_of(model, ["1|g", "x|g", "z|g"], "g_corr")
    assert covariance_is(b, sigma)


def test_rows_of_a_new_level_share_its_draw():
    _, model, _ = case("correlated slopes")
    new = pd.DataFrame({"Days": [2.0, 2.0, 2.0], "Subject": ["a", "b", "a"]})
    eta = posterior_linpred(model, new, random_seed=1).values
    assert np.array_equal(eta[..., 0], eta[..., 2])
    assert not np.isclose(eta[..., 0], eta[..., 1]).any()


@every
def test_a_new_level_is_the_same_whatever_other_rows_there_are(name):
    this, model, table = case(name)
    new = table.head(6).copy()
    for group in this.groups:
        new[group] = [f"new {i % 3}" for i in range(6)]
    whole = posterior_linpred(model, new, random_seed=1).values
    for rows in ([4], [5, 1, 2], [0, 0]):
        some = posterior_linpred(model, new.iloc[rows], random_seed=1).values
        assert np.allclose(some, whole[..., rows], rtol=1e-12, atol=1e-10)


def test_nested_factors():
    _, model, _ = case("nested Poisson, offset")
    new = pd.DataFrame(
        {
            "x": 0.0,
            "exposure": 1.0,
            "school": ["s0", "s0", "new", "new", "new"],
            "room": [0, 7, 0, 0, 1],
        }
    )
    draws = model.idata["posterior"]
    base = draws["Intercept"].values[..., None]
    eta = posterior_linpred(model, new, random_seed=1).values
    school = posterior_linpred(model, new, groups=["school"], random_seed=1).values - base
    assert np.allclose(school[..., 0], of_level(draws, "1|school", ["s0"])[..., 0])
    assert np.allclose(school[..., 0], school[..., 1])
    assert np.allclose(school[..., 2], school[..., 4])
    room = eta - base - school
    assert np.allclose(room[..., 0], of_level(draws, "1|school:room", ["s0:0"])[..., 0])
    assert np.allclose(room[..., 2], room[..., 3])
    for i, j in ((0, 1), (1, 2), (2, 4)):
        assert not np.isclose(room[..., i], room[..., j]).any()
    tree = predict(model, new)
    assert json.loads(tree["predictions"].attrs["new_levels"]) == {
        "school": ["new"],
        "school:room": ["new:0", "new:1", "s0:7"],
    }


def test_new_levels_at_zero_or_refused():
    _, model, table = case("crossed binomial")
    new = table.head(3).assign(person=["nobody", "p1", "p2"])
    eta = posterior_linpred(model, new, new_levels="zero").values
    none = posterior_linpred(model, new, groups=["item"]).values
    assert np.array_equal(eta[..., 0], none[..., 0])
    assert not np.isclose(eta[..., 1], none[..., 1]).any()
    with pytest.raises(NewLevel, match="nobody") as info:
        predict(model, new, new_levels="error")
    assert info.value.column == "person"
    predict(model, new.iloc[1:], new_levels="error")


def test_all_levels_new_and_some_known():
    _, model, _ = case("correlated slopes")
    new = pd.DataFrame({"Days": [1.0, 1.0], "Subject": ["x", "308"]})
    both = posterior_linpred(model, new, random_seed=1).values
    only = posterior_linpred(model, new.head(1), random_seed=1).values
    known = posterior_linpred(model, new.tail(1), random_seed=1).values
    assert np.allclose(both, np.concatenate([only, known], axis=-1), rtol=1e-12)


def test_a_missing_group_needs_an_explicit_choice():
    _, model, _ = case("correlated slopes")
    new = pd.DataFrame({"Days": [1.0, 1.0, 1.0], "Subject": ["308", None, None]})
    with pytest.raises(NewDataError, match="missing in 2 rows") as info:
        predict(model, new)
    assert info.value.column == "Subject"
    eta = posterior_linpred(model, new, missing_groups="unknown", random_seed=1).values
    assert not np.isclose(eta[..., 1], eta[..., 2]).any()
    assert np.allclose(eta[..., 0], posterior_linpred(model, new.head(1)).values[..., 0])
    zero = posterior_linpred(model, new, missing_groups="unknown", new_levels="zero").values
    assert np.array_equal(zero[..., 1], posterior_linpred(model, new, groups=None).values[..., 1])


def test_a_level_that_looks_misspelt_is_pointed_out():
    _, model, _ = case("nested Poisson, offset")
    new = pd.DataFrame({"x": [0.0], "exposure": [1.0], "school": ["S0 "], "room": [0]})
    words = "'S0 ' is a new level of 'school', but very similar to the level 's0'"
    with pytest.warns(DataWarning, match=words):
        predict(model, new, groups=["school"])


@every
def test_without_groups_effects_are_zero_and_their_columns_not_needed(name):
    this, model, table = case(name)
    bare = table.drop(columns=list(this.groups))
    found = posterior_linpred(model, bare, groups=None).values
    zero = model.idata["posterior"].to_dataset()
    for block in model.spec.groups:
        for effect in block.effect_names:
            zero[effect] = 0 * zero[effect]
    assert np.allclose(found, this.eta(zero, table), rtol=1e-10, atol=1e-10)
    assert np.array_equal(found, posterior_linpred(model, groups=None).values)


def test_some_groups_some_effects():
    _, model, table = case("correlated slopes")
    draws = model.idata["posterior"]
    none = posterior_linpred(model, groups=None).values
    intercepts = of_level(draws, "1|Subject", table["Subject"])
    slopes = of_level(draws, "Days|Subject", table["Subject"]) * table["Days"].to_numpy()
    for groups, added in (
        ("1|Subject", intercepts),
        (["Days|Subject"], slopes),
        (["1|Subject", "Days|Subject"], intercepts + slopes),
        ("Subject", intercepts + slopes),
        ([], 0),
    ):
        found = posterior_linpred(model, table, groups=groups).values
        assert np.allclose(found, none + added, rtol=1e-10, atol=1e-8)
    with pytest.raises(ArgumentError, match="did you mean") as info:
        posterior_linpred(model, groups=["subject"])
    assert "'Subject'" in str(info.value)


def test_new_levels_keep_their_draws_when_few_effects_count():
    _, model, _ = case("correlated slopes")
    new = pd.DataFrame({"Days": [3.0], "Subject": ["new"]})
    parts = [
        posterior_linpred(model, new, groups=groups, random_seed=1).values
        for groups in (None, "1|Subject", "Days|Subject", "all")
    ]
    assert np.allclose(parts[1] + parts[2] - parts[0], parts[3], rtol=1e-10)


def spread(model, name, table):
    """The sd of the group-specific part of each row, shape (chain, draw, n), by hand."""
    draws = model.idata["posterior"]
    n = len(table)
    if name == "correlated slopes":
        days = table["Days"].to_numpy(float)
        s0, s1 = (draws[f"{e}|Subject_sigma"].values[..., None] for e in ("1", "Days"))
        rho = draws["Subject_corr"].values[..., 0, 1][..., None]
        return np.sqrt(s0**2 + 2 * rho * s0 * s1 * days + (s1 * days) ** 2)
    if name == "NB, ||":
        s0, s1 = (draws[f"{e}|g_sigma"].values[..., None] for e in ("1", "x"))
        return np.sqrt(s0**2 + (s1 * table["x"].to_numpy()) ** 2)
    effects = [effect for block in model.spec.groups for effect in block.effect_names]
    total = sum(draws[f"{effect}_sigma"].values ** 2 for effect in effects)
    return np.sqrt(np.repeat(total[..., None], n, axis=-1))


@every
def test_marginal_means_against_integration(name):
    this, model, table = case(name)
    rows = table.iloc[[0, 7]].drop(columns=list(this.groups))
    eta = posterior_linpred(model, rows, groups=None).values[0, :4]
    sd = spread(model, name, rows)[0, :4]
    found = posterior_epred(model, rows, groups="marginal").values[0, :4]
    for index in np.ndindex(eta.shape):
        centre, scale = eta[index], sd[index]
        integral, _ = quad(
            lambda z, c=centre, s=scale: this.mean(np.array(c + s * z)) * norm.pdf(z),
            -14,
            14,
            points=[0.0, scale, -centre / scale],
            epsabs=0,
            epsrel=1e-10,
            limit=500,
        )
        assert np.isclose(found[index], integral, rtol=1e-7, atol=1e-9), (centre, scale)


def test_marginal_means_of_correlated_effects():
    """Under the log link the mean is exp(eta + z' Sigma z / 2)."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"y": rng.poisson(2, 60), "x": rng.normal(size=60)})
    table["g"] = np.repeat(list("abcdefghij"), 6)
    mild = {"prior": gl.normal(0, 0.5), "prior_covariance": gl.lkj(sd=gl.exponential(2))}
    model = fake_fit(gl.GlmerBuilder("y ~ x + (x | g)", table, "poisson", **mild), draws=10)
    d = model.idata["posterior"]
    new = pd.DataFrame({"x": [-1.5, 0.0, 1.0]})
    s0, s1 = (d[f"{effect}|g_sigma"].values[..., None] for effect in ("1", "x"))
    rho, x = d["g_corr"].values[..., 0, 1][..., None], new["x"].to_numpy()
    variance = s0**2 + 2 * rho * s0 * s1 * x + (s1 * x) ** 2
    expected = np.exp(posterior_linpred(model, new, groups=None).values + variance / 2)
    found = posterior_epred(model, new, groups="marginal").values
    assert np.allclose(found, expected, rtol=1e-8)


def test_marginal_means_are_averages_over_new_levels():
    model = repeated(case("trials")[1])
    new = pd.DataFrame({"period": ["1"] * 2000, "herd": [f"new {i}" for i in range(2000)]})
    sampled = posterior_epred(model, new, random_seed=seed(1), draws=20).values
    marginal = posterior_epred(model, new.head(1), groups="marginal").values[0, 0, 0]
    error = sampled.std() / np.sqrt(sampled.size)
    assert mean_is(sampled.ravel(), marginal)
    zero = posterior_epred(model, new.head(1), groups=None).values[0, 0, 0]
    assert abs(zero - marginal) > 10 * error


def test_marginal_is_of_means_only():
    _, model, table = case("trials")
    for predictor in (posterior_linpred, posterior_predict):
        with pytest.raises(ArgumentError, match="marginal"):
            predictor(model, table, groups="marginal")


def test_ordinary_use_says_nothing():
    _, model, _ = case("correlated slopes")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predict(model, {"Days": [0, 1], "Subject": ["309", "400"]})
