"""The arrays of a model for some data: the same path for training rows and for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DataError, NotFinite
from glimmer.formula import Learned, Numbers
from glimmer.nonlinear import MeanFunction
from glimmer.smooths.columns import BlockColumns, take_rows
from glimmer.terms import CommonTerm, GroupBlock, GroupDesign, Outcome, TermArrays
from glimmer.terms.naming import MU
from glimmer.terms.smooth import smooth_columns

if TYPE_CHECKING:
    from glimmer.spec.curve import Curve


class Structure(Protocol):
    """What of a specification has arrays."""

    @property
    def predictors(self) -> Mapping[str, Any]:
        """Predictors, or their terms as they are learned."""
        ...

    @property
    def groups(self) -> tuple[GroupBlock, ...]:
        """Group-specific effects."""
        ...

    @property
    def curve(self) -> Curve | None:
        """The curve, if there is one."""
        ...


@dataclass(frozen=True, eq=False)
class Design:
    """Everything of a model that depends on rows.

    Attributes
    ----------
    n : int
        Number of rows.
    rows : ndarray, shape (n,)
        Labels of the rows: their positions in the user's table.
    columns : dict of str to ndarray, shape (n, K)
        By predictor, the columns of its common terms, uncentred.
    offsets : dict of str to ndarray, shape (n,)
        Of the predictors that have one; under ``"mu"`` that of the outcome.
    groups : dict of str to GroupDesign
        By name of the block.
    smooths : dict of str to columns
        By name of the smooth's block.
    terms : dict of str to TermArrays
        Of terms of registered kinds, by name.
    inputs : tuple of ndarray, each of shape (n,) or (n, k)
        The data arguments of a curve.
    trials : ndarray, shape (n,), or None
    weights : ndarray, shape (n,), or None
    y : ndarray, shape (n,), or None
        The outcome, where the data hold it.
    """

    n: int
    rows: np.ndarray
    columns: dict[str, np.ndarray]
    offsets: dict[str, np.ndarray]
    groups: dict[str, GroupDesign]
    smooths: dict[str, BlockColumns] = field(default_factory=dict)
    terms: dict[str, TermArrays] = field(default_factory=dict)
    inputs: tuple[np.ndarray, ...] = ()
    trials: np.ndarray | None = None
    weights: np.ndarray | None = None
    y: np.ndarray | None = None

    @property
    def offset(self) -> np.ndarray | None:
        """The offset of the outcome, shape (n,)."""
        return self.offsets.get(MU)

    def take(self, rows: np.ndarray) -> Design:
        """Return the design of some rows (a mask or positions)."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        pick = lambda array: None if array is None else array[rows]  # noqa: E731
        return replace(
            self,
            n=len(rows),
            rows=self.rows[rows],
            columns={name: X[rows] for name, X in self.columns.items()},
            offsets={name: offset[rows] for name, offset in self.offsets.items()},
            groups={name: group.take(rows) for name, group in self.groups.items()},
            smooths={name: take_rows(part, rows) for name, part in self.smooths.items()},
            terms={name: term.take(rows) for name, term in self.terms.items()},
            inputs=tuple(values[rows] for values in self.inputs),
            trials=pick(self.trials),
            weights=pick(self.weights),
            y=pick(self.y),
        )

    def observed(self, outcome: Outcome, weights: np.ndarray | None) -> Design:
        """Return the design with an outcome and likelihood weights."""
        return replace(self, y=outcome.y, trials=outcome.trials, weights=weights)


def design_of(
    spec: Structure,
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
        Or what of it has arrays: predictors, groups and curve.
    frame : Frame
    offset : ndarray, shape (n,), optional
        An offset of the outcome that was given as an array.
    blocks : tuple of GroupBlock, optional
        The group-specific terms that count; all by default.
    functions : mapping, optional
        The user's own functions.
    """
    chosen, predictors = spec.groups if blocks is None else blocks, spec.predictors.values()
    added = {p.name: p.offsets for p in predictors}
    if spec.curve is not None:
        added[MU] = spec.curve.offsets
    sums = {
        name: total_offset(own, frame, offset if name == MU else None, functions)
        for name, own in added.items()
    }
    smooths = (smooth_columns(p.smooths, frame) for p in predictors)
    curve = spec.curve
    return Design(
        n=len(frame),
        rows=frame.rows(),
        columns={p.name: common_columns(p.common, frame, functions) for p in predictors},
        offsets={name: own for name, own in sums.items() if own is not None},
        groups={block.name: block.design(frame, functions) for block in chosen},
        smooths={name: part for own in smooths for name, part in own.items()},
        terms={term.name: term.design(frame) for p in predictors for term in p.others},
        inputs=input_arrays(curve.function, curve.inputs, frame, functions) if curve else (),
    )


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


def _numbers(
    learned: Learned, frame: Frame, functions: Mapping[str, Any] | None, what: str = ""
) -> np.ndarray:
    """A learned column as numbers, shape (n,)."""
    values = learned.values(frame, functions)
    if not isinstance(values, Numbers) or values.values.ndim > 1:
        raise DataError(f"{what}{learned.text!r} is not a column of numbers.", column=learned.text)
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
