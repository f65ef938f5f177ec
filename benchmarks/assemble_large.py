"""Time and memory to assemble a model of 200,000 rows, 20,000 groups and a correlated slope."""

import json
import resource
import subprocess
import sys
import time

ROWS, GROUPS = 200_000, 20_000


def table():
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    g = rng.integers(0, GROUPS, ROWS)
    x = rng.normal(size=ROWS)
    b = rng.normal(size=(GROUPS, 2)) * [1.0, 0.5]
    y = 1 + 2 * x + b[g, 0] + b[g, 1] * x + rng.normal(size=ROWS)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def measure():
    import pymc  # noqa: F401  the import is not what is measured

    import glimmer as gl

    data = table()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    model = gl.GlmerBuilder("y ~ x + (x | g)", data).build()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(model.coords["g__factor_dim"]) == len(data.g.unique())
    return {"seconds": seconds, "peak_mb": peak / 1024, "added_mb": (peak - before) / 1024}


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(json.dumps(measure()))
    else:
        command = [sys.executable, __file__, "--measure"]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        print(
            f"{ROWS:,} rows x {GROUPS:,} groups: {found['seconds']:.2f} s, process peak "
            f"{found['peak_mb']:.0f} MB, of which the model added {found['added_mb']:.0f} MB"
        )
