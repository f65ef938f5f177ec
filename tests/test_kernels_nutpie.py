"""nutpie's wrapper with less to compile, around a model made of the kernels."""

from __future__ import annotations

import inspect

import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt
import pytest
from agreement import PROBABILITIES, disagreements, disagreements_between, most_divergences, seed
from nutpie import compile_pymc
from scipy import stats

from glimmer.coordinates.coefficient_draws import draw_coefficients
from glimmer.families import get_family
from glimmer.kernels import (
    Blocks,
    Group,
    IntegratedGaussian,
    RowDensity,
    Whiten,
    cross_products,
    pack_rows,
)
from glimmer.sampling.nutpie_compile import compile_for_nutpie, lean_wrapper

ROWS, LEVELS = 200, 12
PRIOR_MEAN, PRIOR_PRECISION = np.array([1.0, 0.0]), np.array([0.1, 0.2])


def data() -> tuple[Blocks, np.ndarray]:
    rng = np.random.default_rng(1)
    index, x = rng.integers(0, LEVELS, ROWS), rng.normal(size=ROWS)
    X = np.c_[np.ones(ROWS), x]
    y = 1 + 2 * x + rng.normal(0, 0.8, LEVELS)[index] + rng.normal(size=ROWS)
    return Blocks(X, (Group(index, LEVELS, X[:, :1], "g"),)), y


BLOCKS, Y = data()


def priors() -> tuple[pt.TensorVariable, pt.TensorVariable]:
    return pm.Exponential("tau", 1.0), pm.Exponential("sigma", 1.0)


def integrated() -> pm.Model:
    products = cross_products(BLOCKS, Y)
    with pm.Model() as model:
        tau, sigma = priors()
        data = pm.Data("integers", products.integers), pm.Data("floats", products.floats)
        inputs = tau[None], np.empty(0), sigma, PRIOR_MEAN, PRIOR_PRECISION
        pm.Potential("likelihood", IntegratedGaussian()(*inputs, *data)[0])
        pm.Deterministic("ratio", tau / sigma)
    return model


def whitened() -> pm.Model:
    products = cross_products(BLOCKS, Y, center=False)
    kernel = get_family("gaussian").row_kernel
    rows = pack_rows(BLOCKS, kernel, Y, sort=True)
    with pm.Model() as model:
        tau, sigma = priors()
        z = pm.Flat("z", shape=BLOCKS.size)
        ours = pm.Data("a", products.integers), pm.Data("b", products.floats)
        theirs = pm.Data("c", rows.integers), pm.Data("d", rows.floats)
        inputs = tau[None], np.empty(0), 1.0, PRIOR_MEAN, PRIOR_PRECISION, z
        coefficients, density, _ = Whiten()(*inputs, *ours)
        pm.Potential("change", density)
        pm.Potential("likelihood", RowDensity(kernel)(coefficients, sigma[None], *theirs)[0])
        beta = coefficients[-2:]
        pm.Potential("beta_prior", -0.5 * pt.sum(PRIOR_PRECISION * (beta - PRIOR_MEAN) ** 2))
        pm.Deterministic("beta", beta)
    return model


def sample(compiled, draws: int = 500):
    return nutpie.sample(
        compiled, draws=draws, tune=300, chains=2, cores=2, seed=seed(3), progress_bar=False
    )


@pytest.fixture(scope="module")
def traces():
    return {f.__name__: sample(compile_for_nutpie(f())) for f in (integrated, whitened)}


def test_no_divergences(traces):
    for trace in traces.values():
        diverging = trace.sample_stats.diverging
        assert diverging.sum() <= most_divergences(diverging.size)


@pytest.mark.parametrize("name", ["tau", "sigma"])
def test_two_ways_to_one_posterior(traces, name):
    assert not disagreements_between(name, *(t.posterior[name].values for t in traces.values()))


def test_integrated_coefficients(traces):
    posterior = traces["integrated"].posterior
    tau, sigma = (posterior[n].values.ravel() for n in ("tau", "sigma"))
    normals = np.random.default_rng(seed(2)).normal(size=(len(tau), BLOCKS.size))
    parameters = tau[:, None], np.empty((len(tau), 0)), sigma, PRIOR_MEAN, PRIOR_PRECISION
    drawn = draw_coefficients(cross_products(BLOCKS, Y), *parameters, normals)
    other = traces["whitened"].posterior["beta"].values
    beta = BLOCKS.split(drawn)[2].reshape(other.shape)
    for i in range(2):
        assert not disagreements_between(f"beta[{i}]", beta[..., i], other[..., i])


def test_same_draws_as_the_shipped_wrapper(traces):
    shipped = sample(nutpie.compile_pymc_model(integrated()))
    for name in ("tau", "sigma", "ratio"):
        ours = traces["integrated"].posterior[name].values
        np.testing.assert_array_equal(ours, shipped.posterior[name].values)


def test_new_data_take_the_place_of_old():
    """The arrays are read from nutpie's record, so that `with_data` works."""
    other = cross_products(BLOCKS, Y[::-1].copy())
    compiled = compile_for_nutpie(integrated()).with_data(floats=other.floats)
    model = integrated()
    pm.set_data({"floats": other.floats}, model=model)
    fresh = compile_for_nutpie(model)
    a, b = (sample(c, 50).posterior["sigma"].values for c in (compiled, fresh))
    np.testing.assert_array_equal(a, b)


def test_the_shipped_functions_come_back():
    shipped = compile_pymc._make_c_logp_func, compile_pymc._make_c_expand_func
    with pytest.raises(ZeroDivisionError), lean_wrapper():
        assert compile_pymc._make_c_logp_func is not shipped[0]
        raise ZeroDivisionError
    assert (compile_pymc._make_c_logp_func, compile_pymc._make_c_expand_func) == shipped


def test_the_wrapper_is_still_needed():
    """When this fails, nutpie no longer has the slow constructs: remove `nutpie_wrapper`."""
    assert "out[...] = grad" in inspect.getsource(compile_pymc._make_c_logp_func)
    assert "out[...] = values" in inspect.getsource(compile_pymc._make_c_expand_func)
    assert "literal_unroll" in inspect.getsource(compile_pymc.make_extraction_fn)


def test_a_model_that_was_compiled_before_is_found_in_the_cache():
    compile_for_nutpie(whitened())
    again = compile_for_nutpie(whitened())
    assert again.compiled_logp_func.cache_hits == 1
    assert again.compiled_expand_func.cache_hits == 1


def test_models_that_differ_by_a_number_are_not_mistaken_for_each_other():
    def differences(sd):
        with pm.Model() as model:
            pm.Normal("x", 0.0, sd, shape=3)
        draws = sample(compile_for_nutpie(model)).posterior["x"].values[..., 0]
        quantiles = {p: stats.norm(0, sd).ppf(p) for p in PROBABILITIES}
        return disagreements("x", draws, 0, sd, np.inf, quantiles)

    assert not differences(1.0)
    assert not differences(50.0)
