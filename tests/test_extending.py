"""The stories of docs/extending: each is built, fitted, predicted, judged and saved."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from agreement import beyond, covariance_is, disagreements_between, mean_is, most_divergences, seed
from extending_cases import (
    DATA,
    PERIOD,
    RHO,
    SD,
    STORIES,
    TIMES,
    TRIALS,
    model,
    new_rows,
)
from extensions import FOLDER, MODULES, added
from fake_fit import fake_fit
from natural import random_point
from predict_cases import of_level, scalar
from scipy import stats
from scipy.special import expit
from small_models import assert_densities
from textbook import effects

import glimmer as gl
from glimmer.coordinates.choose import choose
from glimmer.coordinates.fused import fused_kernel
from glimmer.errors import NewDataError
from glimmer.sampling.fit import derived
from glimmer.terms import protocol

SLOW, ANY_WARNING = pytest.mark.slow, pytest.mark.filterwarnings("ignore")
EACH = pytest.mark.parametrize("name", STORIES)
EITHER = pytest.mark.parametrize("sampled", [False, pytest.param(True, marks=SLOW)])


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with added():
        yield


def test_every_story_is_short_and_told() -> None:
    assert set(MODULES) == set(STORIES)
    page = (FOLDER.parent / "extending.md").read_text()
    for name in STORIES:
        assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 40
        assert f"extending/{name}.py" in page


def test_what_is_added_is_forgotten() -> None:
    del protocol._TERMS["mo"]
    with added():
        assert "mo" in protocol._TERMS
    assert "mo" not in protocol._TERMS


def test_public_names_are_not_modules() -> None:
    """A name that is a file's too is the file once this is imported."""
    assert not [name for name in gl.__all__ if isinstance(getattr(gl, name), ModuleType)]


# Using them


@ANY_WARNING
@EACH
@EITHER
def test_predictions(name: str, sampled: bool) -> None:
    story, fit = STORIES[name], model(name, sampled)
    d, shape = fit.idata["posterior"].to_dataset(), (fit.idata["posterior"].sizes["chain"],)
    shape += (fit.idata["posterior"].sizes["draw"],)
    u = of_level(d, story.effect, DATA["g"])
    np.testing.assert_allclose(fit.posterior_epred().values, story.mean(d, DATA, u), rtol=1e-7)
    for rows in (DATA, new_rows()):
        typical = fit.posterior_epred(rows, groups=None)
        assert typical.shape == (*shape, len(rows))
        np.testing.assert_allclose(typical.values, story.mean(d, rows, 0.0), rtol=1e-7)
    seen, unseen = new_rows().iloc[[0, 2]], new_rows()
    u = of_level(d, story.effect, seen["g"])
    there = fit.posterior_epred(unseen, random_seed=1).values
    np.testing.assert_allclose(there[..., [0, 2]], story.mean(d, seen, u), rtol=1e-7)
    given = {"trials": np.full(5, TRIALS)} if fit.spec.family.has_trials else {}
    drawn = fit.posterior_predict(unseen, random_seed=1, **given)
    assert drawn.shape == (*shape, 5) and np.isfinite(drawn.values).all()


@EACH
@EITHER
def test_group_effects_are_averaged(name: str, sampled: bool) -> None:
    story, fit = STORIES[name], model(name, sampled)
    d, rows = fit.idata["posterior"].to_dataset(), new_rows()
    averaged = fit.posterior_epred(rows, groups="marginal").values
    z, weight = np.polynomial.hermite_e.hermegauss(120)
    sd = scalar(d, f"{story.effect}_sigma")
    each = [w * story.mean(d, rows, sd * point) for point, w in zip(z, weight, strict=True)]
    np.testing.assert_allclose(averaged, sum(each) / weight.sum(), rtol=1e-4)


@ANY_WARNING
@EACH
@EITHER
def test_judgements(name: str, sampled: bool) -> None:
    fit = model(name, sampled)
    assert fit.loo().n_data_points == len(DATA)
    explained = fit.bayes_R2()
    assert ((explained >= 0) & (explained <= 1)).all()
    assert fit.residuals().shape == (len(DATA),) and np.isfinite(fit.residuals()).all()


