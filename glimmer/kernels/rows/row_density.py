"""The linear predictor and the likelihood, row by row in blocks that stay in the cache.

Each family is two arrays a and b per row and a formula in (a, b, eta, auxiliary parameter); weights
are folded into a and b beforehand.

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
"""

from __future__ import annotations

import math

from glimmer.kernels.compile.native import f8, floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.vectors.algebra import add, copy, dot, fill
from glimmer.kernels.vectors.special import digamma, exponential, logarithm

BLOCK = 488  # not a power of two, or all vectors of a block fall on the same lines of the cache
(
    ROWS,
    SIZE,
    COLUMNS,  # how many columns are kept row by row
    COLUMN_PLACES,  # their coefficients
    DENSE_COLUMNS,
    SHARED,  # how many columns are constant within the levels of a group
    SHARED_RECORDS,
    GROUP_COUNT,
    FAMILY,
    UNIT,
    OFFSET,
    FIRST,
    SECOND,
    TERMS,
    TABLE,
    TABLE_SIZE,
) = range(16)
HEADER = 16
RECORD = 5  # width, first coefficient, index, covariates (-1 for ones), first rows (-1 if unsorted)
SHARED_RECORD = 4  # coefficient, first coefficient of the group, its levels, value by level
LOGIT, POISSON, NEGATIVE_BINOMIAL, GAUSSIAN, GAMMA = range(5)


@kernel(void(integers_at, floats_at, floats_at, floats_at))
def share(integers, floats, coefficients, shared):
    """Add to the effects of groups what columns that are constant within levels contribute."""
    copy(coefficients, shared, integers[SIZE])
    for s in range(integers[SHARED]):
        record = shift(integers, integers[SHARED_RECORDS] + SHARED_RECORD * s)
        values, effects = shift(floats, record[3]), shift(shared, record[1])
        add(coefficients[record[0]], values, effects, record[2])


@kernel(void(integers_at, floats_at, floats_at))
def share_pullback(integers, floats, gradient):
    """Gradient by the coefficients of columns that are constant within levels."""
    for s in range(integers[SHARED]):
        record = shift(integers, integers[SHARED_RECORDS] + SHARED_RECORD * s)
        effects = shift(gradient, record[1])
        gradient[record[0]] += dot(shift(floats, record[3]), effects, record[2])


@kernel(void(integers_at, floats_at, floats_at, i8, i8, floats_at))
def predict(integers, floats, shared, i0, n, eta):
    """The linear predictor of rows i0 .. i0 + n, from what `share` gives."""
    rows = integers[ROWS]
    copy(shift(floats, integers[OFFSET] + i0), eta, n)
    for c in range(integers[COLUMNS]):
        column = shift(floats, integers[DENSE_COLUMNS] + c * rows + i0)
        add(shared[integers[integers[COLUMN_PLACES] + c]], column, eta, n)
    for g in range(integers[GROUP_COUNT]):
        record = shift(integers, HEADER + RECORD * g)
        p, index, b = record[0], shift(integers, record[2] + i0), shift(shared, record[1])
        if record[3] < 0:
            for i in range(n):
                eta[i] += b[index[i]]
        else:
            for r in range(p):
                z = shift(floats, record[3] + r * rows + i0)
                for i in range(n):
                    eta[i] += z[i] * b[index[i] * p + r]


@kernel(void(integers_at, i8, i8, i8, floats_at, floats_at))
def _collect_sorted(first, level, i0, n, score, b):
    """B[level] += sum of the scores of its rows, for rows i0 .. i0 + n sorted by level."""
    i = 0
    while i < n:
        end, total = min(first[level + 1] - i0, n), 0.0
        for k in range(i, end):
            total += score[k]
        b[level] += total
        i, level = end, level + 1


