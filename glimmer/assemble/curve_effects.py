"""The linear predictors of a curve's parameters in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.assemble.curve_coordinates import Measured, Ordered
from glimmer.assemble.curve_outcome import transformed
from glimmer.assemble.groups import Around, Informed
from glimmer.assemble.smooths import smooth_effects
from glimmer.priors.base import LocationScale

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.priors import Prior
    from glimmer.spec.curve import Nonlinear, NonlinearParameter, Ordering
    from glimmer.spec.design import Design
    from glimmer.spec.model import LinearPredictor, ModelSpec


def curve_effects(
    spec: ModelSpec, design: Design, noise: Any
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Around]]:
    """Register what the parameters of the curve are made of in the current model.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    noise : tensor or float

    Returns
    -------
    dict of str to tensor
        The linear predictor of each parameter, groups apart: a number or shape (n,).
    dict of str to tensor, shape (n,)
        The smooths, by label.
    dict of str to Around
        What effects are added to, where the data say something of their sums.
    """
    nonlinear = spec.nonlinear
    assert nonlinear is not None  # noqa: S101
    intercepts = _intercepts(spec, nonlinear)
    _name_values(nonlinear, intercepts)
    etas: dict[str, Any] = {}
    smooths: dict[str, Any] = {}
    for parameter in nonlinear.free:
        own = _smooths(spec, design, parameter, noise)
        etas[parameter.name] = _common(spec, design, parameter, intercepts) + sum(own.values())
        smooths |= own
    return etas, smooths, _around(spec, nonlinear, intercepts)


def _intercepts(spec: ModelSpec, nonlinear: Nonlinear) -> dict[str, Any]:
    """Register the intercepts, with columns centred, on the scales of the transforms."""
    intercepts: dict[str, Any] = {}
    for ordering in nonlinear.orderings:
        intercepts |= _ordered(spec, nonlinear, ordering)
    for parameter in nonlinear.free:
        predictor = parameter.predictor
        if predictor is None or not predictor.intercept or parameter.name in intercepts:
            continue
        prior = spec.priors.parameters[parameter.name].intercept
        assert prior is not None  # noqa: S101
        coordinates = Measured(parameter.origin, parameter.reach)
        name = centered_name(parameter)
        intercepts[parameter.name] = _register(prior, name, coordinates, parameter.origin)
    return intercepts


def _around(spec: ModelSpec, nonlinear: Nonlinear, intercepts: dict[str, Any]) -> dict[str, Around]:
    """The intercepts that effects are added to, where the data say something of their sums."""
    found: dict[str, Around] = {}
    for block in spec.groups:
        for target, name in zip(block.column_targets, block.effect_names, strict=True):
            if name in nonlinear.information:
                precision, at = nonlinear.information[name].of(block.levels)
                found[name] = Around(intercepts[target], Informed(precision, at))
    return found


def centered_name(parameter: NonlinearParameter) -> str:
    """Name of the variable that is a parameter's intercept when its columns are at their means."""
    assert parameter.predictor is not None  # noqa: S101
    name = parameter.intercept_name
    return f"{name}_centered" if parameter.predictor.common else name


def _ordered(spec: ModelSpec, nonlinear: Nonlinear, ordering: Ordering) -> dict[str, Any]:
    """Register intercepts of which a linear form is positive, as one vector."""
    own = [nonlinear.parameter(name) for name in ordering.parameters]
    starts = np.array([p.origin for p in own])
    units = np.array([p.reach for p in own])
    priors = [spec.priors.parameters[p.name].intercept for p in own]
    laws = [prior.normal_parameters() for prior in priors if prior is not None]
    coordinates = Ordered(starts, units, ordering.weights)
    at, spread = np.array([law for law in laws if law is not None], float).T
    vector = pm.Normal(
        ordering.name,
        at,
        spread,
        dims=f"{ordering.name}_dim",
        default_transform=coordinates,
        initval=None if np.array_equal(at, starts) else starts,
    )
    return {p.name: pm.Deterministic(centered_name(p), vector[i]) for i, p in enumerate(own)}


def _register(
    prior: Prior,
    name: str,
    coordinates: Measured | None,
    start: float | None = None,
    width: tuple[int, ...] = (),
    dims: str | None = None,
) -> TensorVariable:
    """Register a prior, sampled in some coordinates if it is a law on the whole line."""
    from pymc.distributions.shape_utils import change_dist_size

    model, rv = pm.modelcontext(None), prior.rv()
    if rv.type.shape != width:
        rv = change_dist_size(rv, width)
    line = isinstance(prior, LocationScale)
    centred = line and start is not None and np.all(prior.shift_and_scale[0] == start)  # type: ignore[attr-defined]
    return model.register_rv(
        rv,
        name,
        dims=None if dims is None else (dims,),
        initval=None if centred else start,
        **({"default_transform": coordinates} if line and coordinates is not None else {}),
    )


def _common(
    spec: ModelSpec, design: Design, parameter: NonlinearParameter, intercepts: dict[str, Any]
) -> Any:
    """Intercept, common terms and offset of a parameter, on the scale of its transform."""
    predictor, curve = parameter.predictor, design.curve
    assert predictor is not None and curve is not None  # noqa: S101
    eta: Any = intercepts.get(parameter.name, 0.0)
    if predictor.common:
        beta = _coefficients(spec, predictor)
        dims = ("obs_id", predictor.column_dim)
        X = pm.Data(f"{predictor.name}_common_data", curve.X[parameter.name], dims=dims)
        if predictor.intercept:
            at_zero = eta - pt.sum(predictor.means * beta)
            eta = pm.Deterministic(parameter.intercept_name, at_zero)
        eta = eta + pt.dot(X, beta)
    if parameter.name in curve.offsets:
        name = f"{parameter.name}_offset_data"
        eta = eta + pm.Data(name, curve.offsets[parameter.name], dims="obs_id")
    return eta


def _coefficients(spec: ModelSpec, predictor: LinearPredictor) -> TensorVariable:
    """Register a parameter's coefficients, term by term, and return them as one vector."""
    terms = {term.name: term for term in predictor.common}
    parts = []
    for common in spec.priors.parameters[predictor.name].common:
        (term,) = (terms[name] for name in common.terms)
        shape, dims = ((), None) if term.scalar else ((term.width,), f"{term.name}_dim")
        law = common.prior.normal_parameters()
        coordinates = None if law is None or np.isinf(law[1]).any() else Measured(law[0], law[1])
        parts.append(
            pt.atleast_1d(_register(common.prior, term.name, coordinates, None, shape, dims))
        )
    return parts[0] if len(parts) == 1 else pt.concatenate(parts)


def _smooths(
    spec: ModelSpec, design: Design, parameter: NonlinearParameter, noise: Any
) -> dict[str, Any]:
    assert parameter.predictor is not None  # noqa: S101
    return smooth_effects(parameter.predictor.smooths, design.smooths, spec.priors.smooth, noise)


def _name_values(nonlinear: Nonlinear, intercepts: dict[str, Any]) -> None:
    """Name the values of transformed parameters that have no coefficients."""
    typical = transformed(nonlinear, intercepts)
    for parameter in nonlinear.free:
        if parameter.bare and not parameter.transform.identity:
            pm.Deterministic(parameter.name, typical[parameter.name])
