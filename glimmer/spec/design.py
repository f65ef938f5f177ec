"""Makes the arrays of a model for some data: the same path for training rows and for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from glimmer.data import Frame
from glimmer.smooths.columns import BlockColumns, take_rows
from glimmer.spec.columns import common_columns, total_offset
from glimmer.terms import GroupBlock, GroupDesign, Outcome, TermArrays
from glimmer.terms.named_smooths import smooth_columns
from glimmer.terms.naming import MU


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
    def stage(self) -> Any:
        """What lies between predictors and outcome."""
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
        Or what of it has arrays: predictors, groups and stage.
    frame : Frame
    offset : ndarray, shape (n,), optional
        An offset of the outcome that was given as an array.
    blocks : tuple of GroupBlock, optional
        The group-specific terms that count; all by default.
    functions : mapping, optional
        The user's own functions.
    """
    chosen, predictors = spec.groups if blocks is None else blocks, spec.predictors.values()
    added = {MU: spec.stage.offsets, **{p.name: p.offsets for p in predictors}}
    sums = {
        name: total_offset(own, frame, offset if name == MU else None, functions)
        for name, own in added.items()
    }
    smooths = (smooth_columns(p.smooths, frame) for p in predictors)
    return Design(
        n=len(frame),
        rows=frame.rows(),
        columns={p.name: common_columns(p.common, frame, functions) for p in predictors},
        offsets={name: own for name, own in sums.items() if own is not None},
        groups={block.name: block.design(frame, functions) for block in chosen},
        smooths={name: part for own in smooths for name, part in own.items()},
        terms={term.name: term.design(frame) for p in predictors for term in p.others},
        inputs=spec.stage.arrays(frame, functions),
    )
