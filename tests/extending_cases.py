"""Models that use the extensions of docs/extending, and the mean of each written out in numpy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from agreement import seed
from extensions import MODULES
from fake_fit import fake_fit
from predict_cases import scalar
from scipy.special import expit

import glimmer as gl
from glimmer.data import Frame

TIMES, RHO, SD = 60, 0.7, 1.0
LEVELS = ("never", "some", "often", "always")
PERIOD, TRIALS = 10.0, 12
Draws = Any


def simulated() -> pd.DataFrame:
    """Twelve groups at sixty times, and an outcome for each story."""
    rng = np.random.default_rng(11)
    n, code = 2 * TIMES, np.resize(np.arange(12), 2 * TIMES)
    t, x, level = np.tile(np.arange(TIMES), 2), rng.uniform(0.5, 9.5, n), rng.integers(0, 4, n)
    u = 0.4 * rng.normal(size=12)[code]
    a = [SD * rng.normal()]
    for _ in range(TIMES - 1):
        a.append(RHO * a[-1] + SD * np.sqrt(1 - RHO**2) * rng.normal())
    successes = rng.binomial(TRIALS, rng.beta(4 * expit(u), 4 * expit(-u)))
    present = rng.uniform(size=n) > 0.3
    return pd.DataFrame(
        {
            "g": np.array(list("abcdefghijkl"))[code],
            "t": t,
            "x": x,
            "often": pd.Categorical(np.array(LEVELS)[level], LEVELS, ordered=True),
            "rated": 1 + 0.5 * x + np.array([0, 0.2, 1.5, 2])[level] + u + rng.normal(size=n),
            "series": 2 + np.array(a)[t] + u + 0.4 * rng.normal(size=n),
            "cycle": np.sin(2 * np.pi * x / PERIOD) + u + 0.3 * rng.normal(size=n),
            "count": rng.poisson(np.exp(0.6 + 0.1 * x + u)) * present,
            "hits": successes,
            "misses": TRIALS - successes,
            "eaten": 10 * np.exp(u / 4) * x**2 / (9 + x**2) + 0.3 * rng.normal(size=n),
        }
    )


DATA = simulated()


@dataclass(frozen=True)
class Story:
    """A model that uses an extension.

    Attributes
    ----------
    build : callable
    coordinates : str
        Those that it is sampled in.
    mean : callable
        The expected outcome from draws, a table and the effects of its groups, (chain, draw, n).
    effect : str
        The name of those effects.
    """

    build: Callable[[], Any]
    coordinates: str
    mean: Callable[[Draws, pd.DataFrame, Any], Any]
    effect: str = "1|g"


def _glmer(formula: str, family: str = "gaussian") -> Callable[[], Any]:
    return partial(gl.GlmerBuilder, formula, DATA, family)


def _mo(d: Draws, t: pd.DataFrame, u: Any) -> Any:
    steps = np.cumsum(d["mo(often)_simplex"].values, axis=2)
    height = np.concatenate([np.zeros((*steps.shape[:2], 1)), 3 * steps], axis=2)
    place = [LEVELS.index(level) for level in t["often"]]
    line = scalar(d, "Intercept") + scalar(d, "x") * t["x"].values
    return line + scalar(d, "mo(often)") * height[..., place] + u


def _ar(d: Draws, t: pd.DataFrame, u: Any) -> Any:
    return scalar(d, "Intercept") + d["ar(t)"].values[..., t["t"].values] + u


def _fourier(d: Draws, t: pd.DataFrame, u: Any) -> Any:
    """The waves are independent: what the coefficients are multiplied by is the same in all."""
    columns = model("fourier").spec.smooths[0].smooths[0].blocks[0].columns
    basis = MODULES["fourier"].Fourier(3, PERIOD)
    f = d["s(x)"].values @ columns(basis.design([Frame(t)["x"]])).T
    return scalar(d, "Intercept") + f + u


def _zip(d: Draws, t: pd.DataFrame, u: Any) -> Any:
    line = scalar(d, "Intercept") + scalar(d, "x") * t["x"].values
    return (1 - scalar(d, "zi")) * np.exp(line + u)


def _beta_binomial(d: Draws, t: pd.DataFrame, u: Any) -> Any:
    return expit(scalar(d, "Intercept") + scalar(d, "x") * t["x"].values + u)


def _holling(d: Draws, t: pd.DataFrame, u: Any) -> Any:
    half, square = np.exp(scalar(d, "half_link")), t["x"].values ** 2
    return (scalar(d, "top") + u) * square / (half**2 + square)


STORIES = {
    "monotonic": Story(_glmer("rated ~ x + mo(often) + (1 | g)"), "integrated", _mo),
    "autoregressive": Story(_glmer("series ~ 1 + ar(t) + (1 | g)"), "integrated", _ar),
    "fourier": Story(
        partial(
            gl.Gamm4Builder,
            "cycle ~ s(x, bs='fourier', k=6) + (1 | g)",
            DATA,
            knots={"x": [0.0, PERIOD]},
        ),
        "integrated",
        _fourier,
    ),
    "zero_inflated_poisson": Story(
        _glmer("count ~ x + (1 | g)", "zero_inflated_poisson"), "whitened", _zip
    ),
    "beta_binomial": Story(
        _glmer("cbind(hits, misses) ~ x + (1 | g)", "beta_binomial"), "whitened", _beta_binomial
    ),
    "holling": Story(
        partial(gl.NlmerBuilder, "eaten ~ holling(x, top, half) ~ top | g", DATA),
        "whitened",
        _holling,
        "top|g",
    ),
}


@cache
def model(name: str, sampled: bool = False) -> Any:
    """A story's model with draws from its prior, or from its posterior."""
    built = STORIES[name].build()
    if not sampled:
        return fake_fit(built, draws=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few draws
        built.fit(draws=500, tune=500, chains=4, random_seed=seed(4), progressbar=False)
    return built


def new_rows() -> pd.DataFrame:
    """Two groups that the training rows have, and two, one of them twice, that they do not."""
    return DATA.iloc[[3, 40, 7, 80, 9]].assign(g=["a", "new", "b", "new", "newer"])
