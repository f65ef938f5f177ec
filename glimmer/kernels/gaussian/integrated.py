"""Integrates all coefficients out of a Gaussian likelihood, value and gradient together.

The gradient follows from Fisher's identity: it is the posterior expectation of the complete-data
score, for which the posterior means and the diagonal blocks of the posterior covariance are enough.
Notation and derivation: docs/kernels.md.
"""

from __future__ import annotations

import numpy as np

from glimmer.kernels.compile.arena import carve
from glimmer.kernels.compile.native import f8, floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.gaussian.coupling import quadratic, residuals
from glimmer.kernels.gaussian.elimination import condense, eliminate, scale
from glimmer.kernels.gaussian.level_score import add_score
from glimmer.kernels.gaussian.memory_layout import (
    COMMON,
    CONSTANTS,
    ELIMINATED,
    GROUPS,
    LEVELS,
    MEMBER,
    MEMBERS,
    PENALISED,
    REST,
    SMOOTH,
    TILE,
    TRIANGLES,
    WIDTH,
)
from glimmer.kernels.gaussian.work_arrays import INTEGRATED, LEVEL_SCORES
from glimmer.kernels.vectors.algebra import (
    copy,
    dot,
    fill,
    inverse,
    log_diagonal,
    solve_lower,
    solve_upper,
    times,
    transpose,
)
from glimmer.kernels.vectors.tiles import add_members, joint_triangle, record

LOG_2PI = float(np.log(2 * np.pi))


@kernel(void(f8, integers_at, *([floats_at] * 6)))
def _levels(tau, integers, floats, triangles, v, Q, gradient, work):
    """Add the score of the covariance factors of all levels."""
    for f in range(integers[ELIMINATED]):
        factor = record(integers, f)
        levels, p = factor[LEVELS], factor[WIDTH]
        w = carve(work, LEVEL_SCORES, (p,))
        joint_triangle(integers, factor, triangles, w.T)
        fill(w.total, 0.0, p * p)
        for tile in range((levels + TILE - 1) // TILE):
            j0 = tile * TILE
            n = min(TILE, levels - j0)
            residuals(integers, floats, factor, j0, n, v, w.rho)
            quadratic(integers, floats, factor, j0, n, Q, w.more, w.H)
            add_score(w.T, tau, floats, factor, j0, n, w.rho, w.H, w.total, w.more)
        add_members(integers, factor, w.total, gradient)


@kernel(void(integers_at, *([floats_at] * 8)))
def _rest(integers, schur, scaled, covariance, u, v, gradient, scale_gradient, residual):
    """Add the score of the rest's covariance factors and sds; ``scaled`` is S T."""
    size = integers[REST]
    times(schur, size + 1, v, size, residual)
    for i in range(size):
        residual[i] = schur[size * (size + 1) + i] - residual[i]
    for m in range(integers[GROUPS]):
        group = shift(integers, integers[MEMBERS] + MEMBER * m)
        start, levels, width, out = group[0], group[1], group[2], shift(gradient, group[3])
        for j in range(levels):
            for r in range(width):
                for c in range(r + 1):
                    a, b = start + j * width + r, start + j * width + c
                    pairs = dot(shift(scaled, a * size), shift(covariance, b * size), size)
                    out[r * (r + 1) // 2 + c] += residual[a] * u[b] - pairs
    for i in range(integers[SMOOTH]):
        a = integers[PENALISED] - integers[SMOOTH] + i
        pairs = dot(shift(scaled, a * size), shift(covariance, a * size), size)
        scale_gradient[i] = residual[a] * u[a] - pairs


@kernel(f8(i8, i8, *([floats_at] * 7)))
def _common(size, k, u, covariance, mean, precision, mean_gradient, gradient, squares):
    """Score of the common coefficients' priors; return their part of the log density.

    Their expected squares are added to ``squares``.
    """
    value = 0.0
    for i in range(k):
        at, q = size - k + i, precision[i]
        off = u[at] - mean[i]
        square = off * off + covariance[at * size + at]
        squares[0] += q * square
        mean_gradient[i] = q * off
        gradient[i] = (0.5 / q if q > 0.0 else 0.0) - 0.5 * square
        value += 0.5 * (np.log(q) if q > 0.0 else LOG_2PI)
    return value


@kernel(void(*([floats_at] * 5), integers_at, *([floats_at] * 8)))
def integrated_gaussian(
    triangles, scales, sigma, mean, precision, integers, floats,
    value, gradient, scale_gradient, sigma_gradient, mean_gradient, precision_gradient, work,
):  # fmt: skip
    """Log marginal likelihood and its gradient by the first five arguments.

    The expected residual sum of squares is what the prior leaves of the least sum ``quad``. For u
    with a standard normal prior, E[u'u] = dim(u) + E[u' d/du log likelihood], by parts, and the
    last is the score of the covariance factors times themselves.
    """
    size, k = integers[REST], integers[COMMON]
    tau, constants = 1.0 / (sigma[0] * sigma[0]), shift(floats, integers[CONSTANTS])
    fill(gradient, 0.0, integers[TRIANGLES])
    w = carve(work, INTEGRATED, (size,))
    schur, L, Q, right, u, v, center = w.schur, w.L, w.Q, w.right, w.u, w.v, w.center
    for i in range(k):
        center[i] = mean[i] - constants[2 + i]
    half = eliminate(integers, floats, triangles, tau, schur, w.more)
    bad = condense(integers, triangles, scales, center, precision, schur, L, right, w.scaled)
    log_determinant = half + log_diagonal(L, size)
    solve_lower(L, right, size)
    quad = schur[(size + 1) * (size + 1) - 1] - dot(right, right, size)
    copy(right, u, size)
    solve_upper(L, u, size)
    copy(u, v, size)
    scale(integers, triangles, scales, v, 1, 0)
    inverse(L, size)
    copy(L, Q, size * size)
    scale(integers, triangles, scales, Q, size, 0)
    transpose(Q, size)
    scale(integers, triangles, scales, Q, size, 0)
    _levels(tau, integers, floats, triangles, v, Q, gradient, w.more)
    _rest(integers, schur, w.scaled, L, u, v, gradient, scale_gradient, w.residual)
    w.squares[0] = dot(triangles, gradient, integers[TRIANGLES])
    w.squares[0] += dot(scales, scale_gradient, integers[SMOOTH])
    prior = _common(size, k, u, L, center, precision, mean_gradient, precision_gradient, w.squares)
    for i in range(k):
        quad += precision[i] * center[i] * center[i]
    value[0] = constants[1] - constants[0] * np.log(sigma[0]) - log_determinant - 0.5 * quad + prior
    sigma_gradient[0] = (quad - constants[0] + k - w.squares[0]) / sigma[0]
    if bad != 0:
        value[0] = np.nan
