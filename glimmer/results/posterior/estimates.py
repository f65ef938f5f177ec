"""Computes point estimates and intervals: fixef, ranef, coef, VarCorr, sigma, as R names them.

Every number is computed from the draws of the quantity itself (a standard deviation, a correlation,
the sum of a common and a group-specific effect), never from summaries of its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import DesignError, check_probability
from glimmer.results.posterior.draws import every_draw

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from glimmer.fitted import Fitted, Model
    from glimmer.spec import ModelSpec
    from glimmer.terms import GroupBlock

MAD = 1.4826


def mad_sd(draws: np.ndarray) -> np.ndarray:
    """Median absolute deviation, scaled to agree with the sd of a normal; over the last axis."""
    center = np.median(draws, axis=-1, keepdims=True)
    return MAD * np.median(np.abs(draws - center), axis=-1)


def table(draws: np.ndarray, index: Any, prob: float) -> pd.DataFrame:
    """Median, MAD_SD and a central interval of each row of ``draws``, shape (rows, draws)."""
    import pandas as pd

    check_probability(prob)
    tail = (1 - prob) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=-1)
    columns = {
        "Median": np.median(draws, axis=-1),
        "MAD_SD": mad_sd(draws),
        f"{100 * tail:g}%": lower,
        f"{100 * (1 - tail):g}%": upper,
    }
    return pd.DataFrame(columns, index=index)


def fixef(fit: Fitted, prob: float = 0.9) -> pd.DataFrame:
    """Common effects.

    Parameters
    ----------
    fit : Fitted
    prob : float
        Probability of the central interval.

    Returns
    -------
    DataFrame
        One row for each coefficient: Median, MAD_SD and the interval's ends.
    """
    draws = fixed_draws(fit)
    return table(_stacked(draws), list(draws), prob)


def fixed_draws(fit: Fitted, *, linear: bool = False) -> dict[str, np.ndarray]:
    """Draws of intercepts and coefficients, by column, each of shape (draws,).

    The parameters of a curve that have no coefficients are on their own scale, or, on request, on
    that of their linear predictors.
    """
    posterior, spec = fit.posterior, fit.spec
    out = {}
    for predictor in spec.predictors.values():
        if predictor.intercept:
            name = spec.names.intercepts[predictor.name]
            name = name if linear else spec.names.values.get(predictor.name, name)
            out[name] = _flat(posterior[name])
        for term in predictor.common:
            values = np.atleast_2d(_flat(posterior[term.name]))
            out.update(zip(term.column_names, values, strict=True))
        for block in predictor.term_blocks:
            for name, parameter in block.variables.items():
                values = np.atleast_2d(_flat(posterior[name]))
                labels = parameter.labels
                names = [f"{name}[{label}]" for label in labels] if labels else [name]
                out.update(zip(names, values, strict=True))
    return out


def ranef(fit: Fitted, prob: float = 0.9) -> dict[str, pd.DataFrame]:
    """Group-specific effects: deviations of each level from the common effects.

    Returns
    -------
    dict of str to DataFrame
        By grouping factor; rows are (effect, level), all terms of the factor together.
    """
    return {
        factor: _by_level(factor, effects, fit, prob) for factor, effects in _effects(fit).items()
    }


def coef(fit: Fitted, prob: float = 0.9) -> dict[str, pd.DataFrame]:
    """Coefficients of each level: common effect plus the level's own, summed draw by draw.

    Returns
    -------
    dict of str to DataFrame
        By grouping factor; rows are (coefficient, level). A coefficient that does not vary between
        levels is repeated.
    """
    import pandas as pd

    fixed = fixed_draws(fit, linear=True)
    out = {}
    for factor, effects in _effects(fit).items():
        targets = _coefficients(fit.spec, factor)
        named = {targets[name]: draws for name, draws in effects.items()}
        levels = _levels(fit, factor)
        parts = {}
        for name in dict.fromkeys([*fixed, *named]):
            own = named.get(name, np.zeros((len(levels), 1)))
            parts[name] = own + fixed.get(name, np.zeros(1))
        tables = {name: table(draws, list(levels), prob) for name, draws in parts.items()}
        out[factor] = pd.concat(tables, names=["coefficient", factor])
    return out


def _coefficients(spec: ModelSpec, factor: str) -> dict[str, str]:
    """The coefficient that each effect of a factor is added to, by the effect's column."""
    return {
        column: spec.coefficient_name(column, target)
        for block in spec.groups
        if block.factor_name == factor
        for column, target in zip(block.columns, block.column_targets, strict=True)
    }


