"""Coefficients from independent standard normal coordinates z, and the way back for gradients.

With P = L L' the precision of (u, beta) given the covariance parameters, b = T u, and r the working
response's side, (u, beta) = P^-1 r + L^-T z. For a fixed working precision this is an exact change
of variables whose log Jacobian is -log |L|.
"""

from __future__ import annotations

import numpy as np

from glimmer.sampling.kernels.algebra import (
    add,
    add_product,
    copy,
    dot,
    fill,
    inner,
    log_diagonal,
    put,
    sandwich,
    solve_lower,
    solve_upper,
    times,
    transpose,
)
from glimmer.sampling.kernels.crossproducts import (
    COMMON,
    CONSTANTS,
    ELIMINATED,
    GROUPS,
    LEVELS,
    MEMBER,
    MEMBER_COUNT,
    MEMBER_ROWS,
    MEMBERS,
    ORDER,
    PENALISED,
    REST,
    SMOOTH,
    TRIANGLES,
    WIDTH,
)
from glimmer.sampling.kernels.elimination import (
    TILE,
    condense,
    coupled,
    coupled_transposed,
    eliminate,
    joint_triangle,
    lanes,
    outcome,
    quadratic,
    record,
    roots,
    scale,
)
from glimmer.sampling.kernels.integrated import (
    add_members,
    add_total,
    add_within,
    transposed_times,
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


@kernel(void(integers_at, integers_at, i8, i8, floats_at, floats_at))
def gather(integers, factor, j0, n, coefficients, out):
    """Lanes of a factor's coefficients from the vector of all."""
    members = shift(integers, factor[MEMBER_ROWS])
    for m in range(factor[MEMBER_COUNT]):
        start, width, at = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 3]
        for r in range(width):
            for i in range(n):
                out[(start + r) * TILE + i] = coefficients[at + (j0 + i) * width + r]


@kernel(void(integers_at, integers_at, i8, i8, floats_at, floats_at))
def scatter(integers, factor, j0, n, x, coefficients):
    """The other way round."""
    members = shift(integers, factor[MEMBER_ROWS])
    for m in range(factor[MEMBER_COUNT]):
        start, width, at = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 3]
        for r in range(width):
            for i in range(n):
                coefficients[at + (j0 + i) * width + r] = x[(start + r) * TILE + i]


@kernel(void(f8, floats_at, i8, i8, i8, floats_at, i8, floats_at))
def apply(scalar, A, p, transposed, n, x, keep, out):
    """Out = scalar A x, or scalar A'x, for each level of the tile; added to out if ``keep``."""
    step = p * TILE if transposed != 0 else TILE
    for r in range(p):
        a = lanes(A, p, 0, r) if transposed != 0 else lanes(A, p, r, 0)
        inner(scalar, a, step, x, TILE, p, keep, shift(out, r * TILE), n)


@kernel(void(f8, floats_at, floats_at, i8, i8, floats_at))
def add_outer(scalar, x, y, p, n, out):
    """Out += scalar x y' for each level of the tile."""
    for r in range(p):
        for c in range(p):
            add_product(scalar, shift(x, r * TILE), shift(y, c * TILE), lanes(out, p, r, c), n)


@small
def clean(R, p, n):
    """Fill the upper triangles with zeros."""
    for r in range(p):
        for c in range(r + 1, p):
            fill(lanes(R, p, r, c), 0.0, n)


@kernel(
    f8(
        *(f8, integers_at, floats_at, floats_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at),
    )
)
def _effects(tau, integers, floats, triangles, v, z, coefficients, state, work):
    """Group effects b = U (e + z) of the eliminated factors; return the sum of u'u."""
    squares = 0.0
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        T, R, U = work, shift(work, p * p), shift(work, p * p * (1 + TILE))
        y = shift(U, p * p * TILE)
        rho, b = shift(y, p * TILE), shift(y, 2 * p * TILE)
        joint_triangle(integers, factor, triangles, T)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            roots(T, tau, floats, factor, j0, n, R, U)
            clean(R, p, n)
            coupled(integers, floats, factor, j0, n, v, b)
            for r in range(p):
                copy(shift(outcome(integers, floats, factor, r), j0), shift(rho, r * TILE), n)
                add(-1.0, shift(b, r * TILE), shift(rho, r * TILE), n)
            gather(integers, factor, j0, n, z, y)
            apply(tau, U, p, 1, n, rho, 1, y)
            apply(1.0, U, p, 0, n, y, 0, b)
            scatter(integers, factor, j0, n, b, coefficients)
            apply(1.0, R, p, 1, n, y, 0, b)
            for r in range(p):
                squares += dot(shift(b, r * TILE), shift(b, r * TILE), n)
                copy(shift(y, r * TILE), shift(state, r * levels + j0), n)
        state = shift(state, p * levels)
    return squares


