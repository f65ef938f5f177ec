"""Registers the population's part of each predictor: intercept, common terms, smooths, offsets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.shape_utils import change_dist_size

from glimmer.priors.base import LocationScale
from glimmer.priors.shrinkage import JointPrior
from glimmer.priors.value_transforms import Informed, Measured, Ordered
from glimmer.spec.names import ROWS
from glimmer.terms.group_effects import Around
from glimmer.terms.naming import dim_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytensor.tensor.variable import TensorVariable

    from glimmer.priors import Prior
    from glimmer.spec import Design, ModelSpec, Predictor
    from glimmer.spec.priors import CommonPrior
    from glimmer.spec.stage import Ordering
    from glimmer.terms import CommonTerm


def register_smooths(spec: ModelSpec, design: Design, noise: Any) -> dict[str, dict[str, Any]]:
    """Register the smooths of all predictors.

    Returns
    -------
    dict of str to dict of str to tensor, shape (n,)
        By predictor, the value of each smooth by label. Blocks without columns are left out.
    """
    values: dict[str, dict[str, Any]] = {name: {} for name in spec.predictors}
    for block in spec.smooth_blocks:
        block.deviations(spec.priors, noise)
    for block in spec.smooth_blocks:
        if block.name in design.smooths:
            own = values[block.target]
            f = block.contribution(spec.priors, noise, design.smooths[block.name])
            own[block.label] = own[block.label] + f if block.label in own else f
    return values


def register_intercepts(spec: ModelSpec) -> dict[str, Any]:
    """Register the intercepts at the means of the columns, by predictor.

    The values of transformed parameters that have no coefficients are named too.

    An intercept has an initial value only where sampling cannot start at the prior's centre: PyMC
    does not take a model with initial values apart (``pm.do``, ``pm.observe``).
    """
    intercepts: dict[str, Any] = {}
    for ordering in spec.stage.orderings:
        intercepts |= _ordered(spec, ordering)
    for name, predictor in spec.predictors.items():
        if predictor.intercept and name not in intercepts:
            prior = spec.priors.predictors[name].intercept
            intercepts[name] = _registered(prior, spec.names.centered[name], _at(predictor, prior))
    typical = spec.stage.values(intercepts)
    for name, value in spec.names.values.items():
        if value != spec.names.intercepts[name]:
            pm.Deterministic(value, typical[name])
    return intercepts


def register_population(
    spec: ModelSpec, design: Design, name: str, intercept: Any, noise: Any
) -> Any:
    """Register common terms and others of a predictor; return their sum with its offset."""
    predictor, eta = spec.predictors[name], intercept
    if predictor.common:
        beta = _coefficients(spec, predictor, noise)
        X = pm.Data(predictor.columns_name, design.columns[name], dims=(ROWS, predictor.column_dim))
        if predictor.intercept:
            at_zero = eta - pt.sum(predictor.means * beta)
            eta = pm.Deterministic(spec.names.intercepts[name], at_zero)
        eta = pt.dot(X, beta) + eta
    for block in predictor.term_blocks:
        eta = eta + block.contribution(spec.priors, noise, design.terms[block.name])
    if name in design.offsets:
        eta = eta + pm.Data(predictor.offset_name, design.offsets[name], dims=ROWS)
    return eta


def around(spec: ModelSpec, intercepts: dict[str, Any]) -> dict[str, Around]:
    """The intercepts that effects are added to, where the data tell something of their sums."""
    information = spec.stage.information
    found: dict[str, Around] = {}
    for block in spec.groups:
        for target, name in zip(block.column_targets, block.effect_names, strict=True):
            if name in information:
                precision, at = information[name].of(block.levels)
                found[name] = Around(intercepts[target], Informed(precision, at))
    return found


def _at(predictor: Predictor, prior: Prior | None) -> dict[str, Any]:
    """Where an intercept starts, and the coordinates it is sampled in."""
    start, line = predictor.start, isinstance(prior, LocationScale)
    if predictor.reach is None:
        return {"initval": start}
    centred = isinstance(prior, LocationScale) and np.all(prior.shift_and_scale[0] == start)
    measured = {"default_transform": Measured(start, predictor.reach)} if line else {}
    return {"initval": None if centred else start, **measured}


def _ordered(spec: ModelSpec, ordering: Ordering) -> dict[str, Any]:
    """Register intercepts of which a linear form is positive, as one vector."""
    own = [spec.predictors[name] for name in ordering.parameters]
    starts, reaches = (np.array([getattr(p, what) for p in own]) for what in ("start", "reach"))
    priors = [spec.priors.predictors[p.name].intercept for p in own]
    laws = [prior.normal_parameters() for prior in priors if prior is not None]
    at, spread = np.array([law for law in laws if law is not None], float).T
    vector = pm.Normal(
        ordering.name,
        at,
        spread,
        dims=ordering.dim,
        default_transform=Ordered(starts, reaches, ordering.weights),
        initval=None if np.array_equal(at, starts) else starts,
    )
    names = spec.names.centered
    return {p.name: pm.Deterministic(names[p.name], vector[i]) for i, p in enumerate(own)}


def _coefficients(spec: ModelSpec, predictor: Predictor, noise: Any) -> TensorVariable:
    """Register the coefficients, term by term, and return them as one vector, shape (K,)."""
    if predictor.rotation is not None:
        return _rotated(spec, predictor, noise)
    parts: list[TensorVariable] = []
    terms = {term.name: term for term in predictor.common}
    priors = spec.priors.predictors[predictor.name].common
    for i, common in enumerate(priors):
        if isinstance(common.prior, JointPrior):
            suffix = str(i) if len(priors) > 1 else ""
            name = f"{spec.names.coefficients}{suffix}"
            parts.append(_joint(predictor, common, name, noise))
            continue
        (name,) = common.terms
        term, how = terms[name], _measured(predictor, common.prior)
        shape, dims = ((), None) if term.scalar else ((term.width,), term.dim)
        parts.append(pt.atleast_1d(_registered(common.prior, name, how, shape, dims)))
    return parts[0] if len(parts) == 1 else pt.concatenate(parts)


def _measured(predictor: Predictor, prior: Prior) -> dict[str, Any]:
    """The coordinates that coefficients are sampled in."""
    law = None if predictor.reach is None else prior.normal_parameters()
    if law is None or np.isinf(law[1]).any():
        return {}
    return {"default_transform": Measured(law[0], law[1])}


def _registered(
    prior: Prior | None,
    name: str,
    how: dict[str, Any],
    shape: tuple[int, ...] = (),
    dims: str | None = None,
) -> TensorVariable:
    """Register a prior under ``name``, stretched to ``shape``."""
    assert prior is not None  # noqa: S101
    rv = prior.rv()
    if rv.type.shape != shape:
        rv = change_dist_size(rv, shape)
    own = None if dims is None else (dims,)
    return pm.modelcontext(None).register_rv(rv, name, dims=own, **how)


def _joint(predictor: Predictor, common: CommonPrior, name: str, noise: Any) -> TensorVariable:
    """Coefficients that share a prior; each term becomes a named part of the vector."""
    terms = [term for term in predictor.common if term.name in common.terms]
    dim, columns = dim_name(name), [column for term in terms for column in term.column_names]
    pm.modelcontext(None).add_coord(dim, columns)
    assert isinstance(common.prior, JointPrior)  # noqa: S101
    beta = common.prior.build(name, len(columns), dim, noise)
    _name_parts(terms, beta)
    return beta


def _rotated(spec: ModelSpec, predictor: Predictor, noise: Any) -> TensorVariable:
    """Coefficients R^-1 theta of a design that was made orthogonal; the prior is on theta."""
    name = spec.names.rotated
    (common,) = spec.priors.predictors[predictor.name].common
    k, dim = len(predictor.column_names), dim_name(name)
    pm.modelcontext(None).add_coord(dim, np.arange(k))
    if isinstance(common.prior, JointPrior):
        theta = common.prior.build(name, k, dim, noise)
    else:
        theta = _registered(common.prior, name, {}, (k,), dim)
    beta = pt.sum(predictor.rotation * theta, axis=1)
    _name_parts(predictor.common, beta)
    return beta


def _name_parts(terms: Sequence[CommonTerm], beta: TensorVariable) -> None:
    at = 0
    for term in terms:
        part = beta[at] if term.scalar else beta[at : at + term.width]
        pm.Deterministic(term.name, part, dims=None if term.scalar else term.dim)
        at += term.width
