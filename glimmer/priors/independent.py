"""Declares priors of independent parameters: normal, Student t, Laplace, exponential, gamma, ..."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from glimmer.priors.base import (
    Hyper,
    LocationScale,
    Prior,
    Scales,
    described,
    hyper,
    positive,
    positive_scale,
    prior_function,
    real,
)
from glimmer.record import record

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@record
class Normal(LocationScale):
    """Normal(location, scale); half-normal on a positive parameter."""

    location: Hyper = 0.0
    scale: Hyper | None = None
    autoscale: bool = False

    def rv(self) -> TensorVariable:
        import pymc as pm

        return pm.Normal.dist(*self.shift_and_scale)

    def positive_rv(self) -> TensorVariable:
        import pymc as pm

        location, scale = self.shift_and_scale
        if self.centred_at_zero:
            return pm.HalfNormal.dist(scale)
        return pm.TruncatedNormal.dist(location, scale, lower=0.0)

    def normal_parameters(self) -> tuple[Hyper, Hyper]:
        location, scale = self.shift_and_scale
        return hyper(location), hyper(scale)

    def __str__(self) -> str:
        return described("normal", self.autoscale, location=self.location, scale=self.scale)


@record
class StudentT(LocationScale):
    """Student t with df degrees of freedom; half-t on a positive parameter."""

    vectors: ClassVar[tuple[str, ...]] = ("df", "location", "scale")

    df: Hyper = 1.0
    location: Hyper = 0.0
    scale: Hyper | None = None
    autoscale: bool = False

    def rv(self) -> TensorVariable:
        import pymc as pm

        location, scale = self.shift_and_scale
        return pm.StudentT.dist(nu=np.asarray(self.df), mu=location, sigma=scale)

    def positive_rv(self) -> TensorVariable:
        import pymc as pm

        if not self.centred_at_zero:
            return pm.Truncated.dist(self.rv(), lower=0.0)
        _, scale = self.shift_and_scale
        return pm.HalfStudentT.dist(nu=np.asarray(self.df), sigma=scale)

    def __str__(self) -> str:
        if self.df == 1:
            return described("cauchy", self.autoscale, location=self.location, scale=self.scale)
        return described(
            "student_t", self.autoscale, df=self.df, location=self.location, scale=self.scale
        )


@record
class Laplace(LocationScale):
    """Laplace(location, scale), the double exponential."""

    location: Hyper = 0.0
    scale: Hyper | None = None
    autoscale: bool = False

    def rv(self) -> TensorVariable:
        import pymc as pm

        return pm.Laplace.dist(*self.shift_and_scale)

    def positive_rv(self) -> TensorVariable:
        import pymc as pm

        if not self.centred_at_zero:
            return pm.Truncated.dist(self.rv(), lower=0.0)
        _, scale = self.shift_and_scale
        return pm.Exponential.dist(scale=scale)

    def __str__(self) -> str:
        return described("laplace", self.autoscale, location=self.location, scale=self.scale)


@record
class Exponential(Prior):
    """Exponential(rate) on a positive parameter."""

    vectors: ClassVar[tuple[str, ...]] = ("rate",)

    rate: Hyper = 1.0
    autoscale: bool = False

    def positive_rv(self) -> TensorVariable:
        import pymc as pm

        return pm.Exponential.dist(np.asarray(self.rate))

    rv = positive_rv

    def rescaled(self, scales: Scales) -> Exponential:
        if not self.autoscale:
            return self
        return replace(self, rate=hyper(np.asarray(self.rate) / scales.factor), autoscale=False)  # type: ignore[type-var]

    def __str__(self) -> str:
        return described("exponential", self.autoscale, rate=self.rate)


@record
class GammaPrior(Prior):
    """Gamma(shape, rate) on a positive parameter."""

    vectors: ClassVar[tuple[str, ...]] = ("shape", "rate")

    shape: Hyper = 2.0
    rate: Hyper = 0.1

    def positive_rv(self) -> TensorVariable:
        import pymc as pm

        return pm.Gamma.dist(np.asarray(self.shape), np.asarray(self.rate))

    rv = positive_rv

    def __str__(self) -> str:
        return described("gamma", False, shape=self.shape, rate=self.rate)


@record
class Flat(Prior):
    """The improper uniform prior."""

    proper: ClassVar[bool] = False

    def rv(self) -> TensorVariable:
        import pymc as pm

        return pm.Flat.dist()

    def positive_rv(self) -> TensorVariable:
        import pymc as pm

        return pm.HalfFlat.dist()

    def normal_parameters(self) -> tuple[Hyper, Hyper]:
        return 0.0, float("inf")

    def __str__(self) -> str:
        return "flat"


@prior_function
def normal(location: Hyper = 0.0, scale: Hyper | None = None, autoscale: bool = False) -> Normal:
    """Return a normal prior.

    Parameters
    ----------
    location : float or sequence of float
        A vector has one value per coefficient, the intercept apart.
    scale : float or sequence of float, optional
        Standard deviation; 2.5 if not given.
    autoscale : bool
        Multiply the scale by sd(y) (where the linear predictor is in the units of the outcome) and
        divide it by sd(x).

    Raises
    ------
    PriorError
        The scale is not positive, or an argument does not exist.

    Examples
    --------
    >>> print(normal(0, 10))
    normal(location = 0, scale = 10)
    """
    return Normal(real(location, "location"), positive_scale(scale), autoscale)


@prior_function
def student_t(
    df: Hyper = 1.0,
    location: Hyper = 0.0,
    scale: Hyper | None = None,
    autoscale: bool = False,
) -> StudentT:
    """Return a Student t prior with ``df`` degrees of freedom; other arguments as in `normal`.

    The exact density is used (rstanarm samples an approximation for coefficients).
    """
    return StudentT(
        positive(df, "df"), real(location, "location"), positive_scale(scale), autoscale
    )


@prior_function
def cauchy(location: Hyper = 0.0, scale: Hyper | None = None, autoscale: bool = False) -> StudentT:
    """Return a Cauchy prior: `student_t` with one degree of freedom."""
    return StudentT(1.0, real(location, "location"), positive_scale(scale), autoscale)


@prior_function
def laplace(location: Hyper = 0.0, scale: Hyper | None = None, autoscale: bool = False) -> Laplace:
    """Return a Laplace prior; arguments as in `normal`, the scale is that of the distribution."""
    return Laplace(real(location, "location"), positive_scale(scale), autoscale)


@prior_function
def exponential(rate: Hyper = 1.0, autoscale: bool = False) -> Exponential:
    """Return an exponential prior for a positive parameter; its rate is autoscaled by 1 / sd(y)."""
    return Exponential(positive(rate, "rate"), autoscale)


@prior_function
def gamma(shape: Hyper = 2.0, rate: Hyper = 0.1) -> GammaPrior:
    """Return a gamma prior for a positive parameter."""
    return GammaPrior(positive(shape, "shape"), positive(rate, "rate"))


@prior_function
def flat() -> Flat:
    """Return the improper uniform prior (rstanarm's ``NULL``)."""
    return Flat()
