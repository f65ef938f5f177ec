"""From a specification and the arrays of some data to a plain PyMC model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.assemble.curve_effects import curve_effects
from glimmer.assemble.curve_outcome import curve_outcome, register_residual, residual_sd
from glimmer.assemble.groups import Around, correlation, group_effects
from glimmer.assemble.smooths import smooth_effects
from glimmer.priors.covariance import Covariance
from glimmer.priors.shrinkage import JointPrior
from glimmer.spec.priors import CommonPrior
from glimmer.spec.smooth_blocks import NEW

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.families import Family
    from glimmer.priors import Prior
    from glimmer.spec.design import Design
    from glimmer.spec.model import ModelSpec
    from glimmer.terms import GroupBlock


@dataclass(frozen=True, eq=False)
class Assembly:
    """A PyMC model and the expressions in it that have no name of their own.

    Attributes
    ----------
    model : pymc.Model
    eta : tensor, shape (n,)
        The linear predictor.
    expected : tensor, shape (n,)
        The expected outcome; a probability, where there are trials.
    outcome : tensor, shape (n,)
        The outcome's distribution.
    smooths : dict of str to tensor, shape (n,)
        The value of each smooth, by label.
    parameters : dict of str to tensor, a number or shape (n,)
        Of the curve of a nonlinear model.
    family : Family
    arguments : dict of str to tensor
        Of the outcome's distribution, besides its mean.
    """

    model: pm.Model
    eta: TensorVariable
    expected: TensorVariable
    outcome: TensorVariable
    smooths: dict[str, TensorVariable]
    parameters: dict[str, TensorVariable]
    family: Family
    arguments: dict[str, Any]

    @property
    def variance(self) -> TensorVariable:
        """The outcome's variance, given the parameters; raises `FamilyError` if not known."""
        return self.family.variance_at(self.eta, **self.arguments)


def assemble(spec: ModelSpec, design: Design, *, observe: bool = True) -> Assembly:
    """Assemble the generative model of ``spec`` on the rows of ``design``.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    observe : bool
        Condition on the outcome; otherwise it is left to be predicted.
    """
    coords = {**spec.coords, "obs_id": design.rows}
    with pm.Model(coords=coords) as model:
        aux, noise = register_auxiliary(spec)
        parameters: dict[str, Any] = {}
        if spec.nonlinear is None:
            priors, terms = spec.priors.smooth, spec.predictor.smooths
            smooths = smooth_effects(terms, design.smooths, priors, noise)
            eta = (
                _common(spec, design, noise) + _groups(spec, design, noise) + sum(smooths.values())
            )
        else:
            etas, smooths, around = curve_effects(spec, design, noise)
            for target, added in _groups_by_target(spec, design, noise, around).items():
                etas[target] = etas[target] + added
            found = curve_outcome(spec, design, etas)
            eta, parameters = found.eta, found.parameters
            aux = residual_sd(spec, aux, register_residual(spec), found.curve)
        if design.offset is not None:
            eta = eta + pm.Data("offset_data", design.offset, dims="obs_id")
        extra = _extra(spec, design, aux)
        expected = spec.family.expected(eta, **{name: extra[name] for name in aux})
        outcome = spec.family.outcome(eta, **extra)
        if observe and spec.likelihood:
            _observe(spec, design, eta, extra, outcome)
    return Assembly(model, eta, expected, outcome, smooths, parameters, spec.family, extra)


def register_auxiliary(spec: ModelSpec) -> tuple[dict[str, TensorVariable], Any]:
    """Register the family's parameters in the current model; return them and the residual sd.

    The residual sd, which group-level sds may be relative to, is 1.0 for families without one.
    """
    model = pm.modelcontext(None)
    aux = {
        name: model.register_rv(
            prior.within(*spec.family.others[name].domain), spec.names.aux[name]
        )
        for name, prior in spec.priors.aux.items()
    }
    scale = spec.family.group_scale
    return aux, aux[scale] if scale is not None else 1.0


