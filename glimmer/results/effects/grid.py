"""Makes the rows at which effects are computed: those of a table, or a grid over some columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import ArgumentError, suggestion
from glimmer.results.predict.newdata import used_columns
from glimmer.results.predict.prediction import Groups, Kind, needs_of

if TYPE_CHECKING:
    import pandas as pd

    from glimmer.data import Frame
    from glimmer.fitted import Fitted

Conditional = str | Sequence[str] | Mapping[str, Any] | None

POINTS = 50
FEW = 10


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows to predict.

    Attributes
    ----------
    table : DataFrame
        A column for everything that the prediction needs.
    shown : tuple of str
        The columns that tell rows apart.
    """

    table: pd.DataFrame
    shown: tuple[str, ...]


def build_grid(
    fit: Fitted,
    conditional: Conditional,
    newdata: Any,
    kind: Kind,
    groups: Groups,
    focus: tuple[str, ...] = (),
) -> Grid:
    """Return the rows at which effects are computed.

    Parameters
    ----------
    fit : Fitted
    conditional : str, sequence of str, mapping, or None
        None: the rows of ``newdata`` or of the training data. Else all combinations of the values
        of these columns, given or chosen; the others are held at a typical value.
    newdata : table, optional
    kind, groups
        Of the prediction.
    focus : tuple of str
        Columns that are changed; they must be columns of the model.

    Raises
    ------
    ArgumentError
        A column is not in the model.
    """
    import pandas as pd

    columns = used_columns(fit.spec, needs_of(fit.spec, kind, groups))
    asked = _asked(conditional)
    for name in (*asked, *focus):
        if name not in columns:
            raise ArgumentError(
                f"This prediction does not depend on a column {name!r}.",
                column=name,
                fix=suggestion(name, columns),
            )
    if newdata is not None:
        if conditional is not None:
            raise ArgumentError("Pass conditional= or newdata=, not both.")
        table = pd.DataFrame(newdata)
        return Grid(table, tuple(name for name in columns if name in table))
    frame = fit.frame
    if conditional is None:
        rows = {name: _column(frame, name, labels) for name, labels in columns.items()}
        return Grid(pd.DataFrame(rows), tuple(columns))
    return _combinations(frame, columns, asked)


def _asked(conditional: Conditional) -> dict[str, Any]:
    if conditional is None:
        return {}
    if isinstance(conditional, str):
        return {conditional: None}
    if isinstance(conditional, Mapping):
        return dict(conditional)
    return dict.fromkeys(conditional)


def _combinations(frame: Frame, columns: dict[str, bool], asked: dict[str, Any]) -> Grid:
    """All combinations of the values of the columns asked for, the last varying fastest."""
    import pandas as pd

    values = {
        name: _spread(frame, name, columns[name]) if given is None else _listed(given)
        for name, given in asked.items()
    }
    rows = list(product(*values.values()))
    table = {name: [row[i] for row in rows] for i, name in enumerate(values)}
    for name, labels in columns.items():
        if name not in table:
            table[name] = [typical(frame, name, labels)] * len(rows)
    return Grid(pd.DataFrame(table), tuple(values))


def _listed(given: Any) -> list[Any]:
    one = isinstance(given, str) or not isinstance(given, Iterable)
    return [given] if one else list(given)


def _column(frame: Frame, name: str, labels: bool) -> np.ndarray:
    """A training column: labels as text, numbers as numbers."""
    if labels:
        factor = frame.factor(name)
        return np.array(factor.levels, dtype=object)[factor.codes]
    return frame.numeric(name).values


def levels_of(frame: Frame, name: str) -> list[str]:
    """The labels that occur, in their order."""
    return list(frame.factor(name).used().levels)


def _spread(frame: Frame, name: str, labels: bool) -> list[Any]:
    """Every label; every number if they are few; else numbers from the lowest to the highest."""
    if labels:
        return levels_of(frame, name)
    values = np.unique(frame.numeric(name).values)
    return list(values if len(values) <= FEW else np.linspace(values[0], values[-1], POINTS))


def typical(frame: Frame, name: str, labels: bool) -> Any:
    """The most frequent label, or the mean."""
    if not labels:
        return float(frame.numeric(name).values.mean())
    factor = frame.factor(name)
    return factor.levels[int(np.bincount(factor.codes).argmax())]
