"""Applies the coupling K (columns x p) of each level of an eliminated factor with the rest.

Columns of the rest that meet most levels are kept densely, in lanes as in `roots`; of the others
the nonzeros alone are kept, level by level. Notation: docs/kernels.md.
"""

from __future__ import annotations

from glimmer.kernels.compile.native import (
    f8,
    floats_at,
    i8,
    integers_at,
    kernel,
    shift,
    small,
    void,
)
from glimmer.kernels.gaussian.memory_layout import (
    COUPLING,
    DENSE,
    LEVELS,
    LINKED,
    POINTER,
    REST,
    SPARSE,
    TILE,
    WIDTH,
)
from glimmer.kernels.vectors.algebra import add, copy, fill, inner, multiply
from glimmer.kernels.vectors.tiles import lanes


@small
def dense(floats, factor, m, r):
    """Entry (m, r) of the coupling for all levels, m counting the densely coupled columns."""
    return shift(floats, factor[DENSE] + (m * factor[WIDTH] + r) * factor[LEVELS])


@kernel(void(f8, floats_at, integers_at, i8, i8, floats_at, floats_at, i8))
def dense_rows(tau, floats, factor, j0, n, U, Y, columns):
    """Y[m] = tau U'K_m for the densely coupled columns m, p rows of n lanes each."""
    p = factor[WIDTH]
    for m in range(columns):
        k = shift(dense(floats, factor, m, 0), j0)
        for r in range(p):
            y = shift(Y, (m * p + r) * n)
            inner(tau, k, factor[LEVELS], lanes(U, p, 0, r), p * TILE, p, 0, y, n)


@kernel(
    void(
        *(f8, integers_at, floats_at, integers_at, i8, i8),
        *(floats_at, floats_at, floats_at, floats_at),
    )
)
def sparse_rows(tau, integers, floats, factor, j0, n, U, Y, y, schur):
    """Take Y'Y of the sparsely coupled columns out of the Schur complement."""
    p, size, skip = factor[WIDTH], integers[REST] + 1, integers[SPARSE]
    pointer = shift(integers, factor[POINTER] + j0)
    for i in range(n):
        first, count = pointer[i], pointer[i + 1] - pointer[i]
        where = shift(integers, factor[POINTER] + factor[LEVELS] + 1 + first)
        K = shift(floats, factor[COUPLING] + first * p)
        for r in range(p):
            ours = shift(y, r * count)
            for e in range(count):
                total = 0.0
                for s in range(p):
                    total += lanes(U, p, s, r)[i] * K[e * p + s]
                ours[e] = tau * total
        for r in range(p):
            ours = shift(y, r * count)
            for a in range(count):
                out, value = shift(schur, where[a] * size), ours[a]
                for b in range(a + 1):
                    out[where[b]] -= value * ours[b]
            for m in range(size - skip):
                out, value = shift(schur, (skip + m) * size), Y[(m * p + r) * n + i]
                for b in range(count):
                    out[where[b]] -= value * ours[b]


@kernel(void(f8, integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at))
def coupled(scalar, integers, floats, factor, j0, n, x, out):
    """Out += scalar K'x for each level of the tile."""
    p, skip = factor[WIDTH], integers[SPARSE]
    if factor[LINKED] == 0:
        return
    for m in range(integers[REST] - skip):
        k = shift(dense(floats, factor, m, 0), j0)
        for r in range(p):
            add(scalar * x[skip + m], shift(k, r * factor[LEVELS]), shift(out, r * TILE), n)
    if skip > 0:
        pointer = shift(integers, factor[POINTER] + j0)
        where = shift(integers, factor[POINTER] + factor[LEVELS] + 1)
        for i in range(n):
            for e in range(pointer[i], pointer[i + 1]):
                for r in range(p):
                    K = floats[factor[COUPLING] + e * p + r]
                    out[r * TILE + i] += scalar * x[where[e]] * K


@kernel(void(integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at))
def residuals(integers, floats, factor, j0, n, v, rho):
    """Rho = Z'W y - K'v for each level of the tile."""
    column = integers[REST] - integers[SPARSE] if factor[LINKED] != 0 else 0
    y = shift(dense(floats, factor, column, 0), j0)
    for r in range(factor[WIDTH]):
        copy(shift(y, r * factor[LEVELS]), shift(rho, r * TILE), n)
    coupled(-1.0, integers, floats, factor, j0, n, v, rho)


@kernel(void(integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at, floats_at))
def _quadratic_sparse(integers, floats, factor, j0, n, Q, outer, H):
    """Add the part of K'QK that has a sparsely coupled column on either side (lower triangle)."""
    p, skip, size = factor[WIDTH], integers[SPARSE], integers[REST]
    pointer = shift(integers, factor[POINTER] + j0)
    for i in range(n):
        first, count = pointer[i], pointer[i + 1] - pointer[i]
        where = shift(integers, factor[POINTER] + factor[LEVELS] + 1 + first)
        K = shift(floats, factor[COUPLING] + first * p)
        for a in range(count):
            # Pairs count twice, so half of the pair with itself.
            q = shift(Q, where[a] * size)
            for r in range(p):
                total = 0.5 * q[where[a]] * K[a * p + r]
                for b in range(a):
                    total += q[where[b]] * K[b * p + r]
                for m in range(size - skip):
                    total += q[skip + m] * dense(floats, factor, m, r)[j0 + i]
                outer[r] = total
            for r in range(p):
                for s in range(r + 1):
                    value = outer[r] * K[a * p + s] + K[a * p + r] * outer[s]
                    lanes(H, p, r, s)[i] += value


@kernel(void(integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at, floats_at))
def quadratic(integers, floats, factor, j0, n, Q, X, H):
    """H = K'QK (p x p) for each level of the tile; X is work space."""
    p, skip, size = factor[WIDTH], integers[SPARSE], integers[REST]
    if factor[LINKED] == 0:
        fill(H, 0.0, p * p * TILE)
        return
    for r in range(p):
        K = shift(dense(floats, factor, 0, r), j0)
        corner = shift(Q, skip * size + skip)
        multiply(corner, size - skip, size, K, p * factor[LEVELS], n, X, TILE)
        for s in range(r + 1):
            k = shift(dense(floats, factor, 0, s), j0)
            out = lanes(H, p, r, s)
            inner(1.0, X, TILE, k, p * factor[LEVELS], size - skip, 0, out, n)
    if skip > 0:
        _quadratic_sparse(integers, floats, factor, j0, n, Q, X, H)
    for r in range(p):
        for s in range(r):
            copy(lanes(H, p, r, s), lanes(H, p, s, r), n)
