"""Factors the covariance of coefficients whose precision mixes several standard deviations.

P = sum_j S_j / sd_j^2, and T is the lower triangle with TT' = P^-1: with UU' = P for an upper
triangle U, which is the Cholesky factor of P from its last row to its first, T = U'^-1. From
U^-1 dU = up(T' dP T), up() the upper triangle with half the diagonal, follows dT = -T low(T' dP T).
"""

from __future__ import annotations

import numpy as np

from glimmer.kernels.compile.arena import Arena, carve
from glimmer.kernels.compile.native import floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.vectors.algebra import add, cholesky, dot, fill

MIXED, SIZE = range(2)  # of the integers: how many sds and coefficients
MIXED_ARRAYS = Arena(lambda q: {"precision": q * q, "inverse": q * q})
MIXED_PULLBACK = Arena(lambda q: {"B": q * q, "TB": q * q})


@kernel(void(floats_at, integers_at, floats_at, floats_at))
def _reversed_precision(sds, integers, shares, P):
    """Lower triangle of P, its last row and column first."""
    q = integers[SIZE]
    fill(P, 0.0, q * q)
    for j in range(integers[MIXED]):
        weight, S = 1.0 / (sds[j] * sds[j]), shift(shares, j * q * q)
        for r in range(q):
            for c in range(r + 1):
                P[r * q + c] += weight * S[(q - 1 - r) * q + q - 1 - c]


@kernel(void(floats_at, floats_at, i8))
def _inverse(L, out, n):
    """Out = L^-1, a lower triangle."""
    fill(out, 0.0, n * n)
    for r in range(n):
        row, pivot = shift(out, r * n), 1.0 / L[r * n + r]
        row[r] = pivot
        for k in range(r):
            add(-pivot * L[r * n + k], shift(out, k * n), row, k + 1)


@kernel(void(*[floats_at] * 1, integers_at, *[floats_at] * 3))
def mixed_triangle(sds, integers, shares, triangle, work):
    """Lower triangle of T, row by row; not a number if P is not positive definite."""
    q = integers[SIZE]
    w = carve(work, MIXED_ARRAYS, (q,))
    _reversed_precision(sds, integers, shares, w.precision)
    bad = cholesky(w.precision, q)
    _inverse(w.precision, w.inverse, q)
    at = 0
    for r in range(q):
        for c in range(r + 1):
            triangle[at] = w.inverse[(q - 1 - c) * q + q - 1 - r] if bad == 0 else np.nan
            at += 1


@kernel(void(*[floats_at] * 3, integers_at, *[floats_at] * 3))
def mixed_pullback(sds, triangle, by_triangle, integers, shares, by_sds, work):
    """Gradient by the sds: that by P is T B T' with B = -low(T' dT)."""
    m, q = integers[MIXED], integers[SIZE]
    w = carve(work, MIXED_PULLBACK, (q,))
    B, product = w.B, w.TB
    fill(B, 0.0, q * q)
    fill(product, 0.0, q * q)
    for k in range(q):
        own = shift(triangle, k * (k + 1) // 2)
        by_own = shift(by_triangle, k * (k + 1) // 2)
        for i in range(k + 1):
            add(-own[i], by_own, shift(B, i * q), i + 1)
    for i in range(q):
        B[i * q + i] *= 0.5
    for i in range(q):
        own = shift(triangle, i * (i + 1) // 2)
        for k in range(i + 1):
            add(own[k], shift(B, k * q), shift(product, i * q), k + 1)
    fill(by_sds, 0.0, m)
    for i in range(q):
        for c in range(q):
            own = shift(triangle, c * (c + 1) // 2)
            by_precision = dot(shift(product, i * q), own, min(i, c) + 1)
            for j in range(m):
                by_sds[j] += by_precision * shares[(j * q + i) * q + c]
    for j in range(m):
        by_sds[j] *= -2.0 / (sds[j] * sds[j] * sds[j])
