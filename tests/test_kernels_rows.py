"""Linear predictor, family likelihoods and the penalised mode against their definitions."""

from __future__ import annotations

import ctypes

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from kernel_designs import rows_of_every_kind
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.linalg import cython_blas
from scipy.optimize import minimize
from scipy.special import digamma as scipy_digamma
from scipy.special import expit

from glimmer.coordinates.pirls import Learner, Local, penalised_mode
from glimmer.errors import SamplingError
from glimmer.families import get_family
from glimmer.kernels import (
    Blocks,
    EtaDensity,
    Group,
    Predictor,
    RowDensity,
    one_blas_thread,
    pack_rows,
)
from glimmer.kernels.compile.native import f8, floats_at, i8, kernel, void
from glimmer.kernels.gaussian import reference
from glimmer.kernels.vectors.special import digamma, exponential, logarithm, sum_of_logarithms

PYTHON = Mode("py", "fast_compile")


BLOCKS = rows_of_every_kind()
COEFFICIENTS = np.random.default_rng(2).normal(0, 0.3, BLOCKS.size)
ETA = BLOCKS.offset + reference.design(BLOCKS) @ COEFFICIENTS


POISSON = get_family("poisson").row_kernel
NONE = np.empty(0)  # auxiliary parameters


def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(np.exp(ETA)).astype(float)


@pytest.mark.parametrize("mode", [PYTHON, "NUMBA"], ids=["python", "numba"])
def test_predictor_and_density_compile(mode):
    rows = pack_rows(BLOCKS, POISSON, counts())
    c = pt.dvector("c")
    eta = Predictor()(c, rows.integers, rows.floats)
    value = pt.sum(pt.sin(eta)) + EtaDensity(POISSON)(eta, NONE, rows.integers, rows.floats)[0]
    value += RowDensity(POISSON)(c, NONE, rows.integers, rows.floats)[0]
    f = pytensor.function([c], [eta, value, pt.grad(value, c)], mode=mode)
    design, y = reference.design(BLOCKS), counts()
    ours = f(COEFFICIENTS)
    likelihood = stats.poisson(np.exp(ETA)).logpmf(y).sum()
    np.testing.assert_allclose(ours[0], ETA, rtol=1e-12)
    assert ours[1] == pytest.approx(np.sin(ETA).sum() + 2 * likelihood, rel=1e-11)
    np.testing.assert_allclose(ours[2], design.T @ (np.cos(ETA) + 2 * (y - np.exp(ETA))), atol=1e-9)


def test_exponential_and_logarithm():
    x = np.r_[np.linspace(-690, 690, 20001), 0.0, -0.0, 1e-300]
    out = np.empty_like(x)
    exponential.python(x.ctypes.data, out.ctypes.data, len(x))
    np.testing.assert_allclose(out, np.exp(x), rtol=4e-16)
    y = np.exp(np.linspace(-600, 600, 20001))
    out = np.empty_like(y)
    logarithm.python(y.ctypes.data, out.ctypes.data, len(y))
    np.testing.assert_allclose(out, np.log(y), rtol=1e-15, atol=4e-16)


@kernel(void(floats_at, i8, floats_at))
def one_sum(x, n, out):
    """Call from Python what returns a number."""
    out[0] = sum_of_logarithms(x, n)


def test_sum_of_logarithms():
    x, out = np.exp(np.linspace(-300, 400, 128)), np.empty(1)
    one_sum.python(x.ctypes.data, len(x), out.ctypes.data)
    assert out[0] == pytest.approx(np.log(x).sum(), rel=1e-14)
    for bad in (np.inf, np.nan):
        x[7] = bad
        one_sum.python(x.ctypes.data, len(x), out.ctypes.data)
        assert np.isnan(out[0])


@kernel(void(floats_at, floats_at, i8))
def many_digammas(x, out, n):
    """Call from Python what returns a number."""
    for i in range(n):
        out[i] = digamma(f8(x[i]))


