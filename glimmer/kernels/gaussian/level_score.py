"""Adds up the score of the covariance factor of an eliminated factor's levels.

With C = (I + tau G TT')^-1, and r = Z'W(y - A v) for the rest's coefficients v, the level's
own effects leave Z'W(y - eta) = Cr. The score, averaged over the posterior of v and the effects, is

    dT = tau (tau C N C' - G C') T,    N = E[r] E[r]' + Cov(r) = rho rho' + H.

Notation and derivation: docs/kernels.md.
"""

from __future__ import annotations

from glimmer.kernels.compile.arena import carve
from glimmer.kernels.compile.native import f8, floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.gaussian.level_cholesky import determinant, roots
from glimmer.kernels.gaussian.memory_layout import LEVELS, TILE, WIDTH
from glimmer.kernels.gaussian.work_arrays import SCORE_OF_MANY
from glimmer.kernels.vectors.algebra import add_product, inner, put
from glimmer.kernels.vectors.tiles import add_total, add_within, lanes, transposed_times, within


@kernel(void(f8, f8, floats_at, i8, floats_at, floats_at, floats_at))
def _score_of_one(t, tau, G, n, rho, H, total):
    """`add_score` for one effect per level."""
    share, score = tau * t * t, 0.0
    for i in range(n):
        c = 1.0 / (1.0 + share * G[i])
        score += c * (tau * c * (rho[i] * rho[i] + H[i]) - G[i])
    total[0] += tau * score * t


@kernel(void(floats_at, f8, floats_at, floats_at, floats_at, i8, floats_at, floats_at, floats_at))
def _score_of_two(T, tau, G00, G10, G11, n, rho, H, total):
    """`add_score` for two effects per level."""
    t00, t10, t11 = T[0], T[2], T[3]
    s00, s10, s11 = t00 * t00, t00 * t10, t10 * t10 + t11 * t11
    rho0, rho1 = rho, shift(rho, TILE)
    H00, H10, H11 = H, lanes(H, 2, 1, 0), lanes(H, 2, 1, 1)
    e00, e10, e11 = 0.0, 0.0, 0.0
    for i in range(n):
        g00, g10, g11, r0, r1 = G00[i], G10[i], G11[i], rho0[i], rho1[i]
        n00, n10, n11 = r0 * r0 + H00[i], r1 * r0 + H10[i], r1 * r1 + H11[i]
        scale = 1.0 / determinant(tau, t00, t10, t11, g00, g10, g11)
        # C, then CN, then tau CNC' - GC'
        c00, c01 = 1.0 + tau * (g10 * s10 + g11 * s11), -tau * (g00 * s10 + g10 * s11)
        c10, c11 = -tau * (g10 * s00 + g11 * s10), 1.0 + tau * (g00 * s00 + g10 * s10)
        c00, c01, c10, c11 = scale * c00, scale * c01, scale * c10, scale * c11
        a00, a01 = c00 * n00 + c01 * n10, c00 * n10 + c01 * n11
        a10, a11 = c10 * n00 + c11 * n10, c10 * n10 + c11 * n11
        e00 += tau * (a00 * c00 + a01 * c01) - (c00 * g00 + c01 * g10)
        e10 += tau * (a10 * c00 + a11 * c01) - (c10 * g00 + c11 * g10)
        e11 += tau * (a10 * c10 + a11 * c11) - (c10 * g10 + c11 * g11)
    total[0] += tau * (e00 * t00 + e10 * t10)
    total[2] += tau * (e10 * t00 + e11 * t10)
    total[3] += tau * e11 * t11


@kernel(
    void(
        *(floats_at, f8, floats_at, integers_at, i8, i8),
        *(floats_at, floats_at, floats_at, floats_at),
    )
)
def _score_of_many(T, tau, floats, factor, j0, n, rho, H, total, work):
    """`add_score` for any number of effects per level.

    dT = AR with A = tau (Cr e' + tau HU - GUV), e = tau U'r and V = I + tau^2 U'HU.
    """
    p = factor[WIDTH]
    w = carve(work, SCORE_OF_MANY, (p,))
    R, U, A, V, W, e, b = w.R, w.U, w.A, w.V, w.W, w.e, w.b
    roots(T, tau, floats, factor, j0, n, R, U)
    for r in range(p):
        inner(tau, lanes(U, p, 0, r), p * TILE, rho, TILE, p, 0, shift(e, r * TILE), n)
    for r in range(p):
        inner(1.0, lanes(U, p, r, 0), TILE, e, TILE, p, 0, shift(b, r * TILE), n)
    for r in range(p):
        for s in range(p):
            g = shift(within(floats, factor, r, s), j0)
            add_product(-1.0, g, shift(b, s * TILE), shift(rho, r * TILE), n)
    transposed_times(1.0, H, U, p, n, W)
    transposed_times(tau * tau, U, W, p, n, V)
    for r in range(p):
        one = lanes(V, p, r, r)
        for i in range(n):
            one[i] += 1.0
        for c in range(p):
            a = lanes(A, p, r, c)
            put(tau * tau, lanes(W, p, r, c), a, n)
            add_product(tau, shift(rho, r * TILE), shift(e, c * TILE), a, n)
    for r in range(p):
        for c in range(p):
            u, v = lanes(U, p, r, 0), lanes(V, p, 0, c)
            inner(1.0, u, TILE, v, p * TILE, p, 0, lanes(W, p, r, c), n)
    add_within(-tau, floats, factor, j0, W, n, A)
    add_total(A, R, p, n, total)


@kernel(
    void(
        *(floats_at, f8, floats_at, integers_at, i8, i8),
        *(floats_at, floats_at, floats_at, floats_at),
    )
)
def add_score(T, tau, floats, factor, j0, n, rho, H, total, work):
    """Add the score of T to ``total``; ``rho`` is lost."""
    G = shift(within(floats, factor, 0, 0), j0)
    if factor[WIDTH] == 1:
        _score_of_one(T[0], tau, G, n, rho, H, total)
    elif factor[WIDTH] == 2:
        levels = factor[LEVELS]
        _score_of_two(T, tau, G, shift(G, levels), shift(G, 2 * levels), n, rho, H, total)
    else:
        _score_of_many(T, tau, floats, factor, j0, n, rho, H, total, work)
