"""Declares the row kernels of the families that ship: how each folds its outcome into columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from glimmer.kernels.gaussian.blocks import Floats
from glimmer.kernels.rows import densities
from glimmer.kernels.rows.row_kernel import RowKernel

type Folded = tuple[Sequence[Floats], Sequence[float]]
LOG_2PI = float(np.log(2 * np.pi))


def _logit(y: Floats, trials: Floats, w: Floats) -> Folded:
    ways = gammaln(trials + 1) - gammaln(y + 1) - gammaln(trials - y + 1)
    return (w * y, w * trials), ((w * ways).sum(), float(np.all(w * trials == 1.0)))


def _poisson(y: Floats, trials: Floats, w: Floats) -> Folded:
    return (w * y, w), (-(w * gammaln(y + 1)).sum(),)


def _negative_binomial(y: Floats, trials: Floats, w: Floats) -> Folded:
    values, place = np.unique(y, return_inverse=True)
    table = np.column_stack([values, np.bincount(place, w, len(values))])
    first = -(w * gammaln(y + 1)).sum(), w.sum(), len(values)
    return (w * y, w), (*first, *table.ravel())


def _gaussian(y: Floats, trials: Floats, w: Floats) -> Folded:
    seen = w > 0
    return (y, w), (0.5 * (np.log(w[seen]) - LOG_2PI).sum(), float(seen.sum()))


def _gamma(y: Floats, trials: Floats, w: Floats) -> Folded:
    logs = (w * np.log(y)).sum()
    return (w * y, w), (-logs, w.sum(), logs)


LOGIT = RowKernel(densities.logit, _logit)
POISSON = RowKernel(densities.poisson, _poisson)
NEGATIVE_BINOMIAL = RowKernel(
    densities.negative_binomial,
    _negative_binomial,
    densities.negative_binomial_constant,
    aux=("alpha",),
)
GAUSSIAN = RowKernel(
    densities.gaussian,
    _gaussian,
    densities.gaussian_constant,
    aux=("sigma",),
    weights="precision",
)
GAMMA = RowKernel(densities.gamma, _gamma, densities.gamma_constant, aux=("alpha",))
