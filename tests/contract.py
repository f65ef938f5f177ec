"""What every term, family, basis and curve promises, as functions that check one of them.

They ask for arrays, laws and records through the same methods as the package does, and know no
kind of term, family or basis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from natural import random_point
from pytensor.graph.replace import clone_replace

from glimmer.data import Frame
from glimmer.interpreter.modes import PLAIN
from glimmer.smooths import Grouped
from glimmer.spec import Design, ModelSpec
from glimmer.spec.design import design_of
from glimmer.terms.naming import MU

NOISE = 1.7
Arrays = dict[str, np.ndarray]


# Rows


def arrays(value: Any, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """All arrays with rows in a design, or in a part of one, with their places."""
    match value:
        case np.ndarray():
            yield name, value
        case dict():
            for key, part in value.items():
                yield from arrays(part, f"{name}/{key}")
        case tuple():
            for i, part in enumerate(value):
                yield from arrays(part, f"{name}/{i}")
        case Grouped():
            yield from arrays({"index": value.index, "rows": value.rows}, name)
        case _ if hasattr(value, "columns"):
            parts = {key: vars(value)[key] for key in ("index", "columns") if hasattr(value, key)}
            yield from arrays(parts, name)


def parts(design: Design) -> Arrays:
    """What of a design its terms have made."""
    kinds = ("columns", "offsets", "groups", "smooths", "terms", "inputs")
    return dict(arrays({kind: getattr(design, kind) for kind in kinds}))


def at_rows(spec: ModelSpec, frame: Frame, design: Design, rows: np.ndarray, functions: Any) -> Any:
    """The design of a table's rows, made from these rows alone."""
    offset = design.offsets[MU][rows] if spec.array_offset else None
    return design_of(spec, frame.take(rows), offset=offset, functions=functions)


def assert_alike(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-9, atol=1e-9, err_msg=name)


# Laws


def hyperparameters(block: Any, spec: ModelSpec, seed: int) -> Arrays:
    """Values of the parameters that a block's coefficients are normal given."""
    with pm.Model(coords=spec.coords) as model:
        block.law(spec.priors, pt.as_tensor(NOISE))
    return random_point(model, seed)


def covariance_of_form(block: Any, spec: ModelSpec, own: Any, point: Arrays) -> np.ndarray:
    """Of what a block adds to all rows, predictor by predictor: by its `gaussian` and `law`."""
    form = block.gaussian(own)
    with pm.Model(coords=spec.coords) as model:
        law = block.law(spec.priors, pt.as_tensor(NOISE))
    numbers = clone_replace(law.factor, given(model, point)).eval(mode=PLAIN)
    if form.diagonal:
        T = np.diag(numbers)
    else:
        T = np.zeros((form.z.shape[1], form.z.shape[1]))
        T[np.tril_indices(len(T))] = numbers
    rows = [(form.z * (np.array(form.targets) == t)) @ T for t in sorted({*form.targets})]
    index = np.zeros(len(form.z), int) if form.index is None else form.index
    W, level = np.vstack(rows), np.tile(index, len(rows))
    return (W @ W.T) * (level[:, None] == level)


def covariance_of_contribution(block: Any, spec: ModelSpec, own: Any, point: Arrays) -> np.ndarray:
    """The same by what the block registers in a model: a linear map of normal variables."""
    with pm.Model(coords=spec.coords) as model:
        added = contribution(block, spec, own)
    z, at = pt.dvector("z"), 0
    replaced = given(model, point)
    for rv in model.free_RVs:
        if rv not in replaced:
            mean, sd = clone_replace(rv.owner.op.dist_params(rv.owner), replaced)
            shape = tuple(rv.shape.eval(mode=PLAIN))
            size = int(np.prod(shape))
            replaced[rv] = mean + sd * z[at : at + size].reshape(shape)
            at += size
    total = pt.concatenate([added[target] for target in sorted(added)])
    f = pytensor.function([z], clone_replace(total, replaced), mode=PLAIN)
    np.testing.assert_allclose(f(np.zeros(at)), 0, atol=1e-12)
    M = np.stack([f(unit) for unit in np.eye(at)], axis=1)
    return M @ M.T


def given(model: pm.Model, point: Arrays) -> dict[Any, Any]:
    """Numbers in place of the free variables that a point has."""
    free = (rv for rv in model.free_RVs if rv.name in point)
    return {rv: pt.as_tensor(np.asarray(point[rv.name], float)) for rv in free}


def contribution(block: Any, spec: ModelSpec, own: Any) -> dict[str, Any]:
    """What a block adds to each predictor, registered in the current model."""
    noise = pt.as_tensor(NOISE)
    if hasattr(block, "contributions"):
        return block.contributions(block.law(spec.priors, noise), own)
    return {block.target: block.contribution(spec.priors, noise, own)}
