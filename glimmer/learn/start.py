"""Finds where sampling starts: an intercept that gives each row a possible mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from glimmer.errors import NotFinite
from glimmer.interpreter.evaluate import evaluate, log_density, support_point
from glimmer.priors.base import LocationScale
from glimmer.priors.independent import Flat

if TYPE_CHECKING:
    from glimmer.families import Family
    from glimmer.priors import Prior
    from glimmer.terms import Outcome

UNBOUNDED = (LocationScale, Flat)


def starting_intercept(
    family: Family, outcome: Outcome | None, offset: np.ndarray | None, prior: Prior | None
) -> float | None:
    """Return where the centred intercept starts; None where its prior has it, if that can be.

    Parameters
    ----------
    family : Family
    outcome : Outcome or None
    offset : ndarray, shape (n,), or None
    prior : Prior or None
        The intercept's; None if the model has none.

    Raises
    ------
    NotFinite
        Some row has no possible mean, wherever the intercept starts.
    """
    shifts = np.zeros(1) if offset is None else np.array([offset.min(), offset.max()])
    center = 0.0 if prior is None else float(support_point(prior.rv()))
    if possible(family, center + shifts):
        return None
    if prior is not None:
        for eta in _candidates(family, outcome, offset):
            if possible(family, eta + shifts) and _inside(prior, eta):
                return float(eta)
    raise NotFinite(
        f"With the {family.link_name} link of the {family.name} family, the model starts at an "
        "impossible mean" + (", whatever the intercept." if prior is not None else "."),
        fix="add an intercept, or choose another link"
        if prior is None
        else "rescale the outcome, or choose another link or another prior of the intercept"
        if offset is None
        else "look at the offset, which is added to the linear predictor: under the log link give "
        "log(exposure), not the exposure",
    )


def _candidates(
    family: Family, outcome: Outcome | None, offset: np.ndarray | None
) -> Iterator[float]:
    """Linear predictors to start from, the best first."""
    shifts = [0.0] if offset is None else [float(f(offset)) for f in (np.mean, np.min, np.max)]
    means = [0.5, 1.0] if outcome is None else _means(family, outcome)
    for eta in evaluate(family.link_function.forward, np.array(means)):
        yield from (float(eta) - shift for shift in shifts)


def _means(family: Family, outcome: Outcome) -> list[float]:
    """The mean outcome, pulled inside the family's support, and what to try if that has no link."""
    if family.unit == "log y":
        outcome = replace(outcome, y=np.log(outcome.y))
    return family.response.start_means(outcome, family.support)


def possible(family: Family, eta: np.ndarray) -> bool:
    """Whether the means at some linear predictors lie where the family's means do."""
    if family.is_direct:
        return bool(np.isfinite(eta).all())
    mu = evaluate(family.link_function.inverse, eta)
    lower, upper = family.main.domain
    return bool(np.all(np.isfinite(mu) & (mu > lower) & (mu < upper)))


def _inside(prior: Prior, value: float) -> bool:
    """Whether a prior gives some density to a value."""
    if isinstance(prior, UNBOUNDED):
        return True
    return bool(np.isfinite(log_density(prior.rv(), value)))
