"""Intervals of nonlinear models hold the truth as often as they say.

``python -m benchmarks.nlmer_coverage [--kinds NAME ...] [--simulations 50] [--write]``

Data are simulated from fixed true values and fitted as a user would: default priors, no starts.
Over simulations, the central 90 % interval of each parameter must hold its true value nine times
in ten: each parameter's count is judged by a binomial interval, 99 % for all of a kind together,
and so is the share over all of them. ``--write`` puts the tables into ``nlmer_coverage.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
from scipy.stats import binom

import glimmer as gl
from glimmer.errors import ModelWarning
from glimmer.results.checks.verdict import check

TABLE = Path(__file__).parent / "nlmer_coverage.md"
NOTE = "<!-- written by hand -->\n"
INSIDE = 0.9
SURE = 0.99
GROUPS, TIMES = 16, np.array([0.25, 0.5, 1, 2, 3, 5, 7, 9, 12])
SAMPLER = {"draws": 500, "tune": 500, "chains": 2, "progressbar": False}


@dataclass(frozen=True)
class Kind:
    """A kind of model: how it is built, its truth, and the outcome given noise and group effects.

    Attributes
    ----------
    formula : str
    truth : dict of str to float
        By name in the posterior.
    outcome : callable
        ``outcome(table, b, rng)``: b has standard normals for each row's group, one column for each
        effect.
    arguments : dict
        Of `NlmerBuilder`.
    """

    formula: str
    truth: dict[str, float]
    outcome: Callable[[pd.DataFrame, np.ndarray, np.random.Generator], np.ndarray]
    arguments: dict[str, Any] = field(default_factory=dict)


def two_stage(t: Any, base: Any, top: Any, lk: Any) -> Any:
    """A curve of the user's own, in PyTensor: saturation from a base."""
    return base + (top - base) * (1 - pt.exp(-pt.exp(lk) * t))


