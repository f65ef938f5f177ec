"""Declares priors of the covariance matrix of correlated group-specific effects.

A covariance is Sigma = diag(s) Omega diag(s). Omega has the LKJ law, written through its canonical
partial correlations (Lewandowski, Kurowicka & Joe 2009), which are independent betas; its Cholesky
factor follows from them elementwise, so that small matrices cost no linear algebra.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import PriorError
from glimmer.priors.any_distribution import as_prior
from glimmer.priors.base import (
    Covariance,
    CovariancePrior,
    Hyper,
    Prior,
    Scales,
    described,
    hyper,
    positive,
    prior_function,
)
from glimmer.priors.independent import StudentT
from glimmer.record import record

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@record
class Decov(CovariancePrior):
    """rstanarm's decov, in the documented form; see `decov`."""

    regularization: float = 1.0
    concentration: Hyper = 1.0
    shape: float = 1.0
    scale: float = 1.0

    def build(
        self, name: str, sd_names: tuple[str, ...], noise: TensorVariable | float
    ) -> Covariance:
        import pymc as pm
        import pytensor.tensor as pt

        p = len(sd_names)
        if p == 1 and isinstance(noise, float):
            sd = pm.Gamma(sd_names[0], alpha=self.shape, beta=1 / (self.scale * noise))
            return Covariance([sd], [[1.0]])
        tau = pm.Gamma(f"{name}_tau", alpha=self.shape, beta=1.0)
        if p == 1:
            sd = pm.Deterministic(sd_names[0], noise * self.scale * tau)
            return Covariance([sd], [[1.0]])
        concentration = np.broadcast_to(np.asarray(self.concentration, float), (p,))
        pi = simplex(f"{name}_share", concentration)
        sds = [
            pm.Deterministic(sd_name, noise * self.scale * tau * pt.sqrt(p * pi[k]))
            for k, sd_name in enumerate(sd_names)
        ]
        return Covariance(sds, lkj_cholesky(f"{name}_partial", p, self.regularization))

    def __str__(self) -> str:
        return described(
            "decov",
            False,
            reg=self.regularization,
            conc=self.concentration,
            shape=self.shape,
            scale=self.scale,
        )


@record
class LKJ(CovariancePrior):
    """Independent priors on the sds, LKJ on the correlations; see `lkj`."""

    regularization: float = 1.0
    sd: tuple[Prior, ...] = ()

    def rescaled(self, scales: Scales) -> LKJ:
        factor = np.broadcast_to(np.asarray(scales.predictors, float), (_block_size(scales),))
        sds = self.sd if len(self.sd) > 1 else self.sd * len(factor)
        return replace(  # type: ignore[type-var]
            self,
            sd=tuple(
                prior.rescaled(replace(scales, predictors=float(x)))
                for prior, x in zip(sds, factor, strict=True)
            ),
        )

    def build(
        self, name: str, sd_names: tuple[str, ...], noise: TensorVariable | float
    ) -> Covariance:
        import pymc as pm

        p = len(sd_names)
        priors = self.sd if len(self.sd) == p else self.sd * p
        model = pm.modelcontext(None)
        sds = [
            model.register_rv(prior.positive_rv(), sd_name)
            for prior, sd_name in zip(priors, sd_names, strict=True)
        ]
        return Covariance(sds, lkj_cholesky(f"{name}_partial", p, self.regularization))

    def __str__(self) -> str:
        inside = "; ".join(dict.fromkeys(map(str, self.sd)))
        return f"lkj(reg = {self.regularization:g}, sd = {inside})"


def _block_size(scales: Scales) -> int:
    return max(1, np.size(scales.predictors))


def simplex(name: str, concentration: np.ndarray) -> list[Any]:
    """Return p scalars that sum to 1 with the Dirichlet law.

    Registers ``name``: the p - 1 shares that each takes of what those before it left, which are
    independent betas. They cost one elementwise expression, where a softmax costs several sums.
    """
    after = concentration.sum() - np.cumsum(concentration)[:-1]
    share = _betas(name, concentration[:-1], after)
    out, left = [], 1.0
    for k in range(len(after)):
        out.append(left * share[k])
        left = left * (1 - share[k])
    return [*out, left]


def _betas(name: str, alpha: np.ndarray, beta: np.ndarray) -> list[Any]:
    """Register independent betas: a vector, or a scalar if there is one, which compiles faster."""
    import pymc as pm

    if len(alpha) == 1:
        return [pm.Beta(name, alpha[0], beta[0])]
    unit = pm.Beta(name, alpha, beta)
    return [unit[k] for k in range(len(alpha))]


