"""Whitens coefficients at a penalized mode: for outcomes that are not normal, and for curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.assemble.outcome import (
    following,
    outcome_of,
    register_auxiliary,
    register_residual,
)
from glimmer.coordinates.as_data import as_data, numbers_as_data, of_known_shape
from glimmer.coordinates.fused import fused_kernel
from glimmer.coordinates.merge_rows import merge_rows
from glimmer.coordinates.plan import Plan, Z, data, prior_data
from glimmer.coordinates.start_at_mode import whitening_mode
from glimmer.kernels import (
    Predictor,
    RowDensity,
    Whiten,
    auxiliary_vector,
    cross_products,
    pack_rows,
)

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.coordinates.layout import Layout
    from glimmer.coordinates.pirls import Mode
    from glimmer.kernels import CrossProducts, RowKernel, Rows
    from glimmer.spec import Design

LARGEST_DENSE = 2000  # coefficients of the Schur complement, beside the largest factor


def whitened(laid: Layout, design: Design) -> Plan:
    """Sample coordinates z of the coefficients P^-1 r + L^-T z.

    Raises
    ------
    SamplingError
        The penalized mode was not found, or has ordered intercepts that could trade places.
    """
    spec, blocks, products = laid.spec, laid.blocks, _products(laid, whitening_mode(laid, design))
    with pm.Model(coords=spec.coords) as model:
        aux, noise = register_auxiliary(spec)
        residual = register_residual(spec)
        triangles, scales = laid.hyperparameters(noise)
        shifts = laid.shifted(noise)
        numbers_as_data(model)
        z, prior = pm.Flat(Z, shape=blocks.size), prior_data(laid)
        coefficients, density, _ = Whiten()(
            triangles,
            scales,
            pt.ones(()),
            *prior,
            z,
            *data(products),
        )
        pm.Potential("effects", density)
        pm.Potential("common", _common_density(laid, coefficients, *prior))
        if laid.orderings:
            pm.Potential("ordered", _ordered(laid, coefficients))
        pm.Potential("likelihood", _likelihood(laid, design, aux, residual, coefficients, shifts))
    return Plan("whitened", model, laid, products, triangles, scales, pt.ones(()))


def _products(laid: Layout, mode: Mode) -> CrossProducts:
    """Cross-products at the mode; of too many factors to go together, each by itself."""
    if _rest(laid) <= LARGEST_DENSE:
        return mode.products
    near = mode.local
    return cross_products(
        near.blocks, near.response, near.weights, center=False, decoupled=mode.coefficients
    )


def _rest(laid: Layout) -> int:
    """Number of coefficients beside those of the largest factor."""
    sizes: dict[str, int] = {}
    for group in laid.blocks.groups:
        sizes[group.factor] = sizes.get(group.factor, 0) + group.size
    return laid.blocks.size - max(sizes.values(), default=0)


def _common_density(
    laid: Layout, coefficients: TensorVariable, mean: TensorVariable, precision: TensorVariable
) -> TensorVariable:
    """Log prior density of the common coefficients: one expression where all are normal."""
    common = coefficients[laid.blocks.size - laid.blocks.X.shape[1] :]
    if laid.normal:
        proper = laid.precision[laid.precision > 0]
        constant = pm.Data("common_constant", 0.5 * np.log(proper / (2 * np.pi)).sum())
        return constant - 0.5 * pt.sum(precision * (common - mean) ** 2)
    terms = [pt.sum(pm.logp(as_data(prior.rv()), common[place])) for _, place, prior in laid.common]
    return pt.add(*terms) if len(terms) > 1 else pt.sum(pt.stack([*terms, pt.zeros(())]))


def _likelihood(
    laid: Layout,
    design: Design,
    aux: dict[str, Any],
    residual: dict[str, Any],
    coefficients: TensorVariable,
    shifts: dict[str, Any],
) -> TensorVariable:
    """The log likelihood: from a kernel where there is one, else the family's own expression."""
    kernel = fused_kernel(laid.spec, design)
    if kernel is not None:
        return _row_density(kernel, laid, design, aux, coefficients, shifts)
    spec, etas = laid.spec, {}
    for name, rows in laid.predictors.items():
        eta = Predictor()(coefficients, *_packed(pack_rows(rows), f"{name}_row"))
        etas[name] = eta + shifts[name] if name in shifts else eta
    found = spec.stage.staged(etas, design, spec.family, of_known_shape)
    parameters = following(spec, aux, residual, found.curve)
    outcome = outcome_of(spec, design, found.eta, parameters, of_known_shape)
    return pt.sum(outcome.density(of_known_shape("y", design.y)))


def _row_density(
    kernel: RowKernel,
    laid: Layout,
    design: Design,
    aux: dict[str, Any],
    coefficients: TensorVariable,
    shifts: dict[str, Any],
) -> TensorVariable:
    """The log likelihood from a kernel, of rows that are alike once unless something moves them."""
    y = design.y
    assert y is not None  # noqa: S101
    given = laid.blocks, y, design.trials, design.weights
    alike = kernel.weights == "likelihood" and not shifts
    blocks, y, trials, weights = merge_rows(*given) if alike else given
    rows = pack_rows(blocks, kernel, y, trials=trials, weights=weights, sort=True)
    inputs = coefficients, auxiliary_vector(kernel, aux), *shifts.values()
    return RowDensity(kernel)(*inputs, *_packed(rows))[0]


def _packed(rows: Rows, name: str = "row") -> tuple[TensorVariable, TensorVariable]:
    """Rows as data of the current model."""
    return pm.Data(f"{name}_integers", rows.integers), pm.Data(f"{name}_floats", rows.floats)


def _ordered(laid: Layout, coefficients: TensorVariable) -> TensorVariable:
    """Zero where all ordered intercepts are in their order, minus infinity elsewhere."""
    gaps = [
        sum(w * coefficients[i] for w, i in zip(o.weights, laid.places(o), strict=True))
        for o in laid.orderings
    ]
    return sum(pt.switch(gap > 0, 0.0, -np.inf) for gap in gaps)
