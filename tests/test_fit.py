"""Fitting: samplers, extended models, coordinates, and what comes back."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from agreement import (
    PROBABILITIES,
    beyond,
    disagreements,
    disagreements_between,
    mean_errors,
    seed,
)
from scipy import stats

import glimmer as gl
from glimmer.errors import NotFitted, SamplingError, SamplingWarning

SHORT = pytest.mark.filterwarnings("ignore::glimmer.errors.SamplingWarning")  # few draws
FORMULA = "Reaction ~ Days + (Days | Subject)"
BINOMIAL = "cbind(incidence, size - incidence) ~ period + (1 | herd)"


def sleep(**arguments):
    return gl.GlmerBuilder(FORMULA, gl.load_data("sleepstudy"), **arguments)


def herds(**arguments):
    return gl.GlmerBuilder(BINOMIAL, gl.load_data("cbpp"), family="binomial", **arguments)


def agree(ours, theirs, names):
    """Every element of every variable is the same in two posteriors."""
    found = []
    for name in names:
        a = ours["posterior"][name].values
        b = theirs["posterior"][name].values
        a, b = (x.reshape(*x.shape[:2], -1) for x in (a, b))
        for i in range(a.shape[2]):
            found += disagreements_between(f"{name}[{i}]", a[..., i], b[..., i])
    return found


def exact(draws, law):
    """What differs between draws and the law that they have."""
    quantiles = {p: law.ppf(p) for p in PROBABILITIES}
    return disagreements("Days", draws, law.mean(), law.std(), np.inf, quantiles)


@pytest.fixture(scope="module")
def integrated():
    model = sleep()
    model.fit(draws=2000, random_seed=seed(1), progressbar=False)
    return model


def test_inference_data_has_the_usual_groups(integrated):
    idata = integrated.idata
    groups = {"posterior", "sample_stats", "observed_data", "constant_data"}
    assert groups <= set(idata.children)
    assert idata["posterior"].sizes["draw"] == 2000
    assert idata.attrs["coordinates"] == "integrated"
    assert idata.attrs["modeling_interface"] == "glimmer"
    observed = idata["observed_data"]["Reaction"].values
    np.testing.assert_array_equal(observed, gl.load_data("sleepstudy")["Reaction"])
    assert idata["posterior"]["Days|Subject"].dims == ("chain", "draw", "Subject__factor_dim")


def test_draws_are_those_of_the_models_own_variables(integrated):
    posterior, built = integrated.idata["posterior"], integrated.build()
    free = {variable.name for variable in built.free_RVs}
    named = {variable.name for variable in built.deterministics}
    assert set(posterior.data_vars) == free | named
    sd = posterior["1|Subject_sigma"].values
    tau, share = posterior["Subject_tau"].values, posterior["Subject_share"].values
    np.testing.assert_allclose(sd, posterior["sigma"] * tau * np.sqrt(2 * share))


def test_same_seed_same_draws(integrated):
    again = sleep()
    again.fit(draws=2000, random_seed=seed(1), progressbar=False)
    for name in ("Days", "1|Subject"):
        np.testing.assert_array_equal(
            again.idata["posterior"][name], integrated.idata["posterior"][name]
        )


@pytest.mark.slow
@SHORT
def test_an_extended_model_is_sampled_as_it_stands(integrated):
    """An extra potential and a replaced prior; the same names come back, and both had an effect."""
    model = sleep()
    built = model.build()
    with built:
        pm.Normal("Days_prior", 10.0, 0.1)
        pm.Potential("small", -0.5 * (built["sigma"] / 5.0) ** 2)
    extended = pm.do(built, {"Days": built["Days_prior"]})
    idata = model.fit(extended, draws=500, tune=500, random_seed=seed(1), progressbar=False)
    ours, base = idata["posterior"], integrated.idata["posterior"]
    assert set(base.data_vars) | {"Days_prior"} == set(ours.data_vars)
    assert idata.attrs["coordinates"] == "plain"
    # data that say 10.46 +- 1.7 hardly move the new prior
    prior = stats.norm(10.0016, 0.0998)
    assert not exact(ours["Days"].values, prior)
    apart = float(base["sigma"].mean()) - float(ours["sigma"].mean())
    error = np.hypot(mean_errors(ours["sigma"]), mean_errors(base["sigma"]))
    assert beyond(apart, 1, error)


@pytest.mark.slow
@SHORT
def test_integrated_and_plain_coordinates_have_one_posterior(integrated):
    plain = sleep()
    plain.fit(draws=2000, random_seed=seed(2), progressbar=False, coordinates="plain")
    names = ["Intercept", "Days", "sigma", "1|Subject_sigma", "Days|Subject_sigma", "1|Subject"]
    assert not agree(integrated.idata, plain.idata, names)


@pytest.mark.slow
@SHORT
def test_whitened_and_plain_coordinates_have_one_posterior():
    white, plain = herds(), herds()
    white.fit(draws=2000, random_seed=seed(1), progressbar=False)
    assert white.idata.attrs["coordinates"] == "whitened"
    plain.fit(draws=2000, random_seed=seed(2), progressbar=False, coordinates="plain")
    assert not agree(white.idata, plain.idata, ["Intercept", "period", "1|herd_sigma", "1|herd"])


@pytest.mark.slow
@SHORT
def test_pymc_samples_the_plan_too(integrated):
    model = sleep()
    idata = model.fit(
        draws=500,
        tune=500,
        chains=2,
        cores=1,
        sampler="pymc",
        random_seed=seed(1),
        progressbar=False,
    )
    assert idata.attrs["inference_library"] == "pymc"
    assert not agree(idata, integrated.idata, ["Days", "sigma", "1|Subject_sigma"])
    assert {"tree_depth", "diverging", "energy"} <= set(idata["sample_stats"].data_vars)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["meanfield", "fullrank"])
def test_variational_approximations(algorithm):
    model = sleep()
    idata = model.fit(
        draws=200, algorithm=algorithm, random_seed=seed(1), progressbar=False, n=4_000
    )
    assert idata.attrs["inference_library"] == algorithm
    Days = idata["posterior"]["Days"]
    assert not beyond(float(Days.mean()) - 10.5, 3, mean_errors(Days))
    assert np.isfinite(idata["posterior"]["1|Subject"]).all()


@pytest.mark.slow
@SHORT
def test_the_prior_alone_is_sampled_without_a_likelihood():
    model = gl.GlmerBuilder(
        "Reaction ~ Days + (1 | Subject)", gl.load_data("sleepstudy"), prior_PD=True
    )
    idata = model.fit(draws=2000, random_seed=seed(1), progressbar=False)
    scale = model.spec.priors.predictors["mu"].common[0].prior.scale
    assert not exact(idata["posterior"]["Days"].values, stats.norm(0, scale))


def test_the_verdict_warns_and_says_what_to_do(integrated):
    short = sleep()
    with pytest.warns(SamplingWarning, match="sample longer"):
        short.fit(draws=100, tune=10, chains=2, random_seed=seed(1), progressbar=False)


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"sampler": "nutpy"}, "nutpie"),
        ({"algorithm": "advi"}, "meanfield"),
        ({"draws": 0}, "draws"),
        ({"target_accept": 1.5}, "target_accept"),
        ({"random_seed": -1}, "random_seed"),
        ({"coordinates": "centred"}, "integrated"),
    ],
)
def test_impossible_settings_are_refused_before_compiling(arguments, fragment):
    with pytest.raises(SamplingError, match=fragment):
        sleep().fit(progressbar=False, **arguments)


def test_coordinates_that_a_model_does_not_have():
    with pytest.raises(SamplingError, match="Integrated coordinates cannot be used"):
        herds().fit(coordinates="integrated", progressbar=False)


def test_a_density_that_is_not_finite_is_named():
    model = sleep()
    with model.build() as built:
        pm.Potential("broken", pt.log(-pt.abs(built["Days"]) - 1))
    with pytest.raises(SamplingError, match="broken"):
        model.fit(built, progressbar=False)


def test_asking_before_fitting():
    with pytest.raises(NotFitted, match="fit"):
        sleep().fixef()


def test_print_in_rstanarms_manner(integrated):
    lines = str(integrated).splitlines()
    assert lines[1] == " family:       gaussian [identity]"
    assert lines[3] == " observations: 180"
    table = {line.split()[0]: line.split()[1:] for line in lines if line and line[0] != " "}
    fixef = integrated.fixef()
    assert table["Days"] == [f"{fixef.loc['Days', c]:.1f}" for c in ("Median", "MAD_SD")]
    assert lines[-1] == "Num. levels: Subject 18"
    varcorr = integrated.VarCorr()["Median"]
    below = lines[lines.index("Error terms:") :]
    slope = next(line.split() for line in below if line.strip().startswith("Days "))
    sd, corr = varcorr["Subject", "sd(Days)"], varcorr["Subject", "cor(1, Days)"]
    assert slope == ["Days", f"{sd:.2f}", f"{corr:.2f}"]


def test_coef_is_the_sum_draw_by_draw(integrated):
    posterior = integrated.idata["posterior"]
    total = (posterior["Days"] + posterior["Days|Subject"]).sel(Subject__factor_dim="310")
    row = integrated.coef(prob=0.5)["Subject"].loc["Days", "310"]
    np.testing.assert_allclose(row["Median"], np.median(total))
    np.testing.assert_allclose(row["25%"], np.quantile(total, 0.25))


def test_estimates_have_rows_for_everything(integrated):
    assert list(integrated.fixef().index) == ["Intercept", "Days"]
    assert integrated.ngrps() == {"Subject": 18}
    assert integrated.nobs() == 180
    assert len(integrated.ranef()["Subject"]) == 36
    assert list(integrated.sigma().index) == ["sigma"]
    assert "Subject_corr[1, Days]" in integrated.summary().index
    assert len(integrated.summary(pars=["varying"])) == 36


def test_the_verdict_can_be_asked_for(integrated):
    assert integrated.verdict().level == "good"
    integrated.verdict().assert_trustworthy()
    with pytest.raises(NotFitted):
        sleep().verdict()


def test_a_potential_that_forbids_the_start():
    model = sleep()
    with (built := model.build()):
        pm.Potential("positive", pt.switch(built["Days"] > 0, 0.0, -np.inf))
    with pytest.raises(SamplingError, match="'positive'") as raised:
        model.fit(built, draws=10, tune=10, progressbar=False)
    assert "initial_point" in raised.value.fix
