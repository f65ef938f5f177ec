"""Whatever has Monte Carlo error, under several seeds and as several processors compute it.

``python -m tests.seeds`` runs the tests that compare draws under five seeds, and under the linear
algebra of several processors (OPENBLAS_CORETYPE), whose last bits lead to other draws. Fails, if
one of them fails. File names choose among the tests: ``python -m tests.seeds test_fit.py``.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SEEDS = (0, 1, 2, 3, 4)
FLAGS = {"Nehalem": "sse4_2", "Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512f"}


def statistical() -> list[str]:
    """The test files that use the rule, themselves or by the models that they import."""
    helpers = {path.stem for path in HERE.glob("*.py") if not path.stem.startswith("test_")}
    uses = {"agreement"}
    while True:
        found = {name for name in helpers if uses & _imports(HERE / f"{name}.py")}
        if found <= uses:
            break
        uses |= found
    tests = sorted(HERE.glob("test_*.py"))
    return [path.name for path in tests if uses & _imports(path)]


def _imports(path: Path) -> set[str]:
    return set(re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.M))


def coretypes() -> list[str]:
    """Those whose instructions this processor has."""
    information = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not information.exists():
        return []
    known = set(re.search(r"^flags.*", information.read_text(), re.M)[0].split())
    return [name for name, flag in FLAGS.items() if flag in known]


def run(files: list[str], seed: int, coretype: str | None, options: list[str]) -> tuple[bool, str]:
    """Whether the tests pass, and the row of the table."""
    env = {**os.environ, "GLIMMER_TEST_SEED": str(seed)}
    if coretype is not None:
        env["OPENBLAS_CORETYPE"] = coretype
    paths = [str(HERE / Path(name).name) for name in files]
    command = [sys.executable, "-m", "pytest", "--color=no", *options, *paths]
    start = time.monotonic()
    done = subprocess.run(command, env=env, cwd=HERE.parent, capture_output=True, text=True)
    count = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-80:]]
    summary = re.sub(r" in [\d.]+s.*", "", count[0]).strip("= ")
    names = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.M)
    minutes = (time.monotonic() - start) / 60
    row = f"{seed:>4}  {coretype or 'own':<9}  {minutes:7.1f}  {summary}"
    return done.returncode == 0, "\n".join([row, *(f"      {name}" for name in names)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.seeds", description=__doc__)
    parser.add_argument("files", nargs="*", help="test files; all that compare draws")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--coretypes", nargs="*", default=coretypes())
    parser.add_argument("--pytest", default="", help="further options, such as '-n 2'")
    given = parser.parse_args()
    files = given.files or statistical()
    runs = [(seed, None) for seed in given.seeds] + [(0, name) for name in given.coretypes]
    print(f"{len(files)} files\nseed  processor  minutes  tests")
    good = True
    for seed, coretype in runs:
        passed, row = run(files, seed, coretype, given.pytest.split())
        good = good and passed
        print(row, flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
