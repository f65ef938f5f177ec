"""Estimates smooth terms at any values of their covariates: curves, surfaces, and derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimmer.errors import ArgumentError, check_probability, suggestion
from glimmer.spec.names import ROWS
from glimmer.terms.naming import MU

if TYPE_CHECKING:
    import pandas as pd

    from glimmer.data import Frame
    from glimmer.fitted import Fitted
    from glimmer.smooths import Smooth

Table = dict[str, np.ndarray]
CHUNK_BYTES = 32 * 2**20
POINTS = (1, 100, 40, 15, 7)
STENCILS = {
    1: (np.array([-0.5, 0.5]), np.array([-1.0, 1.0])),
    2: (np.array([-1.0, 0.0, 1.0]), np.array([1.0, -2.0, 1.0])),
}
NUMBERS = ("estimate", "sd", "lower", "upper")
STEPS = {1: 1e-4, 2: 1e-3}


def smooth_estimates(
    fit: Fitted,
    smooth: str | Sequence[str] | None = None,
    n: int | None = None,
    data: Any = None,
    *,
    prob: float = 0.9,
    overall_uncertainty: bool = False,
) -> pd.DataFrame:
    """Smooths at values of their covariates, as gratia's ``smooth_estimates``.

    Parameters
    ----------
    fit : Fitted
    smooth : str or sequence of str, optional
        Labels: ``"s(x)"``, which names all its levels of ``by``, or ``"s(x):ga"``. Default: all.
    n : int, optional
        Number of values of each numeric covariate, evenly spaced over those of the training rows;
        100, 40, 15 or 7 for one, two, three or four covariates. Factors take all their levels, a
        numeric ``by`` is 1.
    data : table, optional
        Rows to evaluate at instead, with the columns that the smooths use. Where ``by`` is a
        factor, each smooth has the rows of its own level.
    prob : float
        Probability of the central interval.
    overall_uncertainty : bool
        Add the uncertainty about the intercept, as mgcv's ``seWithMean``: intervals then cover
        the curve and not only its shape.

    Returns
    -------
    DataFrame
        A row for each point: ``smooth`` (its label), the smooth's columns, ``estimate`` (median),
        ``sd``, ``lower``, ``upper``, in the units of the linear predictor.

    Raises
    ------
    ArgumentError
        There is no such smooth, or an argument cannot have the value given.
    NotFitted
        The model has no draws.

    Examples
    --------
    >>> model.smooth_estimates("s(Days)", n=3)[["smooth", "Days"]]
        smooth  Days
    0  s(Days)   0.0
    1  s(Days)   4.5
    2  s(Days)   9.0
    """
    tables = []
    for one in chosen_smooths(fit, smooth):
        rows = grid(fit, one, n) if data is None else _own_rows(one, data)
        draws = smooth_draws(fit, one, rows)
        if overall_uncertainty:
            draws = draws + _overall(fit)[:, None]
        tables.append(_table(one, rows, draws, prob))
    return _joined(tables)


def derivatives(
    fit: Fitted,
    smooth: str | Sequence[str] | None = None,
    order: Literal[1, 2] = 1,
    eps: float | None = None,
    *,
    covariate: str | None = None,
    n: int | None = None,
    data: Any = None,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Derivatives of smooths, by central differences of every draw, as gratia's ``derivatives``.

    Parameters
    ----------
    fit : Fitted
    smooth, n, data, prob
        As in `smooth_estimates`; by default all smooths of a single numeric covariate.
    order : {1, 2}
        First or second derivative.
    eps : float, optional
        Distance of neighbouring points, in units of the covariate; 1e-4 of its range for first,
        1e-3 for second derivatives.
    covariate : str, optional
        With respect to which; needed where a smooth has several numeric ones.

    Returns
    -------
    DataFrame
        As `smooth_estimates`, with a column ``covariate``.

    Raises
    ------
    ArgumentError
        There is no such smooth or covariate, or an argument cannot have the value given.

    Examples
    --------
    >>> slopes = model.derivatives("s(Days)")
    >>> surely_rises = slopes[slopes.lower > 0].Days
    """
    if order not in STENCILS:
        raise ArgumentError(f"order must be 1 or 2, not {order!r}.")
    if eps is not None and not eps > 0:
        raise ArgumentError(f"eps must be positive, not {eps!r}.")
    tables = []
    chosen = chosen_smooths(fit, smooth)
    if smooth is None:
        chosen = [one for one in chosen if _has_focal(one, covariate)] or chosen
    for one in chosen:
        focal = _focal(one, covariate)
        rows = grid(fit, one, n) if data is None else _own_rows(one, data)
        low, high = one.term.limits[one.term.spec.variables.index(focal)] or (0.0, 1.0)
        step = STEPS[order] * (high - low) if eps is None else float(eps)
        table = _table(one, rows, _differences(fit, one, rows, focal, order, step), prob)
        table.insert(1, "covariate", focal)
        tables.append(table)
    return _joined(tables)