@kernel(void(*([floats_at] * 6), integers_at, *([floats_at] * 5)))
def coefficients_of(
    triangles, scales, sigma, mean, precision, z, integers, floats,
    coefficients, density, state, work,
):  # fmt: skip
    """Coefficients, and log N(u; 0, I) + log |d(u, beta)/dz| without its constant.

    ``state`` keeps for the pullback: the Schur complement, L, the rest's mean and value in its own
    scale, and e + z of all levels.
    """
    size, k, penalised = integers[REST], integers[COMMON], integers[PENALISED]
    tau, constants = 1.0 / (sigma[0] * sigma[0]), shift(floats, integers[CONSTANTS])
    order = shift(integers, integers[ORDER])
    schur, L = state, shift(state, (size + 1) * (size + 1))
    mu, u = shift(L, size * size), shift(L, size * (size + 1))
    v, center = work, shift(work, size)
    more = shift(work, 2 * size)
    for i in range(k):
        center[i] = mean[i] - constants[2 + i]
    half = eliminate(integers, floats, triangles, tau, schur, more)
    bad = condense(integers, triangles, scales, center, precision, schur, L, mu, more)
    solve_lower(L, mu, size)
    for i in range(size):
        u[i] = mu[i] + z[order[i]]
    solve_upper(L, mu, size)
    solve_upper(L, u, size)
    copy(u, v, size)
    scale(integers, triangles, scales, v, 1, 0)
    rest = shift(u, size)
    squares = _effects(tau, integers, floats, triangles, v, z, coefficients, rest, more)
    for i in range(size):
        coefficients[order[i]] = v[i]
    for i in range(k):
        coefficients[order[penalised + i]] += constants[2 + i]
    density[0] = -0.5 * (squares + dot(u, u, penalised)) - half - log_diagonal(L, size)
    if bad != 0:
        density[0] = np.nan


@kernel(
    void(
        *(f8, integers_at, floats_at, floats_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at),
    )
)
def _pull_levels(g, integers, floats, triangles, cotangent, state, kappa, w, work):
    """W = L^-1 c of the eliminated factors for cotangents c of u, and kappa = sum of K U w."""
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        T, R, U = work, shift(work, p * p), shift(work, p * p * (1 + TILE))
        y = shift(U, p * p * TILE)
        u, own = shift(y, p * TILE), shift(y, 2 * p * TILE)
        joint_triangle(integers, factor, triangles, T)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            roots(T, 1.0, floats, factor, j0, n, R, U)
            clean(R, p, n)
            for r in range(p):
                copy(shift(state, r * levels + j0), shift(y, r * TILE), n)
            gather(integers, factor, j0, n, cotangent, own)
            # w = R (T'b - g R'y) = U'b - g R R'y
            apply(1.0, R, p, 1, n, y, 0, u)
            apply(-g, R, p, 0, n, u, 0, y)
            apply(1.0, U, p, 1, n, own, 1, y)
            for r in range(p):
                copy(shift(y, r * TILE), shift(w, r * levels + j0), n)
            apply(1.0, U, p, 0, n, y, 0, u)
            coupled_transposed(integers, floats, factor, j0, n, u, kappa)
        state, w = shift(state, p * levels), shift(w, p * levels)


