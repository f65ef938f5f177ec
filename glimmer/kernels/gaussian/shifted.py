"""Shifts the response by parameters, y - B s with known columns B, and integrates as before.

Of A'W(y - B s) = A'Wy - (A'WB) s, and of (y - B s)'W(y - B s) likewise, all that s changes is one
column of the cross-products: the cost does not depend on the rows. The derivative of the log
likelihood by s is the posterior mean of that of the density given the coefficients,
B'W(y - B s - A bhat) / sigma^2 with bhat the coefficients' posterior mean.
Notation: docs/kernels.md.
"""

from __future__ import annotations

from glimmer.kernels.compile.arena import carve
from glimmer.kernels.compile.native import floats_at, integers_at, kernel, shift, void
from glimmer.kernels.gaussian.coupling import dense
from glimmer.kernels.gaussian.integrated import integrated_gaussian
from glimmer.kernels.gaussian.memory_layout import (
    COEFFICIENTS,
    CORNER,
    ELIMINATED,
    LEVELS,
    LINKED,
    MEMBER,
    MEMBER_COUNT,
    MEMBER_ROWS,
    ORDER,
    REST,
    SHIFT_PLACE,
    SHIFTS,
    SPARSE,
)
from glimmer.kernels.gaussian.whitened import effects
from glimmer.kernels.gaussian.work_arrays import INTEGRATED, SHIFTED
from glimmer.kernels.vectors.algebra import add, copy, dot, fill
from glimmer.kernels.vectors.tiles import record


@kernel(void(integers_at, integers_at, floats_at, floats_at))
def _move_levels(integers, factor, change, moved):
    """Z'Wy of a factor's levels, less its share of the change."""
    column = integers[REST] - integers[SPARSE] if factor[LINKED] != 0 else 0
    members = shift(integers, factor[MEMBER_ROWS])
    for m in range(factor[MEMBER_COUNT]):
        start, width, at = members[m * MEMBER], members[m * MEMBER + 1], members[m * MEMBER + 3]
        for r in range(width):
            y = dense(moved, factor, column, start + r)
            for j in range(factor[LEVELS]):
                y[j] -= change[at + j * width + r]


@kernel(void(floats_at, integers_at, floats_at, floats_at, floats_at))
def move_response(s, integers, floats, moved, change):
    """Copy cross-products with y - B s in place of y; ``change`` becomes A'WB s."""
    count, coefficients, size = integers[SHIFTS], integers[COEFFICIENTS], integers[REST]
    AWB = shift(floats, integers[SHIFT_PLACE])
    BWy = shift(AWB, count * coefficients)
    BWB, order = shift(BWy, count), shift(integers, integers[ORDER])
    copy(floats, moved, integers[SHIFT_PLACE])
    fill(change, 0.0, coefficients)
    for k in range(count):
        add(s[k], shift(AWB, k * coefficients), change, coefficients)
    outcome = shift(moved, integers[CORNER] + size * (size + 1))
    for i in range(size):
        outcome[i] -= change[order[i]]
    for k in range(count):
        outcome[size] += s[k] * (dot(shift(BWB, k * count), s, count) - 2.0 * BWy[k])
    for f in range(integers[ELIMINATED]):
        _move_levels(integers, record(integers, f), change, moved)


@kernel(void(*([floats_at] * 6), integers_at, *([floats_at] * 9)))
def shifted_gaussian(
    triangles, scales, sigma, mean, precision, s, integers, floats,
    value, gradient, scale_gradient, sigma_gradient, mean_gradient, precision_gradient,
    shift_gradient, work,
):  # fmt: skip
    """`integrated_gaussian` of y - B s, with its gradient by s too."""
    size, count, coefficients = integers[REST], integers[SHIFTS], integers[COEFFICIENTS]
    place, order = integers[SHIFT_PLACE], shift(integers, integers[ORDER])
    w = carve(work, SHIFTED, (place, coefficients, coefficients - size))
    move_response(s, integers, floats, w.moved, w.change)
    integrated_gaussian(
        triangles, scales, sigma, mean, precision, integers, w.moved,
        value, gradient, scale_gradient, sigma_gradient, mean_gradient, precision_gradient, w.more,
    )  # fmt: skip
    inside = carve(w.more, INTEGRATED, (size,))
    tau, v = 1.0 / (sigma[0] * sigma[0]), inside.v
    fill(w.zeros, 0.0, coefficients)
    effects(tau, integers, w.moved, triangles, v, w.zeros, w.bhat, w.levels, inside.more)
    for i in range(size):
        w.bhat[order[i]] = v[i]
    AWB = shift(floats, place)
    BWy = shift(AWB, count * coefficients)
    BWB = shift(BWy, count)
    for k in range(count):
        fitted = dot(shift(AWB, k * coefficients), w.bhat, coefficients)
        fitted += dot(shift(BWB, k * count), s, count)
        shift_gradient[k] = tau * (BWy[k] - fitted)
