"""Holds the priors of a model, in the units of its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from glimmer.errors import PriorError
from glimmer.priors import CovariancePrior, Prior
from glimmer.record import record
from glimmer.terms.naming import MU


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
class PredictorPriors:
    """Priors of the intercept and the common terms of a predictor, on the scale of its link.

    Attributes
    ----------
    intercept : Prior or None
        With columns at their means.
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
    predictors : dict of str to PredictorPriors
        By name of the predictor.
    aux : dict of str to Prior
        Of the parameters of the outcome's distribution that have no predictor.
    residual : dict of str to Prior
        Of the parameters of a residual sd that follows a curve.
    covariance : dict of str to CovariancePrior
        By name of the block.
    smooth : SmoothPriors
    terms : dict of str to Prior
        Of the parameters of terms of registered kinds, by name of the variable.
    lines : tuple of PriorLine
    """

    predictors: dict[str, PredictorPriors]
    aux: dict[str, Prior]
    residual: dict[str, Prior]
    covariance: dict[str, CovariancePrior]
    smooth: SmoothPriors
    terms: dict[str, Prior] = field(default_factory=dict)
    lines: tuple[PriorLine, ...] = ()

    @property
    def joint(self) -> bool:
        """Whether some coefficients share a prior."""
        return any(c.prior.joint for p in self.predictors.values() for c in p.common)

    def named(self) -> Iterator[tuple[str, Prior]]:
        """Every prior of a number or of coefficients, with the name of its parameter."""
        for name, own in self.predictors.items():
            if own.intercept is not None:
                yield "Intercept" if name == MU else name, own.intercept
        for own in self.predictors.values():
            yield from ((", ".join(common.terms), common.prior) for common in own.common)
        yield from self.aux.items()
        yield from self.residual.items()
        yield from self.terms.items()


def improper(priors: ModelPriors) -> tuple[str, ...]:
    """Names of the parameters whose prior does not integrate to one."""
    return tuple(name for name, prior in priors.named() if not prior.proper)


def check_proper(priors: ModelPriors) -> None:
    """Raise `PriorError`, naming the parameters, if the priors cannot be drawn from."""
    if flat := improper(priors):
        raise PriorError(
            f"The prior of {', '.join(flat)} is flat, so it cannot be drawn from.",
            fix="use a wide proper prior, e.g. gl.normal(0, 10, autoscale=True)",
        )
