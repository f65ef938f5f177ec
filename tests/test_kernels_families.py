"""Row kernels against their families' own log densities: those that ship, and two from outside."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from extensions import MODULES
from kernel_designs import MANY_ROWS, rows_of_every_kind
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import expit

import glimmer as gl
from glimmer.coordinates.choose import choose
from glimmer.errors import FamilyError
from glimmer.families import FAMILIES, Link
from glimmer.kernels import (
    EtaDensity,
    RowDensity,
    auxiliary_vector,
    digamma,
    pack_rows,
)
from glimmer.kernels.gaussian import reference

PYTHON = Mode("py", "fast_compile")
STABLE = Mode("py", "fast_run")  # rewritten so that digits survive in the tails


def student(eta, y, sigma, nu):
    """Log density of a Student t, and its derivatives by eta, sigma and nu."""
    z = (y - eta) / sigma
    square, weight = z * z, (nu + 1) / (nu + z * z)
    value = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)
    value -= math.log(sigma) + (nu + 1) / 2 * math.log1p(square / nu)
    by_nu = digamma((nu + 1) / 2) - digamma(nu / 2) - 1 / nu
    by_nu = 0.5 * (by_nu - math.log1p(square / nu) + weight * square / nu)
    return value, weight * z / sigma, (weight * square - 1) / sigma, by_nu


OUTSIDE = {
    "zero_inflated_poisson": MODULES["zero_inflated_poisson"].zero_inflated_poisson,
    "beta_binomial": MODULES["beta_binomial"].beta_binomial,
    "student": gl.Family(
        "student",
        dist=lambda mu, sigma, nu: pm.StudentT.dist(nu=nu, mu=mu, sigma=sigma),
        aux={"nu": gl.exponential(1), "sigma": gl.exponential(1)},
        kernels={"identity": gl.row_kernel(student, aux=("sigma", "nu"))},
    ),
}
ROW = MODULES["zero_inflated_poisson"].row
EVERY = FAMILIES | OUTSIDE
AUX = {"sigma": 1.7, "alpha": 1.7, "zi": 0.3, "phi": 2.5, "nu": 4.0}
KERNELS = [(name, link) for name, family in EVERY.items() for link in family.kernels]
EACH = pytest.mark.parametrize(("name", "link"), KERNELS)


def family_of(name: str, link: str) -> gl.Family:
    return EVERY[name].with_link(link)


BLOCKS = rows_of_every_kind()
COEFFICIENTS = np.random.default_rng(2).normal(0, 0.3, BLOCKS.size)
ETA = BLOCKS.offset + reference.design(BLOCKS) @ COEFFICIENTS


def values_of(family: gl.Family) -> tuple[dict[str, float], np.ndarray | None]:
    """Auxiliary parameters, and numbers of trials if the family has them."""
    trials = np.random.default_rng(3).integers(1, 6, MANY_ROWS) if family.has_trials else None
    return {name: AUX[name] for name in family.aux}, trials


def simulate(family: gl.Family, eta: np.ndarray = ETA) -> np.ndarray:
    """An outcome."""
    aux, trials = values_of(family)
    given = aux if trials is None else aux | {"trials": trials}
    outcome = family.outcome(pt.as_tensor(eta), **given)
    return np.asarray(pm.draw(outcome, random_seed=4, mode=PYTHON), float)


def definition(family, y, trials, weights, eta, aux):
    """The log likelihood, from the family's own log density."""
    given = dict(aux) if trials is None else aux | {"trials": pt.as_tensor(trials)}
    if family.row_kernel.weights == "precision":
        given["sigma"] = given["sigma"] / np.sqrt(weights)
        weights = np.ones(MANY_ROWS)
    outcome = family.outcome(eta, **given)
    return pt.sum(weights * pm.logp(outcome, pt.as_tensor(y.astype(outcome.dtype))))


def run(op, *inputs):
    """An operation's outputs under Python."""
    node = op.make_node(*inputs)
    storage = [[None] for _ in node.outputs]
    op.perform(node, [np.asarray(x.data) for x in node.inputs], storage)
    return [s[0] for s in storage]


def ours(family, y, trials, weights, eta):
    kernel = family.row_kernel
    rows = pack_rows(BLOCKS, kernel, y, trials=trials, weights=weights)
    aux = np.array([AUX[name] for name in kernel.aux])
    value, by_eta, by_aux = run(EtaDensity(kernel), eta, aux, rows.integers, rows.floats)
    return value, by_eta, dict(zip(kernel.aux, by_aux, strict=True))


