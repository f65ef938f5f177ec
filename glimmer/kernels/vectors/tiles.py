"""Computes with small matrices, one for each level of an eliminated factor.

Levels are taken TILE at a time. Every entry of a small matrix is a vector over the levels of the
tile, its *lanes*, so that matrices of any size p x p run at the speed of long vectors.
Notation: docs/kernels.md.
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
    FACTOR,
    HEADER,
    LEVELS,
    MEMBER,
    MEMBER_COUNT,
    MEMBER_ROWS,
    TILE,
    WIDTH,
    WITHIN,
)
from glimmer.kernels.vectors.algebra import add_product, dot, fill, inner


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
    pair = r * (r + 1) // 2 + c if r >= c else c * (c + 1) // 2 + r
    return shift(floats, factor[WITHIN] + pair * factor[LEVELS])


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


@kernel(void(integers_at, integers_at, floats_at, floats_at))
def add_members(integers, factor, total, gradient):
    """Cut the gradient by a joint T into the triangles of its groups."""
    p, members = factor[WIDTH], shift(integers, factor[MEMBER_ROWS])
    for m in range(factor[MEMBER_COUNT]):
        start, width, at = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 2]
        for r in range(width):
            for c in range(r + 1):
                gradient[at] += total[(start + r) * p + start + c]
                at += 1


@kernel(void(f8, floats_at, floats_at, i8, i8, floats_at))
def transposed_times(scalar, A, B, p, n, out):
    """Out = scalar A'B for each level of the tile (p x p)."""
    step = p * TILE
    for r in range(p):
        for c in range(p):
            a, b = lanes(A, p, 0, r), lanes(B, p, 0, c)
            inner(scalar, a, step, b, step, p, 0, lanes(out, p, r, c), n)


@kernel(void(f8, floats_at, integers_at, i8, floats_at, i8, floats_at))
def add_within(scalar, floats, factor, j0, A, n, out):
    """Out += scalar G A for each level of the tile (p x p)."""
    p = factor[WIDTH]
    for r in range(p):
        g = shift(within(floats, factor, r, 0), j0)
        for c in range(p):
            o = lanes(out, p, r, c)
            inner(scalar, g, factor[LEVELS], lanes(A, p, 0, c), p * TILE, r + 1, 1, o, n)
            for s in range(r + 1, p):
                below = shift(within(floats, factor, s, r), j0)
                add_product(scalar, below, lanes(A, p, s, c), o, n)


@kernel(void(floats_at, floats_at, i8, i8, floats_at))
def add_total(A, R, p, n, total):
    """Total += lower triangle of the sum of A R over the levels of the tile."""
    for r in range(p):
        for c in range(r + 1):
            for k in range(c, p):
                total[r * p + c] += dot(lanes(A, p, r, k), lanes(R, p, k, c), n)


@kernel(void(f8, floats_at, i8, i8, i8, floats_at, i8, floats_at))
def apply(scalar, A, p, transposed, n, x, keep, out):
    """Out = scalar A x, or scalar A'x, for each level of the tile; added to out if ``keep``."""
    step = p * TILE if transposed != 0 else TILE
    for r in range(p):
        a = lanes(A, p, 0, r) if transposed != 0 else lanes(A, p, r, 0)
        inner(scalar, a, step, x, TILE, p, keep, shift(out, r * TILE), n)


@small
def clean(R, p, n):
    """Fill the upper triangles with zeros."""
    for r in range(p):
        for c in range(r + 1, p):
            fill(lanes(R, p, r, c), 0.0, n)
