"""The rule of agreement: its false alarms and what it finds, on draws of known laws."""

from __future__ import annotations

from collections.abc import Callable

import agreement
import numpy as np
import pytest
from agreement import (
    BATCHES,
    PROBABILITIES,
    batch_error,
    beyond,
    critical,
    disagreements,
    disagreements_between,
    seed,
)
from scipy import stats

CHAINS, DRAWS = 4, 500
# what is drawn given standard normal variables: from light tails to a variance with few groups
LAWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda z: z,
    "skewed": lambda z: np.exp(0.5 * z),
    "variance of 5 groups": lambda z: 1 / stats.chi2(5).ppf(stats.norm.cdf(z)),
    "Student's t": lambda z: stats.t(3).ppf(stats.norm.cdf(z)),
}
CORRELATION = 0.5


def chains(rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Autocorrelated standard normal draws."""
    z = rng.normal(size=(CHAINS, draws))
    for t in range(1, draws):
        z[:, t] = CORRELATION * z[:, t - 1] + np.sqrt(1 - CORRELATION**2) * z[:, t]
    return z


def summary(draws: np.ndarray) -> tuple[float, float, float, dict[float, float]]:
    """A reference as rstanarm stores it."""
    size = draws.size * (1 - CORRELATION) / (1 + CORRELATION)
    quantiles = dict(zip(PROBABILITIES, np.quantile(draws, PROBABILITIES), strict=True))
    return draws.mean(), draws.std(ddof=1), size, quantiles


@pytest.mark.parametrize("law", LAWS)
def test_false_alarms(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a rate that can be measured, and without the margins, there are no more than stated.

    Each replication makes five comparisons at most.
    """
    for margin in ("MARGIN_MEAN", "MARGIN_SD", "MARGIN_QUANTILE"):
        monkeypatch.setattr(agreement, margin, 0.0)
    monkeypatch.setattr(agreement, "RATE", 0.01)
    rng, alarms, replications = np.random.default_rng(seed(1)), 0, 150
    for _ in range(replications):
        ours, theirs = (LAWS[law](chains(rng)) for _ in range(2))
        alarms += len(disagreements("x", ours, *summary(theirs)))
    # comparisons of one replication are dependent: as if they fell together
    most = 5 * stats.binom.isf(1e-5, replications, 0.01)
    assert alarms <= most


@pytest.mark.parametrize("law", LAWS)
def test_no_false_alarm_as_the_rule_is_used(law: str) -> None:
    rng = np.random.default_rng(seed(2))
    for _ in range(50):
        ours, theirs = (LAWS[law](chains(rng)) for _ in range(2))
        assert not disagreements_between("x", ours, theirs)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("wrong", ["scale", "location"])
def test_power(law: str, wrong: str) -> None:
    """A scale twice as large, and a shift by half a (central) sd, are always found."""
    rng = np.random.default_rng(seed(3))
    theirs = LAWS[law](chains(rng))
    ours = LAWS[law](chains(rng))
    width = np.subtract(*np.quantile(theirs, [0.84, 0.16])) / 2
    ours = 2 * ours if wrong == "scale" else ours + 0.5 * width
    assert disagreements("x", ours, *summary(theirs))


def test_which_spreads_are_judged_by_sds() -> None:
    """Those of light tails; heavy ones by quantiles alone."""
    rng = np.random.default_rng(seed(4))
    z = chains(rng, 2000)
    quantiles = {0.5: 0.0}
    assert not disagreements("x", z, 0.0, 1.0, np.inf, quantiles)
    (said,) = disagreements("x", 1.25 * z, 0.0, 1.0, np.inf, quantiles)
    assert "sd" in said
    heavy = LAWS["Student's t"](z)
    assert not disagreements("x", 3 * heavy, 0.0, 1.0, np.inf, quantiles)
    exact = {p: stats.norm.ppf(p) for p in PROBABILITIES}
    assert any("quantile" in said for said in disagreements("x", 3 * heavy, 0, 1, np.inf, exact))


def test_errors_of_functions_are_those_of_means() -> None:
    import xarray as xr

    draws = chains(np.random.default_rng(seed(5)), 2000)
    posterior = xr.Dataset({"x": (("chain", "draw"), draws)})
    error = batch_error(lambda part: float(part["x"].mean()), posterior)
    exact = np.sqrt((1 + CORRELATION) / (1 - CORRELATION) / draws.size)
    low, high = np.sqrt(stats.chi2(BATCHES - 1).ppf([1e-5, 1 - 1e-5]) / (BATCHES - 1))
    assert low < error / exact < high


def test_a_margin_is_added_to_the_error() -> None:
    assert beyond(0.3 + 5 * 0.01, 0.3, 0.01)
    assert not beyond(0.3 + 4 * 0.01, 0.3, 0.01)
    assert beyond([0.0, -1.0], 0.3, 0.01)


def test_critical_values() -> None:
    """Two-sided, at a rate of 1e-5; larger where the error is known less well."""
    assert critical() == pytest.approx(stats.t(100).isf(5e-6))
    assert critical(np.inf) == critical()
    assert critical(BATCHES - 1) == pytest.approx(5.95, abs=0.01)


def test_seeds_move_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIMMER_TEST_SEED", raising=False)
    assert seed(7) == 7
    monkeypatch.setenv("GLIMMER_TEST_SEED", "3")
    assert seed(7) == 3007
