"""Bad input, row by row: what is given, and what the user gets before anything is compiled.

Every row of the catalogue is an error that says where and what to do, a warning that can be
switched off, or a model with a finite log density.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from pytensor.compile.mode import Mode
from pytensor.link.c.basic import CLinker
from pytensor.link.numba.linker import NumbaLinker
from pytensor.link.vm import VMLinker

from glimmer import GlmerBuilder
from glimmer.learn.checks import CHECKS
from tests.bad_input import Row, curves, data, designs, formulas, outcomes

ROWS = [*data.ROWS, *formulas.ROWS, *curves.ROWS, *outcomes.ROWS, *designs.ROWS]
WARNINGS = [row for row in ROWS if row.warns]
LAST = 109
PLAIN = Mode("py", None)
MEDIAN_SECONDS = 0.05

# Rows that no builder of this version can meet, and why.
LATER = {
    38: "not a row of its own: every row is checked to leave the caller's data unchanged",
    85: "there is no ordinal family",
    86: "there is no categorical family; a factor of one level is refused by every family",
    91: "there is no censoring or truncation",
    92: "there are no multivariate outcomes",
}


def called(row: Row) -> str:
    return f"{row.number}: {row.given}"


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every linker that asks for a compiler fail."""
    interpreted = VMLinker.accept

    def accept(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, VMLinker) and not self.c_thunks:
            return interpreted(self, *args, **kwargs)
        raise AssertionError(f"{type(self).__name__} was asked to compile")

    for linker in (CLinker, NumbaLinker, VMLinker):
        monkeypatch.setattr(linker, "accept", accept)


def fingerprint(given: Any) -> str:
    """Everything that can be seen of some data: types, values, names, order."""
    if isinstance(given, Mapping):
        return str({name: fingerprint(value) for name, value in given.items()})
    if isinstance(given, np.ndarray):
        return f"{given.dtype} {given.flags.writeable} {given.tolist()}"
    if isinstance(given, pl.LazyFrame):
        given = given.collect()
    if isinstance(given, pl.DataFrame):
        return f"{given.schema} {given.rows()}"
    if hasattr(given, "to_pydict"):
        return f"{given.schema} {[column.to_pylist() for column in given.columns]}"
    if hasattr(given, "dtypes"):
        shown = [given.iloc[:, i] for i in range(given.shape[1])] if given.ndim == 2 else [given]
        return f"{list(given.index)} " + str([(s.name, s.dtype, s.tolist()) for s in shown])
    return repr(given)


def log_density(model: GlmerBuilder) -> float:
    """The log density where sampling starts, by Python's linker alone."""
    built = model.build()
    return float(built.compile_logp(mode=PLAIN)(built.initial_point()))


def check_error(row: Row, error: Exception) -> None:
    assert type(error) is row.expected, repr(error)
    text, fix = error.message, error.fix or ""
    assert row.says in text
    assert row.fix in fix
    assert error.column == row.column
    if row.under is not None:
        assert error.formula[slice(*error.span)] == row.under
    assert text.endswith("."), "a sentence"
    assert "\n" not in text


def check_warning(row: Row, caught: list[warnings.WarningMessage]) -> None:
    (warning,) = caught
    assert type(warning.message) is row.expected
    assert warning.filename == __file__.replace("test_bad_input.py", "bad_input/__init__.py")
    text, _, fix = str(warning.message).partition("\nFix: ")
    assert row.says in text
    assert row.fix in fix
    assert f'checks={{"{row.check}": "ignore"}}' in fix


@pytest.mark.parametrize("row", [*ROWS, *designs.STARTS], ids=called)
def test_row(row: Row) -> None:
    given = row.data()
    before = fingerprint(given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if row.fails:
            with pytest.raises(row.expected) as raised:
                row.build(given)
            check_error(row, raised.value)
        else:
            model = row.build(given)
    assert fingerprint(given) == before
    if row.warns:
        check_warning(row, caught)
    else:
        assert not caught, [str(warning.message) for warning in caught]
    if not row.fails:
        assert row.holds is None or row.holds(model)
        assert np.isfinite(log_density(model))


@pytest.mark.parametrize("row", WARNINGS, ids=called)
def test_every_warning_can_be_switched(row: Row) -> None:
    row.build(row.data(), checks={row.check: "ignore"})
    with pytest.raises(CHECKS[row.check].error):
        row.build(row.data(), checks={row.check: "error"})


def test_every_check_has_a_row() -> None:
    assert {row.check for row in WARNINGS} == set(CHECKS) - {"many_columns"}


def test_every_number_of_the_catalogue_has_a_row_or_a_reason() -> None:
    met = {row.number for row in ROWS}
    assert met | set(LATER) == set(range(1, LAST + 1))
    assert not met & set(LATER)


def test_arrays_of_the_caller_stay_as_they_are() -> None:
    table = data.table()
    given = {"weights": np.ones(len(table)), "offset": np.ones(len(table)), "subset": np.arange(20)}
    before = fingerprint(given)
    GlmerBuilder("y ~ x + (1 | g)", table, **given).build()
    assert fingerprint(given) == before


def test_a_model_does_not_follow_its_table() -> None:
    table = {name: data.table()[name].to_numpy(copy=True) for name in "yx"}
    model = GlmerBuilder("y ~ x", table)
    table["y"][:] = table["x"][:] = 99.0
    assert not (model.design.y == 99.0).any()
    assert not (model.design.columns["mu"] == 99.0).any()


def test_the_answer_is_quick() -> None:
    def seconds(row: Row) -> Iterator[float]:
        given = row.data()
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                row.build(given)
            except ValueError:
                pass
        yield time.perf_counter() - start

    assert np.median([s for row in ROWS for s in seconds(row)]) < MEDIAN_SECONDS
