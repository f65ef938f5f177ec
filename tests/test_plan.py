"""The sampling plans against the model that they stand for, without sampling.

Integrated: a normal model's joint density is quadratic in the coefficients, so that its gradient at
a few points gives its integral. Whitened: the change of variables is affine at fixed standard
deviations, so its Jacobian is known from its values at the unit vectors.
"""

import agreement
import numpy as np
import pandas as pd
import pytensor
import pytest
import xarray as xr
from agreement import covariance_is, mean_is
from natural import PLAIN, evaluator, log_densities, random_point
from nlmer_cases import ORANGE, THEOPH, decay, orange
from pymc.logprob.basic import conditional_logp

import glimmer as gl
from glimmer.coordinates.choose import choose
from glimmer.coordinates.plan import Z
from glimmer.errors import SamplingError

N = 40
RNG = np.random.default_rng(11)
TABLE = pd.DataFrame(
    {
        "y": RNG.normal(3, 2, N),
        "positive": RNG.gamma(3, 1, N),
        "share": RNG.beta(2, 3, N),
        "count": RNG.poisson(3, N),
        "yes": RNG.integers(0, 2, N),
        "hits": RNG.integers(0, 4, N),
        "tries": RNG.integers(4, 8, N),
        "x": RNG.normal(size=N),
        "t": RNG.uniform(0, 10, N),
        "w": RNG.uniform(0.5, 2, N),
        "g": np.array(list("abcd"))[RNG.integers(0, 4, N)],
        "h": np.array(list("uvw"))[RNG.integers(0, 3, N)],
    }
)
QUIET = {"few_levels": "ignore"}
SLOPES = "y ~ x + (x | g)"
SSLOGIS = "circumference ~ SSlogis(age, Asym, xmid, scal)"

NORMAL = {
    "correlated slopes": (SLOPES, {}),
    "three effects": ("y ~ x + (1 + x + w | g)", {}),
    "crossed": ("y ~ x + (1 | g) + (1 | h)", {}),
    "crossed with slopes": ("y ~ x + (x | g) + (x | h)", {}),
    "nested": ("y ~ 1 + (1 | g / h)", {}),
    "uncorrelated": ("y ~ x + (x || g)", {}),
    "no intercept": ("y ~ 0 + x + (0 + x | g)", {}),
    "lkj": (SLOPES, {"prior_covariance": gl.lkj(2)}),
    "exponents": (SLOPES, {"weights": "w"}),
    "precision": (SLOPES, {"weights": gl.precision_weights("w")}),
    "offset": ("y ~ x + offset(w) + (1 | g)", {}),
    "QR": ("y ~ x + t + h + (1 | g)", {"QR": True}),
    "lognormal": ("positive ~ x + (1 | g)", {"family": "lognormal"}),
    "lognormal, exponents": ("positive ~ x + (1 | g)", {"family": "lognormal", "weights": "w"}),
    "smooth": ("y ~ s(t, k=5) + x + (1 | g)", {}),
    "smooth by level": ("y ~ s(t, g, bs='fs', k=4) + x", {}),
    "tensor product": ("y ~ te(t, x, k=3)", {}),
}
OTHERS = {
    "binomial": ("cbind(hits, tries - hits) ~ x + (x | g)", {"family": "binomial"}),
    "probit": ("yes ~ x + (1 | g)", {"family": "bernoulli", "link": "probit"}),
    "bernoulli, crossed": ("yes ~ x + (1 | g) + (1 | h)", {"family": "bernoulli"}),
    "Poisson, offset": ("count ~ x + offset(w) + (x || g)", {"family": "poisson"}),
    "Poisson, exponents": ("count ~ x + (1 | g)", {"family": "poisson", "weights": "w"}),
    "Poisson, tensor product": ("count ~ te(t, x, k=3)", {"family": "poisson"}),
    "negative binomial": ("count ~ s(t, k=5) + (1 | g)", {"family": "neg_binomial_2"}),
    "by level": ("count ~ s(t, g, bs='fs', k=4)", {"family": "neg_binomial_2"}),
    "Gamma": ("positive ~ x + (1 | g)", {"family": "Gamma", "link": "log"}),
    "beta": ("share ~ x + (1 | g)", {"family": "beta"}),
    "Student's t": ("y ~ x + (x | g)", {"family": "student_t"}),
    "prior of another kind": (
        SLOPES,
        {"prior": gl.student_t(4, 0, 2), "prior_intercept": gl.cauchy(0, 5)},
    ),
    "QR, exponents": ("y ~ x + t + (1 | g)", {"family": "student_t", "QR": True, "weights": "w"}),
}

