"""The integrated Gaussian of a shifted response against its definition, and draws given shifts."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
import pytest
from kernel_designs import ROWS
from test_kernels_gaussian import NUMBA, PARAMETERS, PYTHON, agree, evaluate, problem

from glimmer.coordinates.coefficient_draws import draw_coefficients
from glimmer.kernels import ShiftedGaussian, cross_products
from glimmer.kernels.gaussian import reference

__all__ = ["problem"]  # a fixture
NAMES = [*PARAMETERS, "s"]


def shifts(count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Indicators of levels, and how much each shifts the response."""
    rng = np.random.default_rng(4)
    level = rng.integers(0, count + 1, ROWS)
    return (level[:, None] == np.arange(count)).astype(float), rng.normal(0, 2, count)


def shifted(blocks, values, B):
    products = cross_products(blocks, values["y"], values["weights"], shifts=B)
    return lambda *x: ShiftedGaussian()(*x, products.integers, products.floats)[0]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_shifted_is_its_definition(problem, count):
    blocks, values = problem
    B, s = shifts(count)
    values = values | {"s": s}

    def define(*x):
        response = values["y"] - B @ x[-1]
        return reference.integrated_gaussian(blocks, response, values["weights"], *x[:-1])

    theirs = evaluate(NAMES, values, define)
    agree(evaluate(NAMES, values, shifted(blocks, values, B)), theirs)


@pytest.mark.parametrize("problem", ["three factors, blocks share one"], indirect=True)
def test_compiled_and_python_agree(problem):
    blocks, values = problem
    B, s = shifts()
    values, build = values | {"s": s}, shifted(blocks, values, B)
    agree(evaluate(NAMES, values, build, NUMBA), evaluate(NAMES, values, build, PYTHON))


@pytest.mark.parametrize("every", [True, False])
def test_draws_are_those_of_the_shifted_response(problem, every):
    """Each draw has a shift of its own; without the largest factor, the rest is the same."""
    blocks, v = problem
    B, _ = shifts()
    rng = np.random.default_rng(5)
    S, normals = rng.normal(size=(3, B.shape[1])), rng.normal(size=(3, blocks.size))
    ones = np.ones((3, 1))
    given = v["triangles"] * ones, v["scales"] * ones, v["sigma"] * ones[:, 0]
    prior = v["mean"], v["precision"]
    products = cross_products(blocks, v["y"], v["weights"], shifts=B)
    out = draw_coefficients(products, *given, *prior, normals, every=every, shift=S)
    rest = slice(None) if every else products.integers[_order(products)]
    for i in range(3):
        moved = cross_products(blocks, v["y"] - B @ S[i], v["weights"])
        one = [x[i : i + 1] for x in given]
        expected = draw_coefficients(moved, *one, *prior, normals[i : i + 1], every=every)
        np.testing.assert_allclose(out[i, rest], expected[0, rest], atol=1e-9)


def _order(products) -> slice:
    from glimmer.kernels.gaussian.memory_layout import ORDER, REST

    start = products.integers[ORDER]
    return slice(start, start + products.integers[REST])


def test_shifts_do_not_change_what_is_packed_else(problem):
    blocks, v = problem
    plain = cross_products(blocks, v["y"], v["weights"])
    more = cross_products(blocks, v["y"], v["weights"], shifts=shifts()[0])
    np.testing.assert_array_equal(more.floats[: len(plain.floats)], plain.floats)


def test_a_term_that_is_a_shift_has_its_gradient():
    """Shifts may be expressions of other parameters: a monotonic effect, say."""
    rng = np.random.default_rng(6)
    x, values = rng.integers(0, 4, ROWS), {"steps": rng.uniform(0.2, 1, 3), "by": np.array(0.7)}
    B = (x[:, None] == np.arange(1, 4)).astype(float)
    blocks = reference.Blocks(np.ones((ROWS, 1)))
    y, w = rng.normal(size=ROWS), np.ones(ROWS)
    products = cross_products(blocks, y, w, shifts=B)
    fixed = np.empty(0), np.empty(0), 1.1, np.zeros(1), np.ones(1)

    def s(steps, by):
        return by * pt.cumsum(steps / pt.sum(steps))

    ours = evaluate(
        ["steps", "by"],
        values,
        lambda *p: ShiftedGaussian()(*fixed, s(*p), products.integers, products.floats)[0],
    )
    theirs = evaluate(
        ["steps", "by"],
        values,
        lambda *p: reference.integrated_gaussian(blocks, y - B @ s(*p), w, *fixed),
    )
    agree(ours, theirs)
