"""Group-specific effects that a fit leaves out, and drawing them afterwards."""

import numpy as np
import pytest

import glimmer as gl
from glimmer.errors import ArgumentError, NotFitted
from glimmer.results.posterior.effects_on_demand import left_out

FORMULA = "Reaction ~ Days + (Days | Subject)"
QUICK = {"draws": 50, "tune": 100, "chains": 2, "random_seed": 1, "progressbar": False}
EFFECTS = ("1|Subject", "Days|Subject")


def fitted(**arguments):
    model = gl.GlmerBuilder(FORMULA, gl.load_data("sleepstudy"))
    model.fit(**QUICK, **arguments)
    return model


@pytest.fixture(scope="module")
def whole():
    return fitted()


@pytest.fixture(scope="module")
def bare():
    return fitted(store_effects=False)


def test_which_effects_are_left_out(whole):
    assert left_out(whole.spec, True) == ()
    assert left_out(whole.spec, False) == EFFECTS
    assert left_out(whole.spec, ["Days|Subject"]) == EFFECTS[:1]
    assert left_out(whole.spec, ["Subject"]) == ()
    assert left_out(whole.spec, []) == EFFECTS
    with pytest.raises(ArgumentError, match="Subjekt"):
        left_out(whole.spec, ["Subjekt"])


def test_everything_else_is_the_same(whole, bare):
    ours, theirs = bare.idata["posterior"], whole.idata["posterior"]
    assert set(theirs.data_vars) - set(ours.data_vars) == set(EFFECTS)
    for name in ours.data_vars:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_effects_drawn_later_are_those_that_would_have_been_stored(whole, bare):
    drawn = bare.draw_effects()
    for name in EFFECTS:
        stored = whole.idata["posterior"][name]
        assert drawn[name].dims == stored.dims
        np.testing.assert_array_equal(drawn[name], stored)
    some = bare.draw_effects(["Days|Subject"], levels={"Subject": ["372", "308"]})
    assert set(some.data_vars) == {"Days|Subject"}
    theirs = whole.idata["posterior"]["Days|Subject"].sel(Subject__factor_dim=["372", "308"])
    np.testing.assert_array_equal(some["Days|Subject"], theirs)


def test_what_needs_the_effects_says_so(bare):
    asks = (bare.ranef, bare.coef, bare.predict, bare.log_lik, bare.loo, bare.residuals)
    for ask in (*asks, bare.pp_check, bare.bayes_R2, lambda: bare.loo_subsample(20)):
        with pytest.raises(NotFitted, match=r"did not store.*Subject") as raised:
            ask()
        assert "draw_effects(keep=True)" in raised.value.fix


def test_predictions_without_effects_need_none(whole, bare):
    ours, theirs = (m.posterior_epred(groups=None) for m in (bare, whole))
    np.testing.assert_array_equal(ours, theirs)


def test_effects_can_be_kept(whole):
    model = fitted(store_effects=["1|Subject"])
    model.draw_effects(keep=True)
    np.testing.assert_array_equal(model.posterior_epred(), whole.posterior_epred())
    assert model.ranef()["Subject"].equals(whole.ranef()["Subject"])


def test_effects_cannot_be_drawn_from_thinned_draws(bare):
    thin = fitted(store_effects=False)
    thin.idata["posterior"] = thin.idata["posterior"].to_dataset().isel(draw=slice(0, 10))
    with pytest.raises(NotFitted, match="thinned"):
        thin.draw_effects()
    with pytest.raises(ArgumentError, match="no level"):
        bare.draw_effects(levels={"Subject": ["1"]})
    with pytest.raises(ArgumentError, match="Unknown grouping factor"):
        bare.draw_effects(levels={"subject": ["308"]})


def test_in_other_coordinates_they_are_gone():
    model = fitted(store_effects=False, coordinates="whitened")
    assert not set(EFFECTS) & set(model.idata["posterior"].data_vars)
    with pytest.raises(NotFitted, match="cannot be drawn"):
        model.draw_effects()
    with pytest.raises(NotFitted) as raised:
        model.ranef()
    assert raised.value.fix == "fit with store_effects=True"
