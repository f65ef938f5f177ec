"""The arrays of a model for some data: the same path for training rows and for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DataError, NotFinite
from glimmer.formula import Learned, Numbers
from glimmer.record import record
from glimmer.smooths import Grouped
from glimmer.spec.smooth_blocks import smooth_columns
from glimmer.terms import GroupBlock, GroupDesign, Outcome

if TYPE_CHECKING:
    from glimmer.nonlinear import MeanFunction
    from glimmer.smooths.term import BlockColumns
    from glimmer.spec.curve import Nonlinear
    from glimmer.spec.model import LinearPredictor, ModelSpec


@record
class CurveDesign:
    """What of a nonlinear model depends on rows, besides its groups.

    Attributes
    ----------
    inputs : tuple of ndarray, each of shape (n,) or (n, k)
        The data arguments of the curve.
    X : dict of str to ndarray, shape (n, K)
        Columns of each parameter's common terms, uncentred.
    offsets : dict of str to ndarray, shape (n,)
        Of the parameters that have one.
    """

    inputs: tuple[np.ndarray, ...]
    X: dict[str, np.ndarray]
    offsets: dict[str, np.ndarray]

    def take(self, rows: np.ndarray) -> CurveDesign:
        """Return the arrays of some rows."""
        return CurveDesign(
            tuple(values[rows] for values in self.inputs),
            {name: X[rows] for name, X in self.X.items()},
            {name: offset[rows] for name, offset in self.offsets.items()},
        )


@dataclass(frozen=True, eq=False)
class Design:
    """Everything of a model that depends on rows.

    Attributes
    ----------
    n : int
        Number of rows.
    rows : ndarray, shape (n,)
        Labels of the rows: their positions in the user's table.
    X : ndarray, shape (n, K)
        Columns of the common terms, uncentred.
    offset : ndarray, shape (n,), or None
    groups : dict of str to GroupDesign
        By name of the block.
    trials : ndarray, shape (n,), or None
    weights : ndarray, shape (n,), or None
    y : ndarray, shape (n,), or None
        The outcome, where the data hold it.
    smooths : dict of str to columns
        By name of the smooth's block.
    curve : CurveDesign or None
        The arrays of a nonlinear model.
    """

    n: int
    rows: np.ndarray
    X: np.ndarray
    offset: np.ndarray | None
    groups: dict[str, GroupDesign]
    trials: np.ndarray | None = None
    weights: np.ndarray | None = None
    y: np.ndarray | None = None
    smooths: dict[str, BlockColumns] = field(default_factory=dict)
    curve: CurveDesign | None = None

    def take(self, rows: np.ndarray) -> Design:
        """Return the design of some rows (a mask or positions)."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        pick = lambda array: None if array is None else array[rows]  # noqa: E731
        return replace(
            self,
            n=len(rows),
            rows=self.rows[rows],
            X=self.X[rows],
            offset=pick(self.offset),
            groups={name: group.take(rows) for name, group in self.groups.items()},
            trials=pick(self.trials),
            weights=pick(self.weights),
            y=pick(self.y),
            smooths={name: taken(part, rows) for name, part in self.smooths.items()},
            curve=None if self.curve is None else self.curve.take(rows),
        )

    def observed(self, outcome: Outcome, weights: np.ndarray | None) -> Design:
        """Return the design with an outcome and likelihood weights."""
        return replace(self, y=outcome.y, trials=outcome.trials, weights=weights)