@ANY_WARNING
@EACH
@EITHER
def test_saved_and_loaded(name: str, sampled: bool, tmp_path: Any) -> None:
    fit = model(name, sampled)
    fit.save(tmp_path / name)
    again = gl.load(tmp_path / name)
    for groups in ("all", None, "marginal"):
        how = {"random_seed": 1} if groups == "all" else {"groups": groups}
        one, two = (m.posterior_epred(new_rows(), **how) for m in (fit, again))
        np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(again.loo().elpd, fit.loo().elpd)


@EACH
def test_coordinates(name: str) -> None:
    fit = model(name)
    plan = choose(fit.spec, fit.design, None)
    assert plan is not None and plan.name == STORIES[name].coordinates
    own = MODULES[name].__dict__.get(name)
    if isinstance(own, gl.Family):
        (kernel,) = own.kernels.values()
        assert fused_kernel(fit.spec, fit.design) is kernel


@SLOW
@EACH
def test_fits(name: str) -> None:
    fit = model(name, True)
    assert fit.idata.attrs["coordinates"] == STORIES[name].coordinates
    assert fit.idata["sample_stats"]["diverging"].sum() <= most_divergences(2000)
    d = fit.idata["posterior"].to_dataset()
    for variable, truth in TRUTH[name].items():
        mean, sd = float(d[variable].mean()), float(d[variable].std())
        assert not beyond(mean - truth, 0.0, sd), (variable, mean, sd)
        assert sd < WIDEST * max(1, abs(truth)), (variable, sd)


WIDEST = 0.4
TRUTH: dict[str, dict[str, float]] = {
    "monotonic": {"x": 0.5, "mo(often)": 2 / 3, "sigma": 1.0},
    "autoregressive": {"ar(t)_rho": RHO, "ar(t)_sd": SD, "sigma": 0.4},
    "fourier": {"sigma": 0.3},
    "zero_inflated_poisson": {"zi": 0.3, "x": 0.1},
    "beta_binomial": {"x": 0.0},
    "holling": {"top": 10.0, "half_link": np.log(3), "sigma": 0.3},
}


@SLOW
@ANY_WARNING  # plain coordinates mix worse
@pytest.mark.parametrize("name", ["monotonic", "autoregressive"])
def test_the_posterior_is_that_of_plain_coordinates(name: str) -> None:
    plain = STORIES[name].build()
    how = {"coordinates": "plain", "target_accept": 0.95, "progressbar": False}
    plain.fit(draws=600, tune=600, chains=4, random_seed=seed(5), **how)
    assert plain.idata.attrs["coordinates"] == "plain"
    ours, theirs = (m.idata["posterior"].to_dataset() for m in (model(name, True), plain))
    found = []
    for variable in theirs.data_vars:
        pairs = zip(*(columns_of(d[variable]) for d in (ours, theirs)), strict=True)
        for i, (one, two) in enumerate(pairs):
            found += disagreements_between(f"{variable}[{i}]", one, two)
    assert not found, "\n".join(found)


def columns_of(draws: Any) -> Iterator[np.ndarray]:
    """Every entry's draws, (chain, draw)."""
    flat = draws.values.reshape(*draws.shape[:2], -1)
    return (flat[..., i] for i in range(flat.shape[2]))


# What they mean


def gaussian_rest(fit: Any, point: dict[str, Any], eta: Any, y: str) -> dict[str, Any]:
    """Log densities of sigma, of group-specific effects and of a normal outcome."""
    sigma, sd = point["sigma"], point["sigma"] * point["g_tau"]
    return {
        "sigma": stats.expon.logpdf(sigma, scale=DATA[y].std()),
        "g_tau": stats.expon.logpdf(point["g_tau"]),
        "1|g": stats.norm.logpdf(point["1|g"], 0, sd),
        y: stats.norm.logpdf(DATA[y], eta + groups_of(point["1|g"]), sigma),
    }


def groups_of(effects: Any) -> np.ndarray:
    return effects[np.unique(DATA["g"], return_inverse=True)[1]]


@pytest.mark.parametrize("number", [1, 2])
def test_density_of_a_monotonic_effect(number: int) -> None:
    fit = model("monotonic")
    built = fit.build()
    p, y = random_point(built, number), DATA["rated"]
    height = 3 * np.concatenate([[0.0], np.cumsum(p["mo(often)_simplex"])])
    line = p["Intercept_centered"] + p["x"] * (DATA["x"] - DATA["x"].mean())
    eta = line + p["mo(often)"] * height[DATA["often"].cat.codes]
    expected = gaussian_rest(fit, p, eta, "rated") | {
        "Intercept_centered": stats.norm.logpdf(p["Intercept_centered"], y.mean(), 2.5 * y.std()),
        "x": stats.norm.logpdf(p["x"], 0, 2.5 * y.std() / DATA["x"].std()),
        "mo(often)": stats.norm.logpdf(p["mo(often)"], 0, 2.5 * y.std()),
        "mo(often)_simplex": stats.dirichlet.logpdf(p["mo(often)_simplex"], np.ones(3)),
    }
    assert_densities(built, p, expected)


