"""A small table, models of it, and comparisons of their log densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from natural import Values, log_densities

import glimmer as gl

N, LEVELS = 40, 5
RNG = np.random.default_rng(20)
X, Z, W = RNG.normal(1.0, [[2.0], [0.5], [1.0]], size=(3, N))
G = np.resize(np.arange(LEVELS), N)
H = np.repeat(np.arange(4), N // 4)
TRIALS = RNG.integers(5, 12, N)
OUTCOMES: dict[str, np.ndarray] = {
    "gaussian": RNG.normal(2.0, 3.0, N),
    "student_t": RNG.normal(2.0, 3.0, N),
    "lognormal": RNG.lognormal(0.5, 0.7, N),
    "bernoulli": RNG.integers(0, 2, N),
    "binomial": RNG.binomial(TRIALS, 0.4),
    "poisson": RNG.poisson(4.0, N),
    "neg_binomial_2": RNG.poisson(4.0, N),
    "Gamma": RNG.gamma(3.0, 1.0, N),
    "inverse_gaussian": RNG.gamma(3.0, 1.0, N),
    "beta": RNG.beta(2.0, 3.0, N),
}
SIGMA_SCALED = ("gaussian", "student_t", "lognormal")
SD_X = np.array([X.std(ddof=1), Z.std(ddof=1), W.std(ddof=1)])


def table(family: str = "gaussian", **columns: Any) -> dict[str, Any]:
    labels = np.array(list("abcde"))
    data = {"y": OUTCOMES[family], "x": X, "z": Z, "w": W, "n": TRIALS, "rest": TRIALS}
    if family == "binomial":
        data["rest"] = TRIALS - data["y"]
    return {**data, "g": labels[G], "h": labels[H], "f": labels[H], **columns}


def build(formula: str, family: str = "gaussian", **arguments: Any) -> pm.Model:
    data = arguments.pop("data", table(family))
    checks = {"few_levels": "ignore", **arguments.pop("checks", {})}
    return gl.GlmerBuilder(formula, data, family, checks=checks, **arguments).build()


def assert_densities(model: pm.Model, point: Values, expected: dict[str, Any]) -> None:
    """Compare every variable's log density; ``expected`` holds arrays to be summed."""
    found = log_densities(model)(point)
    sums = {name: float(np.sum(value)) for name, value in expected.items()}
    assert found == pytest.approx(sums, rel=1e-9, abs=1e-7)


def assert_terms(model: pm.Model, point: Values, expected: dict[str, Any]) -> None:
    """Compare the log densities of some of the variables."""
    found = log_densities(model)(point)
    sums = {name: float(np.sum(value)) for name, value in expected.items()}
    assert {name: found[name] for name in sums} == pytest.approx(sums, rel=1e-9, abs=1e-7)
