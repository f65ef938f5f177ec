"""One measurement in a process of its own: a model, in some coordinates or by a peer.

``python -m benchmarks.measure CASE KIND SEED [FOLDER]`` prints a JSON object.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import nutpie

from benchmarks.cases import CASES
from benchmarks.plain import plain
from glimmer.sampling import run

DRAWS = {"draws": 1000, "tune": 1000, "chains": 4}


def measure(name: str, kind: str, seed: int, folder: Path | None) -> dict[str, Any]:
    """Fit once; return seconds, the smallest effective sample size, and what went wrong."""
    case, before = CASES[name], peak()
    arguments = {**DRAWS, **case.fit}
    start = time.perf_counter()
    model = case.build(folder)
    sampler = (run, "run_nutpie") if kind == "glimmer" else (nutpie, "sample")
    with seconds_of(*sampler) as clock:
        if kind == "glimmer":
            drawn = model.fit(random_seed=seed, progressbar=False, **arguments)
        else:
            peer = plain(name, model) if kind == "plain" else by_bambi(model)
            compiled = nutpie.compile_pymc_model(peer)
            drawn = nutpie.sample(compiled, seed=seed, progress_bar=False, **arguments)
    posterior, stats = drawn["posterior"].to_dataset(), drawn["sample_stats"].to_dataset()
    reported = [name for name in posterior if not str(name).endswith("_z")]
    total, memory = time.perf_counter() - start, peak()
    smallest, rhat = diagnostics(posterior[reported])
    return {
        "seconds": clock[0],
        "total": total,
        "ess": smallest,
        "rhat": rhat,
        "divergences": int(stats["diverging"].sum()),
        "steps": float(stats["n_steps"].mean()),
        "peak_mb": memory,
        "added_mb": memory - before,
    }


def peak() -> float:
    """Most memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def seconds_of(owner: Any, name: str) -> Iterator[list[float]]:
    """Time what a function takes."""
    shipped, clock = getattr(owner, name), [0.0]

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        drawn = shipped(*args, **kwargs)
        clock[0] += time.perf_counter() - start
        return drawn

    setattr(owner, name, timed)
    try:
        yield clock
    finally:
        setattr(owner, name, shipped)


def by_bambi(model: Any) -> Any:
    """The same model, with the same priors, as bambi's PyMC model."""
    other = model.to_bambi()
    other.build()
    return other.backend.model


def diagnostics(posterior: Any) -> tuple[float, float]:
    """The smallest bulk-ESS and the largest R-hat of all elements that vary."""
    from arviz_stats import ess, rhat

    smallest, largest = np.inf, 0.0
    for name in posterior.data_vars:
        values = posterior[name].transpose("chain", "draw", ...)
        if float(np.ptp(values.values)) == 0:
            continue
        size, ratio = ess(values, method="bulk").values, rhat(values).values
        varies = np.ptp(values.values, axis=(0, 1)) > 0
        smallest = min(smallest, float(np.min(size[varies])))
        largest = max(largest, float(np.max(ratio[varies])))
    return smallest, largest


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    case, kind, seed = sys.argv[1:4]
    folder = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    print(json.dumps(measure(case, kind, int(seed), folder)))
