"""Names that PyMC would refuse still make models."""

import numpy as np

import glimmer as gl
from glimmer.interpreter.modes import PLAIN

DATA = {
    "y/z": np.random.default_rng(1).normal(size=40),
    "x": np.arange(1.0, 41),
    "a/b": np.tile(["u", "v", "w", "../t"], 10),
}


def test_slashes_in_terms_columns_and_groups():
    model = gl.GlmerBuilder(
        "`y/z` ~ I(1 / x) + (1 | `a/b`)",
        DATA,
        prior={"I(1 / x)": gl.normal(0, 3)},
        checks={"few_levels": "ignore"},
    )
    built = model.build()
    assert np.isfinite(built.compile_logp(mode=PLAIN)(built.initial_point()))
    assert {"I(1 \N{DIVISION SLASH} x)", "1|a\N{DIVISION SLASH}b"} <= set(built.named_vars)
    assert model.spec.priors.predictors["mu"].common[0].prior.scale == 3
    assert list(built.coords["a\N{DIVISION SLASH}b__factor_dim"]) == ["../t", "u", "v", "w"]


def test_names_of_the_models_own_variables_are_free_to_use():
    data = {"common": DATA["y/z"], "beta_z": DATA["x"], "x": DATA["x"] ** 2, "g": DATA["a/b"]}
    model = gl.GlmerBuilder(
        "common ~ beta_z + x + (1 | g)",
        data,
        prior=gl.hs(),
        weights=np.full(40, 2.0),
        checks={"few_levels": "ignore"},
    )
    built = model.build()
    assert np.isfinite(built.compile_logp(mode=PLAIN)(built.initial_point()))
    assert {"beta_z", "x"} <= set(built.named_vars)
