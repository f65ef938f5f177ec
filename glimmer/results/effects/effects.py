"""Computes effects in the units of the outcome: predictions, comparisons, slopes.

The effects are those of Arel-Bundock, Greifer & Heiss (2024, Journal of Statistical Software 111,
issue 9). Averages are taken draw by draw and summarized afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from glimmer.errors import ArgumentError, alternatives, suggestion
from glimmer.results.effects.grid import Conditional
from glimmer.results.effects.question import (
    Change,
    EffectOptions,
    Effects,
    Pairs,
    Question,
    change_of,
    pairs_of,
    sd_of,
)

if TYPE_CHECKING:
    from glimmer.fitted import Fitted

type Combine = Callable[[Any, Any], Any]

COMPARISONS: Mapping[str, Combine] = {
    "diff": lambda low, high: high - low,
    "ratio": lambda low, high: high / low,
    "lift": lambda low, high: (high - low) / low,
}
ELASTICITIES: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "dydx": lambda slope, x, y: slope,
    "eyex": lambda slope, x, y: slope * x / y,
    "eydx": lambda slope, x, y: slope / y,
    "dyex": lambda slope, x, y: slope * x,
}
STEP = 1e-4


def predictions(
    fit: Fitted, conditional: Conditional = None, **options: Unpack[EffectOptions]
) -> Effects:
    """Predictions at chosen values of some columns, or for every row.

    Parameters
    ----------
    fit : Fitted
    conditional : str, sequence of str, or mapping, optional
        Columns to vary: by name, or with values, ``{"Days": [0, 5, 9]}``. Without values: all
        labels, all numbers if they are ten or fewer, else 50 from the lowest to the highest. All
        other columns are held at a typical value, the mean or the most frequent label. None: the
        rows of the training data.
    newdata : table, optional
        Rows to predict, in place of ``conditional``.
    average_by : str, sequence of str, or True, optional
        Average over the rows that agree in these columns, or over all rows; draw by draw.
    kind : {"mean", "linpred", "response"}
        As in `predict`.
    groups : None, "all", "marginal", or names
        As in `predict`, but None by default: group-specific effects are zero. ``"marginal"``
        averages over the population of groups.
    prob : float
        Probability of the central interval; 0.9.
    **options
        Further arguments of `predict`.

    Returns
    -------
    Effects
        ``summary`` and ``draws``.

    Raises
    ------
    ArgumentError
        The prediction does not depend on such a column.

    Examples
    --------
    >>> expected = model.predictions({"Days": [0, 9]}, groups="marginal").summary
    >>> list(expected["Days"])
    [0, 9]
    """
    question = Question(options)
    grid = question.grid(fit, conditional)
    draws = question.predict(fit, [grid.table])
    return question.answer([grid.table[list(grid.shown)]], draws)


def comparisons(
    fit: Fitted,
    contrast: str | Mapping[str, Any],
    conditional: Conditional = None,
    *,
    comparison: str | Combine = "diff",
    pairs: Pairs = "reference",
    **options: Unpack[EffectOptions],
) -> Effects:
    """How the prediction changes when one column changes and the others do not.

    Parameters
    ----------
    fit : Fitted
    contrast : str or mapping
        The column that changes. A number goes up by 1, ``{"x": 5}`` by 5, ``{"x": "sd"}`` by its
        standard deviation; ``{"x": [0, 10]}`` compares these values, for labels as well.
    conditional : optional
        Rows to compare at, as in `predictions`.
    comparison : {"diff", "ratio", "lift"} or callable
        high - low, high / low, (high - low) / low, or a function of low and high.
    pairs : {"reference", "pairwise", "sequential"}
        Which labels or values to compare: each with the first, each with each, each with the one
        before it.
    **options
        As in `predictions`.

    Returns
    -------
    Effects
        ``summary`` has the columns ``term`` and ``contrast`` ("high - low") besides.

    Raises
    ------
    ArgumentError
        The prediction does not depend on such a column.

    Examples
    --------
    >>> effect = model.comparisons({"Days": [0, 9]}, average_by=True).summary
    >>> list(effect["contrast"])
    ['9 vs 0']
    """
    combine = _named("comparison", comparison, COMPARISONS)
    name, change = _single(contrast)
    question = Question(options)
    question.refuse_outcomes()
    grid = question.grid(fit, conditional, (name,))
    step, values = change_of(fit, question, name, change)
    x = grid.table[name]
    if step is not None:
        changes = [Change(f"+{step:g}", x, x + step)]
        shown = grid.table[list(grid.shown)]
    else:
        changes = [Change(f"{b} vs {a}", a, b) for a, b in pairs_of(values, pairs)]
        shown = grid.table[[column for column in grid.shown if column != name]]
    sides = [side for change in changes for side in (change.low, change.high)]
    draws = question.predict(fit, [grid.table.assign(**{name: side}) for side in sides])
    results = [combine(*draws[2 * i : 2 * i + 2]) for i in range(len(changes))]
    rows = [shown.assign(term=name, contrast=change.label) for change in changes]
    return question.answer(rows, results, ["term", "contrast"])


def slopes(
    fit: Fitted,
    wrt: str,
    conditional: Conditional = None,
    *,
    slope: str = "dydx",
    **options: Unpack[EffectOptions],
) -> Effects:
    """The slope of the prediction in one numeric column.

    Computed by central differences over 0.0002 standard deviations of the column.

    Parameters
    ----------
    fit : Fitted
    wrt : str
        The column.
    conditional : optional
        Rows to take slopes at, as in `predictions`.
    slope : {"dydx", "eyex", "eydx", "dyex"}
        The slope itself, or an elasticity: "e" is a relative change.
    **options
        As in `predictions`.

    Returns
    -------
    Effects
        ``summary`` has the columns ``term`` and ``slope`` besides.

    Raises
    ------
    ArgumentError
        The prediction does not depend on such a column, or it holds labels.

    Examples
    --------
    >>> per_day = model.slopes("Days", {"Days": [0, 9]}, kind="mean").summary
    >>> len(per_day)
    2
    """
    elasticity = _named("slope", slope, ELASTICITIES)
    question = Question(options)
    question.refuse_outcomes()
    grid = question.grid(fit, conditional, (wrt,))
    if question.labels(fit, wrt):
        raise ArgumentError(f"{wrt!r} is categorical.", column=wrt, fix="use comparisons()")
    x = grid.table[wrt].astype(float)
    h = STEP * sd_of(fit, question, wrt)
    draws = question.predict(fit, [grid.table.assign(**{wrt: at}) for at in (x - h, x, x + h)])
    derivative = (draws[2] - draws[0]) / (2 * h)
    result = elasticity(derivative, x.to_numpy(), draws[1])
    shown = grid.table[list(grid.shown)].assign(term=wrt, slope=slope)
    return question.answer([shown], [result], ["term", "slope"])


def _single(contrast: str | Mapping[str, Any]) -> tuple[str, Any]:
    if isinstance(contrast, str):
        return contrast, None
    if len(contrast) != 1:
        raise ArgumentError("contrast must name one column.", fix='write {"x": [0, 1]}')
    return next(iter(contrast.items()))


def _named[T](what: str, given: str | T, table: Mapping[str, T]) -> T:
    """A function of a table by its name, or as it is given."""
    if not isinstance(given, str):
        return given
    if given not in table:
        raise ArgumentError(
            f"{what} must be {alternatives(table)}, not {given!r}.", fix=suggestion(given, table)
        )
    return table[given]