DECAY = "y ~ a * exp(-k * t)"
RATES = {"params": ["a", "k"], "kinds": {"k": "rate"}}
CURVES = {
    "one effect": (f"{ORANGE}", orange, {}),
    "three effects, ordered": (THEOPH, lambda: gl.load_data("Theoph"), {}),
    "two factors, covariates": (
        "circumference ~ SSlogis(age, Asym, xmid, scal)",
        orange,
        {
            "params": {
                "Asym": "~ big + (1 | Tree)",
                "xmid": "~ (1 | Tree)",
                "scal": "~ (1 | plot)",
            }
        },
    ),
    "correlated": (f"{SSLOGIS} ~ Asym + xmid | Tree", orange, {}),
    "smooth": (f"{SSLOGIS} ~ Asym | Tree", orange, {"params": {"xmid": "~ s(z, k=4)"}}),
    "residual sd": (f"{DECAY} ~ a | g", decay, {**RATES, "residual": "constant+power"}),
    "lognormal": (f"{DECAY} ~ a | g", decay, {**RATES, "family": "lognormal"}),
    "counts, offset": (
        "count ~ a - k * t ~ a | g",
        decay,
        {**RATES, "family": "neg_binomial_2", "link": "log", "offset": "shift"},
    ),
    "counts": ("count ~ a * exp(-k * t) ~ a | g", decay, {**RATES, "family": "neg_binomial_2"}),
    "weights": (f"{DECAY} ~ a | g", decay, {**RATES, "weights": "t"}),
}


def curve_of(formula, data, arguments):
    return gl.NlmerBuilder(formula, data(), **{"checks": QUIET, **arguments})


def model_of(formula, arguments):
    return gl.GlmerBuilder(formula, TABLE, **{"checks": QUIET, **arguments})


