"""The models that are timed: table, builder, arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import glimmer as gl

GAMM4 = Path(__file__).parents[1] / "tests" / "reference" / "gamm4.json"


@dataclass(frozen=True)
class Case:
    """A model to fit.

    Attributes
    ----------
    build : callable
        From the folder of further data to the unfitted model.
    peers : tuple of str
        What it is compared with: ``"plain"``, ``"bambi"``, or nothing.
    target : str
        What is aimed at.
    fit : dict
        Arguments of ``fit``.
    needs_data : bool
        Whether ``--data`` is needed.
    """

    build: Callable[[Path | None], Any]
    peers: tuple[str, ...] = ("plain",)
    target: str = ""
    fit: dict[str, Any] = field(default_factory=dict)
    needs_data: bool = False


def sleepstudy(_: Path | None) -> Any:
    return gl.GlmerBuilder("Reaction ~ Days + (Days | Subject)", gl.load_data("sleepstudy"))


def penicillin(_: Path | None) -> Any:
    formula = "diameter ~ 1 + (1 | plate) + (1 | sample)"
    return gl.GlmerBuilder(formula, gl.load_data("Penicillin"))


def cbpp(_: Path | None) -> Any:
    formula = "cbind(incidence, size - incidence) ~ period + (1 | herd)"
    return gl.GlmerBuilder(formula, gl.load_data("cbpp"), family="binomial")


def verbagg(folder: Path | None) -> Any:
    data = read(folder, "VerbAgg")
    data["agrees"] = (data["r2"] == "Y").astype(int)
    formula = "agrees ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)"
    return gl.GlmerBuilder(formula, data, family="bernoulli")


def insteval(folder: Path | None) -> Any:
    formula = "y ~ service + (1 | s) + (1 | d) + (1 | dept:service)"
    return gl.GlmerBuilder(formula, read(folder, "InstEval"))


def roaches(_: Path | None) -> Any:
    data = gl.load_data("roaches")
    data = data.assign(roach1=data["roach1"] / 100, log_exposure2=np.log(data["exposure2"]))
    return gl.Gamm4Builder(
        "y ~ s(roach1) + treatment + log_exposure2",
        data,
        random="~ (1 | senior)",
        family="neg_binomial_2",
        QR=True,
        checks={"few_levels": "ignore"},
    )


def mcycle(_: Path | None) -> Any:
    columns = json.loads(GAMM4.read_text())["mcycle"]["data"]
    data = pd.DataFrame({name: column["values"] for name, column in columns.items()})
    return gl.Gamm4Builder("accel ~ s(times)", data)


def orange(_: Path | None) -> Any:
    formula = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"
    return gl.NlmerBuilder(formula, gl.load_data("Orange"))


def theoph(_: Path | None) -> Any:
    formula = "conc ~ SSfol(Dose, Time, lKe, lKa, lCl) ~ (lKe + lKa + lCl | Subject)"
    return gl.NlmerBuilder(formula, gl.load_data("Theoph"))


def million(_: Path | None) -> Any:
    return gl.GlmerBuilder("y ~ x + (x | g)", simulated(1_000_000, 100_000))


def simulated(rows: int, groups: int) -> pd.DataFrame:
    """A table with correlated intercepts and slopes."""
    rng = np.random.default_rng(1)
    g = rng.integers(0, groups, rows)
    x = rng.normal(size=rows)
    b = rng.normal(size=(groups, 2)) * [1.0, 0.5]
    y = 1 + 2 * x + b[g, 0] + b[g, 1] * x + rng.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def read(folder: Path | None, name: str) -> pd.DataFrame:
    """A table from the folder of further data."""
    if folder is None:
        raise SystemExit(f"{name} needs --data FOLDER with {name}.csv or {name}.csv.gz")
    (path,) = folder.glob(f"{name}.csv*")
    return pd.read_csv(path)


CASES = {
    "sleepstudy": Case(sleepstudy, target=">= 30 x plain"),
    "Penicillin": Case(penicillin, target=">= 30 x plain"),
    "cbpp": Case(cbpp, ("plain", "bambi"), ">= 2 x plain"),
    "VerbAgg": Case(verbagg, ("plain", "bambi"), ">= 40 x plain, 25 x bambi", needs_data=True),
    "roaches": Case(roaches, target=">= 3 x plain", fit={"target_accept": 0.95}),
    "mcycle": Case(mcycle, target=">= 10 x plain", fit={"target_accept": 0.95}),
    "Orange": Case(orange, target=">= 2 x plain"),
    "Theoph": Case(theoph, target=">= 2 x plain, < 60 s"),
    "InstEval": Case(
        insteval,
        (),
        "ESS >= 400 in 10 min, 2 GB",
        {"draws": 400, "tune": 200},
        needs_data=True,
    ),
    "million rows": Case(
        million,
        (),
        "ESS >= 1000 in 60 s, 2 GB",
        {"draws": 500, "tune": 400, "store_effects": False},
    ),
}
