"""Judges from its diagnostics whether a fit's draws can be believed.

Thresholds are those of Vehtari et al. (2021) for rank-normalized R-hat and effective sample size,
and of Betancourt (2017) for E-BFMI.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from glimmer.errors import SamplingError, SamplingWarning, warn
from glimmer.results.checks.chain_disagreement import AGREE, disagreement

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Fitted

MOST_ELEMENTS = 1000


@dataclass(frozen=True)
class Verdict:
    """The verdict on a fit, from its diagnostics.

    Attributes
    ----------
    rhat, ess : (float, str)
        The worst value and the variable that has it; ess is the smaller of bulk and tail.
    divergences : int
    draws : int
        Draws in all chains.
    bfmi : float
        The smallest of the chains.
    saturated : float
        Share of draws whose trajectory reached the maximum tree depth.
    note : str
        Why chains disagree, where that is known.
    """

    rhat: tuple[float, str]
    ess: tuple[float, str]
    divergences: int
    draws: int
    bfmi: float
    saturated: float
    note: str = ""

    @property
    def level(self) -> Literal["good", "look", "bad"]:
        """Trust, look closer, or do not use."""
        share = self.divergences / self.draws
        if self.rhat[0] > 1.05 or self.ess[0] < 100 or share > 0.001 or self.bfmi < 0.2:
            return "bad"
        fine = self.rhat[0] <= 1.01 and self.ess[0] >= 400 and not self.divergences
        return "good" if fine and self.bfmi >= 0.3 and self.saturated <= 0.05 else "look"

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do about each finding."""
        said = []
        if self.divergences:
            said.append("divergences: fit again with target_accept=0.95 or 0.99")
        if self.rhat[0] > 1.01 or self.ess[0] < 400:
            said.append(self.note or "chains have not mixed: sample longer (tune=2000, draws=2000)")
        if self.bfmi < 0.3:
            said.append("energy changes slowly: look at the priors of the standard deviations")
        if self.saturated > 0.05:
            said.append("trajectories are cut short: rescale predictors, or use QR=True")
        return tuple(said)

    def __str__(self) -> str:
        word = {"good": "good", "look": "look closer", "bad": "do not use"}[self.level]
        return (
            f"Fit: {word}. R-hat {self.rhat[0]:.3f} ({self.rhat[1]}), "
            f"ESS {self.ess[0]:.0f} ({self.ess[1]}), {self.divergences} divergences, "
            f"E-BFMI {self.bfmi:.2f}, {self.saturated:.0%} at maximum tree depth."
        )

    def announce(self, aloud: bool) -> None:
        """Print the verdict (to stderr, if ``aloud``); warn when it is not good."""
        if self.level == "good":
            if aloud:
                print(self, file=sys.stderr)
            return
        warn(str(self), SamplingWarning, fix="; ".join(self.advice))

    def assert_trustworthy(self) -> None:
        """Raise `SamplingError` if the draws should not be used."""
        if self.level == "bad":
            raise SamplingError(str(self), fix="; ".join(self.advice))


def verdict(fit: Fitted) -> Verdict:
    """Judge whether a fit can be believed, as is said at the end of `fit`.

    Returns
    -------
    Verdict
        ``level`` is "good", "look" or "bad"; ``assert_trustworthy()`` raises if it is bad.

    Raises
    ------
    NotFitted

    Examples
    --------
    >>> model.fit(draws=2000)  # doctest: +SKIP
    >>> model.verdict().level  # doctest: +SKIP
    'good'
    """
    found = check(fit.draws)
    return replace(found, note=disagreement(fit)) if found.rhat[0] > AGREE else found


def announce(fit: Fitted) -> None:
    """Say what the verdict on a new fit is, if there are draws enough to judge."""
    from glimmer.sampling.policy import worth_judging

    if fit.settings is not None and worth_judging(fit.settings):
        verdict(fit).announce(fit.settings.progressbar)


def check(idata: xr.DataTree) -> Verdict:
    """Judge a fit by R-hat, effective sample size, divergences, E-BFMI and tree depth.

    Variables of more than 1,000 elements (effects of very many groups) are judged by 1,000 of them.
    """
    from arviz_stats import bfmi, ess, rhat

    posterior = _varying(idata["posterior"].to_dataset())
    stats = idata["sample_stats"].to_dataset() if "sample_stats" in idata.children else None
    several = posterior.sizes["chain"] > 1
    bulk, tail = (_worst(ess(posterior, method=m), np.nanargmin) for m in ("bulk", "tail"))
    return Verdict(
        rhat=_worst(rhat(posterior), np.nanargmax) if several else (1.0, "one chain"),
        ess=min(bulk, tail),
        divergences=0 if stats is None else int(stats["diverging"].sum()),
        draws=posterior.sizes["chain"] * posterior.sizes["draw"],
        bfmi=float(np.min(bfmi(idata)["energy"])) if stats is not None else 1.0,
        saturated=0.0 if stats is None else float(stats["reached_max_treedepth"].mean()),
    )


def _varying(posterior: xr.Dataset) -> xr.Dataset:
    """Variables as two-dimensional arrays of elements that vary, at most 1,000 of each."""
    import xarray as xr

    out = {}
    for name, values in posterior.data_vars.items():
        flat = values.transpose("chain", "draw", ...).values
        flat = flat.reshape(*flat.shape[:2], -1)
        step = -(-flat.shape[2] // MOST_ELEMENTS)
        flat = flat[:, :, ::step]
        flat = flat[:, :, np.ptp(flat, axis=(0, 1)) > 0]
        if flat.shape[2]:
            out[str(name)] = (("chain", "draw", f"{name} elements"), flat)
    return xr.Dataset(out)


def _worst(values: xr.Dataset, which: object) -> tuple[float, str]:
    names = list(values.data_vars)
    extremes = [float(values[n].values.ravel()[which(values[n].values)]) for n in names]  # type: ignore[operator]
    i = int(which(extremes))  # type: ignore[operator]
    return extremes[i], str(names[i])
