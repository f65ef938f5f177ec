"""Draws from the priors of covariances and of shrunken coefficients have the documented laws."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pymc as pm
import pytest
from agreement import RATE, seed, within
from natural import Values, prior_draws
from scipy import stats

import glimmer as gl
from glimmer.priors.covariance import Covariance
from glimmer.terms.group_effects import group_effects

DRAWS, N, LEVELS = 20_000, 24, 3
RNG = np.random.default_rng(5)
DATA = {
    "y": RNG.normal(10, 4, N),
    "count": RNG.poisson(3, N),
    "x": RNG.normal(0, 2, N),
    "z": RNG.normal(0, 3, N),
    "w": RNG.normal(0, 1, N),
    "g": np.resize(list("abc"), N),
}
TERMS = {1: "(1 | g)", 2: "(x | g)", 3: "(x + z | g)", 4: "(x + z + w | g)"}
EFFECTS = ("1|g", "x|g", "z|g", "w|g")
CONCENTRATION = (1.0, 2.0, 0.7, 3.0)
ACCEPTED, REJECTED = RATE, 1e-12

PValues = dict[str, float]


def draw(formula: str, names: list[str], family: str = "gaussian", **priors: Any) -> Values:
    model = gl.GlmerBuilder(
        formula, DATA, family, checks={"few_levels": "ignore"}, **priors
    ).build()
    return prior_draws(
        model, [name for name in names if name in model.named_vars], DRAWS, seed=seed(9)
    )


def block_draws(p: int, prior: Any, outcome: str = "y") -> tuple[np.ndarray, ...]:
    """Draws of the block's sds (n, p), correlations (n, p, p), effects (n, p), noise and tau."""
    effects = EFFECTS[:p]
    names = [*effects, *(f"{name}_sigma" for name in effects), "g_corr", "g_tau", "sigma"]
    family = "poisson" if outcome == "count" else "gaussian"
    drawn = draw(f"{outcome} ~ 1 + {TERMS[p]}", names, family, prior_covariance=prior)
    sds = np.stack([drawn[f"{name}_sigma"] for name in effects], axis=1)
    R = drawn.get("g_corr", np.ones((DRAWS, 1, 1)))
    b = np.stack([drawn[name][:, 0] for name in effects], axis=1)
    return sds, R, b, drawn.get("sigma", np.ones(DRAWS)), drawn.get("g_tau", sds[:, 0])


def pairs(p: int) -> list[tuple[int, int]]:
    return [(i, j) for j in range(p) for i in range(j)]


def correlation_law(R: np.ndarray, eta: float) -> PValues:
    """Every correlation is 2 Beta(a, a) - 1 with a = eta - 1 + p / 2; so are partial ones."""
    p = R.shape[1]
    out: PValues = {}
    for i, j in pairs(p):
        a = eta - 1 + p / 2
        out[f"r{i}{j}"] = stats.kstest((R[:, i, j] + 1) / 2, stats.beta(a, a).cdf).pvalue
        rows = [*range(i), i, j]
        precision = np.linalg.inv(R[:, rows][:, :, rows])
        scale = np.sqrt(precision[:, -1, -1] * precision[:, -2, -2])
        partial, a = -precision[:, -1, -2] / scale, eta + (p - 2 - i) / 2
        out[f"partial{i}{j}"] = stats.kstest((partial + 1) / 2, stats.beta(a, a).cdf).pvalue
    return out


def decov_law(
    sds: np.ndarray, R: np.ndarray, unit: Any, concentration: Any, eta: float, shape: float
) -> PValues:
    """The law of decov: trace p (unit tau)^2, tau ~ Gamma(shape); Dirichlet shares; LKJ."""
    p = sds.shape[1]
    trace = (sds**2).sum(axis=1)
    shares = sds**2 / trace[:, None]
    tau = np.sqrt(trace / p) / unit
    out = {"tau": stats.kstest(tau, stats.gamma(shape).cdf).pvalue, **correlation_law(R, eta)}
    if p == 1:
        return out
    total = sum(concentration)
    for k, c in enumerate(concentration):
        out[f"share{k}"] = stats.kstest(shares[:, k], stats.beta(c, total - c).cdf).pvalue
        out[f"tau and share{k}"] = stats.spearmanr(tau, shares[:, k]).pvalue
    for i, j in pairs(p):
        ratio = shares[:, i] / (shares[:, i] + shares[:, j])
        law = stats.beta(concentration[i], concentration[j])
        out[f"ratio{i}{j}"] = stats.kstest(ratio, law.cdf).pvalue
        out[f"share{i} and r{i}{j}"] = stats.spearmanr(shares[:, i], np.abs(R[:, i, j])).pvalue
    return out


