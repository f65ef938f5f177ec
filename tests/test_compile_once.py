"""Another data set of the same form finds everything compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from nlmer_cases import ORANGE, orange
from numba.core import event

import glimmer as gl

MODELS: dict[str, Any] = {
    "integrated": lambda data: gl.GlmerBuilder("Reaction ~ Days + (Days | Subject)", data),
    "whitened": lambda data: gl.GlmerBuilder(
        "round ~ Days + (1 | Subject)", data.assign(round=data["Reaction"] // 10), family="poisson"
    ),
    "no kernel": lambda data: gl.GlmerBuilder(
        "Reaction ~ Days + (1 | Subject)", data, family="student_t"
    ),
    "curve": lambda data: gl.NlmerBuilder(ORANGE, data),
}


@contextmanager
def compiled() -> Iterator[list[str]]:
    """The functions that numba compiles meanwhile."""
    names: list[str] = []

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            names.append(event.data["dispatcher"].py_func.__name__)

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield names


@pytest.mark.parametrize("name", MODELS)
def test_another_data_set_of_the_same_form_compiles_nothing(name):
    column = "circumference" if name == "curve" else "Reaction"
    data = orange() if name == "curve" else gl.load_data("sleepstudy")
    noise = np.random.default_rng(1).normal(size=len(data))
    found = []
    for table in (data, data.assign(**{column: 1.1 * data[column] + noise})):
        with compiled() as names:
            MODELS[name](table).fit(draws=10, tune=10, chains=1, random_seed=1, progressbar=False)
        found.append(names)
    assert found[1] == []
