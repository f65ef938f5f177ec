"""Posterior medians of nonlinear fits against nlme's: ``python -m benchmarks.nlmer_reference``.

Default priors, which are weak. The difference is in posterior standard deviations; it should be
below one half for fixed effects. Residuals correlated in time (Loblolly, AR1) are not fitted. The
table in ``nlmer_reference.md`` is written anew, fit by fit; the text above it stays.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import glimmer as gl
from glimmer.errors import ModelWarning
from glimmer.results.checks.verdict import check

HERE = Path(__file__).parent
TABLE = HERE / "nlmer_reference.md"
HEAD = "| fit | parameter | nlme | median | sd | difference / sd |\n|---|---|---|---|---|---|\n"
DATA = HERE.parent / "tests" / "reference" / "nonlinear" / "nlme_fits.json"
THEOPH = "conc ~ SSfol(Dose, Time, lKe, lKa, lCl)"
CO2 = "uptake ~ SSasympOff(conc, Asym, lrc, c0)"


@dataclass(frozen=True)
class Fit:
    """A fit of nlme's in our words."""

    formula: str
    arguments: dict[str, Any] = field(default_factory=dict)


FITS = {
    "Theoph_SSfol_lKa_lCl_diag": Fit(f"{THEOPH} ~ (lKa | Subject) + (lCl | Subject)"),
    "Theoph_SSfol_lKe_lKa_lCl_diag": Fit(f"{THEOPH} ~ (lKe + lKa + lCl || Subject)"),
    "Theoph_SSfol_lCl_on_weight": Fit(f"{THEOPH} ~ lCl:Wt + (lKa | Subject) + (lCl | Subject)"),
    "Theoph_SSfol_varConstPower": Fit(
        f"{THEOPH} ~ (lKa | Subject) + (lCl | Subject)", {"residual": "constant+power"}
    ),
    "Loblolly_SSasymp_Asym": Fit("height ~ SSasymp(age, Asym, R0, lrc) ~ Asym | Seed"),
    "Indometh_SSbiexp_A1_lrc1_A2_diag": Fit(
        "conc ~ SSbiexp(time, A1, lrc1, A2, lrc2) ~ (A1 + lrc1 + A2 || Subject)"
    ),
    "CO2_SSasympOff_covariates": Fit(
        CO2, {"params": {"Asym": "~ Type * Treatment + (1 | Plant)", "lrc": "~ (1 | Plant)"}}
    ),
    "CO2_SSasympOff_covariates_Asym_lrc": Fit(
        CO2, {"params": {"Asym": "~ Type * Treatment + (1 | Plant)", "lrc": "~ Type * Treatment"}}
    ),
    "Soybean_SSlogis_varPower": Fit(
        "weight ~ SSlogis(Time, Asym, xmid, scal) ~ Asym | Plot", {"residual": "power"}
    ),
    "Orange_SSlogis_Asym": Fit("circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"),
}


def main() -> None:
    """Fit everything, or the fits named on the command line, and write the table."""
    fits = {fit["id"]: fit for fit in json.loads(DATA.read_text())["fits"]}
    for name in sys.argv[1:] or FITS:
        own = rows(name, fits[name])
        print("\n".join(own), flush=True)
        write(name, own)


def write(name: str, own: list[str]) -> None:
    """Put the lines of one fit into the table."""
    text, _, table = TABLE.read_text().partition(HEAD)
    others = [line for line in table.splitlines() if line and not line.startswith(f"| {name} |")]
    place = list(FITS)
    lines = sorted([*others, *own], key=lambda line: place.index(line.split(" | ")[0][2:]))
    TABLE.write_text(text + HEAD + "\n".join(lines) + "\n")


def rows(name: str, reference: dict[str, Any]) -> list[str]:
    """The lines of one fit: one for each fixed effect, then the verdict."""
    data = pd.DataFrame({name: column(values) for name, values in reference["data"].items()})
    begun = time.perf_counter()
    model = gl.NlmerBuilder(FITS[name].formula, data, **FITS[name].arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        model.fit(random_seed=1, progressbar=False)
    seconds, verdict = time.perf_counter() - begun, check(model.idata)
    ours = estimates(model)
    out = []
    for parameter, value in reference["fixef"].items():
        draws = ours[parameter]
        apart = (np.median(draws) - value) / draws.std()
        out.append(
            f"| {name} | {parameter} | {value:.4g} | {np.median(draws):.4g} | {draws.std():.2g} "
            f"| {apart:+.2f} |"
        )
    out.append(f"| {name} | {seconds:.0f} s | | | | {verdict} |")
    return out


def column(values: list[Any]) -> Any:
    """Labels as a factor whose levels are in order of appearance, as in the data sets of nlme."""
    if isinstance(values[0], str):
        return pd.Categorical(values, categories=list(dict.fromkeys(values)))
    return np.array(values)


def estimates(model: gl.NlmerBuilder) -> dict[str, np.ndarray]:
    """Draws of fixed effects under nlme's names."""
    posterior = model.idata["posterior"].to_dataset()
    out = {}
    for p in model.spec.curve.free:
        if p.bare:
            out[p.name] = posterior[p.name].values.ravel()
            continue
        out[f"{p.name}.(Intercept)"] = posterior[p.intercept_name].values.ravel()
        for term in p.predictor.common:
            values = posterior[term.name].values
            name = term.name.removeprefix(f"{p.name}_")
            labels = term.labels or ("",)
            for i, label in enumerate(labels):
                parts = zip(name.split(":"), label.split(", ") if label else [""], strict=False)
                key = ":".join(f"{variable}{level}" for variable, level in parts)
                own = values[..., i] if term.labels else values
                out[f"{p.name}.{key}"] = own.ravel()
    return out


if __name__ == "__main__":
    main()
