"""Names that PyMC would refuse still make models."""

import numpy as np

import glimmer as gl
from glimmer.model.replay import PLAIN

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
    assert model.spec.priors.common[0].prior.scale == 3
    assert list(built.coords["a\N{DIVISION SLASH}b__factor_dim"]) == ["../t", "u", "v", "w"]
