"""Declares a family: the distribution of outcomes, its parameters with links and priors, moments.

Nothing outside this folder asks which family it has; it asks the family.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glimmer.errors import FamilyError
from glimmer.families import moments
from glimmer.families.kernels_of import kernels_of
from glimmer.families.links import LINKS, Link
from glimmer.families.parameter import Parameter, Unit
from glimmer.families.response_kinds import BINARY, NUMBERS, ResponseKind, Trials
from glimmer.families.support import REAL, Support

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.kernels import RowKernel

Expression = Callable[..., "TensorVariable"]


@dataclass(frozen=True, init=False)
class Family:
    """A family of outcome distributions.

    ``dist``, ``mean`` and ``variance`` are called alike: with the main parameter, the other
    parameters by name, and ``trials`` where the outcomes are successes in a number of trials.

    Parameters
    ----------
    name : str
    parameters : sequence of Parameter
        All parameters of the distribution, one of them the main one.
    dist : callable
        ``dist(mu, **others)`` returns an unregistered PyMC variable, as ``pm.Normal.dist`` does.
    support : Support
        Where outcomes lie.
    response : ResponseKind
        What is observed in a row: numbers (the default), one of two, or trials.
    mean : callable, optional
        The expected outcome. By default that of the distribution, if PyMC has it, or ``mu``.
    variance : callable, optional
        The outcome's variance. By default that of the distribution, if it is known.
    on_eta : mapping of str to callable
        For some links of the main parameter, by name, the distribution written in the linear
        predictor itself: ``on_eta["log"](eta, **others)``; more accurate than through the mean.
    on_log_odds : callable, optional
        The distribution written in the log odds of the main parameter, for all links that know
        them.
    normal : bool
        With the identity link, the outcome (or its log, if that is the unit) is normal around the
        linear predictor with ``group_scale`` as its sd.
    group_scale : str or None
        The parameter that standard deviations of group-specific effects are relative to in the
        `decov` prior.
    aliases : tuple of str
        Other names.
    bambi : str or None
        Its name in bambi, if bambi has it.
    link, links, unit, needs_intercept
        In place of ``parameters``: of the main parameter ``mu``, see `Parameter`. It lies where
        outcomes do, or anywhere if ``mean`` is given.
    aux : mapping of str to Prior or Parameter
        In place of ``parameters``: the others, with their default priors. Those that are given as
        a prior are positive.
    has_trials, binary : bool
        In place of ``response``: outcomes are successes in a number of trials, or 0 or 1.
    without_trials : Family, optional
        With ``has_trials``: the family of single trials.
    kernels : mapping of str to RowKernel
        For some links, the density compiled (see `glimmer.row_kernel`), by which models are
        sampled faster; a family without them is sampled by its distribution's log density. They
        are those of ``dist``: a copy of the family with another distribution loses them.

    Raises
    ------
    FamilyError
        The parameters do not go together, or one is given in two ways.

    Examples
    --------
    >>> import pymc as pm, glimmer as gl
    >>> laplace = gl.Family(
    ...     "laplace",
    ...     dist=lambda mu, b: pm.Laplace.dist(mu, b),
    ...     variance=lambda mu, b: 2 * b**2,
    ...     aux={"b": gl.exponential(1, autoscale=True)},
    ...     unit="y",
    ... )
    >>> laplace.parameters["b"].domain
    (0.0, inf)
    """

    name: str
    parameters: Mapping[str, Parameter]
    dist: Expression
    support: Support
    response: ResponseKind
    mean: Expression | None
    variance: Expression | None
    on_eta: Mapping[str, Expression]
    on_log_odds: Expression | None
    normal: bool
    group_scale: str | None
    aliases: tuple[str, ...]
    bambi: str | None
    kernels: Mapping[str, RowKernel]

    def __init__(
        self,
        name: str,
        parameters: Iterable[Parameter] | Mapping[str, Parameter] = (),
        dist: Expression | None = None,
        support: Support = REAL,
        response: ResponseKind | None = None,
        *,
        mean: Expression | None = None,
        variance: Expression | None = None,
        on_eta: Mapping[str, Expression] | None = None,
        on_log_odds: Expression | None = None,
        normal: bool = False,
        group_scale: str | None = None,
        aliases: tuple[str, ...] = (),
        bambi: str | None = None,
        kernels: Mapping[str, RowKernel] | None = None,
        link: str | Link | None = None,
        links: tuple[str, ...] = (),
        unit: Unit | None = None,
        needs_intercept: tuple[str, ...] = (),
        aux: Mapping[str, Any] | None = None,
        has_trials: bool = False,
        binary: bool = False,
        without_trials: Family | None = None,
    ) -> None:
        if dist is None:
            raise FamilyError(f"The family {name!r} needs dist=.", fix="dist=lambda mu: ...")
        kind = response or _kind(has_trials, binary, without_trials)
        found = _named(parameters)
        if not found:
            domain = kind.levels(support) if mean is None else None
            chosen = "identity" if link is None else link
            mu = Parameter("mu", chosen, links, domain, (), None, "", unit, True, needs_intercept)
            found = {"mu": mu, **_others(aux or {})}
        elif link or links or unit or needs_intercept or aux:
            raise FamilyError(
                f"The parameters of the family {name!r} cannot be given twice.",
                fix="pass parameters=, or link=, links=, unit=, needs_intercept= and aux=",
            )
        _check(name, found, group_scale)
        for field, value in {
            "name": name,
            "parameters": found,
            "dist": dist,
            "support": support,
            "response": kind,
            "mean": mean,
            "variance": variance,
            "on_eta": dict(on_eta or {}),
            "on_log_odds": on_log_odds,
            "normal": normal,
            "group_scale": group_scale,
            "aliases": aliases,
            "bambi": bambi,
            "kernels": kernels_of(kernels or {}, dist, [n for n, p in found.items() if not p.main]),
        }.items():
            object.__setattr__(self, field, value)

    @property
    def main(self) -> Parameter:
        """The parameter that the model's formula is for."""
        return next(parameter for parameter in self.parameters.values() if parameter.main)

    @property
    def others(self) -> dict[str, Parameter]:
        """All parameters but the main one."""
        return {name: p for name, p in self.parameters.items() if not p.main}

    def with_link(self, link: str | Link | None, parameter: str | None = None) -> Family:
        """Return the family with another link, of the main parameter by default; None keeps it.

        Raises
        ------
        FamilyError
            The link is unknown, or the parameter does not allow it.
        """
        if link is None:
            return self
        name = self.main.name if parameter is None else parameter
        changed = self.parameters[name].with_link(link)
        return replace(self, parameters={**self.parameters, name: changed})

    @property
    def link_function(self) -> Link:
        """The link in use."""
        return self.main.link

    @property
    def link_name(self) -> str:
        """The name of the link in use."""
        return self.link_function.name

    @property
    def row_kernel(self) -> RowKernel | None:
        """The compiled density in the linear predictor, if there is one for the link in use."""
        link = self.link_function
        known = LINKS.get(link.name)
        return self.kernels.get(link.name) if link is known else None

    @property
    def is_direct(self) -> bool:
        """Whether the distribution is written in the linear predictor, whatever its value."""
        return self._direct() is not None

    def _direct(self) -> Expression | None:
        """The distribution as a function of the linear predictor, if it is written so."""
        link, on_log_odds = self.link_function, self.on_log_odds
        if link.name in self.on_eta:
            return self.on_eta[link.name]
        if on_log_odds is None or (log_odds := link.log_odds) is None:
            return None
        return lambda eta, **others: on_log_odds(log_odds(eta), **others)

    def outcome(self, eta: TensorVariable, **others: Any) -> TensorVariable:
        """Return the outcome's distribution at a linear predictor, unregistered."""
        direct = self._direct()
        if direct is not None:
            return direct(eta, **others)
        return self.dist(self.link_function.inverse(eta), **others)

    def expected(self, eta: TensorVariable, **others: Any) -> TensorVariable:
        """Return the expected outcome; that of a single trial, where there are trials."""
        mu, others = self.link_function.inverse(eta), {**others, **self.response.arguments(1)}
        if self.mean is not None:
            return self.mean(mu, **others)
        known = moments.mean(self.dist(mu, **others))
        return mu if known is None else known

    def variance_at(self, eta: TensorVariable, **others: Any) -> TensorVariable:
        """Return the outcome's variance at a linear predictor, with others as in `outcome`.

        Raises
        ------
        FamilyError
            The family declares none, and that of its distribution is not known.
        """
        mu = self.link_function.inverse(eta)
        if self.variance is not None:
            return self.variance(mu, **others)
        known = moments.variance(self.dist(mu, **others))
        if known is None:
            arguments = ", ".join(("mu", *others))
            raise FamilyError(
                f"The {self.name} family has no known variance.",
                fix=f"declare it: Family(..., variance=lambda {arguments}: ...)",
            )
        return known

    # What other rooms still ask for by these names

    @property
    def link(self) -> Link:
        """The link in use."""
        return self.link_function

    @property
    def links(self) -> tuple[str, ...]:
        """Names of the links allowed."""
        return self.main.links

    @property
    def aux(self) -> dict[str, Parameter]:
        """The parameters besides the mean."""
        return self.others

    @property
    def unit(self) -> Unit | None:
        """The scale of the linear predictor, where it is the outcome's own."""
        return self.main.unit

    @property
    def needs_intercept(self) -> tuple[str, ...]:
        """Links under which a model must have an intercept."""
        return self.main.needs_intercept

    @property
    def has_trials(self) -> bool:
        """Outcomes are successes in a number of trials."""
        return self.response.has_trials

    @property
    def binary(self) -> bool:
        """Outcomes are 0 or 1."""
        return self.response.binary

    @property
    def without_trials(self) -> Family | None:
        """The family of single trials."""
        return self.response.single