@kernel(void(integers_at, floats_at, floats_at, i8, i8, floats_at))
def collect(integers, floats, score, i0, n, gradient):
    """Gradient += transposed design times the score of rows i0 .. i0 + n, before `share`."""
    rows = integers[ROWS]
    for c in range(integers[COLUMNS]):
        column = shift(floats, integers[DENSE_COLUMNS] + c * rows + i0)
        gradient[integers[integers[COLUMN_PLACES] + c]] += dot(column, score, n)
    for g in range(integers[GROUP_COUNT]):
        record = shift(integers, HEADER + RECORD * g)
        p, index, b = record[0], shift(integers, record[2] + i0), shift(gradient, record[1])
        if record[4] >= 0:
            _collect_sorted(shift(integers, record[4]), index[0], i0, n, score, b)
        elif record[3] < 0:
            for i in range(n):
                b[index[i]] += score[i]
        else:
            for r in range(p):
                z = shift(floats, record[3] + r * rows + i0)
                for i in range(n):
                    b[index[i] * p + r] += z[i] * score[i]


@kernel(f8(floats_at, floats_at, floats_at, i8, i8, floats_at, floats_at))
def _logit(eta, a, b, n, unit, score, e):
    for i in range(n):
        score[i] = -abs(eta[i])
    exponential(score, e, n)
    value = 0.0
    for i in range(n):
        p = 1.0 / (1.0 + e[i])
        score[i] = a[i] - b[i] * (p if eta[i] >= 0.0 else e[i] * p)
        value += a[i] * eta[i] - b[i] * max(eta[i], 0.0)
    if unit != 0:
        product = 1.0  # at most 2 ** BLOCK
        for i in range(n):
            product *= 1.0 + e[i]
        return value - math.log(product)
    logs = shift(e, BLOCK)
    for i in range(n):
        e[i] += 1.0
    logarithm(e, logs, n)
    return value - dot(b, logs, n)


@kernel(f8(floats_at, floats_at, floats_at, i8, floats_at))
def _poisson(eta, a, b, n, score):
    exponential(eta, score, n)
    value = 0.0
    for i in range(n):
        mean = b[i] * score[i]
        value += a[i] * eta[i] - mean
        score[i] = a[i] - mean
    return value


@kernel(f8(floats_at, floats_at, floats_at, i8, f8, floats_at, floats_at, floats_at))
def _negative_binomial(eta, a, b, n, phi, score, e, by_auxiliary):
    logs = shift(e, BLOCK)
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
    by_auxiliary[0] -= slope
    return value


@kernel(f8(floats_at, floats_at, floats_at, i8, f8, floats_at, floats_at))
def _gaussian(eta, y, w, n, sigma, score, by_auxiliary):
    tau, value = 1.0 / (sigma * sigma), 0.0
    for i in range(n):
        off = y[i] - eta[i]
        score[i] = tau * w[i] * off
        value += score[i] * off
    by_auxiliary[0] += value / sigma
    return -0.5 * value


@kernel(f8(floats_at, floats_at, floats_at, i8, f8, floats_at, floats_at, floats_at))
def _gamma(eta, a, b, n, shape, score, e, by_auxiliary):
    for i in range(n):
        score[i] = -eta[i]
    exponential(score, e, n)
    value = 0.0
    for i in range(n):
        ratio = a[i] * e[i]
        value -= b[i] * eta[i] + ratio
        score[i] = shape * (ratio - b[i])
    by_auxiliary[0] += value
    return shape * value


@kernel(f8(integers_at, floats_at, f8, floats_at))
def _without_eta(integers, floats, auxiliary, by_auxiliary):
    """The terms that do not depend on eta; their derivative is written."""
    terms, family = shift(floats, integers[TERMS]), integers[FAMILY]
    value, slope = terms[0], 0.0
    if family == GAUSSIAN:
        value -= terms[1] * math.log(auxiliary)
        slope = -terms[1] / auxiliary
    elif family == GAMMA:
        value += terms[1] * (auxiliary * math.log(auxiliary) - math.lgamma(auxiliary))
        value += auxiliary * terms[2]
        slope = terms[1] * (math.log(auxiliary) + 1.0 - digamma(auxiliary)) + terms[2]
    elif family == NEGATIVE_BINOMIAL:
        value += terms[1] * (auxiliary * math.log(auxiliary) - math.lgamma(auxiliary))
        slope = terms[1] * (math.log(auxiliary) + 1.0 - digamma(auxiliary))
        counts = shift(floats, integers[TABLE])
        for i in range(integers[TABLE_SIZE]):
            value += counts[2 * i + 1] * math.lgamma(counts[2 * i] + auxiliary)
            slope += counts[2 * i + 1] * digamma(counts[2 * i] + auxiliary)
    by_auxiliary[0] = slope
    return value


