"""Identical rows are taken once, and nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import glimmer as gl
from glimmer.coordinates import merge_rows as merging
from glimmer.coordinates.choose import choose
from glimmer.coordinates.plan import Z
from glimmer.interpreter.modes import PLAIN
from glimmer.kernels import Blocks, Group


def table(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, rows),
            "count": rng.poisson(1, rows),
            "misses": rng.integers(0, 3, rows),
            "f": rng.choice(["a", "b"], rows),
            "x": rng.integers(0, 2, rows).astype(float),
            "g": rng.choice(list("stuvw"), rows),
            "w": rng.integers(1, 3, rows).astype(float),
        }
    )


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bernoulli": ("y ~ f + (x | g)", {"family": "bernoulli"}),
    "binomial": ("cbind(count, misses) ~ f + (1 | g)", {"family": "binomial"}),
    "offset": ("count ~ f + offset(x) + (1 | g)", {"family": "poisson"}),
    "weights": ("count ~ f + (1 | g)", {"family": "neg_binomial_2", "weights": "w"}),
}


def density(formula: str, arguments: dict[str, Any]) -> tuple[float, np.ndarray, int]:
    """The log density of a plan at a point, its gradient, and the numbers that its rows take."""
    model = gl.GlmerBuilder(formula, table(), **arguments)
    plan = choose(model.spec, model.design, "whitened")
    assert plan is not None
    point = plan.model.initial_point()
    point[Z] = np.random.default_rng(2).normal(size=point[Z].shape)
    rows = next(v for v in plan.model.data_vars if v.name == "row_floats")
    value = plan.model.compile_logp(mode=PLAIN)(point)
    return float(value), plan.model.compile_dlogp(mode=PLAIN)(point), len(rows.get_value())


@pytest.mark.parametrize("name", MODELS)
def test_same_density(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, gradient, size = density(*MODELS[name])
    monkeypatch.setattr(merging, "WORTH", 0.0)
    whole, slope, more = density(*MODELS[name])
    assert size < more
    assert value == pytest.approx(whole, rel=1e-10)
    np.testing.assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)


def test_rows_are_told_apart_by_every_column() -> None:
    """Eight rows that differ in one column each, and their copies."""
    columns = np.eye(8)[:, :7]
    y, trials, offset, x, z, smooth, index = np.tile(columns, (5, 1)).T
    group = Group(index.astype(np.int64), 2, z[:, None], "g")
    blocks = Blocks(x[:, None], (group,), (smooth[:, None],), offset)
    merged, kept, asked, counts = merging.merge_rows(blocks, y, trials, None)
    assert asked is not None
    assert merged.rows == len(kept) == len(asked) == 8
    np.testing.assert_array_equal(counts, 5.0)


def test_few_alike_are_left_alone() -> None:
    blocks = Blocks(np.arange(10.0)[:, None])
    assert merging.merge_rows(blocks, np.zeros(10), None, None)[0] is blocks