def dataset(point, names):
    """Values as a posterior of draws: those of Z vary, the others are repeated."""
    draws = len(point[Z]) if Z in point else 1
    arrays = {}
    for name in names:
        values = np.asarray(point[name], float)
        values = values if name == Z else np.broadcast_to(values, (draws, *values.shape))
        dims = ("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 1)))
        arrays[name] = (dims, values[None])
    return xr.Dataset(arrays, coords={"chain": [0], "draw": np.arange(draws)})


def plan_density(plan, point):
    """The log density of what is sampled, in its variables' own units."""
    names = [potential.name for potential in plan.model.potentials]
    potentials = evaluator(plan.model, names)(point)
    return sum(log_densities(plan.model)(point).values()) + sum(
        float(v) for v in potentials.values()
    )


def joint(model, names):
    """Log density of the model, and its gradient by the named variables."""
    values = {rv: rv.type() for rv in model.free_RVs}
    observed = {rv: model.rvs_to_values[rv] for rv in model.observed_RVs}
    density = sum(term.sum() for term in conditional_logp({**values, **observed}).values())
    inputs = {rv.name: value for rv, value in values.items()}
    gradients = pytensor.grad(density, [inputs[n] for n in names])
    function = pytensor.function([*inputs.values()], [density, *gradients], mode=PLAIN)

    def at(point):
        value, *parts = function(*(np.asarray(point[name], float) for name in inputs))
        return float(value), np.concatenate([np.ravel(part) for part in parts])

    return at


def moved(point, names, vector):
    """``point`` with the named variables cut out of one vector."""
    out, at = dict(point), 0
    for name in names:
        shape = np.shape(point[name])
        size = int(np.prod(shape))
        out[name] = vector[at : at + size].reshape(shape)
        at += size
    return out


def marginal(model, names, point):
    """The log joint density, quadratic in the named variables, integrated over them."""
    at = joint(model, names)
    size = sum(np.size(point[name]) for name in names)
    value, slope = at(moved(point, names, np.zeros(size)))
    unit = [at(moved(point, names, e))[1] - slope for e in np.eye(size)]
    precision = -np.array(unit)
    sign, log_determinant = np.linalg.slogdet(precision)
    assert sign > 0
    quad = slope @ np.linalg.solve(precision, slope)
    return value + 0.5 * (quad + size * np.log(2 * np.pi) - log_determinant)


@pytest.mark.parametrize("name", NORMAL)
def test_integrated_density_is_the_models_integral(name):
    model = model_of(*NORMAL[name])
    plan, plain = choose(model.spec, model.design, None), model.build()
    assert plan.name == "integrated"
    sampled = {rv.name for rv in plan.model.free_RVs}
    coefficients = [rv.name for rv in plain.free_RVs if rv.name not in sampled]
    for seed in (1, 2):
        point = random_point(plain, seed)
        ours = plan_density(plan, point)
        np.testing.assert_allclose(ours, marginal(plain, coefficients, point), rtol=1e-8)


@pytest.mark.parametrize("name", [*NORMAL, *OTHERS, *CURVES])
def test_whitening_is_a_change_of_variables(name):
    """Density of z = joint density at the coefficients + log |d coefficients / dz|."""
    model = curve_of(*CURVES[name]) if name in CURVES else model_of(*{**NORMAL, **OTHERS}[name])
    plan, plain = choose(model.spec, model.design, "whitened"), model.build()
    sampled = {rv.name for rv in plan.model.free_RVs}
    coefficients = [rv.name for rv in plain.free_RVs if rv.name not in sampled]
    at, blocks = log_densities(plain), plan.layout.blocks
    constant = 0.5 * (blocks.size - blocks.X.shape[1]) * np.log(2 * np.pi)
    for seed in (1, 2):
        point = random_point(plan.model, seed)
        z = np.vstack([point[Z], np.zeros(blocks.size), np.eye(blocks.size)])
        draws = dataset({**point, Z: z}, sampled)
        found = plan.recover(draws, 0, dict.fromkeys(coefficients, slice(None)))
        assert set(found) == set(coefficients)
        flat = np.hstack([found[n][0].reshape(len(z), -1) for n in coefficients])
        log_jacobian = np.linalg.slogdet(flat[2:] - flat[1])[1]
        theirs = sum(at({**point, **{n: found[n][0, 0] for n in coefficients}}).values())
        ours = plan_density(plan, point)
        np.testing.assert_allclose(ours - constant, theirs + log_jacobian, rtol=1e-8)


@pytest.mark.parametrize("name", ["correlated slopes", "crossed", "smooth", "QR", "precision"])
def test_coefficients_are_drawn_from_their_distribution_given_the_rest(name):
    """Draws have the mean and covariance of the joint density's quadratic form."""
    model = model_of(*NORMAL[name])
    plan, plain = choose(model.spec, model.design, None), model.build()
    sampled = {rv.name for rv in plan.model.free_RVs}
    names = [rv.name for rv in plain.free_RVs if rv.name not in sampled]
    point, draws = random_point(plain, 3), 20_000
    size = sum(np.size(point[n]) for n in names)
    at = joint(plain, names)
    slope = at(moved(point, names, np.zeros(size)))[1]
    precision = -np.array([at(moved(point, names, e))[1] - slope for e in np.eye(size)])
    repeated = dataset(point, sampled).isel(draw=np.zeros(draws, int))
    found = plan.recover(repeated, agreement.seed(5), dict.fromkeys(names, slice(None)))
    flat = np.hstack([found[n][0].reshape(draws, -1) for n in names])
    z = (flat - np.linalg.solve(precision, slope)) @ np.linalg.cholesky(precision)
    assert mean_is(z, 0)
    assert covariance_is(z, np.eye(size))


def test_what_is_wanted_does_not_change_the_draws():
    model = model_of("y ~ x + (x | g) + (1 | h)", {})
    plan = choose(model.spec, model.design, None)
    point = random_point(plan.model, 4)
    draws = dataset(point, [rv.name for rv in plan.model.free_RVs])
    draws = draws.isel(draw=np.zeros(7, int))
    every = plan.recover(draws, 1, dict.fromkeys(["x", "1|h", "1|g", "x|g"], slice(None)))
    rest = plan.recover(draws, 1, {"x": slice(None), "1|h": np.array([2, 0])})
    np.testing.assert_array_equal(rest["x"], every["x"])
    np.testing.assert_array_equal(rest["1|h"], every["1|h"][..., [2, 0]])


@pytest.mark.parametrize(
    ("coordinates", "arguments"),
    [("sideways", {}), ("integrated", {"family": "student_t"}), ("whitened", {"prior": gl.hs()})],
)
def test_impossible_coordinates_are_an_error(coordinates, arguments):
    model = model_of(SLOPES, arguments)
    with pytest.raises(SamplingError):
        choose(model.spec, model.design, coordinates)


@pytest.mark.parametrize("name", ["Student's t", "one effect"])
def test_whitening_is_the_same_every_time(name):
    def floats():
        model = curve_of(*CURVES[name]) if name in CURVES else model_of(*OTHERS[name])
        return choose(model.spec, model.design, "whitened").products.floats

    np.testing.assert_array_equal(floats(), floats())


def test_curves_of_which_two_sets_of_parameters_are_near_stay_in_plain_coordinates(monkeypatch):
    """Whitened chains would not see the border between the two sets, or never cross it."""
    undecided = gl.NlmerBuilder(THEOPH, gl.load_data("Theoph"), ordering=False)
    assert choose(undecided.spec, undecided.design, None) is None
    model = gl.NlmerBuilder(THEOPH, gl.load_data("Theoph"))
    assert choose(model.spec, model.design, None).name == "whitened"
    monkeypatch.setattr("glimmer.coordinates.start_at_mode.FAR", 1e6)
    assert choose(model.spec, model.design, None) is None
    with pytest.raises(SamplingError, match="lKe and lKa are ordered"):
        choose(model.spec, model.design, "whitened")


def test_default_coordinates():
    kinds = {SLOPES: "integrated", "y ~ x + (x | g) + s(t, k=4)": "integrated"}
    for formula, expected in kinds.items():
        model = model_of(formula, {})
        assert choose(model.spec, model.design, None).name == expected
    model = model_of(SLOPES, {"family": "student_t"})
    assert choose(model.spec, model.design, None).name == "whitened"
    assert choose(model.spec, model.design, "plain") is None
    for name in ("one effect", "lognormal", "counts"):
        model = curve_of(*CURVES[name])
        assert choose(model.spec, model.design, None).name == "whitened"