def lkj_cholesky(name: str, p: int, eta: float) -> list[list[Any]]:
    """Return the Cholesky factor of a p x p correlation matrix with the LKJ(eta) law.

    Registers ``name``: the p (p - 1) / 2 canonical partial correlations, mapped to (0, 1), row by
    row of the factor. In a C-vine the partial correlation of variables i < j given the first i is
    2 Beta(a, a) - 1 with a = eta + (p - 2 - i) / 2.
    """
    import pytensor.tensor as pt

    if p == 1:
        return [[1.0]]
    pairs = [(j, i) for j in range(1, p) for i in range(j)]
    a = np.array([eta + (p - 2 - i) / 2 for _, i in pairs])
    unit = _betas(name, a, a)
    partial = {pair: 2 * unit[k] - 1 for k, pair in enumerate(pairs)}
    rows: list[list[Any]] = [[1.0]]
    for j in range(1, p):
        row, left = [], 1.0
        for i in range(j):
            row.append(left * partial[j, i])
            left = left * pt.sqrt(1 - partial[j, i] ** 2)
        rows.append([*row, left])
    return rows


@prior_function
def decov(
    regularization: float = 1.0,
    concentration: Hyper = 1.0,
    shape: float = 1.0,
    scale: float = 1.0,
) -> Decov:
    """Return the decomposition prior for a covariance matrix of p correlated effects.

    tau ~ Gamma(shape, 1) times ``scale`` is the typical standard deviation: the trace of the matrix
    is p tau^2 (times sigma^2 in families with a residual sd); a Dirichlet simplex divides the trace
    into variances; the correlations are LKJ. With defaults and p = 1 the sd is exponential(1).
    rstanarm's code departs from its documentation for p >= 3; this is the documented form.

    Parameters
    ----------
    regularization : float
        The LKJ parameter; 1 is uniform over correlation matrices, larger values favour none.
    concentration : float or sequence of float
        The Dirichlet parameter; above 1 favours equal variances.
    shape, scale : float
        Of the gamma prior on tau.

    Examples
    --------
    >>> print(decov(regularization=2))
    decov(reg = 2, conc = 1, shape = 1, scale = 1)
    """
    return Decov(
        _positive(regularization, "regularization"),
        positive(concentration, "concentration"),
        _positive(shape, "shape"),
        _positive(scale, "scale"),
    )


@prior_function
def lkj(
    regularization: float = 1.0,
    scale: Hyper = 10.0,
    df: float = 1.0,
    autoscale: bool = True,
    sd: Any = None,
) -> LKJ:
    """Return LKJ correlations with half-Student-t standard deviations, or any prior on those.

    Parameters
    ----------
    regularization : float
        The LKJ parameter.
    scale, df : float
        Of the half-t prior on each standard deviation.
    autoscale : bool
        Multiply the scale by sd(y) and divide it by sd(x), as for coefficients.
    sd : prior or sequence of priors, optional
        Replaces the half-t: one prior for all standard deviations of the block, or one for each.

    Examples
    --------
    >>> print(lkj(2, sd=StudentT(3.0, 0.0, 2.5)))
    lkj(reg = 2, sd = student_t(df = 3, location = 0, scale = 2.5))
    """
    if sd is None:
        sd = StudentT(_positive(df, "df"), 0.0, positive(scale, "scale"), autoscale)
    sds = _sd_priors(sd)
    for prior in sds:
        check_sd_prior(prior)
    return LKJ(_positive(regularization, "regularization"), sds)


def as_covariance_prior(value: Any) -> CovariancePrior:
    """Return a covariance prior; a plain prior is put on every sd, with LKJ(1) correlations."""
    if isinstance(value, CovariancePrior):
        return value
    if value is None:
        raise PriorError(
            "prior_covariance cannot be None: a flat prior on group-level sds is improper.",
            fix="use gl.decov() or gl.lkj()",
        )
    return lkj(sd=as_prior(value))


def _sd_priors(sd: Any) -> tuple[Prior, ...]:
    """One prior for all standard deviations of a block, or one for each."""
    if isinstance(sd, list | tuple):
        return tuple(map(as_prior, sd))
    prior = as_prior(sd)
    p = prior.length()
    return (prior,) if p is None else tuple(prior.at(k) for k in range(p))


def check_sd_prior(prior: Prior) -> None:
    """Raise `PriorError` for a prior that cannot be put on a group-level sd."""
    if not prior.proper:
        raise PriorError(
            "A flat prior on a group-level standard deviation gives an improper posterior.",
            fix="use gl.exponential(), gl.student_t() or another proper prior",
        )
    if prior.length() is not None:
        raise PriorError(
            f"{prior} must be a prior for one standard deviation, not for several numbers."
        )
    prior.positive_rv()


def _positive(value: Any, what: str) -> float:
    number = positive(value, what)
    if isinstance(number, tuple):
        raise PriorError(f"{what} must be one number, not a vector.")
    return float(hyper(number))  # type: ignore[arg-type]
