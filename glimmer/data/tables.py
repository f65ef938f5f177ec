"""Reads columns by name from any kind of table: pandas, polars, Arrow, a dict of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glimmer.errors import DuplicateName, NotEnoughData, WrongLength, WrongType


def open_table(data: Any) -> Any:
    """Return a table whose columns are read by name; it is never written to.

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
    """
    import narwhals.stable.v2 as nw

    if isinstance(data, Mapping):
        return _checked(MappingTable(data))
    try:
        table = nw.from_native(data)
        names = list(table.columns)
    except TypeError as error:
        raise WrongType(
            f"The data are of type {type(data).__name__}, which is not a table.",
            fix="pass a pandas, polars or pyarrow table, or a dict of arrays",
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise _duplicate(data) from error
    if any(isinstance(name, tuple) for name in names):
        raise WrongType(
            "The table has hierarchical column names.",
            fix='join them first, e.g. df.columns = df.columns.map("_".join)',
        )
    return _checked(table.collect() if isinstance(table, nw.LazyFrame) else table)


class MappingTable:
    """A mapping of arrays with the few table methods that `Frame` needs."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        self.data = data
        self.columns = list(data)
        lengths = {name: _length(name, value) for name, value in data.items()}
        if len(set(lengths.values())) > 1:
            raise WrongLength(
                "The columns have different lengths: "
                + ", ".join(f"{name!r} {length}" for name, length in lengths.items())
                + ".",
                fix="give every column one value for each row",
            )
        self.n = next(iter(lengths.values()), 0)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, name: Any) -> Any:
        return self.data[name]


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of an array, a series or a list; () of anything else."""
    if hasattr(value, "__array__"):
        return tuple(np.shape(value)) if hasattr(value, "ndim") else (len(value),)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return (len(value),)
    return ()


def _length(name: Any, value: Any) -> int:
    shape = shape_of(value)
    if len(shape) != 1:
        found = f"has shape {shape}" if shape else f"is a single {type(value).__name__}"
        raise WrongLength(
            f"Column {name!r} {found}.", column=str(name), fix="give it one value for each row"
        )
    return shape[0]


def _checked(table: Any) -> Any:
    if not len(table.columns):
        raise NotEnoughData(
            "The table has no columns.", fix="pass a table with at least one column"
        )
    return table


def _duplicate(data: Any) -> DuplicateName:
    names = [str(name) for name in getattr(data, "column_names", data.columns)]
    name = next(name for name in names if names.count(name) > 1)
    at = [i for i, other in enumerate(names) if other == name]
    return DuplicateName(
        f"Columns {at[0]} and {at[1]} are both named {name!r}.", column=name, fix="rename one"
    )