def trace_is_that_of(tau: np.ndarray, sds: np.ndarray) -> bool:
    """Whether each draw's trace is p tau^2."""
    return np.allclose((sds**2).sum(axis=1), sds.shape[1] * tau**2)


def effects_law(b: np.ndarray, sds: np.ndarray, R: np.ndarray) -> PValues:
    """Effects are N(0, diag(sds) R diag(sds)): whitened, they are independent and standard."""
    z = np.linalg.solve(np.linalg.cholesky(R), (b / sds)[:, :, None])[:, :, 0]
    out = {f"z{k}": stats.kstest(z[:, k], stats.norm.cdf).pvalue for k in range(z.shape[1])}
    square = (z**2).sum(axis=1)
    out["square"] = stats.kstest(square, stats.chi2(z.shape[1]).cdf).pvalue
    for i, j in pairs(z.shape[1]):
        out[f"z{i} and z{j}"] = stats.spearmanr(z[:, i], z[:, j]).pvalue
        sign = np.sign(R[:, i, j])
        out[f"sign{i}{j}"] = stats.spearmanr(z[:, i], z[:, j] * sign).pvalue
    return out


def accepted(p_values: PValues) -> bool:
    return min(p_values.values()) > ACCEPTED


def rejected(p_values: PValues) -> bool:
    return min(p_values.values()) < REJECTED


@pytest.mark.parametrize("outcome", ["y", "count"])
@pytest.mark.parametrize("p", TERMS)
def test_decov(p: int, outcome: str) -> None:
    concentration = CONCENTRATION[:p]
    prior = gl.decov(1.5, concentration if p > 1 else 1, shape=2, scale=0.5)
    sds, R, b, noise, tau = block_draws(p, prior, outcome)
    if (p, outcome) != (1, "count"):  # where the sd itself is the gamma variable
        assert trace_is_that_of(0.5 * noise * tau, sds)
    law = decov_law(sds, R, 0.5 * noise, concentration, eta=1.5, shape=2)
    assert accepted(law), law
    assert accepted(effects_law(b, sds, R)), effects_law(b, sds, R)


@pytest.mark.parametrize("p", [3, 4])
def test_a_row_scaled_by_the_previous_sd_is_rejected(p: int) -> None:
    """rstanarm's slip: off-diagonal entries of a row take the sd of the row before."""
    concentration = (1.0,) * p
    sds, R, _, noise, tau = block_draws(p, gl.decov())
    assert trace_is_that_of(noise * tau, sds)
    assert accepted(decov_law(sds, R, noise, concentration, eta=1, shape=1))
    L = np.linalg.cholesky(R)
    T = sds[:, :, None] * L
    for row in range(2, p):
        T[:, row, :row] = sds[:, row - 1, None] * L[:, row, :row]
    Sigma = T @ T.transpose(0, 2, 1)
    wrong_sds = np.sqrt(np.einsum("nii->ni", Sigma))
    assert not trace_is_that_of(noise * tau, wrong_sds)
    wrong_R = Sigma / (wrong_sds[:, :, None] * wrong_sds[:, None, :])
    assert rejected(decov_law(wrong_sds, wrong_R, noise, concentration, eta=1, shape=1))


def test_effects_built_with_another_effects_sd_are_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check sees the model's own effects, not only the covariance that it reports."""

    def wrong(names: Any, covariance: Covariance, dim: str, **options: Any) -> Any:
        shifted = Covariance([*covariance.sds[:-1], covariance.sds[-2]], covariance.chol)
        return group_effects(names, shifted, dim, **options)

    sds, R, b, *_ = block_draws(3, gl.decov())
    assert accepted(effects_law(b, sds, R))
    monkeypatch.setattr(import_module("glimmer.terms.group_effects"), "group_effects", wrong)
    sds, R, b, *_ = block_draws(3, gl.decov())
    assert rejected(effects_law(b, sds, R))


def test_correlations_with_another_parameter_are_rejected() -> None:
    _, R, *_ = block_draws(3, gl.decov(1.5))
    assert accepted(correlation_law(R, 1.5))
    assert rejected(correlation_law(R, 1.0))


@pytest.mark.parametrize("p", TERMS)
def test_lkj(p: int) -> None:
    scales = [1.0, 2.0, 0.5, 3.0][:p]
    prior = gl.lkj(2, scale=scales, df=4, autoscale=False)
    sds, R, b, *_ = block_draws(p, prior)
    law = correlation_law(R, 2)
    for k, scale in enumerate(scales):
        law[f"sd{k}"] = stats.kstest(sds[:, k] / scale, lambda s: 2 * stats.t(4).cdf(s) - 1).pvalue
    for i, j in pairs(p):
        law[f"sd{i} and sd{j}"] = stats.spearmanr(sds[:, i], sds[:, j]).pvalue
    assert accepted(law), law
    assert accepted(effects_law(b, sds, R))


