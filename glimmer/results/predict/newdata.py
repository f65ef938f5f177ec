"""Makes the arrays of a fitted model for the rows of a new table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimmer.data import Factor, Frame, array_argument
from glimmer.errors import (
    DataError,
    DataWarning,
    DesignError,
    FormulaError,
    NewDataError,
    OutcomeError,
    UnknownColumn,
    suggestion,
    warn,
)
from glimmer.formula import Learned, Name, Node, parse, variables
from glimmer.spec.design import Design, design_of
from glimmer.terms import GroupDesign, check_outcome
from glimmer.terms.group import code_levels
from glimmer.terms.named_smooths import with_unlearned

if TYPE_CHECKING:
    from glimmer.fitted import Fitted
    from glimmer.smooths import SmoothTerm
    from glimmer.spec import ModelSpec
    from glimmer.terms import GroupBlock

MissingGroups = Literal["error", "unknown"]


@dataclass(frozen=True)
class Needs:
    """What a prediction needs of a row besides its common terms.

    Attributes
    ----------
    factors : frozenset of str
        Grouping factors whose levels count.
    blocks : frozenset of str
        Blocks whose columns count.
    outcome : bool
        Trials and precision weights, because the outcome's distribution is needed.
    """

    factors: frozenset[str]
    blocks: frozenset[str]
    outcome: bool

    @classmethod
    def everything(cls, spec: ModelSpec) -> Needs:
        """All terms and the outcome's distribution."""
        factors = frozenset(block.factor_name for block in spec.groups)
        return cls(factors, frozenset(block.name for block in spec.groups), True)


@dataclass(frozen=True)
class PerRowArguments:
    """What new data may bring besides columns: an array, or the name of a column."""

    offset: Any = None
    trials: Any = None
    weights: Any = None


def new_design(
    fit: Fitted,
    newdata: Any,
    needs: Needs,
    missing_groups: MissingGroups = "error",
    given: PerRowArguments = PerRowArguments(),
) -> tuple[Design, dict[str, np.ndarray]]:
    """Return the model's arrays for new data.

    Returns
    -------
    Design
        An index into each block's levels, followed by levels that it has not seen.
    dict of str to ndarray
        The columns that were used.

    Raises
    ------
    NewDataError
        A column is missing, of another kind, or has missing or infinite values.
    """
    with _as_new_data():
        frame, names = _conform(fit.spec, Frame(newdata), needs)
        design = _design(fit, frame, needs, missing_groups, given)
        return design, {name: _plain(frame, name) for name in names}


def judged_design(
    fit: Fitted,
    newdata: Any,
    *,
    offset: Any = None,
    trials: Any = None,
    weights: Any = None,
) -> Design:
    """Return the model's arrays for new data that hold the outcome, which is to be judged.

    Raises
    ------
    NewDataError
        As `new_design`; or the outcome is missing or impossible.
    """
    spec, given = fit.spec, PerRowArguments(offset, trials, weights)
    if spec.response is None:
        raise NewDataError("The model has no outcome.", fix="fit a formula with a left-hand side")
    needs = Needs.everything(spec)
    with _as_new_data():
        frame, _ = _conform(spec, Frame(newdata), needs)
        design = _design(fit, frame, needs, "error", given)
        outcome = spec.response.outcome(frame, design.trials, fit.functions)
        check_outcome(outcome, spec.response, spec.family, frame.rows())
        own = _weights(spec, frame, given, "weights") if spec.weights == "likelihood" else None
        return design.observed(outcome, design.weights if own is None else own)


@contextmanager
def _as_new_data() -> Iterator[None]:
    """Let whatever is wrong with the table be an error about new data."""
    try:
        yield
    except (DataError, DesignError, FormulaError, OutcomeError) as error:
        raise NewDataError(
            f"In the new data: {error.message}",
            column=error.column,
            formula=error.formula,
            span=error.span,
            fix=error.fix,
        ) from error


def used_columns(spec: ModelSpec, needs: Needs) -> dict[str, bool]:
    """Names of the columns in need, and whether each is read as labels."""
    names: dict[str, bool] = {}
    for learned in _learned(spec, needs):
        for variable in variables(_node(learned)):
            names[variable.name] = names.get(variable.name, True) and learned.levels is not None
    for term in spec.smooths:
        for name, label in zip(term.spec.variables, term.labels, strict=True):
            names[name] = names.get(name, True) and label
        if term.spec.by is not None:
            names[term.spec.by] = names.get(term.spec.by, True) and term.by_levels is not None
    for block in spec.term_blocks:
        for name, labelled in block.term.columns().items():
            names[name] = names.get(name, True) and labelled
    for group in spec.groups:
        for name in group.factor if group.factor_name in needs.factors else ():
            names.setdefault(name, True)
    return names


