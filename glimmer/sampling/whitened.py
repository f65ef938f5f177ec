"""Whitened coordinates for outcomes that are not normal, at a penalized mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from glimmer.families.builtin import is_shipped
from glimmer.model.assemble import outcome_arguments, register_auxiliary
from glimmer.modes import PLAIN
from glimmer.sampling.kernels import (
    FAMILIES,
    Mode,
    Predictor,
    RowDensity,
    Whiten,
    cross_products,
    pack_rows,
    penalised_mode,
)
from glimmer.sampling.merging import merge_rows
from glimmer.sampling.numbers import as_data, numbers_as_data
from glimmer.sampling.plan import Plan, Z, data, prior_data

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.model import Design, ModelSpec
    from glimmer.sampling.layout import Layout

LEAST_WEIGHT = 1e-4
LARGEST_DENSE = 2000  # coefficients of the Schur complement, beside the largest factor


def whitened(laid: Layout, design: Design) -> Plan:
    """Sample coordinates z of the coefficients P^-1 r + L^-T z.

    Raises
    ------
    SamplingError
        The penalized mode was not found.
    """
    spec, blocks = laid.spec, laid.blocks
    with pm.Model(coords=spec.coords) as model:
        aux, noise = register_auxiliary(spec)
        triangles, scales = laid.hyperparameters(noise)
        numbers_as_data(model)
        mode = _mode(laid, design, model, aux, triangles, scales)
        products = cross_products(
            blocks,
            mode.response,
            mode.weights,
            center=False,
            decoupled=mode.coefficients if _rest(laid) > LARGEST_DENSE else None,
        )
        z = pm.Flat(Z, shape=blocks.size)
        coefficients, density, _ = Whiten()(
            triangles,
            scales,
            pt.ones(()),
            *prior_data(laid),
            z,
            *data(products),
        )
        pm.Potential("effects", density)
        pm.Potential("common", _common_density(laid, coefficients))
        pm.Potential("likelihood", _likelihood(laid, design, aux, coefficients))
    return Plan("whitened", model, laid, products, triangles, scales, pt.ones(()))


def _rest(laid: Layout) -> int:
    """Number of coefficients beside those of the largest factor."""
    sizes: dict[str, int] = {}
    for group in laid.blocks.groups:
        sizes[group.factor] = sizes.get(group.factor, 0) + group.size
    return laid.blocks.size - max(sizes.values(), default=0)


def _common_density(laid: Layout, coefficients: TensorVariable) -> TensorVariable:
    """Log prior density of the common coefficients."""
    common = coefficients[laid.blocks.size - laid.blocks.X.shape[1] :]
    terms = [pt.sum(pm.logp(as_data(prior.rv()), common[place])) for _, place, prior in laid.common]
    return pt.add(*terms) if len(terms) > 1 else pt.sum(pt.stack([*terms, pt.zeros(())]))


def _likelihood(
    laid: Layout, design: Design, aux: dict[str, Any], coefficients: TensorVariable
) -> TensorVariable:
    """The log likelihood: from a kernel where there is one, else the family's own expression."""
    spec = laid.spec
    family = (spec.family.name, spec.family.link_name)
    # The kernel of the normal family takes precisions; all others take exponents.
    suits = spec.weights != "precision" and not (spec.family.normal and design.weights is not None)
    if family in FAMILIES and is_shipped(spec.family) and suits:
        assert design.y is not None  # noqa: S101
        given = laid.blocks, design.y, design.trials, _exponents(spec, design)
        blocks, y, trials, weights = given if spec.family.normal else merge_rows(*given)
        rows = pack_rows(blocks, family, y, trials=trials, weights=weights, sort=True)
        only = next(iter(aux.values()), pt.zeros(()))
        packed = pm.Data("row_integers", rows.integers), pm.Data("row_floats", rows.floats)
        return RowDensity()(coefficients, only, *packed)[0]
    rows = pack_rows(laid.blocks)
    packed = pm.Data("row_integers", rows.integers), pm.Data("row_floats", rows.floats)
    return pt.sum(_row_density(spec, design, aux, Predictor()(coefficients, *packed)))


def _exponents(spec: ModelSpec, design: Design) -> np.ndarray | None:
    return design.weights if spec.weights == "likelihood" else None


def _row_density(
    spec: ModelSpec, design: Design, aux: dict[str, Any], eta: TensorVariable
) -> TensorVariable:
    """Log likelihood of each row at a linear predictor, shape (n,)."""
    if design.trials is not None:
        design = replace(design, trials=design.trials.astype(np.int64))
    outcome = spec.family.outcome(eta, **outcome_arguments(spec, design, aux))
    discrete = outcome.type.dtype.startswith(("int", "uint", "bool"))
    assert design.y is not None  # noqa: S101
    density = pm.logp(outcome, design.y.astype(np.int64) if discrete else design.y)
    weights = _exponents(spec, design)
    return density if weights is None else weights * density


def _mode(
    laid: Layout,
    design: Design,
    model: pm.Model,
    aux: dict[str, Any],
    triangles: TensorVariable,
    scales: TensorVariable,
) -> Mode:
    """The penalized mode at the covariance and auxiliary parameters where sampling starts."""
    spec = laid.spec
    point = model.initial_point()
    eta = pt.dvector("eta")
    density = pt.sum(_row_density(spec, design, aux, eta))
    score = pytensor.grad(density, eta)
    curvature = pt.neg(pytensor.grad(pt.sum(score), eta))
    outputs = model.replace_rvs_by_values([score, curvature, triangles, scales])
    given = {v: point[v.name] for v in model.value_vars}
    at_point = pytensor.graph.replace.clone_replace(
        outputs, {v: pt.as_tensor(x).astype(v.dtype) for v, x in given.items()}
    )
    derivative = pytensor.function([eta], at_point[:2], mode=PLAIN)
    factors = pytensor.function([], at_point[2:], mode=PLAIN)()

    def weight(eta: np.ndarray) -> np.ndarray:
        curved = derivative(eta)[1]
        return np.maximum(curved, LEAST_WEIGHT * max(float(np.median(curved)), LEAST_WEIGHT))

    offset = 0.0 if design.offset is None else design.offset
    return penalised_mode(
        laid.blocks,
        lambda eta: derivative(eta)[0],
        weight,
        *factors,
        laid.mean,
        laid.precision,
        eta=np.full(design.n, spec.predictor.start or 0.0) + offset,
    )
