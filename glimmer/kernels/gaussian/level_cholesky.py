"""Takes Cholesky roots of small matrices, one for each level of an eliminated factor.

For level j, with G = Z_j'WZ_j (p x p), the kernels keep two small matrices: R, the inverse of the
lower Cholesky factor of D = I + tau T'GT, and U = T R'. Then D^-1 = R'R and T D^-1 T' = UU', and
nothing is ever divided by a standard deviation. Levels are taken TILE at a time; every entry of a
small matrix is a vector over the levels of the tile, its *lanes*. One or two effects per level have
closed forms in one loop; for more, the loops over lanes are the innermost.
Notation: docs/kernels.md.
"""

from __future__ import annotations

import numpy as np

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
from glimmer.kernels.gaussian.memory_layout import LEVELS, TILE, WIDTH
from glimmer.kernels.vectors.algebra import add, add_product, inner, put
from glimmer.kernels.vectors.special import sum_of_logarithms
from glimmer.kernels.vectors.tiles import lanes, within


@kernel(f8(floats_at, i8))
def _pivot(d, n):
    """Overwrite d by (1 + d)^-1/2; return the sum of log (1 + d) / 2."""
    for i in range(n):
        d[i] += 1.0
    half = 0.5 * sum_of_logarithms(d, n)
    for i in range(n):
        d[i] = 1.0 / np.sqrt(d[i])
    return half


@kernel(f8(f8, f8, floats_at, i8, floats_at, floats_at))
def _roots_of_one(t, tau, G, n, R, U):
    """`roots` for one effect per level."""
    put(tau * t * t, G, R, n)
    half = _pivot(R, n)
    put(t, R, U, n)
    return half


@small
def determinant(tau, t00, t10, t11, g00, g10, g11):
    """|I + tau T'GT| for two effects per level."""
    a, b, product = t00 * t00, t11 * t11, g00 * g11 - g10 * g10
    trace = a * g00 + 2.0 * t00 * t10 * g10 + (t10 * t10 + b) * g11
    return 1.0 + tau * trace + tau * tau * a * b * max(product, 0.0)


@kernel(f8(floats_at, f8, floats_at, floats_at, floats_at, i8, floats_at, floats_at))
def _roots_of_two(T, tau, G00, G10, G11, n, R, U):
    """`roots` for two effects per level."""
    t00, t10, t11 = T[0], T[2], T[3]
    r00, r10, r11 = lanes(R, 2, 0, 0), lanes(R, 2, 1, 0), lanes(R, 2, 1, 1)
    u00, u01, u10, u11 = U, lanes(U, 2, 0, 1), lanes(U, 2, 1, 0), lanes(U, 2, 1, 1)
    size = lanes(R, 2, 0, 1)
    for i in range(n):
        g00, g10, g11 = G00[i], G10[i], G11[i]
        size[i] = determinant(tau, t00, t10, t11, g00, g10, g11)
        d00 = 1.0 + tau * (t00 * t00 * g00 + 2.0 * t00 * t10 * g10 + t10 * t10 * g11)
        d10 = tau * t11 * (t00 * g10 + t10 * g11)
        first, both = np.sqrt(d00), np.sqrt(size[i])
        scale = 1.0 / (first * both)
        a, b, c = both * scale, -d10 * scale, d00 * scale
        r00[i], r10[i], r11[i] = a, b, c
        u00[i], u01[i] = t00 * a, t00 * b
        u10[i], u11[i] = t10 * a, t10 * b + t11 * c
    return 0.5 * sum_of_logarithms(size, n)


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
def _roots_of_many(T, tau, floats, factor, j0, n, R, U):
    """`roots` for any number of effects per level."""
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


@kernel(f8(floats_at, f8, floats_at, integers_at, i8, i8, floats_at, floats_at))
def roots(T, tau, floats, factor, j0, n, R, U):
    """Compute R and U of levels j0 .. j0 + n; return the sum of log |D| / 2."""
    G = shift(within(floats, factor, 0, 0), j0)
    if factor[WIDTH] == 1:
        return _roots_of_one(T[0], tau, G, n, R, U)
    if factor[WIDTH] == 2:
        levels = factor[LEVELS]
        return _roots_of_two(T, tau, G, shift(G, levels), shift(G, 2 * levels), n, R, U)
    return _roots_of_many(T, tau, floats, factor, j0, n, R, U)