def theirs(family, y, trials, weights, eta):
    variable, aux = pt.dvector(), {name: pt.dscalar() for name in family.aux}
    value = definition(family, y, trials, weights, variable, aux)
    gradient = pt.grad(value, [variable, *aux.values()])
    f = pytensor.function([variable, *aux.values()], [value, *gradient], mode=STABLE)
    value, by_eta, *by_aux = f(eta, *(AUX[name] for name in aux))
    return value, by_eta, dict(zip(aux, by_aux, strict=True))


@EACH
@pytest.mark.parametrize("weighted", [False, True])
def test_a_kernel_is_its_familys_log_density(name, link, weighted):
    family = family_of(name, link)
    y, trials = simulate(family), values_of(family)[1]
    weights = (
        np.random.default_rng(4).integers(1, 4, MANY_ROWS) * 1.0 if weighted else np.ones(MANY_ROWS)
    )
    value, by_eta, by_aux = ours(family, y, trials, weights if weighted else None, ETA)
    theirs_ = theirs(family, y, trials, weights, ETA)
    np.testing.assert_allclose(value, theirs_[0], rtol=1e-12)
    np.testing.assert_allclose(by_eta, theirs_[1], rtol=1e-10, atol=1e-12)
    assert by_aux.keys() == theirs_[2].keys()
    for key, slope in by_aux.items():
        np.testing.assert_allclose(slope, theirs_[2][key], rtol=1e-9, atol=1e-9)


@EACH
def test_rows_without_weight_do_not_count(name, link):
    family = family_of(name, link)
    y, trials = simulate(family), values_of(family)[1]
    weights = np.r_[np.zeros(3), np.ones(MANY_ROWS - 3)]
    some = ours(family, y, trials, weights, ETA)
    moved = ours(family, y, trials, weights, ETA + np.r_[np.full(3, 2.0), np.zeros(MANY_ROWS - 3)])
    assert some[0] == pytest.approx(moved[0], rel=1e-14) and not some[1][:3].any()


@EACH
@pytest.mark.parametrize("size", [12.0, 30.0])
def test_large_etas(name, link, size):
    """Far from zero the kernel is still the family's log density, where that has digits left."""
    family = family_of(name, link)
    eta = np.random.default_rng(5).uniform(-size, size, MANY_ROWS)
    mild = simulate(family, np.clip(eta, -5, 5))
    trials = values_of(family)[1]
    value, by_eta, _ = ours(family, mild, trials, None, eta)
    expected = theirs(family, mild, trials, np.ones(MANY_ROWS), eta)
    good = np.isfinite(expected[1])
    assert good.mean() > 0.9
    if good.all():
        np.testing.assert_allclose(value, expected[0], rtol=1e-9)
    scale = 1 + np.abs(expected[1][good])
    np.testing.assert_allclose(by_eta[good] / scale, expected[1][good] / scale, atol=1e-7)


@pytest.mark.parametrize(("name", "link"), [k for k in KERNELS if k[0] in FAMILIES])
def test_far_out_etas_are_finite(name, link):
    family = family_of(name, link)
    eta = np.r_[-800.0, 800.0, np.zeros(MANY_ROWS - 2)]
    value, by_eta, by_aux = ours(family, simulate(family), values_of(family)[1], None, eta)
    assert np.isfinite(value) and np.isfinite(by_eta).all()
    assert all(np.isfinite(slope) for slope in by_aux.values())


SCIPY = {
    "bernoulli": lambda y, n, e, a: stats.bernoulli(expit(e)).logpmf(y),
    "binomial": lambda y, n, e, a: stats.binom(n, expit(e)).logpmf(y),
    "poisson": lambda y, n, e, a: stats.poisson(np.exp(e)).logpmf(y),
    "neg_binomial_2": lambda y, n, e, a: stats.nbinom(a[0], a[0] / (a[0] + np.exp(e))).logpmf(y),
    "gaussian": lambda y, n, e, a: stats.norm(e, a[0]).logpdf(y),
    "Gamma": lambda y, n, e, a: stats.gamma(a[0], scale=np.exp(e) / a[0]).logpdf(y),
    "beta_binomial": lambda y, n, e, a: stats.betabinom(
        n, expit(e) * a[0], expit(-e) * a[0]
    ).logpmf(y),
    "student": lambda y, n, e, a: stats.t(a[1], e, a[0]).logpdf(y),
}


