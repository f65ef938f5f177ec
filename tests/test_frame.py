"""Frames: whatever the table, a column is numbers or labels, and the table stays as it was."""

from __future__ import annotations

import decimal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from glimmer.data import Factor, Frame, Numeric, array_argument
from glimmer.data.columns import looks_numeric
from glimmer.errors import DuplicateName, UnknownColumn, WrongLength, WrongType

NAN = float("nan")

# What holds the numbers 0, 1, 2 -> what they were.
NUMBERS = {
    "list": ([0, 1, 2], "int"),
    "tuple of floats": ((0.0, 1.0, 2.0), "float"),
    "range": (range(3), "int"),
    "array": (np.arange(3), "int"),
    "strided": (np.arange(0, 6, 2) / 2, "float"),
    "reversed": (np.arange(3)[::-1][::-1], "int"),
    "big-endian float": (np.arange(3, dtype=">f8"), "float"),
    "big-endian int": (np.arange(3, dtype=">i2"), "int"),
    "float16": (np.arange(3, dtype=np.float16), "float"),
    "longdouble": (np.arange(3, dtype=np.longdouble), "float"),
    "uint8": (np.arange(3, dtype=np.uint8), "int"),
    "objects": (np.array([0, 1, 2], dtype=object), "int"),
    "mixed numbers": ([0, 1.0, True + 1], "float"),
    "Decimal": ([decimal.Decimal(i) for i in range(3)], "float"),
    "pandas int64": (pd.Series([0, 1, 2]), "int"),
    "pandas with another index": (pd.Series([0, 1, 2], index=[9, 9, 9]), "int"),
    "pandas Int16": (pd.Series([0, 1, 2], dtype="Int16"), "int"),
    "pandas Float64": (pd.Series([0, 1, 2], dtype="Float64"), "float"),
    "pandas Arrow": (pd.Series([0, 1, 2], dtype="int64[pyarrow]"), "int"),
    "pandas sparse": (pd.Series(pd.arrays.SparseArray([0.0, 1.0, 2.0])), "float"),
    "pandas big-endian": (pd.Series(np.arange(3, dtype=">i8")), "int"),
    "pandas float16": (pd.Series([0, 1, 2], dtype="float16"), "float"),
    "polars": (pl.Series([0, 1, 2]), "int"),
    "polars Decimal": (pl.Series([0, 1, 2]).cast(pl.Decimal(9, 2)), "float"),
    "Arrow": (pa.chunked_array([[0, 1], [2]]), "int"),
}

# What holds "b", "a", "b" -> the levels.
LABELS = {
    "list": (["b", "a", "b"], ("a", "b")),
    "array": (np.array(["b", "a", "b"]), ("a", "b")),
    "objects": (np.array(["b", "a", "b"], dtype=object), ("a", "b")),
    "pandas str": (pd.Series(["b", "a", "b"]), ("a", "b")),
    "pandas string": (pd.Series(["b", "a", "b"], dtype="string"), ("a", "b")),
    "pandas object": (pd.Series(["b", "a", "b"], dtype=object), ("a", "b")),
    "categories": (pd.Series(pd.Categorical(list("bab"), ["b", "c", "a"])), ("b", "c", "a")),
    "polars": (pl.Series(["b", "a", "b"]), ("a", "b")),
    "polars Enum": (pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "c", "a"])), ("b", "c", "a")),
    "Arrow": (pa.chunked_array([["b", "a"], ["b"]]), ("a", "b")),
    "Arrow dictionary": (pa.chunked_array([["b", "a", "b"]]).dictionary_encode(), ("b", "a")),
}

# What has no second value.
GAPS = {
    "NaN": [1.0, NAN, 3.0],
    "None": [1, None, 3],
    "NaN among integers": [1, NAN, 3],
    "pd.NA": [1, pd.NA, 3],
    "pandas Int64": pd.Series([1, None, 3], dtype="Int64"),
    "pandas Arrow": pd.Series([1, None, 3], dtype="int8[pyarrow]"),
    "polars null": pl.Series([1, None, 3]),
    "polars NaN": pl.Series([1.0, NAN, 3.0]),
    "Arrow": pa.chunked_array([[1, None, 3]]),
    "text": ["a", None, "b"],
    "text and NaN": ["a", NAN, "b"],
    "pandas string": pd.Series(["a", None, "b"], dtype="string"),
    "categories": pd.Series(pd.Categorical(["a", None, "b"])),
    "polars text": pl.Series(["a", None, "b"]),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
}


