"""Checks smooths: how much freedom they use, whether it is enough, how much they overlap.

Effective degrees of freedom, mgcv's basis-dimension check (``k.check``) and ``concurvity``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimmer.errors import ArgumentError
from glimmer.spec.model import normal_blocks
from glimmer.terms.naming import MU

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from scipy.sparse import csc_array

    from glimmer.fitted import Fitted
    from glimmer.smooths import Smooth

MOST_ROWS = 5000
NEIGHBOURS = 3
RIDGE = 1e-10


def edf(fit: Fitted) -> pd.Series:
    """Effective degrees of freedom of each smooth.

    The trace of the smooth's part of F = P^-1 C'WC, where C holds the columns of all terms, W are
    the working weights of PIRLS and P = C'WC + S the precision of the coefficients; S has the
    precisions of penalized and group-specific coefficients. Sds are taken at their posterior
    geometric means, all else at posterior means. Unpenalized columns count one each.

    Returns
    -------
    Series
        By label of the smooth, without the intercept.

    References
    ----------
    Wood (2017), Generalized Additive Models, 2nd edition, section 6.1.2; rstanarm's ``stan_gamm4``
    and mgcv's ``gamm4`` count alike.

    Examples
    --------
    >>> bool(1 <= model.edf()["s(Days)"] <= 4)  # k = 5, less the centring
    True
    """
    import pandas as pd
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    from glimmer.results.checks.working_weights import centre, working
    from glimmer.results.smooths.estimates import chosen_smooths

    chosen_smooths(fit, None)
    weights = working(fit).weights
    parts = _parts(fit, centre(fit))
    C = _stacked(parts)
    information = C.T @ diags_array(weights) @ C
    S = _block_diagonal([part.precision for part in parts])
    P = information + S + diags_array(RIDGE * (information.diagonal() + S.diagonal()))
    factor = splu(P.tocsc())
    out: dict[str, float] = {}
    at = 0
    for part in parts:
        width = part.columns.shape[1]
        if part.label is not None:
            solved = factor.solve(np.asarray(S[:, at : at + width].todense()))
            used = width - float(np.trace(solved[at : at + width]))
            out[part.label] = out.get(part.label, 0.0) + used
        at += width
    return pd.Series(out, name="edf").rename_axis("smooth")


def k_check(
    fit: Fitted,
    kind: Literal["quantile", "pearson", "response"] = "quantile",
    *,
    permutations: int = 400,
    random_seed: int = 1,
) -> pd.DataFrame:
    """Check whether each basis is large enough, as mgcv's ``k.check`` (part of ``gam.check``).

    If a smooth cannot follow the data, residuals of neighbouring rows are alike: half their mean
    squared difference, relative to the mean square of all residuals, is then below 1. An index
    below 1 with a small p-value and an edf near ``k`` suggests that ``k`` should be larger.

    Parameters
    ----------
    fit : Fitted
    kind : {"quantile", "pearson", "response"}
        Which residuals; see `residuals`.
    permutations : int
        Shuffles of the residuals that the p-value is computed from.
    random_seed : int

    Returns
    -------
    DataFrame
        By label: ``k`` (number of coefficients), ``edf``, ``k_index``, ``p_value``; the last two
        are missing where a covariate is a factor. Above 5000 rows, 5000 are taken at random.

    Notes
    -----
    mgcv takes deviance residuals, and estimates where this takes posterior means. Along one
    covariate, rows with the same value are neighbours in the order of the table, as in mgcv: sort
    the table otherwise and the index changes. In several, which of equally distant rows are taken
    may differ from mgcv. Distances are in the covariates' own units, so that they matter to
    ``s(x, z)``; for tensor products they are in units of the smooth's mean slopes.

    References
    ----------
    R: ``mgcv::k.check``.

    Examples
    --------
    >>> list(model.k_check().columns)
    ['k', 'edf', 'k_index', 'p_value']
    """
    import pandas as pd

    from glimmer.results.checks.residuals import residuals
    from glimmer.results.smooths.estimates import chosen_smooths

    smooths = chosen_smooths(fit, None)
    rng = np.random.default_rng(random_seed)
    n = fit.design.n
    rows = np.arange(n) if n <= MOST_ROWS else np.sort(rng.choice(n, MOST_ROWS, replace=False))
    r = residuals(fit, kind, random_seed=random_seed).values[rows]
    used = edf(fit)
    table = {
        smooth.label: (
            sum(block.size for block in smooth.blocks),
            used[smooth.label],
            *_index(fit, smooth, rows, r, permutations, rng),
        )
        for smooth in smooths
    }
    names = ["k", "edf", "k_index", "p_value"]
    frame = pd.DataFrame.from_dict(table, orient="index", columns=names)
    return frame.rename_axis("smooth")


def concurvity(fit: Fitted, full: bool = True) -> Any:
    """How far each term can be made from the others, as mgcv's ``concurvity``.

    With f = g + h, g the part of a smooth's function in the space of the other terms, three
    measures of |g|^2 / |f|^2, from 0 (none) to 1 (the terms cannot be estimated separately):
    ``worst``, over all functions of the smooth; ``observed``, for the posterior mean; ``estimate``,
    for the basis as a whole. Group-specific terms play no part.

    Parameters
    ----------
    fit : Fitted
    full : bool
        Each term against all others together; otherwise each (column) against each other (row).

    Returns
    -------
    DataFrame or dict of str to DataFrame
        Columns are the terms, ``"para"`` for the common ones together. With ``full``, rows are the
        measures; otherwise a table for each measure.

    References
    ----------
    R: ``mgcv::concurvity``.

    Examples
    --------
    >>> list(model.concurvity().index)
    ['worst', 'observed', 'estimate']
    """
    import pandas as pd

    spaces, fitted = _spaces(fit)
    labels, measures = list(spaces), ["worst", "observed", "estimate"]
    if full:
        columns = {
            label: _dependence(
                np.hstack([spaces[other] for other in labels if other != label]),
                spaces[label],
                fitted[label],
            )
            for label in labels
        }
        return pd.DataFrame(columns, index=measures)
    pairs = np.array(
        [[_dependence(spaces[a], spaces[b], fitted[b]) for b in labels] for a in labels]
    )
    return {
        measure: pd.DataFrame(pairs[..., i], index=labels, columns=labels)
        for i, measure in enumerate(measures)
    }


@dataclass(frozen=True)
class Part:
    """Columns of a term, and the prior precision of their coefficients.

    Attributes
    ----------
    label : str or None
        Of the smooth; None for other terms.
    columns : sparse array, shape (n, q)
    precision : sparse array, shape (q, q)
    """

    label: str | None
    columns: csc_array
    precision: csc_array


def _parts(fit: Fitted, point: xr.Dataset) -> list[Part]:
    """All terms of the linear predictor as columns with prior precisions."""
    from scipy.sparse import csc_array

    predictor, design = fit.spec.predictors[MU], fit.design
    centred = design.columns[MU] - predictor.means
    fixed = np.hstack([np.ones((design.n, int(predictor.intercept))), centred])
    parts = [Part(None, csc_array(fixed), csc_array((fixed.shape[1],) * 2))]
    arrays: dict[str, Any] = {**design.groups, **design.smooths, **design.terms}
    values = {str(name): array.values[0, 0] for name, array in point.data_vars.items()}
    for block in (*normal_blocks(fit.spec), *(b for b in fit.spec.smooth_blocks if not b.sds)):
        form = block.gaussian(arrays[block.name])
        rows = csc_array(form.z)
        if form.index is not None:
            rows = _one_hot(form.index, form.z, form.levels)
        parts.append(Part(block.label, rows, csc_array(block.precision(values))))
    return parts


def _one_hot(index: np.ndarray, rows: np.ndarray, levels: int) -> csc_array:
    """Columns of every level, of which each row fills those of its own, (n, levels * q)."""
    from scipy.sparse import csc_array

    n, q = rows.shape
    i = np.repeat(np.arange(n), q)
    j = (index[:, None] * q + np.arange(q)).ravel()
    return csc_array((rows.ravel(), (i, j)), shape=(n, levels * q))


def _stacked(parts: list[Part]) -> csc_array:
    from scipy.sparse import csc_array, hstack

    return csc_array(hstack([part.columns for part in parts]))


def _block_diagonal(blocks: list[csc_array]) -> csc_array:
    from scipy.sparse import block_diag, csc_array

    return csc_array(block_diag(blocks))


def _index(
    fit: Fitted,
    smooth: Smooth,
    rows: np.ndarray,
    r: np.ndarray,
    permutations: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The k-index and its p-value."""
    if any(smooth.term.labels):
        return np.nan, np.nan
    a, b = _neighbours(fit, smooth, rows)
    observed = np.mean((r[a] - r[b]) ** 2) / 2
    shuffled = (rng.permutation(r) for _ in range(permutations))
    p = np.mean([np.mean((s[a] - s[b]) ** 2) / 2 < observed for s in shuffled])
    return float(observed / np.mean(r**2)), float(p)


