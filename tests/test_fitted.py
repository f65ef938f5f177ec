"""A fit as a value, the methods that hand it over, and how a model is sampled by default."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pytest
from fake_fit import fake_fit
from gaussian_fit import sleepstudy
from methods import loo

import glimmer as gl
from glimmer.errors import NotFitted
from glimmer.fitted import Fitted, Model, Settings, fit_of
from glimmer.learn.options import CurveOptions, Options
from glimmer.sampling.policy import adapted, target_acceptance, worth_judging

FORMULA = "Reaction ~ Days + (1 | Subject)"
SLEEP = gl.load_data("sleepstudy")
RNG = np.random.default_rng(2)
TABLE = {name: RNG.normal(size=40) for name in ("y", "x", "z")}
ORANGE = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"


@pytest.fixture(scope="module")
def model():
    return fake_fit(gl.GlmerBuilder(FORMULA, SLEEP))


def test_a_fit_holds_what_its_builder_holds(model):
    fit = model.fitted_model
    assert isinstance(fit, Fitted) and fit_of(model).draws is model.idata and fit_of(fit) is fit
    assert (fit.spec, fit.design, fit.frame, fit.verb) == (
        model.spec,
        model.design,
        model.frame,
        "glmer",
    )
    with pytest.raises(FrozenInstanceError):
        fit.verb = "other"
    some = fit.model.on_rows(np.arange(180) < 30)
    assert type(some) is Model and (some.design.n, len(some.frame), fit.design.n) == (30, 30, 180)


def test_methods_are_there_before_the_fit():
    model = gl.GlmerBuilder(FORMULA, SLEEP)
    assert hasattr(model, "predict") and "fit" not in signature(model.loo).parameters
    assert model.nobs() == 180 and model.ngrps() == {"Subject": 18}
    assert "Not fitted" in str(model) and "normal" in str(model.prior_summary())
    for method in (model.predict, model.loo, model.fixef, model.verdict):
        with pytest.raises(NotFitted, match="has not been fitted"):
            method()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_builders_and_fits_are_compared_alike():
    one, other = sleepstudy(200, seed=1), sleepstudy(200, seed=2)
    builders = gl.loo_compare(a=one, b=other)
    assert builders.equals(gl.loo_compare(a=one.fitted_model, b=other.fitted_model))
    assert builders.equals(gl.loo_compare(a=loo(one), b=loo(other)))
    with pytest.raises(NotFitted):
        gl.loo_compare(a=one, b=gl.GlmerBuilder(FORMULA, SLEEP))


@pytest.mark.parametrize(
    ("builder", "formula", "arguments", "target"),
    [
        (gl.GlmerBuilder, "y ~ x + z", {}, 0.8),
        (gl.GlmerBuilder, "y ~ s(x)", {}, 0.8),
        (gl.GlmerBuilder, "y ~ te(x, z, k=3)", {}, 0.9),
        (gl.GlmerBuilder, "y ~ x + z", {"prior": gl.hs()}, 0.99),
        (gl.NlmerBuilder, ORANGE, {}, 0.95),
    ],
)
def test_the_target_acceptance_rate(builder, formula, arguments, target):
    data = gl.load_data("Orange") if builder is gl.NlmerBuilder else TABLE
    assert target_acceptance(builder(formula, data, **arguments).spec) == target


def test_correlated_coordinates_are_adapted_to():
    spec = gl.GlmerBuilder("y ~ x", TABLE).spec
    curve = gl.NlmerBuilder(ORANGE, gl.load_data("Orange")).spec
    correlated, apart = (SimpleNamespace(correlated=found) for found in (True, False))
    low_rank = {"adaptation": "low_rank"}
    assert adapted(Settings(), spec, correlated).extra == low_rank
    assert adapted(Settings(), spec, apart).extra == adapted(Settings(), spec, None).extra == {}
    assert adapted(Settings(), curve, None).extra == low_rank
    assert adapted(Settings(sampler="pymc"), curve, correlated).extra == {}
    own = Settings(extra={"adaptation": "diag"})
    assert adapted(own, spec, correlated).extra == {"adaptation": "diag"}


def test_few_draws_are_not_judged():
    assert worth_judging(Settings(draws=100)) and not worth_judging(Settings(draws=99))
    assert not worth_judging(Settings(algorithm="meanfield"))


@pytest.mark.parametrize("builder", [gl.GlmerBuilder, gl.NlmerBuilder])
def test_every_argument_reaches_the_options(builder, monkeypatch):
    """No argument of a builder is dropped, or given under another's name."""
    seen = {}

    def learned(formula, frame, family, *options):
        for one in options:
            seen.update(vars(getattr(one, "options", one)))
        return None, None, None

    monkeypatch.setattr("glimmer.learn.model.learn_model", learned)
    monkeypatch.setattr("glimmer.learn.learn_model", learned)
    known = {field.name for kind in (Options, CurveOptions) for field in fields(kind)}
    names = known & set(signature(builder).parameters)
    if builder is gl.GlmerBuilder:
        names -= {"link"}  # the family's
    values = {name: object() for name in names}
    values |= {"priors": "default"} if "priors" in names else {}  # checked at the door
    builder("y ~ x", TABLE, **values)
    assert {name: seen[name] for name in names} == values and len(names) > 15
