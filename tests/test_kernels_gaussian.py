"""The integrated Gaussian likelihood and the whitening against their definitions."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from kernel_designs import DESIGNS, ROWS, problem_of
from pytensor.compile.mode import Mode
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from glimmer.coordinates.coefficient_draws import draw_coefficients
from glimmer.kernels import Blocks, Group, IntegratedGaussian, Whiten, cross_products
from glimmer.kernels.gaussian import reference
from glimmer.kernels.gaussian.memory_layout import REST, SPARSE

PYTHON, NUMBA = Mode("py", "fast_compile"), "NUMBA"


@pytest.fixture(params=DESIGNS, scope="module")
def problem(request: pytest.FixtureRequest) -> tuple[Blocks, dict[str, np.ndarray]]:
    """Blocks, and everything else at random."""
    return problem_of(*DESIGNS[request.param], seed=list(DESIGNS).index(request.param))


def covariance_factor(blocks: Blocks, values: dict[str, np.ndarray]) -> np.ndarray:
    """Block-diagonal T of all coefficients, ones for the common."""
    parts, rest = [], values["triangles"]
    for g in blocks.groups:
        T = np.zeros((g.width, g.width))
        count = g.width * (g.width + 1) // 2
        T[np.tril_indices(g.width)], rest = rest[:count], rest[count:]
        parts += [T] * g.levels
    parts.append(np.diag(np.r_[values["scales"], np.ones(blocks.X.shape[1])]))
    return block_diag(*parts)


PARAMETERS = ["triangles", "scales", "sigma", "mean", "precision"]


def evaluate(names: list[str], values: dict[str, np.ndarray], build, mode=PYTHON):
    """Value of ``build(*variables)`` and its gradient by each variable."""
    variables = [pt.tensor(dtype="float64", shape=values[n].shape, name=n) for n in names]
    value = build(*variables)
    gradients = pt.grad(value, variables, disconnected_inputs="ignore")
    f = pytensor.function(variables, [value, *gradients], mode=mode, on_unused_input="ignore")
    return f(*(values[n] for n in names))


def agree(ours, theirs, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-10, atol=1e-10)
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(
            a, b, rtol=tolerance, atol=tolerance * (1 + np.abs(b).max(initial=0))
        )


def integrated(blocks: Blocks, values: dict[str, np.ndarray]):
    products = cross_products(blocks, values["y"], values["weights"])
    return lambda *x: IntegratedGaussian()(*x, products.integers, products.floats)[0]


def test_integrated_is_its_definition(problem):
    blocks, values = problem
    y, w = values["y"], values["weights"]
    theirs = evaluate(
        PARAMETERS, values, lambda *x: reference.integrated_gaussian(blocks, y, w, *x)
    )
    agree(evaluate(PARAMETERS, values, integrated(blocks, values)), theirs)


def test_flat_prior(problem):
    blocks, values = problem
    flat = values["precision"].copy()
    flat[:1] = 0.0
    values = values | {"precision": flat}
    y, w, q = values["y"], values["weights"], values["precision"]
    ours = evaluate(PARAMETERS, values, integrated(blocks, values))
    theirs = evaluate(
        PARAMETERS[:4],
        values,
        lambda *x: reference.integrated_gaussian(blocks, y, w, *x, q),
    )
    agree(ours[:5], theirs)


def test_integrated_is_a_multivariate_normal(problem):
    blocks, v = problem
    T = covariance_factor(blocks, v)
    k = v["mean"].size
    prior = np.r_[np.ones(blocks.size - k), 1 / v["precision"]]
    A = reference.design(blocks)
    covariance = A @ T @ np.diag(prior) @ T.T @ A.T + np.diag(v["sigma"] ** 2 / v["weights"])
    center = blocks.offset + A @ np.r_[np.zeros(blocks.size - k), v["mean"]]
    ours = evaluate(PARAMETERS, v, integrated(blocks, v))[0]
    assert ours == pytest.approx(multivariate_normal(center, covariance).logpdf(v["y"]), rel=1e-10)


def test_sds_of_zero(problem):
    """With all covariance factors zero the groups drop out, and the gradient is finite."""
    blocks, values = problem
    none = values | {n: np.zeros_like(values[n]) for n in ("triangles", "scales")}
    ours = evaluate(PARAMETERS, none, integrated(blocks, values))
    plain = Blocks(blocks.X, offset=blocks.offset)
    less = none | {n: np.empty(0) for n in ("triangles", "scales")}
    theirs = evaluate(PARAMETERS, less, integrated(plain, values))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-10)
    assert all(np.isfinite(g).all() for g in ours)


def test_a_large_mean_costs_no_digits(problem):
    blocks, values = problem
    near = evaluate(PARAMETERS, values, integrated(blocks, values))
    mean = values["mean"].copy()
    mean[:1] += 1e6
    moved = values | {"y": values["y"] + 1e6 * bool(mean.size), "mean": mean}
    far = evaluate(PARAMETERS, moved, integrated(blocks, moved))
    assert far[0] == pytest.approx(near[0], rel=1e-8)


WHITENED = ["triangles", "scales", "mean", "precision", "z"]


def whitened(blocks: Blocks, values: dict[str, np.ndarray], by_density: float = 0.7):
    products = cross_products(blocks, values["y"], values["weights"], center=False)

    def build(triangles, scales, mean, precision, z):
        inputs = triangles, scales, 1.0, mean, precision, z
        c, density, _ = Whiten()(*inputs, products.integers, products.floats)
        return pt.sum(values["by_coefficients"] * c) + by_density * density

    return build


def test_whitening_is_its_definition(problem):
    blocks, values = problem

    def define(*x):
        c, density = reference.whiten(blocks, values["y"], values["weights"], *x)
        return pt.sum(values["by_coefficients"] * c) + 0.7 * density

    theirs = evaluate(WHITENED, values, define)
    agree(evaluate(WHITENED, values, whitened(blocks, values)), theirs, 1e-8)


def test_jacobian(problem):
    """The density that `Whiten` gives is that of u, times the determinant of d(u, beta)/dz."""
    blocks, v = problem
    products = cross_products(blocks, v["y"], v["weights"], center=False)
    names = ["triangles", "scales", "sigma", "mean", "precision"]
    fixed = [v[n] if n != "sigma" else np.array(1.0) for n in names]

    def run(z):
        storage = [[None], [None], [None]]
        Whiten().perform(None, [*fixed, z, products.integers, products.floats], storage)
        return storage[0][0], storage[1][0]

    start, density = run(v["z"])
    columns = [run(v["z"] + e)[0] - start for e in np.eye(blocks.size)]
    T = covariance_factor(blocks, v)
    u = np.linalg.solve(T, start)[: blocks.size - v["mean"].size]
    jacobian = np.linalg.slogdet(np.linalg.solve(T, np.array(columns).T))[1]
    assert density == pytest.approx(jacobian - 0.5 * u @ u, rel=1e-8)


def test_draws_have_mean_and_covariance(problem):
    blocks, v = problem
    products = cross_products(blocks, v["y"], v["weights"])
    k, size = v["mean"].size, blocks.size
    A = reference.design(blocks)
    T = covariance_factor(blocks, v)
    prior = T @ np.diag(np.r_[np.ones(size - k), 1 / v["precision"]]) @ T.T
    center = np.r_[np.zeros(size - k), v["mean"]]
    S = A @ prior @ A.T + np.diag(v["sigma"] ** 2 / v["weights"])
    gain = prior @ A.T @ np.linalg.inv(S)
    normals = np.r_[np.zeros((1, size)), np.eye(size)]
    ones = np.ones((size + 1, 1))
    parameters = v["triangles"] * ones, v["scales"] * ones, v["sigma"] * ones[:, 0]
    drawn = draw_coefficients(products, *parameters, v["mean"], v["precision"], normals)
    mean = center + gain @ (v["y"] - blocks.offset - A @ center)
    np.testing.assert_allclose(drawn[0], mean, atol=1e-9)
    root = drawn[1:] - drawn[0]
    np.testing.assert_allclose(root.T @ root, prior - gain @ A @ prior, atol=1e-9)


def test_a_second_factor_apart():
    """With factors decoupled the map is another one, and still its own inverse's Jacobian."""
    rng = np.random.default_rng(5)
    z = np.ones((ROWS, 1))
    blocks = Blocks(
        np.ones((ROWS, 1)),
        (Group(rng.integers(0, 30, ROWS), 30, z, "a"), Group(rng.integers(0, 9, ROWS), 9, z, "b")),
    )
    y, mode = rng.normal(size=ROWS), rng.normal(size=blocks.size)
    products = cross_products(blocks, y, center=False, decoupled=mode)
    coupled = cross_products(blocks, y, center=False)
    assert products.integers[REST] == 1 and coupled.integers[REST] == 10
    values = {
        "triangles": np.array([0.8, 1.2]),
        "scales": np.empty(0),
        "mean": np.zeros(1),
        "precision": np.ones(1),
        "z": rng.normal(size=blocks.size),
    }

    def total(triangles, scales, mean, precision, z):
        inputs = triangles, scales, 1.0, mean, precision, z
        c, density, _ = Whiten()(*inputs, products.integers, products.floats)
        return pt.sum(c**2) + density

    value, *gradient = evaluate(WHITENED, values, total)
    for name, g in zip(WHITENED, gradient, strict=True):
        for i in range(0, g.size, 7):
            step = np.zeros(g.size)
            step[i] = 1e-5
            up = evaluate(WHITENED, values | {name: values[name] + step}, total)[0]
            down = evaluate(WHITENED, values | {name: values[name] - step}, total)[0]
            assert g[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-6)
    assert np.isfinite(value)


def test_both_kinds_of_coupling_are_met():
    kinds = set()
    for name in ("two factors, dense", "two factors, sparse"):
        factors, _, _ = DESIGNS[name]
        rng = np.random.default_rng(0)
        groups = tuple(
            Group(rng.integers(0, j, ROWS), j, np.ones((ROWS, p)), f) for f, j, p in factors
        )
        blocks = Blocks(np.ones((ROWS, 1)), groups)
        kinds.add(cross_products(blocks, np.zeros(ROWS)).integers[SPARSE] > 0)
    assert kinds == {True, False}


@pytest.mark.parametrize(
    "problem",
    ["common only", "two factors, sparse", "three factors, blocks share one"],
    indirect=True,
)
def test_compiled_and_python_agree(problem):
    blocks, values = problem
    build = integrated(blocks, values)
    agree(evaluate(PARAMETERS, values, build, NUMBA), evaluate(PARAMETERS, values, build))
    build = whitened(blocks, values)
    agree(evaluate(WHITENED, values, build, NUMBA), evaluate(WHITENED, values, build))