@pytest.mark.parametrize("number", [1, 2])
def test_density_of_an_autoregressive_process(number: int) -> None:
    """Its values follow from one another: b_t = rho b_(t-1) + sd sqrt(1 - rho^2) z_t."""
    fit = model("autoregressive")
    built = fit.build()
    p, y = random_point(built, number), DATA["series"]
    rho, sd, z = p["ar(t)_rho"], p["ar(t)_sd"], p["ar(t)_z"]
    b = [sd * z[0]]
    for innovation in z[1:]:
        b.append(rho * b[-1] + sd * np.sqrt(1 - rho**2) * innovation)
    eta = p["Intercept"] + np.array(b)[DATA["t"]]
    expected = gaussian_rest(fit, p, eta, "series") | {
        "Intercept": stats.norm.logpdf(p["Intercept"], y.mean(), 2.5 * y.std()),
        "ar(t)_rho": stats.uniform.logpdf(rho, -1, 2),
        "ar(t)_sd": stats.expon.logpdf(sd, scale=y.std()),
        "ar(t)_z": stats.norm.logpdf(z),
    }
    assert_densities(built, p, expected)


@ANY_WARNING
def test_the_smooth_is_the_gaussian_process_of_its_waves() -> None:
    """Covariance of f(x), f(x'): sum_k cos(2 pi k (x - x') / period) / k^4, of mean variance 1."""
    fit = model("fourier")
    (block,) = fit.spec.smooth_blocks
    Z, order = fit.design.smooths[block.name], np.arange(1, 4)
    turns = 2 * np.pi * np.subtract.outer(DATA["x"].values, DATA["x"].values)[..., None] / PERIOD
    covariance = (np.cos(order * turns) / order**4.0).sum(axis=-1) / (order**-4.0).sum()
    np.testing.assert_allclose(Z @ Z.T, covariance, atol=1e-12)
    here, next_ = (fit.posterior_epred(DATA.assign(x=DATA["x"] + s)) for s in (0, PERIOD))
    np.testing.assert_allclose(next_.values, here.values)


@pytest.mark.parametrize("number", [1, 2])
def test_density_of_zero_inflated_counts(number: int) -> None:
    built = model("zero_inflated_poisson").build()
    p, y = random_point(built, number), DATA["count"]
    line = p["Intercept_centered"] + p["x"] * (DATA["x"] - DATA["x"].mean())
    mu, zi = np.exp(line + groups_of(p["1|g"])), p["zi"]
    expected = whitened_rest(p) | {
        "zi": stats.beta.logpdf(zi, 1, 1),
        "count": np.log(zi * (y == 0) + (1 - zi) * stats.poisson.pmf(y, mu)),
    }
    assert_densities(built, p, expected)


@pytest.mark.parametrize("number", [1, 2])
def test_density_of_beta_binomial_counts(number: int) -> None:
    built = model("beta_binomial").build()
    p = random_point(built, number)
    line = p["Intercept_centered"] + p["x"] * (DATA["x"] - DATA["x"].mean())
    mu, phi = expit(line + groups_of(p["1|g"])), p["phi"]
    law = stats.betabinom(TRIALS, mu * phi, (1 - mu) * phi)
    outcome = {"cbind(hits, misses)": law.logpmf(DATA["hits"])}
    assert_densities(built, p, whitened_rest(p) | {"phi": stats.expon.logpdf(phi, 0, 10)} | outcome)


def whitened_rest(p: dict[str, Any]) -> dict[str, Any]:
    """Log densities of coefficients and group-specific effects without a residual sd."""
    sd = np.array([p["1|g_sigma"]])
    return {
        "Intercept_centered": stats.norm.logpdf(p["Intercept_centered"], 0, 2.5),
        "x": stats.norm.logpdf(p["x"], 0, 2.5 / DATA["x"].std()),
        "1|g_sigma": stats.expon.logpdf(p["1|g_sigma"]),
        "1|g": effects(p["1|g"][:, None], sd, np.eye(1)),
    }