@pytest.mark.parametrize(("name", "link"), [k for k in KERNELS if k[0] in SCIPY])
def test_a_kernel_is_scipys_log_density(name, link):
    family = family_of(name, link)
    y, trials = simulate(family), values_of(family)[1]
    aux = [AUX[a] for a in family.row_kernel.aux]
    expected = SCIPY[name](y, trials, ETA, aux).sum()
    assert ours(family, y, trials, None, ETA)[0] == pytest.approx(expected, rel=1e-11)


@EACH
def test_rows_are_predictor_and_family(name, link):
    family = family_of(name, link)
    y, trials, kernel = simulate(family), values_of(family)[1], family.row_kernel
    shift = np.random.default_rng(6).normal(size=MANY_ROWS)
    aux = np.array([AUX[a] for a in kernel.aux])
    for moved in (False, True):
        value, by_eta, by_aux = ours(family, y, trials, None, ETA + shift if moved else ETA)
        for sort in (False, True):
            rows = pack_rows(BLOCKS, kernel, y, trials=trials, sort=sort)
            given = (shift,) if moved else ()
            out = run(RowDensity(kernel), COEFFICIENTS, aux, *given, rows.integers, rows.floats)
            np.testing.assert_allclose(out[0], value, rtol=1e-12)
            np.testing.assert_allclose(out[1], reference.design(BLOCKS).T @ by_eta, atol=1e-10)
            np.testing.assert_allclose(out[2], list(by_aux.values()), rtol=1e-10, atol=1e-10)
            np.testing.assert_allclose(out[3], by_eta if moved else [], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["poisson", "student"])
@pytest.mark.parametrize("mode", [PYTHON, "NUMBA"], ids=["python", "numba"])
def test_densities_compile_with_a_shift(name, mode):
    """Gradients by coefficients, every auxiliary parameter, and what shifts the rows."""
    family = EVERY[name]
    kernel, y = family.row_kernel, simulate(family)
    rows = pack_rows(BLOCKS, kernel, y, sort=True)
    c, shift = pt.dvector("c"), pt.dvector("shift")
    aux = {a: pt.dscalar(a) for a in family.aux}
    vector = auxiliary_vector(kernel, aux)
    value = RowDensity(kernel)(c, vector, pt.sin(shift), rows.integers, rows.floats)[0]
    value += RowDensity(kernel)(c, vector, rows.integers, rows.floats)[0]
    inputs = [c, shift, *aux.values()]
    f = pytensor.function(inputs, [value, *pt.grad(value, inputs)], mode=mode)
    design, at = reference.design(BLOCKS), np.random.default_rng(7).normal(size=MANY_ROWS)
    out = f(COEFFICIENTS, at, *(AUX[a] for a in aux))
    one, two = (theirs(family, y, None, np.ones(MANY_ROWS), e) for e in (ETA + np.sin(at), ETA))
    assert out[0] == pytest.approx(one[0] + two[0], rel=1e-11)
    np.testing.assert_allclose(out[1], design.T @ (one[1] + two[1]), atol=1e-9)
    np.testing.assert_allclose(out[2], np.cos(at) * one[1], atol=1e-9)
    for slope, a in zip(out[3:], aux, strict=True):
        assert slope == pytest.approx(one[2][a] + two[2][a], rel=1e-9)


def test_a_family_of_the_same_name_has_no_kernel():
    mine = gl.Family("poisson", dist=lambda mu: pm.Poisson.dist(mu), link="log")
    assert mine.row_kernel is None
    poisson = FAMILIES["poisson"]
    assert poisson.row_kernel is not None and poisson.with_link("sqrt").row_kernel is None
    assert poisson.with_link("log").row_kernel is poisson.row_kernel
    assert replace(poisson, name="mine").row_kernel is poisson.row_kernel
    assert replace(poisson, dist=lambda mu: pm.Poisson.dist(mu + 1)).row_kernel is None


def test_a_link_of_the_same_name_has_no_kernel():
    other = Link("log", lambda mu: pt.log(mu) / 2, lambda eta: pt.exp(2 * eta))
    assert FAMILIES["poisson"].with_link(other).row_kernel is None


def test_parameters_must_be_the_familys():
    kernel = gl.row_kernel(ROW, aux=("zi",), fold=lambda y, trials: (y, y))
    with pytest.raises(FamilyError, match="takes the auxiliary parameters"):
        gl.Family("zip", dist=lambda mu, psi: mu, aux={"psi": gl.normal()}, kernels={"log": kernel})


