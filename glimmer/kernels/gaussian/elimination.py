"""Factors P = prior + T'A'WAT block by block, for the integrated and the whitened kernels.

Notation: docs/kernels.md.
"""

from __future__ import annotations

from glimmer.kernels.compile.arena import carve
from glimmer.kernels.compile.native import f8, floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.gaussian.coupling import dense_rows, sparse_rows
from glimmer.kernels.gaussian.level_cholesky import roots
from glimmer.kernels.gaussian.memory_layout import (
    CORNER,
    ELIMINATED,
    GROUPS,
    LEVELS,
    MEMBER,
    MEMBERS,
    PENALISED,
    REST,
    SMOOTH,
    SPARSE,
    TILE,
    WIDTH,
)
from glimmer.kernels.gaussian.work_arrays import ELIMINATION
from glimmer.kernels.vectors.algebra import (
    add,
    cholesky,
    copy,
    mirror,
    put,
    subtract_square,
    transpose,
)
from glimmer.kernels.vectors.tiles import joint_triangle, record


@kernel(f8(integers_at, floats_at, floats_at, f8, floats_at, floats_at))
def eliminate(integers, floats, triangles, tau, schur, work):
    """Write the Schur complement of the eliminated factors; return the sum of log |D| / 2.

    ``schur`` becomes tau A'WA - Y'Y over (rest, outcome) with Y = L^-1 C, before the rest is
    scaled by its own T.
    """
    size, skip = integers[REST] + 1, integers[SPARSE]
    put(tau, shift(floats, integers[CORNER]), schur, size * size)
    half = 0.0
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        w = carve(work, ELIMINATION, (p, size - skip, skip))
        joint_triangle(integers, factor, triangles, w.T)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            half += roots(w.T, tau, floats, factor, j0, n, w.R, w.U)
            if f > 0:  # a factor that is whitened by itself
                continue
            dense_rows(tau, floats, factor, j0, n, w.U, w.Y, size - skip)
            corner = shift(schur, skip * size + skip)
            subtract_square(w.Y, size - skip, p * n, corner, size)
            if skip > 0:
                sparse_rows(tau, integers, floats, factor, j0, n, w.U, w.Y, w.sparse, schur)
    mirror(schur, size)
    return half


@kernel(void(floats_at, floats_at, i8, i8, i8))
def _scale_block(t, X, p, columns, transposed):
    """Overwrite p rows X by T X or T'X for a packed lower triangle t."""
    for k in range(p):
        c = k if transposed != 0 else p - 1 - k
        x, row = shift(X, c * columns), c * (c + 1) // 2
        put(t[row + c], x, x, columns)
        if transposed != 0:
            for s in range(c + 1, p):
                add(t[s * (s + 1) // 2 + c], shift(X, s * columns), x, columns)
        else:
            for s in range(c):
                add(t[row + s], shift(X, s * columns), x, columns)


@kernel(void(integers_at, floats_at, floats_at, floats_at, i8, i8))
def scale(integers, triangles, scales, A, columns, transposed):
    """Overwrite A, a row for each coefficient of the rest, by T A, or by T'A if ``transposed``."""
    for m in range(integers[GROUPS]):
        group = shift(integers, integers[MEMBERS] + MEMBER * m)
        X, levels, width, t = shift(A, group[0] * columns), group[1], group[2], group[3]
        if width == 1:
            put(triangles[t], X, X, levels * columns)
        else:
            for j in range(levels):
                x = shift(X, j * width * columns)
                _scale_block(shift(triangles, t), x, width, columns, transposed)
    for j in range(integers[SMOOTH]):
        x = shift(A, (integers[PENALISED] - integers[SMOOTH] + j) * columns)
        put(scales[j], x, x, columns)


@kernel(i8(integers_at, *([floats_at] * 8)))
def condense(integers, triangles, scales, mean, precision, schur, L, right, scaled):
    """Cholesky factor of the rest's own precision, and the right-hand side, in the rest's scale.

    Returns 0 if the precision is positive definite; ``scaled`` becomes S T for the Schur
    complement S.
    """
    size, penalised = integers[REST], integers[PENALISED]
    for i in range(size):
        copy(shift(schur, i * (size + 1)), shift(scaled, i * size), size)
    scale(integers, triangles, scales, scaled, size, 1)
    transpose(scaled, size)
    copy(scaled, L, size * size)
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
