"""What mgcv, gamm4 and rstanarm answer, and the models that should agree with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from reml import FLAT, Point

import glimmer as gl

FOLDER = Path(__file__).parent / "reference"


@dataclass(frozen=True)
class Case:
    """A model, and which fit of which data set it should agree with.

    Attributes
    ----------
    data, fit : str
        Keys of gamm4.json.
    formula : str
    random : str or None
    varcorr : dict
        Names of the group-level standard deviations, by grouping factor.
    """

    data: str
    fit: str
    formula: str
    random: str | None = None
    varcorr: dict[str, tuple[str, ...]] | None = None


CASES = {
    "mcycle": Case("mcycle", "gam_REML", "accel ~ s(times)"),
    "sleepstudy": Case(
        "sleepstudy",
        "gamm4",
        "Reaction ~ s(Days, k=6)",
        "~ (1 + Days | Subject)",
        {"Subject": ("1|Subject_sigma", "Days|Subject_sigma")},
    ),
    "ChickWeight": Case(
        "chickweight",
        "gamm4",
        "weight ~ Diet + s(Time, k=8)",
        "~ (0 + Time | Chick)",
        {"Chick": ("Time|Chick_sigma",)},
    ),
    "ChickWeight by": Case(
        "chickweight_by",
        "gamm4",
        "weight ~ Diet + s(Time, by=Diet, k=6)",
        "~ (1 | Chick)",
        {"Chick": ("1|Chick_sigma",)},
    ),
    "airquality tp": Case("airquality_2d", "tp_gam_REML", "Ozone ~ s(Wind, Temp)"),
    "airquality te": Case("airquality_2d", "te_gam_REML", "Ozone ~ te(Wind, Temp)"),
    "airquality t2": Case("airquality_2d", "t2_gam_REML", "Ozone ~ t2(Wind, Temp)"),
    "airquality ti": Case(
        "airquality_2d",
        "ti_gam_REML",
        "Ozone ~ s(Wind, bs='cr', k=5) + s(Temp, bs='cr', k=5) + ti(Wind, Temp)",
    ),
}


@cache
def answers(name: str) -> dict[str, Any]:
    """gamm4.json's entry of a data set."""
    entries = json.loads((FOLDER / "gamm4.json").read_text())
    entry = entries[name]
    return {**entry, "data": entries[entry.get("data_as", name)]["data"]}


def fit_of(name: str) -> dict[str, Any]:
    """mgcv's or gamm4's fit."""
    return answers(CASES[name].data)[CASES[name].fit]


def table(columns: dict[str, Any]) -> pd.DataFrame:
    """A table from columns of the reference."""
    return pd.DataFrame({name: _column(column) for name, column in columns.items()})


def _column(column: dict[str, Any]) -> Any:
    if column["type"] == "numeric":
        return np.array(column["values"], dtype=float)
    return pd.Categorical(list(map(str, column["values"])), list(map(str, column["levels"])))


def data(name: str) -> pd.DataFrame:
    """The training rows."""
    return table(answers(CASES[name].data)["data"])


def newdata(name: str) -> pd.DataFrame:
    """The rows of the reference's predictions."""
    return table(answers(CASES[name].data)["newdata"])


def builder(name: str, **priors: Any) -> gl.Gamm4Builder:
    """The model of a case, with flat priors unless others are given."""
    case = CASES[name]
    if case.random is not None:
        priors.setdefault("prior_covariance", gl.lkj())
    return gl.Gamm4Builder(case.formula, data(name), random=case.random, **{**FLAT, **priors})


def weak(name: str) -> gl.Gamm4Builder:
    """The same with priors so weak that the posterior is that of the data.

    Log-normal with median sd(y) and an sd of 3 on the log scale: a factor of 400 either way.
    """
    y = data(name)[CASES[name].formula.split(" ~ ")[0]]
    prior = gl.prior("LogNormal", mu=float(np.log(y.std())), sigma=3.0)
    return builder(name, prior=None, prior_intercept=None, prior_smooth=prior)


def estimates(name: str, model: gl.Gamm4Builder) -> Point:
    """mgcv's standard deviations in our units."""
    case, fit = CASES[name], fit_of(name)
    blocks = model.spec.smooth_blocks
    scales = {sd: named.block.scale for named in blocks for sd in named.sds}
    point = {"sigma": float(np.sqrt(fit["sig2"]))}
    for (sd, scale), value in zip(scales.items(), fit["sd_smooth"].values(), strict=True):
        point[sd] = value * scale
    for factor, names in (case.varcorr or {}).items():
        known = fit["varcorr"][factor]
        point.update(zip(names, known["sd"], strict=True))
        if len(names) == 2:
            point[f"{factor}_partial"] = (1 + known["corr"][0][1]) / 2
    return point


def edf_total(name: str) -> float:
    """mgcv's effective degrees of freedom, those of smooths together."""
    return float(sum(np.sum(smooth["edf"]) for smooth in fit_of(name)["smooths"]))


@cache
def roaches() -> dict[str, Any]:
    """rstanarm's fit of the vignette's model."""
    return json.loads((FOLDER / "glmm" / "roaches_gamm4.json").read_text())


def roaches_builder(**priors: Any) -> gl.Gamm4Builder:
    """The vignette's call."""
    return gl.Gamm4Builder(
        "y ~ s(roach1) + treatment + log_exposure2",
        roaches()["data"],
        random="~ (1 | senior)",
        family="neg_binomial_2",
        QR=True,
        checks={"few_levels": "ignore"},
        **priors,
    )
