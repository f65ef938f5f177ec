"""`update` makes a new model of the same arguments but for some; the prior predicts."""

import numpy as np
import pytest
from agreement import sds_are, seed

import glimmer as gl
from glimmer.errors import ArgumentError, PriorError

SLEEP = gl.load_data("sleepstudy")


@pytest.fixture(scope="module")
def model():
    return gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", SLEEP, prior=gl.normal(0, 7))


@pytest.mark.parametrize(
    ("formula", "full"),
    [
        (". ~ . - Days", "Reaction ~ (Days + (1 | Subject)) - Days"),
        ("log(.) ~ .", "log(Reaction) ~ (Days + (1 | Subject))"),
        ("Reaction ~ 1 + (1 | Subject)", "Reaction ~ 1 + (1 | Subject)"),
    ],
)
def test_dots_stand_for_what_was_there(model, formula, full):
    assert model.update(formula).spec.formula == full


def test_other_arguments_stay_or_change(model):
    same = model.update(". ~ .")
    assert same.spec.priors.predictors["mu"].common[0].prior.scale == 7
    changed = model.update(data=SLEEP[SLEEP["Days"] < 5], prior=gl.normal(0, 3), family="student_t")
    assert changed.nobs() == 90
    assert changed.spec.priors.predictors["mu"].common[0].prior.scale == 3
    assert changed.spec.family.name == "student_t"
    assert model.nobs() == 180


def test_additive_and_nonlinear_models_too():
    smooth = gl.Gamm4Builder("Reaction ~ s(Days, k=5)", SLEEP, "~ (1 | Subject)")
    assert smooth.update(select=True).spec.groups[0].factor_name == "Subject"
    orange = gl.load_data("Orange")
    curve = gl.NlmerBuilder("circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree", orange)
    assert curve.update(residual="proportional").nobs() == 35


def test_unknown_arguments_are_named(model):
    with pytest.raises(ArgumentError, match="prior_aux"):
        model.update(prior_auxx=gl.exponential(1))


def test_the_prior_predicts(model):
    drawn = model.prior_predictive(2000, random_seed=seed(1))
    y = drawn["prior_predictive"]["Reaction"]
    assert y.dims == ("chain", "draw", "obs_id")
    assert sds_are(drawn["prior"]["Days"].std(ddof=1), 7, 2000)
    again = model.prior_predictive(2000, random_seed=seed(1))["prior_predictive"]["Reaction"]
    np.testing.assert_array_equal(y, again)


def test_a_flat_prior_predicts_nothing(model):
    flat = model.update(prior=gl.flat(), checks={"flat_prior": "ignore"})
    with pytest.raises(PriorError, match="Days is flat"):
        flat.prior_predictive(10)
