"""The catalogue of bad input: what a row says, and the tables that rows spoil."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glimmer import GlmerBuilder, NlmerBuilder, errors

N = 24

type Make = Callable[[], Any]


def table(**changes: Any) -> pd.DataFrame:
    """A small clean table, with some columns changed or added; a callable makes its column."""
    rng = np.random.default_rng(1)
    clean = {
        "y": rng.normal(size=N),
        "x": rng.normal(size=N),
        "z": rng.normal(size=N),
        "g": np.repeat(list("abcdef"), N // 6),
        "h": np.tile(list("stuvwr"), N // 6),
        "f": np.tile(["low", "mid", "top"], N // 3),
        "k": rng.poisson(3, N),
        "m": rng.poisson(3, N) + 9,
        "b": rng.integers(0, 2, N),
        "p": rng.uniform(0.1, 0.9, N),
        "w": rng.uniform(0.5, 2, N),
    }
    made = {name: column() if callable(column) else column for name, column in changes.items()}
    return pd.DataFrame({**clean, **made})


def on(**changes: Any) -> Make:
    """Make the table with some columns changed."""
    return lambda: table(**changes)


def renamed(**names: Any) -> Make:
    """Make the table with other names of columns."""
    return lambda: table().rename(columns=names)


def given(**arguments: Any) -> Make:
    """Make arguments of the builder; callables make theirs."""
    return lambda: {name: a() if callable(a) else a for name, a in arguments.items()}


def numbers(**at: Any) -> Make:
    """Make numbers, some of them replaced by position: ``_3=np.nan``."""
    return lambda: _replaced(np.random.default_rng(2).normal(size=N), at)


def counts(**at: Any) -> Make:
    """Make counts, some of them replaced by position."""
    return lambda: _replaced(np.random.default_rng(3).poisson(3, N).astype(float), at)


def positive(**at: Any) -> Make:
    """Make positive numbers below 1, some of them replaced by position."""
    return lambda: _replaced(np.random.default_rng(4).uniform(0.1, 0.9, N), at)


def _replaced(values: np.ndarray, at: dict[str, Any]) -> np.ndarray:
    for position, value in at.items():
        values[int(position[1:])] = value
    return values


def objects(first: Any, rest: Any) -> Make:
    """Make a column of Python objects."""

    def make() -> np.ndarray:
        column = np.empty(N, dtype=object)
        column[:] = [first] + [rest] * (N - 1)
        return column

    return make


@dataclass(frozen=True)
class Row:
    """A row of the catalogue.

    Attributes
    ----------
    number : int
    given : str
        What is given, in words.
    expected : type or None
        The error, the category of the warning, or None if it works without a word.
    formula : str
    data, arguments : callable
        Make what the builder is given, anew.
    column, under : str or None
        The column that the error names; the part of the formula with carets below it.
    says, fix : str
        Fragments of the message and of the fix.
    check : str
        The check that the warning comes from.
    holds : callable
        Something true of the model.
    decided : str
        Why the row departs from the catalogue, where it does.
    builder : type
        What it is given to.
    """

    number: int
    given: str
    expected: type[Exception] | None = None
    formula: Any = "y ~ x"
    data: Make = table
    arguments: Make = dict
    column: str | None = None
    under: str | None = None
    says: str = ""
    fix: str = ""
    check: str = ""
    holds: Callable[[Any], bool] | None = None
    decided: str = ""
    builder: type[GlmerBuilder | NlmerBuilder] = GlmerBuilder

    @property
    def warns(self) -> bool:
        """Whether a model is built, with a warning."""
        return self.expected is not None and issubclass(self.expected, errors.ModelWarning)

    @property
    def fails(self) -> bool:
        """Whether no model is built."""
        return self.expected is not None and not self.warns

    def build(self, data: Any, **more: Any) -> GlmerBuilder | NlmerBuilder:
        """Give it to the builder."""
        return self.builder(self.formula, data, **{**self.arguments(), **more})


def names(model: GlmerBuilder) -> list[str]:
    """Names of the columns of the common terms."""
    return list(model.spec.predictors["mu"].column_names)


def first(model: GlmerBuilder) -> np.ndarray:
    """The first column of the common terms."""
    return model.design.columns["mu"][:, 0]


def levels(model: GlmerBuilder) -> tuple[str, ...]:
    """Levels of the last grouping factor."""
    return model.spec.groups[-1].levels