def every_column(spec: ModelSpec) -> tuple[str, ...]:
    """Names of all columns that the model reads: of its terms, its outcome and its weights."""
    names = dict.fromkeys(used_columns(spec, Needs.everything(spec)))
    for learned in spec.response.parts if spec.response is not None else ():
        names.update(dict.fromkeys(variable.name for variable in variables(_node(learned))))
    if spec.weights_column is not None:
        names[spec.weights_column] = None
    return tuple(names)


def _conform(spec: ModelSpec, frame: Frame, needs: Needs) -> tuple[Frame, dict[str, bool]]:
    """Check that each column in need is there; return the frame, its columns of their kind."""
    names = used_columns(spec, needs)
    for name in names:
        _check_present(frame, name)
    for learned in _learned(spec, needs):
        frame = _of_its_kind(frame, _node(learned), learned)
    for term in spec.smooths:
        _check_smooth(term, frame)
    for name in [name for block in spec.term_blocks for name in block.term.columns()]:
        _known(frame, name)
    return frame, names


def _node(learned: Learned) -> Node:
    return parse(f"~ {learned.text}").parts[0]


def _learned(spec: ModelSpec, needs: Needs) -> Iterator[Learned]:
    predictors = spec.predictors.values()
    terms = [term for predictor in predictors for term in predictor.common]
    for block in spec.groups:
        terms += block.effects if block.name in needs.blocks else ()
    for term in terms:
        for coding in term.codings:
            yield coding.learned
    for predictor in predictors:
        yield from predictor.offsets
    yield from spec.stage.offsets
    yield from spec.stage.learned


def _check_present(frame: Frame, name: str) -> None:
    if name not in frame:
        raise NewDataError(
            f"The new data have no column {name!r}.",
            column=name,
            fix=f"add it ({suggestion(name, frame.names)})",
        )


def _of_its_kind(frame: Frame, node: Node, learned: Learned) -> Frame:
    """A column of numbers stays one; labels may also come as text or as whole numbers."""
    if not isinstance(node, Name):
        return frame
    if learned.levels is None:
        frame.numeric(node.name)
        return frame
    return frame.with_column(replace(frame.factor(node.name), text=False))


def _check_smooth(term: SmoothTerm, frame: Frame) -> None:
    """Check a smooth's columns; warn of rows beyond the training data."""
    names = [*term.spec.variables, *([] if term.spec.by is None else [term.spec.by])]
    for name, limits in zip_longest(names, term.limits):
        values = _known(frame, name)
        if limits is not None and np.any((values < limits[0]) | (values > limits[1])):
            warn(
                f"{term.spec.label} is extrapolated: {name!r} goes from {values.min():g} to "
                f"{values.max():g}, but from {limits[0]:g} to {limits[1]:g} in the training rows.",
                DataWarning,
            )


def _known(frame: Frame, name: str) -> np.ndarray:
    """The numbers or codes of a column, none of which may be missing or infinite."""
    column = frame[name]
    values = column.codes if isinstance(column, Factor) else column.values
    if (where := column.missing | ~np.isfinite(values)).any():
        raise NewDataError(f"{name!r} is missing or infinite in row {where.argmax()}.", column=name)
    return values


def _design(
    fit: Fitted,
    frame: Frame,
    needs: Needs,
    missing_groups: MissingGroups,
    given: PerRowArguments,
) -> Design:
    offset = _offset(fit.spec, frame, given)
    design = design_of(fit.spec, frame, offset=offset, blocks=(), functions=fit.functions)
    return replace(
        design,
        smooths=with_unlearned(fit.spec.smooth_blocks, frame, design.smooths),
        groups=_groups(fit, frame, needs, missing_groups),
        trials=_trials(fit, frame, needs, given),
        weights=_precision(fit.spec, frame, needs, given),
    )


def _groups(
    fit: Fitted, frame: Frame, needs: Needs, missing_groups: MissingGroups
) -> dict[str, GroupDesign]:
    """The arrays of every block; a factor that does not count is set to its first level."""
    coded: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {}
    out = {}
    for block in fit.spec.groups:
        factor = block.factor_name
        if factor not in coded:
            counts = factor in needs.factors
            aside = (np.zeros(len(frame), dtype=np.int32), ())
            coded[factor] = _coded(frame, block, missing_groups) if counts else aside
        columns = np.zeros((len(frame), block.size))
        if block.name in needs.blocks:
            columns = block.multipliers(frame, fit.functions)
        out[block.name] = GroupDesign(coded[factor][0], columns, coded[factor][1])
    return out