def _function(d: pd.DataFrame, b: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    top, rate = 30 + 4 * b[:, 0], np.exp(-1 + 0.25 * b[:, 1])
    return 5 + (top - 5) * (1 - np.exp(-rate * d["t"])) + 1.5 * rng.normal(size=len(d))


def _inline(d: pd.DataFrame, b: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    a = 20 + 3 * d["x"] + 2 * b[:, 0]
    return a * np.exp(-0.3 * d["t"]) + 4 + 0.8 * rng.normal(size=len(d))


def _counts(d: pd.DataFrame, b: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mean = 40 * np.exp(0.4 * b[:, 0]) / (1 + np.exp((5 - d["t"]) / 1.5))
    return rng.negative_binomial(6, 6 / (6 + mean))


def _concentration(d: pd.DataFrame, b: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ka, cl, ke = np.exp(0.3 + 0.4 * b[:, 0]), np.exp(-3 + 0.25 * b[:, 1]), np.exp(-2)
    t = d["t"]
    median = d["dose"] * ke * ka / (cl * (ka - ke)) * (np.exp(-ke * t) - np.exp(-ka * t))
    return median * np.exp(0.2 * rng.normal(size=len(d)))


KINDS = {
    "function": Kind(
        "y ~ two_stage(t, base, top, lk) ~ (top | g) + (lk | g)",
        {"base": 5, "top": 30, "lk": -1, "top|g_sigma": 4, "lk|g_sigma": 0.25, "sigma": 1.5},
        _function,
        {
            "function": two_stage,
            "kinds": {"base": "y-level", "top": "y-level", "lk": "log-rate"},
        },
    ),
    "inline": Kind(
        "y ~ a * exp(-k * t) + c",
        {"a_Intercept": 20, "a_x": 3, "k": 0.3, "c": 4, "a|g_sigma": 2, "sigma": 0.8},
        _inline,
        {
            "params": {"a": "~ x + (1 | g)", "k": "~ 1", "c": "~ 1"},
            "kinds": {"a": "y-difference", "k": "rate", "c": "y-level"},
        },
    ),
    "negative binomial": Kind(
        "y ~ SSlogis(t, Asym, xmid, scal) ~ Asym | g",
        {"Asym": 40, "xmid": 5, "scal": 1.5, "Asym|g_sigma": 0.4, "alpha": 6},
        _counts,
        {"family": "neg_binomial_2"},
    ),
    "lognormal": Kind(
        "y ~ SSfol(dose, t, lKe, lKa, lCl) ~ (lKa | g) + (lCl | g)",
        {
            "lKe": -2,
            "lKa": 0.3,
            "lCl": -3,
            "lKa|g_sigma": 0.4,
            "lCl|g_sigma": 0.25,
            "sigma": 0.2,
        },
        _concentration,
        {"family": "lognormal"},
    ),
}


def simulate(kind: Kind, seed: int) -> pd.DataFrame:
    """A table of 16 groups with 9 rows each."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(GROUPS), len(TIMES))
    table = pd.DataFrame(
        {
            "t": np.tile(TIMES, GROUPS),
            "g": np.array([f"g{i:02}" for i in range(GROUPS)])[group],
            "x": rng.normal(size=GROUPS)[group],
            "dose": rng.uniform(3, 6, GROUPS)[group],
        }
    )
    return table.assign(y=np.asarray(kind.outcome(table, rng.normal(size=(GROUPS, 2))[group], rng)))


@dataclass(frozen=True)
class Simulation:
    """For each parameter the share of draws below the truth; divergences and the largest R-hat."""

    below: dict[str, float]
    divergences: int
    rhat: float


def fit(name: str, seed: int) -> Simulation:
    """Simulate and fit once."""
    kind = KINDS[name]
    model = gl.NlmerBuilder(kind.formula, simulate(kind, seed), **kind.arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        model.fit(random_seed=seed, **SAMPLER)
    posterior, verdict = model.idata["posterior"].to_dataset(), check(model.idata)
    below = {name: float((posterior[name] < truth).mean()) for name, truth in kind.truth.items()}
    return Simulation(below, verdict.divergences, float(verdict.rhat[0]))


def fits(name: str, count: int) -> Iterator[Simulation]:
    """Fits of a kind, ten in a process: what is compiled is never given back."""
    with get_context("spawn").Pool(1, maxtasksperchild=10) as pool:
        yield from pool.imap(partial(fit, name), range(count))


def acceptable(trials: int, parameters: int) -> tuple[int, int]:
    """Counts inside that a right interval gives, with 99 % for so many parameters together."""
    outside = (1 - SURE) / parameters / 2
    return int(binom.ppf(outside, trials, INSIDE)), int(binom.ppf(1 - outside, trials, INSIDE))


def judged(name: str, done: list[Simulation], seconds: float) -> tuple[list[str], bool]:
    """The lines of one kind, and whether all is as it should be."""
    n, tail = len(done), (1 - INSIDE) / 2
    below = pd.DataFrame([one.below for one in done])
    low, high = acceptable(n, below.shape[1])
    good = True
    lines = []
    for parameter, truth in KINDS[name].truth.items():
        left, right = ((below[parameter] < tail).sum(), (below[parameter] > 1 - tail).sum())
        inside = n - left - right
        good &= bool(low <= inside <= high)
        lines.append(
            f"| {name} | {parameter.replace('|', chr(92) + '|')} | {truth:g} | {inside} of {n} "
            f"| {low} to {high} | {left} | {right} | |"
        )
    inside = int(((below >= tail) & (below <= 1 - tail)).to_numpy().sum())
    low, high = acceptable(below.size, 1)
    good &= low <= inside <= high
    worst = max(one.rhat for one in done)
    diverged = sum(one.divergences for one in done)
    lines.append(
        f"| {name} | all | | {inside} of {below.size} ({inside / below.size:.1%}) "
        f"| {low} to {high} | | | {'as expected' if good else 'NOT as expected'}; divergences "
        f"{diverged}, R-hat at most {worst:.3f}, {seconds / n:.1f} s each |"
    )
    return lines, good


def main() -> int:
    """Print a table; the exit code counts the kinds that were not as expected."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nlmer_coverage")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--simulations", type=int, default=50)
    parser.add_argument("--write", action="store_true", help="into nlmer_coverage.md")
    asked = parser.parse_args()
    head = (
        "kind | parameter | truth | inside 90 % | acceptable | truth below | truth above | verdict"
    )
    lines = [f"| {head} |", "|" + "---|" * 8]
    print("\n".join(lines), flush=True)
    failed = 0
    for name in asked.kinds:
        begun = time.perf_counter()
        done = []
        for one in fits(name, asked.simulations):
            done.append(one)
            print(f"{name} {len(done)}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        own, good = judged(name, done, time.perf_counter() - begun)
        print("\n".join(own), flush=True)
        lines += own
        failed += not good
    if asked.write:
        note = TABLE.read_text().partition(NOTE)[2]
        TABLE.write_text("\n".join([heading(), *lines]) + f"\n\n{NOTE}{note}")
    return failed


def heading() -> str:
    """When and where."""
    versions = ", ".join(f"{p} {version(p)}" for p in ("pymc-glimmer", "pymc", "nutpie"))
    return (
        f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {versions}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
