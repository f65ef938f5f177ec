"""Simulation-based calibration: posteriors are right on data drawn from the prior.

``python -m benchmarks.sbc [--kinds NAME ...] [--simulations 500] [--wrong]``

Parameters are drawn from the prior, data from the model, and the rank of each true value among its
posterior draws must be uniform (Talts et al. 2018). Quantities that depend on the data too, the log
likelihood and a prediction, find errors that parameters alone do not (Modrak et al. 2023). A model
is compiled once; each simulation hands it new data. Ranks are judged by simultaneous bands of
their ECDF (Sailynoja, Burkner & Vehtari 2022). ``--wrong`` leaves out the Jacobian of one standard
deviation, which must be found.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
from scipy.stats import binom

import glimmer as gl
from glimmer.assemble import assemble
from glimmer.coordinates.choose import choose
from glimmer.interpreter.replay import Replay, flat
from glimmer.interpreter.sampler import Sampler
from glimmer.kernels import one_blas_thread
from glimmer.sampling.fit import _recovered
from glimmer.sampling.nutpie_compile import compile_for_nutpie

RANKS = 99  # posterior draws that a true value is compared with
SAMPLER = {"draws": 495, "tune": 500, "chains": 2}
PRIORS = {"prior": gl.normal(0, 1), "prior_intercept": gl.normal(0, 1)}
NOISE = {"prior_aux": gl.exponential(1)}
SMOOTH = {"prior_smooth": gl.exponential(1)}


def table(rows: int = 60) -> pd.DataFrame:
    """The covariates; outcomes are replaced in each simulation."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "y": y,
            "count": rng.poisson(2, rows),
            "hits": rng.integers(0, 3, rows),
            "misses": rng.integers(3, 6, rows),
            "x": rng.normal(size=rows),
            "t": rng.uniform(0, 1, rows),
            "exposure": rng.uniform(-0.5, 0.5, rows),
            "g": np.resize(list("abcdefgh"), rows),
            "h": np.repeat(list("uvwxyz"), rows // 6),
        }
    )


KINDS: dict[str, tuple[type, str, dict[str, Any]]] = {
    "slopes": (gl.GlmerBuilder, "y ~ x + (x | g)", NOISE),
    "crossed": (gl.GlmerBuilder, "y ~ x + (1 | g) + (1 | h)", NOISE),
    "binomial": (gl.GlmerBuilder, "cbind(hits, misses) ~ x + (x | g)", {"family": "binomial"}),
    "Poisson": (
        gl.GlmerBuilder,
        "count ~ x + offset(exposure) + (1 | g)",
        {"family": "poisson"},
    ),
    "negative binomial": (
        gl.Gamm4Builder,
        "count ~ s(t, k=5)",
        {"family": "neg_binomial_2", **NOISE, **SMOOTH},
    ),
    "gamm": (gl.Gamm4Builder, "y ~ s(t, k=6)", {"random": "~ (1 | g)", **NOISE, **SMOOTH}),
}


