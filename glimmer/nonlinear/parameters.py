"""Declares the arguments of mean functions: kinds, domains and symmetries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimmer.errors import MeanFunctionError, suggestion

KINDS: dict[str, tuple[float, float]] = {
    "y-level": (-math.inf, math.inf),
    "y-difference": (-math.inf, math.inf),
    "x-location": (-math.inf, math.inf),
    "x-scale": (0.0, math.inf),
    "log-scale": (-math.inf, math.inf),
    "rate": (0.0, math.inf),
    "log-rate": (-math.inf, math.inf),
    "log-clearance": (-math.inf, math.inf),
    "log-volume": (-math.inf, math.inf),
    "exponent": (0.0, math.inf),
    "fraction": (0.0, 1.0),
    "coefficient": (-math.inf, math.inf),
}
"""Each kind of parameter and its usual domain.

``y-level``, ``y-difference``: in units of the outcome; ``x-location``, ``x-scale``: in units of
the last input, ``log-scale`` the log of that; ``rate``: per unit of the last input, ``log-rate``
the log of that; ``log-volume``: log of dose per outcome; ``log-clearance``: log of dose per outcome
and unit of the last input; ``exponent``, ``fraction``: without unit; ``coefficient``: in units of
its own.
"""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a mean function.

    Parameters
    ----------
    name : str
    kind : str
        What it measures, hence in which units default priors and starts are put: see `KINDS`.
    meaning : str
        A few words for the docstring.
    lower, upper : float, optional
        The open domain; by default that of its kind.
    nonzero : bool
        Either sign is possible but zero is not: the data choose the half-line.
    """

    name: str
    kind: str = "coefficient"
    meaning: str = ""
    lower: float | None = None
    upper: float | None = None
    nonzero: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise MeanFunctionError(
                f"The kind of parameter {self.name!r} must be one of KINDS, not {self.kind!r}.",
                fix=suggestion(self.kind, KINDS),
            )
        lower, upper = (-math.inf, math.inf) if self.nonzero else KINDS[self.kind]
        object.__setattr__(self, "lower", lower if self.lower is None else float(self.lower))
        object.__setattr__(self, "upper", upper if self.upper is None else float(self.upper))

    def domain(self, at: float | None = None) -> tuple[float, float]:
        """Return (lower, upper): of a nonzero parameter, the half-line in which ``at`` lies."""
        assert self.lower is not None and self.upper is not None  # noqa: S101 (set on creation)
        if not self.nonzero or at is None:
            return self.lower, self.upper
        return (max(self.lower, 0.0), self.upper) if at > 0 else (self.lower, min(self.upper, 0.0))


@dataclass(frozen=True)
class Input:
    """A data argument of a mean function.

    Parameters
    ----------
    name : str
    lower : float
        The least value at which the function is defined.
    ndim : int
        1: one number per row; 2: a row of numbers per row (doses and their times).
    """

    name: str
    lower: float = -math.inf
    ndim: int = 1


@dataclass(frozen=True)
class Symmetry:
    """A second set of parameters that gives exactly the same curve.

    Parameters
    ----------
    name : str
    image : mapping of str to mapping of str to float
        Each parameter that changes, as a linear combination of parameters.
    positive : mapping of str to float
        The linear combination that is positive at one of the two, the canonical one.

    Examples
    --------
    >>> flip_flop = exchange("flip-flop", "lKe", "lKa")
    >>> flip_flop.canonical({"lKe": 0.5, "lKa": -2.5, "lCl": -3.0})
    {'lKe': -2.5, 'lKa': 0.5, 'lCl': -3.0}
    """

    name: str
    image: Mapping[str, Mapping[str, float]]
    positive: Mapping[str, float]

    def mirror(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the other set of parameters with the same curve (numbers or arrays)."""
        changed = {name: _combine(row, parameters) for name, row in self.image.items()}
        return {**parameters, **changed}

    def is_canonical(self, parameters: Mapping[str, Any]) -> Any:
        """Whether the parameters are the canonical set: a bool, or an array of them."""
        return _combine(self.positive, parameters) >= 0

    def canonical(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the canonical one of the two sets, element by element for arrays."""
        kept, mirrored = self.is_canonical(parameters), self.mirror(parameters)
        if np.ndim(kept) == 0:
            return dict(parameters) if kept else mirrored
        return {name: np.where(kept, parameters[name], mirrored[name]) for name in parameters}


def exchange(name: str, smaller: str, larger: str, **others: str) -> Symmetry:
    """Symmetry under the exchange of two parameters (and of each pair ``first=second``)."""
    pairs = {smaller: larger, **others}
    image = {a: {b: 1.0} for a, b in pairs.items()} | {b: {a: 1.0} for a, b in pairs.items()}
    return Symmetry(name, image, {larger: 1.0, smaller: -1.0})


def _combine(weights: Mapping[str, float], parameters: Mapping[str, Any]) -> Any:
    return sum(weight * parameters[name] for name, weight in weights.items())
