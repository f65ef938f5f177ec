"""Immutable values that travel as JSON: the specification of a model is made of them.

A *record* is a frozen dataclass known by its name. `dumps` and `loads` carry records, numbers
(exactly), strings, tuples, dicts and numpy arrays; large arrays may be set aside, to be stored
otherwise. Nothing is evaluated on the way back: a name that is not in the register is an error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, dataclass_transform, runtime_checkable

import numpy as np

from glimmer.errors import StoreError

_RECORDS: dict[str, type] = {}
_DTYPES = {"float64", "int64", "int32", "bool"}
_DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


@runtime_checkable
class Recordable(Protocol):
    """An object that is no record but can name one that stands for it."""

    def as_record(self) -> Restorable:
        """The record to write in the object's place; `StoreError` if none can stand for it."""
        ...


@runtime_checkable
class Restorable(Protocol):
    """A record that stands for an object."""

    def restored(self) -> Any:
        """The object, when the record is read."""
        ...


@dataclass_transform(frozen_default=True)
def record[T](cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen dataclass that can be written as JSON under its own name."""
    return register(dataclass(frozen=True, eq=False, repr=True)(cls))


def register[T](cls: type[T]) -> type[T]:
    """Let a dataclass be written as JSON under its own name."""
    if _RECORDS.setdefault(cls.__name__, cls) is not cls:
        raise TypeError(f"two records are named {cls.__name__!r}")
    return cls


def dumps(value: Any, aside: list[np.ndarray] | None = None) -> str:
    """Write ``value`` as JSON text; arrays are put into ``aside`` if that is given.

    Raises
    ------
    StoreError
        Something in it has no written form.
    """
    return json.dumps(_encode(value, aside), allow_nan=False)


def loads(text: str, aside: Sequence[np.ndarray] = ()) -> Any:
    """Read what `dumps` wrote.

    Raises
    ------
    StoreError
        The text is damaged, or names a record that this version does not know.
    """
    try:
        return _decode(json.loads(text), aside)
    except StoreError:
        raise
    except _DAMAGE as error:
        raise StoreError(f"The specification cannot be read: {error}") from error


def same(a: Any, b: Any) -> bool:
    """Whether two values are written alike."""
    return dumps(a) == dumps(b)


def _encode(value: Any, aside: list[np.ndarray] | None) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"#": "float", "value": repr(value)}
    if isinstance(value, np.generic):
        return _encode(value.item(), aside)
    if isinstance(value, np.ndarray):
        return _array(value, aside)
    if isinstance(value, tuple | list):
        return [_encode(item, aside) for item in value]
    if isinstance(value, dict):
        items = [[_encode(k, aside), _encode(v, aside)] for k, v in value.items()]
        return {"#": "dict", "items": items}
    if _RECORDS.get(type(value).__name__) is type(value):
        body = {f.name: _encode(getattr(value, f.name), aside) for f in fields(value)}  # type: ignore[arg-type]
        return {"#": type(value).__name__, **body}
    if isinstance(value, Recordable):
        return _encode(value.as_record(), aside)
    raise StoreError(
        f"A {type(value).__name__} cannot be saved.",
        fix="use the package's own priors and families, or register yours before loading",
    )


def _array(array: np.ndarray, aside: list[np.ndarray] | None) -> Any:
    if array.dtype.name not in _DTYPES:
        raise StoreError(f"An array of {array.dtype} cannot be saved.")
    if aside is not None:
        aside.append(array)
        return {"#": "aside", "at": len(aside) - 1}
    return {
        "#": "array",
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "value": [_encode(item, None) for item in array.ravel().tolist()],
    }


def _decode(value: Any, aside: Sequence[np.ndarray]) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, aside) for item in value)
    if not isinstance(value, dict):
        return value
    kind = value["#"]
    if kind == "float":
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value["value"]]
    if kind == "aside":
        return aside[value["at"]]
    if kind == "array":
        if value["dtype"] not in _DTYPES:
            raise StoreError(f"Unknown array type {value['dtype']!r}.")
        flat = np.array([_decode(item, aside) for item in value["value"]], dtype=value["dtype"])
        return flat.reshape(value["shape"])
    if kind == "dict":
        return {_decode(k, aside): _decode(v, aside) for k, v in value["items"]}
    if kind not in _RECORDS:
        raise StoreError(f"This version does not know a record {kind!r}.")
    read = _RECORDS[kind](**{k: _decode(v, aside) for k, v in value.items() if k != "#"})
    return read.restored() if isinstance(read, Restorable) else read
