"""Smooths whose penalties mix (bs="ad", several penalties of bs="bs", bs="sz"), against mgcv.

gamm4_mixed.json has the fits of R 4.2.2 with mgcv 1.8-41, ``method="REML"``.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agreement import disagreements_between, sampling_problems, sds_are, seed
from gamm4_reference import answers, table
from methods import edf, posterior_linpred
from reml import FLAT, Restricted

import glimmer as gl

ANSWERS = json.loads((Path(__file__).parent / "reference" / "gamm4_mixed.json").read_text())
DATA = {"mcycle": "mcycle", "chick": "chickweight"}
CASES = [name for name in ANSWERS if name != "versions"]


def restricted(name):
    """The restricted likelihood, and mgcv's estimates in our units."""
    rows = table(answers(DATA[name.split("_")[0]])["data"])
    likelihood = Restricted(gl.Gamm4Builder(ANSWERS[name]["formula"], rows, **FLAT))
    blocks = likelihood.builder.spec.smooth_blocks
    scales = [(sd, named.block.scale) for named in blocks for sd in named.sds]
    *sds, sigma = ANSWERS[name]["sd_smooth"]
    point = {sd: value * scale for (sd, scale), value in zip(scales, sds, strict=True)}
    return likelihood, {**point, "sigma": sigma}, rows


@pytest.mark.parametrize("name", CASES)
def test_at_mgcvs_estimates_the_fit_is_mgcvs(name):
    """Two sds of each of ad and sz differ by factors of 10^5 and more there."""
    likelihood, point, rows = restricted(name)
    known = ANSWERS[name]
    many = posterior_linpred(likelihood.fitted(point, draws=4000), rows)
    assert sds_are(many.std(("chain", "draw"), ddof=1), known["se"], 4000)
    model = likelihood.fitted(point)
    mean = posterior_linpred(model, rows).values[0, 0]
    np.testing.assert_allclose(mean, known["fitted"], atol=1e-5 * np.ptp(known["fitted"]))
    assert edf(model).sum() == pytest.approx(known["edf"], rel=1e-4)


@pytest.mark.parametrize("name", ["mcycle_bs", "mcycle_bs3"])
def test_the_restricted_likelihood_is_largest_at_mgcvs_estimates(name):
    likelihood, point, _ = restricted(name)
    found = likelihood.maximum({key: 1.2 * value for key, value in point.items()})
    assert found == pytest.approx(point, rel=5e-3)


@pytest.mark.parametrize("name", CASES)
def test_no_neighbour_of_mgcvs_estimates_is_likelier(name):
    """Where an sd is estimated as zero or infinite there is no maximum to be found."""
    likelihood, point, _ = restricted(name)
    best = likelihood(point)
    for key, value in point.items():
        for factor in (0.9, 1.1):
            assert likelihood({**point, key: value * factor}) < best + 1e-5


# Posteriors

RNG = np.random.default_rng(3)
N = 300


def simulated():
    """A curve of uneven wiggliness, a second covariate, and deviations by level."""
    x, z = np.sort(RNG.uniform(0, 1, N)), RNG.uniform(-1, 1, N)
    g = np.array(list("abcd"))[RNG.integers(0, 4, N)]
    eta = 2 * np.sin(4 * np.pi * x**3) + z**2
    apart = {"a": 0.5 * np.sin(6 * x), "b": -x, "c": x**2, "d": 0 * x}
    by_level = np.select([g == level for level in apart], list(apart.values()))
    y = eta + RNG.normal(0, 0.4, N)
    yes = (RNG.uniform(size=N) < 1 / (1 + np.exp(-1.2 * eta))).astype(int)
    count = RNG.poisson(np.exp(eta / 2))
    return pd.DataFrame(dict(x=x, z=z, g=g, y=y, yes=yes, count=count, levels=y + by_level))


TABLE = simulated()
MODELS = {
    "y ~ s(x, bs='ad') + s(z)": "gaussian",
    "y ~ s(x, bs='bs', m=c(3,2,1))": "gaussian",
    "y ~ s(x, bs='bs', m=c(3,2,1,0))": "gaussian",
    "levels ~ s(x) + s(g, x, bs='sz')": "gaussian",
    "yes ~ s(x, bs='bs', m=c(3,2,1))": "bernoulli",
    "yes ~ s(x) + s(g, x, bs='sz')": "bernoulli",
    "count ~ s(x, bs='ad')": "poisson",
}


@pytest.mark.slow
@pytest.mark.parametrize("formula", MODELS)
def test_models_with_mixed_penalties_sample_well(formula):
    model = gl.Gamm4Builder(formula, TABLE, family=MODELS[formula])
    model.fit(random_seed=seed(1), progressbar=False)
    assert model.idata.attrs["coordinates"] != "plain"
    assert not sampling_problems(model.verdict())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "family"),
    [("y", "gaussian"), ("count", "poisson")],
)
def test_coordinates_do_not_change_the_posterior(outcome, family):
    """Draws in integrated or whitened coordinates and in those of the model as it stands."""
    formula = f"{outcome} ~ s(x, bs='bs', m=c(3,2,1,0), k=6)"
    rows = TABLE.iloc[::3]
    fits = []
    for coordinates in (None, "plain"):
        model = gl.Gamm4Builder(formula, rows, family=family, prior_smooth=gl.gamma(4, 4))
        model.fit(
            coordinates=coordinates, target_accept=0.99, random_seed=seed(2), progressbar=False
        )
        fits.append(model.idata["posterior"])
    found = []
    for name in fits[1].data_vars:
        draws, known = (fit[name].values.reshape(*fit[name].shape[:2], -1) for fit in fits)
        for i in range(draws.shape[-1]):
            found += disagreements_between(f"{name}[{i}]", draws[..., i], known[..., i])
    assert not found
