"""Evaluates linear predictor and likelihood, row by row in blocks that stay in the cache.

The likelihood of a block is a function that is called by its address: a family's own, see
`RowKernel`. What is here knows no family. Quantities per row: docs/kernels.md.
"""

from __future__ import annotations

from glimmer.kernels.compile.arena import Arena, carve
from glimmer.kernels.compile.native import f8, floats_at, i8, integers_at, kernel, shift, void
from glimmer.kernels.compile.slots import caller
from glimmer.kernels.rows.densities import BLOCK, IN_ETA, WITHOUT_ETA
from glimmer.kernels.vectors.algebra import add, copy, dot, fill

_in_eta, _without_eta = caller(IN_ETA), caller(WITHOUT_ETA)
(
    ROWS,
    SIZE,
    COLUMNS,  # how many columns are kept row by row
    COLUMN_PLACES,  # their coefficients
    DENSE_COLUMNS,
    SHARED,  # how many columns are constant within the levels of a group
    SHARED_RECORDS,
    GROUP_COUNT,
    OFFSET,
    ORDER,  # places of the rows before they were sorted; -1 if they were not
    OUTCOME,  # the columns that a family folds its outcome into
    CONSTANTS,
    PARAMETERS,  # how many auxiliary parameters there are
) = range(13)
HEADER = 13
BLOCK_WORK = 2 * BLOCK
ROW_ARRAYS = Arena(lambda size: {"eta": BLOCK, "score": BLOCK, "block": BLOCK_WORK, "shared": size})
RECORD = 5  # width, first coefficient, index, covariates (-1 for ones), first rows (-1 if unsorted)
SHARED_RECORD = 4  # coefficient, first coefficient of the group, its levels, value by level


@kernel(void(integers_at, floats_at, floats_at, floats_at))
def share(integers, floats, coefficients, shared):
    """Add to the effects of groups what columns that are constant within levels contribute."""
    copy(coefficients, shared, integers[SIZE])
    for s in range(integers[SHARED]):
        record = shift(integers, integers[SHARED_RECORDS] + SHARED_RECORD * s)
        values, effects = shift(floats, record[3]), shift(shared, record[1])
        add(coefficients[record[0]], values, effects, record[2])


@kernel(void(integers_at, floats_at, floats_at))
def share_pullback(integers, floats, gradient):
    """Gradient by the coefficients of columns that are constant within levels."""
    for s in range(integers[SHARED]):
        record = shift(integers, integers[SHARED_RECORDS] + SHARED_RECORD * s)
        effects = shift(gradient, record[1])
        gradient[record[0]] += dot(shift(floats, record[3]), effects, record[2])


@kernel(void(integers_at, floats_at, floats_at, i8, i8, floats_at))
def predict(integers, floats, shared, i0, n, eta):
    """The linear predictor of rows i0 .. i0 + n, from what `share` gives."""
    rows = integers[ROWS]
    copy(shift(floats, integers[OFFSET] + i0), eta, n)
    for c in range(integers[COLUMNS]):
        column = shift(floats, integers[DENSE_COLUMNS] + c * rows + i0)
        add(shared[integers[integers[COLUMN_PLACES] + c]], column, eta, n)
    for g in range(integers[GROUP_COUNT]):
        record = shift(integers, HEADER + RECORD * g)
        p, index, b = record[0], shift(integers, record[2] + i0), shift(shared, record[1])
        if record[3] < 0:
            for i in range(n):
                eta[i] += b[index[i]]
        else:
            for r in range(p):
                z = shift(floats, record[3] + r * rows + i0)
                for i in range(n):
                    eta[i] += z[i] * b[index[i] * p + r]


@kernel(void(integers_at, i8, i8, i8, floats_at, floats_at))
def _collect_sorted(first, level, i0, n, score, b):
    """B[level] += sum of the scores of its rows, for rows i0 .. i0 + n sorted by level."""
    i = 0
    while i < n:
        end, total = min(first[level + 1] - i0, n), 0.0
        for k in range(i, end):
            total += score[k]
        b[level] += total
        i, level = end, level + 1


@kernel(void(integers_at, floats_at, floats_at, i8, i8, floats_at))
def collect(integers, floats, score, i0, n, gradient):
    """Gradient += transposed design times the score of rows i0 .. i0 + n, before `share`."""
    rows = integers[ROWS]
    for c in range(integers[COLUMNS]):
        column = shift(floats, integers[DENSE_COLUMNS] + c * rows + i0)
        gradient[integers[integers[COLUMN_PLACES] + c]] += dot(column, score, n)
    for g in range(integers[GROUP_COUNT]):
        record = shift(integers, HEADER + RECORD * g)
        p, index, b = record[0], shift(integers, record[2] + i0), shift(gradient, record[1])
        if record[4] >= 0:
            _collect_sorted(shift(integers, record[4]), index[0], i0, n, score, b)
        elif record[3] < 0:
            for i in range(n):
                b[index[i]] += score[i]
        else:
            for r in range(p):
                z = shift(floats, record[3] + r * rows + i0)
                for i in range(n):
                    b[index[i] * p + r] += z[i] * score[i]


