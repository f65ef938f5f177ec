"""The priors of a model, in the units of its data."""

from __future__ import annotations

from dataclasses import field

from glimmer.errors import PriorError
from glimmer.priors import CovariancePrior, Prior
from glimmer.record import record


@record
class SmoothPriors:
    """Priors of smooth terms.

    Attributes
    ----------
    sds : dict of str to Prior
        By name of the standard deviation.
    null : dict of str to Prior
        Of unpenalized coefficients, by name of the block.
    relative : bool
        Whether standard deviations are multiples of the residual sd, as in rstanarm.
    """

    sds: dict[str, Prior]
    null: dict[str, Prior]
    relative: bool = False


@record
class CommonPrior:
    """The prior of the coefficients of one term, or of several that are tied together."""

    terms: tuple[str, ...]
    prior: Prior


@record
class ParameterPriors:
    """Priors of one parameter of a curve, on the scale of its transform.

    Attributes
    ----------
    intercept : Prior or None
        With predictors centred.
    common : tuple of CommonPrior
    """

    intercept: Prior | None
    common: tuple[CommonPrior, ...] = ()


@record
class PriorLine:
    """A line of `prior_summary`: a parameter's prior as specified and as used."""

    parameter: str
    specified: str
    adjusted: str
    group: str


@record
class ModelPriors:
    """Every prior of a model.

    Attributes
    ----------
    intercept : Prior or None
        Of the intercept with predictors centred.
    common : tuple of CommonPrior
    aux : dict of str to Prior
    covariance : dict of str to CovariancePrior
        By name of the block.
    lines : tuple of PriorLine
    smooth : SmoothPriors
    parameters : dict of str to ParameterPriors
        Of a nonlinear model.
    residual : dict of str to Prior
        Of the parameters of a residual sd that follows the curve.
    """

    intercept: Prior | None
    common: tuple[CommonPrior, ...]
    aux: dict[str, Prior]
    covariance: dict[str, CovariancePrior]
    lines: tuple[PriorLine, ...]
    smooth: SmoothPriors = field(default_factory=lambda: SmoothPriors({}, {}))
    parameters: dict[str, ParameterPriors] = field(default_factory=dict)
    residual: dict[str, Prior] = field(default_factory=dict)

    @property
    def of_curve(self) -> dict[str, Prior]:
        """Priors of a nonlinear model's intercepts and coefficients, by name."""
        intercepts = {n: p.intercept for n, p in self.parameters.items() if p.intercept is not None}
        commons = [c for p in self.parameters.values() for c in p.common]
        return {**intercepts, **{", ".join(c.terms): c.prior for c in commons}, **self.residual}


def improper(priors: ModelPriors) -> tuple[str, ...]:
    """Names of the parameters whose prior does not integrate to one."""
    named = {
        "Intercept": priors.intercept,
        **{", ".join(common.terms): common.prior for common in priors.common},
        **priors.aux,
        **priors.of_curve,
    }
    return tuple(name for name, prior in named.items() if prior is not None and not prior.proper)


def check_proper(priors: ModelPriors) -> None:
    """Raise `PriorError`, naming the parameters, if the priors cannot be drawn from."""
    if flat := improper(priors):
        raise PriorError(
            f"The prior of {', '.join(flat)} is flat, so it cannot be drawn from.",
            fix="use a wide proper prior, e.g. gl.normal(0, 10, autoscale=True)",
        )
