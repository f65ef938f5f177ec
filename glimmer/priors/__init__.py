"""Declares priors of coefficients, scales and covariances, with autoscaling as in rstanarm."""

from glimmer.priors.any_distribution import as_prior, prior
from glimmer.priors.base import CovariancePrior, Prior, Scales
from glimmer.priors.covariance import as_covariance_prior, decov, lkj
from glimmer.priors.independent import (
    cauchy,
    exponential,
    flat,
    gamma,
    laplace,
    normal,
    student_t,
)
from glimmer.priors.shrinkage import hs, hs_plus, lasso, product_normal
from glimmer.priors.simplex import dirichlet

__all__ = [
    "CovariancePrior",
    "Prior",
    "Scales",
    "as_covariance_prior",
    "as_prior",
    "cauchy",
    "decov",
    "dirichlet",
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
