"""What builders and fits are told reaches its place by name, or is refused."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from inspect import signature

import pytest

import glimmer as gl
from glimmer.builders.base import FIT
from glimmer.builders.spelling import SIMILAR
from glimmer.errors import ArgumentError, PriorError, SamplingError
from glimmer.learn.options import CurveOptions, Options

SLEEP = gl.load_data("sleepstudy")
FORMULA = "Reaction ~ Days + (1 | Subject)"
ORANGE = gl.load_data("Orange")
CURVE = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"


def names(kind: type) -> set[str]:
    return {option.name for option in fields(kind)}


def test_every_argument_is_an_option() -> None:
    glmer, nlmer = (
        set(signature(b.__init__).parameters) for b in (gl.GlmerBuilder, gl.NlmerBuilder)
    )
    assert glmer == names(Options) | {"self", "formula", "data", "family", "link"}
    assert nlmer - names(Options) == names(CurveOptions) | {"self", "formula", "data", "family"}


def test_defaults_of_builders_and_options_agree() -> None:
    for builder, kind in ((gl.GlmerBuilder, Options), (gl.NlmerBuilder, CurveOptions)):
        arguments = signature(builder.__init__).parameters
        for option in fields(kind):
            assert arguments[option.name].default == option.default, option.name


def test_no_prior_of_groups_is_refused_for_curves_too() -> None:
    with pytest.raises(PriorError, match="cannot be None"):
        gl.NlmerBuilder(CURVE, ORANGE, prior_covariance=None)


def test_groups_that_a_dict_leaves_out_have_the_default() -> None:
    by_default = gl.NlmerBuilder(CURVE, ORANGE)
    by_dict = by_default.update(prior_covariance={})
    assert str(by_dict.spec.priors.covariance) == str(by_default.spec.priors.covariance)
    two = gl.GlmerBuilder(
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        gl.load_data("Penicillin"),
        prior_covariance={"plate": gl.lkj()},
    )
    assert {name: type(p).__name__ for name, p in two.spec.priors.covariance.items()} == {
        "plate": "LKJ",
        "sample": "Decov",
    }


WRONG = {
    "another package's name": ({"n_chains": 4}, ArgumentError, "use chains="),
    "a misspelt name": ({"chain": 4}, ArgumentError, "use chains="),
    "a fraction of a draw": ({"draws": 100.5}, SamplingError, None),
    "text as a number": ({"draws": "100"}, SamplingError, None),
    "a negative number": ({"tune": -1}, SamplingError, None),
    "no core": ({"cores": 0}, SamplingError, None),
    "text as a seed": ({"random_seed": "a"}, SamplingError, None),
    "no number": ({"draws": None}, SamplingError, None),
    "a number as a model": ({"model": 1000}, ArgumentError, "draws="),
}


@pytest.mark.parametrize("case", WRONG)
def test_arguments_of_a_fit_are_checked_before_it_starts(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glimmer.sampling.fit.fit", None)
    arguments, error, fix = WRONG[case]
    with pytest.raises(error) as raised:
        gl.GlmerBuilder(FORMULA, SLEEP).fit(**arguments)
    assert fix is None or fix in raised.value.fix


def test_verbs_know_the_arguments_of_builder_and_fit() -> None:
    for arguments, fix in (({"prior_intercpt": None}, "prior_intercept="), ({"iter": 9}, "draws=")):
        with pytest.raises(ArgumentError) as raised:
            gl.lmer(FORMULA, SLEEP, **arguments)
        assert fix in raised.value.fix
    assert not get_close_matches("progressbar_theme", FIT, cutoff=SIMILAR)  # PyMC's own


def test_arguments_that_the_sampler_does_not_know_are_named() -> None:
    with pytest.raises(SamplingError, match="no argument 'families'"):
        gl.lmer(FORMULA, SLEEP, families="x", draws=5, tune=5, chains=1, progressbar=False)
