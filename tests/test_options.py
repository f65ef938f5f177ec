"""What a builder is told reaches the model by name, and the same for every builder."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature

import pytest

import glimmer as gl
from glimmer.errors import PriorError
from glimmer.model.options import CurveOptions, Options

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