def test_levels_are_independent() -> None:
    drawn = draw("count ~ 1 + (x | g)", ["1|g", "1|g_sigma", "x|g", "x|g_sigma"], "poisson")
    z = drawn["1|g"] / drawn["1|g_sigma"][:, None]
    for i, j in pairs(LEVELS):
        assert stats.spearmanr(z[:, i], z[:, j]).pvalue > ACCEPTED


# Shrinkage priors against their construction, drawn with numpy


def half_t(rng: np.random.Generator, df: float, size: Any) -> np.ndarray:
    return np.abs(rng.normal(size=size)) / np.sqrt(rng.gamma(df / 2, 2 / df, size))


def lasso(rng: np.random.Generator, noise: np.ndarray) -> np.ndarray:
    common = rng.chisquare(2, (DRAWS, 1))
    mixing = np.sqrt(2 * rng.exponential(size=(DRAWS, 2)))
    return 1 + common * 3 * mixing * rng.normal(size=(DRAWS, 2))


def product_normal(rng: np.random.Generator, noise: np.ndarray) -> np.ndarray:
    return 2.0**3 * rng.normal(size=(3, DRAWS, 2)).prod(axis=0)


def horseshoe(*df: float) -> Any:
    def draws(rng: np.random.Generator, noise: np.ndarray) -> np.ndarray:
        local = np.prod([half_t(rng, d, (DRAWS, 2)) for d in df], axis=0)
        tau = half_t(rng, 1, (DRAWS, 1)) * 0.1 * noise[:, None]
        c2 = 2.0**2 / rng.gamma(2.0, 1 / 2.0, (DRAWS, 1))
        truncated = np.sqrt(c2 * local**2 / (c2 + tau**2 * local**2))
        return rng.normal(size=(DRAWS, 2)) * tau * truncated

    return draws


SHRINKAGE: dict[str, tuple[Any, Any]] = {
    "lasso": (gl.lasso(2, 1, 3), lasso),
    "product_normal": (gl.product_normal(3, 0, 2), product_normal),
    "hs": (gl.hs(3, 1, 0.1, slab_df=4, slab_scale=2), horseshoe(3)),
    "hs_plus": (gl.hs_plus(3, 4, 1, 0.1, slab_df=4, slab_scale=2), horseshoe(3, 4)),
}


@pytest.mark.parametrize("name", SHRINKAGE)
@pytest.mark.parametrize("outcome", ["y", "count"])
def test_shrinkage_priors(name: str, outcome: str) -> None:
    prior, construction = SHRINKAGE[name]
    family = "poisson" if outcome == "count" else "gaussian"
    drawn = draw(f"{outcome} ~ x + z", ["x", "z", "sigma"], family, prior=prior)
    rng = np.random.default_rng(seed(1))
    noise = np.ones(DRAWS)
    if outcome == "y":
        noise = rng.exponential(DATA["y"].std(ddof=1), DRAWS)
    expected = construction(rng, noise)
    for k, term in enumerate(("x", "z")):
        assert stats.ks_2samp(drawn[term], expected[:, k]).pvalue > ACCEPTED
    together = [np.log(np.abs(d - 1.0 * (name == "lasso"))) for d in (drawn["x"], drawn["z"])]
    shared = [np.log(np.abs(e - 1.0 * (name == "lasso"))) for e in expected.T]
    found, wanted = stats.spearmanr(*together)[0], stats.spearmanr(*shared)[0]
    # Bonett & Wright (2000), Psychometrika 65
    error = np.sqrt(2 * (1 + wanted**2 / 2) / (DRAWS - 3))
    assert within(np.arctanh(found), np.arctanh(wanted), error)


def test_product_normal_has_the_documented_sd() -> None:
    drawn = draw("y ~ x + z", ["x"], prior=gl.product_normal(2, 0, 1.5))["x"]
    kurtosis = 3.0**2
    assert within(drawn.std() / 1.5**2, 1, np.sqrt((kurtosis - 1) / DRAWS) / 2)


def test_draws_of_priors_from_pymc() -> None:
    prior = pm.Mixture.dist([0.5, 0.5], [pm.Normal.dist(-1.0, 0.1), pm.Normal.dist(2.0, 0.3)])
    drawn = draw("y ~ x + z", ["x", "z"], prior=prior)
    law = lambda v: 0.5 * stats.norm.cdf(v, -1, 0.1) + 0.5 * stats.norm.cdf(v, 2, 0.3)  # noqa: E731
    assert stats.kstest(drawn["x"], law).pvalue > ACCEPTED
    assert stats.kstest(drawn["z"], law).pvalue > ACCEPTED
    assert stats.spearmanr(drawn["x"], drawn["z"]).pvalue > ACCEPTED