def smooth_draws(fit: Fitted, smooth: Smooth, data: Frame | Table) -> np.ndarray:
    """Draws of one smooth at the rows of a table, shape (draws, n).

    The smooth alone is assembled on these rows, and the draws replayed.
    """
    import pymc as pm

    from glimmer.data import Frame
    from glimmer.interpreter.replay import Replay, flat
    from glimmer.terms.named_smooths import smooth_columns

    frame = data if isinstance(data, Frame) else Frame(data)
    posterior = fit.posterior
    blocks = [block for block in fit.spec.smooth_blocks if block.label == smooth.label]
    coords = {dim: own for block in blocks for dim, own in block.coords.items()}
    with pm.Model(coords={**coords, ROWS: frame.rows()}) as alone:
        columns = smooth_columns((smooth.term,), frame)
        parts = [b.contribution(fit.spec.priors, 1.0, columns[b.name]) for b in blocks]
        f: Any = sum(parts[1:], start=parts[0])
    run = Replay(alone, [f], [str(name) for name in posterior.data_vars])
    width = max(block.size for block in smooth.blocks)
    size = max(1, CHUNK_BYTES // (8 * max(frame.n, 1) * width))
    draws = {name: flat(posterior[name]) for name in run.names}
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    return np.concatenate([part for (part,) in run.chunks(draws, count, size)])


def chosen_smooths(fit: Fitted, asked: str | Sequence[str] | None) -> list[Smooth]:
    """The smooths of these labels; a term's label selects all its levels of ``by``."""
    every = [smooth for term in fit.spec.smooths for smooth in term.smooths]
    if not every:
        raise ArgumentError("The model has no smooth terms.", fix="add one: s(x)")
    if asked is None:
        return every
    known: dict[str, list[Smooth]] = {}
    for smooth in every:
        for label in dict.fromkeys((smooth.label, smooth.term.spec.label)):
            known.setdefault(label, []).append(smooth)
    found: list[Smooth] = []
    for name in [asked] if isinstance(asked, str) else asked:
        label = name.replace(" ", "")
        if label not in known:
            raise ArgumentError(f"Unknown smooth {name!r}.", fix=suggestion(label, known))
        found += [smooth for smooth in known[label] if smooth not in found]
    return found


def numeric_covariates(smooth: Smooth) -> tuple[str, ...]:
    """Names of the covariates that are numbers."""
    term = smooth.term
    return tuple(
        v for v, labelled in zip(term.spec.variables, term.labels, strict=True) if not labelled
    )


def grid(fit: Fitted, smooth: Smooth, n: int | None = None) -> Table:
    """A table with every combination of the covariates' values; the last varies fastest."""
    term = smooth.term
    count = len(numeric_covariates(smooth))
    size = POINTS[min(count, len(POINTS) - 1)] if n is None else n
    if size < 1 or int(size) != size:
        raise ArgumentError(f"n must be a whole number of points, not {n!r}.")
    axes = [
        np.array(fit.frame.factor(variable).used().levels)
        if limits is None
        else np.linspace(*limits, int(size))
        for variable, limits in zip(term.spec.variables, term.limits, strict=True)
    ]
    columns = zip(*product(*axes), strict=True)
    table = {
        variable: np.array(values)
        for variable, values in zip(term.spec.variables, columns, strict=True)
    }
    return table | by_column(smooth, len(table[term.spec.variables[0]]))


def by_column(smooth: Smooth, n: int) -> Table:
    """The column of ``by`` for ``n`` rows: the smooth's own level, or one."""
    by = smooth.term.spec.by
    if by is None:
        return {}
    return {by: np.full(n, 1.0 if smooth.level is None else smooth.level)}


def _own_rows(smooth: Smooth, data: Any) -> Frame:
    """The rows of a table that are of the smooth's level."""
    from glimmer.data import Frame

    frame = data if isinstance(data, Frame) else Frame(data)
    if smooth.level is None:
        return frame
    return frame.take(smooth.by(frame) > 0)


def _overall(fit: Fitted) -> np.ndarray:
    """Draws of the intercept at the means of the common columns, less their mean."""
    from glimmer.interpreter.replay import flat
    from glimmer.results.checks.working_weights import check_linear

    check_linear(fit)
    if not fit.spec.predictors[MU].intercept:
        return np.zeros(1)
    level = flat(fit.posterior[fit.spec.names.centered[MU]])
    return level - level.mean()


def _has_focal(smooth: Smooth, covariate: str | None) -> bool:
    numeric = numeric_covariates(smooth)
    return len(numeric) == 1 if covariate is None else covariate in numeric


def _focal(smooth: Smooth, covariate: str | None) -> str:
    """The covariate to differentiate by."""
    numeric = numeric_covariates(smooth)
    if _has_focal(smooth, covariate):
        return numeric[0] if covariate is None else covariate
    said = "has no numeric covariate" if not numeric else f"has the covariates {numeric}"
    raise ArgumentError(
        f"{smooth.label} {said}, so covariate cannot be {covariate!r}.", fix="name one of them"
    )


def _differences(
    fit: Fitted, smooth: Smooth, rows: Frame | Table, focal: str, order: int, step: float
) -> np.ndarray:
    """Finite differences of the draws, shape (draws, n)."""
    shifts, weights = STENCILS[order]
    values = _columns(smooth, rows)
    around = {name: np.tile(column, len(shifts)) for name, column in values.items()}
    around[focal] = np.concatenate([values[focal] + shift * step for shift in shifts])
    draws = smooth_draws(fit, smooth, around)
    parts = draws.reshape(len(draws), len(shifts), -1)
    return np.einsum("j,djn->dn", weights, parts) / step**order


def _columns(smooth: Smooth, rows: Frame | Table) -> Table:
    """The smooth's columns as arrays."""
    if isinstance(rows, dict):
        return rows
    return {name: _plain(rows[name]) for name in smooth.term.spec.columns}


def _plain(column: Any) -> np.ndarray:
    from glimmer.data import Factor

    return np.array(column.levels)[column.codes] if isinstance(column, Factor) else column.values


def _table(smooth: Smooth, rows: Frame | Table, draws: np.ndarray, prob: float) -> pd.DataFrame:
    """Label, columns, median, sd and central interval at each row."""
    import pandas as pd

    check_probability(prob)
    tail = (1 - prob) / 2
    lower, estimate, upper = np.quantile(draws, [tail, 0.5, 1 - tail], axis=0)
    numbers = (estimate, draws.std(axis=0, ddof=1), lower, upper)
    columns = {"smooth": smooth.label, **_columns(smooth, rows)}
    return pd.DataFrame(columns | dict(zip(NUMBERS, numbers, strict=True)))


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One below the other, the numbers in the last columns."""
    import pandas as pd

    table = pd.concat(tables, ignore_index=True)
    return table[[*(c for c in table if c not in NUMBERS), *NUMBERS]]
