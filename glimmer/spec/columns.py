"""Computes the columns that predictors and curves read, from any table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DataError, NotFinite
from glimmer.formula import Learned, Numbers
from glimmer.nonlinear import MeanFunction
from glimmer.terms import CommonTerm


def input_arrays(
    function: MeanFunction,
    learned: tuple[tuple[Learned, ...], ...],
    frame: Frame,
    functions: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, ...]:
    """The data arguments of a curve; raise `DataError` outside its domain."""
    inputs = []
    for argument, parts in zip(function.inputs, learned, strict=True):
        columns = [_numbers(part, frame, functions) for part in parts]
        inputs.append(columns[0] if argument.ndim == 1 else np.column_stack(columns))
    names = [", ".join(part.text for part in parts) for parts in learned]
    function.check_domain(*inputs, columns=names, rows=frame.rows())
    return tuple(inputs)


def _numbers(
    learned: Learned, frame: Frame, functions: Mapping[str, Any] | None, what: str = ""
) -> np.ndarray:
    """A learned column as numbers, shape (n,)."""
    values = learned.values(frame, functions)
    if not isinstance(values, Numbers) or values.values.ndim > 1:
        raise DataError(f"{what}{learned.text!r} must be one numeric column.", column=learned.text)
    return values.values


def common_columns(
    terms: tuple[CommonTerm, ...], frame: Frame, functions: Mapping[str, Any] | None = None
) -> np.ndarray:
    """Columns of common terms side by side, shape (n, K)."""
    parts = [term.design(frame, functions) for term in terms]
    return np.hstack(parts) if parts else np.empty((len(frame), 0))


def total_offset(
    offsets: tuple[Learned, ...],
    frame: Frame,
    array: np.ndarray | None,
    functions: Mapping[str, Any] | None = None,
) -> np.ndarray | None:
    """The sum of the formula's offsets and of one given as an array; None if there are none."""
    parts = [] if array is None else [array]
    parts += [_numbers(learned, frame, functions, "The offset ") for learned in offsets]
    if not parts:
        return None
    total = np.sum(parts, axis=0)
    if not np.isfinite(total).all():
        raise NotFinite(f"The offset is not finite in row {int(np.argmin(np.isfinite(total)))}.")
    return total
