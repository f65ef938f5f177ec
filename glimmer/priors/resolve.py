"""From what users write for a prior to a prior."""

from __future__ import annotations

from typing import Any

from glimmer.errors import PriorError
from glimmer.priors.base import Prior
from glimmer.priors.covariance import LKJ, CovariancePrior, lkj
from glimmer.priors.raw import from_variable, prior

FAMILIAR = "gl.normal(), gl.student_t(), gl.exponential(), gl.flat(), pm.X.dist(...), ..."


def as_prior(value: Any) -> Prior:
    """Return a prior from ours, ``pm.X.dist(...)``, or an object of bambi's.

    Raises
    ------
    PriorError
        It is none of these.
    """
    if isinstance(value, Prior):
        return value
    if isinstance(value, CovariancePrior):
        raise PriorError(
            f"{value} is a prior for covariances of group effects.",
            fix="pass it as prior_covariance=",
        )
    if hasattr(value, "owner") and hasattr(value, "type"):
        return from_variable(value)
    if hasattr(value, "name") and isinstance(getattr(value, "args", None), dict):
        return prior(value.name, **value.args)
    raise PriorError(
        f"A prior is one of {FAMILIAR}, not {value!r}.",
        fix=f"write for example gl.normal(0, {value!r})"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else None,
    )


def as_covariance_prior(value: Any) -> CovariancePrior:
    """Return a covariance prior; a plain prior is put on every sd, with LKJ(1) correlations."""
    if isinstance(value, CovariancePrior):
        return value
    if value is None:
        raise PriorError(
            "prior_covariance cannot be None: a flat prior on group-level sds is improper.",
            fix="use gl.decov() or gl.lkj()",
        )
    made = lkj(sd=as_prior(value))
    assert isinstance(made, LKJ)  # noqa: S101
    return made
