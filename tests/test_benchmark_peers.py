"""The models by hand that benchmarks compare with have the posterior of the builder's models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.cases import CASES
from benchmarks.plain import plain
from tests.natural import Values, evaluator, log_densities, random_point
from tests.textbook import log_jacobian

LINEAR = ("sleepstudy", "Penicillin", "cbpp", "roaches", "mcycle")


def linear_point(model: Any, peer: Values, effects: Values) -> tuple[Values, float]:
    """The builder's variables at a point of the model by hand, and the log Jacobian."""
    spec = model.spec
    names = {v.name for v in model.build().free_RVs}
    own = {name: peer[name] for name in peer if name in names}
    own[spec.names.centered["mu"]] = peer["intercept"]
    if spec.predictors["mu"].rotation is not None:
        own["beta_rotated"] = peer["beta"]
    else:
        at = 0
        for term in spec.predictors["mu"].common:
            part = peer["beta"][at : at + term.width]
            own[term.name] = part[0] if term.scalar else part
            at += term.width
    jacobian = 0.0
    noise = peer["sigma"] if spec.family.name == "gaussian" else 1.0
    for block in spec.groups:
        b, sds = effects[block.name], noise * peer[f"{block.name}_tau"] * np.ones(block.size)
        if block.size == 2:
            pi, rho = peer[f"{block.name}_pi"], peer[f"{block.name}_rho"]
            own |= {f"{block.name}_share": pi[0], f"{block.name}_partial": (1 + rho) / 2}
            sds = sds * np.sqrt(2 * pi) * [1, np.sqrt(1 - rho**2)]
        elif f"{block.name}_tau" not in names:
            own[f"{block.effect_names[0]}_sigma"] = peer[f"{block.name}_tau"]
        own |= {name: b[:, k] for k, name in enumerate(block.effect_names)}
        jacobian += len(b) * np.log(sds).sum()
    for sd in spec.priors.smooth.sds:
        own[sd.removesuffix("_sigma")] = effects[sd.removesuffix("_sigma")]
        jacobian += peer[f"{sd}_z"].size * np.log(peer[sd])
    return own, float(jacobian)


def orange_point(model: Any, peer: Values, effects: Values) -> tuple[Values, float]:
    own = {name: peer[name] for name in ("sigma", "Asym", "xmid")}
    own |= {"scal_link": np.log(peer["scal"]), "Asym|Tree_sigma": peer["Asym_sd"]}
    own["Asym|Tree_value"] = peer["Asym"] + effects["Asym_tree"]
    return own, float(5 * np.log(peer["Asym_sd"]) - np.log(peer["scal"]))


def theoph_point(model: Any, peer: Values, effects: Values) -> tuple[Values, float]:
    (block,) = model.spec.groups
    order = [("lKe", "lKa", "lCl").index(name.split("|")[0]) for name in block.effect_names]
    lower = np.tril_indices(3)

    def hyperparameters(packed: np.ndarray) -> np.ndarray:
        """Standard deviations in the builder's order, then partial correlations on (0, 1)."""
        L = np.zeros((3, 3))
        L[lower] = packed
        cov = (L @ L.T)[np.ix_(order, order)]
        sds = np.sqrt(np.diag(cov))
        r01, r02, r12 = (cov / np.outer(sds, sds))[[0, 0, 1], [1, 2, 2]]
        partial = (r12 - r01 * r02) / np.sqrt((1 - r01**2) * (1 - r02**2))
        return np.r_[sds, (1 + np.array([r01, r02, partial])) / 2]

    found = hyperparameters(peer["covariance"])
    own = {"sigma": peer["sigma"], "lCl": peer["lCl"], "lKe_lKa_ordered": peer["rates"]}
    own |= {f"{name}_sigma": sd for name, sd in zip(block.effect_names, found, strict=False)}
    own["Subject_partial"] = found[3:]
    center = np.r_[peer["rates"], peer["lCl"]] + effects["effects"]
    own |= {f"{n}_value": center[:, k] for n, k in zip(block.effect_names, order, strict=True)}
    diagonal = peer["covariance"][[0, 2, 5]]
    jacobian = len(center) * np.log(diagonal).sum()
    return own, float(jacobian + log_jacobian(hyperparameters, peer["covariance"]))


POINTS = {**dict.fromkeys(LINEAR, linear_point), "Orange": orange_point, "Theoph": theoph_point}


@pytest.mark.filterwarnings("ignore:PyTensor could not link")  # of a loop within LKJCholeskyCov
@pytest.mark.parametrize("name", POINTS)
def test_same_posterior(name: str) -> None:
    model = CASES[name].build(None)
    peer = plain(name, model)
    ours, theirs = log_densities(model.build()), log_densities(peer)
    effects = evaluator(peer, [v.name for v in peer.deterministics])
    differences = []
    for seed in range(4):
        point = random_point(peer, seed)
        if name == "Theoph":
            point |= {"rates": np.sort(point["rates"]), "covariance": packed(seed)}
        own, jacobian = POINTS[name](model, point, effects(point))
        differences.append(sum(ours(own).values()) + jacobian - sum(theirs(point).values()))
    assert np.ptp(differences) < 1e-8 * max(np.abs(differences).max(), 1e3)


def packed(seed: int) -> np.ndarray:
    """A Cholesky factor, row by row."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.3, 6)
    values[[0, 2, 5]] = rng.uniform(0.2, 0.8, 3)
    return values
