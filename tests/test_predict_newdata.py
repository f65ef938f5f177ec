"""New data that cannot be used, and arguments that mean nothing (catalogue rows 110 to 117)."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fake_fit import fake_fit
from methods import posterior_linpred, predict, predictions
from predict_cases import case

import glimmer as gl
from glimmer.builders import ModelBuilder
from glimmer.errors import ArgumentError, NewDataError, NewLevel, NotFitted
from glimmer.results.predict.newdata import judged_design

SLEEP = {"Days": [0.0, 1.0], "Subject": ["308", "309"]}
COUNTS = {"x": [0.0, 1.0], "exposure": [1.0, 2.0], "school": ["s0", "s1"], "room": [0, 1]}
TRIALS = {"period": ["1", "2"], "herd": ["1", "2"], "incidence": [0, 1], "size": [3, 4]}
WEIGHTED = {"x": [0.0, 1.0], "f": ["lo", "hi"], "g": ["a", "b"], "w": [1.0, 2.0]}

BAD = [
    ("correlated slopes", {"Days": None}, "Days", "no column 'Days'"),
    ("correlated slopes", {"Subject": None}, "Subject", "no column 'Subject'"),
    ("correlated slopes", {"Days": [0.0, np.nan]}, "Days", "missing"),
    ("correlated slopes", {"Days": [0.0, np.inf]}, "Days", "infinite"),
    ("correlated slopes", {"Days": ["a", "b"]}, "Days", "categorical"),
    ("correlated slopes", {"Days": ["0", "1"]}, "Days", "labels|text"),
    ("correlated slopes", {"Subject": [308, None]}, "Subject", "missing in 1 row"),
    ("correlated slopes", {"Subject": [0.5, 1.5]}, "Subject", "non-integer"),
    ("nested Poisson, offset", {"exposure": None}, "exposure", "no column 'exposure'"),
    ("nested Poisson, offset", {"exposure": [1.0, 0.0]}, "exposure", "log"),
    ("nested Poisson, offset", {"room": None}, "room", "no column 'room'"),
    ("weighted gaussian", {"f": ["lo", "low"]}, "f", "not seen"),
    ("weighted gaussian", {"f": ["lo", None]}, "f", "missing"),
    ("trials", {"period": ["1", "5"]}, "period", "'5'"),
]


def rows_for(name, changes):
    table = {
        "correlated slopes": SLEEP,
        "nested Poisson, offset": COUNTS,
        "weighted gaussian": WEIGHTED,
        "trials": TRIALS,
    }[name] | changes
    return {column: values for column, values in table.items() if values is not None}


@pytest.mark.parametrize(("name", "changes", "column", "words"), BAD)
def test_bad_columns_are_named(name, changes, column, words):
    with pytest.raises(NewDataError, match=words) as info:
        predict(case(name)[1], rows_for(name, changes))
    assert info.value.column == column


@pytest.mark.parametrize("name", ["correlated slopes", "nested Poisson, offset", "trials"])
def test_good_rows_are_good(name):
    assert predict(case(name)[1], rows_for(name, {}), "response")


def test_110_new_level_of_a_common_term():
    with pytest.raises(NewLevel):
        predict(case("weighted gaussian")[1], rows_for("weighted gaussian", {"f": ["lo", "x"]}))


def test_112_other_types_of_table_and_column():
    _, model, _ = case("trials")
    plain = posterior_linpred(model, TRIALS).values
    numbers = {"period": np.array([1, 2]), "herd": np.array([1.0, 2.0])}
    for new in (
        numbers,
        pd.DataFrame(numbers),
        pl.DataFrame(TRIALS),
        pl.DataFrame(TRIALS).lazy(),
        pd.DataFrame(TRIALS).astype({"period": "category"}),
        pd.DataFrame(TRIALS).assign(extra=[[1], [2]], more=pd.Timestamp(0)),
    ):
        assert np.array_equal(posterior_linpred(model, new).values, plain)


def test_115_trials_are_needed_for_outcomes_only():
    _, model, _ = case("trials")
    for missing in ("size", "incidence"):
        new = rows_for("trials", {missing: None})
        predict(model, new, "mean")
        with pytest.raises(NewDataError) as info:
            predict(model, new, "response")
        assert info.value.column == missing
        predict(model, new, "response", trials=[5, 6])
    for trials in (5, [5], [5, 6, 7], [5, -1], [5, 1.5], [5, np.nan]):
        with pytest.raises(NewDataError):
            predict(model, TRIALS, "response", trials=trials)
    named = predict(model, TRIALS | {"m": [0, 9]}, "response", trials="m")
    assert named["predictions"]["cbind(incidence, size - incidence)"].values[..., 0].max() == 0
    with pytest.raises(NewDataError, match="no trials"):
        predict(case("correlated slopes")[1], SLEEP, trials=[1, 1])


def test_115_trials_of_proportions():
    rng = np.random.default_rng(1)
    size = rng.integers(3, 9, 30)
    table = pd.DataFrame({"p": rng.binomial(size, 0.4) / size, "size": size})
    table["g"] = np.repeat(list("abcde"), 6)
    mild = {"prior_intercept": gl.normal(0, 0.5)}
    named = fake_fit(gl.GlmerBuilder("p ~ (1 | g)", table, "binomial", weights="size", **mild), 5)
    new = {"g": ["a", "b"], "size": [2, 0]}
    assert predict(named, new, "response")["predictions"]["p"].values[..., 1].max() == 0
    array = gl.GlmerBuilder("p ~ (1 | g)", table, "binomial", weights=size, **mild)
    with pytest.raises(NewDataError, match="trials="):
        predict(fake_fit(array, 5), new, "response")
    for given in ({"trials": [2, 0]}, {"weights": [2, 0]}):
        drawn = predict(array, new, "response", **given)["predictions"]["p"].values
        assert drawn[..., 1].max() == 0
        assert 0 < drawn[..., 0].max() <= 2


def test_115_an_array_as_offset_must_be_given_again():
    table = gl.load_data("sleepstudy")
    shift = np.arange(180.0)
    model = gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", table, offset=shift)
    fake_fit(model, draws=3)
    for new in (SLEEP, table, table.head(1)):
        with pytest.raises(NewDataError, match="offset="):
            predict(model, new)
    known = posterior_linpred(model).values
    assert np.allclose(posterior_linpred(model, table, offset=shift).values, known, rtol=1e-12)
    zero, some = (posterior_linpred(model, SLEEP, offset=o).values for o in ([0, 0], [0.0, 7.5]))
    assert np.allclose(some - zero, [0.0, 7.5], atol=1e-10)
    for wrong in (1.0, [1.0], [1.0, 2, 3], [1.0, np.nan], ["a", "b"]):
        with pytest.raises(NewDataError) as info:
            predict(model, SLEEP, offset=wrong)
        assert info.value.column == "offset"


def test_115_an_offset_by_its_name_comes_from_the_table():
    table = gl.load_data("sleepstudy").assign(shift=1.0)
    model = gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", table, offset="shift")
    fake_fit(model, draws=3)
    zero, some = (posterior_linpred(model, SLEEP | {"shift": s}) for s in ([0.0, 0], [0.0, 7.5]))
    assert np.allclose((some - zero).values, [0.0, 7.5], atol=1e-10)
    with pytest.raises(NewDataError, match="shift"):
        predict(model, SLEEP)
    with pytest.raises(NewDataError, match="without an array"):
        predict(model, SLEEP | {"shift": [0.0, 0]}, offset=[1.0, 1.0])


def test_115_precision_weights_are_needed_for_outcomes_only():
    _, model, table = case("weighted gaussian")
    new = rows_for("weighted gaussian", {"w": None})
    predict(model, new, "mean")
    with pytest.raises(NewDataError) as info:
        predict(model, new, "response")
    assert info.value.column == "w"
    predict(model, new, "response", weights=[1.0, 2.0])
    with pytest.raises(NewDataError, match="positive"):
        predict(model, new, "response", weights=[1.0, 0.0])
    array = gl.GlmerBuilder(
        "y ~ x + (1 | g)", table, weights=gl.precision_weights(table["w"].to_numpy())
    )
    with pytest.raises(NewDataError, match="weights="):
        predict(fake_fit(array, 3), WEIGHTED, "response")


def test_116_judged_rows_need_a_possible_outcome():
    _, model, _ = case("trials")
    design = judged_design(model.fitted_model, TRIALS)
    assert design.y.tolist() == [0, 1]
    assert design.trials.tolist() == [3, 4]
    with pytest.raises(NewDataError):
        judged_design(model.fitted_model, TRIALS | {"incidence": [0, 9]})
    with pytest.raises(NewDataError, match="incidence"):
        judged_design(model.fitted_model, rows_for("trials", {"incidence": None}))


def test_117_draws_of_no_model_or_of_another():
    _, model, table = case("correlated slopes")
    other = ModelBuilder()
    other.spec, other.design, other.frame = model.spec, model.design, model.frame
    with pytest.raises(NotFitted):
        predict(other, SLEEP)
    fewer = gl.GlmerBuilder(
        "Reaction ~ Days + (Days | Subject)", table, subset=np.arange(100), checks={}
    )
    fewer.idata = model.idata
    with pytest.raises(NotFitted, match="another model"):
        predict(fewer)
    other.idata = model.idata.copy()
    other.idata["posterior"] = other.idata["posterior"].to_dataset().drop_vars("sigma")
    with pytest.raises(NotFitted, match="'sigma'"):
        predict(other, SLEEP)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "prob"},
        {"new_levels": "maybe"},
        {"missing_groups": "drop"},
        {"draws": 0},
        {"draws": 25},
        {"draws": 2.5},
        {"draws": "all"},
        {"random_seed": -1},
        {"random_seed": "one"},
        {"groups": ["Days"]},
    ],
)
def test_arguments_that_mean_nothing(arguments):
    with pytest.raises(ArgumentError):
        predict(case("correlated slopes")[1], SLEEP, **arguments)


@pytest.mark.parametrize(
    ("argument", "fix"),
    [("re_form", "groups=None"), ("seed", "random_seed="), ("new_level", "'new_levels'")],
)
def test_arguments_that_predictions_do_not_have(argument, fix):
    for ask in (posterior_linpred, gl.GlmerBuilder.posterior_predict, predictions):
        with pytest.raises(ArgumentError, match=argument) as raised:
            ask(case("correlated slopes")[1], **{argument: None})
        assert fix in raised.value.fix


def test_outcomes_that_lack_their_trials():
    table = {name: TRIALS[name] for name in ("period", "herd", "size")}
    with pytest.raises(NewDataError, match="'incidence'") as raised:
        predict(case("trials")[1], table, "response")
    assert "trials=" in raised.value.fix
    assert predict(case("trials")[1], table, "response", trials="size")


@pytest.mark.parametrize("name", ["offset", "trials", "weights"])
def test_training_rows_have_their_own(name):
    with pytest.raises(ArgumentError, match=name):
        predict(case("correlated slopes")[1], **{name: np.ones(180)})


@pytest.mark.parametrize("prob", [0.0, 1.0, 95, "Subject"])
def test_probabilities_lie_between_0_and_1(prob):
    model = case("correlated slopes")[1]
    for ask in (model.fixef, model.ranef, model.summary, model.posterior_interval):
        with pytest.raises(ArgumentError, match="between 0 and 1"):
            ask(prob=prob)


def test_what_is_not_a_table():
    with pytest.raises(NewDataError, match="not a table"):
        predict(case("correlated slopes")[1], 3.0)
