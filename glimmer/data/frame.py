"""Holds a table as named columns, each numeric or a factor."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glimmer.data.columns import Column, Factor, Numeric, looks_numeric, some
from glimmer.data.convert import to_column
from glimmer.data.tables import open_table, shape_of
from glimmer.errors import ModelError, UnknownColumn, WrongLength, WrongType, suggestion


class Frame:
    """Named columns of equal length, read from the user's table and never written to it.

    A column is converted, and judged, when it is first asked for.

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
    WrongLength
        The columns of a mapping have different lengths.
    NotEnoughData
        There are no columns.

    Examples
    --------
    >>> frame = Frame({"x": [1, 2, 3], "g": ["b", "a", "b"]})
    >>> frame.numeric("x").values
    array([1., 2., 3.])
    >>> frame.factor("g").levels
    ('a', 'b')
    """

    def __init__(self, data: Any) -> None:
        self._table: Any = open_table(data)
        self._names = tuple(name for name in self._table.columns if isinstance(name, str))
        self._columns: dict[str, Column] = {}
        self._rows: np.ndarray | None = None
        self.n = len(self._table)

    @classmethod
    def of(cls, columns: Iterable[Column], n: int) -> Frame:
        """Return a frame of ``n`` rows that has these columns and no table."""
        frame = object.__new__(cls)
        frame._columns = {column.name: column for column in columns}
        frame._table, frame._names, frame._rows = None, tuple(frame._columns), None
        frame.n = n
        return frame

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the table's order."""
        return self._names

    def __len__(self) -> int:
        return self.n

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> Column:
        """Return a column as what it is: `Numeric` or `Factor`."""
        if name not in self._columns:
            if name not in self:
                raise self._unknown(name)
            column = to_column(name, self._table[name])
            self._columns[name] = column if self._rows is None else column.take(self._rows)
        return self._columns[name]

    def numeric(self, name: str) -> Numeric:
        """Return a column as numbers; raise `WrongType` for labels."""
        column = self[name]
        if not isinstance(column, Factor):
            return column
        if looks_numeric(column):
            raise WrongType(
                f"Column {name!r} looks numeric, but its numbers are stored as text.",
                column=name,
                fix=f"convert it to numbers, e.g. pd.to_numeric(df[{name!r}])",
            )
        raise WrongType(
            f"Column {name!r} is categorical ({some(column.levels)}), but numbers are needed.",
            column=name,
            fix="use a numeric column",
        )

    def factor(self, name: str) -> Factor:
        """Return a column as labels; whole numbers and booleans become labels in their order."""
        column = self[name]
        return column if isinstance(column, Factor) else column.as_factor()

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

    def with_column(self, column: Column) -> Frame:
        """Return the frame with a column added, or another in its place."""
        other = object.__new__(Frame)
        other._table, other._rows, other.n = self._table, self._rows, self.n
        other._names = tuple(dict.fromkeys((*self._names, column.name)))
        other._columns = {**self._columns, column.name: column}
        return other

    def used(self, names: Iterable[str]) -> Frame:
        """Return a frame of these columns only, which does not keep the table.

        Raises
        ------
        UnknownColumn
            There is no column of that name.
        """
        other = Frame.of([self[name] for name in names], self.n)
        other._rows = self._rows
        return other

    def rows(self) -> np.ndarray:
        """Return positions of the frame's rows in the table the user gave, shape (n,)."""
        return np.arange(self.n) if self._rows is None else self._rows

    def _unknown(self, name: str) -> ModelError:
        """Why there is no column of that name, and which one was meant."""
        for other in () if self._table is None else self._table.columns:
            if not isinstance(other, str) and str(other) == name:
                return WrongType(
                    f"The column name {other!r} must be a string, "
                    f"not of type {type(other).__name__}.",
                    column=name,
                    fix=f"rename it, e.g. df.rename(columns={{{other!r}: 'x{other}'}})",
                )
        return UnknownColumn(
            f"There is no column {name!r}.", column=name, fix=_nearest(name, self._names)
        )


def array_argument(value: Any, n: int, what: str) -> np.ndarray:
    """Return a per-row argument (offset, weights, trials) as float64, or say why it cannot be one.

    Raises
    ------
    WrongLength
        It is a scalar, has more than one dimension, or not ``n`` values.
    WrongType
        It is not numeric.
    """
    shape = shape_of(value)
    if shape != (n,):
        found = {0: "a single value", 1: f"{shape[0]} values" if shape else ""}
        raise WrongLength(
            f"{what} must have one value for each of the {n} rows; "
            f"it has {found.get(len(shape), f'shape {shape}')}.",
            column=what,
            fix=f"pass an array of length {n}, or the name of a column",
        )
    return Frame({what: value}).numeric(what).values


def _nearest(name: str, names: Sequence[str]) -> str:
    for other in names:
        if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name):
            return f"the table's {other!r} is the same text in another Unicode form: normalize it"
    return suggestion(name, names)
