"""The same models as one would write them in PyMC by hand: non-centred, matrix products, no more.

Named as a reader would name them; what ends in ``_z`` are coordinates and not reported. Priors are
those of the builder's specification, so the posterior is the same (test_benchmark_peers.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

import glimmer as gl

OUTCOMES: dict[str, Any] = {
    "gaussian": lambda y, eta, aux, _: pm.Normal("y", eta, aux["sigma"], observed=y),
    "bernoulli": lambda y, eta, *_: pm.Bernoulli("y", logit_p=eta, observed=y),
    "binomial": lambda y, eta, _, n: pm.Binomial("y", n, logit_p=eta, observed=y),
    "neg_binomial_2": lambda y, eta, aux, _: pm.NegativeBinomial(
        "y", mu=pt.exp(eta), alpha=aux["alpha"], observed=y
    ),
}


def linear(model: Any) -> pm.Model:
    """A model of `GlmerBuilder` or `Gamm4Builder` with decov covariances and smooths."""
    spec, design = model.spec, model.design
    predictor, priors = spec.predictors["mu"], spec.priors
    own = priors.predictors["mu"]
    with pm.Model() as peer:
        aux = {name: peer.register_rv(p.above(0.0), name) for name, p in priors.aux.items()}
        noise = aux["sigma"] if spec.family.name == "gaussian" else 1.0
        eta = peer.register_rv(own.intercept.rv(), "intercept")
        if predictor.common:
            X = design.columns["mu"] - predictor.means
            X = X if predictor.rotation is None else X @ predictor.rotation
            location, scale = np.hstack([_normal(c.prior, c.terms, spec) for c in own.common])
            eta = eta + pt.dot(X, pm.Normal("beta", location, scale))
        for block in spec.groups:
            data = design.groups[block.name]
            b = _decov(block.name, len(block.levels), block.size, noise)
            eta = eta + (b[data.index] * data.columns).sum(axis=1)
        for name, prior in priors.smooth.null.items():
            columns = design.smooths[name]
            eta = eta + pt.dot(columns, pm.Normal(name, *prior.shift_and_scale, shape=(1,)))
        for name, prior in priors.smooth.sds.items():
            columns = design.smooths[name.removesuffix("_sigma")]
            sd = peer.register_rv(prior.positive_rv(), name)
            z = pm.Normal(f"{name}_z", shape=columns.shape[1])
            eta = eta + pt.dot(columns, pm.Deterministic(name.removesuffix("_sigma"), sd * z))
        discrete = spec.family.name != "gaussian"
        y = design.y.astype(int) if discrete else design.y
        OUTCOMES[spec.family.name](y, eta, aux, design.trials)
    return peer


def _normal(prior: Any, terms: tuple[str, ...], spec: Any) -> np.ndarray:
    width = sum(t.width for t in spec.predictors["mu"].common if t.name in terms)
    return np.array([np.broadcast_to(v, (width,)) for v in prior.shift_and_scale])


def _decov(name: str, levels: int, p: int, noise: Any) -> Any:
    """Group effects with rstanarm's default prior, shape (levels, p), for p of 1 or 2."""
    tau = noise * pm.Exponential(f"{name}_tau", 1.0)
    z = pm.Normal(f"{name}_z", shape=(levels, p))
    if p == 1:
        return pm.Deterministic(name, tau * z)
    sd = tau * pt.sqrt(2 * pm.Dirichlet(f"{name}_pi", np.ones(2)))
    rho = pm.Uniform(f"{name}_rho", -1.0, 1.0)
    chol = pt.stacklists([[1.0, 0.0], [rho, pt.sqrt(1 - rho**2)]])
    return pm.Deterministic(name, pt.dot(z, (sd[:, None] * chol).T))


def orange(model: Any) -> pm.Model:
    """Trees that differ in their asymptote."""
    data, prior = gl.load_data("Orange"), _parameters(model)
    tree, levels = _codes(data["Tree"])
    with pm.Model() as peer:
        sigma = peer.register_rv(model.spec.priors.aux["sigma"].rv(), "sigma")
        Asym, xmid = pm.Normal("Asym", *prior["Asym"]), pm.Normal("xmid", *prior["xmid"])
        scal = pm.LogNormal("scal", *prior["scal"])
        (sd,) = model.spec.priors.covariance["Tree"].sd
        spread = peer.register_rv(sd.positive_rv(), "Asym_sd")
        b = pm.Deterministic("Asym_tree", spread * pm.Normal("Asym_z", shape=levels))
        age = data["age"].to_numpy(float)
        curve = (Asym + b[tree]) / (1 + pt.exp((xmid - age) / scal))
        pm.Normal("y", curve, sigma, observed=data["circumference"].to_numpy(float))
    return peer


def theoph(model: Any) -> pm.Model:
    """Subjects that differ in elimination, absorption and clearance, correlated; lKe < lKa."""
    data, prior = gl.load_data("Theoph"), _parameters(model)
    subject, levels = _codes(data["Subject"])
    with pm.Model() as peer:
        sigma = peer.register_rv(model.spec.priors.aux["sigma"].rv(), "sigma")
        location, scale = np.array([prior["lKe"], prior["lKa"]]).T
        rates = pm.Normal("rates", location, scale, transform=pm.distributions.transforms.ordered)
        lCl = pm.Normal("lCl", *prior["lCl"])
        covariance = model.spec.priors.covariance["Subject"]
        chol, *_ = pm.LKJCholeskyCov(
            "covariance",
            n=3,
            eta=covariance.regularization,
            sd_dist=pm.HalfNormal.dist(covariance.sd[0].scale),
        )
        b = pm.Deterministic("effects", pt.dot(pm.Normal("effects_z", shape=(levels, 3)), chol.T))
        ke, ka = pt.exp(rates[0] + b[subject, 0]), pt.exp(rates[1] + b[subject, 1])
        cl = pt.exp(lCl + b[subject, 2])
        dose, time = data["Dose"].to_numpy(float), data["Time"].to_numpy(float)
        curve = dose * ke * ka / (cl * (ka - ke)) * (pt.exp(-ke * time) - pt.exp(-ka * time))
        pm.Normal("y", curve, sigma, observed=data["conc"].to_numpy(float))
    return peer


def _parameters(model: Any) -> dict[str, tuple[float, float]]:
    """Location and scale of each parameter's normal prior, on its transformed scale."""
    return {
        name: tuple(map(float, priors.intercept.shift_and_scale))
        for name, priors in model.spec.priors.predictors.items()
    }


def _codes(column: Any) -> tuple[np.ndarray, int]:
    levels, codes = np.unique(column.to_numpy(), return_inverse=True)
    return codes, len(levels)


def plain(name: str, model: Any) -> pm.Model:
    """The model of a case as PyMC code by hand."""
    return {"Orange": orange, "Theoph": theoph}.get(name, linear)(model)