def test_a_row_must_take_its_columns():
    with pytest.raises(ValueError, match="must take eta"):
        gl.row_kernel(lambda eta, y, trials, more: (0.0, 0.0))
    with pytest.raises(ValueError, match="must take eta"):
        gl.row_kernel(lambda eta, a: (0.0, 0.0), aux=("a",))
    kernel = gl.row_kernel(lambda eta, a, b: (0.0, 0.0), fold=lambda y, trials: (y,))
    with pytest.raises(ValueError, match="must return 2 columns"):
        pack_rows(BLOCKS, kernel, np.ones(MANY_ROWS))


def test_a_row_must_return_its_derivatives():
    kernel = gl.row_kernel(lambda eta, y, a: (0.0, 0.0), aux=("a",))
    with pytest.raises(Exception, match="must return 3 numbers"):
        kernel.in_eta.compile()


SCRIPT = """
import math, sys, numpy as np
from glimmer.kernels import row_kernel
TWO = {two}
TABLE = np.ones(3)
def helper(x):
    return TWO * x
def row(eta, y):
    return {value}, y - TWO * eta
from numba import njit
helper = njit(helper)
kernel = row_kernel(row).in_eta
kernel.compile()
print(kernel.cache, kernel.machine_code.cache_hits)
"""


def in_process(tmp_path, two: float = 2.0, value: str = "y * eta - helper(eta) * eta / 2") -> str:
    environment = dict(os.environ) | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SCRIPT.format(two=two, value=value)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return run.stdout.strip()


def test_code_is_kept_on_disk(tmp_path):
    """It is found by the next process, and not mistaken for that of other numbers."""
    assert in_process(tmp_path) == "True 0"
    assert in_process(tmp_path) == "True 1"
    assert in_process(tmp_path, two=3.0) == "True 0"


def test_code_that_refers_to_arrays_is_not_kept(tmp_path):
    assert in_process(tmp_path, value="y * eta - TABLE[0] * eta * eta") == "False 0"


def table() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    columns = {"g": rng.choice(list("stuvw"), 60), "x": rng.normal(size=60)}
    counts = {"y": rng.poisson(1, 60), "misses": 1 + rng.poisson(2, 60), "z": rng.normal(size=60)}
    return pd.DataFrame(columns | counts | {"w": rng.uniform(0.5, 2, 60)})


MODELS = {
    "zero_inflated_poisson": ("y ~ x + (1 | g)", {}),
    "zero_inflated_poisson, weights": ("y ~ x + (1 | g)", {"weights": "w"}),
    "beta_binomial": ("cbind(y, misses) ~ x + (1 | g)", {}),
    "student": ("z ~ x + (1 | g)", {}),
    "gaussian, precision": ("z ~ x + (1 | g)", {"weights": gl.precision_weights("w")}),
    "gaussian, exponents": ("z ~ x + (1 | g)", {"weights": "w"}),
    "poisson": ("y ~ x + (1 | g)", {}),
}


def has_kernel(model: pm.Model) -> bool:
    return "row_floats" in {data.name for data in model.data_vars}


@pytest.mark.parametrize("name", MODELS)
def test_whitened_models_with_and_without_kernel(name):
    """The density of a whitened model does not depend on whether its family has a kernel."""
    formula, arguments = MODELS[name]
    family = EVERY[name.split(",")[0]]
    found = []
    for one in (family, replace(family, kernels={})):
        model = gl.GlmerBuilder(formula, table(), family=one, **arguments)
        plan = choose(model.spec, model.design, "whitened")
        point = plan.model.initial_point()
        rng = np.random.default_rng(9)
        point = {key: value + rng.normal(0, 0.3, np.shape(value)) for key, value in point.items()}
        value = plan.model.compile_logp(mode=STABLE)(point)
        found.append((value, plan.model.compile_dlogp(mode=STABLE)(point), plan.model))
    (value, gradient, fused), (expected, slope, plain) = found
    assert value == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7)
    assert has_kernel(fused) == (name != "gaussian, exponents")
    assert not has_kernel(plain)


def test_code_outlives_the_function_it_was_made_for():
    """What was linked to the first kernel finds the code of an equal one, made later."""

    def made():
        return gl.row_kernel(lambda eta, y: (-eta, -1.0)).in_eta

    first = made()
    first.compile()
    name, slot = first.type.name, first.slot
    del first
    gc.collect()
    again = made()
    assert again.type.name == name and again.slot is slot
