"""Tables of estimates for models that lack what others have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fake_fit import fake_fit

import glimmer as gl
from glimmer.errors import DesignError
from glimmer.results.posterior.printing import _estimates

COLUMNS = ["Median", "MAD_SD", "5%", "95%"]
RNG = np.random.default_rng(1)
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=30),
        "k": RNG.poisson(3, 30),
        "x": RNG.normal(size=30),
        "g": list("abcdef") * 5,
    }
)


def test_no_groups_and_no_residual_sd() -> None:
    model = fake_fit(gl.GlmerBuilder("k ~ x", DATA, family="poisson"))
    assert model.VarCorr().shape == (0, 4)
    assert list(model.VarCorr()) == COLUMNS
    assert model.ranef() == model.coef() == model.ngrps() == {}
    with pytest.raises(DesignError, match="no residual sd"):
        model.sigma()


def test_no_common_effects() -> None:
    model = fake_fit(gl.GlmerBuilder("y ~ 0 + (1 | g)", DATA))
    assert model.fixef().shape == (0, 4)
    assert list(model.fixef()) == COLUMNS
    assert list(model.coef()["g"].index) == [("Intercept", level) for level in "abcdef"]
    assert str(model).count("Median MAD_SD") == 1  # of sigma


def test_printed_estimates_have_two_digits_of_their_spread_under_one_decimal_point():
    draws = {"large": np.array([250.0, 252.0, 254.0]), "small": np.array([0.01, 0.013, 0.016])}
    assert _estimates(draws, 1) == [
        "        Median MAD_SD",
        "large 252.0    3.0",
        "small   0.0130 0.0044",
    ]
