"""Measure everything and write the results: ``python -m benchmarks [--data FOLDER]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import CASES
from benchmarks.processes import prediction, processes

HERE = Path(__file__).parent
MARK = "<!-- results: written by python -m benchmarks -->"
PACKAGES = ("pymc-glimmer", "pymc", "pytensor", "nutpie", "numba", "bambi", "numpy")


def main() -> None:
    """Run the benchmarks asked for, print and write tables and plot."""
    chosen = arguments()
    found = {name: case(name, chosen.runs, chosen.data) for name in chosen.only if name in CASES}
    lines = [heading(chosen.runs), sampling_table(found)]
    if "processes" in chosen.only:
        lines.append(process_table("warm", processes(chosen.runs, cold=False)))
        lines.append(process_table("empty", processes(chosen.runs, cold=True)))
        lines.append(f"Prediction of 1,000 rows: {median(prediction(chosen.runs)):.2f} s.\n")
    text = "\n".join(lines)
    print(text)
    if chosen.write:
        readme = HERE / "README.md"
        readme.write_text(readme.read_text().split(MARK)[0] + MARK + "\n\n" + text)
        plot(found)


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    every = [*CASES, "processes"]
    parser.add_argument("--data", type=Path, help="folder with VerbAgg.csv and InstEval.csv")
    parser.add_argument("--runs", type=int, default=3, help="medians of so many")
    parser.add_argument("--only", nargs="+", choices=every, metavar="NAME", help=", ".join(every))
    parser.add_argument("--write", action="store_true", help="write README.md and results.png")
    chosen = parser.parse_args()
    if chosen.only is None:
        skipped = {n for n, c in CASES.items() if c.needs_data and chosen.data is None}
        chosen.only = [name for name in every if name not in skipped]
        if skipped:
            print(f"Without --data: not {', '.join(sorted(skipped))}.", file=sys.stderr)
    return chosen


def case(name: str, runs: int, folder: Path | None) -> dict[str, list[dict[str, Any]]]:
    """Measurements by kind; kinds take turns, so that a busy machine slows all of them."""
    kinds = ("glimmer", *CASES[name].peers)
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for seed in range(1, runs + 1):
        for kind in kinds:
            command = [sys.executable, "-m", "benchmarks.measure", name, kind, str(seed)]
            command += [str(folder)] if folder is not None else []
            output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            one = json.loads(output.splitlines()[-1]) | {"load": os.getloadavg()[0]}
            print(name, kind, seed, json.dumps(one), file=sys.stderr, flush=True)
            found[kind].append(one)
    return found


def rate(measured: list[dict[str, Any]]) -> float:
    """Median of the smallest effective sample size per second of sampling."""
    return median(one["ess"] / one["seconds"] for one in measured)


def heading(runs: int) -> str:
    """When, where and with what."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, {versions}. Medians of {runs}.\n"
    )


def sampling_table(found: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """Markdown: each model, and how many times faster than its peers."""
    rows = [
        "| model | min ESS | sampling s | ESS/s | x plain | x bambi | total s | peak MB "
        "| divergences | R-hat | load | aim |",
        "|---" * 12 + "|",
    ]
    for name, kinds in found.items():
        own = kinds["glimmer"]
        middle = {key: median(one[key] for one in own) for key in own[0]}
        ratios = [
            f"{rate(own) / rate(kinds[peer]):.1f}" if peer in kinds else ""
            for peer in ("plain", "bambi")
        ]
        rows.append(
            f"| {name} | {middle['ess']:.0f} | {middle['seconds']:.2f} | {rate(own):.0f} "
            f"| {ratios[0]} | {ratios[1]} | {middle['total']:.1f} | {middle['peak_mb']:.0f} "
            f"| {max(one['divergences'] for one in own)} | {middle['rhat']:.3f} "
            f"| {middle['load']:.1f} | {CASES[name].target} |"
        )
    return "\n".join(rows) + "\n"


def process_table(caches: str, found: dict[str, list[float]]) -> str:
    """Markdown: seconds of whole processes, and the ratio to the floor process."""
    floor = median(found["floor"])
    rows = [f"| process, {caches} cache | s | x floor |", "|---|---|---|"]
    rows += [f"| {n} | {median(s):.1f} | {median(s) / floor:.2f} |" for n, s in found.items()]
    return "\n".join(rows) + "\n"


def plot(found: dict[str, dict[str, list[dict[str, Any]]]]) -> None:
    """Effective draws per second of each model and its peers."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 0.5 * len(found) + 1.5), layout="constrained")
    marks = {"glimmer": "o", "plain": "s", "bambi": "^"}
    for kind, mark in marks.items():
        at = [(rate(kinds[kind]), i) for i, kinds in enumerate(found.values()) if kind in kinds]
        if at:
            axis.plot(*zip(*at, strict=True), mark, label=kind)
    axis.set(xscale="log", xlabel="smallest bulk-ESS per second of sampling")
    axis.set_yticks(range(len(found)), list(found))
    axis.invert_yaxis()
    axis.legend(frameon=False)
    figure.savefig(HERE / "results.png", dpi=120)


if __name__ == "__main__":
    main()