@pytest.mark.parametrize("name", ["zero_inflated_poisson", "beta_binomial"])
def test_declared_moments_are_those_of_the_law(name: str) -> None:
    """Sums over all outcomes."""
    family, mu = getattr(MODULES[name], name), np.array([0.15, 0.4, 0.8])
    y = np.arange(80)[:, None]
    if name == "beta_binomial":
        mass = stats.betabinom.pmf(y, TRIALS, 3 * mu, 3 * (1 - mu))
        given: dict[str, Any] = {"phi": 3.0, "trials": TRIALS}
    else:
        mass = 0.3 * (y == 0) + 0.7 * stats.poisson.pmf(y, mu)
        given = {"zi": 0.3}
    mean = (y * mass).sum(axis=0)
    variance = ((y - mean) ** 2 * mass).sum(axis=0)
    np.testing.assert_allclose(family.mean(mu, **given), mean)
    np.testing.assert_allclose(family.variance(mu, **given), variance)


# The law of what the training rows did not have


def constant_fit(name: str, draws: int, **values: float) -> Any:
    """A story's model whose draws are all the same."""
    fit = fake_fit(STORIES[name].build(), draws=draws)
    drawn = fit.idata["posterior"].to_dataset()[[v.name for v in fit.build().free_RVs]]
    same = drawn.isel(chain=[0], draw=[0]).isel(chain=[0, 0], draw=np.zeros(draws, int))
    same = same.assign_coords(chain=drawn.chain, draw=drawn.draw)
    for variable, number in values.items():
        same[variable] = same[variable] * 0 + number
    fit.idata["posterior"] = derived(fit.build(), same)
    return fit


def test_a_forecast_has_the_mean_and_variance_of_the_process() -> None:
    """From the last value b: mean rho^h b, variance sd^2 (1 - rho^2h), h steps ahead."""
    fit = constant_fit("autoregressive", 4000, **{"ar(t)_rho": RHO, "ar(t)_sd": 1.3})
    h = np.array([1, 2, 3, 7, 30])
    rows = pd.DataFrame({"t": TIMES - 1 + h, "g": "a"})
    drawn = fit.posterior_linpred(rows, groups=None, random_seed=seed(3)).values.reshape(-1, 5)
    d = fit.idata["posterior"].to_dataset()
    last, intercept = (float(d[v].values[0, 0].ravel()[-1]) for v in ("ar(t)", "Intercept"))
    assert mean_is(drawn, intercept + RHO**h * last)
    both = 1.3**2 * RHO ** abs(np.subtract.outer(h, h)) * (1 - RHO ** (2 * np.minimum.outer(h, h)))
    assert covariance_is(drawn, both)
    assert covariance_is(drawn[:, [4]].repeat(2, axis=1), np.full((2, 2), 1.3**2))  # far ahead


def test_a_time_left_out_lies_between_its_neighbours() -> None:
    """Given b before and after: mean rho (b + b') / (1 + rho^2), the variance in their ratio."""
    there = DATA[DATA["t"] != 30]
    fit = fake_fit(gl.GlmerBuilder("series ~ 1 + ar(t) + (1 | g)", there), draws=5)
    (term,) = fit.spec.predictors["mu"].others
    place, b = term.labels.index(29.0), np.random.default_rng(2).normal(size=TIMES - 1)
    mean, T = term.unseen((30.0,), {"rho": np.float64(RHO), "sd": np.float64(1.3)}, b)
    neighbours = b[place] + b[place + 1]
    np.testing.assert_allclose(mean.eval(), RHO * neighbours / (1 + RHO**2))
    np.testing.assert_allclose(T.eval() ** 2, 1.3**2 * (1 - RHO**2) / (1 + RHO**2))


def test_levels_and_values_that_terms_cannot_read() -> None:
    rows = DATA.iloc[:3]
    with pytest.raises(NewDataError, match="levels that the model has not seen: 'rarely'"):
        model("monotonic").posterior_epred(rows.assign(often=["never", "rarely", "some"]))
    for value in (np.nan, np.inf):
        with pytest.raises(NewDataError, match="'t' is missing or infinite in row 1"):
            model("autoregressive").posterior_epred(rows.assign(t=[1.0, value, 2.0]))
    with pytest.raises(NewDataError, match="'often' is missing or infinite in row 2"):
        model("monotonic").posterior_epred(rows.assign(often=["never", "some", None]))
