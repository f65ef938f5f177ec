"""Declares a parameter of an outcome's distribution: its link, domain, shape, default prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from glimmer.errors import FamilyError
from glimmer.families.links import LOG, Link, get_link

Shape = tuple[int, ...]
Unit = Literal["y", "log y"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the outcome's distribution.

    Parameters
    ----------
    name : str
        As ``dist`` of the family calls it; that of the main one is free.
    link : str or Link
        The link in use, at first the default: from the parameter to its linear predictor.
    links : tuple of str
        Names of the links allowed; empty allows any.
    domain : tuple of float, optional
        Open ends of the interval where it lies; that of its link by default. A prior with weight
        outside is truncated.
    shape : tuple of int or callable
        ``()`` for a number; a callable of the outcome where it depends on the data (thresholds
        between categories).
    prior : Prior, optional
        The default prior of the parameter as one number.
    label : str
        How rstanarm calls it, for printed output.
    unit : {"y", "log y"} or None
        The scale on which it and default priors live when it is the outcome's own (mu and sigma of
        gaussian: ``"y"``); None when it is a scale of its own (log odds, log means).
    main : bool
        Whether the model's formula is for it.
    needs_intercept : tuple of str
        Links under which a formula must have an intercept: without, it starts outside the domain.

    Raises
    ------
    FamilyError
        The link is unknown or not allowed, or the domain is empty.

    Examples
    --------
    >>> import glimmer as gl
    >>> zi = Parameter("zi", link="logit", prior=gl.prior("Beta", alpha=1, beta=1))
    >>> zi.domain
    (0.0, 1.0)
    """

    name: str = ""
    link: Any = LOG
    links: tuple[str, ...] = ()
    domain: Any = None
    shape: Shape | Callable[[Any], Shape] = ()
    prior: Any = None
    label: str = ""
    unit: Unit | None = None
    main: bool = False
    needs_intercept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        link = get_link(self.link, self.links)
        lower, upper = map(float, link.domain if self.domain is None else self.domain)
        if not lower < upper:
            raise FamilyError(
                f"The lower end of the domain of {self.name!r} must be below the upper."
            )
        object.__setattr__(self, "link", link)
        object.__setattr__(self, "domain", (lower, upper))

    @property
    def lower(self) -> float:
        """The lower end of its domain."""
        return self.domain[0]

    @property
    def upper(self) -> float:
        """The upper end of its domain."""
        return self.domain[1]

    def shape_for(self, outcome: Any) -> Shape:
        """Its shape, given the outcome."""
        return self.shape(outcome) if callable(self.shape) else self.shape

    def with_link(self, link: str | Link) -> Self:
        """Return the parameter with another link, which must be allowed."""
        return replace(self, link=get_link(link, self.links))  # type: ignore[type-var]
