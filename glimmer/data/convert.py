"""Converts a column of any table to a numeric one or a factor, or raises a typed error."""

from __future__ import annotations

import decimal
import fractions
from typing import Any

import numpy as np

from glimmer.data.columns import Column, Factor, Numeric, label
from glimmer.errors import DuplicateName, WrongType

EXACT_INTEGERS = 2**53


def to_column(name: str, series: Any) -> Column:
    """Turn a series of any table, an array or a list into `Numeric` or `Factor`.

    Raises
    ------
    WrongType
        It contains dates, complex numbers, lists, a mixture of types, ...
    DuplicateName
        Two of its categories are written alike.
    """
    import narwhals.stable.v2 as nw

    if not isinstance(series, nw.Series):
        return _foreign(name, series)
    dtype = series.dtype
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return _categorical(name, series)
    if dtype == nw.Boolean or (dtype.is_numeric() and not dtype.is_decimal()):
        kind = "bool" if dtype == nw.Boolean else "int" if dtype.is_integer() else "float"
        missing = series.is_null().to_numpy()
        filled = series.fill_null(False if kind == "bool" else 0) if missing.any() else series
        return _numbers(name, filled.to_numpy(), kind, missing)
    if dtype.is_temporal():
        raise _temporal(name, type(dtype).__name__)
    if isinstance(dtype, nw.List | nw.Array | nw.Struct):
        raise WrongType(
            f"Column {name!r} contains lists or records; each row must have one value.",
            column=name,
            fix="put their parts in columns of their own",
        )
    return _objects(name, series.to_list())


def _foreign(name: str, values: Any) -> Column:
    """A column of a mapping: a table's own series, an array, or a list."""
    import narwhals.stable.v2 as nw

    try:
        return to_column(name, nw.from_native(values, series_only=True))
    except TypeError:
        array = values if isinstance(values, np.ndarray) else _from_list(values)
    kinds = {"i": "int", "u": "int", "f": "float", "b": "bool"}
    if array.dtype.kind in kinds:
        return _numbers(name, array, kinds[array.dtype.kind])
    if array.dtype.kind in "mM":
        raise _temporal(name, array.dtype)
    return _objects(name, array.tolist())


def _from_list(values: Any) -> np.ndarray:
    """A list as an array, strings and missing values kept as objects."""
    items = list(values)
    if all(isinstance(item, bool | int | float | np.number | np.bool_) for item in items):
        return np.array(items)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _numbers(name: str, array: Any, kind: str, missing: np.ndarray | None = None) -> Numeric:
    """Numbers as float64; an array that is the user's own is shared, but never written to."""
    array = np.asarray(array)
    values = np.ascontiguousarray(array, dtype=np.float64)
    if missing is not None and missing.any():
        values = np.where(missing, np.nan, values)
    if np.may_share_memory(values, array):
        values = values.view()
        values.flags.writeable = False
    return Numeric(name, values, kind, array if kind == "int" and _beyond_exact(array) else None)


def _beyond_exact(integers: np.ndarray) -> bool:
    if not integers.size:
        return False
    return int(integers.max()) > EXACT_INTEGERS or int(integers.min()) < -EXACT_INTEGERS


def _categorical(name: str, series: Any) -> Factor:
    levels = series.cat.get_categories().to_list()
    texts = [label(level) for level in levels]
    if len(set(texts)) < len(texts):
        clash = next(text for text in texts if texts.count(text) > 1)
        raise DuplicateName(
            f"Column {name!r} has two levels that are both written {clash!r}.",
            column=name,
            fix="rename one of the levels",
        )
    if any(is_missing(level) for level in levels):
        raise DuplicateName(
            f"Column {name!r} has a level that is itself a missing value.",
            column=name,
            fix="give the level a name, or remove it",
        )
    position = {level: i for i, level in enumerate(levels)}
    codes = np.array([position.get(value, -1) for value in series.to_list()], dtype=np.int32)
    ordered = bool(getattr(getattr(series.to_native(), "dtype", None), "ordered", False))
    return Factor(name, codes, tuple(texts), ordered)


def _objects(name: str, values: list[Any]) -> Column:
    """A column of Python objects: strings are labels, exact numbers are numbers."""
    missing = np.array([is_missing(value) for value in values], dtype=bool)
    present = [value for value, absent in zip(values, missing, strict=True) if not absent]
    if not present:
        return Numeric(name, np.full(len(values), np.nan))
    kinds = {_kind_of(value) for value in present}
    if kinds == {"text"}:
        return _strings(name, values)
    if kinds <= {"int", "float", "exact", "bool"}:
        kind = kinds.pop() if kinds in ({"int"}, {"bool"}) else "float"
        filled = [0 if absent else value for value, absent in zip(values, missing, strict=True)]
        return _numbers(name, np.array(filled, dtype=object), kind, missing)
    if len({type(value) for value in present}) == 1:
        raise _unusable(name, present[0])
    examples = {type(value).__name__: repr(value)[:40] for value in present}
    raise WrongType(
        f"Column {name!r} mixes types: "
        + ", ".join(f"{kind} ({example})" for kind, example in list(examples.items())[:2])
        + ".",
        column=name,
        fix="convert the column to one type",
    )


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "bool"
    if isinstance(value, int | np.integer):
        return "int"
    if isinstance(value, float | np.floating):
        return "float"
    return "exact" if isinstance(value, decimal.Decimal | fractions.Fraction) else "other"


def _unusable(name: str, example: Any) -> WrongType:
    if any(hasattr(example, part) for part in ("year", "hour", "total_seconds")):
        return _temporal(name, type(example).__name__)
    if isinstance(example, complex | np.complexfloating):
        return WrongType(
            f"Column {name!r} contains complex numbers, which cannot be used.",
            column=name,
            fix="put the real and the imaginary part in a column each",
        )
    return WrongType(
        f"Column {name!r} contains {type(example).__name__} objects; "
        "each row must have one number or label.",
        column=name,
        fix="use a column of numbers or strings",
    )


def _strings(name: str, values: list[Any]) -> Factor:
    import pandas as pd

    codes, levels = pd.factorize(np.array(values, dtype=object), sort=True, use_na_sentinel=True)
    return Factor(name, codes.astype(np.int32), tuple(str(level) for level in levels), text=True)


def _temporal(name: str, kind: object) -> WrongType:
    return WrongType(
        f"Column {name!r} contains dates or times ({kind}); "
        "they must be converted to numbers or labels.",
        column=name,
        fix=f"for a predictor add a column of numbers, such as days since the start, "
        f"(df[{name!r}] - df[{name!r}].min()) / pd.Timedelta('1D'); "
        f"for labels, df[{name!r}].astype(str)",
    )


def is_missing(value: Any) -> bool:
    """Whether a Python object stands for no value: None, NaN, ``pd.NA``, ``NaT``."""
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return type(value).__name__ in ("NAType", "NaTType")
