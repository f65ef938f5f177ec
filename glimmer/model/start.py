"""Where sampling starts: at an intercept that gives each row a possible mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import NotFinite, PriorError
from glimmer.priors.raw import ConstantPrior, NamedPrior, VariablePrior

if TYPE_CHECKING:
    from glimmer.families import Family
    from glimmer.model.priors import ModelPriors
    from glimmer.priors import Prior
    from glimmer.terms import Outcome

RAW = (ConstantPrior, NamedPrior, VariablePrior)


def starting_intercept(
    family: Family, outcome: Outcome | None, offset: np.ndarray | None, prior: Prior | None
) -> float:
    """Return where the centred intercept starts; 0 for a model without one.

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
    candidates = [0.0] if prior is None else _candidates(family, outcome, offset, prior)
    for eta in candidates:
        if np.isfinite(eta) and _possible(family, eta + shifts) and _inside(prior, eta):
            return float(eta)
    raise NotFinite(
        f"With the {family.link_name} link of the {family.name} family, the model starts at an "
        "impossible mean" + (", whatever the intercept." if prior is not None else "."),
        fix="add an intercept, or choose another link"
        if prior is None
        else "rescale the outcome, or choose another link or prior of the intercept"
        if offset is None
        else "look at the offset, which is added to the linear predictor: under the log link give "
        "log(exposure), not the exposure",
    )


def _candidates(
    family: Family, outcome: Outcome | None, offset: np.ndarray | None, prior: Prior
) -> Iterator[float]:
    """Linear predictors to start from, the best first."""
    shifts = [0.0] if offset is None else [float(f(offset)) for f in (np.mean, np.min, np.max)]
    means = [0.5, 1.0] if outcome is None else _means(family, outcome)
    for eta in _evaluate(family.link_function.forward, np.array(means)):
        yield from (eta - shift for shift in shifts)
    if isinstance(prior, RAW):
        yield float(support_point(prior.rv()))


def _means(family: Family, outcome: Outcome) -> list[float]:
    """The mean outcome, pulled inside the family's support, and what to try if that has no link."""
    y = np.log(outcome.y) if family.unit == "log y" else outcome.y
    if outcome.trials is not None or family.binary:
        total = len(y) if outcome.trials is None else float(outcome.trials.sum())
        return [float((y.sum() + 0.5) / (total + 1))]
    mean = float(y.mean())
    if family.support.lower == 0:
        return [max(mean, 0.5 / len(y))]
    return [mean, abs(mean), float(y.std()), 1.0]


def _possible(family: Family, eta: np.ndarray) -> bool:
    """Whether the means at some linear predictors lie where the family's means do."""
    mu = _evaluate(family.link_function.inverse, eta)
    if family.has_trials:
        return bool(np.all((mu > 0) & (mu < 1)))
    inside = np.isfinite(mu)
    if family.unit is None:
        inside &= (mu > family.support.lower) & (mu < family.support.upper)
    return bool(inside.all())


def _inside(prior: Prior | None, value: float) -> bool:
    """Whether a prior gives some density to a value; all but raw ones do everywhere."""
    return not isinstance(prior, RAW) or bool(np.isfinite(log_density(prior.rv(), value)).all())


def check_priors(priors: ModelPriors) -> None:
    """Raise `PriorError` for a distribution with impossible arguments or of a wrong shape."""
    single = {"Intercept": priors.intercept, **priors.aux}
    for name, prior in single.items():
        if prior is not None and prior.length() not in (None, 1):
            raise PriorError(
                f"The prior of {name} has {prior.length()} values for one parameter.",
                fix="give one value",
            )
    common = {", ".join(c.terms): c.prior for c in priors.common}
    sds = {
        f"the sd of {block}": sd
        for block, covariance in priors.covariance.items()
        for sd in getattr(covariance, "sd", ())
    }
    for name, prior in {**single, **common, **sds}.items():
        if isinstance(prior, RAW):
            _check_raw(prior, name)


def _check_raw(prior: Prior, name: str) -> None:
    from pymc.logprob.utils import ParameterValueError

    rv = prior.rv()
    try:
        fine = bool(np.isfinite(log_density(rv, support_point(rv))).all())
    except (ParameterValueError, ValueError):
        fine = False
    if not fine:
        raise PriorError(
            f"The prior of {name}, {prior}, has no finite density.",
            fix="look at its arguments: scales are positive, bounds in order, nothing is NaN",
        )


def log_density(rv: Any, value: Any) -> np.ndarray:
    """The log density of a random variable, without compiling anything."""
    import pymc as pm

    return _run(pm.logp(rv, np.asarray(value, float)))


def support_point(rv: Any) -> np.ndarray:
    """Where PyMC starts a random variable, without compiling anything."""
    from pymc.distributions.distribution import support_point

    return _run(support_point(rv))


def _evaluate(function: Any, values: np.ndarray) -> np.ndarray:
    from pytensor.tensor import as_tensor

    with np.errstate(all="ignore"):
        return _run(as_tensor(function(as_tensor(values))))


def _run(expression: Any) -> np.ndarray:
    from pytensor.compile.mode import Mode

    return np.asarray(expression.eval(mode=Mode(linker="py", optimizer=None)))
