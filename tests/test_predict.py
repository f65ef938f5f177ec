"""The properties that hold for the predictions of every kind of model."""

import numpy as np
import pandas as pd
import pytest
from agreement import covariance_is, mean_is, seed, within
from fake_fit import fake_fit
from methods import (
    log_lik,
    posterior_epred,
    posterior_linpred,
    posterior_predict,
    predict,
    predict_chunks,
)
from predict_cases import CASES, case

import glimmer as gl
from glimmer import record
from glimmer.builders import ModelBuilder

every = pytest.mark.parametrize("name", CASES)
KINDS = ("linpred", "mean", "response")


def values(model, table=None, kind="linpred", **options):
    tree = predict(model, table, kind, **options)
    group = "posterior_predictive" if table is None else "predictions"
    (array,) = tree[group].to_dataset().data_vars.values()
    return array.values


@every
def test_linear_predictor_and_mean_are_those_of_numpy(name):
    this, model, table = case(name)
    eta = this.eta(model.idata["posterior"], table)
    scale = np.abs(eta).max()
    assert np.allclose(values(model, table, "linpred"), eta, rtol=1e-10, atol=1e-10 * scale)
    mean = this.mean(eta)
    assert np.allclose(values(model, table, "mean"), mean, rtol=1e-10, atol=1e-10 * scale)


@every
@pytest.mark.parametrize("kind", KINDS)
def test_training_rows_as_new_data(name, kind):
    _, model, table = case(name)
    known = values(model, kind=kind, random_seed=4)
    new = values(model, table, kind, random_seed=4)
    assert np.allclose(known, new, rtol=1e-12, atol=1e-12)


@every
def test_rows_chosen_permuted_repeated(name):
    _, model, table = case(name)
    whole = values(model, table)
    n = len(table)
    for rows in ([3], [5, 5, 5], [n - 1, 0, 7], list(np.random.default_rng(1).permutation(n))):
        some = values(model, table.iloc[rows])
        assert np.allclose(some, whole[:, :, rows], rtol=1e-12, atol=1e-10)


@every
def test_how_labels_are_written_changes_nothing(name):
    _, model, table = case(name)
    whole = values(model, table)
    labels = [c for c in table if not pd.api.types.is_numeric_dtype(table[c])]
    assert labels
    text = table.astype(dict.fromkeys(labels, object))
    backwards = table.assign(
        **{c: pd.Categorical(text[c], sorted(set(text[c]), reverse=True)) for c in labels}
    )
    more = table.assign(
        **{c: pd.Categorical(text[c], ["unused", *sorted(set(text[c]))]) for c in labels}
    )
    mapping = {c: list(text[c]) for c in text}
    for written in (text, backwards, more, mapping):
        assert np.array_equal(values(model, written), whole)


@every
def test_offset_shifts_the_linear_predictor(name):
    this, _, table = case(name)
    shift = np.random.default_rng(2).normal(size=len(table))
    arguments = this.arguments
    shifted = table.assign(shift=shift)
    model = gl.GlmerBuilder(f"{this.formula} + offset(shift)", shifted, this.family, **arguments)
    fake_fit(model, draws=3, chains=1)
    plain = values(model, shifted.assign(shift=0.0))
    assert np.allclose(values(model, shifted), plain + shift, rtol=1e-12, atol=1e-10)
    assert np.allclose(values(model), plain + shift, rtol=1e-12, atol=1e-10)


@every
def test_same_seed_same_draws(name):
    this, model, table = case(name)
    new = table.head(6).copy()
    for group in this.groups:
        new[group] = [f"new {group} {i // 2}" for i in range(6)]
    for kind in KINDS:
        first = values(model, new, kind, random_seed=7)
        assert np.array_equal(first, values(model, new, kind, random_seed=7))
        assert not np.array_equal(first, values(model, new, kind, random_seed=8))


@every
def test_a_specification_read_back_predicts_bit_for_bit(name):
    this, model, table = case(name)
    other = ModelBuilder()
    other.spec = record.loads(record.dumps(model.spec))
    no_rows = model.unfitted_model.on_rows(np.zeros(0, dtype=int))
    other.design, other.frame = no_rows.design, no_rows.frame
    other.idata = model.idata
    new = table.head(6).copy()
    new[this.groups[0]] = [f"new {i // 2}" for i in range(6)]
    for kind in KINDS:
        ours, theirs = (values(m, new, kind, random_seed=7) for m in (model, other))
        assert np.array_equal(ours, theirs)


@every
def test_log_likelihood_of_training_rows_as_new_data(name):
    _, model, table = case(name)
    rows = np.random.default_rng(3).permutation(len(table))[:11]
    known, new = log_lik(model).values, log_lik(model, table.iloc[rows]).values
    assert np.allclose(new, known[..., rows], rtol=1e-12, atol=1e-10)


@every
def test_the_outcome_column_is_not_needed_for_means(name):
    _, model, table = case(name)
    used = {"Days", "x", "f", "period", "exposure", "person", "item", "school", "room"}
    used |= {"Subject", "g", "herd"}
    bare = table[[column for column in table if column in used]]
    assert np.array_equal(values(model, bare, "mean"), values(model, table, "mean"))


