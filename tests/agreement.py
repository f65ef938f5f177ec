"""The one rule by which draws agree: with another posterior, a law, or an exact value.

Two posteriors that should be the same disagree only when a difference is larger than a practical
margin and larger than Monte Carlo error of both sides explains. The margins (DESIGN section 6) are
5 % of the posterior sd for means, 10 % for sds, 10 % of the sd for quantiles. Beyond them a
comparison of equal posteriors fails with probability `RATE` at most, whatever the seed or the
processor; `test_agreement.py` measures that, and which errors are found.

* Means: ArviZ's ``mcse(method="mean")``, and sd / sqrt(n_eff) of the reference.
* Quantiles: on the scale of probabilities, where the error needs no density and tails do not
  matter: the share of our draws below the reference's quantile, with ArviZ's ess of that quantile.
* Sds: ArviZ's ``mcse(method="sd")``, where that error can be known: an sd whose own error hangs on
  a few draws far out (`light`) has none, and quantiles alone judge the spread.

What is estimated from few draws is known less well, so that critical values are Student's t with
the degrees of freedom of the estimated variance (Satterthwaite), `MOST_DF` at most because the
effective size is an estimate too.

Where the truth is only known to be near (an estimate by maximum likelihood), a margin and Monte
Carlo error add up: `beyond`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from arviz_stats import ess, mcse
from scipy import stats

RATE = 1e-5
MOST_DF = 100
LIGHT_KURTOSIS, LIGHT_DF = 4.0, 60
MARGIN_MEAN, MARGIN_SD, MARGIN_QUANTILE = 0.05, 0.10, 0.10
PROBABILITIES = (0.05, 0.5, 0.95)
DIVERGENT = 1e-4  # the share of transitions that may diverge in a good fit


def seed(number: int) -> int:
    """A seed that GLIMMER_TEST_SEED, 0 if not set, moves: for whatever is compared by this rule."""
    return number + 1000 * int(os.environ.get("GLIMMER_TEST_SEED", "0"))


def critical(df: float = MOST_DF) -> float:
    """How many standard errors a difference may have."""
    return float(stats.t.isf(RATE / 2, min(df, MOST_DF)))


# Two posteriors


def disagreements(
    name: str,
    draws: Any,
    mean: float,
    sd: float,
    n_eff: float,
    quantiles: Mapping[float, float],
) -> list[str]:
    """What differs between draws and a reference, in words.

    Parameters
    ----------
    name : str
    draws : array of shape (chain, draw)
    mean, sd : float
        Of the reference.
    n_eff : float
        The effective size of the reference for means; infinite, if it is exact.
    quantiles : dict
        Of the reference, by probability.
    """
    draws = np.asarray(draws, dtype=float)
    size = float(ess(draws, method="mean"))
    found = [_means(draws, size, mean, sd, n_eff), _sds(draws, size, sd, n_eff)]
    found += [_quantiles(draws, size, p, q, sd, n_eff) for p, q in quantiles.items()]
    return [f"{name}: {said}" for said in found if said]


def disagreements_between(name: str, ours: Any, theirs: Any) -> list[str]:
    """What differs between two sets of draws, each (chain, draw)."""
    theirs = np.asarray(theirs, dtype=float)
    quantiles = dict(zip(PROBABILITIES, np.quantile(theirs, PROBABILITIES), strict=True))
    size = float(ess(theirs, method="mean"))
    return disagreements(name, ours, theirs.mean(), theirs.std(ddof=1), size, quantiles)


def both_sides(error: float, size: float, own: float, n_eff: float) -> float:
    """The error of a difference, from our error of something.

    Parameters
    ----------
    error : float
    size : float
        Our effective size for means.
    own : float
        Our effective size for that something, or for the draws' squares.
    n_eff : float
        The reference's effective size for means: for that something it is taken to be as much
        smaller as ours, and not larger.
    """
    return float(error * np.sqrt(1 + own / (n_eff * min(1.0, own / size))))


def _means(draws: np.ndarray, size: float, mean: float, sd: float, n_eff: float) -> str:
    error = np.hypot(float(mcse(draws, method="mean")), sd / np.sqrt(n_eff))
    limit = max(MARGIN_MEAN * sd, critical(_df(draws, size)) * error)
    ours = draws.mean()
    return _said("mean", ours, mean, error) if abs(ours - mean) > limit else ""


def _sds(draws: np.ndarray, size: float, sd: float, n_eff: float) -> str:
    square = (draws - draws.mean()) ** 2
    own = float(ess(square, method="mean"))
    if not light(draws, own):
        return ""
    ours = draws.std(ddof=1)
    error = both_sides(float(mcse(draws, method="sd")), size, own, n_eff) / ours
    limit = max(np.log1p(MARGIN_SD), critical(_df(square, own)) * error)
    return _said("sd", ours, sd, ours * error) if abs(np.log(ours / sd)) > limit else ""


def _quantiles(
    draws: np.ndarray, size: float, probability: float, quantile: float, sd: float, n_eff: float
) -> str:
    ours = np.quantile(draws, probability)
    own = float(ess(draws, method="quantile", prob=probability))
    below = np.mean(draws <= quantile)
    # twice the arcsine of a share's root has the variance 1 / n, whatever the share
    apart = 2 * (np.arcsin(np.sqrt(below)) - np.arcsin(np.sqrt(probability)))
    error = both_sides(1 / np.sqrt(own), size, own, n_eff)
    if abs(ours - quantile) <= MARGIN_QUANTILE * sd or abs(apart) <= critical() * error:
        return ""
    return _said(
        f"{probability:.0%} quantile", ours, quantile, abs(ours - quantile) * error / apart
    )


def light(draws: np.ndarray, size: float) -> bool:
    """Whether tails are so light that the sd's Monte Carlo error can be known.

    Parameters
    ----------
    draws : array
    size : float
        The effective size of their squared deviations.
    """
    deviations = draws - draws.mean()
    return stats.kurtosis(draws, axis=None, fisher=False) <= LIGHT_KURTOSIS and (
        _df(deviations**2, size) >= LIGHT_DF
    )


def _df(draws: np.ndarray, size: float) -> float:
    """Degrees of freedom of the variance of a mean."""
    return 2 * size / max(float(stats.kurtosis(draws, axis=None, fisher=False)) - 1, 1e-3)


def _said(what: str, ours: float, reference: float, error: float) -> str:
    return f"{what} {ours:.4g}, reference {reference:.4g} (Monte Carlo {abs(error):.2g})"


# Posteriors near something, and whatever is computed from a whole posterior


def beyond(difference: Any, margin: float, error: Any, df: float = MOST_DF) -> bool:
    """Whether a difference is larger than a margin, Monte Carlo error notwithstanding."""
    return bool(np.any(np.abs(difference) > margin + critical(df) * np.asarray(error)))


def mean_errors(draws: Any) -> np.ndarray:
    """Monte Carlo errors of the means of an array (chain, draw, ...)."""
    draws = np.asarray(draws, dtype=float)
    flat = draws.reshape(*draws.shape[:2], -1)
    errors = [float(mcse(flat[..., i], method="mean")) for i in range(flat.shape[2])]
    return np.array(errors).reshape(draws.shape[2:])


BATCHES = 20


def batch_error(function: Callable[[Any], float], posterior: Any) -> float:
    """The Monte Carlo error of a function of a posterior, by batch means.

    Its critical value has ``BATCHES - 1`` degrees of freedom.
    """
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    each = BATCHES // chains
    edges = np.linspace(0, draws, each + 1).astype(int)
    values = [
        function(posterior.isel(chain=[chain], draw=slice(start, stop)))
        for chain in range(chains)
        for start, stop in pairwise(edges)
    ]
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


# Independent draws from a known law


def within(found: Any, exact: Any, error: Any) -> bool:
    """Whether every estimate is as near its exact value as its standard error says."""
    apart = np.abs(np.asarray(found) - np.asarray(exact))
    return bool(np.all(apart <= critical() * np.asarray(error)))


def mean_is(draws: Any, exact: Any) -> bool:
    """Whether independent draws, along the first axis, have these means."""
    draws = np.asarray(draws)
    return within(draws.mean(axis=0), exact, draws.std(axis=0, ddof=1) / np.sqrt(len(draws)))


def covariance_is(draws: Any, exact: Any) -> bool:
    """Whether independent normal draws, shape (n, k), have this covariance."""
    draws, exact = np.asarray(draws), np.asarray(exact)
    variances = np.diag(exact)
    error = np.sqrt((np.outer(variances, variances) + exact**2) / len(draws))
    return within(np.cov(draws, rowvar=False), exact, error)


def sds_are(found: Any, exact: Any, n: int) -> bool:
    """Whether sds of n independent normal draws are these."""
    return within(np.asarray(found) / np.asarray(exact), 1.0, 1 / np.sqrt(2 * (n - 1)))


# Diagnostics of a fit


def most_divergences(draws: int) -> int:
    """As many as good fits have by chance."""
    return int(stats.binom.isf(RATE, draws, DIVERGENT))


def sampling_problems(verdict: Any) -> list[str]:
    """What keeps a fit from being good, random divergences and R-hats of good fits aside.

    Divergences may be as many as good fits, of which a share of `DIVERGENT` diverges, have by
    chance; R-hat may be as large as independent draws of that effective size give, in eight halves
    of four chains, where this is more than 1.01.
    """
    chance = stats.chi2(7).isf(RATE) / 7
    limits = {
        "R-hat": verdict.rhat[0] <= max(1.01, 1 + 4 / verdict.ess[0] * chance),
        "ess": verdict.ess[0] >= 400,
        "divergences": verdict.divergences <= most_divergences(verdict.draws),
        "E-BFMI": verdict.bfmi >= 0.3,
        "tree depth": verdict.saturated <= 0.05,
    }
    return [f"{what}: {verdict}" for what, fine in limits.items() if not fine]
