"""Six kinds of model with fake draws, and what each predicts by arithmetic written out in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from fake_fit import fake_fit

import glimmer as gl

rng = np.random.default_rng(20)
Draws = Any


def _sleep() -> pd.DataFrame:
    return gl.load_data("sleepstudy")


def _crossed() -> pd.DataFrame:
    person, item = (a.ravel() for a in np.meshgrid(range(9), range(5), indexing="ij"))
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, 45),
            "x": rng.normal(size=45),
            "person": [f"p{i}" for i in person],
            "item": pd.Categorical([f"i{i}" for i in item], categories=[f"i{i}" for i in range(5)]),
        }
    )


def _nested() -> pd.DataFrame:
    school, room = np.repeat(range(6), 8), np.tile(np.repeat(range(2), 4), 6)
    return pd.DataFrame(
        {
            "y": rng.poisson(3, 48),
            "x": rng.normal(size=48),
            "exposure": rng.uniform(0.5, 2, 48),
            "school": [f"s{i}" for i in school],
            "room": room,
        }
    )


def _counts() -> pd.DataFrame:
    return pd.DataFrame(
        {"y": rng.poisson(4, 40), "x": rng.normal(size=40), "g": np.repeat(list("abcdefgh"), 5)}
    )


def _weighted() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "y": rng.normal(size=40),
            "x": rng.normal(size=40),
            "f": pd.Categorical(
                rng.choice(["lo", "mid", "hi"], 40), categories=["lo", "mid", "hi"]
            ),
            "w": rng.uniform(0.5, 3, 40),
            "g": np.repeat(list("abcdefgh"), 5),
        }
    )


def of_level(draws: Draws, name: str, levels: Any) -> np.ndarray:
    """Draws of an effect at each row's level, shape (chain, draw, n)."""
    array = draws[name]
    (dim,) = array.dims[2:]
    return array.sel({dim: [str(level) for level in levels]}).values


def scalar(draws: Draws, name: str) -> np.ndarray:
    return draws[name].values[..., None]


def dummies(draws: Draws, name: str, values: Any) -> np.ndarray:
    """Treatment contrasts: the coefficient of each row's label, zero for the reference."""
    array = draws[name]
    known = dict(
        zip(array.coords[f"{name}_dim"].values, np.moveaxis(array.values, -1, 0), strict=True)
    )
    return np.stack([known.get(str(v), np.zeros(array.shape[:2])) for v in values], axis=-1)


def eta_sleep(d: Draws, t: pd.DataFrame) -> np.ndarray:
    days = t["Days"].to_numpy(float)
    slope = scalar(d, "Days") + of_level(d, "Days|Subject", t["Subject"])
    return scalar(d, "Intercept") + of_level(d, "1|Subject", t["Subject"]) + slope * days


def eta_crossed(d: Draws, t: pd.DataFrame) -> np.ndarray:
    fixed = scalar(d, "Intercept") + scalar(d, "x") * t["x"].to_numpy()
    return fixed + of_level(d, "1|person", t["person"]) + of_level(d, "1|item", t["item"])


def eta_nested(d: Draws, t: pd.DataFrame) -> np.ndarray:
    fixed = scalar(d, "Intercept") + scalar(d, "x") * t["x"].to_numpy()
    rooms = [f"{a}:{b}" for a, b in zip(t["school"], t["room"], strict=True)]
    groups = of_level(d, "1|school", t["school"]) + of_level(d, "1|school:room", rooms)
    return fixed + groups + np.log(t["exposure"].to_numpy())


def eta_counts(d: Draws, t: pd.DataFrame) -> np.ndarray:
    slope = scalar(d, "x") + of_level(d, "x|g", t["g"])
    return scalar(d, "Intercept") + of_level(d, "1|g", t["g"]) + slope * t["x"].to_numpy()


def eta_weighted(d: Draws, t: pd.DataFrame) -> np.ndarray:
    fixed = scalar(d, "Intercept") + dummies(d, "f", t["f"]) + scalar(d, "x") * t["x"].to_numpy()
    return fixed + of_level(d, "1|g", t["g"])


def eta_trials(d: Draws, t: pd.DataFrame) -> np.ndarray:
    return (
        scalar(d, "Intercept")
        + dummies(d, "period", t["period"])
        + of_level(d, "1|herd", t["herd"])
    )


def identity(eta: np.ndarray) -> np.ndarray:
    return eta


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


@dataclass(frozen=True)
class Case:
    """A model, its data, and its linear predictor and mean in numpy."""

    formula: str
    family: str
    table: Callable[[], pd.DataFrame]
    eta: Callable[[Draws, pd.DataFrame], np.ndarray]
    mean: Callable[[np.ndarray], np.ndarray]
    groups: tuple[str, ...]
    arguments: dict[str, Any]


MILD = {"prior": gl.normal(0, 0.5), "prior_intercept": gl.normal(0, 0.5)}

CASES: dict[str, Case] = {
    "correlated slopes": Case(
        "Reaction ~ Days + (Days | Subject)",
        "gaussian",
        _sleep,
        eta_sleep,
        identity,
        ("Subject",),
        {},
    ),
    "crossed binomial": Case(
        "y ~ x + (1 | person) + (1 | item)",
        "binomial",
        _crossed,
        eta_crossed,
        expit,
        ("person", "item"),
        MILD,
    ),
    "nested Poisson, offset": Case(
        "y ~ x + offset(log(exposure)) + (1 | school / room)",
        "poisson",
        _nested,
        eta_nested,
        np.exp,
        ("school", "room"),
        MILD,
    ),
    "NB, ||": Case("y ~ x + (x || g)", "neg_binomial_2", _counts, eta_counts, np.exp, ("g",), MILD),
    "weighted gaussian": Case(
        "y ~ f + x + (1 | g)",
        "gaussian",
        _weighted,
        eta_weighted,
        identity,
        ("g",),
        {"weights": gl.precision_weights("w")},
    ),
    "trials": Case(
        "cbind(incidence, size - incidence) ~ period + (1 | herd)",
        "binomial",
        lambda: gl.load_data("cbpp"),
        eta_trials,
        expit,
        ("herd",),
        MILD,
    ),
}


@cache
def case(name: str) -> tuple[Case, Any, pd.DataFrame]:
    """The case, its fitted model and its table; every call the same."""
    chosen = CASES[name]
    table = chosen.table()
    model = gl.GlmerBuilder(chosen.formula, table, chosen.family, **chosen.arguments)
    return chosen, fake_fit(model, draws=12, chains=2), table
