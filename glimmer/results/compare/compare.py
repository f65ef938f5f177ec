"""Compares models by their expected log predictive densities, and weights them for averaging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import ArgumentError, DataError, alternatives, suggestion
from glimmer.fitted import Fitted, Model, fit_of

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("stacking", "BB-pseudo-BMA", "pseudo-BMA")


def loo_compare(
    *models: Any,
    criterion: str = "loo",
    method: str = "stacking",
    **named: Any,
) -> pd.DataFrame:
    """Compare models of the same outcomes.

    Parameters
    ----------
    *models, **named : builder, Fitted or ELPDData
        Fitted models, or what `loo`, `kfold`, `waic` returned for them. Names come from keywords,
        else from formulas.
    criterion : {"loo", "waic", "kfold"}
        What to compute for fitted models.
    method : {"stacking", "BB-pseudo-BMA", "pseudo-BMA"}
        How the column of weights is made.

    Returns
    -------
    DataFrame
        ArviZ's table, the best model first: ``elpd_diff`` to the best with its standard error
        ``dse``, ``elpd``, ``se``, ``p``, ``weight``.

    Raises
    ------
    DataError
        The models have different outcomes.
    ArgumentError
        There are fewer than two models.

    Examples
    --------
    >>> table = gl.loo_compare(slopes=model, intercepts=simpler)
    >>> sorted(table.index)
    ['intercepts', 'slopes']
    """
    import arviz as az

    if method not in METHODS:
        raise ArgumentError(
            f"method must be {alternatives(METHODS)}, not {method!r}.",
            fix=suggestion(method, METHODS),
        )
    given = _named(models, named)
    _check_same_outcome(given)
    judged = {name: _judged(one, criterion) for name, one in given.items()}
    _check_same_size(judged)
    return az.compare(judged, method=method, round_to="none")


def loo_model_weights(
    *models: Any, criterion: str = "loo", method: str = "stacking", **named: Any
) -> pd.Series:
    """Weights for averaging the predictions of models; arguments as in `loo_compare`.

    Yao, Vehtari, Simpson & Gelman (2018), Bayesian Analysis 13:917-1007.

    Returns
    -------
    Series
        In the order of the models; they sum to 1.
    """
    table = loo_compare(*models, criterion=criterion, method=method, **named)
    return table["weight"].reindex(list(_named(models, named)))


def _named(models: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for i, one in enumerate(models):
        name = one.spec.formula if hasattr(one, "spec") else f"model {i + 1}"
        out[f"{name} ({i + 1})" if name in out else name] = one
    for name, one in named.items():
        out[f"{name} ({len(out) + 1})" if name in out else name] = one
    if len(out) < 2:
        raise ArgumentError("At least two models are needed.", fix="give two models or more")
    return out


def _judged(one: Any, criterion: str) -> Any:
    """A criterion of a model, unless it has been computed already."""
    import arviz as az

    from glimmer.results.compare.kfold import kfold
    from glimmer.results.compare.loo import loo, waic

    if isinstance(one, az.ELPDData):
        return one
    fit = fit_of(one)
    if not isinstance(fit, Fitted):
        raise ArgumentError(
            f"{type(one).__name__} objects cannot be compared.",
            fix="give fitted models, or what loo() returned: loo_compare(a=first, b=second)",
        )
    criteria = {"loo": loo, "waic": waic, "kfold": kfold}
    if criterion not in criteria:
        raise ArgumentError(
            f"criterion must be {alternatives(criteria)}, not {criterion!r}.",
            fix=suggestion(criterion, criteria),
        )
    return criteria[criterion](fit)  # type: ignore[operator]


def _check_same_outcome(given: dict[str, Any]) -> None:
    """Densities compare only if they are of the same numbers in the same rows."""
    models: dict[str, Model] = {name: one for name, one in given.items() if hasattr(one, "design")}
    if len(models) < 2:
        return
    (first, one), *others = models.items()
    for name, other in others:
        if not np.array_equal(one.design.rows, other.design.rows):
            raise DataError(f"{first!r} and {name!r} were fitted to different rows.")
        if not np.array_equal(one.design.y, other.design.y):  # type: ignore[arg-type]
            raise DataError(
                f"{first!r} and {name!r} have different outcomes.",
                fix="fit all models to the same outcome on the same scale",
            )
        if one.spec.family.support.whole != other.spec.family.support.whole:
            raise DataError(
                f"{first!r} has a discrete outcome and {name!r} a continuous one: "
                "probabilities and densities cannot be compared."
            )


def _check_same_size(judged: dict[str, Any]) -> None:
    sizes = {name: one.n_data_points for name, one in judged.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(f"The models were judged on different numbers of rows: {sizes}.")
