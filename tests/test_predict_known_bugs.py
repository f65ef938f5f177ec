"""Wrong predictions that other packages have made; each is a test under its number.

Not applicable:

* brms #1739 (the basis of an approximate Gaussian process rebuilt from new data) is about smooths;
  the tests of smooths hold it.
* rstanarm #546 and #253 are about offsets next to smooths; the same code evaluates offsets here,
  whatever else is in the formula, and the test of #546 has no group-specific term, as there.
* bambi #417 and rstanarm #370 are about no separate mechanism: rows and groups of new data that are
  fewer than, or other than, those of the fit. `test_fewer_levels_fewer_rows` is theirs.
"""

import numpy as np
import pandas as pd
import pytest
from agreement import within
from fake_fit import fake_fit
from methods import posterior_epred, posterior_linpred, predict
from predict_cases import case, of_level, scalar

import glimmer as gl
from glimmer.errors import NewDataError

rng = np.random.default_rng(11)


def table_with_labels():
    n = 60
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "u": rng.normal(size=n),
            "f": rng.choice(list("AB"), n),
            "g": np.repeat([f"g{i}" for i in range(6)], 10),
        }
    )


def fitted(formula, table, family="gaussian", **arguments):
    return fake_fit(gl.GlmerBuilder(formula, table, family, **arguments), draws=4)


def by_rows(model, table):
    """Predict each of the first ten rows of a table on its own."""
    rows = (table.iloc[[i]] for i in range(10))
    return np.concatenate([posterior_linpred(model, row).values for row in rows], axis=-1)


def test_rstanarm_541_array_offset_is_never_recycled():
    table = table_with_labels()
    model = fitted("y ~ x + (1 | g)", table, offset=table["u"].to_numpy())
    with pytest.raises(NewDataError, match="offset="):
        posterior_linpred(model, table.head(6))
    found = posterior_linpred(model, table.head(6), offset=np.zeros(6)).values
    assert np.allclose(found + table["u"].to_numpy()[:6], posterior_linpred(model).values[..., :6])


def test_rstanarm_542_offset_of_the_formula_is_in_the_linear_predictor():
    table = table_with_labels()
    model = fitted("y ~ x + offset(u) + (1 | g)", table)
    d = model.idata["posterior"]
    eta = scalar(d, "Intercept") + scalar(d, "x") * table["x"].to_numpy()
    eta = eta + of_level(d, "1|g", table["g"]) + table["u"].to_numpy()
    assert np.allclose(posterior_linpred(model).values, eta, rtol=1e-10)
    assert np.allclose(posterior_linpred(model, table.head(7)).values, eta[..., :7], rtol=1e-10)


def test_rstanarm_546_offset_without_group_terms():
    table = table_with_labels()
    model = fitted("y ~ x + offset(u)", table)
    d = model.idata["posterior"]
    eta = scalar(d, "Intercept") + scalar(d, "x") * table["x"].to_numpy() + table["u"].to_numpy()
    assert np.allclose(posterior_linpred(model, table.tail(5)).values, eta[..., -5:], rtol=1e-10)


def test_rstanarm_73_part_of_the_data_is_predicted_as_all_of_it():
    _, model, table = case("weighted gaussian")
    whole = posterior_linpred(model, table).values
    one_label = np.flatnonzero(table["f"] == "hi")
    some = posterior_linpred(model, table.iloc[one_label]).values
    assert np.allclose(some, whole[..., one_label], rtol=1e-12)


def test_rstanarm_73_transforms_keep_what_they_learned():
    table = table_with_labels()
    model = fitted("y ~ scale(x) + poly(u, 2) + (1 | g)", table)
    assert np.allclose(by_rows(model, table), posterior_linpred(model).values[..., :10], rtol=1e-10)


def test_rstanarm_109_rows_fewer_than_an_array_offset():
    table = table_with_labels()
    model = fitted("y ~ x + (1 | g)", table, offset=np.zeros(60))
    with pytest.raises(NewDataError):
        predict(model, table.head(50))
    with pytest.raises(NewDataError):
        predict(model, table.head(50), offset=np.zeros(60))
    known = posterior_linpred(model).values
    assert np.allclose(
        posterior_linpred(model, table.head(50), offset=np.zeros(50)), known[..., :50]
    )


def test_rstanarm_187_two_terms_of_one_factor():
    table = table_with_labels()
    model = fitted("y ~ u + (1 | g) + (0 + x | g)", table)
    d = model.idata["posterior"]
    eta = scalar(d, "Intercept") + scalar(d, "u") * table["u"].to_numpy()
    eta = eta + of_level(d, "1|g", table["g"])
    eta = eta + of_level(d, "x|g", table["g"]) * table["x"].to_numpy()
    assert np.allclose(posterior_linpred(model, table).values, eta, rtol=1e-10)
    assert np.allclose(by_rows(model, table), eta[..., :10], rtol=1e-10)


def test_rstanarm_461_new_levels_differ():
    _, model, _ = case("trials")
    new = pd.DataFrame({"period": "1", "herd": ["n1", "n2", "n3"]})
    eta = posterior_linpred(model, new, random_seed=1).values.reshape(24, 3)
    assert all(len(np.unique(row)) == 3 for row in eta)