@every
def test_no_rows(name):
    _, model, table = case(name)
    for kind in KINDS:
        tree = predict(model, table.head(0), kind)
        (array,) = tree["predictions"].to_dataset().data_vars.values()
        assert dict(array.sizes) == {"chain": 2, "draw": 12, "obs_id": 0}
        (in_full,) = predict(model, table, kind)["predictions"].to_dataset().data_vars.values()
        assert array.dtype == in_full.dtype


def test_groups_names_dims_and_coordinates():
    _, model, table = case("trials")
    tree = predict(model, table.iloc[[9, 3]], "response", random_seed=1)
    drawn = tree["predictions"]["cbind(incidence, size - incidence)"]
    assert drawn.dims == ("chain", "draw", "obs_id")
    assert drawn.obs_id.values.tolist() == [0, 1]
    assert tree["predictions_constant_data"]["herd"].values.tolist() == table.herd[[9, 3]].tolist()
    known = predict(model)["posterior_predictive"]["mu"]
    assert known.obs_id.values.tolist() == list(range(len(table)))


def test_training_rows_are_those_used():
    table = gl.load_data("sleepstudy")
    keep = np.arange(10, 60, 3)
    model = gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", table, subset=keep)
    fake_fit(model, draws=3)
    known = predict(model)["posterior_predictive"]["mu"]
    assert known.obs_id.values.tolist() == keep.tolist()
    assert np.allclose(known.values, values(model, table.iloc[keep], "mean"), rtol=1e-12)


def test_rstanarms_verbs_agree_with_predict():
    _, model, table = case("nested Poisson, offset")
    new = table.head(4)
    assert np.array_equal(posterior_linpred(model, new), values(model, new, "linpred"))
    assert np.array_equal(
        posterior_linpred(model, new, transform=True), posterior_epred(model, new)
    )
    assert np.array_equal(posterior_epred(model, new), values(model, new, "mean"))
    drawn = posterior_predict(model, new, random_seed=3)
    assert np.array_equal(drawn, values(model, new, "response", random_seed=3))
    assert drawn.dtype.kind == "i"
    total = posterior_predict(model, new, fun=lambda y: y.sum("obs_id"), random_seed=3)
    assert np.array_equal(total, drawn.sum("obs_id"))


def test_outcomes_have_the_mean_and_spread_of_their_family():
    _, model, table = case("weighted gaussian")
    row = pd.concat([table.iloc[[0]]] * 6000).assign(w=4.0)
    drawn = values(model, row, "response", random_seed=seed(3))
    mean = values(model, row.head(1), "mean")
    sigma = model.idata["posterior"]["sigma"].values
    z = (drawn - mean) / (sigma[..., None] / 2)
    draws = z.reshape(24, -1).T
    assert mean_is(draws, 0)
    assert covariance_is(draws, np.eye(24))


def test_trials_scale_counts_and_not_means():
    _, model, table = case("trials")
    assert values(model, table, "mean").max() <= 1
    many = np.full(len(table), 100_000)
    drawn = values(model, table, "response", trials=many, random_seed=seed(1))
    assert within(drawn / many, values(model, table, "mean"), 0.5 / np.sqrt(100_000))
    assert np.all(values(model, table, "response", random_seed=1) <= table["size"].to_numpy())


def test_some_draws_without_replacement():
    _, model, table = case("NB, ||")
    whole = values(model, table).reshape(24, -1)
    tree = predict(model, table, "linpred", draws=10, random_seed=2)
    some = tree["predictions"]["eta"]
    assert dict(some.sizes) == {"chain": 1, "draw": 10, "obs_id": len(table)}
    found = [int(np.flatnonzero((whole == row).all(1))[0]) for row in some.values[0]]
    assert len(set(found)) == 10


def test_how_rows_and_draws_are_divided_changes_nothing(monkeypatch):
    from glimmer.results.predict import prediction

    _, model, table = case("correlated slopes")
    new = pd.concat([table] * 3).assign(Subject=[f"s{i % 37}" for i in range(3 * len(table))])
    monkeypatch.setattr(prediction, "BLOCK_ROWS", 128)
    whole = {kind: values(model, new, kind, random_seed=1) for kind in KINDS}
    parts = list(predict_chunks(model, new, "response", random_seed=1))
    assert [part.sizes["obs_id"] for part in parts] == [128, 128, 128, 128, 28]
    joined = np.concatenate(parts, axis=-1)
    noise = (joined - whole["mean"]) / model.idata["posterior"]["sigma"].values[..., None]
    first, second = noise[..., :128].ravel(), noise[..., 128:256].ravel()
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)
    assert np.array_equal(joined, whole["response"])
    monkeypatch.setattr(prediction, "CHUNK_BYTES", 8 * 128 * 5)
    for kind in KINDS:
        assert np.array_equal(values(model, new, kind, random_seed=1), whole[kind])
    monkeypatch.setattr(prediction, "BLOCK_ROWS", 100)
    assert np.allclose(values(model, new, "mean", random_seed=1), whole["mean"], rtol=1e-12)