def _neighbours(fit: Fitted, smooth: Smooth, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of neighbouring rows: along one covariate, or the three nearest in several."""
    from scipy.spatial import KDTree

    frame = fit.frame.take(rows)
    x = np.column_stack([frame.numeric(v).values for v in smooth.term.spec.variables])
    if x.shape[1] == 1:
        order = np.argsort(x[:, 0], kind="stable")
        return order[:-1], order[1:]
    x = x * _steepness(fit, smooth, rows, x)
    nearest = KDTree(x).query(x, NEIGHBOURS + 1)[1]
    others = np.array([[j for j in near if j != i][:NEIGHBOURS] for i, near in enumerate(nearest)])
    return np.repeat(np.arange(len(x)), NEIGHBOURS), others.ravel()


def _steepness(fit: Fitted, smooth: Smooth, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What to measure distances in: a tensor product's mean slopes; ones where it is isotropic."""
    from glimmer.results.smooths.estimates import by_column, smooth_draws

    if smooth.term.spec.function == "s":
        return np.ones(x.shape[1])
    frame, variables = fit.frame.take(rows), smooth.term.spec.variables
    table = {v: frame.numeric(v).values for v in variables} | by_column(smooth, len(x))
    here = smooth_draws(fit, smooth, table).mean(axis=0)
    slopes = []
    for v in variables:
        step = np.ptp(table[v]) / 1000
        there = smooth_draws(fit, smooth, {**table, v: table[v] + step}).mean(axis=0)
        slopes.append(np.mean(np.abs(there - here)) / step)
    steepest = max(slopes)
    return np.array(slopes) / steepest if steepest > 0 else np.ones(len(slopes))


def _spaces(fit: Fitted) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Design of every term as mgcv has it, and its posterior mean at the training rows."""
    from glimmer.results.checks.working_weights import check_linear
    from glimmer.results.posterior.estimates import fixed_draws
    from glimmer.results.smooths.estimates import chosen_smooths, smooth_draws

    check_linear(fit)
    predictor, design = fit.spec.predictors[MU], fit.design
    smooths = chosen_smooths(fit, None)
    spaces: dict[str, np.ndarray] = {}
    fitted: dict[str, np.ndarray] = {}
    parametric = np.hstack([np.ones((design.n, int(predictor.intercept))), design.columns[MU]])
    if parametric.shape[1]:
        spaces["para"] = parametric
        fitted["para"] = parametric @ [draws.mean() for draws in fixed_draws(fit).values()]
    for smooth in smooths:
        spaces[smooth.label] = smooth.design(fit.frame)
        fitted[smooth.label] = smooth_draws(fit, smooth, fit.frame).mean(axis=0)
    if len(spaces) < 2:
        raise ArgumentError("Concurvity needs at least two terms.")
    return spaces, fitted


def _dependence(others: np.ndarray, X: np.ndarray, f: np.ndarray) -> tuple[float, float, float]:
    """Worst, observed and estimated share of a term that lies in the span of the others."""
    Q, own = _orthonormal(others), _orthonormal(X)
    worst = np.linalg.norm(Q.T @ own, 2) ** 2
    observed = np.sum((Q.T @ f) ** 2) / np.sum(f**2)
    estimate = np.sum((Q.T @ X) ** 2) / np.sum(X**2)
    return float(worst), float(observed), float(estimate)


def _orthonormal(X: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the span of the columns."""
    from scipy.linalg import orth

    return orth(X / np.linalg.norm(X, axis=0).clip(min=np.finfo(float).tiny))
