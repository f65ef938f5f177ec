"""Declares link functions as pairs of PyTensor expressions: eta = g(mu) and mu = g^-1(eta).

A mean outside the domain of its family (a negative Poisson mean under the identity link, say) has
density zero: links are extended monotonically so that an infeasible eta maps to an infeasible mean
and never to the mirror image of a feasible one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from glimmer.errors import FamilyError, suggestion

SMALLEST = float(np.finfo(float).tiny)
BELOW_ONE = float(np.nextafter(1.0, 0.0))
LARGEST_LOG = 700.0
REAL_LINE, POSITIVE, UNIT = (-np.inf, np.inf), (0.0, np.inf), (0.0, 1.0)


@dataclass(frozen=True)
class Link:
    """A link function.

    Parameters
    ----------
    name : str
    forward, inverse : callable
        From mean to linear predictor and back, elementwise on PyTensor tensors.
    log_odds : callable, optional
        Of links of probabilities: from linear predictor to log(mu / (1 - mu)), accurate in both
        tails, where 1 - mu is not.
    domain : tuple of float
        Open ends of the interval of means: of parameters with this link that give none of their
        own.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> loglog = Link("loglog", lambda mu: -pt.log(-pt.log(mu)), lambda eta: pt.exp(-pt.exp(-eta)))
    """

    name: str
    forward: Callable[[Any], TensorVariable] = field(repr=False)
    inverse: Callable[[Any], TensorVariable] = field(repr=False)
    log_odds: Callable[[Any], TensorVariable] | None = field(default=None, repr=False)
    domain: tuple[float, float] = REAL_LINE

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        """Travel between processes by name, where that is known: there is one link of each name."""
        if LINKS.get(self.name) is self:
            return get_link, (self.name,)
        return Link, (self.name, self.forward, self.inverse, self.log_odds, self.domain)


def _unit(probability: TensorVariable) -> TensorVariable:
    """Keep a probability inside (0, 1), where its logarithms are finite."""
    return pt.clip(probability, SMALLEST, BELOW_ONE)


def _probit_log_odds(eta: Any) -> TensorVariable:
    sign = pt.switch(eta > 0, 1.0, -1.0)
    distance = sign * eta
    tail = pt.log(0.5 * pt.erfcx(distance / np.sqrt(2))) - 0.5 * distance**2
    return sign * (pt.log1p(-pt.exp(tail)) - tail)


def _cloglog_log_odds(eta: Any) -> TensorVariable:
    rate = pt.exp(pt.clip(eta, -LARGEST_LOG, LARGEST_LOG))
    return rate + pt.log(-pt.expm1(-rate))


def _cauchit_log_odds(eta: Any) -> TensorVariable:
    return pt.log(pt.arctan2(1.0, -eta)) - pt.log(pt.arctan2(1.0, eta))


IDENTITY = Link("identity", lambda mu: mu, lambda eta: eta)
LOG = Link("log", pt.log, pt.exp, domain=POSITIVE)
LOGM1 = Link("logm1", lambda mu: pt.log(mu - 1), lambda eta: 1 + pt.exp(eta), domain=(1.0, np.inf))
INVERSE = Link("inverse", lambda mu: 1 / mu, lambda eta: 1 / eta, domain=POSITIVE)
INVERSE_SQUARED = Link(
    "inverse_squared",
    lambda mu: mu**-2.0,
    lambda eta: pt.sign(eta) / pt.sqrt(abs(eta)),
    domain=POSITIVE,
)
SQRT = Link("sqrt", pt.sqrt, lambda eta: eta * abs(eta), domain=POSITIVE)
SOFTPLUS = Link("softplus", lambda mu: mu + pt.log(-pt.expm1(-mu)), pt.softplus, domain=POSITIVE)
LOGIT = Link(
    "logit",
    lambda mu: pt.log(mu) - pt.log1p(-mu),
    pt.sigmoid,
    log_odds=lambda eta: eta,
    domain=UNIT,
)
PROBIT = Link(
    "probit",
    lambda mu: np.sqrt(2) * pt.erfinv(2 * mu - 1),
    lambda eta: _unit(0.5 * pt.erfc(-eta / np.sqrt(2))),
    log_odds=_probit_log_odds,
    domain=UNIT,
)
CLOGLOG = Link(
    "cloglog",
    lambda mu: pt.log(-pt.log1p(-mu)),
    lambda eta: _unit(-pt.expm1(-pt.exp(eta))),
    log_odds=_cloglog_log_odds,
    domain=UNIT,
)
CAUCHIT = Link(
    "cauchit",
    lambda mu: pt.tan(np.pi * (mu - 0.5)),
    lambda eta: _unit(0.5 + pt.arctan(eta) / np.pi),
    log_odds=_cauchit_log_odds,
    domain=UNIT,
)

SHIPPED: tuple[Link, ...] = (IDENTITY, LOG, LOGM1, INVERSE, INVERSE_SQUARED, SQRT, SOFTPLUS)
SHIPPED += (LOGIT, PROBIT, CLOGLOG, CAUCHIT)
LINKS: dict[str, Link] = {link.name: link for link in SHIPPED}
ALIASES = {"1/mu^2": "inverse_squared", "1/mu2": "inverse_squared"}


def register_link(link: Link) -> Link:
    """Make a link known by its name, so that saved models that use it can be loaded.

    Raises
    ------
    FamilyError
        The name is taken by a link that ships.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> inverse = lambda eta: pt.exp(-pt.exp(-eta))
    >>> loglog = register_link(Link("loglog", lambda mu: -pt.log(-pt.log(mu)), inverse))
    >>> get_link("loglog") is loglog
    True
    """
    if link.name in ALIASES or link.name in {shipped.name for shipped in SHIPPED}:
        raise FamilyError(f"The name {link.name!r} is taken.", fix="choose another name")
    LINKS[link.name] = link
    return link


def get_link(link: Any, allowed: tuple[str, ...] = ()) -> Link:
    """Return a link by name, or as it is given (ours, or an object of bambi's).

    Raises
    ------
    FamilyError
        The name is unknown, or the family does not allow the link.
    """
    if isinstance(link, Link):
        return link
    if callable(getattr(link, "linkinv_backend", None)):
        return Link(str(link.name), link.link, link.linkinv_backend)
    name = ALIASES.get(str(link), str(link))
    if name not in LINKS:
        raise FamilyError(f"Unknown link {link!r}.", fix=suggestion(name, LINKS))
    if allowed and name not in allowed:
        raise FamilyError(
            f"The link {name!r} cannot be used with this family.", fix=f"use one of {allowed}"
        )
    return LINKS[name]
