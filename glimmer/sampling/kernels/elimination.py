"""One blocked Cholesky of P = prior + T'A'WAT, shared by the integrated and the whitened plan.

For level j of an eliminated factor, with G = Z_j'WZ_j (p x p) and K its coupling with the rest
(columns x p), the kernels keep two small matrices: R, the inverse of the lower Cholesky factor of
D = I + tau T'GT, and U = T R'. Then D^-1 = R'R and T D^-1 T' = UU', and nothing is ever divided by
a standard deviation. Levels are taken TILE at a time; every entry of a small matrix is a vector
over the levels of the tile, its *lanes*, so that any p runs at the speed of long vectors.
"""

from __future__ import annotations

import numpy as np

from glimmer.sampling.kernels.algebra import (
    add,
    add_product,
    cholesky,
    copy,
    dot,
    fill,
    inner,
    mirror,
    multiply,
    put,
    subtract_square,
    transpose,
)
from glimmer.sampling.kernels.layout import (
    CORNER,
    COUPLING,
    DENSE,
    ELIMINATED,
    FACTOR,
    GROUPS,
    HEADER,
    LEVELS,
    LINKED,
    MEMBER,
    MEMBER_COUNT,
    MEMBER_ROWS,
    MEMBERS,
    PENALISED,
    POINTER,
    REST,
    SMOOTH,
    SPARSE,
    TILE,
    WIDTH,
    WITHIN,
)
from glimmer.sampling.kernels.native import (
    f8,
    floats_at,
    i8,
    integers_at,
    kernel,
    shift,
    small,
    void,
)


@small
def record(integers, f):
    """The record of eliminated factor f."""
    return shift(integers, HEADER + FACTOR * f)


@small
def lanes(x, p, r, c):
    """Entry (r, c) of a p x p matrix per level."""
    return shift(x, (r * p + c) * TILE)


