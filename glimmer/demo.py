"""Fits a model to each of some real data sets, prints and draws it. Run ``glimmer demo``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import glimmer as gl

INTERVAL = (0.05, 0.95)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command ``glimmer``."""
    parser = argparse.ArgumentParser(prog="glimmer", description=gl.__doc__)
    commands = parser.add_subparsers(required=True)
    demo = commands.add_parser("demo", help="fit models to data sets that ship, and draw them")
    demo.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(DEMOS)}")
    demo.add_argument("--out", type=Path, default=Path("glimmer-demo"), help="folder for figures")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in DEMOS]
    if unknown:
        demo.error(f"there is no demo {unknown[0]!r}; choose from {', '.join(DEMOS)}")
    run(chosen.names or list(DEMOS), chosen.out)


def run(names: Sequence[str], out: Path) -> None:
    """Fit, print and draw the models named; save the figures in ``out``."""
    import matplotlib

    matplotlib.use("Agg")
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        title, fit = DEMOS[name]
        print(f"\n== {name}: {title}\n")
        model, figure = fit()
        print(model)
        path = out / f"{name}.png"
        figure.savefig(path, dpi=120)
        print(f"\nFigure saved in {path}")


def sleepstudy() -> tuple[Any, Any]:
    """Reaction times of 18 subjects, each with a line of their own."""
    import matplotlib.pyplot as plt

    data = gl.load_data("sleepstudy")
    model = gl.lmer("Reaction ~ Days + (Days | Subject)", data, random_seed=1)
    own = model.posterior_epred()
    figure, axes = plt.subplots(3, 6, figsize=(11, 6), sharex=True, sharey=True, layout="tight")
    for axis, (subject, rows) in zip(
        axes.flat, data.groupby("Subject", observed=True), strict=True
    ):
        band(axis, rows["Days"], own.sel(obs_id=rows.index))
        axis.plot(rows["Days"], rows["Reaction"], "k.", ms=4)
        axis.set_title(f"Subject {subject}", fontsize=9)
    figure.supxlabel("Days of sleep deprivation")
    figure.supylabel("Reaction time (ms)")
    return model, figure


def cbpp() -> tuple[Any, Any]:
    """Incidence of pleuropneumonia by period, in the herds seen and in new ones."""
    import matplotlib.pyplot as plt

    data = gl.load_data("cbpp")
    model = gl.glmer(
        "cbind(incidence, size - incidence) ~ period + (1 | herd)",
        data,
        family="binomial",
        random_seed=1,
    )
    periods = {"period": ["1", "2", "3", "4"], "herd": ["a new herd"] * 4}
    figure, axis = plt.subplots(figsize=(6, 4), layout="tight")
    rng = np.random.default_rng(1)
    at = data["period"].astype(int) + rng.uniform(-0.15, 0.15, len(data))
    axis.plot(at, data["incidence"] / data["size"], "k.", alpha=0.5, label="herds observed")
    for shift, groups, label in ((-0.1, "marginal", "average herd"), (0.1, "all", "a new herd")):
        draws = model.posterior_epred(periods, groups=groups, random_seed=1)
        values = draws.stack(sample=("chain", "draw")).values
        low, middle, high = np.quantile(values, [INTERVAL[0], 0.5, INTERVAL[1]], axis=1)
        x = np.arange(1, 5) + shift
        axis.errorbar(x, middle, [middle - low, high - middle], fmt="o", capsize=3, label=label)
    axis.set(xlabel="Period", ylabel="Incidence", xticks=range(1, 5))
    axis.legend(frameon=False)
    return model, figure


def roaches() -> tuple[Any, Any]:
    """Roaches caught after treatment, smooth in those caught before."""
    data = gl.load_data("roaches")
    data = data.assign(roach1=data["roach1"] / 100, log_exposure2=np.log(data["exposure2"]))
    model = gl.gamm4(
        "y ~ s(roach1) + treatment + log_exposure2",
        data,
        random="~ (1 | senior)",
        family="neg_binomial_2",
        QR=True,
        checks={"few_levels": "ignore"},
        target_accept=0.95,
        random_seed=1,
    )
    return model, model.plot_nonlinear()


def orange() -> tuple[Any, Any]:
    """Growth of five orange trees, and of a sixth that was not measured."""
    import matplotlib.pyplot as plt

    data = gl.load_data("Orange")
    model = gl.nlmer(
        "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree", data, random_seed=1
    )
    ages = np.linspace(data["age"].min(), data["age"].max(), 40)
    figure, axes = plt.subplots(2, 3, figsize=(9, 5), sharex=True, sharey=True, layout="tight")
    for axis, tree in zip(axes.flat, ["1", "2", "3", "4", "5", "6"], strict=True):
        draws = model.posterior_epred({"age": ages, "Tree": [tree] * 40}, random_seed=1)
        band(axis, ages, draws)
        rows = data[data["Tree"] == tree]
        axis.plot(rows["age"], rows["circumference"], "k.")
        axis.set_title(f"Tree {tree}" if len(rows) else f"Tree {tree} (new)", fontsize=10)
    figure.supxlabel("Age (days)")
    figure.supylabel("Circumference (mm)")
    return model, figure


def theoph() -> tuple[Any, Any]:
    """Theophylline in the blood of twelve subjects after a dose by mouth."""
    import matplotlib.pyplot as plt

    data = gl.load_data("Theoph")
    model = gl.nlmer(
        "conc ~ SSfol(Dose, Time, lKe, lKa, lCl) ~ (0 + lKe + lKa + lCl | Subject)",
        data,
        random_seed=1,
    )
    hours = np.linspace(0, 25, 50)
    figure, axes = plt.subplots(3, 4, figsize=(10, 7), sharex=True, sharey=True, layout="tight")
    by_subject = data.groupby("Subject", observed=True)
    for axis, (subject, rows) in zip(axes.flat, by_subject, strict=True):
        dose = np.full(50, rows["Dose"].iloc[0])
        table = {"Time": hours, "Dose": dose, "Subject": [subject] * 50}
        band(axis, hours, model.posterior_epred(table))
        axis.plot(rows["Time"], rows["conc"], "k.")
        axis.set_title(f"Subject {subject}", fontsize=9)
    figure.supxlabel("Hours after the dose")
    figure.supylabel("Theophylline (mg/L)")
    return model, figure


def band(axis: Any, x: Any, draws: Any) -> None:
    """Median and 90 % interval of ``draws`` over ``x``."""
    values = draws.stack(sample=("chain", "draw")).values
    low, middle, high = np.quantile(values, [INTERVAL[0], 0.5, INTERVAL[1]], axis=1)
    axis.fill_between(x, low, high, color="C0", alpha=0.25, lw=0)
    axis.plot(x, middle, color="C0")


DEMOS: dict[str, tuple[str, Callable[[], tuple[Any, Any]]]] = {
    "sleepstudy": ("a line for every subject", sleepstudy),
    "cbpp": ("herds seen and new herds", cbpp),
    "roaches": ("a smooth curve and counts", roaches),
    "orange": ("growth curves, and one for a new tree", orange),
    "theoph": ("concentrations after a dose", theoph),
}


if __name__ == "__main__":
    main()
