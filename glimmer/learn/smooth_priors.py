"""Resolves the priors of smooth terms: of their sds, and of what no penalty shrinks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glimmer.errors import PriorError, suggestion
from glimmer.priors import Prior, as_prior, exponential, normal
from glimmer.priors.covariance import check_sd_prior
from glimmer.terms import SmoothBlock


@dataclass(frozen=True)
class RstanarmSmoothPrior:
    """stan_gamm4's prior for smooths; see `rstanarm_smooth_prior`."""

    prior: Any


def rstanarm_smooth_prior(prior: Any = None) -> RstanarmSmoothPrior:
    """Return the prior that rstanarm's ``stan_gamm4`` puts on smooth terms.

    Basis columns are not normalized, the null space of each smooth has a standard deviation of its
    own, and standard deviations are multiples of sigma in the gaussian family.

    Parameters
    ----------
    prior : prior or dict, optional
        Of the standard deviations; ``exponential(1)`` by default.

    Examples
    --------
    >>> print(rstanarm_smooth_prior().prior)
    exponential(rate = 1)
    """
    return RstanarmSmoothPrior(exponential(1) if prior is None else prior)


def smooth_priors(
    given: Any, prior: Any, blocks: Sequence[SmoothBlock]
) -> Iterator[tuple[SmoothBlock, str, Prior]]:
    """The prior of every standard deviation and of every block of unpenalized coefficients.

    Parameters
    ----------
    given : prior, dict, RstanarmSmoothPrior or None
        ``prior_smooth``. A dict has priors by name of a standard deviation, block or smooth. The
        default is exponential with mean sd(y) (1, where the predictor has a scale of its own): the
        standard deviation of a block is the typical size of its curve.
    prior : prior, dict or None
        The prior of common coefficients, which unpenalized coefficients (of columns with mean
        square 1) share if it is one for all.
    blocks : sequence of SmoothBlock

    Yields
    ------
    SmoothBlock, str, Prior
        The block, the name of the parameter, its prior as specified.
    """
    asked = given.prior if isinstance(given, RstanarmSmoothPrior) else given
    by_name = asked if isinstance(asked, Mapping) else {}
    _check_names(by_name, blocks)
    default = exponential(1, autoscale=True) if asked is None or asked is by_name else asked
    seen: set[str] = set()
    for named in blocks:
        for sd in named.sds:
            if sd not in seen:
                seen.add(sd)
                keys = (sd, named.name, named.label)
                own = as_prior(next((by_name[key] for key in keys if key in by_name), default))
                check_sd_prior(own)
                yield named, sd, own
        if not named.sds:
            chosen = by_name.get(named.name)
            yield named, named.name, _null_prior(prior) if chosen is None else as_prior(chosen)


def _null_prior(prior: Any) -> Prior:
    default = normal(0, autoscale=True)
    if prior is None or isinstance(prior, Mapping):
        return default
    common = as_prior(prior)
    return default if common.joint or common.length() is not None else common


def _check_names(by_name: Mapping[str, Any], blocks: Sequence[SmoothBlock]) -> None:
    known = [name for b in blocks for name in (*b.sds, b.name, b.label)]
    for key in by_name:
        if key not in known:
            raise PriorError(
                f"{key!r} in prior_smooth is not a smooth of the formula.",
                fix=suggestion(str(key), list(dict.fromkeys(known))),
            )
