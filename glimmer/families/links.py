"""Link functions as pairs of PyTensor expressions: eta = g(mu) and mu = g^-1(eta).

A mean outside the domain of its family (a negative Poisson mean under the identity link, say) has
density zero: links are extended monotonically so that an infeasible eta maps to an infeasible mean
and never to the mirror image of a feasible one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import FamilyError, suggestion

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

SMALLEST = float(np.finfo(float).tiny)
BELOW_ONE = float(np.nextafter(1.0, 0.0))
LARGEST_LOG = 700.0


@dataclass(frozen=True)
class Link:
    """A link function.

    Parameters
    ----------
    name : str
    forward, inverse : callable
        From mean to linear predictor and back, elementwise on PyTensor tensors.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> loglog = Link("loglog", lambda mu: -pt.log(-pt.log(mu)), lambda eta: pt.exp(-pt.exp(-eta)))
    """

    name: str
    forward: Callable[[Any], TensorVariable]
    inverse: Callable[[Any], TensorVariable]


def _unit(probability: TensorVariable) -> TensorVariable:
    """Keep a probability inside (0, 1), where its logarithms are finite."""
    import pytensor.tensor as pt

    return pt.clip(probability, SMALLEST, BELOW_ONE)


def _table() -> dict[str, Link]:
    import pytensor.tensor as pt

    return {
        link.name: link
        for link in (
            Link("identity", lambda mu: mu, lambda eta: eta),
            Link("log", pt.log, pt.exp),
            Link("inverse", lambda mu: 1 / mu, lambda eta: 1 / eta),
            Link(
                "inverse_squared", lambda mu: mu**-2.0, lambda eta: pt.sign(eta) / pt.sqrt(abs(eta))
            ),
            Link("sqrt", pt.sqrt, lambda eta: eta * abs(eta)),
            Link("logit", lambda mu: pt.log(mu) - pt.log1p(-mu), pt.sigmoid),
            Link(
                "probit",
                lambda mu: np.sqrt(2) * pt.erfinv(2 * mu - 1),
                lambda eta: _unit(0.5 * pt.erfc(-eta / np.sqrt(2))),
            ),
            Link(
                "cloglog",
                lambda mu: pt.log(-pt.log1p(-mu)),
                lambda eta: _unit(-pt.expm1(-pt.exp(eta))),
            ),
            Link(
                "cauchit",
                lambda mu: pt.tan(np.pi * (mu - 0.5)),
                lambda eta: _unit(0.5 + pt.arctan(eta) / np.pi),
            ),
        )
    }


def log_odds(link: str, eta: Any) -> TensorVariable:
    """Return the log odds of a probability, accurate in both tails where 1 - mu is not.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "cauchit"}
    eta : tensor
        The linear predictor.
    """
    import pytensor.tensor as pt

    match link:
        case "logit":
            return eta
        case "probit":
            sign = pt.switch(eta > 0, 1.0, -1.0)
            distance = sign * eta
            tail = pt.log(0.5 * pt.erfcx(distance / np.sqrt(2))) - 0.5 * distance**2
            return sign * (pt.log1p(-pt.exp(tail)) - tail)
        case "cloglog":
            rate = pt.exp(pt.clip(eta, -LARGEST_LOG, LARGEST_LOG))
            return rate + pt.log(-pt.expm1(-rate))
        case "cauchit":
            return pt.log(pt.arctan2(1.0, -eta)) - pt.log(pt.arctan2(1.0, eta))
    raise FamilyError(f"There are no log odds for the link {link!r}.")


LOG_ODDS = ("logit", "probit", "cloglog", "cauchit")
ALIASES = {"1/mu^2": "inverse_squared", "1/mu2": "inverse_squared"}


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
    table = _table()
    name = ALIASES.get(str(link), str(link))
    if name not in table:
        raise FamilyError(f"There is no link {link!r}.", fix=suggestion(name, table))
    if allowed and name not in allowed:
        raise FamilyError(
            f"The link {name!r} does not belong to this family.", fix=f"use one of {allowed}"
        )
    return table[name]
