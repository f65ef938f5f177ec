"""Every example in a docstring of the package, run.

Examples may use ``gl``, ``np``, ``pd`` and ``model``: a fitted model of the kind that the room is
about, made without a sampler. Those that sample or write files are marked ``+SKIP``.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from extensions import restored

import glimmer as gl
from tests.fake_fit import fake_fit

ROOT = Path(gl.__file__).parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def docstrings(path: Path) -> Iterator[tuple[str, int, str]]:
    """Name, line and text of each docstring of a file that has an example."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, DOCUMENTED) and ">>> " in (text := ast.get_docstring(node) or ""):
            first = getattr(node, "lineno", 1)
            yield getattr(node, "name", path.stem), first, text


EXAMPLES = [
    pytest.param(path, name, line, text, id=f"{path.relative_to(ROOT)}::{name}")
    for path in sorted(ROOT.rglob("*.py"))
    for name, line, text in docstrings(path)
]


@cache
def multilevel() -> Any:
    """Reaction times of sleepstudy, with slopes that vary by subject."""
    return fake_fit(
        gl.GlmerBuilder("Reaction ~ Days + (Days | Subject)", gl.load_data("sleepstudy"))
    )


@cache
def simpler() -> Any:
    """The same data with intercepts alone."""
    formula = "Reaction ~ Days + (1 | Subject)"
    return fake_fit(gl.GlmerBuilder(formula, gl.load_data("sleepstudy")))


@cache
def additive() -> Any:
    """The same data with a smooth of Days."""
    formula = "Reaction ~ s(Days, k=5) + (1 | Subject)"
    return fake_fit(gl.Gamm4Builder(formula, gl.load_data("sleepstudy")))


@cache
def nonlinear() -> Any:
    """The growth of orange trees."""
    formula = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"
    return fake_fit(gl.NlmerBuilder(formula, gl.load_data("Orange")))


MODELS = {"smooths": additive, "curves": nonlinear}
"""The model of the examples in a folder of results; elsewhere it is the multilevel model."""


def names(path: Path, text: str) -> dict[str, Any]:
    """What an example can use: the names of its module, and a model if it speaks of one."""
    module = ".".join(("glimmer", *path.relative_to(ROOT).with_suffix("").parts))
    found = dict(vars(importlib.import_module(module.removesuffix(".__init__"))))
    found |= {"gl": gl, "np": np, "pd": pd}
    if "simpler" in text:
        found["simpler"] = simpler()
    if re.search(r">>> .*\bmodel\b", text) and not re.search(r">>> model = ", text):
        found["model"] = MODELS.get(path.parent.name, multilevel)()
    return found


@pytest.fixture
def registers() -> Iterator[None]:
    """Let what an example registers be forgotten after it."""
    with restored():
        yield


@pytest.mark.usefixtures("registers")
@pytest.mark.parametrize(("path", "name", "line", "text"), EXAMPLES)
def test_the_examples_are_true(path: Path, name: str, line: int, text: str) -> None:
    test = doctest.DocTestParser().get_doctest(text, names(path, text), name, str(path), line)
    assert test.examples
    report: list[str] = []
    with warnings.catch_warnings(), mpl.rc_context({"backend": "agg"}):
        warnings.simplefilter("ignore")  # a model that was not sampled converges badly
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    plt.close("all")
    assert result.failed == 0, "".join(report)


def test_no_example_is_overlooked() -> None:
    written = sum(path.read_text().count("\n    >>> ") for path in ROOT.rglob("*.py"))
    read = sum(text.count(">>> ") for *_, text in (p.values for p in EXAMPLES))
    assert 0 < written <= read