def tables(column):
    """The column in a mapping, and in a table of its own kind."""
    yield {"v": column}
    if isinstance(column, pd.Series):
        yield pd.DataFrame({"v": column})
    if isinstance(column, pl.Series):
        yield pl.DataFrame({"v": column})
        yield pl.DataFrame({"v": column}).lazy()
    if isinstance(column, pa.ChunkedArray):
        yield pa.table({"v": column})


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers(kind):
    column, was = NUMBERS[kind]
    for table in tables(column):
        found = Frame(table)["v"]
        assert isinstance(found, Numeric)
        assert found.values.dtype == np.float64
        assert found.values.tolist() == [0.0, 1.0, 2.0]
        assert found.kind == was


@pytest.mark.parametrize("kind", LABELS)
def test_labels(kind):
    column, levels = LABELS[kind]
    for table in tables(column):
        found = Frame(table)["v"]
        assert isinstance(found, Factor)
        assert found.levels == levels
        assert [found.levels[code] for code in found.codes] == ["b", "a", "b"]
        assert found.codes.dtype == np.int32
        assert not found.ordered


@pytest.mark.parametrize("kind", GAPS)
def test_gaps(kind):
    for table in tables(GAPS[kind]):
        assert Frame(table)["v"].missing.tolist() == [False, True, False]


def test_booleans_are_numbers_and_have_their_own_labels():
    for column in ([True, False], np.array([True, False]), pl.Series([True, False])):
        frame = Frame({"v": column})
        assert frame.numeric("v").values.tolist() == [1.0, 0.0]
        assert frame["v"].kind == "bool"
        assert frame.factor("v").levels == ("False", "True")


def test_order_of_categories_is_kept():
    ordered = pd.Categorical(["low", "high"], ["low", "mid", "high"], ordered=True)
    found = Frame(pd.DataFrame({"v": ordered})).factor("v")
    assert found.ordered
    assert found.levels == ("low", "mid", "high")
    assert found.used().levels == ("low", "high")
    assert found.used().codes.tolist() == [0, 1]
    assert found.relevel(["high", "low"]).codes.tolist() == [1, 0]
    assert found.relevel(["high"]).missing.tolist() == [True, False]


def test_whole_numbers_are_labels_in_their_order():
    assert Frame({"v": [10, -1, 9]}).factor("v").levels == ("-1", "9", "10")
    found = Frame({"v": [2.0, NAN, 1.0]}).factor("v")
    assert found.levels == ("1", "2")
    assert found.codes.tolist() == [1, -1, 0]
    with pytest.raises(WrongType, match="non-integer"):
        Frame({"v": [0.5, 1]}).factor("v")


@pytest.mark.parametrize(
    "column",
    [
        [2**60, 2**60 + 1],
        np.array([2**60, 2**60 + 1], dtype=np.uint64),
        [2**80, 2**80 + 1],
        pd.Series([2**60, 2**60 + 1, None], dtype="Int64"),
        pl.Series([2**60, 2**60 + 1, None]),
    ],
)
def test_large_integers_are_exact_labels(column):
    frame = Frame({"v": column})
    assert len(set(frame.factor("v").levels)) == 2
    assert frame["v"].exact is not None
    assert frame.take(np.array([1])).factor("v").levels == (str(int(column[1])),)


def test_numbers_that_look_alike_are_told_from_text():
    assert looks_numeric(Frame({"v": ["1", "2.5", "-1e3"]}).factor("v"))
    assert looks_numeric(Frame({"v": ["1", "NA", ""]}).factor("v"))
    assert not looks_numeric(Frame({"v": ["NA", "", "."]}).factor("v"))
    assert not looks_numeric(Frame({"v": ["1", "one"]}).factor("v"))
    assert not looks_numeric(Frame({"v": pd.Series(["1"], dtype="category")}).factor("v"))
    with pytest.raises(WrongType, match="looks numeric"):
        Frame({"v": ["1", "2"]}).numeric("v")


