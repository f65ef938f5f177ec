"""Whole processes, from Python's start to the printed model, beside the least one can do."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

FLOOR = """
import numpy as np, pymc as pm, nutpie, arviz as az
y = np.random.default_rng(0).normal(size=100)
with pm.Model() as model:
    mu = pm.Normal("mu", 0, 10)
    sigma = pm.Exponential("sigma", 1)
    pm.Normal("y", mu, sigma, observed=y)
compiled = nutpie.compile_pymc_model(model)
print(az.summary(nutpie.sample(compiled, draws=1000, tune=1000, chains=4, progress_bar=False)))
"""
MODEL = """
import warnings; warnings.simplefilter("ignore")
from benchmarks.cases import CASES
case = CASES[{name!r}]
model = case.build(None)
model.fit(random_seed=1, progressbar=False, **case.fit)
print(model)
"""
SAVE = """
from benchmarks.cases import CASES
model = CASES["sleepstudy"].build(None)
model.fit(random_seed=1, progressbar=False)
model.save({path!r}, overwrite=True)
"""
PREDICT = """
import time
import pymc, arviz, numpy as np, glimmer as gl
from glimmer.builders.saved import load
start = time.perf_counter()
model = load({path!r})
days = np.linspace(0, 9, 1000)
model.predict({{"Days": days, "Subject": np.resize(model.spec.groups[0].levels, 1000)}})
print(time.perf_counter() - start)
"""
DEMOS = ("sleepstudy", "cbpp", "roaches", "Orange", "Theoph")


def processes(runs: int, cold: bool) -> dict[str, list[float]]:
    """Seconds of the floor process and of each demo model's, ``runs`` times in turn.

    With ``cold``, the caches of numba and PyTensor are empty at each start.
    """
    codes = {"floor": FLOOR, **{name: MODEL.format(name=name) for name in DEMOS}}
    if not cold:
        for code in codes.values():
            seconds(code, None)
    found: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(runs):
        for name, code in codes.items():
            with tempfile.TemporaryDirectory() as caches:
                found[name].append(seconds(code, caches if cold else None))
    return found


def prediction(runs: int) -> list[float]:
    """Seconds of a prediction of 1,000 rows from a saved model, in fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model")
        output(SAVE.format(path=path), None)
        return [float(output(PREDICT.format(path=path), None)) for _ in range(runs)]


def seconds(code: str, caches: str | None) -> float:
    """Seconds that a process takes to run ``code``."""
    start = time.perf_counter()
    output(code, caches)
    return time.perf_counter() - start


def output(code: str, caches: str | None) -> str:
    """What a process prints."""
    own = {}
    if caches is not None:
        own = {"NUMBA_CACHE_DIR": caches, "PYTENSOR_FLAGS": f"base_compiledir={caches}"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout
