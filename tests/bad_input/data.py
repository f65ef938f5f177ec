"""Rows 1-42: the table."""

from __future__ import annotations

import datetime
import decimal
import fractions
import unicodedata
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from glimmer import errors as e
from tests.bad_input import (
    N,
    Row,
    counts,
    first,
    given,
    levels,
    names,
    numbers,
    objects,
    on,
    renamed,
    table,
)


def arrow() -> pa.Table:
    return pa.Table.from_pandas(table())


def polars(**changes: pl.Series) -> pl.DataFrame:
    return pl.from_pandas(table()).with_columns(**changes)


def hierarchical() -> pd.DataFrame:
    data = table()
    data.columns = pd.MultiIndex.from_product([["a"], data.columns])
    return data


def read_only() -> dict[str, np.ndarray]:
    data = {name: table()[name].to_numpy(copy=True) for name in "yx"}
    for array in data.values():
        array.flags.writeable = False
    return data


def many_levels() -> pd.DataFrame:
    return pd.DataFrame({"y": np.arange(5000.0), "f": [f"level {i}" for i in range(5000)]})


def text_numbers(first: str = "0.5") -> list[str]:
    return [first, *(f"{i}.5" for i in range(1, N))]


MISSING = partial(Row, expected=e.MissingValues, fix='missing="drop"')
BAD_X = partial(Row, expected=e.WrongType, column="x")
DATES = pd.date_range("2020-01-01", periods=N)
THREE = np.tile(["low", "mid", "top"], N // 3)
INFINITY = float("inf")
NAN = float("nan")

# fmt: off
ROWS = [
    Row(1, "a matrix", e.WrongType, data=lambda: np.zeros((3, 2)), says="ndarray",
        fix="pandas, polars or pyarrow"),
    Row(1, "a path", e.WrongType, data=lambda: "data.csv", says="str", fix="dict of arrays"),
    Row(1, "None", e.WrongType, data=lambda: None, says="NoneType", fix="dict"),
    Row(1, "a series", e.WrongType, data=lambda: table().y, says="Series", fix="dict"),
    Row(1, "a dict of numbers", e.WrongLength, data=lambda: {"y": 1, "x": 2}, column="y",
        says="single int", fix="one value for each row"),
    Row(1, "a dict of matrices", e.WrongLength, data=lambda: {"y": np.zeros((3, 2))}, column="y",
        says="shape (3, 2)", fix="one value for each row"),
    Row(1, "a dict of unequal columns", e.WrongLength, data=lambda: {"y": [1, 2], "x": [1]},
        says="'y' 2, 'x' 1", fix="each row"),
    Row(2, "no rows", e.NotEnoughData, data=lambda: table().iloc[:0], says="no rows", fix="table"),
    Row(2, "an empty subset", e.NotEnoughData, arguments=given(subset=np.zeros(N, bool)),
        says="at least 2 rows, but 0", fix="two"),
    Row(3, "one row", e.NotEnoughData, "k ~ x", lambda: table().iloc[:1], given(family="poisson"),
        says="at least 2 rows, but 1", fix="two"),
    Row(4, "one row for a residual sd", e.NotEnoughData, "y ~ 1", lambda: table().iloc[:1],
        says="at least 2 rows, but 1", fix="two"),
    Row(5, "no columns", e.NotEnoughData, data=lambda: pd.DataFrame(index=range(3)),
        says="no columns", fix="pass"),
    Row(5, "an empty dict", e.NotEnoughData, data=dict, says="no columns", fix="pass"),
    Row(6, "two columns of one name", e.DuplicateName,
        data=lambda: pd.concat([table(), table()[["x"]]], axis=1), column="x",
        says="Columns 1 and 11", fix="rename"),
    Row(6, "two Arrow columns of one name", e.DuplicateName,
        data=lambda: pa.table([[1.0], [2.0], [3.0]], names=["y", "x", "x"]), column="x",
        says="Columns 1 and 2", fix="rename"),
    Row(7, "a name that is no string, unused", data=lambda: table().rename(columns={"z": 7}),
        holds=lambda m: names(m) == ["x"]),
    Row(7, "a name that is no string, used", e.WrongType, "y ~ `7`",
        lambda: table().rename(columns={"z": 7}), column="7", under="`7`", says="type int",
        fix="rename(columns={7: 'x7'})"),
    Row(8, "hierarchical names", e.WrongType, data=hierarchical, says="hierarchical", fix="join"),
    Row(9, "row labels that repeat", data=lambda: table().set_index(np.zeros(N)),
        holds=lambda m: m.design.n == N),
    Row(10, "keywords as names", None, "y ~ class + lambda", renamed(x="class", z="lambda"),
        holds=lambda m: names(m) == ["class", "lambda"]),
    Row(10, "names with spaces", None, "y ~ `my x` + (1 | `the group`)",
        renamed(x="my x", g="the group")),
    Row(10, "names in other scripts", None, "y ~ β + 温度", renamed(x="β", z="温度"),
        holds=lambda m: names(m) == ["β", "温度"]),
    Row(10, "a name in another Unicode form", e.UnknownColumn, "y ~ é",
        renamed(x=unicodedata.normalize("NFD", "é")), column="é", under="é", fix="normalize"),
    Row(11, "a column named like a function", None, "y ~ log + log(log)", renamed(w="log"),
        holds=lambda m: names(m) == ["log", "log(log)"]),
    Row(12, "columns named like the model's variables", None,
        "y ~ sigma + Intercept + mu + beta + (1 | tau)",
        renamed(x="sigma", z="Intercept", w="mu", p="beta", g="tau"),
        holds=lambda m: len(m.build().free_RVs) == 8),
    Row(12, "an outcome named like a parameter", None, "sigma ~ x + alpha",
        renamed(y="sigma", z="alpha")),
    Row(12, "a column named like the model's data", e.DuplicateName, "y ~ common_data",
        renamed(x="common_data"), column="common_data", fix="rename",
        decided="names made of a variable's and a suffix do not step aside"),
    Row(12, "a factor named like a dimension", e.DuplicateName, "y ~ common", renamed(f="common"),
        column="common", fix="rename", decided="as above"),
    MISSING(13, "NaN in a predictor", data=on(x=numbers(_3=NAN)), column="x", says="row(s) 3."),
    MISSING(13, "many NaN in a predictor", data=on(x=np.where(np.arange(N) % 3 == 1, NAN, 1)),
        column="x", says="8 missing value(s), in row(s) 1, 4, 7, 10, 13, ..."),
    MISSING(13, "NaN in a subset", data=on(x=numbers(_3=NAN)),
        arguments=given(subset=np.arange(2, N)), column="x", says="row(s) 3."),
    Row(13, "NaN outside the subset", data=on(x=numbers(_3=NAN)),
        arguments=given(subset=np.arange(4, N)), holds=lambda m: m.design.n == 20),
    Row(13, "NaN to be dropped", e.DataWarning, data=on(x=numbers(_3=NAN)),
        arguments=given(missing="drop"), check="dropped_rows", says="1 of 24 rows",
        fix='missing="error"', holds=lambda m: m.design.n == N - 1 and 3 not in m.design.rows),
    Row(13, "another wish for NaN", e.DataError, arguments=given(missing="ignore"), says="'ignore'",
        fix='missing="drop"'),
    MISSING(14, "NaN in the outcome", data=on(y=numbers(_0=NAN)), column="y", says="row(s) 0."),
    MISSING(15, "None in a group", formula="y ~ x + (1 | g)", data=on(g=objects(None, "a")),
        column="g", says="row(s) 0."),
    MISSING(16, "NaN in a column of weights", data=on(w=counts(_1=NAN)),
        arguments=given(weights="w"), column="w", says="row(s) 1."),
    MISSING(16, "NaN in an array of weights", arguments=given(weights=counts(_1=NAN)),
        column="weights", says="row(s) 1."),
    MISSING(16, "NaN in a column of offsets", data=on(z=numbers(_1=NAN)),
        arguments=given(offset="z"), column="z", says="row(s) 1."),
    MISSING(16, "NaN in the formula's offset", formula="y ~ x + offset(z)",
        data=on(z=numbers(_1=NAN)), column="z", says="row(s) 1."),
    MISSING(16, "NaN in an array of offsets", arguments=given(offset=numbers(_1=NAN)),
        column="offset", says="row(s) 1."),
    MISSING(16, "NaN in trials", formula="p(k, m) ~ x", data=on(m=counts(_1=NAN)),
        arguments=given(family="binomial"), column="m", says="row(s) 1."),
    Row(17, "nothing but NaN", e.MissingValues, data=on(x=np.full(N, NAN)),
        arguments=given(missing="drop"), column="x", says="only missing",
        fix="leave the column out"),
    MISSING(18, "None", data=on(x=objects(None, 1.5)), column="x", says="row(s) 0."),
    MISSING(18, "pd.NA", data=on(x=lambda: pd.array([pd.NA, *range(1, N)], dtype="Int64")),
        column="x", says="row(s) 0."),
    MISSING(18, "pd.NA among objects", data=on(x=objects(pd.NA, 2)), column="x", says="row(s) 0."),
    MISSING(18, "NaT", data=on(x=objects(pd.NaT, 2)), column="x", says="row(s) 0."),
    MISSING(18, "an Arrow null",
        data=lambda: arrow().set_column(1, "x", pa.array([None, *range(1, N)])), column="x",
        says="row(s) 0."),
    MISSING(18, "a polars null", data=lambda: polars(x=pl.Series([None, *range(1, N)])), column="x",
        says="row(s) 0."),
    MISSING(18, "a polars NaN", data=lambda: polars(x=pl.Series([NAN, *range(1, N)])), column="x",
        says="row(s) 0."),
    MISSING(18, "None in a list", data=lambda: {"y": [1, 2, 4], "x": [None, 2, 1]}, column="x",
        says="row(s) 0."),
    Row(19, "inf in a predictor", e.NotFinite, data=on(x=numbers(_5=INFINITY)), column="x",
        says="row 5", fix="subset"),
    Row(20, "-inf in the outcome", e.NotFinite, data=on(y=numbers(_5=-INFINITY)), column="y",
        says="row 5", fix="subset"),
    Row(20, "inf in the offset", e.NotFinite, arguments=given(offset=numbers(_5=INFINITY)),
        column="offset", says="row 5", fix="subset"),
    Row(21, "log of a negative number", e.NotFinite, "y ~ log(x)",
        on(x=7.0 - np.arange(N)[::-1] % 9), column="x", under="log(x)",
        says="undefined on rows 6, 7, 15, 16.", fix="check x"),
    Row(21, "log of zero", e.NotFinite, "y ~ z + log(k)", on(k=np.arange(N)), column="k",
        under="log(k)", says="row 0", fix="check k"),
    Row(21, "log of zero in the outcome", e.NotFinite, "log(k) ~ x", on(k=np.arange(N)), column="k",
        under="log(k)", says="row 0", fix="check k"),
    BAD_X(22, "numbers as text", data=on(x=text_numbers), under="x", says="looks numeric",
        fix="convert it to numbers"),
    BAD_X(22, "numbers and NA as text", data=on(x=partial(text_numbers, "NA")), under="x",
        says="looks numeric", fix="convert it to numbers"),
    Row(22, "numbers as text in the outcome", e.WrongType, data=on(y=text_numbers), column="y",
        under="y", says="looks numeric", fix="convert it to numbers"),
    Row(22, "numbers as text in the offset", e.WrongType, data=on(z=text_numbers),
        arguments=given(offset="z"), column="z", says="looks numeric", fix="pd.to_numeric"),
    Row(22, "numbers as text for groups", None, "y ~ x + (1 | g)",
        on(g=np.repeat(list("123456"), 4)), holds=lambda m: levels(m) == tuple("123456"),
        decided="groups have labels, and these are labels"),
    Row(22, "numbers as categories", None, "y ~ f",
        on(f=lambda: pd.Categorical(np.tile(list("123"), 8))),
        holds=lambda m: names(m) == ["f[2]", "f[3]"], decided="the type says that they are labels"),
    Row(23, "Decimal", data=on(x=lambda: [decimal.Decimal(i) / 4 for i in range(N)]),
        holds=lambda m: np.array_equal(first(m), np.arange(N) / 4)),
    Row(23, "Fraction", data=on(x=lambda: [fractions.Fraction(i, 3) for i in range(N)]),
        holds=lambda m: np.array_equal(first(m), np.arange(N) / 3)),
    Row(23, "Decimal of polars", data=lambda: polars(x=pl.Series(range(N)).cast(pl.Decimal(10, 2))),
        holds=lambda m: np.array_equal(first(m), np.arange(N))),
    BAD_X(24, "complex numbers", data=on(x=np.arange(N) + 1j), says="complex",
        fix="real and the imaginary"),
    BAD_X(25, "lists in cells", data=on(x=lambda: [[i] for i in range(N)]), says="list",
        fix="numbers or strings"),
    BAD_X(25, "arrays in cells", data=on(x=lambda: [np.arange(i) for i in range(N)]),
        says="ndarray", fix="numbers or strings"),
    BAD_X(25, "lists in cells of polars", data=lambda: polars(x=pl.Series([[i] for i in range(N)])),
        says="lists", fix="columns"),
    BAD_X(26, "mixed types", data=on(x=objects("one", 2)), says="str ('one'), int (2)",
        fix="one type"),
    BAD_X(27, "dates", data=on(x=DATES), says="dates", fix="days since the start"),
    BAD_X(27, "datetime.date",
        data=on(x=objects(datetime.date(2020, 1, 1), datetime.date(2020, 1, 2))), says="dates",
        fix="days since the start"),
    Row(27, "dates as groups", e.WrongType, "y ~ x + (1 | g)", on(g=DATES), column="g",
        says="dates", fix="astype(str)"),
    BAD_X(28, "dates in a time zone", data=on(x=DATES.tz_localize("Asia/Tokyo")), says="dates",
        fix="days since"),
    BAD_X(28, "dates in mixed zones",
        data=on(x=objects(pd.Timestamp("2020", tz="Asia/Tokyo"), pd.Timestamp("2020", tz="UTC"))),
        says="dates", fix="days since"),
    BAD_X(29, "time differences", data=on(x=DATES - DATES[0]), says="times",
        fix="column of numbers"),
    BAD_X(29, "periods", data=on(x=DATES.to_period("M")), says="times", fix="column of numbers"),
    BAD_X(29, "intervals", data=on(x=pd.interval_range(0, N)), says="Interval",
        fix="numbers or strings"),
    Row(29, "intervals as categories", None, "y ~ f", on(f=lambda: pd.cut(numbers()(), [-9, 0, 9])),
        holds=lambda m: names(m) == ["f[.L]"], decided="what pd.cut gives are labels"),
    Row(30, "booleans", data=on(x=np.arange(N) % 2 == 1),
        holds=lambda m: names(m) == ["x"] and np.array_equal(first(m), np.arange(N) % 2)),
    *(
        Row(31, f"pandas {dtype}", data=on(x=partial(pd.array, np.arange(N) % 2, dtype=dtype)),
            holds=lambda m: np.array_equal(first(m), np.arange(N) % 2))
        for dtype in ("boolean", "Int8", "Float32", "bool[pyarrow]", "uint8[pyarrow]")
    ),
    *(
        Row(31, kind, None, "y ~ x + f + (1 | g)", make,
            holds=lambda m: names(m) == ["x", "f[mid]", "f[top]"])
        for kind, make in {
            "polars": polars,
            "lazy polars": lambda: polars().lazy(),
            "Arrow": arrow,
            "a dict of series": lambda: dict(table().items()),
            "a dict of lists": lambda: table().to_dict("list"),
        }.items()
    ),
    Row(32, "categories", None, "y ~ f", on(f=lambda: pd.Categorical(THREE, ["top", "low", "mid"])),
        holds=lambda m: names(m) == ["f[low]", "f[mid]"]),
    Row(32, "ordered categories", None, "y ~ f",
        on(f=lambda: pd.Categorical(THREE, ["top", "mid", "low"], ordered=True)),
        holds=lambda m: names(m) == ["f[.L]", "f[.Q]"] and first(m)[0] > 0 > first(m)[2]),
    Row(32, "Enum of polars", None, "y ~ f",
        lambda: polars(f=pl.Series(THREE, dtype=pl.Enum(["top", "mid", "low"]))),
        holds=lambda m: names(m) == ["f[mid]", "f[low]"]),
    Row(33, "a level without rows", e.DataWarning, "y ~ f",
        on(f=lambda: pd.Categorical(THREE, ["low", "no", "mid", "top"])), check="unused_levels",
        says="'no'", fix="remove_unused_categories",
        holds=lambda m: names(m) == ["f[mid]", "f[top]"],
        decided="no drop_unused=False: a coefficient without rows would repeat its prior"),
    Row(33, "a group without rows", e.DataWarning, "y ~ x + (1 | g)",
        on(g=lambda: pd.Categorical(table().g, list("abcdefz"))), check="unused_levels", says="'z'",
        fix="remove_unused_categories", holds=lambda m: levels(m) == tuple("abcdef")),
    Row(34, "levels 1 and '1'", e.DuplicateName, "y ~ f",
        on(f=lambda: pd.Categorical(objects(1, "1")())), column="f", says="'1'", fix="rename"),
    Row(34, "levels that join to one", e.DuplicateName, "y ~ x + (1 | u:v)",
        on(u=["a", "a:b"] * 12, v=["b:c", "c"] * 12), column="u:v", says="'a:b:c'", fix="colon"),
    Row(35, "a factor of 5,000 levels", e.DesignError, "y ~ f", many_levels,
        given(checks={"many_columns": "error"}), column="f", says="5,000 columns, 0.2 GB",
        fix="(1 | f)", decided="a warning; an error here, so that the columns are not made"),
    Row(36, "sparse floats", data=on(x=lambda: pd.arrays.SparseArray(np.arange(N) % 3 / 2)),
        holds=lambda m: first(m)[1] == 0.5),
    Row(36, "sparse integers", data=on(x=lambda: pd.arrays.SparseArray(np.arange(N) % 3)),
        holds=lambda m: first(m)[2] == 2),
    Row(37, "read-only arrays", data=read_only),
    Row(37, "strided arrays", data=lambda: {"y": numbers()(), "x": np.arange(2.0 * N)[::2]},
        holds=lambda m: first(m)[1] == 2),
    Row(37, "big-endian arrays",
        data=lambda: {"y": numbers()().astype(">f8"), "x": np.arange(N, dtype=">i4")},
        holds=lambda m: first(m)[1] == 1),
    Row(37, "a big-endian column", data=on(x=np.arange(N).astype(">f4")),
        holds=lambda m: first(m)[1] == 1),
    Row(39, "products of uint8", None, "y ~ x:k",
        on(x=np.arange(200, 200 + N, dtype=np.uint8), k=np.full(N, 100, np.uint8)),
        holds=lambda m: first(m)[0] == 20_000),
    Row(39, "powers of int8", None, "y ~ I(x^2)", on(x=np.arange(100, 100 + N, dtype=np.int8)),
        holds=lambda m: first(m)[0] == 10_000),
    Row(39, "products of float16", None, "y ~ I(x * x)",
        on(x=np.arange(300, 300 + N).astype(np.float16)), holds=lambda m: first(m)[0] == 90_000),
    Row(40, "integers beyond 2**53", e.DataWarning, data=on(x=2**53 + 2 * np.arange(N)),
        check="large_integers", says="'x'", fix="subtract"),
    Row(40, "group codes beyond 2**53", None, "y ~ x + (1 | g)", on(g=2**60 + np.arange(N) // 4),
        holds=lambda m: levels(m)[:2] == (str(2**60), str(2**60 + 1)),
        decided="labels are exact, so that there is nothing to warn of"),
    Row(40, "group codes beyond 2**64", None, "y ~ x + (1 | g)",
        on(g=[2**70 + i // 4 for i in range(N)]), holds=lambda m: levels(m)[1] == str(2**70 + 1)),
    Row(41, "a huge predictor", e.NotFinite, data=on(x=np.arange(N) * 1e200), column="x",
        says="too large", fix="rescale"),
    Row(41, "a tiny predictor", e.NotFinite, data=on(x=np.arange(N) * 1e-200), column="x",
        says="too small", fix="rescale"),
    Row(41, "a huge outcome", e.NotFinite, data=on(y=np.arange(N) * 1e200), column="y",
        says="too large", fix="rescale"),
    Row(41, "a tiny outcome", e.NotFinite, data=on(y=np.arange(N) * 1e-200), column="y",
        says="too small", fix="rescale"),
    Row(41, "a huge product", e.NotFinite, "y ~ x:z",
        on(x=np.arange(N) * 1e90, z=np.arange(N) * 1e90), column="x:z", says="too large",
        fix="rescale"),
    Row(41, "a huge slope", e.NotFinite, "y ~ 1 + (x | g)", on(x=np.arange(N) * 1e200),
        column="x|g", says="too large", fix="rescale"),
    Row(41, "a huge covariate of a smooth", e.NotFinite, "y ~ s(x)", on(x=np.arange(N) * 1e200),
        column="x", says="too large", fix="rescale"),
    Row(41, "a predictor in odd units", e.DataWarning, data=on(x=np.arange(N) * 1e12),
        check="scale", says="'x'", fix="rescale"),
    Row(42, "weights of another length", e.WrongLength, arguments=given(weights=np.ones(3)),
        column="weights", says="24 rows; it has 3 values", fix="length 24"),
    Row(42, "one offset for all", e.WrongLength, arguments=given(offset=1.0), column="offset",
        says="a single value", fix="length 24"),
    Row(42, "a matrix of offsets", e.WrongLength, arguments=given(offset=np.zeros((N, 1))),
        column="offset", says="shape (24, 1)", fix="length 24"),
    Row(42, "a mask of another length", e.WrongLength, arguments=given(subset=np.ones(3, bool)),
        column="subset", says="one value per row (24), not shape (3,)", fix="24 booleans"),
    Row(42, "positions beyond the table", e.DataError, arguments=given(subset=[0, 1, 99]),
        column="subset", fix="from 0 to 23"),
    Row(42, "labels as weights", e.WrongType, arguments=given(weights="g"), column="g",
        says="categorical", fix="numeric column"),
    Row(42, "an unknown column of weights", e.UnknownColumn, arguments=given(weights="ww"),
        column="ww", fix="'w'"),
    Row(42, "an unknown column of offsets", e.UnknownColumn, arguments=given(offset="zz"),
        column="zz", fix="'z'"),
    Row(42, "one number of trials for all", None, "p(k, 12) ~ x",
        arguments=given(family="binomial"), holds=lambda m: set(m.design.trials) == {12.0},
        decided="a number in the formula is the same for all rows"),
]
# fmt: on