def test_a_column_is_read_when_it_is_asked_for():
    frame = Frame({"v": [1, 2], "w": [[], []]})
    assert frame.names == ("v", "w")
    assert frame.numeric("v").values.tolist() == [1.0, 2.0]
    with pytest.raises(WrongType):
        frame["w"]


def test_a_lazy_table_is_collected_once():
    collected = []
    lazy = pl.LazyFrame({"v": [1, 2]}).map_batches(lambda data: collected.append(1) or data)
    frame = Frame(lazy)
    assert frame.numeric("v").values.tolist() == [1.0, 2.0]
    assert len(frame.take(np.array([0]))["v"].values) == 1
    assert collected == [1]


def test_tables_of_narwhals():
    assert Frame(nw.from_native(pd.DataFrame({"v": [1]}))).names == ("v",)


def test_arrays_are_shared_and_cannot_be_written_to():
    given = np.arange(3.0)
    given.flags.writeable = False
    assert np.shares_memory(Frame({"v": given})["v"].values, given)
    writeable = np.arange(3.0)
    values = Frame({"v": writeable})["v"].values
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 9.0
    assert writeable.flags.writeable


def test_rows_keep_their_places_in_the_table():
    frame = Frame({"v": [5, 6, 7, 8], "g": list("abca")})
    some = frame.take(np.array([False, True, True, True])).take(np.array([2, 0]))
    assert some.rows().tolist() == [3, 1]
    assert some.numeric("v").values.tolist() == [8.0, 6.0]
    assert some.factor("g").levels == ("a", "b", "c")
    assert len(some) == 2


def test_names():
    frame = Frame(pd.DataFrame({"v": [1], 7: [2]}))
    assert "v" in frame
    assert "7" not in frame
    with pytest.raises(WrongType, match="type int"):
        frame["7"]
    with pytest.raises(UnknownColumn) as caught:
        Frame({"Days": [1]})["days"]
    assert caught.value.column == "days"
    assert "'Days'" in caught.value.fix


def test_a_column_in_place_of_another_leaves_the_frame_as_it_was():
    frame = Frame({"x": [1, 2, 3], "g": ["b", "a", "b"]})
    labels = frame.factor("x")
    other = frame.with_column(labels)
    assert other["x"] is labels and frame["x"].kind == "int"
    assert other.take(np.array([2])).factor("x").codes.tolist() == [2]
    more = frame.with_column(Numeric("z", np.zeros(3)))
    assert more.names == ("x", "g", "z") and "z" not in frame


def test_a_frame_of_some_columns_does_not_keep_the_table():
    frame = Frame({"x": [1, 2, 3], "g": ["b", "a", "b"], "u": [0, 0, 0]})
    some = frame.take(np.array([0, 2])).used(["g", "x"])
    assert some.names == ("g", "x") and len(some) == 2
    assert some.rows().tolist() == [0, 2] and some.numeric("x").values.tolist() == [1, 3]
    assert some.take(np.array([1])).rows().tolist() == [2]
    with pytest.raises(UnknownColumn, match="'u'"):
        some["u"]
    with pytest.raises(UnknownColumn):
        frame.used(["nothing"])
    assert len(Frame.of([], 4)) == 4


def test_levels_are_told_apart_by_how_they_are_written():
    with pytest.raises(DuplicateName, match="'1'"):
        Frame(pd.DataFrame({"v": pd.Categorical([1, "1"])}))["v"]


def test_array_arguments():
    assert array_argument(pd.Series([1, 2], index=[5, 4]), 2, "offset").tolist() == [1.0, 2.0]
    assert array_argument(pl.Series([1, 2]), 2, "offset").tolist() == [1.0, 2.0]
    for wrong in (1.0, [1.0], np.ones((2, 1)), pd.DataFrame({"v": [1, 2]}), None, "ab"):
        with pytest.raises(WrongLength) as caught:
            array_argument(wrong, 2, "offset")
        assert caught.value.column == "offset"
    with pytest.raises(WrongType):
        array_argument(["a", "b"], 2, "offset")
