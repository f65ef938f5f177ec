"""Bambi's objects are accepted, and models translate to bambi with the same density."""

import bambi
import numpy as np
import pytest

import glimmer as gl
from glimmer.errors import DesignError, PriorError
from glimmer.interpreter.modes import PLAIN

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def density(model, values):
    """Log density in the model's own variables, transforms' Jacobians apart."""
    point = {}
    for rv in model.free_RVs:
        value = np.asarray(values[rv.name], float)
        transform = model.rvs_to_transforms[rv]
        variable = model.rvs_to_values[rv]
        if transform is not None:
            inputs = [model.replace_rvs_by_values([i])[0] for i in rv.owner.inputs]
            forward = transform.forward(value, *inputs)
            from pytensor.graph.traversal import explicit_graph_inputs

            given = {v: point[v.name] for v in explicit_graph_inputs([forward])}
            value = forward.eval(given, mode=PLAIN)
        point[variable.name] = value
    return float(model.compile_logp(jacobian=False, mode=PLAIN)(point))


CASES = {
    "cbpp": (
        "cbind(incidence, size - incidence) ~ period + (1 | herd)",
        "cbpp",
        {"family": "binomial"},
        {"1|herd_sigma": (), "period": (3,), "1|herd": (15,)},
    ),
    "sleepstudy": (
        "Reaction ~ Days + (Days || Subject)",
        "sleepstudy",
        {"prior_covariance": gl.lkj(scale=2.0, df=3)},
        {
            "1|Subject_sigma": (),
            "Days|Subject_sigma": (),
            "1|Subject": (18,),
            "Days|Subject": (18,),
            "Days": (),
            "sigma": (),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_to_bambi_has_the_same_density_up_to_a_constant(case):
    formula, data, arguments, shapes = CASES[case]
    model = gl.GlmerBuilder(formula, gl.load_data(data), **arguments)
    theirs = model.to_bambi()
    theirs.build()
    ours, backend = model.build(), theirs.backend.model
    rng = np.random.default_rng(1)
    differences = []
    for _ in range(4):
        values = {name: abs(rng.normal(size=shape)) + 0.1 for name, shape in shapes.items()}
        values["Intercept_centered"] = values["Intercept"] = np.array(rng.normal())
        their_values = dict(values)
        for name in shapes:
            if f"{name}_offset" in {v.name for v in backend.free_RVs}:
                their_values[f"{name}_offset"] = values[name] / values[f"{name}_sigma"]
        # bambi samples z = b / sigma, whose density lacks the -J log(sigma) of b's
        scale = sum(
            shapes[name][0] * np.log(values[f"{name}_sigma"])
            for name in shapes
            if "|" in name and not name.endswith("_sigma")
        )
        differences.append(density(ours, values) + scale - density(backend, their_values))
    assert np.ptp(differences) < 1e-6 * max(1, abs(differences[0]))


def test_correlated_effects_are_refused():
    model = gl.GlmerBuilder("Reaction ~ Days + (Days | Subject)", gl.load_data("sleepstudy"))
    with pytest.raises(DesignError, match="correlated"):
        model.to_bambi()


def test_sds_relative_to_sigma_are_refused():
    model = gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", gl.load_data("sleepstudy"))
    with pytest.raises(PriorError, match="lkj"):
        model.to_bambi()


def test_bambis_family_link_and_prior_are_accepted():
    family = bambi.Family(
        "laplace_like",
        likelihood=bambi.Likelihood("Laplace", params=["mu", "b"], parent="mu"),
        link="identity",
    )
    family.set_default_priors({"b": bambi.Prior("HalfNormal", sigma=30)})
    model = gl.GlmerBuilder(
        "Reaction ~ Days + (1 | Subject)",
        gl.load_data("sleepstudy"),
        family=family,
        prior={"Days": bambi.Prior("Normal", mu=0, sigma=20)},
    ).build()
    assert np.isfinite(model.compile_logp(mode=PLAIN)(model.initial_point()))
    assert model["b"].owner.op.__class__.__name__ == "HalfNormalRV"


def test_smooths_are_refused():
    model = gl.GlmerBuilder("Reaction ~ s(Days, k=5)", gl.load_data("sleepstudy"))
    with pytest.raises(DesignError, match="smooth"):
        model.to_bambi()