def test_digamma():
    x = np.exp(np.linspace(-10, 10, 500))
    out = np.empty_like(x)
    many_digammas.python(x.ctypes.data, out.ctypes.data, len(x))
    np.testing.assert_allclose(out, scipy_digamma(x), rtol=1e-13, atol=1e-13)


def working(eta, y):
    weights = expit(eta) * expit(-eta)
    return Local(BLOCKS, eta + (y - expit(eta)) / weights, weights)


def logistic_mode(**options):
    y = np.random.default_rng(3).binomial(1, expit(ETA)).astype(float)
    triangles = np.r_[0.7, 0.5, 0.1, 0.4, 0.0, -0.1, 0.6]
    return (
        y,
        triangles,
        penalised_mode(
            BLOCKS,
            lambda eta: working(eta, y),
            triangles,
            np.array([0.5, 0.3]),
            np.array([0.1, 0.0, -0.1]),
            np.full(3, 0.25),
            **options,
        ),
    )


def test_penalised_mode():
    y, triangles, mode = logistic_mode()
    design = reference.design(BLOCKS)
    T = reference._scaled(
        BLOCKS, np.eye(BLOCKS.size), pt.as_tensor(triangles), np.array([0.5, 0.3])
    )
    AT = design @ T.eval(mode=PYTHON)
    center = np.r_[np.zeros(BLOCKS.size - 3), 0.1, 0.0, -0.1]
    precision = np.r_[np.ones(BLOCKS.size - 3), np.full(3, 0.25)]

    def loss(u):
        eta = BLOCKS.offset + AT @ u
        off = u - center
        value = np.logaddexp(0, eta).sum() - y @ eta + 0.5 * precision @ off**2
        return value, AT.T @ (expit(eta) - y) + precision * off

    best = minimize(loss, center, jac=True, method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(mode.eta, BLOCKS.offset + AT @ best.x, atol=1e-4)
    np.testing.assert_array_equal(mode.local.response, working(mode.eta, y).response)


def test_covariance_and_noise_are_learned():
    """Of a normal outcome they are the maximum likelihood estimates."""
    random = np.random.default_rng(2)
    levels, each = 40, 6
    index = np.repeat(np.arange(levels), each)
    z = np.column_stack([np.ones(len(index)), random.normal(size=len(index))])
    b = random.normal(size=(levels, 2)) @ np.array([[2.0, -0.5], [0.0, 0.6]])
    y = np.einsum("ij,ij->i", z, b[index]) + 0.7 * random.normal(size=len(index))
    blocks = Blocks(np.empty((len(y), 0)), (Group(index, levels, z, "g"),))
    learn = Learner(1, True, random.standard_normal((400, blocks.size)))
    empty, start = np.zeros(0), np.array([1.0, 0.0, 1.0])
    fixed = start, empty, empty, empty
    local = Local(blocks, y, np.ones(len(y)))
    mode = penalised_mode(blocks, lambda _: local, *fixed, learn=learn, tolerance=1e-5, most=500)

    def deviance(parameters):
        T = np.array([[parameters[0], 0.0], [parameters[1], parameters[2]]])
        total = 0.0
        for j in range(levels):
            own = z[index == j] @ T
            V = own @ own.T + np.exp(2 * parameters[3]) * np.eye(each)
            r = y[index == j]
            total += np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r)
        return total

    best = minimize(deviance, np.r_[start, 0.0]).x
    found = np.r_[mode.triangles, -0.5 * np.log(mode.local.weights[0])]
    np.testing.assert_allclose(found, best, atol=0.03)


def test_a_mode_that_is_not_found():
    with pytest.raises(SamplingError):
        logistic_mode(most=2)


def test_blas_threads_are_put_back():
    blas = ctypes.CDLL(cython_blas.__file__)
    before = blas.scipy_openblas_get_num_threads()
    with one_blas_thread():
        assert blas.scipy_openblas_get_num_threads() == 1
    assert blas.scipy_openblas_get_num_threads() == before
