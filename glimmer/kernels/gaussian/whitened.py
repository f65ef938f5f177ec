"""Makes coefficients of independent standard normal coordinates z.

With P = L L' the precision of (u, beta) given the covariance parameters, b = T u, and r the working
response's side, (u, beta) = P^-1 r + L^-T z. For a fixed working precision this is an exact change
of variables whose log Jacobian is -log |L|. Notation: docs/kernels.md.
"""

from __future__ import annotations

import numpy as np

from glimmer.kernels.compile.arena import carve
from glimmer.kernels.compile.native import f8, floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.gaussian.coupling import residuals
from glimmer.kernels.gaussian.elimination import condense, eliminate, scale
from glimmer.kernels.gaussian.level_cholesky import roots
from glimmer.kernels.gaussian.memory_layout import (
    COMMON,
    CONSTANTS,
    ELIMINATED,
    LEVELS,
    MEMBER,
    MEMBER_COUNT,
    MEMBER_ROWS,
    ORDER,
    PENALISED,
    REST,
    TILE,
    WIDTH,
)
from glimmer.kernels.gaussian.work_arrays import EFFECTS, REST_OF, STATE_ARRAYS
from glimmer.kernels.vectors.algebra import copy, dot, log_diagonal, solve_lower, solve_upper
from glimmer.kernels.vectors.tiles import apply, clean, joint_triangle, record


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


@kernel(
    f8(
        *(f8, integers_at, floats_at, floats_at, floats_at, floats_at),
        *(floats_at, floats_at, floats_at),
    )
)
def effects(tau, integers, floats, triangles, v, z, coefficients, state, work):
    """Group effects b = U (e + z) of the eliminated factors; return the sum of u'u."""
    squares = 0.0
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        w = carve(work, EFFECTS, (p,))
        T, R, U, y, rho, b = w.T, w.R, w.U, w.y, w.rho, w.b
        joint_triangle(integers, factor, triangles, T)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            roots(T, tau, floats, factor, j0, n, R, U)
            clean(R, p, n)
            residuals(integers, floats, factor, j0, n, v, rho)
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


@kernel(f8(*([floats_at] * 6), integers_at, *([floats_at] * 4)))
def rest_of(
    triangles, scales, sigma, mean, precision, z, integers, floats, coefficients, state, work
):  # fmt: skip
    """Coefficients of the rest alone; return log |L| of all, not a number if there is no L.

    ``state`` keeps the Schur complement, L, the rest's mean and value in its own scale; ``work``
    begins with the rest in the model's scale, less what was taken out of the outcome.
    """
    size, k, penalised = integers[REST], integers[COMMON], integers[PENALISED]
    tau, constants = 1.0 / (sigma[0] * sigma[0]), shift(floats, integers[CONSTANTS])
    order = shift(integers, integers[ORDER])
    s, w = carve(state, STATE_ARRAYS, (size, 0)), carve(work, REST_OF, (size,))
    L, mu, u, v, center = s.L, s.mu, s.u, w.v, w.center
    for i in range(k):
        center[i] = mean[i] - constants[2 + i]
    half = eliminate(integers, floats, triangles, tau, s.schur, w.more)
    bad = condense(integers, triangles, scales, center, precision, s.schur, L, mu, w.scaled)
    solve_lower(L, mu, size)
    for i in range(size):
        u[i] = mu[i] + z[order[i]]
    solve_upper(L, mu, size)
    solve_upper(L, u, size)
    copy(u, v, size)
    scale(integers, triangles, scales, v, 1, 0)
    for i in range(size):
        coefficients[order[i]] = v[i]
    for i in range(k):
        coefficients[order[penalised + i]] += constants[2 + i]
    return half + log_diagonal(L, size) if bad == 0 else np.nan


@kernel(void(*([floats_at] * 6), integers_at, *([floats_at] * 5)))
def coefficients_of(
    triangles, scales, sigma, mean, precision, z, integers, floats,
    coefficients, density, state, work,
):  # fmt: skip
    """Coefficients, and log N(u; 0, I) + log |d(u, beta)/dz| without its constant.

    ``state`` keeps for the pullback what `rest_of` keeps, and e + z of all levels.
    """
    size, penalised = integers[REST], integers[PENALISED]
    log_determinant = rest_of(
        triangles, scales, sigma, mean, precision, z, integers, floats, coefficients, state, work
    )
    s, w = carve(state, STATE_ARRAYS, (size, 0)), carve(work, REST_OF, (size,))
    tau = 1.0 / (sigma[0] * sigma[0])
    squares = effects(tau, integers, floats, triangles, w.v, z, coefficients, s.levels, w.more)
    density[0] = -0.5 * (squares + dot(s.u, s.u, penalised)) - log_determinant
