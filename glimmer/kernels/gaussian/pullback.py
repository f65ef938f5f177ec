"""Carries cotangents of coefficients and density back through `whitened`.

With c the cotangent of (u, beta), w = L^-1 c is that of z, and a = L^-T w that of the right-hand
side. The precision's own cotangent is -a mu' for the mean, minus L^-T tril(z w') L^-1 with half a
diagonal for the noise, minus P^-1 / 2 for log |L|; of it only the blocks are ever formed in which P
depends on the covariance factors. Notation, and the derivation in eight steps: docs/kernels.md.
"""

from __future__ import annotations

from glimmer.kernels.compile.arena import carve
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
from glimmer.kernels.gaussian.coupling import coupled, dense, quadratic, residuals
from glimmer.kernels.gaussian.elimination import scale
from glimmer.kernels.gaussian.level_cholesky import roots
from glimmer.kernels.gaussian.memory_layout import (
    COEFFICIENTS,
    COMMON,
    CONSTANTS,
    COUPLING,
    ELIMINATED,
    GROUPS,
    LEVELS,
    LINKED,
    MEMBER,
    MEMBERS,
    ORDER,
    PENALISED,
    POINTER,
    REST,
    SMOOTH,
    SPARSE,
    TILE,
    TRIANGLES,
    WIDTH,
)
from glimmer.kernels.gaussian.whitened import gather, scatter
from glimmer.kernels.gaussian.work_arrays import (
    PULL_FACTORS,
    PULL_LEVELS,
    PULLBACK,
    STATE_ARRAYS,
)
from glimmer.kernels.vectors.algebra import (
    add,
    add_product,
    copy,
    dot,
    fill,
    inner,
    put,
    sandwich,
    solve_lower,
    solve_upper,
    times,
    transpose,
)
from glimmer.kernels.vectors.tiles import (
    add_members,
    add_total,
    add_within,
    apply,
    clean,
    joint_triangle,
    lanes,
    record,
    transposed_times,
)


@kernel(void(integers_at, floats_at, integers_at, i8, i8, floats_at, floats_at))
def _coupled_transposed(integers, floats, factor, j0, n, x, out):
    """Out += sum over levels of the tile of K x."""
    p, skip = factor[WIDTH], integers[SPARSE]
    if factor[LINKED] == 0:
        return
    for m in range(integers[REST] - skip):
        k = shift(dense(floats, factor, m, 0), j0)
        for r in range(p):
            out[skip + m] += dot(shift(k, r * factor[LEVELS]), shift(x, r * TILE), n)
    if skip > 0:
        pointer = shift(integers, factor[POINTER] + j0)
        where = shift(integers, factor[POINTER] + factor[LEVELS] + 1)
        for i in range(n):
            for e in range(pointer[i], pointer[i + 1]):
                for r in range(p):
                    out[where[e]] += floats[factor[COUPLING] + e * p + r] * x[r * TILE + i]


@kernel(void(f8, floats_at, floats_at, i8, i8, floats_at))
def _add_outer(scalar, x, y, p, n, out):
    """Out += scalar x y' for each level of the tile."""
    for r in range(p):
        for c in range(p):
            add_product(scalar, shift(x, r * TILE), shift(y, c * TILE), lanes(out, p, r, c), n)


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
        m = carve(work, PULL_LEVELS, (p,))
        T, R, U, y, u, own = m.T, m.R, m.U, m.y, m.u, m.own
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
            _coupled_transposed(integers, floats, factor, j0, n, u, kappa)
        state, w = shift(state, p * levels), shift(w, p * levels)