def _common(spec: ModelSpec, design: Design, noise: Any) -> TensorVariable:
    """Intercept and common terms; the intercept's prior is at the means of the columns.

    The intercept has an initial value only where sampling cannot start at the prior's centre: PyMC
    does not take a model with initial values apart (``pm.do``, ``pm.observe``).
    """
    predictor, name = spec.predictor, spec.names.intercept
    eta: Any = pt.zeros(design.n)
    intercept: Any = 0.0
    if predictor.intercept:
        assert spec.priors.intercept is not None  # noqa: S101
        intercept = pm.modelcontext(None).register_rv(
            spec.priors.intercept.rv(),
            spec.centered_intercept,
            initval=predictor.start,
        )
    if predictor.common:
        beta = _coefficients(spec, noise)
        eta = pt.dot(pm.Data("common_data", design.X, dims=("obs_id", "common_dim")), beta)
        if predictor.intercept:
            intercept = pm.Deterministic(name, intercept - pt.sum(predictor.means * beta))
    return eta + intercept


def _coefficients(spec: ModelSpec, noise: Any) -> TensorVariable:
    """Register the coefficients, term by term, and return them as one vector, shape (K,)."""
    predictor = spec.predictor
    if predictor.rotation is not None:
        return _rotated(spec, noise)
    parts: list[TensorVariable] = []
    terms = {term.name: term for term in predictor.common}
    for i, common in enumerate(spec.priors.common):
        if isinstance(common.prior, JointPrior):
            suffix = str(i) if len(spec.priors.common) > 1 else ""
            parts.append(_joint(spec, common, f"{spec.names.coefficients}{suffix}", noise))
            continue
        (name,) = common.terms
        shape, dims = ((), None) if terms[name].scalar else ((terms[name].width,), f"{name}_dim")
        parts.append(pt.atleast_1d(_rv(common.prior, name, shape, dims)))
    return parts[0] if len(parts) == 1 else pt.concatenate(parts)


def _rv(prior: Prior, name: str, shape: tuple[int, ...], dims: str | None) -> TensorVariable:
    """Register a prior under ``name``, stretched to ``shape``."""
    from pymc.distributions.shape_utils import change_dist_size

    rv = prior.rv()
    if rv.type.shape != shape:
        rv = change_dist_size(rv, shape)
    return pm.modelcontext(None).register_rv(rv, name, dims=None if dims is None else (dims,))


def _joint(spec: ModelSpec, common: CommonPrior, name: str, noise: Any) -> TensorVariable:
    """Coefficients that share a prior; each term becomes a named part of the vector."""
    terms = [term for term in spec.predictor.common if term.name in common.terms]
    model, dim = pm.modelcontext(None), f"{name}_dim"
    columns = [column for term in terms for column in term.column_names]
    model.add_coord(dim, columns)
    assert isinstance(common.prior, JointPrior)  # noqa: S101
    beta = common.prior.build(name, len(columns), dim, noise)
    _name_parts(spec, terms, beta)
    return beta


def _rotated(spec: ModelSpec, noise: Any) -> TensorVariable:
    """Coefficients R^-1 theta of a design that was made orthogonal; the prior is on theta."""
    predictor, name = spec.predictor, f"{spec.names.coefficients}_rotated"
    (common,) = spec.priors.common
    k = len(predictor.column_names)
    model = pm.modelcontext(None)
    model.add_coord(f"{name}_dim", np.arange(k))
    if isinstance(common.prior, JointPrior):
        theta = common.prior.build(name, k, f"{name}_dim", noise)
    else:
        theta = _rv(common.prior, name, (k,), f"{name}_dim")
    beta = pt.sum(predictor.rotation * theta, axis=1)
    _name_parts(spec, predictor.common, beta)
    return beta


def _name_parts(spec: ModelSpec, terms: Any, beta: TensorVariable) -> None:
    at = 0
    for term in terms:
        part = beta[at] if term.scalar else beta[at : at + term.width]
        pm.Deterministic(term.name, part, dims=None if term.scalar else f"{term.name}_dim")
        at += term.width


def _groups(spec: ModelSpec, design: Design, noise: Any) -> Any:
    """The sum of all group-specific terms."""
    return sum(_groups_by_target(spec, design, noise).values(), start=0.0)


def _groups_by_target(
    spec: ModelSpec, design: Design, noise: Any, around: Mapping[str, Around] | None = None
) -> dict[str, Any]:
    """Sums of group-specific terms by the parameter that they are added to."""
    totals: dict[str, Any] = {}
    for block in spec.groups:
        if block.name in design.groups:
            columns = _block(spec, block, design, noise, around or {})
            for target, column in zip(block.column_targets, columns, strict=True):
                totals[target] = totals[target] + column if target in totals else column
    return totals


