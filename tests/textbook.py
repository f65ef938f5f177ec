"""Densities as textbooks write them, in numpy and scipy alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special, stats

INVERSE_LINKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "inverse": lambda eta: 1 / eta,
    "inverse_squared": lambda eta: 1 / np.sqrt(eta),
    "sqrt": lambda eta: eta**2,
    "logit": special.expit,
    "probit": stats.norm.cdf,
    "cloglog": lambda eta: 1 - np.exp(-np.exp(eta)),
    "cauchit": lambda eta: 0.5 + np.arctan(eta) / np.pi,
}

# log likelihood of each row: (y, mu, auxiliary parameters by name) -> array
LIKELIHOODS: dict[str, Callable[..., np.ndarray]] = {
    "gaussian": lambda y, mu, sigma: stats.norm.logpdf(y, mu, sigma),
    "student_t": lambda y, mu, sigma, nu: stats.t.logpdf(y, nu, mu, sigma),
    "lognormal": lambda y, mu, sigma: stats.norm.logpdf(np.log(y), mu, sigma) - np.log(y),
    "bernoulli": lambda y, mu: np.log(np.where(y == 1, mu, 1 - mu)),
    "binomial": lambda y, mu, trials: stats.binom.logpmf(y, trials, mu),
    "poisson": lambda y, mu: stats.poisson.logpmf(y, mu),
    "neg_binomial_2": lambda y, mu, alpha: (
        special.gammaln(y + alpha)
        - special.gammaln(alpha)
        - special.gammaln(y + 1)
        + alpha * np.log(alpha / (alpha + mu))
        + y * np.log(mu / (alpha + mu))
    ),
    "Gamma": lambda y, mu, alpha: stats.gamma.logpdf(y, alpha, scale=mu / alpha),
    "inverse_gaussian": lambda y, mu, lam: (
        0.5 * np.log(lam / (2 * np.pi * y**3)) - lam * (y - mu) ** 2 / (2 * mu**2 * y)
    ),
    "beta": lambda y, mu, kappa: stats.beta.logpdf(y, mu * kappa, (1 - mu) * kappa),
}


def half_t(x: np.ndarray, df: float, scale: float = 1.0) -> np.ndarray:
    """Log density of the absolute value of a Student t variable."""
    return np.log(2) + stats.t.logpdf(x, df, 0, scale)


def inverse_gamma(x: np.ndarray, shape: float, scale: float) -> np.ndarray:
    """Log density of the inverse of a gamma variable."""
    return stats.invgamma.logpdf(x, shape, scale=scale)


def lkj(R: np.ndarray, eta: float) -> float:
    """Log density of a correlation matrix (Lewandowski, Kurowicka & Joe 2009, equation 16)."""
    p = len(R)
    log_constant = 0.0
    for k in range(1, p):
        a = eta + (p - k - 1) / 2
        log_constant += (p - k) * ((2 * a - 1) * np.log(2) + special.betaln(a, a))
    return (eta - 1) * np.linalg.slogdet(R)[1] - log_constant


def partial_correlation(R: np.ndarray, i: int, j: int) -> float:
    """Correlation of variables i < j given the first i variables, from the precision matrix."""
    rows = [*range(i), i, j]
    precision = np.linalg.inv(R[np.ix_(rows, rows)])
    return -precision[-1, -2] / np.sqrt(precision[-1, -1] * precision[-2, -2])


def effects(b: np.ndarray, sds: np.ndarray, R: np.ndarray) -> float:
    """Log density of effects of all levels, shape (J, p), each N(0, diag(sds) R diag(sds))."""
    Sigma = sds[:, None] * R * sds
    return float(stats.multivariate_normal.logpdf(b, np.zeros(len(sds)), Sigma).sum())


def log_jacobian(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    """Log absolute determinant of a function's Jacobian, by central differences."""
    h = 1e-5
    columns = [(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(len(x))]
    return float(np.linalg.slogdet(np.array(columns))[1])
