"""One battery over every kind of term, family and link, smooth basis and curve, ours or not.

The models are those of the golden record and those of docs/extending. Laws of whole models are
compared with scipy's in `test_log_density` and `test_extending`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from contract import (
    assert_alike,
    at_rows,
    covariance_of_contribution,
    covariance_of_form,
    hyperparameters,
    parts,
)
from extending_cases import STORIES
from extensions import added
from fake_fit import fake_fit
from scipy import stats
from textbook import INVERSE_LINKS, LIKELIHOODS

from glimmer.coordinates.layout import normal_blocks
from glimmer.families import FAMILIES, get_family
from glimmer.interpreter.evaluate import evaluate
from glimmer.interpreter.modes import PLAIN
from glimmer.nonlinear.registry import find_mean_function, mean_function_names
from glimmer.record import dumps, loads
from glimmer.smooths import basis
from glimmer.terms import protocol
from tests.golden.cases import CASES, GROUPS

MODELS: dict[str, Callable[[], Any]] = {
    **CASES,
    **{name: story.build for name, story in STORIES.items()},
}
UNWRITTEN = ("callable",)  # a curve that has no name in a register


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with added():
        yield


@cache
def built(name: str) -> Any:
    return MODELS[name]()


def rows_of(n: int) -> tuple[np.ndarray, ...]:
    """Some rows, one of them twice, and all in another order."""
    rng = np.random.default_rng(n)
    order = rng.permutation(n)
    return np.append(order[: n // 3], order[0]), order


# Terms and whole designs


def test_every_registered_term_has_a_model() -> None:
    used = {type(block.term) for name in MODELS for block in built(name).spec.term_blocks}
    assert used == set(protocol._TERMS.values())


@pytest.mark.parametrize("name", MODELS)
def test_rows_of_a_design_are_the_design_of_rows(name: str) -> None:
    model = built(name)
    for rows in rows_of(model.design.n):
        found = at_rows(model.spec, model.frame, model.design, rows, model.functions)
        assert_alike(parts(found), parts(model.design.take(rows)))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in UNWRITTEN])
def test_what_is_read_has_the_same_design(name: str) -> None:
    model = built(name)
    text = dumps(model.spec)
    again = loads(text)
    assert dumps(again) == text
    rows = rows_of(model.design.n)[0]
    found = at_rows(again, model.frame, model.design, rows, model.functions)
    assert_alike(parts(found), parts(model.design.take(rows)))


def shuffled(name: str) -> Any:
    """The model of a case, learned from the table's rows in another order."""
    build: Any = MODELS[name]
    formula, data, *others = build.args
    order = np.random.default_rng(len(data)).permutation(len(data))
    return order, build.func(formula, data.iloc[order], *others, **build.keywords)


BY_ROW = ("offset of an array", "subset")  # arrays besides the table
REORDERED = [n for n in MODELS if n not in BY_ROW and hasattr(MODELS[n], "args")]


@pytest.mark.parametrize("name", REORDERED)
def test_the_order_of_training_rows_does_not_matter(name: str) -> None:
    model = built(name)
    order, other = shuffled(name)
    ours, theirs = parts(model.design.take(order)), parts(other.design)
    for found in (ours, theirs):
        for key in [key for key in found if key.startswith("/smooths")]:
            found[key] = gram(found, key)
    assert_alike(ours, theirs)
    assert str(model.prior_summary()) == str(other.prior_summary())


