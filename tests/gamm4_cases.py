"""Models with every kind of smooth, with fake draws; data that they share."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from fake_fit import fake_fit

import glimmer as gl

N = 90
RNG = np.random.default_rng(8)
TABLE = pd.DataFrame(
    {
        "y": RNG.normal(3.0, 2.0, N),
        "count": RNG.poisson(3.0, N),
        "x": RNG.uniform(0, 10, N),
        "z": RNG.normal(size=N),
        "w": RNG.uniform(0.5, 2.0, N),
        "g": np.array(["a", "b", "c", "d", "e", "f"])[RNG.integers(0, 6, N)],
        "f": np.array(["lo", "mid", "hi"])[RNG.integers(0, 3, N)],
    }
)

# formula, family, arguments
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dense": ("y ~ s(x, k=6) + z", "gaussian", {}),
    "cyclic, group": ("y ~ s(x, bs='cc', k=6)", "gaussian", {"random": "~ (1 + z | g)"}),
    "diagonal": ("count ~ te(x, z, k=4)", "poisson", {}),
    "two penalties": ("y ~ s(x, bs='bs', m=c(3,2,1), k=8)", "gaussian", {}),
    "Cholesky": ("count ~ s(x, bs='bs', m=c(3,2,1,0), k=8)", "poisson", {}),
    "adaptive": ("y ~ s(x, bs='ad', k=8, m=3) + z", "gaussian", {}),
    "sz": ("y ~ s(x, k=5) + s(f, x, bs='sz', k=4)", "gaussian", {}),
    "t2": ("y ~ t2(x, z, k=4) + offset(w)", "gaussian", {}),
    "fs": ("count ~ s(x, g, bs='fs', k=4)", "neg_binomial_2", {}),
    "re": ("y ~ s(x, k=5) + s(g, bs='re')", "gaussian", {}),
    "by factor": ("y ~ f + s(x, by=f, k=5)", "gaussian", {}),
    "by number": ("count ~ s(x, by=w, k=5)", "poisson", {}),
    "select, id": ("y ~ s(x, id=1, k=5) + s(z, id=1, k=5)", "gaussian", {"select": True}),
    "fx, ti": (
        "y ~ s(x, fx=TRUE, k=4) + s(z, bs='cr', k=4) + ti(x, z, k=4)",
        "gaussian",
        {"prior": gl.normal(0, 1)},
    ),
    "rstanarm": (
        "y ~ s(x, k=6) + s(z, bs='ts', k=5)",
        "gaussian",
        {"prior_smooth": gl.rstanarm_smooth_prior()},
    ),
}


def build(name: str, table: pd.DataFrame = TABLE, **more: Any) -> gl.Gamm4Builder:
    """The model of a case, not fitted."""
    formula, family, arguments = CASES[name]
    return gl.Gamm4Builder(formula, table, family=family, **{**arguments, **more})


@cache
def fitted(name: str) -> gl.Gamm4Builder:
    """The model with 24 fake draws; every call the same."""
    return fake_fit(build(name), draws=12, chains=2)
