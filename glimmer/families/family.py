"""A family of outcome distributions as data: support, links, parameters with priors, distribution.

Nothing outside this folder asks which family it has; it asks the family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copyreg import __newobj__  # type: ignore[attr-defined]
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from glimmer.errors import FamilyError, StoreError
from glimmer.families.kernels_of import kernels_of
from glimmer.families.links import Link, get_link
from glimmer.families.support import REAL, Support
from glimmer.record import record, stands_for

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.kernels import RowKernel


@dataclass(frozen=True)
class Auxiliary:
    """A parameter of the outcome distribution besides its mean.

    Parameters
    ----------
    prior : Prior
        The default prior; on a positive parameter a real prior is truncated at zero.
    label : str
        How rstanarm calls it, for printed output.
    lower, upper : float
        The parameter's domain.
    """

    prior: Any
    label: str = ""
    lower: float = 0.0


@dataclass(frozen=True)
class Family:
    """A family of outcome distributions.

    Parameters
    ----------
    name : str
    dist : callable
        ``dist(mu, **aux)`` returns an unregistered PyMC variable, as ``pm.Normal.dist`` does. It
        receives ``trials`` too when ``has_trials``.
    link : str or Link
        The default link.
    links : tuple of str
        Names of the links allowed; empty allows any.
    aux : mapping of str to Auxiliary or Prior
        The parameters besides the mean, with their default priors.
    support : Support
        Where outcomes lie.
    on_eta : mapping of str to callable
        For some links, the distribution written in the linear predictor itself:
        ``on_eta["logit"](eta, **aux)``; more accurate than going through the mean.
    has_trials : bool
        Outcomes are successes in a number of trials.
    unit : {"y", "log y"} or None
        The scale on which the linear predictor and default priors live when it is the outcome's own
        (gaussian: ``"y"``); None when it is a scale of its own (log odds, log means).
    group_scale : str or None
        The auxiliary parameter that standard deviations of group-specific effects are relative to
        in the `decov` prior.
    needs_intercept : tuple of str
        Links whose mean is constrained so that a model must have an intercept.
    mean : callable, optional
        ``mean(mu, **aux)``, the expected outcome, where that is not ``mu`` itself.
    normal : bool
        With the identity link, the outcome (or its log, if ``unit`` says so) is normal around the
        linear predictor with ``group_scale`` as its sd.
    binary : bool
        Outcomes are 0 or 1, and may be given as two labels.
    without_trials : Family, optional
        The family of single trials.
    kernels : mapping of str to RowKernel
        For some links, the density compiled (see `glimmer.row_kernel`), by which models are
        sampled faster; a family without them is sampled by its distribution's log density. They
        are those of ``dist``: a copy of the family with another distribution loses them.

    Examples
    --------
    >>> import pymc as pm, glimmer as gl
    >>> laplace = gl.Family(
    ...     "laplace",
    ...     dist=lambda mu, b: pm.Laplace.dist(mu, b),
    ...     link="identity",
    ...     aux={"b": gl.exponential(1, autoscale=True)},
    ...     unit="y",
    ... )
    """

    name: str
    dist: Callable[..., TensorVariable]
    link: str | Link = "identity"
    links: tuple[str, ...] = ()
    aux: Mapping[str, Any] = field(default_factory=dict)
    support: Support = REAL
    on_eta: Mapping[str, Callable[..., TensorVariable]] = field(default_factory=dict)
    has_trials: bool = False
    unit: Literal["y", "log y"] | None = None
    group_scale: str | None = None
    needs_intercept: tuple[str, ...] = ()
    mean: Callable[..., TensorVariable] | None = None
    binary: bool = False
    normal: bool = False
    without_trials: Family | None = None
    kernels: Mapping[str, RowKernel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        aux = {k: v if isinstance(v, Auxiliary) else Auxiliary(v) for k, v in self.aux.items()}
        object.__setattr__(self, "aux", aux)
        object.__setattr__(self, "kernels", kernels_of(self.kernels, self.dist, aux))
        if self.group_scale is not None and self.group_scale not in aux:
            raise FamilyError(f"The family {self.name!r} has no parameter {self.group_scale!r}.")

    def with_link(self, link: str | Link | None) -> Family:
        """Return the family with another link; None keeps the default."""
        return self if link is None else replace(self, link=get_link(link, self.links))

    @property
    def link_function(self) -> Link:
        """The link in use."""
        return get_link(self.link, self.links)

    @property
    def link_name(self) -> str:
        """The name of the link in use."""
        return self.link_function.name

    @property
    def row_kernel(self) -> RowKernel | None:
        """The compiled density in the linear predictor, if there is one for the link in use."""
        known = get_link(self.link_name) if self.link_name in self.kernels else None
        same = known is not None and _alike(self.link_function, known)
        return self.kernels[self.link_name] if same else None

    def outcome(self, eta: TensorVariable, **aux: Any) -> TensorVariable:
        """Return the outcome's distribution at a linear predictor, unregistered."""
        direct = self.on_eta.get(self.link_name)
        if direct is not None:
            return direct(eta, **aux)
        return self.dist(self.link_function.inverse(eta), **aux)

    def expected(self, eta: TensorVariable, **aux: Any) -> TensorVariable:
        """Return the expected outcome (a probability, where there are trials)."""
        mu = self.link_function.inverse(eta)
        return mu if self.mean is None else self.mean(mu, **aux)

    def as_record(self) -> NamedFamily:
        """Return what stands for the family in a saved model: its name, and its link's.

        Raises
        ------
        StoreError
            The family is not known by its name, or its link is not.
        """
        from glimmer.families.builtin import FAMILIES

        known = FAMILIES.get(self.name)
        if known is None or replace(self, link=known.link) != known:
            raise StoreError(
                f"The family {self.name!r} is not known by its name and cannot be saved.",
                fix="call register_family(family) before building the model, and before loading it",
            )
        if isinstance(known.link, Link) and _alike(self.link_function, known.link):
            return NamedFamily(self.name, None)
        try:
            found = get_link(self.link_name)
        except FamilyError:
            found = None
        if found is None or not _alike(self.link_function, found):
            raise StoreError(
                f"The link {self.link_name!r} is not known by its name and cannot be saved.",
                fix="register a family that has this link as its own",
            )
        return NamedFamily(self.name, self.link_name)

    def __reduce__(self) -> Any:
        """Travel between processes by name where that is possible: lambdas cannot travel."""
        try:
            return NamedFamily.restored, (self.as_record(),)
        except StoreError:
            return __newobj__, (type(self),), self.__dict__


@record
class NamedFamily:
    """A family by its name; ``link`` is None for the family's own."""

    name: str
    link: str | None

    def restored(self) -> Family:
        """Look the family up.

        Raises
        ------
        StoreError
            No family of that name has been registered.
        """
        from glimmer.families.builtin import get_family

        try:
            return get_family(self.name, self.link)
        except FamilyError as error:
            raise StoreError(
                f"The model has the family {self.name!r}, which cannot be found: {error.message}",
                fix="call register_family(family) before loading",
            ) from error


def _alike(a: Link, b: Link) -> bool:
    """Whether two links are the same functions (each look-up makes its lambdas anew)."""
    pairs = ((a.forward, b.forward), (a.inverse, b.inverse))
    return all(getattr(f, "__code__", f) is getattr(g, "__code__", g) for f, g in pairs)


stands_for(Family, NamedFamily, Family.as_record, NamedFamily.restored)