def test_rstanarm_300_three_levels_of_nesting():
    table = table_with_labels()
    table["b"], table["c"] = np.tile(range(2), 30), np.tile(np.repeat(range(2), 2), 15)
    model = fitted("y ~ x + (1 | g / b / c)", table, checks={})
    new = pd.DataFrame({"x": 0.0, "g": "new", "b": [0, 0, 1], "c": [0, 0, 0]})
    eta = posterior_linpred(model, new, random_seed=1).values
    assert np.array_equal(eta[..., 0], eta[..., 1])
    assert not np.isclose(eta[..., 0], eta[..., 2]).any()


def test_rstanarm_444_contrasts_are_those_of_the_fit():
    table = table_with_labels()
    model = fitted("y ~ f * x + (1 | g)", table, contrasts={"f": "sum"})
    assert np.allclose(by_rows(model, table), posterior_linpred(model).values[..., :10], rtol=1e-10)


def test_fewer_levels_fewer_rows():
    """Bambi #417, rstanarm #370: one group, or a few rows, of the fit's."""
    for name in ("crossed binomial", "NB, ||"):
        _, model, table = case(name)
        whole = posterior_epred(model).values
        some = [40, 2, 11] if name == "crossed binomial" else [39, 2, 3]
        found = posterior_epred(model, table.iloc[some]).values
        assert np.allclose(found, whole[..., some], rtol=1e-12)


def test_bambi_451_labels_as_group_specific_effects():
    table = table_with_labels()
    model = fitted("y ~ f + (0 + f | g)", table)
    d = model.idata["posterior"]
    base = np.where(table["f"] == "B", d["f"].sel(f_dim="B").values[..., None], 0.0)
    eta = scalar(d, "Intercept") + base
    for label in "AB":
        effect = of_level(d, f"f[{label}]|g", table["g"])
        eta = eta + np.where(table["f"] == label, effect, 0.0)
    assert np.allclose(posterior_linpred(model, table).values, eta, rtol=1e-10)
    assert np.allclose(by_rows(model, table), eta[..., :10], rtol=1e-10)


def test_bambi_477_several_effects_of_one_factor_on_other_rows():
    table = table_with_labels()
    model = fitted("y ~ f + x + (0 + f | g) + (0 + x | g)", table)
    new = table.sample(frac=1, random_state=3)[::-2]
    rows = [table.index.get_loc(i) for i in new.index]
    whole = posterior_linpred(model).values
    assert np.allclose(posterior_linpred(model, new).values, whole[..., rows], rtol=1e-10)


def test_bambi_953_a_seed_fixes_new_groups():
    _, model, _ = case("correlated slopes")
    new = {"Days": [0.5, 1.0, 1.5], "Subject": ["E", "E", "E"]}
    first, second = (posterior_linpred(model, new, random_seed=123).values for _ in range(2))
    assert np.array_equal(first, second)


def test_lme4_143_one_level_of_a_common_factor():
    _, model, table = case("trials")
    new = pd.DataFrame({"period": "1", "herd": table["herd"].unique()})
    found = posterior_linpred(model, new).values
    d = model.idata["posterior"]
    eta = scalar(d, "Intercept") + of_level(d, "1|herd", new["herd"])
    assert np.allclose(found, eta, rtol=1e-10)


def test_lme4_257_slope_and_label_effects_of_one_factor():
    table = table_with_labels()
    table["number"] = (table["f"] == "B").astype(float)
    for extra in ("f", "number"):
        model = fitted(f"y ~ x + (x | g) + (0 + {extra} | g)", table)
        known = posterior_linpred(model).values
        assert np.allclose(posterior_linpred(model, table).values, known, rtol=1e-12)
        assert np.allclose(by_rows(model, table), known[..., :10], rtol=1e-10)


def test_lme4_279_uncorrelated_slopes_on_the_training_rows():
    table = gl.load_data("sleepstudy")
    model = fitted("Reaction ~ Days + (Days || Subject)", table)
    known = posterior_linpred(model).values
    assert np.allclose(posterior_linpred(model, table).values, known, rtol=1e-12)


def test_lme4_281_zero_effects_are_not_the_population_mean():
    """With effects at zero predictions lie away from the average; the marginal mean is it."""
    table = pd.DataFrame({"g": np.repeat([f"g{i}" for i in range(400)], 2)})
    table["y"] = rng.integers(0, 2, 800)
    model = fake_fit(
        gl.GlmerBuilder(
            "y ~ (1 | g)",
            table,
            "bernoulli",
            prior_intercept=gl.normal(-3, 0.01),
            prior_covariance=gl.lkj(sd=gl.normal(3, 0.01)),
        ),
        draws=5,
    )
    by_group = posterior_epred(model).values[..., ::2]
    with_groups = by_group.mean(-1)
    zero = posterior_epred(model, groups=None).values.mean(-1)
    marginal = posterior_epred(model, groups="marginal").values.mean(-1)
    assert np.all(zero < 0.6 * with_groups)
    assert within(with_groups, marginal, by_group.std(-1) / np.sqrt(400))