class Calibration:
    """One kind of model, compiled once."""

    def __init__(self, kind: str, wrong: bool = False) -> None:
        builder, formula, arguments = KINDS[kind]
        self.model = builder(formula, table(), **{**PRIORS, **arguments})
        spec, design = self.model.spec, self.model.design
        self.wrong = wrong
        self.compiled: Any = None
        assembly = assemble(spec, design, observe=False)
        self.names = [variable.name for variable in assembly.model.free_RVs]
        outcome = assembly.outcome.distribution()
        self.prior = Sampler([], [*assembly.model.free_RVs, outcome])
        self.y = pytensor.shared(np.asarray(design.y).astype(outcome.dtype))
        density = pm.logp(outcome, self.y).sum()
        self.asked = Replay(assembly.model, [density, assembly.expected[0]], self.names)
        self.plain = self.model.build()

    def ranks(self, seed: int) -> dict[str, int]:
        """Simulate once; return the rank of every quantity among ``RANKS`` posterior draws."""
        self.prior.seed(seed)
        *values, y = self.prior()
        truth = self._quantities({n: v[None] for n, v in zip(self.names, values, strict=True)}, y)
        draws = self._quantities(self._posterior(y, seed), y)
        return {name: int((draws[name] < truth[name]).sum()) for name in truth}

    def _posterior(self, y: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        import nutpie

        design = replace(self.model.design, y=y.astype(float))
        plan = choose(self.model.spec, design, None)
        assert plan is not None
        if self.compiled is None:
            self.compiled = self._compile(plan)
        data = {v.name: v.get_value() for v in plan.model.data_vars}
        with one_blas_thread():
            drawn = nutpie.sample(
                self.compiled.with_data(**data), seed=seed, progress_bar=False, **SAMPLER
            )
        posterior = drawn["posterior"].to_dataset()
        every = posterior.sizes["chain"] * posterior.sizes["draw"] // RANKS
        posterior = posterior.isel(draw=slice(None, None, every))
        recovered = _recovered(plan, self.plain, posterior, seed, ())
        return {name: flat(recovered[name])[:RANKS] for name in self.names}

    def _compile(self, plan: Any) -> Any:
        if self.wrong:
            with plan.model:
                pm.Potential("wrong", -pt.log(pt.concatenate([plan.triangles, plan.scales])[0]))
        return compile_for_nutpie(plan.model, var_names=[v.name for v in plan.model.free_RVs])

    def _quantities(self, draws: dict[str, np.ndarray], y: np.ndarray) -> dict[str, np.ndarray]:
        """Draws of scalars: up to three elements of each variable, and what depends on data."""
        self.y.set_value(y.astype(self.y.dtype))
        out = {}
        for name, values in draws.items():
            for i, column in enumerate(values.reshape(len(values), -1).T[:3]):
                out[f"{name}[{i}]"] = column
        out["log likelihood"], out["prediction"] = self.asked(draws, len(values))
        return out


def spread(ranks: np.ndarray) -> np.ndarray:
    """The least pointwise probability of the ECDF of ranks, were they uniform; shape (..., N)."""
    count = ranks.shape[-1]
    points = np.arange(1, RANKS + 1)
    below = (ranks[..., None] < points).sum(axis=-2)
    share = points / (RANKS + 1)
    low, high = binom.cdf(below, count, share), binom.sf(below - 1, count, share)
    return 2 * np.minimum(low, high).min(axis=-1)


def p_values(ranks: dict[str, np.ndarray], simulations: int = 2000) -> dict[str, float]:
    """For each quantity, the probability that uniform ranks would stray as far somewhere."""
    count = len(next(iter(ranks.values())))
    rng = np.random.default_rng(0)
    null = np.array(
        [spread(rng.integers(0, RANKS + 1, count)) for _ in range(simulations)], dtype=float
    )
    return {name: float((null <= spread(values)).mean()) for name, values in ranks.items()}


def calibrate(kind: str, simulations: int, wrong: bool, report: Callable[[str], None]) -> bool:
    """Run one kind; return whether all ranks are uniform at the 1 % level, all tests together."""
    calibration, start = Calibration(kind, wrong), time.perf_counter()
    rows = []
    for i in range(simulations):
        rows.append(calibration.ranks(i + 1))
        if (i + 1) % 50 == 0:
            print(f"{kind}: {i + 1} in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    ranks = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    found = p_values(ranks)
    worst = min(found, key=lambda name: found[name])
    uniform = found[worst] * len(found) > 0.01
    report(
        f"| {kind} | {simulations} | {len(found)} | {worst} | {found[worst]:.4f} "
        f"| {'uniform' if uniform else 'NOT uniform'} |"
    )
    return uniform


def main() -> int:
    """Print a table; the exit code counts the kinds that were not as expected."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sbc")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--wrong", action="store_true", help="leave out a Jacobian")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| kind | simulations | quantities | worst | its p | ranks |\n" + "|---" * 6 + "|")
    good = [
        calibrate(kind, chosen.simulations, chosen.wrong, lambda line: print(line, flush=True))
        for kind in chosen.kinds
    ]
    return sum(one == chosen.wrong for one in good)


if __name__ == "__main__":
    sys.exit(main())