@small
def within(floats, factor, r, c):
    """Entry (r, c) of G for all levels."""
    big, less = max(r, c), min(r, c)
    return shift(floats, factor[WITHIN] + (big * (big + 1) // 2 + less) * factor[LEVELS])


@small
def dense(floats, factor, m, r):
    """Entry (m, r) of the coupling for all levels, m counting the densely coupled columns."""
    return shift(floats, factor[DENSE] + (m * factor[WIDTH] + r) * factor[LEVELS])


@small
def outcome(integers, floats, factor, r):
    """Entry r of Z_j'W y for all levels."""
    column = integers[REST] - integers[SPARSE] if factor[LINKED] != 0 else 0
    return dense(floats, factor, column, r)


@kernel(void(integers_at, integers_at, floats_at, floats_at))
def joint_triangle(integers, factor, triangles, T):
    """T becomes the block-diagonal covariance factor of all groups of one grouping factor."""
    p = factor[WIDTH]
    fill(T, 0.0, p * p)
    members = shift(integers, factor[MEMBER_ROWS])
    for m in range(factor[MEMBER_COUNT]):
        start, width, at = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 2]
        for r in range(width):
            for c in range(r + 1):
                T[(start + r) * p + start + c] = triangles[at]
                at += 1


@kernel(f8(floats_at, i8))
def _pivot(d, n):
    """Overwrite d >= 0 by (1 + d)^-1/2; return the sum of log (1 + d) / 2, by few logarithms."""
    total, even, odd = 0.0, 1.0, 1.0
    for i in range(0, n - 1, 2):
        even *= 1.0 + d[i]
        odd *= 1.0 + d[i + 1]
        if even * odd > 1e150:
            total += np.log(even * odd)
            even, odd = 1.0, 1.0
    if n % 2 == 1:
        even *= 1.0 + d[n - 1]
    for i in range(n):
        d[i] = 1.0 / np.sqrt(1.0 + d[i])
    return 0.5 * (total + np.log(even * odd))


@kernel(void(floats_at, i8, i8))
def _invert(C, p, n):
    """Overwrite lower triangles, whose diagonals are inverted already, by their inverses."""
    for r in range(p):
        own = lanes(C, p, r, r)
        for c in range(r):
            out, last = lanes(C, p, r, c), lanes(C, p, c, c)
            for i in range(n):
                out[i] *= last[i]
            for k in range(c + 1, r):
                add_product(1.0, lanes(C, p, r, k), lanes(C, p, k, c), out, n)
        for c in range(r):
            out = lanes(C, p, r, c)
            for i in range(n):
                out[i] *= -own[i]


@kernel(f8(floats_at, f8, floats_at, integers_at, i8, i8, floats_at, floats_at))
def roots(T, tau, floats, factor, j0, n, R, U):
    """Compute R and U of levels j0 .. j0 + n; return the sum of log |D| / 2."""
    p = factor[WIDTH]
    for r in range(p):  # U = tau G T, for now
        for c in range(p):
            out = lanes(U, p, r, c)
            put(tau * T[c * p + c], shift(within(floats, factor, r, c), j0), out, n)
            for s in range(c + 1, p):
                add(tau * T[s * p + c], shift(within(floats, factor, r, s), j0), out, n)
    half = 0.0
    for c in range(p):  # R = Cholesky factor of D, for now, its diagonal inverted
        for r in range(c, p):
            d = lanes(R, p, r, c)
            put(T[r * p + r], lanes(U, p, r, c), d, n)
            for s in range(r + 1, p):
                add(T[s * p + r], lanes(U, p, s, c), d, n)
            inner(-1.0, lanes(R, p, r, 0), TILE, lanes(R, p, c, 0), TILE, c, 1, d, n)
            if r == c:
                half += _pivot(d, n)
            else:
                pivot = lanes(R, p, c, c)
                for i in range(n):
                    d[i] *= pivot[i]
    _invert(R, p, n)
    for r in range(p):
        for c in range(p):
            out = lanes(U, p, r, c)
            put(T[r * p], lanes(R, p, c, 0), out, n)
            for k in range(1, min(r, c) + 1):
                add(T[r * p + k], lanes(R, p, c, k), out, n)
    return half


@kernel(void(f8, floats_at, integers_at, i8, i8, floats_at, floats_at, i8))
def _dense_rows(tau, floats, factor, j0, n, U, Y, columns):
    """Y[m] = tau U'K_m for the densely coupled columns m."""
    p = factor[WIDTH]
    for m in range(columns):
        for r in range(p):
            y = shift(Y, (m * p + r) * TILE)
            k = shift(dense(floats, factor, m, 0), j0)
            inner(tau, k, factor[LEVELS], lanes(U, p, 0, r), p * TILE, p, 0, y, n)
            fill(shift(y, n), 0.0, TILE - n)


@kernel(
    void(
        *(f8, integers_at, floats_at, integers_at, i8, i8),
        *(floats_at, floats_at, floats_at, floats_at),
    )
)
def _sparse_rows(tau, integers, floats, factor, j0, n, U, Y, y, schur):
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
                out, value = shift(schur, (skip + m) * size), Y[(m * p + r) * TILE + i]
                for b in range(count):
                    out[where[b]] -= value * ours[b]


@kernel(f8(integers_at, floats_at, floats_at, f8, floats_at, floats_at))
def eliminate(integers, floats, triangles, tau, schur, work):
    """Write the Schur complement of the eliminated factors; return the sum of log |D| / 2.

    ``schur`` becomes tau A'WA - Y'Y over (rest, outcome) with Y = L^-1 C, before the rest is
    scaled by its own T.
    """
    size, skip = integers[REST] + 1, integers[SPARSE]
    fill(schur, 0.0, size * size)
    add(tau, shift(floats, integers[CORNER]), schur, size * size)
    half = 0.0
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        T, R, U = work, shift(work, p * p), shift(work, p * p * (1 + TILE))
        Y = shift(U, p * p * TILE)
        joint_triangle(integers, factor, triangles, T)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            half += roots(T, tau, floats, factor, j0, n, R, U)
            if f > 0:  # a factor that is whitened by itself
                continue
            _dense_rows(tau, floats, factor, j0, n, U, Y, size - skip)
            corner = shift(schur, skip * size + skip)
            subtract_square(Y, size - skip, p * TILE, corner, size)
            if skip > 0:
                y = shift(Y, (size - skip) * p * TILE)
                _sparse_rows(tau, integers, floats, factor, j0, n, U, Y, y, schur)
    mirror(schur, size)
    return half


@small
def _scale_block(t, x, p, transposed):
    """T x or T'x for a packed lower triangle t."""
    if transposed != 0:
        for c in range(p):
            total = 0.0
            for s in range(c, p):
                total += t[s * (s + 1) // 2 + c] * x[s]
            x[c] = total
    else:
        for k in range(p):
            c = p - 1 - k
            x[c] = dot(shift(t, c * (c + 1) // 2), x, c + 1)


@kernel(void(integers_at, floats_at, floats_at, floats_at, i8, i8))
def scale(integers, triangles, scales, A, rows, transposed):
    """Overwrite each row x of A, a vector over the rest, by T x, or by T'x if ``transposed``."""
    size = integers[REST]
    members = shift(integers, integers[MEMBERS])
    for i in range(rows):
        x = shift(A, i * size)
        for m in range(integers[GROUPS]):
            start, levels, width = (
                members[m * MEMBER],
                members[m * MEMBER + 1],
                members[m * MEMBER + 2],
            )
            t = shift(triangles, members[m * MEMBER + 3])
            if width == 1:
                for j in range(levels):
                    x[start + j] *= t[0]
                continue
            for j in range(levels):
                _scale_block(t, shift(x, start + j * width), width, transposed)
        penalty = integers[PENALISED] - integers[SMOOTH]
        for j in range(integers[SMOOTH]):
            x[penalty + j] *= scales[j]


@kernel(
    i8(
        *(integers_at, floats_at, floats_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at, floats_at),
    )
)
def condense(integers, triangles, scales, mean, precision, schur, L, right, work):
    """Cholesky factor of the rest's own precision, and the right-hand side, in the rest's scale.

    Returns 0 if the precision is positive definite.
    """
    size, penalised = integers[REST], integers[PENALISED]
    for i in range(size):
        copy(shift(schur, i * (size + 1)), shift(work, i * size), size)
    scale(integers, triangles, scales, work, size, 1)
    transpose(work, L, size)
    scale(integers, triangles, scales, L, size, 1)
    copy(shift(schur, size * (size + 1)), right, size)
    scale(integers, triangles, scales, right, 1, 1)
    for i in range(penalised):
        L[i * size + i] += 1.0
    for i in range(size - penalised):
        at = penalised + i
        L[at * size + at] += precision[i]
        right[at] += precision[i] * mean[i]
    return cholesky(L, size)


@kernel(void(integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at))
def coupled(integers, floats, factor, j0, n, x, out):
    """out[r] = sum over columns m of K[m, r] x[m], for each level of the tile."""
    p, skip = factor[WIDTH], integers[SPARSE]
    fill(out, 0.0, p * TILE)
    if factor[LINKED] == 0:
        return
    for m in range(integers[REST] - skip):
        for r in range(p):
            add(x[skip + m], shift(dense(floats, factor, m, r), j0), shift(out, r * TILE), n)
    if skip > 0:
        pointer = shift(integers, factor[POINTER] + j0)
        where = shift(integers, factor[POINTER] + factor[LEVELS] + 1)
        for i in range(n):
            for e in range(pointer[i], pointer[i + 1]):
                for r in range(p):
                    out[r * TILE + i] += x[where[e]] * floats[factor[COUPLING] + e * p + r]


@kernel(void(integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at))
def coupled_transposed(integers, floats, factor, j0, n, x, out):
    """out[m] += sum over levels of the tile and r of K[m, r] x[r]."""
    p, skip = factor[WIDTH], integers[SPARSE]
    if factor[LINKED] == 0:
        return
    for m in range(integers[REST] - skip):
        for r in range(p):
            out[skip + m] += dot(shift(dense(floats, factor, m, r), j0), shift(x, r * TILE), n)
    if skip > 0:
        pointer = shift(integers, factor[POINTER] + j0)
        where = shift(integers, factor[POINTER] + factor[LEVELS] + 1)
        for i in range(n):
            for e in range(pointer[i], pointer[i + 1]):
                for r in range(p):
                    out[where[e]] += floats[factor[COUPLING] + e * p + r] * x[r * TILE + i]


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