def _coded(
    frame: Frame, block: GroupBlock, missing_groups: MissingGroups
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Each row's level; a row without one is the only member of a level of its own."""
    absent = np.any([frame.factor(name).missing for name in block.factor], axis=0)
    if absent.any() and missing_groups == "error":
        rows = ", ".join(map(str, np.flatnonzero(absent)[:5]))
        raise NewDataError(
            f"The grouping factor {block.factor_name!r} is missing in {absent.sum()} rows ({rows}"
            + (", ...)." if absent.sum() > 5 else ")."),
            column=block.factor_name,
            fix='fill it in, or pass missing_groups="unknown" to treat each row as a new group',
        )
    index = np.empty(len(frame), dtype=np.int32)
    index[~absent], new = code_levels(frame.take(~absent), block.factor, block.levels)
    index[absent] = len(block.levels) + len(new) + np.arange(absent.sum())
    _doubt(new, block)
    return index, (*new, *(f"(missing, row {row})" for row in np.flatnonzero(absent)))


def _doubt(new: tuple[str, ...], block: GroupBlock) -> None:
    """Warn of a new level that differs from one of the fit in case or blanks only."""
    known = {level.strip().casefold(): level for level in block.levels} if new else {}
    for level in new:
        if (twin := known.get(level.strip().casefold())) is not None:
            warn(
                f"{level!r} is a new level of {block.factor_name!r}, but very similar to the level "
                f"{twin!r} of the fit.",
                DataWarning,
                fix="use the same spelling if they are the same level",
            )


def _offset(spec: ModelSpec, frame: Frame, given: PerRowArguments) -> np.ndarray | None:
    if spec.array_offset and given.offset is None:
        raise NewDataError(
            "The model was fitted with an array as offset, so new data need one too.",
            column="offset",
            fix="pass offset= with the new data, one value for each row",
        )
    if not spec.array_offset and given.offset is not None:
        raise NewDataError(
            "offset= cannot be used: the model was fitted without an array as offset.",
            column="offset",
            fix="leave it out; offsets of the formula are computed from the new columns",
        )
    return None if given.offset is None else _finite("offset", given.offset, frame)


def _trials(fit: Fitted, frame: Frame, needs: Needs, given: PerRowArguments) -> np.ndarray | None:
    """Trials from the argument, else from the left-hand side; ones where they do not matter."""
    spec = fit.spec
    if not spec.family.has_trials:
        if given.trials is not None:
            raise NewDataError(f"The {spec.family.name} family has no trials.", column="trials")
        return None
    trials: np.ndarray | None
    if given.trials is not None:
        trials = _finite("trials", given.trials, frame)
    elif not needs.outcome:
        return np.ones(len(frame))
    elif spec.weights == "trials":
        trials = _weights(spec, frame, given, "trials")
    elif spec.response is None:
        raise NewDataError("The number of trials is unknown.", column="trials", fix="pass trials=")
    else:
        try:
            trials = spec.response.trials(frame, None, fit.functions)
        except UnknownColumn as error:
            error.fix = "add it, or pass the numbers of trials: trials="
            raise
    assert trials is not None  # noqa: S101
    if np.any((trials < 0) | (trials != np.round(trials))):
        raise NewDataError("Numbers of trials must be whole and not negative.", column="trials")
    return trials


def _precision(
    spec: ModelSpec, frame: Frame, needs: Needs, given: PerRowArguments
) -> np.ndarray | None:
    if spec.weights != "precision" or not needs.outcome:
        return None
    weights = _weights(spec, frame, given, "weights")
    if np.any(weights <= 0):
        raise NewDataError("Precision weights must be positive.", column="weights")
    return weights


def _weights(spec: ModelSpec, frame: Frame, given: PerRowArguments, argument: str) -> np.ndarray:
    """Weights from the argument, else from the column that held them at the fit."""
    source = spec.weights_column if given.weights is None else given.weights
    if source is None:
        raise NewDataError(
            "The model was fitted with an array of weights, so new data need one too.",
            column="weights",
            fix=f"pass {argument}= with the new data, one value for each row",
        )
    return _finite("weights", source, frame)


def _finite(what: str, given: Any, frame: Frame) -> np.ndarray:
    """Read an array, or a column by its name."""
    if isinstance(given, str):
        _check_present(frame, given)
        values = frame.numeric(given).values
    else:
        values = array_argument(given, len(frame), what)
    if (absent := ~np.isfinite(values)).any():
        raise NewDataError(f"{what} is missing or infinite in row {absent.argmax()}.", column=what)
    return values


def _plain(frame: Frame, name: str) -> np.ndarray:
    """A column as numbers or text."""
    column = frame[name]
    if isinstance(column, Factor):
        return np.array([*column.levels, ""])[column.codes]
    return column.values
