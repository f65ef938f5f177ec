"""Selects the rows of a model: those asked for, without missing values if these may be dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glimmer.data import Column, Factor, Frame
from glimmer.errors import DataError, MissingValues, NotEnoughData, NotFinite, WrongLength
from glimmer.formula import Name, column
from glimmer.learn.checks import Finding, Judge
from glimmer.learn.findings import check_integers
from glimmer.learn.options import Options
from glimmer.learn.per_row import PerRow, per_row

FEWEST = 2
SHOWN = 5


def named_offset(options: Options, frame: Frame) -> tuple[Name, ...]:
    """The column of numbers that ``offset=`` names, if it names one."""
    if not isinstance(options.offset, str):
        return ()
    frame.numeric(options.offset)
    return (Name(options.offset),)


def used_rows(
    frame: Frame,
    names: Sequence[Name],
    values: Sequence[Name],
    formula: str,
    options: Options,
    judge: Judge,
) -> tuple[Frame, PerRow, PerRow]:
    """Return the rows that a model uses, their weights, and offsets that were given as an array.

    Parameters
    ----------
    frame : Frame
    names : sequence of Name
        The columns that the model uses.
    values : sequence of Name
        Those that are used for more than telling groups apart.
    formula : str
        Where they are named.
    options : Options
    judge : Judge
    """
    weights = per_row("weights", options.weights, frame)
    array = None if isinstance(options.offset, str) else options.offset
    frame, (weights, offset) = select(
        frame,
        names,
        formula,
        (weights, per_row("offset", array, frame)),
        subset=options.subset,
        missing=options.missing,
        judge=judge,
    )
    judge(check_integers([frame[name.name] for name in values]))
    return frame, weights, offset


def select(
    frame: Frame,
    names: Sequence[Name],
    formula: str,
    per_row: tuple[PerRow, ...],
    *,
    subset: Any,
    missing: str,
    judge: Judge,
) -> tuple[Frame, tuple[PerRow, ...]]:
    """Return the rows to use, of the table and of arguments with one value per row.

    Parameters
    ----------
    frame : Frame
    names : sequence of Name
        The columns that the model uses.
    formula : str
        Where they are named.
    per_row : tuple of PerRow
    subset : mask, positions, name of a boolean column, or None
    missing : {"error", "drop"}
    judge : Judge

    Raises
    ------
    MissingValues
        A column has missing values that may not be dropped, or only missing values.
    NotFinite
        A column is infinite somewhere.
    NotEnoughData
        Fewer than two rows are left.
    """
    if missing not in ("error", "drop"):
        raise DataError(
            f"missing must be 'error' or 'drop', not {missing!r}.",
            fix='pass missing="error" or missing="drop"',
        )
    if len(frame) == 0:
        raise NotEnoughData("The table has no rows.", fix="check how the table was made")
    for name in names:
        judge(_doubts(column(frame, name, formula)))
    keep = _subset(subset, frame)
    frame, per_row = frame.take(keep), tuple(per.take(keep) for per in per_row)
    absent = np.zeros(len(frame), dtype=bool)
    for name in names:
        found = frame[name.name]
        values = None if isinstance(found, Factor) else found.values
        absent |= _missing(name.name, found.missing, values, frame.rows(), missing)
    for per in per_row:
        if per.values is not None:
            absent |= _missing(per.name, np.isnan(per.values), per.values, frame.rows(), missing)
    if absent.any():
        judge(_dropped(absent))
        frame, per_row = frame.take(~absent), tuple(per.take(~absent) for per in per_row)
    if len(frame) < FEWEST:
        raise NotEnoughData(
            f"The model needs at least {FEWEST} rows, but {len(frame)} can be used.",
            fix="give two rows or more; look at subset= and at missing values",
        )
    return frame, per_row


def _doubts(found: Column) -> Iterator[Finding]:
    """What is doubtful about a column as it was given."""
    if isinstance(found, Factor):
        used = set(found.used().levels)
        left_out = [level for level in found.levels if level not in used]
        if left_out:
            yield Finding(
                "unused_levels",
                f"Column {found.name!r} has no rows with the level(s) "
                f"{', '.join(map(repr, left_out[:3]))}{', ...' if len(left_out) > 3 else ''}; "
                "they are left out of the model.",
                f"remove them, e.g. df[{found.name!r}].cat.remove_unused_categories()",
            )


def _dropped(absent: np.ndarray) -> Iterator[Finding]:
    yield Finding(
        "dropped_rows",
        f"{absent.sum()} of {len(absent)} rows have missing values and are dropped.",
        'pass missing="error" to see where',
    )


def _missing(
    name: str, absent: np.ndarray, values: np.ndarray | None, rows: np.ndarray, action: str
) -> np.ndarray:
    """Return the rows without a value, or raise; infinities are always an error."""
    if absent.any() and absent.all():
        raise MissingValues(
            f"Column {name!r} has only missing values.", column=name, fix="leave the column out"
        )
    if absent.any() and action == "error":
        shown = ", ".join(map(str, rows[absent][:SHOWN]))
        shown += ", ..." if absent.sum() > SHOWN else "."
        raise MissingValues(
            f"Column {name!r} has {absent.sum()} missing value(s), in row(s) {shown}",
            column=name,
            fix='fill them in, or pass missing="drop" to leave these rows out',
        )
    if values is not None and np.isinf(values).any():
        raise NotFinite(
            f"Column {name!r} is infinite in row {rows[np.isinf(values)][0]}.",
            column=name,
            fix="correct the rows, or leave them out with subset=",
        )
    return absent


def _subset(subset: Any, frame: Frame) -> np.ndarray:
    """Which rows the user wants, as a mask."""
    if subset is None:
        return np.ones(len(frame), dtype=bool)
    mask = np.asarray(frame.numeric(subset).values if isinstance(subset, str) else subset)
    if isinstance(subset, str) and np.isin(mask, (0, 1)).all():
        mask = mask.astype(bool)
    if mask.dtype == bool and mask.shape != (len(frame),):
        raise WrongLength(
            f"subset must have one value per row ({len(frame)}), not shape {mask.shape}.",
            column="subset",
            fix=f"pass {len(frame)} booleans, or positions of rows",
        )
    if mask.dtype == bool:
        return mask
    if mask.dtype.kind not in "iu" or mask.ndim != 1 or np.any((mask < 0) | (mask >= len(frame))):
        raise DataError(
            "subset must be a boolean mask or positions of rows.",
            column="subset",
            fix="pass a boolean array, the name of a boolean column, or positions from 0 to "
            f"{len(frame) - 1}",
        )
    chosen = np.zeros(len(frame), dtype=bool)
    chosen[mask] = True
    return chosen
