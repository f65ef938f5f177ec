"""Models of every kind on small tables: the names of the golden record and how each is built."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

import glimmer as gl

Build = Callable[[], Any]
QUIET = {"checks": {"few_levels": "ignore", "flat_prior": "ignore"}}


def _table(n: int = 48) -> pd.DataFrame:
    """Outcomes for every family, numbers, factors and grouping factors."""
    rng = np.random.default_rng(2024)
    tries = rng.integers(5, 12, n)
    return pd.DataFrame(
        {
            "y": rng.normal(2.0, 3.0, n),
            "positive": rng.gamma(3.0, 1.0, n),
            "share": rng.beta(2.0, 3.0, n),
            "count": rng.poisson(4.0, n),
            "yes": rng.integers(0, 2, n),
            "hits": rng.binomial(tries, 0.4),
            "tries": tries,
            "x": rng.normal(1.0, 2.0, n),
            "z": rng.normal(0.0, 0.5, n),
            "t": np.round(rng.uniform(0.0, 10.0, n), 3),
            "w": np.round(rng.uniform(0.5, 2.0, n), 3),
            "g": np.array(list("abcdef"))[np.arange(n) % 6],
            "h": np.array(list("uvwz"))[np.arange(n) * 4 // n],
            "f": np.array(["lo", "mid", "hi"])[rng.integers(0, 3, n)],
            "two": np.array(["no", "yes"])[rng.integers(0, 2, n)],
        }
    )


def _decay() -> pd.DataFrame:
    """A decay over time in eight groups, as measurements, counts and shares."""
    rng = np.random.default_rng(4)
    t, g = np.tile(np.arange(6.0), 8), np.repeat(list("abcdefgh"), 6)
    mean = 20 * np.exp(-0.4 * t)
    return pd.DataFrame(
        {
            "t": t,
            "g": g,
            "x": np.repeat(rng.normal(size=8), 6),
            "f": np.repeat(np.array(["lo", "hi"])[[0, 1, 0, 1, 1, 0, 1, 0]], 6),
            "y": mean * np.exp(0.1 * rng.normal(size=48)),
            "count": rng.poisson(mean),
            "share": np.clip(mean / 30 + 0.03 * rng.normal(size=48), 0.02, 0.98),
            "shift": rng.normal(size=48),
            "w": rng.uniform(0.5, 2.0, 48),
        }
    )


def _saturating() -> pd.DataFrame:
    """Curves that rise to a limit, and one that falls in two phases, in five groups."""
    rng = np.random.default_rng(9)
    x, g = np.tile(np.array([0.25, 0.5, 1, 2, 3, 5, 8, 12.0]), 5), np.repeat(list("abcde"), 8)
    level = np.exp(0.1 * rng.normal(size=5))[np.repeat(np.arange(5), 8)]
    noise = rng.normal(size=(5, 40))
    return pd.DataFrame(
        {
            "x": x,
            "g": g,
            "binding": level * 200 * x / (1.5 + x) + 4 * noise[0],
            "growth": level * 50 * np.exp(-3.0 * 0.6**x) + noise[1],
            "two_phase": level * (8 * np.exp(-1.6 * x) + 5 * np.exp(-0.15 * x)) + 0.1 * noise[2],
            "length": level * 60 * (1 - np.exp(-0.3 * (x + 0.8))) + 0.8 * noise[3],
            "sigmoid": level * (5 + 40 / (1 + np.exp((3.5 - x) / 0.9))) + 0.6 * noise[4],
        }
    )


def _orange() -> pd.DataFrame:
    """Orange with a covariate of the tree, one of the row, and a second grouping factor."""
    data, rng = gl.load_data("Orange"), np.random.default_rng(3)
    tree = data["Tree"].astype(str)
    return data.assign(
        Tree=tree.values,
        big=tree.isin(["2", "4"]).astype(float).values,
        soil=np.where(tree < "3", "clay", "sand"),
        z=rng.normal(size=len(data)),
        plot=rng.choice(list("abcdef"), len(data)),
    )


def _first(name: str, rows: int) -> pd.DataFrame:
    """The first rows of a table, its subjects as text."""
    data = gl.load_data(name).head(rows)
    return data.assign(Subject=data["Subject"].astype(str).values)


TABLE, DECAY, SATURATING = _table(), _decay(), _saturating()
ORANGE, THEOPH, SLEEP = _orange(), _first("Theoph", 55), _first("sleepstudy", 60)
POSITIONS = np.linspace(-1.0, 1.0, len(TABLE))
AREAS = {"nb": {"a": ["b"], "b": ["a", "c"], "c": ["b", "d"], "d": ["c", "e"], "e": ["d", "f"]}}
AREAS["nb"]["f"] = ["e"]


def glmer(formula: str, family: str = "gaussian", data: Any = TABLE, **more: Any) -> Build:
    return partial(gl.GlmerBuilder, formula, data, family, **{**QUIET, **more})


def gamm4(formula: str, family: str = "gaussian", **more: Any) -> Build:
    return partial(gl.Gamm4Builder, formula, TABLE, family=family, **{**QUIET, **more})


def curve(formula: str, data: Any, params: Any = None, **more: Any) -> Build:
    return partial(gl.NlmerBuilder, formula, data, params, **{**QUIET, **more})


def raw(build: Callable[[], Build]) -> Build:
    """A model whose arguments hold PyMC variables, made when it is built."""
    return lambda: build()()


FAMILIES = {
    "gaussian": glmer("y ~ x + (1 | g)"),
    "gaussian, log": glmer("positive ~ z + (1 | g)", link="log"),
    "gaussian, inverse": glmer("positive ~ z", link="inverse"),
    "student_t": glmer("y ~ x + (x | g)", "student_t"),
    "student_t, log": glmer("positive ~ z + (1 | g)", "student_t", link="log"),
    "lognormal": glmer("positive ~ x + (1 | g)", "lognormal"),
    "bernoulli": glmer("yes ~ x + f + (1 | g)", "bernoulli"),
    "bernoulli, probit": glmer("yes ~ x + (1 | g) + (1 | h)", "bernoulli", link="probit"),
    "bernoulli, cloglog": glmer("yes ~ x + (1 | g)", "bernoulli", link="cloglog"),
    "bernoulli, log": glmer("yes ~ z", "bernoulli", link="log"),
    "binomial, cbind": glmer("cbind(hits, tries - hits) ~ x + (x | g)", "binomial"),
    "binomial, trials": glmer("p(hits, tries) ~ x + (1 | g)", "binomial", link="cauchit"),
    "binomial, weights": glmer(
        "hits ~ x + (1 | g)",
        "binomial",
        TABLE.assign(hits=TABLE["hits"] / TABLE["tries"]),
        weights="tries",
    ),
    "poisson": glmer("count ~ x + (x || g)", "poisson", offset="w"),
    "poisson, sqrt": glmer("count ~ z + (1 | g)", "poisson", link="sqrt"),
    "poisson, identity": glmer("count ~ z", "poisson", link="identity"),
    "neg_binomial_2": glmer("count ~ x + offset(log(w)) + (1 | g)", "neg_binomial_2"),
    "neg_binomial_2, sqrt": glmer("count ~ z", "neg_binomial_2", link="sqrt"),
    "Gamma": glmer("positive ~ z + (1 | g)", "Gamma"),
    "Gamma, log": glmer("positive ~ x + (1 | g)", "Gamma", link="log"),
    "inverse_gaussian": glmer("positive ~ z", "inverse_gaussian"),
    "inverse_gaussian, log": glmer("positive ~ x + (1 | g)", "inverse_gaussian", link="log"),
    "beta": glmer("share ~ x + (1 | g)", "beta"),
    "beta, cloglog": glmer("share ~ x + (x | g)", "beta", link="cloglog"),
}

GROUPS = {
    "correlated slopes": glmer("Reaction ~ Days + (Days | Subject)", data=SLEEP),
    "nested": glmer("y ~ 1 + (1 | h / g)"),
    "crossed with slopes": glmer("y ~ x + (x | g) + (1 | h)"),
    "three effects": glmer("y ~ x + (1 + x + w | g)"),
    "uncorrelated": glmer("y ~ x + (x || g)"),
    "factor slopes": glmer("y ~ f + (f | g)"),
    "factor slopes, uncorrelated": glmer("y ~ f + (0 + f || g)", "student_t"),
    "interacting factors": glmer("y ~ x + (1 | g:two)"),
    "no intercepts": glmer("y ~ 0 + x + (0 + x | g)"),
    "decov": glmer(
        "y ~ x + (x | g) + (1 | h)",
        prior_covariance={"g": gl.decov(2, 1.5, 2, 0.5), "h": gl.exponential(1)},
    ),
    "lkj": glmer("y ~ x + (x | g)", prior_covariance=gl.lkj(2, [1.0, 3.0], df=3)),
    "lkj, own sd": glmer(
        "count ~ x + (x | g)", "poisson", prior_covariance=gl.lkj(sd=gl.exponential(2))
    ),
    "sd by effect": glmer(
        "y ~ x + (x || g)", prior_covariance={"x|g": gl.normal(0, 2), "1|g": gl.decov(shape=2)}
    ),
    "centered": glmer("y ~ x + (x | g) + (1 | h)", "student_t", centered={"g": True}),
    "binomial, crossed": glmer("cbind(hits, tries - hits) ~ f + (1 | g) + (1 | h)", "binomial"),
}

DESIGNS = {
    "QR": glmer("y ~ x + t + f + (1 | g)", QR=True),
    "QR, weights": glmer("y ~ x + t + (1 | g)", "student_t", QR=True, weights="w"),
    "likelihood weights": glmer("y ~ x + (1 | g)", weights="w"),
    "likelihood weights, counts": glmer("count ~ x + (1 | g)", "poisson", weights="w"),
    "precision weights": glmer("y ~ x + (x | g)", weights=gl.precision_weights("w")),
    "lognormal, weights": glmer("positive ~ x + (1 | g)", "lognormal", weights="w"),
    "offset of an array": glmer("y ~ x + (1 | g)", offset=POSITIONS),
    "two offsets": glmer("count ~ x + offset(w) + offset(z)", "poisson"),
    "contrasts": glmer("y ~ f * two", contrasts={"f": "sum", "two": "helmert"}),
    "polynomial contrasts": glmer("y ~ h + (1 | g)", contrasts={"h": "poly"}),
    "poly and splines": glmer("y ~ poly(x, 2) + ns(t, df=3) + bs(w, df=4)"),
    "interactions": glmer("y ~ x * f + I(z^2) + log(w):two + scale(t) + (1 | g)"),
    "cells without intercept": glmer("y ~ 0 + f + f:x"),
    "no predictors": glmer("y ~ 1 + (1 | g)"),
    "no groups": glmer("count ~ x + f", "neg_binomial_2"),
    "prior alone": glmer("y ~ x + (x | g)", prior_PD=True),
    "subset": glmer("y ~ x + (1 | g)", subset=(TABLE["w"] > 0.8).values),
    "names in the way": glmer(
        "y ~ sigma + Intercept_ + (1 | g)",
        data=TABLE.rename(columns={"x": "sigma", "z": "Intercept_"}),
    ),
}

PRIORS = {
    "normal": glmer("y ~ x + f", prior=gl.normal([0, 1, 2], [1, 2, 3])),
    "normal, autoscale": glmer(
        "y ~ x + z", prior=gl.normal(0, 1, autoscale=True), prior_aux=gl.normal(0, 3)
    ),
    "student_t": glmer(
        "y ~ x + (x | g)", prior=gl.student_t(4, 0, 2), prior_intercept=gl.cauchy(0, 5)
    ),
    "cauchy": glmer("y ~ x + z + (1 | g)", "student_t", prior=gl.cauchy(0, 2.5)),
    "laplace": glmer("yes ~ x + z", "bernoulli", prior=gl.laplace(0.2, 3, autoscale=True)),
    "hs": glmer("y ~ x + z + f", prior=gl.hs()),
    "hs_plus": glmer("count ~ x + z", "poisson", prior=gl.hs_plus(2, 3)),
    "product_normal": glmer("y ~ x + z", prior=gl.product_normal(3, 0.5, 2)),
    "lasso": glmer("y ~ x + z + (1 | g)", prior=gl.lasso(2, [1, 2], 3)),
    "flat": glmer("y ~ x + (1 | g)", prior=gl.flat(), prior_intercept=gl.flat()),
    "by term": glmer(
        "y ~ x + f + z",
        prior={"x": gl.exponential(2), "f": gl.normal(0, [1, 2])},
        prior_aux={"sigma": gl.cauchy(0, 3)},
    ),
    "raw": raw(
        lambda: glmer(
            "y ~ x + z + (1 | g)",
            prior={"x": pm.Laplace.dist(0.0, 2.0), "z": gl.prior("Normal", mu=1, sigma=2)},
            prior_intercept=pm.Normal.dist(0.0, 10.0),
            prior_aux=pm.HalfNormal.dist(2.0),
        )
    ),
    "raw, counts": raw(
        lambda: glmer(
            "count ~ x + z + (1 | g)",
            "neg_binomial_2",
            prior=pm.Logistic.dist(0.0, 1.0),
            prior_covariance={"g": pm.HalfCauchy.dist(1.0)},
        )
    ),
}

SMOOTHS = {
    "tp": gamm4("y ~ s(x, k=6) + z"),
    "ts and cs": gamm4("y ~ s(x, bs='ts', k=5) + s(t, bs='cs', k=5)"),
    "cr": gamm4("count ~ s(t, bs='cr', k=6)", "poisson"),
    "cc": gamm4("y ~ s(t, bs='cc', k=6)", random="~ (1 + z | g)", knots={"t": [0.0, 10.0]}),
    "ps": gamm4("y ~ s(t, bs='ps', k=7) + f + (1 | g)"),
    "cp": gamm4("y ~ s(t, bs='cp', k=7)"),
    "bs": gamm4("y ~ s(t, bs='bs', k=7)"),
    "bs, two penalties": gamm4("y ~ s(t, bs='bs', m=c(3,2,1), k=8)"),
    "bs, three penalties": gamm4("count ~ s(t, bs='bs', m=c(3,2,1,0), k=8)", "poisson"),
    "ad": gamm4("y ~ s(t, bs='ad', k=8, m=3) + z"),
    "gp": gamm4("y ~ s(t, bs='gp', k=6)"),
    "ds": gamm4("y ~ s(x, z, bs='ds', m=c(1,.5), k=8)"),
    "mrf": gamm4("y ~ s(g, bs='mrf', xt=areas)", xt={"areas": AREAS}),
    "re": gamm4("y ~ s(t, k=5) + s(g, bs='re')"),
    "fs": gamm4("count ~ s(t, g, bs='fs', k=4)", "neg_binomial_2"),
    "fs, normal": gamm4("y ~ s(t, g, bs='fs', k=4) + x"),
    "sz": gamm4("y ~ s(t, k=5) + s(f, t, bs='sz', k=4)"),
    "te": gamm4("y ~ te(t, x, k=3)"),
    "te, counts": gamm4("count ~ te(t, x, k=3) + (1 | g)", "poisson"),
    "ti": gamm4("y ~ s(t, k=4) + s(x, bs='cr', k=4) + ti(t, x, k=4)"),
    "t2": gamm4("y ~ t2(t, x, k=4) + offset(w)"),
    "two dimensions": gamm4("y ~ s(t, x, k=10)"),
    "by factor": gamm4("y ~ f + s(t, by=f, k=5)"),
    "by number": gamm4("count ~ s(t, by=w, k=5)", "poisson"),
    "one penalty for two": gamm4("y ~ s(x, id=1, k=5) + s(z, id=1, k=5)"),
    "select": gamm4("yes ~ s(t, k=5) + (1 | g)", "bernoulli", select=True),
    "fx": gamm4("y ~ s(t, fx=TRUE, k=4) + s(x, k=4)", prior=gl.normal(0, 1)),
    "priors": gamm4(
        "y ~ s(x, k=5) + te(t, z, k=3)",
        prior_smooth={"s(x)": gl.student_t(3, 0, 2), "s(x)_null": gl.normal(1, 2)},
    ),
    "rstanarm": gamm4(
        "y ~ s(x, k=6) + s(t, bs='cr', k=5)", prior_smooth=gl.rstanarm_smooth_prior()
    ),
    "QR": gamm4("share ~ x + z + s(t, k=5) + (x | g)", "beta", QR=True),
    "weights": gamm4("positive ~ s(t, k=5)", "Gamma", link="log", weights="w"),
}

SSLOGIS = "circumference ~ SSlogis(age, Asym, xmid, scal)"
SSFOL = "conc ~ SSfol(Dose, Time, lKe, lKa, lCl) ~ (0 + lKe + lKa + lCl | Subject)"
EXP = "y ~ a * exp(-k * t)"
RATES = {"params": ["a", "k"], "kinds": {"k": "rate"}}
LABELLED = {
    "Asym": "~ big + (1 | p | Tree)",
    "xmid": "~ 1 + (1 | p | Tree)",
    "scal": "~ z + (1 | plot)",
}


def shifted(level: Any, t: Any, a: Any, k: Any) -> Any:
    return level + a * pt.exp(-k * t)


CURVES = {
    "SSlogis": curve(f"{SSLOGIS} ~ Asym | Tree", ORANGE),
    "SSlogis, rstanarm": curve(f"{SSLOGIS} ~ Asym | Tree", ORANGE, priors="rstanarm"),
    "SSlogis, correlated": curve(f"{SSLOGIS} ~ Asym + xmid | Tree", ORANGE),
    "SSlogis, uncorrelated": curve(f"{SSLOGIS} ~ (Asym + xmid || Tree)", ORANGE),
    "SSlogis, nested": curve(f"{SSLOGIS} ~ (Asym | plot / Tree)", ORANGE),
    "SSlogis, slopes": curve(f"{SSLOGIS} ~ Asym:big + (Asym + Asym:z | Tree)", ORANGE),
    "label": curve(SSLOGIS, ORANGE, LABELLED),
    "smooth on a parameter": curve(f"{SSLOGIS} ~ Asym | Tree", ORANGE, {"xmid": "~ s(z, k=4)"}),
    "factor on a parameter": curve(
        SSLOGIS, ORANGE, {"Asym": "~ soil + z", "xmid": "~ 0 + soil"}, centered=True
    ),
    "known by call": curve(
        "circumference ~ SSlogis(age, Asym, xmid, 350) ~ Asym | Tree", ORANGE, centered=False
    ),
    "known by name": curve(f"{SSLOGIS} ~ Asym | Tree", ORANGE, {"scal": 350}),
    "priors by name": curve(
        SSLOGIS,
        ORANGE,
        {"Asym": "~ big + (1 | Tree)"},
        prior={"Asym": gl.normal(200, 50), "Asym_big": gl.student_t(4, 0, 20)},
        prior_aux=gl.exponential(0.1),
        prior_covariance={"Tree": gl.exponential(0.05)},
    ),
    "SSfol, ordered": curve(SSFOL, THEOPH),
    "SSfol, two orders": curve(SSFOL, THEOPH, ordering=False),
    "onecpt_oral": curve("conc ~ onecpt_oral(Dose, Time, lCl, lV, lKa) ~ lCl | Subject", THEOPH),
    "SSbiexp": curve("two_phase ~ SSbiexp(x, A1, lrc1, A2, lrc2) ~ A1 | g", SATURATING),
    "SSmicmen": curve("binding ~ SSmicmen(x, Vm, K) ~ Vm | g", SATURATING),
    "SSgompertz": curve("growth ~ SSgompertz(x, Asym, b2, b3) ~ Asym | g", SATURATING),
    "SSfpl": curve("sigmoid ~ SSfpl(x, A, B, xmid, scal) ~ B | g", SATURATING),
    "SSasymp": curve("length ~ SSasymp(x, Asym, R0, lrc) ~ Asym + lrc | g", SATURATING),
    "von_bertalanffy": curve("length ~ von_bertalanffy(x, Linf, k, t0) ~ Linf | g", SATURATING),
    "emax": curve("binding ~ emax(x, 0, Emax, EC50) ~ Emax | g", SATURATING),
    "inline": curve(f"{EXP} ~ a | g", DECAY, **RATES),
    "inline, no groups": curve(EXP, DECAY, {"a": "~ f + x", "k": "~ f"}, kinds={"k": "rate"}),
    "callable": curve(
        "y ~ shifted(x, t, a, k) ~ a | g", DECAY, function=shifted, kinds={"k": "rate"}
    ),
    "proportional": curve(f"{EXP} ~ a | g", DECAY, **RATES, residual="proportional"),
    "additive+proportional": curve(
        f"{EXP} ~ a | g", DECAY, **RATES, residual="additive+proportional"
    ),
    "power": curve(f"{EXP} ~ a | g", DECAY, **RATES, residual="power"),
    "constant+power": curve(f"{EXP} ~ a + k | g", DECAY, **RATES, residual="constant+power"),
    "curve, lognormal": curve(f"{EXP} ~ a | g", DECAY, **RATES, family="lognormal"),
    "curve, student_t": curve(f"{EXP} ~ a | g", DECAY, **RATES, family="student_t"),
    "curve, poisson": curve("count ~ a * exp(-k * t) ~ a | g", DECAY, **RATES, family="poisson"),
    "curve, counts": curve(
        "count ~ a * exp(-k * t)",
        DECAY,
        {"a": "~ 1 + (1 | g)", "k": "~ 1"},
        kinds={"a": "y-level", "k": "rate"},
        family="neg_binomial_2",
    ),
    "curve, beta": curve(
        "share ~ a * exp(-k * t)",
        DECAY,
        ["a", "k"],
        kinds={"a": "y-level", "k": "rate"},
        family="beta",
    ),
    "curve, link": curve(
        "count ~ a - k * t ~ a | g",
        DECAY,
        **RATES,
        family="neg_binomial_2",
        link="log",
        offset="shift",
    ),
    "curve, weights": curve(f"{EXP} ~ a | g", DECAY, **RATES, weights="w"),
    "curve, precision weights": curve(
        f"{EXP} ~ a | g", DECAY, **RATES, weights=gl.precision_weights("w")
    ),
    "curve, prior alone": curve(f"{EXP} ~ a | g", DECAY, **RATES, prior_PD=True),
    "transforms": curve(
        f"{EXP} + c ~ a | g",
        DECAY,
        ["a", "k", "c"],
        kinds={"a": "y-level", "c": "y-level", "k": "rate"},
        transforms={"a": "above(c)", "k": "logit(0, 3)", "c": "identity"},
    ),
    "softplus and log": curve(
        f"{EXP} ~ a | g", DECAY, **RATES, transforms={"a": "log", "k": "softplus"}
    ),
}

CASES: dict[str, Build] = {
    **FAMILIES,
    **GROUPS,
    **DESIGNS,
    **{f"prior {name}": build for name, build in PRIORS.items()},
    **{f"smooth {name}": build for name, build in SMOOTHS.items()},
    **CURVES,
}

TURNING = {f"smooth {name}" for name in SMOOTHS} | {"smooth on a parameter"}