def _kind(has_trials: bool, binary: bool, single: Family | None) -> ResponseKind:
    if has_trials:
        return Trials(single)
    return BINARY if binary else NUMBERS


def _named(parameters: Iterable[Parameter] | Mapping[str, Parameter]) -> dict[str, Parameter]:
    own = parameters.values() if isinstance(parameters, Mapping) else parameters
    return {parameter.name: parameter for parameter in own}


def _others(aux: Mapping[str, Any]) -> dict[str, Parameter]:
    """Parameters by name, from their priors or without their names."""
    return {
        name: replace(given, name=name)
        if isinstance(given, Parameter)
        else Parameter(name, prior=given)
        for name, given in aux.items()
    }


def _check(name: str, parameters: Mapping[str, Parameter], group_scale: str | None) -> None:
    """Raise `FamilyError` if the parameters do not go together."""
    if sum(parameter.main for parameter in parameters.values()) != 1:
        raise FamilyError(
            f"The family {name!r} must have one main parameter.",
            fix='write Parameter("mu", ..., main=True)',
        )
    for parameter in parameters.values():
        if parameter.prior is None and not parameter.main:
            raise FamilyError(
                f"The parameter {parameter.name!r} of the family {name!r} needs a default prior.",
                fix=f"write Parameter({parameter.name!r}, ..., prior=gl.exponential(1))",
            )
    if group_scale is not None and group_scale not in parameters:
        raise FamilyError(f"The family {name!r} has no parameter {group_scale!r}.")
