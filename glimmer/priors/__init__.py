"""Priors: for coefficients, scales and covariances, with autoscaling as in rstanarm."""

from glimmer.priors.base import Prior, Scales
from glimmer.priors.covariance import CovariancePrior, decov, lkj
from glimmer.priors.independent import (
    cauchy,
    exponential,
    flat,
    gamma,
    laplace,
    normal,
    student_t,
)
from glimmer.priors.raw import prior
from glimmer.priors.resolve import as_covariance_prior, as_prior
from glimmer.priors.shrinkage import hs, hs_plus, lasso, product_normal

__all__ = [
    "CovariancePrior",
    "Prior",
    "Scales",
    "as_covariance_prior",
    "as_prior",
    "cauchy",
    "decov",
    "exponential",
    "flat",
    "gamma",
    "hs",
    "hs_plus",
    "laplace",
    "lasso",
    "lkj",
    "normal",
    "prior",
    "product_normal",
    "student_t",
]