@kernel(f8(integers_at, floats_at, f8, i8, i8, floats_at, floats_at, floats_at, floats_at))
def _block(integers, floats, auxiliary, i0, n, eta, score, by_auxiliary, work):
    """Log likelihood of rows i0 .. i0 + n, and its derivatives by eta and the auxiliary."""
    a, b = shift(floats, integers[FIRST] + i0), shift(floats, integers[SECOND] + i0)
    family = integers[FAMILY]
    if family == LOGIT:
        return _logit(eta, a, b, n, integers[UNIT], score, work)
    if family == POISSON:
        return _poisson(eta, a, b, n, score)
    if family == NEGATIVE_BINOMIAL:
        return _negative_binomial(eta, a, b, n, auxiliary, score, work, by_auxiliary)
    if family == GAUSSIAN:
        return _gaussian(eta, a, b, n, auxiliary, score, by_auxiliary)
    return _gamma(eta, a, b, n, auxiliary, score, work, by_auxiliary)


@kernel(
    void(floats_at, floats_at, integers_at, floats_at, floats_at, floats_at, floats_at, floats_at)
)
def eta_density(eta, auxiliary, integers, floats, value, score, by_auxiliary, work):
    """Log likelihood of a linear predictor with its gradient."""
    value[0] = _without_eta(integers, floats, auxiliary[0], by_auxiliary)
    rows = integers[ROWS]
    for block in range((rows + BLOCK - 1) // BLOCK):
        i0 = block * BLOCK
        n = min(BLOCK, rows - i0)
        value[0] += _block(
            integers, floats, auxiliary[0], i0, n, shift(eta, i0), shift(score, i0),
            by_auxiliary, work,
        )  # fmt: skip


@kernel(
    void(floats_at, floats_at, integers_at, floats_at, floats_at, floats_at, floats_at, floats_at)
)
def row_density(coefficients, auxiliary, integers, floats, value, gradient, by_auxiliary, work):
    """Log likelihood of coefficients with its gradient."""
    value[0] = _without_eta(integers, floats, auxiliary[0], by_auxiliary)
    fill(gradient, 0.0, integers[SIZE])
    rows, eta, score, more = integers[ROWS], work, shift(work, BLOCK), shift(work, 2 * BLOCK)
    shared = shift(work, 4 * BLOCK)
    share(integers, floats, coefficients, shared)
    for block in range((rows + BLOCK - 1) // BLOCK):
        i0 = block * BLOCK
        n = min(BLOCK, rows - i0)
        predict(integers, floats, shared, i0, n, eta)
        value[0] += _block(integers, floats, auxiliary[0], i0, n, eta, score, by_auxiliary, more)
        collect(integers, floats, score, i0, n, gradient)
    share_pullback(integers, floats, gradient)


@kernel(void(floats_at, integers_at, floats_at, floats_at, floats_at))
def all_rows(coefficients, integers, floats, eta, shared):
    """The linear predictor of all rows."""
    share(integers, floats, coefficients, shared)
    predict(integers, floats, shared, 0, integers[ROWS], eta)


@kernel(void(floats_at, integers_at, floats_at, floats_at))
def all_rows_pullback(score, integers, floats, gradient):
    """Gradient by the coefficients from the cotangents of all rows."""
    fill(gradient, 0.0, integers[SIZE])
    collect(integers, floats, score, 0, integers[ROWS], gradient)
    share_pullback(integers, floats, gradient)