def _block(
    spec: ModelSpec, block: GroupBlock, design: Design, noise: Any, around: Mapping[str, Around]
) -> list[Any]:
    """One block: its covariance, its effects, and what each adds in every row."""
    data = design.groups[block.name]
    covariance = register_covariance(spec, block, noise)
    centered = [(spec.centered or {}).get(block.name, False)] * block.size
    effects = group_effects(
        block.effect_names, covariance, block.level_dim, centered=centered, around=around
    )
    if data.new_levels:
        effects = _with_new_levels(block, covariance, effects, data.new_levels)
    index = pm.Data(f"{block.name}_index", data.index, dims="obs_id")
    added = []
    for k, (name, effect) in enumerate(zip(block.effect_names, effects, strict=True)):
        gathered = effect[index]
        if not block.ones[k]:
            gathered = gathered * pm.Data(f"{name}_data", data.columns[:, k], dims="obs_id")
        added.append(gathered)
    return added


def register_covariance(spec: ModelSpec, block: GroupBlock, noise: Any) -> Covariance:
    """Register a block's standard deviations and correlations in the current model."""
    sd_names = tuple(f"{name}_sigma" for name in block.effect_names)
    covariance = spec.priors.covariance[block.name].build(block.name, sd_names, noise)
    if block.size > 1:
        dims = (block.effect_dim, f"{block.effect_dim}_bis")
        pm.Deterministic(f"{block.name}_corr", correlation(covariance), dims=dims)
    return covariance


def _with_new_levels(
    block: GroupBlock, covariance: Covariance, effects: list[Any], new: tuple[str, ...]
) -> list[Any]:
    """Append to each effect the levels that the block has not seen, drawn from N(0, Sigma)."""
    model, dim = pm.modelcontext(None), f"{block.level_dim}{NEW}"
    if dim not in model.coords:
        model.add_coord(dim, list(new))
    names = tuple(f"{name}{NEW}" for name in block.effect_names)
    unseen = group_effects(names, covariance, dim)
    return [pt.concatenate(pair) for pair in zip(effects, unseen, strict=True)]


def _extra(spec: ModelSpec, design: Design, aux: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the outcome's distribution besides the mean, trials and weights as data."""
    trials, weights = design.trials, design.weights
    if spec.family.has_trials and trials is not None:
        trials = pm.Data("trials_data", trials.astype(np.int64), dims="obs_id")
    if spec.weights == "precision" and weights is not None:
        weights = pm.Data("weights_data", weights, dims="obs_id")
    return outcome_arguments(spec, replace(design, trials=trials, weights=weights), aux)


def outcome_arguments(spec: ModelSpec, design: Design, aux: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the outcome's distribution besides the mean."""
    arguments = dict(aux)
    if spec.family.has_trials and design.trials is not None:
        arguments["trials"] = design.trials
    if spec.weights == "precision" and design.weights is not None:
        scale = str(spec.family.group_scale)
        arguments[scale] = aux[scale] / pt.sqrt(design.weights)
    return arguments


def _observe(
    spec: ModelSpec, design: Design, eta: Any, extra: dict[str, Any], outcome: TensorVariable
) -> None:
    """Register the outcome as observed, its log density multiplied by likelihood weights."""
    model, name = pm.modelcontext(None), spec.names.outcome
    assert design.y is not None  # noqa: S101
    discrete = outcome.type.dtype.startswith(("int", "uint", "bool"))
    y = design.y.astype(np.int64) if discrete else design.y
    data = pm.Data(f"{name}_data", y, dims="obs_id")
    if spec.weights == "likelihood" and design.weights is not None:
        outcome = weighted(spec, eta, extra, pm.Data("weights_data", design.weights, dims="obs_id"))
    model.register_rv(outcome, name, observed=data, dims=("obs_id",))


def weighted(
    spec: ModelSpec, eta: Any, extra: dict[str, Any], weights: TensorVariable
) -> TensorVariable:
    """The outcome's distribution with each row's log density multiplied by its weight."""
    keys = tuple(extra)

    def dist(eta: Any, weights: Any, *values_and_size: Any) -> TensorVariable:
        return spec.family.outcome(eta, **dict(zip(keys, values_and_size[:-1], strict=True)))

    def logp(value: Any, eta: Any, weights: Any, *values: Any) -> TensorVariable:
        return weights * pm.logp(dist(eta, weights, *values, None), value)

    return pm.CustomDist.dist(
        eta, weights, *extra.values(), dist=dist, logp=logp, class_name=spec.family.name
    )