@kernel(
    void(
        *(f8, floats_at, integers_at, i8, i8, floats_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at),
    )
)
def _pull_triangle(g, floats, factor, j0, n, U, H, w, zl, ka, rho, kh, A, B, W):
    """A with dT = A R: see the derivation in the guide, "Reverse mode".

    On entry ``rho`` is Z'W y - K'mu.
    """
    p = factor[WIDTH]
    mu, alpha, s = W, shift(W, p * TILE), shift(W, 2 * p * TILE)
    HU = shift(W, 3 * p * TILE)
    apply(1.0, U, p, 1, n, rho, 0, mu)
    for r in range(p):
        copy(shift(w, r * TILE), shift(alpha, r * TILE), n)
    apply(-1.0, U, p, 1, n, ka, 1, alpha)
    apply(1.0, U, p, 1, n, kh, 0, s)
    transposed_times(1.0, H, U, p, n, HU)
    transposed_times(1.0, U, HU, p, n, B)
    add_outer(-1.0, alpha, mu, p, n, B)
    add_outer(1.0, s, w, p, n, B)
    for r in range(p):
        for c in range(r + 1):
            factor_ = -0.5 if r == c else -1.0
            add_product(factor_, shift(zl, r * TILE), shift(w, c * TILE), lanes(B, p, r, c), n)
        diagonal = lanes(B, p, r, r)
        for i in range(n):
            diagonal[i] -= 0.5 * g
    for r in range(p):
        for c in range(r + 1):
            x, y = lanes(B, p, r, c), lanes(B, p, c, r)
            for i in range(n):
                total = x[i] + y[i]
                x[i] = total
                y[i] = total
    for r in range(p):
        for c in range(p):
            put(-2.0, lanes(HU, p, r, c), lanes(A, p, r, c), n)
    for r in range(p):
        for c in range(p):
            out = lanes(HU, p, r, c)
            inner(1.0, lanes(U, p, r, 0), TILE, lanes(B, p, 0, c), p * TILE, p, 0, out, n)
    add_within(1.0, floats, factor, j0, HU, n, A)
    add_outer(-1.0, ka, mu, p, n, A)
    add_outer(1.0, rho, alpha, p, n, A)
    add_outer(-1.0, kh, w, p, n, A)


@kernel(
    void(
        *(f8, integers_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at),
    )
)
def _pull_factors(
    g, integers, floats, triangles, z, cotangent, state, w, a, mu, h, Q, gradient, z_gradient, work
):
    """Add the gradient by the covariance factors of the eliminated factors; hand back w as z's."""
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        step, line = p * p * TILE, p * TILE
        T, total, R = work, shift(work, p * p), shift(work, 2 * p * p)
        U, H, A, B = shift(R, step), shift(R, 2 * step), shift(R, 3 * step), shift(R, 4 * step)
        W = shift(R, 5 * step)
        wl = shift(R, 6 * step + 3 * line)
        zl, ka, kh, rho = (
            shift(wl, line),
            shift(wl, 2 * line),
            shift(wl, 3 * line),
            shift(wl, 4 * line),
        )
        y, own, X = shift(wl, 5 * line), shift(wl, 6 * line), shift(wl, 7 * line)
        joint_triangle(integers, factor, triangles, T)
        fill(total, 0.0, p * p)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            roots(T, 1.0, floats, factor, j0, n, R, U)
            coupled(integers, floats, factor, j0, n, a, ka)
            coupled(integers, floats, factor, j0, n, h, kh)
            coupled(integers, floats, factor, j0, n, mu, y)
            for r in range(p):
                copy(shift(outcome(integers, floats, factor, r), j0), shift(rho, r * TILE), n)
                add(-1.0, shift(y, r * TILE), shift(rho, r * TILE), n)
                copy(shift(w, r * levels + j0), shift(wl, r * TILE), n)
                copy(shift(state, r * levels + j0), shift(y, r * TILE), n)
            scatter(integers, factor, j0, n, wl, z_gradient)
            gather(integers, factor, j0, n, z, zl)
            gather(integers, factor, j0, n, cotangent, own)
            quadratic(integers, floats, factor, j0, n, Q, X, H)
            _pull_triangle(g, floats, factor, j0, n, U, H, wl, zl, ka, rho, kh, A, B, W)
            add_outer(1.0, own, y, p, n, A)
            add_total(A, R, p, n, total)
        state, w = shift(state, p * levels), shift(w, p * levels)
        add_members(integers, factor, total, gradient)


@small
def _entry(schur, scaled, size, a, b, left, a_s, kappa, mu, h, cotangent, u):
    """Entry (a, b) of the gradient by the rest's T."""
    pairs = dot(shift(schur, a * (size + 1)), shift(scaled, b * size), size)
    ours, theirs = shift(left, size), shift(left, 0)
    total = 2.0 * pairs + theirs[a] * a_s[b] - ours[a] * mu[b]
    return total - kappa[a] * h[b] + cotangent[a] * u[b]


