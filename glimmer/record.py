"""Immutable values that travel as JSON: the specification of a model is made of them.

A *record* is a frozen dataclass known by its name. `dumps` and `loads` carry records, numbers
(exactly), strings, tuples, dicts and numpy arrays. Nothing is evaluated on the way back: a name
that is not in the register is an error.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import Any, dataclass_transform

import numpy as np

from glimmer.errors import StoreError

_RECORDS: dict[str, type] = {}
_DTYPES = {"float64", "int64", "int32", "bool"}


@dataclass_transform(frozen_default=True)
def record[T](cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen dataclass that can be written as JSON under its own name."""
    cls = dataclass(frozen=True, eq=False, repr=True)(cls)
    if cls.__name__ in _RECORDS:
        raise TypeError(f"two records are named {cls.__name__!r}")
    _RECORDS[cls.__name__] = cls
    return cls


def dumps(value: Any) -> str:
    """Write ``value`` as JSON text."""
    return json.dumps(_encode(value), allow_nan=False)


def loads(text: str) -> Any:
    """Read what `dumps` wrote.

    Raises
    ------
    StoreError
        The text is damaged, or names a record that this version does not know.
    """
    try:
        return _decode(json.loads(text))
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"The specification cannot be read: {error}") from error


def same(a: Any, b: Any) -> bool:
    """Whether two values are written alike."""
    return dumps(a) == dumps(b)


def _encode(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"#": "float", "value": repr(value)}
    if isinstance(value, np.generic):
        return _encode(value.item())
    if isinstance(value, np.ndarray):
        return {
            "#": "array",
            "dtype": _dtype(value),
            "shape": list(value.shape),
            "value": [_encode(item) for item in value.ravel().tolist()],
        }
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {"#": "dict", "items": [[_encode(k), _encode(v)] for k, v in value.items()]}
    if _RECORDS.get(type(value).__name__) is type(value):
        body = {f.name: _encode(getattr(value, f.name)) for f in fields(value)}
        return {"#": type(value).__name__, **body}
    raise StoreError(
        f"A {type(value).__name__} cannot be saved.",
        fix="use the package's own priors and families, or register yours before loading",
    )


def _dtype(array: np.ndarray) -> str:
    if array.dtype.name not in _DTYPES:
        raise StoreError(f"An array of {array.dtype} cannot be saved.")
    return array.dtype.name


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = value["#"]
    if kind == "float":
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value["value"]]
    if kind == "array":
        if value["dtype"] not in _DTYPES:
            raise StoreError(f"Unknown array type {value['dtype']!r}.")
        flat = np.array([_decode(item) for item in value["value"]], dtype=value["dtype"])
        return flat.reshape(value["shape"])
    if kind == "dict":
        return {_decode(k): _decode(v) for k, v in value["items"]}
    if kind not in _RECORDS:
        raise StoreError(f"This version does not know a record {kind!r}.")
    return _RECORDS[kind](**{k: _decode(v) for k, v in value.items() if k != "#"})
