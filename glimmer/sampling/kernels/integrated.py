"""The Gaussian likelihood with all coefficients integrated out, value and gradient together.

The gradient follows from Fisher's identity: it is the posterior expectation of the complete-data
score, for which the posterior means and the diagonal blocks of the posterior covariance are enough.
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
    inverse,
    log_diagonal,
    put,
    solve_lower,
    solve_upper,
    times,
    transpose,
)
from glimmer.sampling.kernels.elimination import (
    TILE,
    condense,
    coupled,
    eliminate,
    joint_triangle,
    lanes,
    outcome,
    quadratic,
    record,
    roots,
    scale,
    within,
)
from glimmer.sampling.kernels.layout import (
    COMMON,
    CONSTANTS,
    ELIMINATED,
    GROUPS,
    LEVELS,
    MEMBER,
    MEMBER_COUNT,
    MEMBER_ROWS,
    MEMBERS,
    PENALISED,
    REST,
    SMOOTH,
    TRIANGLES,
    WIDTH,
)
from glimmer.sampling.kernels.native import (
    f8,
    floats_at,
    i8,
    integers_at,
    kernel,
    shift,
    void,
)

LOG_2PI = float(np.log(2 * np.pi))


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


@kernel(
    void(
        *(f8, integers_at, floats_at, integers_at, i8, i8),
        *(floats_at, floats_at, floats_at, floats_at, floats_at),
    )
)
def _residuals(tau, integers, floats, factor, j0, n, U, v, e, rho, b):
    """E = tau U'(Z'W y - K'v), so that b = U e, and rho = Z'W(y - eta)."""
    p = factor[WIDTH]
    coupled(integers, floats, factor, j0, n, v, b)
    for r in range(p):
        copy(shift(outcome(integers, floats, factor, r), j0), shift(rho, r * TILE), n)
        add(-1.0, shift(b, r * TILE), shift(rho, r * TILE), n)
    for r in range(p):
        out = shift(e, r * TILE)
        inner(tau, lanes(U, p, 0, r), p * TILE, rho, TILE, p, 0, out, n)
    for r in range(p):
        inner(1.0, lanes(U, p, r, 0), TILE, e, TILE, p, 0, shift(b, r * TILE), n)
    for r in range(p):
        for s in range(p):
            g = shift(within(floats, factor, r, s), j0)
            add_product(-1.0, g, shift(b, s * TILE), shift(rho, r * TILE), n)


@kernel(
    f8(
        *(f8, floats_at, integers_at, i8, i8),
        *(floats_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at),
    )
)
def _score(tau, floats, factor, j0, n, R, U, H, e, rho, A, V, W):
    """A = tau (rho e' + tau HU - GUV) with V = I + tau^2 U'HU; return the sum of tr Cov(u)."""
    p = factor[WIDTH]
    transposed_times(1.0, H, U, p, n, W)
    transposed_times(tau * tau, U, W, p, n, V)
    for r in range(p):
        add_one = lanes(V, p, r, r)
        for i in range(n):
            add_one[i] += 1.0
        for c in range(p):
            a = lanes(A, p, r, c)
            put(tau * tau, lanes(W, p, r, c), a, n)
            add_product(tau, shift(rho, r * TILE), shift(e, c * TILE), a, n)
    for r in range(p):
        for c in range(p):
            u, v = lanes(U, p, r, 0), lanes(V, p, 0, c)
            inner(1.0, u, TILE, v, p * TILE, p, 0, lanes(W, p, r, c), n)
    add_within(-tau, floats, factor, j0, W, n, A)
    trace = 0.0
    for c in range(p):  # tr R'VR
        for r in range(c, p):
            v, column = lanes(V, p, r, c), lanes(R, p, c, c)
            inner(1.0, v, TILE, column, p * TILE, p - c, 0, W, n)
            trace += dot(W, lanes(R, p, r, c), n)
    return trace


@kernel(f8(floats_at, floats_at, i8, i8, floats_at))
def _squares(R, e, p, n, u):
    """Sum of u'u with u = R'e."""
    total = 0.0
    for c in range(p):
        inner(1.0, lanes(R, p, c, c), p * TILE, shift(e, c * TILE), TILE, p - c, 0, u, n)
        total += dot(u, u, n)
    return total


@kernel(
    void(
        *(f8, integers_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at, floats_at, floats_at),
    )
)
def _levels(tau, integers, floats, triangles, v, Q, gradient, sums, work):
    """Add the score of the covariance factors, and to ``sums``: u'u, tr Cov(u) and their number."""
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        step = p * p * TILE
        T, total, R = work, shift(work, p * p), shift(work, 2 * p * p)
        U, H, A, V = shift(R, step), shift(R, 2 * step), shift(R, 3 * step), shift(R, 4 * step)
        W, e = shift(R, 5 * step), shift(R, 6 * step)
        rho, b, X = shift(e, p * TILE), shift(e, 2 * p * TILE), shift(e, 3 * p * TILE)
        joint_triangle(integers, factor, triangles, T)
        fill(total, 0.0, p * p)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            roots(T, tau, floats, factor, j0, n, R, U)
            _residuals(tau, integers, floats, factor, j0, n, U, v, e, rho, b)
            quadratic(integers, floats, factor, j0, n, Q, X, H)
            sums[1] += _score(tau, floats, factor, j0, n, R, U, H, e, rho, A, V, W)
            sums[0] += _squares(R, e, p, n, W)
            add_total(A, R, p, n, total)
        sums[2] += levels * p
        add_members(integers, factor, total, gradient)


@kernel(
    void(integers_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at)
)
def _rest(integers, schur, scaled, u, v, gradient, scale_gradient, residual):
    """Add the score of the rest's covariance factors and sds; ``scaled`` is Cov(u) T'."""
    size = integers[REST]
    times(schur, size + 1, v, size, residual)
    for i in range(size):
        residual[i] = schur[size * (size + 1) + i] - residual[i]
    members = shift(integers, integers[MEMBERS])
    for m in range(integers[GROUPS]):
        start, levels, width = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 2]
        for j in range(levels):
            out = shift(gradient, members[m * MEMBER + 3])
            for r in range(width):
                a = start + j * width + r
                for c in range(r + 1):
                    b = start + j * width + c
                    pairs = dot(shift(schur, a * (size + 1)), shift(scaled, b * size), size)
                    out[r * (r + 1) // 2 + c] += residual[a] * u[b] - pairs
    for i in range(integers[SMOOTH]):
        a = integers[PENALISED] - integers[SMOOTH] + i
        pairs = dot(shift(schur, a * (size + 1)), shift(scaled, a * size), size)
        scale_gradient[i] = residual[a] * u[a] - pairs


@kernel(f8(i8, i8, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at, floats_at))
def _common(size, k, u, covariance, mean, precision, mean_gradient, gradient, sums):
    """Score of the common coefficients' priors; return their part of the log density."""
    value = 0.0
    for i in range(k):
        at, q = size - k + i, precision[i]
        off, variance = u[at] - mean[i], covariance[at * size + at]
        sums[0] += q * off * off
        sums[1] += q * variance
        mean_gradient[i] = q * off
        gradient[i] = (0.5 / q if q > 0.0 else 0.0) - 0.5 * (off * off + variance)
        value += 0.5 * (np.log(q) if q > 0.0 else LOG_2PI)
    return value


@kernel(void(*([floats_at] * 5), integers_at, *([floats_at] * 8)))
def integrated_gaussian(
    triangles, scales, sigma, mean, precision, integers, floats,
    value, gradient, scale_gradient, sigma_gradient, mean_gradient, precision_gradient, work,
):  # fmt: skip
    """Log marginal likelihood and its gradient by the first five arguments."""
    size, k, penalised = integers[REST], integers[COMMON], integers[PENALISED]
    tau, constants = 1.0 / (sigma[0] * sigma[0]), shift(floats, integers[CONSTANTS])
    fill(gradient, 0.0, integers[TRIANGLES])
    schur, L = work, shift(work, (size + 1) * (size + 1))
    scaled, Q = shift(L, size * size), shift(L, 2 * size * size)
    right, u, v = shift(Q, size * size), shift(Q, size * (size + 1)), shift(Q, size * (size + 2))
    residual, center = shift(v, size), shift(v, 2 * size)
    sums = shift(v, 3 * size)
    more = shift(sums, 3)
    for i in range(k):
        center[i] = mean[i] - constants[2 + i]
    half = eliminate(integers, floats, triangles, tau, schur, more)
    bad = condense(integers, triangles, scales, center, precision, schur, L, right, scaled)
    log_determinant = half + log_diagonal(L, size)
    solve_lower(L, right, size)
    quad = schur[(size + 1) * (size + 1) - 1] - dot(right, right, size)
    copy(right, u, size)
    solve_upper(L, u, size)
    copy(u, v, size)
    scale(integers, triangles, scales, v, 1, 0)
    inverse(L, size)
    copy(L, scaled, size * size)
    scale(integers, triangles, scales, scaled, size, 0)
    transpose(scaled, Q, size)
    scale(integers, triangles, scales, Q, size, 0)
    fill(sums, 0.0, 3)
    _levels(tau, integers, floats, triangles, v, Q, gradient, sums, more)
    _rest(integers, schur, scaled, u, v, gradient, scale_gradient, residual)
    prior = _common(size, k, u, L, center, precision, mean_gradient, precision_gradient, sums)
    sums[0] += dot(u, u, penalised)
    for i in range(penalised):
        sums[1] += L[i * size + i]
    for i in range(k):
        quad += precision[i] * center[i] * center[i]
    lost = constants[0] - size - sums[2] + sums[1] + sums[0]
    value[0] = constants[1] - constants[0] * np.log(sigma[0]) - log_determinant - 0.5 * quad + prior
    sigma_gradient[0] = (quad - lost) / sigma[0]
    if bad != 0:
        value[0] = np.nan