@kernel(void(integers_at, *([floats_at] * 11)))
def _pull_rest(
    integers, schur, scaled, left, a_s, kappa, mu, h, cotangent, u, gradient, scale_gradient
):
    """Add the gradient by the rest's covariance factors and sds."""
    size, members = integers[REST], shift(integers, integers[MEMBERS])
    for m in range(integers[GROUPS]):
        start, levels, width = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 2]
        for j in range(levels):
            out = shift(gradient, members[m * MEMBER + 3])
            for r in range(width):
                for c in range(r + 1):
                    a, b = start + j * width + r, start + j * width + c
                    out[r * (r + 1) // 2 + c] += _entry(
                        schur, scaled, size, a, b, left, a_s, kappa, mu, h, cotangent, u
                    )
    for i in range(integers[SMOOTH]):
        a = integers[PENALISED] - integers[SMOOTH] + i
        scale_gradient[i] = _entry(schur, scaled, size, a, a, left, a_s, kappa, mu, h, cotangent, u)


@kernel(void(*([floats_at] * 8), integers_at, *([floats_at] * 7)))
def coefficients_pullback(
    triangles, scales, mean, precision, z, state, cotangents, cotangent, integers, floats,
    gradient, scale_gradient, mean_gradient, precision_gradient, z_gradient, work,
):  # fmt: skip
    """Gradients from the cotangents of the coefficients and of the density."""
    size, k, penalised = integers[REST], integers[COMMON], integers[PENALISED]
    order, g = shift(integers, integers[ORDER]), cotangent[0]
    schur, L = state, shift(state, (size + 1) * (size + 1))
    mu, u = shift(L, size * size), shift(L, size * (size + 1))
    levels = shift(u, size)
    kappa, v, w = work, shift(work, size), shift(work, 2 * size)
    a, a_raw, mu_raw = shift(w, size), shift(w, 2 * size), shift(w, 3 * size)
    h, h_raw, left = shift(w, 4 * size), shift(w, 5 * size), shift(w, 6 * size)
    G, scaled, Q = shift(w, 8 * size), shift(w, (8 + size) * size), shift(w, (8 + 2 * size) * size)
    own = shift(Q, size * size)
    more = own
    for f in range(integers[ELIMINATED]):
        more = shift(more, record(integers, f)[LEVELS] * record(integers, f)[WIDTH])
    fill(kappa, 0.0, size)
    fill(gradient, 0.0, integers[TRIANGLES])
    _pull_levels(g, integers, floats, triangles, cotangents, levels, kappa, own, more)
    for i in range(size):
        v[i] = cotangents[order[i]]
        w[i] = v[i] - kappa[i]
        h[i] = z[order[i]]
    scale(integers, triangles, scales, w, 1, 1)
    add(-g, u, w, penalised)
    solve_lower(L, w, size)
    for i in range(size):
        z_gradient[order[i]] = w[i]
        for j in range(size):
            G[i * size + j] = -z[order[i]] * w[j] if j < i else 0.0
        G[i * size + i] = -0.5 * (g + z[order[i]] * w[i])
    sandwich(L, G, size)
    copy(G, scaled, size * size)
    scale(integers, triangles, scales, scaled, size, 0)
    transpose(scaled, Q, size)
    scale(integers, triangles, scales, Q, size, 0)
    copy(w, a, size)
    solve_upper(L, a, size)
    solve_upper(L, h, size)
    copy(a, a_raw, size)
    copy(mu, mu_raw, size)
    copy(h, h_raw, size)
    scale(integers, triangles, scales, a_raw, 1, 0)
    scale(integers, triangles, scales, mu_raw, 1, 0)
    scale(integers, triangles, scales, h_raw, 1, 0)
    _pull_factors(
        g, integers, floats, triangles, z, cotangents, levels, own, a_raw, mu_raw, h_raw, Q,
        gradient, z_gradient, more,
    )  # fmt: skip
    ours = shift(left, size)
    times(schur, size + 1, mu_raw, size, left)
    times(schur, size + 1, a_raw, size, ours)
    for i in range(size):
        left[i] = schur[size * (size + 1) + i] - left[i]
        ours[i] += kappa[i]
    _pull_rest(integers, schur, scaled, left, a, kappa, mu, h, v, u, gradient, scale_gradient)
    constants = shift(floats, integers[CONSTANTS])
    for i in range(k):
        at = penalised + i
        mean_gradient[i] = precision[i] * a[at]
        off = mean[i] - constants[2 + i] - mu[at]
        precision_gradient[i] = G[at * size + at] + a[at] * off
