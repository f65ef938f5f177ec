"""Nonlinear models with fake draws, and what each predicts by arithmetic written out in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from fake_fit import fake_fit
from predict_cases import of_level, scalar
from scipy.special import expit

import glimmer as gl

ORANGE = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"
THEOPH = "conc ~ SSfol(Dose, Time, lKe, lKa, lCl) ~ (0 + lKe + lKa + lCl | Subject)"
Draws = Any


@cache
def orange() -> pd.DataFrame:
    """Orange with a covariate of the tree, one of the row, and a second grouping factor."""
    data = gl.load_data("Orange")
    random = np.random.default_rng(3)
    data["big"] = data["Tree"].astype(str).isin(["2", "4"]).astype(float)
    data["soil"] = np.where(data["Tree"].astype(str) < "3", "clay", "sand")
    data["z"] = random.normal(size=len(data))
    data["plot"] = random.choice(list("abcdef"), len(data))
    return data


@cache
def decay() -> pd.DataFrame:
    random = np.random.default_rng(4)
    time, group = np.tile(np.arange(6.0), 8), np.repeat(list("abcdefgh"), 6)
    mean = 20 * np.exp(-0.4 * time)
    return pd.DataFrame(
        {
            "t": time,
            "g": group,
            "x": np.repeat(random.normal(size=8), 6),
            "y": mean * np.exp(0.1 * random.normal(size=48)),
            "count": random.poisson(mean),
            "share": np.clip(mean / 30 + 0.03 * random.normal(size=48), 0.02, 0.98),
            "shift": random.normal(size=48),
        }
    )


def logistic(x: Any, Asym: Any, xmid: Any, scal: Any) -> Any:
    return Asym * expit((x - xmid) / scal)


def _orange(d: Draws, t: pd.DataFrame) -> np.ndarray:
    Asym = scalar(d, "Asym") + of_level(d, "Asym|Tree", t["Tree"])
    return logistic(t["age"].values, Asym, scalar(d, "xmid"), np.exp(scalar(d, "scal_link")))


def _correlated(d: Draws, t: pd.DataFrame) -> np.ndarray:
    Asym = (
        scalar(d, "Asym_Intercept")
        + scalar(d, "Asym_big") * t["big"].values
        + of_level(d, "Asym|Tree", t["Tree"])
    )
    xmid = scalar(d, "xmid") + of_level(d, "xmid|Tree", t["Tree"])
    eta = (
        scalar(d, "scal_Intercept")
        + scalar(d, "scal_z") * t["z"].values
        + of_level(d, "scal|plot", t["plot"])
    )
    return logistic(t["age"].values, Asym, xmid, np.exp(eta))


def _counts(d: Draws, t: pd.DataFrame) -> np.ndarray:
    a = np.exp(scalar(d, "a_link") + of_level(d, "a|g", t["g"]))
    return a * np.exp(-np.exp(scalar(d, "k_link")) * t["t"].values) + t["shift"].values * 0


@dataclass(frozen=True)
class Case:
    build: Callable[[], Any]
    data: Callable[[], pd.DataFrame]
    mean: Callable[[Draws, pd.DataFrame], np.ndarray]


CASES = {
    "orange": Case(lambda: gl.NlmerBuilder(ORANGE, orange()), orange, _orange),
    "covariates": Case(
        lambda: gl.NlmerBuilder(
            "circumference ~ SSlogis(age, Asym, xmid, scal)",
            orange(),
            {
                "Asym": "~ big + (1 | p | Tree)",
                "xmid": "~ 1 + (1 | p | Tree)",
                "scal": "~ z + (1 | plot)",
            },
        ),
        orange,
        _correlated,
    ),
    "counts": Case(
        lambda: gl.NlmerBuilder(
            "count ~ a * exp(-k * t)",
            decay(),
            {"a": "~ 1 + (1 | g)", "k": "~ 1"},
            kinds={"a": "y-level", "k": "rate"},
            family="neg_binomial_2",
        ),
        decay,
        _counts,
    ),
}


@cache
def fake(name: str) -> Any:
    return fake_fit(CASES[name].build(), draws=15)
