"""Small models of several families, with fake posteriors, for the tests of model checking."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from fake_fit import fake_fit

import glimmer as gl


@cache
def data() -> pd.DataFrame:
    """60 rows in 6 groups."""
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=60), np.repeat(list("abcdef"), 10)
    eta = 1 + 0.5 * x + np.repeat(rng.normal(0, 0.3, 6), 10)
    trials = rng.integers(5, 12, 60)
    return pd.DataFrame(
        {
            "x": x,
            "g": g,
            "real": eta + rng.normal(size=60),
            "count": rng.poisson(np.exp(eta)),
            "binary": rng.binomial(1, 1 / (1 + np.exp(-eta))),
            "hits": rng.binomial(trials, 1 / (1 + np.exp(-eta))),
            "trials": trials,
            "share": np.clip(rng.beta(2, 3, 60), 0.01, 0.99),
            "positive": rng.gamma(2, np.exp(eta) / 2),
            "w": rng.uniform(0.5, 2, 60),
        }
    )


OUTCOMES = {
    "gaussian": "real",
    "lognormal": "positive",
    "bernoulli": "binary",
    "binomial": "cbind(hits, trials - hits)",
    "poisson": "count",
    "neg_binomial_2": "count",
    "Gamma": "positive",
    "inverse_gaussian": "positive",
    "beta": "share",
}


@cache
def fitted(family: str, **arguments: Any) -> gl.GlmerBuilder:
    """A model whose "posterior" is a narrow prior near the truth."""
    if family in ("Gamma", "inverse_gaussian"):
        arguments["link"] = "log"
    aux = {"prior_aux": gl.gamma(50, 50)} if gl_family(family).aux else {}
    model = gl.GlmerBuilder(
        f"{OUTCOMES[family]} ~ x + (1 | g)",
        data(),
        family,
        prior=gl.normal(0.5, 0.1),
        prior_intercept=gl.normal(1.0, 0.1),
        prior_covariance=gl.exponential(10),
        **aux,
        **arguments,
    )
    return fake_fit(model, draws=100)


def gl_family(name: str) -> Any:
    from glimmer.families import get_family

    return get_family(name)
