"""A table as the model sees it: named columns that are numbers or factors, and nothing else.

`Frame` wraps what the user gave (pandas, polars, Arrow, a mapping of arrays, through narwhals)
without copying it; a column is converted, and judged, when it is first asked for.
"""

from __future__ import annotations

import decimal
import fractions
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.errors import (
    DataError,
    DataWarning,
    DuplicateName,
    NotEnoughData,
    UnknownColumn,
    WrongLength,
    WrongType,
    suggestion,
    warn,
)

EXACT_INTEGERS = 2**53


@dataclass(frozen=True, eq=False)
class Numeric:
    """A column of numbers.

    Attributes
    ----------
    name : str
    values : ndarray of float64, shape (n,)
        NaN where missing.
    kind : {"float", "int", "bool"}
        What the column held before it became float64.
    """

    name: str
    values: np.ndarray
    kind: str = "float"

    @property
    def missing(self) -> np.ndarray:
        """Rows without a value, shape (n,)."""
        return np.isnan(self.values)

    def take(self, rows: np.ndarray) -> Numeric:
        """Return the column at ``rows`` (indices or a mask)."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, eq=False)
class Factor:
    """A column of labels.

    Attributes
    ----------
    name : str
    codes : ndarray of int32, shape (n,)
        Position of each row's level in ``levels``; -1 where missing.
    levels : tuple of str
        In the order of the category dtype, else sorted (numbers by value).
    ordered : bool
    text : bool
        The column held plain strings, not a declared set of levels.
    """

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]
    ordered: bool = False
    text: bool = False

    @property
    def missing(self) -> np.ndarray:
        """Rows without a level, shape (n,)."""
        return self.codes < 0

    def take(self, rows: np.ndarray) -> Factor:
        """Return the column at ``rows``; levels that no row has any more stay."""
        return replace(self, codes=self.codes[rows])

    def used(self) -> Factor:
        """Return the column without levels that no row has."""
        present = np.bincount(self.codes[self.codes >= 0], minlength=len(self.levels)) > 0
        return self if present.all() else self.relevel(self._kept(present))

    def relevel(self, levels: Sequence[str]) -> Factor:
        """Code the rows by other ``levels``; a row whose level is not among them is missing."""
        position = {level: i for i, level in enumerate(levels)}
        table = np.array([position.get(level, -1) for level in self.levels] + [-1], np.int32)
        return replace(self, codes=table[self.codes], levels=tuple(levels))

    def _kept(self, present: np.ndarray) -> list[str]:
        return [level for level, kept in zip(self.levels, present, strict=True) if kept]


Column = Numeric | Factor


class Frame:
    """Named columns of equal length, read from the user's table and never written to it.

    Parameters
    ----------
    data : DataFrame-like or mapping
        A pandas, polars, pyarrow, modin or cuDF table, a lazy table (collected once), or a mapping
        from names to one-dimensional arrays.

    Raises
    ------
    WrongType
        ``data`` is not a table, or has hierarchical column names.
    DuplicateName
        Two columns have the same name.

    Examples
    --------
    >>> frame = Frame({"x": [1, 2, 3], "g": ["b", "a", "b"]})
    >>> frame.numeric("x").values
    array([1., 2., 3.])
    >>> frame.factor("g").levels
    ('a', 'b')
    """

    def __init__(self, data: Any) -> None:
        self._table = _open(data)
        self._names = _names(self._table)
        self._columns: dict[str, Column] = {}
        self._rows: np.ndarray | None = None
        self.n = len(self._table)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the table's order."""
        return tuple(self._names)

    def __len__(self) -> int:
        return self.n

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> Column:
        """Return a column as what it is: `Numeric` or `Factor`."""
        if name not in self._columns:
            if name not in self._names:
                raise UnknownColumn(
                    f"There is no column {name!r}.", column=name, fix=_nearest(name, self._names)
                )
            column = _convert(name, self._table[name])
            self._columns[name] = column if self._rows is None else column.take(self._rows)
        return self._columns[name]

    def numeric(self, name: str) -> Numeric:
        """Return a column as numbers; raise `WrongType` for labels."""
        column = self[name]
        if isinstance(column, Factor):
            raise WrongType(
                f"Column {name!r} holds labels ({_some(column.levels)}) where numbers are needed.",
                column=name,
                fix=f"convert it to numbers, or use factor({name})",
            )
        return column

    def factor(self, name: str) -> Factor:
        """Return a column as labels; whole numbers and booleans become labels in their order."""
        column = self[name]
        return column if isinstance(column, Factor) else _labels(column)

    def take(self, rows: np.ndarray) -> Frame:
        """Return a frame of some rows (indices or a mask), sharing the table."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        other = object.__new__(Frame)
        other._table, other._names = self._table, self._names
        other._columns = {name: column.take(rows) for name, column in self._columns.items()}
        other._rows = rows if self._rows is None else self._rows[rows]
        other.n = len(rows)
        return other

    def rows(self) -> np.ndarray:
        """Return positions of the frame's rows in the table the user gave, shape (n,)."""
        return np.arange(self.n) if self._rows is None else self._rows


