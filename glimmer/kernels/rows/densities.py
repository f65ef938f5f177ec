"""Computes log densities of the families that ship, with derivatives, for a block of rows.

Each family is two columns a and b per row and a formula in (a, b, eta, auxiliary parameter); its
`RowKernel` folds outcome, trials and weights w into a, b and a few constants beforehand.

=================  ===========  ===========  ==================================================
family             a            b            log likelihood of a row, up to terms without eta
=================  ===========  ===========  ==================================================
bernoulli-logit    w y          w            a eta - b log(1 + e^eta)
binomial-logit     w y          w trials     a eta - b log(1 + e^eta)
poisson-log        w y          w            a eta - b e^eta
neg_binomial_2     w y          w            a eta - (a + b phi) log(phi + e^eta)
gaussian           y            w            -b (a - eta)^2 / (2 sigma^2)
Gamma-log          w y          w            -shape (b eta + a e^-eta)
=================  ===========  ===========  ==================================================

A function of `IN_ETA` takes a block of at most BLOCK rows, writes their scores (the derivatives by
eta), adds the derivatives by the auxiliary parameters to ``by_aux``, and returns the value. Column
c of the block begins at ``columns + c * stride``; ``work`` has room for two vectors of BLOCK. A
function of `WITHOUT_ETA` does the same once for what no row's eta enters.
"""

from __future__ import annotations

import math

from glimmer.kernels.compile.native import f8, floats_at, i8, kernel, shift
from glimmer.kernels.vectors.algebra import dot
from glimmer.kernels.vectors.special import digamma, exponential, logarithm

BLOCK = 488  # not a power of two, or all vectors of a block fall on the same lines of the cache

IN_ETA = f8(
    *(floats_at, floats_at, i8, i8),  # eta, columns, stride, n
    *(floats_at, floats_at),  # constants, aux
    *(floats_at, floats_at, floats_at),  # score, by_aux, work
)
WITHOUT_ETA = f8(floats_at, floats_at, floats_at)  # constants, aux, by_aux


@kernel(WITHOUT_ETA)
def constant(constants, aux, by_aux):
    """The first constant, of families whose other terms all have an eta."""
    return constants[0]


@kernel(IN_ETA)
def logit(eta, columns, stride, n, constants, aux, score, by_aux, work):
    """A eta - b log(1 + e^eta); the second constant is 1 if all b are 1."""
    a, b, e = columns, shift(columns, stride), work
    for i in range(n):
        score[i] = -abs(eta[i])
    exponential(score, e, n)
    value = 0.0
    for i in range(n):
        p = 1.0 / (1.0 + e[i])
        score[i] = a[i] - b[i] * (p if eta[i] >= 0.0 else e[i] * p)
        value += a[i] * eta[i] - b[i] * max(eta[i], 0.0)
    if constants[1] != 0.0:
        product = 1.0  # at most 2 ** BLOCK
        for i in range(n):
            product *= 1.0 + e[i]
        return value - math.log(product)
    logs = shift(e, BLOCK)
    for i in range(n):
        e[i] += 1.0
    logarithm(e, logs, n)
    return value - dot(b, logs, n)


@kernel(IN_ETA)
def poisson(eta, columns, stride, n, constants, aux, score, by_aux, work):
    """A eta - b e^eta."""
    a, b = columns, shift(columns, stride)
    exponential(eta, score, n)
    value = 0.0
    for i in range(n):
        mean = b[i] * score[i]
        value += a[i] * eta[i] - mean
        score[i] = a[i] - mean
    return value


@kernel(IN_ETA)
def negative_binomial(eta, columns, stride, n, constants, aux, score, by_aux, work):
    """A eta - (a + b phi) log(phi + e^eta)."""
    a, b, e, logs, phi = columns, shift(columns, stride), work, shift(work, BLOCK), aux[0]
    exponential(eta, score, n)
    for i in range(n):
        e[i] = score[i] + phi
    logarithm(e, logs, n)
    value, slope = 0.0, 0.0
    for i in range(n):
        mean, count = score[i], a[i] + b[i] * phi
        ratio = count / (mean + phi)
        value += a[i] * eta[i] - count * logs[i]
        slope += b[i] * logs[i] + ratio
        score[i] = a[i] - ratio * mean
    by_aux[0] -= slope
    return value


@kernel(WITHOUT_ETA)
def negative_binomial_constant(constants, aux, by_aux):
    """Sum of w (log Gamma(y + phi) - log Gamma(phi) + phi log phi - log y!).

    Constants: the last term, sum of w, number of distinct outcomes; then each of them with its w.
    """
    phi, total, counts = aux[0], constants[1], shift(constants, 3)
    value = constants[0] + total * (phi * math.log(phi) - math.lgamma(phi))
    slope = total * (math.log(phi) + 1.0 - digamma(phi))
    for i in range(int(constants[2])):
        value += counts[2 * i + 1] * math.lgamma(counts[2 * i] + phi)
        slope += counts[2 * i + 1] * digamma(counts[2 * i] + phi)
    by_aux[0] += slope
    return value


@kernel(IN_ETA)
def gaussian(eta, columns, stride, n, constants, aux, score, by_aux, work):
    """-b (a - eta)^2 / (2 sigma^2)."""
    y, w, sigma = columns, shift(columns, stride), aux[0]
    tau, value = 1.0 / (sigma * sigma), 0.0
    for i in range(n):
        off = y[i] - eta[i]
        score[i] = tau * w[i] * off
        value += score[i] * off
    by_aux[0] += value / sigma
    return -0.5 * value


@kernel(WITHOUT_ETA)
def gaussian_constant(constants, aux, by_aux):
    """-n log sigma, and what has no parameter; the second constant is n."""
    by_aux[0] -= constants[1] / aux[0]
    return constants[0] - constants[1] * math.log(aux[0])


@kernel(IN_ETA)
def gamma(eta, columns, stride, n, constants, aux, score, by_aux, work):
    """-shape (b eta + a e^-eta)."""
    a, b, e, shape = columns, shift(columns, stride), work, aux[0]
    for i in range(n):
        score[i] = -eta[i]
    exponential(score, e, n)
    value = 0.0
    for i in range(n):
        ratio = a[i] * e[i]
        value -= b[i] * eta[i] + ratio
        score[i] = shape * (ratio - b[i])
    by_aux[0] += value
    return shape * value


@kernel(WITHOUT_ETA)
def gamma_constant(constants, aux, by_aux):
    """Sum of w (shape log shape - log Gamma(shape) + (shape - 1) log y).

    Constants: sum of -w log y, of w, of w log y.
    """
    shape, total, logs = aux[0], constants[1], constants[2]
    by_aux[0] += total * (math.log(shape) + 1.0 - digamma(shape)) + logs
    return constants[0] + total * (shape * math.log(shape) - math.lgamma(shape)) + shape * logs
