"""Adds up cross-products row by row."""

from __future__ import annotations

from glimmer.kernels.compile.native import floats_at, i8, indices_at, kernel, shift, void


@kernel(void(i8, i8, indices_at, floats_at, floats_at, i8, floats_at))
def add_corner(rows, columns, where, values, weights, size, corner):
    """Lower triangle of corner += V'WV for rows V with values at columns ``where``."""
    for i in range(rows):
        v, w = shift(values, i * columns), shift(where, i * columns)
        for a in range(columns):
            scaled = weights[i] * v[a]
            if scaled != 0.0:
                for b in range(a + 1):
                    corner[max(w[a], w[b]) * size + min(w[a], w[b])] += scaled * v[b]


@kernel(void(i8, i8, i8, indices_at, floats_at, floats_at, floats_at))
def add_within(rows, p, levels, level, z, weights, within):
    """Take up Z'WZ by level, the levels running fastest."""
    for i in range(rows):
        at = level[i]
        for r in range(p):
            for s in range(r + 1):
                within[at] += weights[i] * z[i * p + r] * z[i * p + s]
                at += levels


@kernel(
    void(
        *(i8, i8, i8, i8, i8, indices_at, floats_at, floats_at),
        *(i8, floats_at, indices_at, floats_at),
    )
)
def add_dense(rows, p, levels, first, last, level, z, weights, columns, values, where, dense):
    """Take up the coupling with columns ``first`` to ``last`` of the values."""
    for i in range(rows):
        for a in range(first, last):
            value = weights[i] * values[i * columns + a]
            at = where[i * columns + a] * p * levels + level[i]
            if value != 0.0:
                for r in range(p):
                    dense[at + r * levels] += value * z[i * p + r]


@kernel(void(i8, i8, i8, floats_at, floats_at, i8, floats_at, indices_at, floats_at))
def add_sparse(rows, p, count, z, weights, columns, values, place, coupling):
    """Take up the nonzeros of the coupling with the first ``count`` columns of the values."""
    for i in range(rows):
        for a in range(count):
            for r in range(p):
                out = place[i * count + a] * p + r
                coupling[out] += weights[i] * values[i * columns + a] * z[i * p + r]
