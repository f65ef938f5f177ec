"""Makes classes immutable records that are written as JSON, as a saved specification is.

A *record* is a frozen dataclass known by its name. `dumps` and `loads` carry records, numbers
(exactly), strings, tuples, dicts and numpy arrays; large arrays may be set aside, to be stored
otherwise. Nothing is evaluated on the way back: a name that is not in the register is an error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, dataclass_transform

import numpy as np

from glimmer.errors import StoreError

_RECORDS: dict[str, type] = {}
_WRITTEN: dict[type, Callable[[Any], Any]] = {}
_READ: dict[type, Callable[[Any], Any]] = {}
_DTYPES = {"float64", "int64", "int32", "bool"}
_DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


@dataclass_transform(frozen_default=True)
def record[T](cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen dataclass that can be written as JSON under its own name."""
    return register(dataclass(frozen=True, eq=False, repr=True)(cls))


def register[T](cls: type[T]) -> type[T]:
    """Let a dataclass be written as JSON under its own name."""
    if _RECORDS.setdefault(_name(cls), cls) is not cls:
        raise StoreError(
            f"Two records are named {_name(cls)!r}.", fix="rename one of the two classes"
        )
    return cls


def _name(cls: type) -> str:
    """The name in a file: this package's classes may move, those of others have their module's."""
    own = cls.__module__.partition(".")[0] == __package__
    return cls.__name__ if own else f"{cls.__module__}:{cls.__qualname__}"


def stands_for(
    cls: type,
    stand_in: type,
    write: Callable[[Any], Any],
    read: Callable[[Any], Any],
) -> None:
    """Let records of another class be written in place of objects that cannot be.

    Parameters
    ----------
    cls : type
        Of the objects; its subclasses are written likewise.
    stand_in : type
        A record.
    write : callable
        From an object to the record that is written for it; `StoreError` if there is none.
    read : callable
        From the record to the object.
    """
    _WRITTEN[cls], _READ[stand_in] = write, read


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
        The text is damaged, or names a record that is unknown to this version.
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
    if _RECORDS.get(_name(type(value))) is type(value):
        body = {f.name: _encode(getattr(value, f.name), aside) for f in fields(value)}  # type: ignore[arg-type]
        return {"#": _name(type(value)), **body}
    for cls in type(value).__mro__:
        if cls in _WRITTEN:
            return _encode(_WRITTEN[cls](value), aside)
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
        raise StoreError(f"Unknown record {kind!r}.")
    read = _RECORDS[kind](**{k: _decode(v, aside) for k, v in value.items() if k != "#"})
    return _READ[type(read)](read) if type(read) in _READ else read