def gram(found: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Z Z' of a smooth's columns, which may have other signs, or be others of the same space."""
    Z, index = found[name], found[name.replace("/rows", "/index")]
    if Z.ndim == 1:
        return Z
    return Z @ Z.T * (index[:, None] == index if name.endswith("/rows") else 1.0)


# Normal coefficients


@pytest.mark.parametrize("name", MODELS)
def test_the_gaussian_form_is_the_plain_model_in_law(name: str) -> None:
    spec, design = built(name).spec, built(name).design
    made = {**design.groups, **design.smooths, **design.terms}
    for block in normal_blocks(spec):
        given = block, spec, made[block.name], hyperparameters(block, spec, seed=len(name))
        found, expected = covariance_of_form(*given), covariance_of_contribution(*given)
        assert expected.max() > 0
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * expected.max())


# Predictions

PREDICTED = (
    *("gaussian", "binomial, cbind", "offset of an array", "two offsets", "interactions"),
    *(name for name in GROUPS if "lkj" not in name),
    *(f"smooth {kind}" for kind in ("tp", "re", "fs", "sz", "mrf", "te", "t2", "fx", "by factor")),
    *("smooth bs, three penalties", "SSlogis, nested", "label", "smooth on a parameter"),
    *("SSfol, ordered", "curve, counts", "transforms", "additive+proportional"),
)
"""One of each kind; those of docs/extending are predicted in `test_extending`."""


def some_rows(name: str) -> Any:
    """Four rows of the table, the first of which has new levels of every grouping factor."""
    model = built(name)
    rows = MODELS[name].args[1].iloc[[0, 5, 7, 11]].copy()
    grouping = {column for block in model.spec.groups for column in block.factor}
    grouping |= {t.spec.variables[-1] for t in model.spec.smooths if t.spec.bs[0] in ("re", "fs")}
    for column in grouping:
        rows[column] = ["new", *rows[column].astype(str)[1:]]
    return rows


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PREDICTED)
def test_predictions_have_a_number_for_each_draw_and_row(name: str) -> None:
    model = fake_fit(built(name), draws=3, chains=2)
    rows = some_rows(name)
    given = {"offset": np.zeros(4)} if model.spec.array_offset else {}
    for groups in ("all", None):
        how = given if groups == "all" else {"groups": groups, **given}
        found = model.posterior_epred(rows, **how)
        assert found.shape == (2, 3, 4) and np.isfinite(found.values).all()
    assert model.posterior_epred().shape == (2, 3, model.design.n)


# Families and links

OWN_LAWS: dict[str, Callable[..., np.ndarray]] = {
    "zero_inflated_poisson": lambda y, mu, zi: np.log(
        zi * (y == 0) + (1 - zi) * stats.poisson.pmf(y, mu)
    ),
    "beta_binomial": lambda y, mu, phi, trials: stats.betabinom.logpmf(
        y, trials, mu * phi, (1 - mu) * phi
    ),
}
AUX = dict(sigma=0.7, nu=4.5, alpha=1.3, lam=2.1, kappa=5.5, zi=0.3, phi=5.5)
with added():
    FAMILY_LINKS = [
        (name, link)
        for name, family in FAMILIES.items()
        for link in family.main.links or (family.link_name,)
    ]


def means(family: Any, n: int = 40) -> np.ndarray:
    """Values of the main parameter where the family and its link allow them."""
    domains = np.array([family.main.domain, family.link_function.domain, (-2, 3)])
    lower, upper = domains[:, 0].max(), domains[:, 1].min()
    return np.random.default_rng(len(family.name)).uniform(lower + 0.1, upper - 0.1, n)


@pytest.mark.parametrize(("name", "link"), FAMILY_LINKS)
def test_a_family_is_what_it_declares(name: str, link: str) -> None:
    """Its link has an inverse, its outcomes lie in the support, its density is scipy's."""
    family = get_family(name, link)
    mu = means(family)
    eta = evaluate(family.link_function.forward, mu)
    np.testing.assert_allclose(evaluate(family.link_function.inverse, eta), mu, rtol=1e-9)
    np.testing.assert_allclose(INVERSE_LINKS[link](eta), mu, rtol=1e-9)
    given: dict[str, Any] = {parameter: np.float64(AUX[parameter]) for parameter in family.others}
    if family.has_trials:
        given["trials"] = np.random.default_rng(3).integers(1, 9, len(mu))
    outcome = family.outcome(pt.as_tensor(eta), **given)
    y = pm.draw(outcome, random_seed=5, mode=PLAIN)
    assert family.support.includes(np.asarray(y, float)).all()
    density = evaluate(lambda e: pm.logp(family.outcome(e, **given), pt.as_tensor(y)), eta)
    law = {**LIKELIHOODS, **OWN_LAWS}[name]
    np.testing.assert_allclose(density, law(np.asarray(y, float), mu, **given), rtol=1e-8)


@pytest.mark.parametrize(("name", "link"), FAMILY_LINKS)
def test_a_family_is_found_again(name: str, link: str) -> None:
    family = get_family(name, link)
    assert loads(dumps(family)) == family and loads(dumps(family)).link_name == link
    assert pickle.loads(pickle.dumps(family)) == family  # noqa: S301


# Smooth bases


def test_every_basis_has_a_model() -> None:
    used = {bs for name in MODELS for term in built(name).spec.smooths for bs in term.spec.bs}
    assert set(basis._BASES) <= used


@pytest.mark.parametrize("name", [name for name in MODELS if "smooth" in name or name in STORIES])
def test_a_basis_is_what_it_declares(name: str) -> None:
    """Its penalties have their ranks, and leave the functions free that it says."""
    model = built(name)
    for term in model.spec.smooths:
        X = term.basis.design(term.columns(model.frame))
        S = np.array(term.basis.penalties)
        assert X.shape == (model.design.n, S.shape[1]) and len(S) == len(term.basis.rank)
        values = np.linalg.eigvalsh(np.concatenate([S, S.sum(axis=0)[None]]))
        assert (values > -1e-8 * values.max()).all()
        ranks = (values > 1e-7 * values.max(axis=1, keepdims=True)).sum(axis=1)
        assert tuple(ranks[:-1]) == tuple(term.basis.rank)
        assert term.basis.null_dim == S.shape[1] - ranks[-1]
        again = loads(dumps(term.basis))
        rows = rows_of(model.design.n)[0]
        np.testing.assert_allclose(
            again.design(term.columns(model.frame.take(rows))), X[rows], rtol=1e-9, atol=1e-9
        )


# Curves

with added():
    MEAN_FUNCTIONS = mean_function_names()


@pytest.mark.parametrize("name", MEAN_FUNCTIONS)
def test_a_curve_is_what_it_declares(name: str) -> None:
    """A number for each row and the derivatives, wherever the rows stand; found again by name."""
    function = find_mean_function(name)
    assert loads(dumps(function)) is function
    rng = np.random.default_rng(len(name))
    inputs = [np.linspace(0.5, 6, 12) for _ in function.inputs]
    theta = {p.name: inside(*p.domain(1.0), rng) for p in function.parameters}
    value, slopes = function(*inputs, **theta), function.gradient(*inputs, **theta)
    assert value.shape == (12,) and slopes.shape == (12, len(theta))
    assert np.isfinite(value).all() and np.isfinite(slopes).all()
    for rows in rows_of(12):
        some = [x[rows] for x in inputs]
        np.testing.assert_allclose(function(*some, **theta), value[rows], rtol=1e-12)
    for i, parameter in enumerate(theta):
        up, down = ({**theta, parameter: theta[parameter] + h} for h in (1e-6, -1e-6))
        slope = (function(*inputs, **up) - function(*inputs, **down)) / 2e-6
        np.testing.assert_allclose(slopes[:, i], slope, rtol=1e-5, atol=1e-6 * abs(slope).max())


def inside(lower: float, upper: float, rng: np.random.Generator) -> float:
    """A number of a domain, not far from 1."""
    return float(rng.uniform(max(lower, 0.3), min(upper, 1.2) - 0.1))
