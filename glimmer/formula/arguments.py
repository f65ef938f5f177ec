"""Checks the arguments of the formula's functions: whole numbers, flags, numbers, levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimmer.errors import SyntaxProblem


def whole(name: str, value: Any, *, least: int) -> int:
    """Return a whole number of at least ``least``."""
    if isinstance(value, float) and value.is_integer() and value >= least:
        return int(value)
    raise SyntaxProblem(f"{name} must be a whole number of at least {least}, not {value!r}.")


def flag(name: str, value: Any) -> bool:
    """Return True or False, also from 1 and 0."""
    if value in (True, False):
        return bool(value)
    raise SyntaxProblem(f"{name} must be TRUE or FALSE, not {value!r}.")


def number(name: str, value: Any) -> float:
    """Return a number."""
    if isinstance(value, float):
        return value
    raise SyntaxProblem(f"{name} must be a number, not {value!r}.")


def numbers(name: str, value: Any) -> np.ndarray:
    """Return one or more numbers as an array, sorted."""
    values = value if isinstance(value, tuple) else (value,)
    return np.sort(np.array([number(name, item) for item in values]))


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Return levels as they are written: texts, or whole numbers."""
    values = value if isinstance(value, tuple) else (value,)
    return tuple(text(name, item) for item in values)


def text(name: str, value: Any) -> str:
    """Return a level as it is written."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    raise SyntaxProblem(f"{name} must be a level, not {value!r}.")