@kernel(
    f8(integers_at, floats_at, i8, floats_at, i8, i8, floats_at, floats_at, floats_at, floats_at)
)
def _block(integers, floats, in_eta, aux, i0, n, eta, score, by_aux, work):
    """Log likelihood of rows i0 .. i0 + n, and its derivatives by eta and the auxiliaries."""
    columns = shift(floats, integers[OUTCOME] + i0)
    constants = shift(floats, integers[CONSTANTS])
    return _in_eta(in_eta, (eta, columns, integers[ROWS], n, constants, aux, score, by_aux, work))


@kernel(f8(integers_at, floats_at, i8, floats_at, floats_at))
def _once(integers, floats, without_eta, aux, by_aux):
    """The terms that no row's eta enters; all derivatives by the auxiliaries begin with theirs."""
    fill(by_aux, 0.0, integers[PARAMETERS])
    return _without_eta(without_eta, (shift(floats, integers[CONSTANTS]), aux, by_aux))


@kernel(void(floats_at, floats_at, integers_at, floats_at, i8, i8, *([floats_at] * 4)))
def eta_density(eta, aux, integers, floats, in_eta, without_eta, value, score, by_aux, work):
    """Log likelihood of a linear predictor with its gradient."""
    value[0] = _once(integers, floats, without_eta, aux, by_aux)
    rows = integers[ROWS]
    for block in range((rows + BLOCK - 1) // BLOCK):
        i0 = block * BLOCK
        n = min(BLOCK, rows - i0)
        value[0] += _block(
            integers, floats, in_eta, aux, i0, n, shift(eta, i0), shift(score, i0), by_aux, work
        )


@kernel(void(integers_at, i8, i8, floats_at, floats_at))
def _add_moves(integers, i0, n, moves, eta):
    """Eta += moves, which are in the order that the rows had before they were sorted."""
    if integers[ORDER] < 0:
        add(1.0, shift(moves, i0), eta, n)
    else:
        place = shift(integers, integers[ORDER] + i0)
        for i in range(n):
            eta[i] += moves[place[i]]


@kernel(void(integers_at, i8, i8, floats_at, floats_at))
def _by_moves(integers, i0, n, score, by_moves):
    """The derivatives by the moves."""
    if integers[ORDER] < 0:
        copy(score, shift(by_moves, i0), n)
    else:
        place = shift(integers, integers[ORDER] + i0)
        for i in range(n):
            by_moves[place[i]] = score[i]


@kernel(void(*([floats_at] * 3), integers_at, floats_at, i8, i8, i8, *([floats_at] * 5)))
def row_density(
    coefficients, aux, moves, integers, floats, in_eta, without_eta, moved,
    value, gradient, by_aux, by_moves, work,
):  # fmt: skip
    """Log likelihood of coefficients with its gradient.

    Unless ``moved`` is zero, the rows' linear predictors are shifted by ``moves``.
    """
    value[0] = _once(integers, floats, without_eta, aux, by_aux)
    fill(gradient, 0.0, integers[SIZE])
    w, rows = carve(work, ROW_ARRAYS, (integers[SIZE],)), integers[ROWS]
    eta, score, shared = w.eta, w.score, w.shared
    share(integers, floats, coefficients, shared)
    for block in range((rows + BLOCK - 1) // BLOCK):
        i0 = block * BLOCK
        n = min(BLOCK, rows - i0)
        predict(integers, floats, shared, i0, n, eta)
        if moved != 0:
            _add_moves(integers, i0, n, moves, eta)
        value[0] += _block(integers, floats, in_eta, aux, i0, n, eta, score, by_aux, w.block)
        collect(integers, floats, score, i0, n, gradient)
        if moved != 0:
            _by_moves(integers, i0, n, score, by_moves)
    share_pullback(integers, floats, gradient)


@kernel(void(floats_at, integers_at, floats_at, floats_at, floats_at))
def all_rows(coefficients, integers, floats, eta, shared):
    """The linear predictor of all rows."""
    share(integers, floats, coefficients, shared)
    predict(integers, floats, shared, 0, integers[ROWS], eta)


@kernel(void(floats_at, integers_at, floats_at, floats_at))
def all_rows_pullback(score, integers, floats, gradient):
    """Gradient by the coefficients from the cotangents of all rows."""
    fill(gradient, 0.0, integers[SIZE])
    collect(integers, floats, score, 0, integers[ROWS], gradient)
    share_pullback(integers, floats, gradient)