@kernel(
    void(
        *(f8, floats_at, integers_at, i8, i8, floats_at, floats_at, floats_at),
        *([floats_at] * 10),
    )
)
def _pull_triangle(g, floats, factor, j0, n, U, H, w, z, ka, rho, kh, A, B, m, alpha, s, HU):
    """A with dT = A R (step 6), from rho, ka = K'T a, kh = K'T h and H = K'QK.

    With m = U'rho, alpha = w - U'ka and B the symmetric part, doubled, of
    U'HU + (U'kh) w' - alpha m' - tril(z w') - g I / 2, the diagonal of tril halved,
    A = GUB - 2 HU - ka m' + rho alpha' - kh w'.
    """
    p = factor[WIDTH]
    apply(1.0, U, p, 1, n, rho, 0, m)
    for r in range(p):
        copy(shift(w, r * TILE), shift(alpha, r * TILE), n)
    apply(-1.0, U, p, 1, n, ka, 1, alpha)
    apply(1.0, U, p, 1, n, kh, 0, s)
    transposed_times(1.0, H, U, p, n, HU)
    transposed_times(1.0, U, HU, p, n, B)
    _add_outer(-1.0, alpha, m, p, n, B)
    _add_outer(1.0, s, w, p, n, B)
    for r in range(p):
        for c in range(r + 1):
            share = -0.5 if r == c else -1.0
            add_product(share, shift(z, r * TILE), shift(w, c * TILE), lanes(B, p, r, c), n)
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
    _add_outer(-1.0, ka, m, p, n, A)
    _add_outer(1.0, rho, alpha, p, n, A)
    _add_outer(-1.0, kh, w, p, n, A)


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
        m = carve(work, PULL_FACTORS, (p,))
        R, U, H, A, B, ka, kh, rho = m.R, m.U, m.H, m.A, m.B, m.ka, m.kh, m.rho
        joint_triangle(integers, factor, triangles, m.T)
        fill(m.total, 0.0, p * p)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            roots(m.T, 1.0, floats, factor, j0, n, R, U)
            residuals(integers, floats, factor, j0, n, mu, rho)
            fill(ka, 0.0, p * TILE)
            fill(kh, 0.0, p * TILE)
            coupled(1.0, integers, floats, factor, j0, n, a, ka)
            coupled(1.0, integers, floats, factor, j0, n, h, kh)
            for r in range(p):
                copy(shift(w, r * levels + j0), shift(m.w, r * TILE), n)
                copy(shift(state, r * levels + j0), shift(m.y, r * TILE), n)
            scatter(integers, factor, j0, n, m.w, z_gradient)
            gather(integers, factor, j0, n, z, m.z)
            gather(integers, factor, j0, n, cotangent, m.own)
            quadratic(integers, floats, factor, j0, n, Q, m.more, H)
            _pull_triangle(
                g, floats, factor, j0, n, U, H, m.w, m.z, ka, rho, kh, A, B, m.m, m.alpha, m.s, m.HU
            )
            _add_outer(1.0, m.own, m.y, p, n, A)
            add_total(A, R, p, n, m.total)
        state, w = shift(state, p * levels), shift(w, p * levels)
        add_members(integers, factor, m.total, gradient)


@small
def _entry(schur, scaled, size, a, b, left, ours, a_s, kappa, mu, h, cotangent, u):
    """Entry (a, b) of the gradient by the rest's T."""
    pairs = dot(shift(schur, a * (size + 1)), shift(scaled, b * size), size)
    total = 2.0 * pairs + left[a] * a_s[b] - ours[a] * mu[b]
    return total - kappa[a] * h[b] + cotangent[a] * u[b]


@kernel(void(integers_at, *([floats_at] * 12)))
def _pull_rest(
    integers, schur, scaled, left, ours, a_s, kappa, mu, h, cotangent, u, gradient, scale_gradient
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
                        schur, scaled, size, a, b, left, ours, a_s, kappa, mu, h, cotangent, u
                    )
    for i in range(integers[SMOOTH]):
        a = integers[PENALISED] - integers[SMOOTH] + i
        scale_gradient[i] = _entry(
            schur, scaled, size, a, a, left, ours, a_s, kappa, mu, h, cotangent, u
        )


@kernel(void(*([floats_at] * 8), integers_at, *([floats_at] * 7)))
def coefficients_pullback(
    triangles, scales, mean, precision, z, state, cotangents, cotangent, integers, floats,
    gradient, scale_gradient, mean_gradient, precision_gradient, z_gradient, work,
):  # fmt: skip
    """Gradients from the cotangents of the coefficients and of the density."""
    size, k, penalised = integers[REST], integers[COMMON], integers[PENALISED]
    order, g = shift(integers, integers[ORDER]), cotangent[0]
    effects = integers[COEFFICIENTS] - size
    s, m = carve(state, STATE_ARRAYS, (size, effects)), carve(work, PULLBACK, (size, effects))
    schur, L, mu, u, levels = s.schur, s.L, s.mu, s.u, s.levels
    kappa, v, w, a, h, left, ours = m.kappa, m.v, m.w, m.a, m.h, m.left, m.ours
    a_raw, mu_raw, h_raw, by_P, scaled, Q = (m.a_raw, m.mu_raw, m.h_raw, m.by_P, m.scaled, m.Q)
    fill(kappa, 0.0, size)
    fill(gradient, 0.0, integers[TRIANGLES])
    _pull_levels(g, integers, floats, triangles, cotangents, levels, kappa, m.own, m.more)
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
            by_P[i * size + j] = -z[order[i]] * w[j] if j < i else 0.0
        by_P[i * size + i] = -0.5 * (g + z[order[i]] * w[i])
    sandwich(L, by_P, size)
    copy(by_P, scaled, size * size)
    scale(integers, triangles, scales, scaled, size, 0)
    transpose(scaled, size)
    copy(scaled, Q, size * size)
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
        g, integers, floats, triangles, z, cotangents, levels, m.own, a_raw, mu_raw, h_raw, Q,
        gradient, z_gradient, m.more,
    )  # fmt: skip
    times(schur, size + 1, mu_raw, size, left)
    times(schur, size + 1, a_raw, size, ours)
    for i in range(size):
        left[i] = schur[size * (size + 1) + i] - left[i]
        ours[i] += kappa[i]
    _pull_rest(integers, schur, scaled, left, ours, a, kappa, mu, h, v, u, gradient, scale_gradient)
    constants = shift(floats, integers[CONSTANTS])
    for i in range(k):
        at = penalised + i
        mean_gradient[i] = precision[i] * a[at]
        off = mean[i] - constants[2 + i] - mu[at]
        precision_gradient[i] = by_P[at * size + at] + a[at] * off