def design_of(
    spec: ModelSpec,
    frame: Frame,
    *,
    offset: np.ndarray | None = None,
    blocks: tuple[GroupBlock, ...] | None = None,
    functions: Mapping[str, Any] | None = None,
) -> Design:
    """Return the arrays of a model for any table.

    Parameters
    ----------
    spec : ModelSpec
    frame : Frame
    offset : ndarray, shape (n,), optional
        An offset that was given as an array.
    blocks : tuple of GroupBlock, optional
        The group-specific terms that count; all by default.
    functions : mapping, optional
        The user's own functions.
    """
    chosen = spec.groups if blocks is None else blocks
    return Design(
        n=len(frame),
        rows=frame.rows(),
        X=common_columns(spec.predictor, frame, functions),
        offset=total_offset(spec.predictor.offsets, frame, offset, functions),
        groups={block.name: block.design(frame, functions) for block in chosen},
        smooths=smooth_columns(spec.smooths, frame),
        curve=None if spec.nonlinear is None else curve_design(spec.nonlinear, frame, functions),
    )


def curve_design(
    nonlinear: Nonlinear, frame: Frame, functions: Mapping[str, Any] | None = None
) -> CurveDesign:
    """The arrays of a curve and its parameters for any table."""
    inputs = input_arrays(nonlinear.function, nonlinear.inputs, frame, functions)
    X, offsets = {}, {}
    for parameter in nonlinear.free:
        assert parameter.predictor is not None  # noqa: S101
        X[parameter.name] = common_columns(parameter.predictor, frame, functions)
        offset = total_offset(parameter.predictor.offsets, frame, None, functions)
        if offset is not None:
            offsets[parameter.name] = offset
    return CurveDesign(inputs, X, offsets)


def input_arrays(
    function: MeanFunction,
    learned: tuple[tuple[Learned, ...], ...],
    frame: Frame,
    functions: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, ...]:
    """The data arguments of a curve; raise `DataError` outside its domain."""
    inputs = []
    for argument, parts in zip(function.inputs, learned, strict=True):
        columns = [_input_column(part, frame, functions) for part in parts]
        values = columns[0] if argument.ndim == 1 else np.column_stack(columns)
        outside = np.flatnonzero(np.any(np.atleast_2d(values.T) < argument.lower, axis=0))
        if outside.size:
            raise DataError(
                f"{function.name} has no meaning for {parts[0].text} < {argument.lower:g} "
                f"(row {frame.rows()[outside[0]]}, and {outside.size - 1} more).",
                column=parts[0].text,
                fix="leave these rows out with subset=, or choose another function",
            )
        inputs.append(values)
    return tuple(inputs)


def _input_column(
    learned: Learned, frame: Frame, functions: Mapping[str, Any] | None
) -> np.ndarray:
    values = learned.values(frame, functions)
    if not isinstance(values, Numbers) or values.values.ndim > 1:
        raise DataError(f"{learned.text!r} is not a column of numbers.", column=learned.text)
    return values.values


def common_columns(
    predictor: LinearPredictor, frame: Frame, functions: Mapping[str, Any] | None = None
) -> np.ndarray:
    """Columns of the common terms side by side, shape (n, K)."""
    parts = [term.design(frame, functions) for term in predictor.common]
    return np.hstack(parts) if parts else np.empty((len(frame), 0))


def total_offset(
    offsets: tuple[Learned, ...],
    frame: Frame,
    array: np.ndarray | None,
    functions: Mapping[str, Any] | None = None,
) -> np.ndarray | None:
    """The sum of the formula's offsets and of one given as an array; None if there are none."""
    parts = [] if array is None else [array]
    for learned in offsets:
        values = learned.values(frame, functions)
        if not isinstance(values, Numbers) or values.values.ndim > 1:
            raise DataError(f"The offset {learned.text!r} is not a column of numbers.")
        parts.append(values.values)
    if not parts:
        return None
    total = np.sum(parts, axis=0)
    if not np.isfinite(total).all():
        raise NotFinite(f"The offset is not finite in row {int(np.argmin(np.isfinite(total)))}.")
    return total


def taken(columns: BlockColumns, rows: np.ndarray) -> BlockColumns:
    """Some rows of a smooth's columns."""
    if isinstance(columns, Grouped):
        return replace(columns, index=columns.index[rows], rows=columns.rows[rows])
    return columns[rows]
