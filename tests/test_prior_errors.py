"""What is no prior, or does not fit its place, is refused before anything is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest

import glimmer as gl
from glimmer.errors import PriorError
from glimmer.priors import as_prior

RNG = np.random.default_rng(2)
DATA = {
    "y": RNG.normal(size=24),
    "count": RNG.poisson(3, 24),
    "x": RNG.normal(size=24),
    "z": RNG.normal(size=24),
    "g": np.resize(list("abcdef"), 24),
}

BAD_ARGUMENTS: dict[str, tuple[Any, str]] = {
    "unknown argument": (lambda: gl.normal(mean=0), "did you mean 'location'"),
    "another package's argument": (lambda: gl.student_t(3, sd=1), "did you mean 'scale'"),
    "zero scale": (lambda: gl.normal(0, 0), "positive"),
    "negative scale": (lambda: gl.cauchy(0, -1), "positive"),
    "NaN": (lambda: gl.laplace(float("nan"), 1), "finite"),
    "infinite scale": (lambda: gl.normal(0, np.inf), "finite"),
    "one bad scale of two": (lambda: gl.normal(0, [1, -1]), "positive"),
    "a word": (lambda: gl.normal("a"), "number"),
    "a matrix": (lambda: gl.normal(np.eye(2)), "vector"),
    "df": (lambda: gl.student_t(df=0), "positive"),
    "rate": (lambda: gl.exponential(-1), "positive"),
    "half a df": (lambda: gl.product_normal(df=1.5), "whole number"),
    "slab": (lambda: gl.hs(slab_scale=-1), "positive"),
    "shape": (lambda: gl.decov(shape=0), "positive"),
    "vector shape": (lambda: gl.decov(shape=[1, 2]), "one number"),
    "concentration": (lambda: gl.decov(concentration=[1, -1]), "positive"),
    "regularization": (lambda: gl.lkj(0), "positive"),
    "flat sd": (lambda: gl.lkj(sd=gl.flat()), "improper"),
    "PyMC's flat sd": (lambda: gl.lkj(sd=pm.HalfFlat.dist()), "improper"),
    "real sd": (lambda: gl.lkj(sd=pm.Normal.dist(0.0, 1.0)), "negative values"),
    "negative sd": (lambda: gl.lkj(sd=pm.Uniform.dist(-2.0, -1.0)), "negative values"),
    "joint sd": (lambda: gl.lkj(sd=gl.hs()), "vector of coefficients"),
    "unknown distribution": (lambda: gl.prior("Norml", mu=0), "did you mean 'Normal'"),
    "unknown argument by name": (lambda: gl.prior("Normal", mean=50, sd=9), "no argument 'mean'"),
    "impossible by name": (lambda: gl.prior("Normal", mu=0, sigma=-1), "sigma > 0"),
    "infinite by name": (lambda: gl.prior("Normal", mu=0, sigma=np.inf), "finite"),
    "NaN by name": (lambda: gl.prior("Normal", mu=np.nan, sigma=1), "finite"),
    "a word by name": (lambda: gl.prior("Normal", mu="a"), "Normal"),
    "missing by name": (lambda: gl.prior("Gamma", alpha=1), "Gamma"),
    "discrete": (lambda: gl.prior("Poisson", mu=1), "discrete"),
    "impossible": (lambda: as_prior(pm.Normal.dist(0, -1)), "sigma > 0"),
    "discrete variable": (lambda: as_prior(pm.Poisson.dist(1)), "discrete"),
    "random hyperparameter": (
        lambda: as_prior(pm.Normal.dist(0, pm.HalfNormal.dist(1))),
        "not random variables",
    ),
    "no distribution": (lambda: as_prior(pm.math.exp(pm.Normal.dist(0, 1))), "not a distribution"),
    "a matrix of variables": (
        lambda: as_prior(pm.Normal.dist(np.eye(2), 1)),
        "for a number or for a vector",
    ),
    "a number": (lambda: as_prior(5), "gl.normal"),
    "a covariance prior": (lambda: as_prior(gl.decov()), "prior_covariance"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_impossible_priors(name: str) -> None:
    make, message = BAD_ARGUMENTS[name]
    with pytest.raises(PriorError) as caught:
        make()
    assert message in str(caught.value)


MISFITS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown term": ("y ~ x", {"prior": {"xx": gl.normal()}}, "did you mean 'x'"),
    "the intercept by name": ("y ~ x", {"prior": {"Intercept": gl.normal()}}, "prior_intercept="),
    "sigma by name": ("y ~ x", {"prior": {"sigma": gl.exponential()}}, "prior_aux="),
    "effects by name": ("y ~ x + (1 | g)", {"prior": {"1|g": gl.normal()}}, "prior_covariance="),
    "unknown parameter": ("y ~ x", {"prior_aux": {"sigm": gl.exponential()}}, "'sigma'"),
    "unknown factor": ("y ~ (1 | g)", {"prior_covariance": {"h": gl.decov()}}, "'h'"),
    "two values for one": ("y ~ x", {"prior": gl.normal([0, 1])}, "2 values"),
    "two lengths": ("y ~ x + z", {"prior": gl.normal([0, 1], [1, 2, 3])}, "lengths"),
    "two variables for one": ("y ~ x", {"prior": pm.Normal.dist([0.0, 1.0])}, "2 values"),
    "two for a term": ("y ~ x + z", {"prior": {"x": gl.normal([0, 1])}}, "2 values"),
    "three dimensions for two": (
        "y ~ x + z",
        {"prior": pm.MvNormal.dist(np.zeros(3), np.eye(3))},
        "3 values",
    ),
    "vector for the intercept": ("y ~ 1", {"prior_intercept": gl.normal([0, 1])}, "intercept"),
    "vector for sigma": ("y ~ 1", {"prior_aux": gl.exponential([1, 2])}, "sigma"),
    "joint for the intercept": ("y ~ 1", {"prior_intercept": gl.hs()}, "vector"),
    "joint for sigma": ("y ~ 1", {"prior_aux": gl.lasso()}, "vector"),
    "real for sigma": ("y ~ 1", {"prior_aux": pm.Normal.dist(0.0, 1.0)}, "negative"),
    "names with QR": ("y ~ x + z", {"prior": {"x": gl.normal()}, "QR": True}, "QR"),
    "concentrations": (
        "y ~ (x | g)",
        {"prior_covariance": gl.decov(concentration=[1, 2, 3])},
        "3 values",
    ),
    "sds": ("y ~ (x | g)", {"prior_covariance": gl.lkj(scale=[1, 2, 3])}, "3 values"),
    "flat for the group": ("y ~ (1 | g)", {"prior_covariance": gl.flat()}, "improper"),
    "None for the group": ("y ~ (1 | g)", {"prior_covariance": None}, "None"),
    "covariance for coefficients": ("y ~ x", {"prior": gl.lkj()}, "prior_covariance"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_priors_that_do_not_fit_the_model(name: str) -> None:
    formula, arguments, message = MISFITS[name]
    with pytest.raises(PriorError) as caught:
        gl.GlmerBuilder(formula, DATA, **arguments)
    assert message in str(caught.value)


def test_a_prior_that_cannot_be_cut_off_where_the_domain_begins() -> None:
    doubly = pm.Truncated.dist(pm.Laplace.dist(1.0, 1.0), lower=0.0)
    with pytest.raises(PriorError, match="cannot be truncated at 1"):
        gl.GlmerBuilder("y ~ x", DATA, "student_t", prior_aux={"nu": doubly})


def test_no_auxiliary_parameter() -> None:
    with pytest.raises(PriorError, match="no auxiliary parameter"):
        gl.GlmerBuilder("count ~ x", DATA, "poisson", prior_aux=gl.exponential())