def VarCorr(fit: Fitted, prob: float = 0.9) -> pd.DataFrame:
    """Standard deviations and correlations of group-specific effects, and the residual sd.

    Returns
    -------
    DataFrame
        Rows (group, quantity): ``sd(1)``, ``sd(Days)``, ``cor(1, Days)``, ...
    """
    import pandas as pd

    posterior, spec = fit.posterior, fit.spec
    rows: dict[tuple[str, str], np.ndarray] = {}
    for block in spec.groups:
        for name, sd in zip(block.columns, block.sd_names, strict=True):
            rows[block.factor_name, f"sd({name})"] = _flat(posterior[sd])
        for i, j in _pairs(block.size):
            corr = posterior[block.corr_name].values[:, :, i, j].ravel()
            rows[block.factor_name, f"cor({block.columns[j]}, {block.columns[i]})"] = corr
    if spec.family.group_scale is not None:
        rows["Residual", "sd"] = sigma_draws(fit)
    index = pd.MultiIndex.from_tuples(list(rows), names=["group", "quantity"])
    return table(_stacked(rows), index, prob)


def sigma(fit: Fitted, prob: float = 0.9) -> pd.DataFrame:
    """The residual standard deviation; raises `DesignError` for families without one."""
    if fit.spec.family.group_scale is None:
        raise DesignError(f"The {fit.spec.family.name} family has no residual sd.")
    return table(sigma_draws(fit)[None], ["sigma"], prob)


def sigma_draws(fit: Fitted) -> np.ndarray:
    """Draws of the residual standard deviation, shape (draws,)."""
    name = fit.spec.names.parameters[str(fit.spec.family.group_scale)]
    return _flat(fit.posterior[name])


def aux_draws(fit: Fitted) -> dict[str, np.ndarray]:
    """Draws of the auxiliary parameters, by name."""
    return {name: _flat(fit.posterior[name]) for name in fit.spec.names.aux}


def ngrps(model: Model) -> dict[str, int]:
    """Number of levels of each grouping factor."""
    return {block.factor_name: len(block.levels) for block in model.spec.groups}


def nobs(model: Model) -> int:
    """Number of rows used."""
    return model.design.n


def _effects(fit: Fitted) -> dict[str, dict[str, np.ndarray]]:
    """By factor, draws of its effects, each of shape (levels, draws)."""
    posterior = every_draw(fit)
    out: dict[str, dict[str, np.ndarray]] = {}
    for block in fit.spec.groups:
        own = out.setdefault(block.factor_name, {})
        for column, name in zip(block.columns, block.effect_names, strict=True):
            own[column] = _flat(posterior[name])
    return out


def _by_level(
    factor: str, effects: dict[str, np.ndarray], fit: Fitted, prob: float
) -> pd.DataFrame:
    import pandas as pd

    levels = list(_levels(fit, factor))
    tables = {name: table(draws, levels, prob) for name, draws in effects.items()}
    return pd.concat(tables, names=["effect", factor])


def _stacked(draws: Mapping[Any, np.ndarray]) -> np.ndarray:
    """Draws of several quantities, or of none, as rows of one array."""
    return np.stack(list(draws.values())) if draws else np.empty((0, 1))


def _levels(fit: Fitted, factor: str) -> tuple[str, ...]:
    return next(b.levels for b in fit.spec.groups if b.factor_name == factor)


def _pairs(p: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(p) for j in range(i)]


def corr_draws(fit: Fitted, block: GroupBlock) -> np.ndarray:
    """Draws of a block's correlation matrix, shape (draws, p, p)."""
    values = fit.posterior[block.corr_name].values
    return values.reshape(-1, *values.shape[2:])


def _flat(draws: xr.DataArray) -> np.ndarray:
    """Draws of all chains along the last axis."""
    values = draws.transpose(..., "chain", "draw").values
    return values.reshape(*values.shape[:-2], -1)
