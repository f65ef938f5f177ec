"""One battery over every kind of term, family and link, smooth basis and curve, ours or not.

The models are those of the golden record and those of docs/extending. Laws of whole models are
compared with scipy's in `test_log_density` and `test_extending`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from contract import (
    arrays,
    assert_alike,
    at_rows,
    covariance_of_contribution,
    covariance_of_form,
    hyperparameters,
    parts,
)
from extending_cases import DATA, STORIES
from extensions import added

import glimmer as gl
from glimmer.coordinates.layout import normal_blocks
from glimmer.families import FAMILIES
from glimmer.interpreter.evaluate import evaluate
from glimmer.nonlinear.registry import find_mean_function, mean_function_names
from glimmer.record import dumps, loads
from glimmer.smooths import Grouped, basis
from glimmer.terms import protocol
from tests.golden.cases import CASES, CURVES, SMOOTHS

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
