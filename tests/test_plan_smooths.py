"""Plans of models with smooths whose penalties mix; see test_plan."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from natural import PLAIN, log_densities, random_point
from test_plan import TABLE, dataset, marginal, plan_density

import glimmer as gl
from glimmer.coordinates.choose import choose
from glimmer.coordinates.plan import Z
from glimmer.kernels.ops.mixed import MixedTriangle
from glimmer.smooths import CholeskyBlock, DiagonalBlock
from glimmer.smooths.laws import covariance_factor

# formula: the form of its last penalized block
NORMAL = {
    "y ~ s(x, k=5) + s(t, bs='ad', k=8, m=3)": DiagonalBlock,
    "y ~ s(t, bs='bs', m=c(3,2,1), k=7)": DiagonalBlock,
    "y ~ s(t, bs='bs', m=c(3,2,1,0), k=7) + x": CholeskyBlock,
    "y ~ s(t, k=5) + s(h, t, bs='sz', k=4)": CholeskyBlock,
    "y ~ s(h, t, bs='sz', k=4) + (x | g)": CholeskyBlock,
    "y ~ s(t, bs='bs', m=c(3,2,1,0), k=6) + s(x, bs='bs', m=c(3,2,1,0), k=6)": CholeskyBlock,
}
OTHERS = {
    "yes ~ s(t, bs='bs', m=c(3,2,1), k=7)": "bernoulli",
    "count ~ s(t, bs='ad', k=8, m=3)": "poisson",
    "yes ~ s(t, k=5) + s(h, t, bs='sz', k=4)": "bernoulli",
    "count ~ s(t, bs='bs', m=c(3,2,1,0), k=6) + (1 | g)": "poisson",
}
RNG = np.random.default_rng(2)


def model_of(formula):
    quiet = {"few_levels": "ignore"}
    return gl.GlmerBuilder(formula, TABLE, family=OTHERS.get(formula, "gaussian"), checks=quiet)


def parts(formula, coordinates):
    """The plan, the plain model, and the names of the variables that only this one has."""
    builder = model_of(formula)
    plan, plain = choose(builder.spec, builder.design, coordinates), builder.build()
    assert plan.name == coordinates
    sampled = {rv.name for rv in plan.model.free_RVs}
    return plan, plain, [rv.name for rv in plain.free_RVs if rv.name not in sampled]


@pytest.mark.parametrize("formula", NORMAL)
def test_integrated_density_is_the_models_integral(formula):
    plan, plain, coefficients = parts(formula, "integrated")
    last = [b.block for b in plan.layout.spec.smooth_blocks if b.sds][-1]
    assert type(last) is NORMAL[formula]
    point = random_point(plain, 1)
    expected = marginal(plain, coefficients, point)
    np.testing.assert_allclose(plan_density(plan, point), expected, rtol=1e-8)


@pytest.mark.parametrize("formula", [*NORMAL, *OTHERS])
def test_whitening_is_a_change_of_variables(formula):
    """Density of z = joint density of the free variables + log |d free variables / dz|."""
    plan, plain, names = parts(formula, "whitened")
    blocks = plan.layout.blocks
    point = random_point(plan.model, 1)
    z = np.vstack([point[Z], np.zeros(blocks.size), np.eye(blocks.size)])
    draws = dataset({**point, Z: z}, {rv.name for rv in plan.model.free_RVs})
    found = plan.recover(draws, 0, dict.fromkeys(names, slice(None)))
    flat = np.hstack([found[n][0].reshape(len(z), -1) for n in names])
    log_jacobian = np.linalg.slogdet(flat[2:] - flat[1])[1]
    own = {**point, **{n: found[n][0, 0] for n in names}}
    constant = 0.5 * (blocks.size - blocks.X.shape[1]) * np.log(2 * np.pi)
    expected = sum(log_densities(plain)(own).values()) + log_jacobian + constant
    np.testing.assert_allclose(plan_density(plan, point), expected, rtol=1e-8)


def mixed(m=3, q=6):
    """A block of m penalties of q coefficients that do not commute."""
    halves = RNG.normal(size=(m, q, q - 2))
    S = halves @ halves.transpose(0, 2, 1)
    W = np.linalg.inv(np.linalg.cholesky(S.sum(axis=0)))
    names = tuple(map(str, range(m)))
    return CholeskyBlock("", np.eye(q), np.zeros(q), 1.0, W @ S @ W.T, names)


@pytest.mark.parametrize("sds", [[1.0, 2.0, 0.5], [30.0, 1.0, 0.05]])
def test_the_kernel_of_the_covariance_factor_is_its_expression(sds):
    block, given = mixed(), pt.dvector()
    expression = covariance_factor(block.shares, list(given[i] for i in range(3)))
    below = np.tril_indices(block.size)
    header = np.array(block.shares.shape[:2], np.int32)
    compiled = MixedTriangle()(given, header, block.shares.ravel())
    weights = RNG.normal(size=len(below[0]))
    both = [expression[below], compiled]
    outputs = both + [pytensor.grad((T * weights).sum(), given) for T in both]
    one, two, by_one, by_two = pytensor.function([given], outputs, mode=PLAIN)(np.array(sds))
    np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(by_two, by_one, rtol=1e-8)


def test_the_covariance_factor_at_standard_deviations_of_every_size():
    block, sds = mixed(), np.array([1e3, 1.0, 1e-2])
    header = np.array(block.shares.shape[:2], np.int32)
    packed = MixedTriangle()(sds, header, block.shares.ravel()).eval(mode=PLAIN)
    T = np.zeros((block.size, block.size))
    T[np.tril_indices(block.size)] = packed
    np.testing.assert_allclose(T.T @ block.precision(sds) @ T, np.eye(block.size), atol=1e-8)
    packed = MixedTriangle()(sds, header, -block.shares.ravel()).eval(mode=PLAIN)
    assert np.isnan(packed).all()
