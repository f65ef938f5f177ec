"""No kernel writes outside its outputs and work arrays: sentinels before and behind each."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_designs import DESIGNS, ROWS, problem_of

from glimmer.families import FAMILIES
from glimmer.kernels import (
    EtaDensity,
    IntegratedGaussian,
    Predictor,
    RowDensity,
    ShiftedGaussian,
    Whiten,
    cross_products,
    pack_rows,
)
from glimmer.kernels.compile.native import addresses
from glimmer.kernels.gaussian.memory_layout import COEFFICIENTS, SHIFT_PLACE, STATE, WORK
from glimmer.kernels.gaussian.shifted import move_response
from glimmer.kernels.gaussian.whitened import coefficients_of, rest_of
from glimmer.kernels.ops.mixed import MixedPullback, MixedTriangle
from glimmer.kernels.ops.rows import PredictorPullback
from glimmer.kernels.ops.whitened import WhitenPullback

GUARD, SENTINEL = 1 << 16, -1.2345678901234567e89
MORE = {
    "eight effects": ([("a", 5, 8)], 0, 2),
    "eight effects, tiles": ([("a", 200, 8)], 3, 1),
    "five effects, sparse and dense": ([("a", 150, 5), ("b", 30, 2), ("c", 3, 4)], 2, 3),
    "mixed": ([("a", 129, 2), ("b", 60, 1), ("c", 2, 8), ("d", 1, 2)], 4, 3),
}
EVERY = DESIGNS | MORE


class Guarded:
    """An array between sentinels, which it is filled with too."""

    def __init__(self, like: np.ndarray) -> None:
        self.all = np.full(like.size + 2 * GUARD, SENTINEL)
        self.own = self.all[GUARD : GUARD + like.size].reshape(like.shape)

    def used(self) -> float:
        """Up to where the array was written; fails if anything was written beyond."""
        assert np.all(self.all[:GUARD] == SENTINEL) and np.all(self.all[-GUARD:] == SENTINEL)
        written = np.flatnonzero(self.own.ravel() != SENTINEL)
        return (written[-1] + 1) / self.own.size if written.size else 0.0


def run(kernel, inputs, outputs, functions=()) -> tuple[list[np.ndarray], float]:
    """Outputs of a kernel, and the share of its last array, the work space, that it used."""
    inputs = [np.ascontiguousarray(x) for x in inputs]
    before = [x.copy() for x in inputs]
    guarded = [Guarded(x) for x in outputs]
    kernel.python(*addresses(*inputs), *functions, *addresses(*(g.own for g in guarded)))
    shares = [g.used() for g in guarded]
    assert all(np.array_equal(x, b) for x, b in zip(inputs, before, strict=True))
    return [g.own for g in guarded], shares[-1]


def run_op(op, *inputs) -> tuple[list[np.ndarray], float]:
    arrays = [np.ascontiguousarray(x) for x in inputs]
    return run(op.kernel, arrays, op.allocate(*arrays), op.functions(*arrays))


@pytest.mark.parametrize("name", EVERY)
def test_gaussian_kernels(name):
    blocks, v = problem_of(*EVERY[name])
    B = np.random.default_rng(1).normal(size=(ROWS, 3))
    products = cross_products(blocks, v["y"], v["weights"], shifts=B)
    header, data = products.integers, (products.integers, products.floats)
    parameters = [v[n] for n in ("triangles", "scales", "sigma", "mean", "precision")]
    used = {"integrated": run_op(IntegratedGaussian(), *parameters, *data)[1]}
    used["shifted"] = run_op(ShiftedGaussian(), *parameters, B[0], *data)[1]
    (_, _, state, _), used["whitened"] = run_op(Whiten(), *parameters, v["z"], *data)
    given = *parameters[:2], *parameters[3:], v["z"], state, v["by_coefficients"], np.array(0.7)
    used["pullback"] = run_op(WhitenPullback(), *given, *data)[1]
    empty = [np.empty(header[place]) for place in (COEFFICIENTS, STATE, WORK)]
    _, used["rest"] = run(rest_of, [*parameters, v["z"], *data], empty)
    draw = [empty[0], np.empty(()), *empty[1:]]
    _, used["draws"] = run(coefficients_of, [*parameters, v["z"], *data], draw)
    moved = np.empty(header[SHIFT_PLACE]), empty[0]
    run(move_response, [B[0], *data], moved)
    for kernel, share in used.items():
        print(f"{kernel}: {share:.3f} of its work space used")
        assert 0.0 < share <= 1.0


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("sort", [False, True])
def test_row_kernels(name, sort):
    blocks, v = problem_of(*EVERY[name])
    families = [f.with_link(link) for f in FAMILIES.values() for link in f.kernels]
    y = np.random.default_rng(2).integers(0, 2, ROWS).astype(float)
    for family in families:
        kernel = family.row_kernel
        outcome = y + 0.5 if family.name == "Gamma" else y
        rows = pack_rows(blocks, kernel, outcome, sort=sort)
        aux, data = np.full(len(kernel.aux), 1.3), (rows.integers, rows.floats)
        for moves in (np.empty(0), v["y"]):
            run_op(RowDensity(kernel), 0.1 * v["z"], aux, moves, *data)
        run_op(EtaDensity(kernel), v["y"] - 3, aux, *data)
    run_op(Predictor(), v["z"], *data)
    run_op(PredictorPullback(), v["y"], *data)


@pytest.mark.parametrize("q", [1, 2, 7])
def test_mixed_penalties(q):
    shares, sds = np.stack([np.eye(q), np.diag(np.arange(q) + 1.0)]), np.array([0.5, 2.0])
    data = np.array([2, q], np.int32), shares
    (triangle, _), used = run_op(MixedTriangle(), sds, *data)
    assert used == 1.0
    assert run_op(MixedPullback(), sds, triangle, np.ones_like(triangle), *data)[1] == 1.0