def array_argument(value: Any, n: int, what: str) -> np.ndarray:
    """Return a per-row argument (offset, weights, trials) as float64, or say why it cannot be one.

    Raises
    ------
    WrongLength
        It is a scalar, has more than one dimension, or not ``n`` values.
    WrongType
        It does not hold numbers.
    """
    shape = np.shape(value)
    if len(shape) != 1 or shape[0] != n:
        found = "a single value" if not shape else f"shape {shape}"
        raise WrongLength(
            f"{what} must have one value for each of the {n} rows; it has {found}.",
            column=what,
            fix=f"pass an array of length {n}, or the name of a column",
        )
    column = Frame({what: value})[what]
    if isinstance(column, Factor):
        raise WrongType(f"{what} must be numbers, not labels.", column=what)
    return column.values


def _open(data: Any) -> Any:
    import narwhals as nw

    if isinstance(data, Frame):
        raise WrongType("A Frame is made from a table, not from a Frame.")
    if isinstance(data, Mapping):
        return _Mapping(data)
    try:
        table = nw.from_native(data)
    except (TypeError, DuplicateName) as error:
        raise WrongType(
            f"The data are a {type(data).__name__}, not a table.",
            fix="pass a pandas, polars or pyarrow table, or a dict of arrays",
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise _duplicates(data) from error
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    return _check_names(table)


class _Mapping:
    """A mapping of arrays with the few table methods that `Frame` needs."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        self.data = data
        self.columns = list(data)
        lengths = {name: _length(name, value) for name, value in data.items()}
        if len(set(lengths.values())) > 1:
            raise WrongLength(
                "The columns have different lengths: "
                + ", ".join(f"{name!r} {length}" for name, length in lengths.items()),
            )
        self.n = next(iter(lengths.values()), 0)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, name: Any) -> Any:
        return self.data[name]


def _length(name: Any, value: Any) -> int:
    if np.ndim(value) != 1:
        raise WrongLength(f"Column {name!r} is not one-dimensional.", column=str(name))
    return len(value)


def _check_names(table: Any) -> Any:
    names = list(table.columns)
    if any(isinstance(name, tuple) for name in names):
        raise WrongType(
            "The table has hierarchical column names.",
            fix='join them first, e.g. df.columns = df.columns.map("_".join)',
        )
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        name = sorted(map(str, repeated))[0]
        at = [i for i, other in enumerate(names) if str(other) == name]
        raise DuplicateName(
            f"Columns {at[0]} and {at[1]} are both named {name!r}.", column=name, fix="rename one"
        )
    return table


def _duplicates(data: Any) -> DuplicateName:
    names = [str(name) for name in data.columns]
    name = next(name for name in names if names.count(name) > 1)
    at = [i for i, other in enumerate(names) if other == name]
    return DuplicateName(
        f"Columns {at[0]} and {at[1]} are both named {name!r}.", column=name, fix="rename one"
    )


def _names(table: Any) -> list[str]:
    if not list(table.columns):
        raise NotEnoughData("The table has no columns.")
    return [name for name in table.columns if isinstance(name, str)]


def _nearest(name: str, names: Sequence[str]) -> str:
    for other in names:
        if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name):
            return f"the table's {other!r} is the same text in another Unicode form: normalize it"
    return suggestion(name, names)


def _convert(name: str, series: Any) -> Column:
    """Turn one column of any table into `Numeric` or `Factor`."""
    import narwhals as nw

    if isinstance(series, nw.Series):
        dtype = series.dtype
        if isinstance(dtype, nw.Categorical | nw.Enum):
            return _categorical(name, series)
        if dtype.is_numeric() and not dtype.is_decimal():
            return _numbers(name, _numpy(series), "int" if dtype.is_integer() else "float")
        if dtype == nw.Boolean:
            return _numbers(name, _numpy(series), "bool")
        if dtype.is_temporal():
            raise _temporal(name, dtype)
        if isinstance(dtype, nw.List | nw.Array | nw.Struct):
            raise WrongType(
                f"Column {name!r} holds lists or records, not one value per row.", column=name
            )
        return _objects(name, series.to_list())
    return _array(name, series)


def _array(name: str, values: Any) -> Column:
    """A column of a mapping: an array, a list, or a table's own series."""
    import narwhals as nw

    try:
        series = nw.from_native(values, series_only=True)
    except TypeError:
        pass
    else:
        return _convert(name, series)
    array = np.asarray(values) if isinstance(values, np.ndarray) else _from_list(values)
    kind = array.dtype.kind
    if kind in "iu":
        return _numbers(name, array, "int")
    if kind == "f":
        return _numbers(name, array, "float")
    if kind == "b":
        return _numbers(name, array, "bool")
    if kind in "mM":
        raise _temporal(name, array.dtype)
    if kind == "c":
        raise WrongType(f"Column {name!r} holds complex numbers.", column=name)
    return _objects(name, array.tolist())


def _from_list(values: Any) -> np.ndarray:
    """A list as an array, strings and missing values kept as objects."""
    items = list(values)
    if all(isinstance(item, bool | int | float | np.number | np.bool_) for item in items):
        return np.array(items)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _numpy(series: Any) -> np.ndarray:
    """Numbers as numpy, missing as NaN, never a view that is written to."""
    import narwhals as nw

    if series.null_count():
        return series.cast(nw.Float64).to_numpy().astype(float)
    return np.asarray(series.to_numpy())


def _numbers(name: str, array: np.ndarray, kind: str) -> Numeric:
    if array.dtype.kind == "c":
        raise WrongType(f"Column {name!r} holds complex numbers.", column=name)
    if array.dtype.kind in "iu" and array.size and _beyond_exact(array):
        warn(
            f"Column {name!r} holds integers beyond 2**53, which lose precision as float64.",
            DataWarning,
        )
    values = np.ascontiguousarray(array, dtype=np.float64)
    if kind == "float" and np.shares_memory(values, array):
        values = values.view()
        values.flags.writeable = False
    return Numeric(name, values, kind)


def _beyond_exact(array: np.ndarray) -> bool:
    return int(array.max()) > EXACT_INTEGERS or int(array.min()) < -EXACT_INTEGERS


def _categorical(name: str, series: Any) -> Factor:
    levels = series.cat.get_categories().to_list()
    texts = [_label(level) for level in levels]
    if len(set(texts)) < len(texts) or any(_is_missing(level) for level in levels):
        clash = next((t for t in texts if texts.count(t) > 1), "NaN")
        raise DuplicateName(
            f"Column {name!r} has two levels that are both written {clash!r}, "
            "or a level that is missing itself.",
            column=name,
            fix="rename one of the levels",
        )
    position = {level: i for i, level in enumerate(levels)}
    codes = np.array([position.get(value, -1) for value in series.to_list()], dtype=np.int32)
    native = series.to_native()
    ordered = bool(getattr(getattr(native, "dtype", None), "ordered", False))
    return Factor(name, codes, tuple(texts), ordered)


def _objects(name: str, values: list[Any]) -> Column:
    """A column of Python objects: strings are labels, exact numbers are numbers."""
    present = [value for value in values if not _is_missing(value)]
    if not present:
        return Numeric(name, np.full(len(values), np.nan))
    kinds = {_kind_of(value) for value in present}
    if kinds == {"text"}:
        return _strings(name, values)
    if kinds <= {"bool"}:
        return _numbers(name, _floats(values), "bool")
    if kinds <= {"int", "float", "exact", "bool"}:
        return _numbers(name, _floats(values), "int" if kinds == {"int"} else "float")
    if kinds == {"other"} and len({type(v) for v in present}) == 1:
        raise _unusable(name, present[0])
    examples = {type(value).__name__: repr(value)[:40] for value in present}
    raise WrongType(
        f"Column {name!r} mixes types: "
        + ", ".join(f"{kind} ({example})" for kind, example in list(examples.items())[:2]),
        column=name,
        fix="make the column one type",
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


def _floats(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if _is_missing(v) else float(v) for v in values])


def _unusable(name: str, example: Any) -> WrongType:
    if hasattr(example, "year") or hasattr(example, "total_seconds") or hasattr(example, "hour"):
        return _temporal(name, type(example).__name__)
    if isinstance(example, complex):
        return WrongType(f"Column {name!r} holds complex numbers.", column=name)
    return WrongType(
        f"Column {name!r} holds {type(example).__name__} objects, not one number or label per row.",
        column=name,
        fix="use a column of numbers or strings",
    )


def _strings(name: str, values: list[Any]) -> Factor:
    import pandas as pd

    codes, levels = pd.factorize(np.array(values, dtype=object), sort=True, use_na_sentinel=True)
    return Factor(name, codes.astype(np.int32), tuple(str(level) for level in levels), text=True)


def looks_numeric(factor: Factor) -> bool:
    """Whether every level reads as a number: numbers that were stored as strings."""
    if not factor.text:
        return False
    try:
        [float(level) for level in factor.levels]
    except ValueError:
        return False
    return len(factor.levels) > 0


def _labels(column: Numeric) -> Factor:
    """Whole numbers and booleans as labels, sorted by value."""
    import pandas as pd

    present = column.values[~column.missing]
    if column.kind == "float" and not np.array_equal(present, np.round(present)):
        raise WrongType(
            f"Column {column.name!r} holds fractional numbers and cannot be a grouping factor.",
            column=column.name,
            fix="use labels or whole numbers, or bin the values first",
        )
    codes, levels = pd.factorize(column.values, sort=True, use_na_sentinel=True)
    texts = (
        tuple(str(bool(v)) for v in levels)
        if column.kind == "bool"
        else tuple(_label(v) for v in levels)
    )
    return Factor(column.name, codes.astype(np.int32), texts)


def _label(value: Any) -> str:
    """How a level is written: 1.0 and 1 alike."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _temporal(name: str, dtype: Any) -> WrongType:
    return WrongType(
        f"Column {name!r} holds dates or times ({dtype}), which have no unit as a predictor.",
        column=name,
        fix=f"add a numeric column, e.g. days since the start: "
        f"df['days'] = (df[{name!r}] - df[{name!r}].min()) / pd.Timedelta('1D')",
    )


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return type(value).__name__ in ("NAType", "NaTType")


def _some(levels: Iterable[str], most: int = 3) -> str:
    levels = list(levels)
    return ", ".join(map(repr, levels[:most])) + (", ..." if len(levels) > most else "")


__all__ = ["Column", "DataError", "Factor", "Frame", "Numeric", "array_argument"]
