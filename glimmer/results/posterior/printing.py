"""Prints a fitted model as rstanarm does: medians, MAD_SDs and error terms."""

from __future__ import annotations

import math

import numpy as np

from glimmer.fitted import Fitted, Model
from glimmer.results.posterior.estimates import (
    aux_draws,
    corr_draws,
    fixed_draws,
    mad_sd,
    ngrps,
    sigma_draws,
)
from glimmer.results.posterior.summary import smooth_sds

RULE = "------"


def printed(fit: Model, digits: int = 1) -> str:
    """The text of ``print(model)``.

    Parameters
    ----------
    fit : Fitted
        Fitted or not.
    digits : int
        Decimals, at least: of an estimate so many that its MAD_SD has two significant digits; one
        more in the error terms.
    """
    head = _head(fit)
    if not isinstance(fit, Fitted):
        return "\n".join([*head, RULE, "Not fitted: call fit()."])
    parts = []
    if fixed := fixed_draws(fit):
        parts.append(_estimates(fixed, digits))
    if aux := aux_draws(fit):
        parts.append(["Auxiliary parameter(s):", *_estimates(aux, digits)])
    if smooths := smooth_sds(fit):
        posterior = fit.posterior
        sds = {name: posterior[name].values.ravel() for name in smooths}
        parts.append(["Smooth terms (standard deviations):", *_estimates(sds, digits + 1)])
    if fit.spec.groups:
        parts.append(_error_terms(fit, digits + 1))
    body = "\n\n".join("\n".join(part) for part in parts)
    return "\n".join([*head, RULE, body])


def _head(fit: Model) -> list[str]:
    family, formulas = fit.spec.family, fit.spec.stage.formulas
    lines = [
        fit.verb,
        f" family:       {family.name} [{family.link_name}]",
        f" formula:      {fit.spec.formula}",
        *(f"   {name:<11} {text}" for name, text in formulas.items()),
        f" observations: {fit.design.n}",
    ]
    if fit.spec.response is not None and fit.spec.response.success is not None:
        lines.append(f" success:      {fit.spec.response.success!r}")
    return lines


def _estimates(draws: dict[str, np.ndarray], digits: int) -> list[str]:
    """Name, Median and MAD_SD in columns."""
    rows = []
    for name, own in draws.items():
        median, spread = float(np.median(own)), float(mad_sd(own))
        places = _decimals(spread, digits)
        rows.append((name, f"{median:.{places}f}", f"{spread:.{places}f}"))
    return columns([("", "Median", "MAD_SD"), *rows], "<..")


def _decimals(number: float, least: int) -> int:
    """Decimals that show two significant digits of a number, ``least`` of them at least."""
    if not 0 < number < np.inf:
        return least
    return max(least, 1 - math.floor(math.log10(number)))


def _error_terms(fit: Fitted, digits: int) -> list[str]:
    """Standard deviations and correlations, as lme4 prints them."""
    posterior = fit.posterior
    rows: list[tuple[str, ...]] = []
    widest = max(block.size for block in fit.spec.groups)
    for block in fit.spec.groups:
        corr = np.median(corr_draws(fit, block), axis=0) if block.size > 1 else np.eye(1)
        for k, name in enumerate(block.sd_names):
            sd = _deviation(posterior[name].values, digits)
            label = fit.spec.names.intercept if block.columns[k] == "1" else block.columns[k]
            cells = [f"{corr[k, j]:.2f}" for j in range(k)]
            rows.append((block.factor_name if k == 0 else "", label, sd, *cells))
    if fit.spec.family.group_scale is not None:
        rows.append(("Residual", "", _deviation(sigma_draws(fit), digits)))
    head = ("Groups", "Name", "Std.Dev.", *(["Corr"] if widest > 1 else []))
    width = 3 + widest - 1
    padded = [row + ("",) * (width - len(row)) for row in [head, *rows]]
    levels = ", ".join(f"{factor} {n}" for factor, n in ngrps(fit).items())
    text = columns(padded, "<<." + ">" * (width - 3))
    return ["Error terms:", *(f" {line}" for line in text), f"Num. levels: {levels}"]


def _deviation(draws: np.ndarray, digits: int) -> str:
    median = float(np.median(draws))
    return f"{median:.{_decimals(median, digits)}f}"


def columns(rows: list[tuple[str, ...]], align: str) -> list[str]:
    """Rows of cells as aligned text.

    ``align`` has ``<``, ``>`` or ``.`` for each column, the last for numbers under each other's
    decimal points.
    """
    for j in (j for j, side in enumerate(align) if side == "."):
        most = max(_fraction(row[j]) for row in rows[1:])
        rows = [
            (*row[:j], row[j] + " " * (most - _fraction(row[j]) if i else 0), *row[j + 1 :])
            for i, row in enumerate(rows)
        ]
    align = align.replace(".", ">")
    widths = [max(len(row[j]) for row in rows) for j in range(len(align))]
    return [
        " ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _fraction(number: str) -> int:
    """How many characters a number has after its whole part."""
    return len(number) - len(number.split(".")[0])
