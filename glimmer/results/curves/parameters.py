"""Estimates a nonlinear fit's parameters by individual, their shrinkage, and derived quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import ArgumentError, MeanFunctionError, suggestion
from glimmer.formula import Node, parse, variables
from glimmer.results.posterior.draws import every_draw
from glimmer.results.posterior.estimates import table
from glimmer.terms.naming import sd_name

if TYPE_CHECKING:
    import pandas as pd

    from glimmer.assemble import Assembly
    from glimmer.fitted import Fitted
    from glimmer.terms import GroupBlock

ORAL = "SSfol(1, (lKa - lKe) / (exp(lKa) - exp(lKe)), lKe, lKa, lCl)"
BY_VOLUME = "(lKa - lCl + lV) / (exp(lKa) - exp(lCl - lV))"
READY: dict[str, dict[str, str]] = {
    "SSfol": {
        "half_life": "log(2) / exp(lKe)",
        "Tmax": "(lKa - lKe) / (exp(lKa) - exp(lKe))",
        "Cmax_per_dose": ORAL,
        "AUC_per_dose": "exp(-lCl)",
        "volume": "exp(lCl - lKe)",
    },
    "onecpt_bolus": {
        "half_life": "log(2) * exp(lV - lCl)",
        "Cmax_per_dose": "exp(-lV)",
        "AUC_per_dose": "exp(-lCl)",
    },
    "onecpt_oral": {
        "half_life": "log(2) * exp(lV - lCl)",
        "Tmax": BY_VOLUME,
        "Cmax_per_dose": f"onecpt_oral(1, {BY_VOLUME}, lCl, lV, lKa)",
        "AUC_per_dose": "exp(-lCl)",
    },
    "onecpt_oral_rates": {
        "half_life": "log(2) / exp(lKe)",
        "Tmax": "(lKa - lKe) / (exp(lKa) - exp(lKe))",
        "AUC_per_dose": "exp(-lKe - lV)",
    },
    "emax": {"ED50": "EC50"},
    "hill": {"ED50": "EC50"},
    "loglogistic3": {"ED50": "e"},
    "loglogistic4": {"ED50": "e"},
    "SSmicmen": {"half_saturation": "K"},
    "SSlogis": {"steepest": "Asym / (4 * scal)"},
}
"""Derived quantities of some mean functions, by name of the function."""


def parameters(fit: Fitted, by: str | None = None, prob: float = 0.9) -> pd.DataFrame:
    """The parameters of the curve for each individual, on their own scale.

    Parameters
    ----------
    fit : Fitted
        Of a nonlinear model.
    by : str, optional
        The grouping factor whose levels are the individuals; by default the first. Covariates are
        those of each level's first row.
    prob : float
        Probability of the central interval.

    Returns
    -------
    DataFrame
        Rows (parameter, level): Median, MAD_SD, interval, and for parameters that vary by the
        factor ``shrinkage``: 1 - sd(posterior means of effects) / sd between levels.

    Examples
    --------
    >>> list(model.parameters().loc["Asym"].index)
    ['1', '2', '3', '4', '5']
    """
    import pandas as pd

    block = _block(fit, by)
    values = individual_draws(fit, block.factor_name)
    levels = list(block.levels)
    tables = {name: table(draws, levels, prob) for name, draws in values.items()}
    out = pd.concat(tables, names=["parameter", block.factor_name])
    shrunk = _shrinkage(fit, block.factor_name)
    out["shrinkage"] = [shrunk.get(str(name), np.nan) for name, _ in out.index]
    return out


def individual_draws(fit: Fitted, by: str | None = None) -> dict[str, np.ndarray]:
    """Draws of the curve's parameters for each level of a factor, each of shape (levels, draws)."""
    from glimmer.assemble import assemble
    from glimmer.interpreter.replay import replay

    block = _block(fit, by)
    index = fit.design.groups[block.name].index
    rows = np.array([int(np.argmax(index == level)) for level in range(len(block.levels))])
    assembly = assemble(fit.spec, fit.design.take(rows), observe=False)
    posterior = every_draw(fit)
    values = replay(assembly.model, list(assembly.parameters.values()), posterior)
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    flat = [array.reshape(draws, -1) for array in values]
    return _by_row(assembly, flat, (len(rows), draws))


def row_draws(fit: Fitted, newdata: Any) -> dict[str, np.ndarray]:
    """Draws of the curve's parameters in each row where effects are zero, each (n, draws)."""
    from glimmer.assemble import assemble
    from glimmer.interpreter.replay import Replay
    from glimmer.results.predict.draws_in_use import Draws, narrowed
    from glimmer.results.predict.prediction import Prediction

    prediction = Prediction(fit, newdata, "mean", groups=None)
    spec, design, levels = narrowed(prediction.spec, prediction.design)
    assembly = assemble(spec, design, observe=False)
    draws = Draws(prediction.posterior, spec, levels, prediction.positions, prediction.effects)
    run = Replay(assembly.model, list(assembly.parameters.values()), draws.names)
    values = run(draws, draws.size)
    flat = [array.reshape(prediction.size, -1) for array in values]
    return _by_row(assembly, flat, (design.n, prediction.size))


def _by_row(
    assembly: Assembly, values: Sequence[np.ndarray], shape: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Parameters by name, rows first; those that are the same in every row repeated."""
    pairs = zip(assembly.parameters, values, strict=True)
    return {name: np.broadcast_to(array.T, shape) for name, array in pairs}


def population_draws(fit: Fitted) -> dict[str, np.ndarray]:
    """Draws of the population's values of parameters without covariates, each (1, draws)."""
    posterior, nonlinear = fit.posterior, _nonlinear(fit)
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    out = {
        p.name: np.full((1, total), p.value) for p in nonlinear.parameters if p.value is not None
    }
    return out | {
        p.name: posterior[p.name].values.reshape(1, -1)
        for p in nonlinear.free
        if fit.spec.predictors[p.name].bare
    }


def derived(
    fit: Fitted,
    expressions: Mapping[str, str] | Sequence[str] | str | None = None,
    by: str | None = None,
    *,
    newdata: Any = None,
    prob: float = 0.9,
    draws: bool = False,
) -> Any:
    """Quantities derived from the parameters, with their uncertainty.

    Parameters
    ----------
    fit : Fitted
        Of a nonlinear model.
    expressions : dict of str to str, or names of ready-made quantities, optional
        Arithmetic in the parameters: ``{"half_life": "log(2) / exp(lKe)"}``. Functions are those of
        a curve in a formula, mean functions among them. By default all ready-made quantities of the
        model's function (half-life, Tmax, ED50, ...).
    by : str, optional
        A grouping factor: the quantity of each of its levels, in place of the population's.
    newdata : table, optional
        The quantity in each row, for its covariates and effects of zero; columns as in `predict`.
    prob : float
        Probability of the central interval.
    draws : bool
        Return the draws, a dict of arrays of shape (levels, rows or 1; draws).

    Returns
    -------
    DataFrame or dict
        Rows are quantities, (quantity, level) or (quantity, row).

    Raises
    ------
    FormulaError, MeanFunctionError
        An expression is not arithmetic in the parameters.
    ArgumentError
        Both ``by`` and ``newdata`` are given, or the factor does not exist.

    Examples
    --------
    >>> age = model.derived({"nine_tenths": "xmid + scal * log(9)"}, by="Tree")
    >>> len(age)
    5
    """
    import pandas as pd

    if by is not None and newdata is not None:
        raise ArgumentError("Pass either by= or newdata=, not both.")
    asked = _expressions(fit, expressions)
    if newdata is not None:
        values = row_draws(fit, newdata)
    else:
        values = population_draws(fit) if by is None else individual_draws(fit, by)
    found = {name: _evaluated(fit, name, text, values) for name, text in asked.items()}
    if draws:
        return found
    if by is None and newdata is None:
        return table(np.concatenate(list(found.values())), list(found), prob)
    count = len(next(iter(found.values())))
    labels = list(range(count)) if by is None else list(_block(fit, by).levels)
    tables = {name: table(value, labels, prob) for name, value in found.items()}
    return pd.concat(tables, names=["quantity", by or "row"])


def _expressions(fit: Fitted, given: Any) -> dict[str, str]:
    if isinstance(given, Mapping):
        return dict(given)
    nonlinear = _nonlinear(fit)
    ready = READY.get(nonlinear.function.name, {})
    names = list(ready) if given is None else [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in ready:
            raise ArgumentError(
                f"{nonlinear.function.name} has no derived quantity {name!r}.",
                fix=f'give its expression: {{"{name}": "..."}}; ' + suggestion(name, ready),
            )
    if not names:
        raise ArgumentError(
            f"{nonlinear.function.name} has no derived quantities of its own.",
            fix='give expressions: {"half_life": "log(2) / k"}',
        )
    own = dict(zip(nonlinear.function.names, (p.name for p in nonlinear.parameters), strict=True))
    return {name: _renamed(ready[name], own) for name in names}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """An expression with the parameters' names in the formula in place of the function's."""
    for use in reversed(variables(parse(f"~ {text}").parts[0])):
        start, stop = use.span[0] - 2, use.span[1] - 2
        text = text[:start] + names.get(use.name, use.name) + text[stop:]
    return text


def _evaluated(fit: Fitted, name: str, text: str, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """An expression at draws of the parameters, shape (levels, draws)."""
    import pytensor.tensor as pt

    from glimmer.nonlinear.binding import interpreted
    from glimmer.nonlinear.inline import CONSTANTS, check_arithmetic, evaluate_expression

    formula = f"{name} ~ {text}" if name.isidentifier() else f"~ {text}"
    node: Node = parse(formula).parts[0]
    check_arithmetic(node, formula)
    used = dict.fromkeys(use.name for use in variables(node) if use.name not in CONSTANTS)
    for use in variables(node):
        if use.name not in values and use.name not in CONSTANTS:
            covariates = use.name in {p.name for p in _nonlinear(fit).parameters}
            raise MeanFunctionError(
                f"{use.name!r} has covariates, so its value depends on them."
                if covariates
                else f"{use.name!r} is not a parameter of the curve.",
                formula=formula,
                span=use.span,
                fix="pass newdata= with the covariates, or by= for each individual"
                if covariates
                else suggestion(use.name, values),
            )
    symbols = {use: pt.matrix(use, dtype="float64") for use in used}
    result = pt.as_tensor(evaluate_expression(node, symbols))
    evaluate = interpreted(list(symbols.values()), result)
    with np.errstate(all="ignore"):
        found = evaluate(*(np.ascontiguousarray(values[use]) for use in used))
    return np.broadcast_to(found, next(iter(values.values())).shape)


def _shrinkage(fit: Fitted, factor: str) -> dict[str, float]:
    """By parameter, how much less the estimated effects vary than effects do."""
    posterior = every_draw(fit)
    out: dict[str, float] = {}
    for block in fit.spec.groups:
        columns = zip(block.column_targets, block.ones, block.effect_names, strict=True)
        for target, ones, name in columns:
            if block.factor_name == factor and ones:
                means = posterior[name].mean(("chain", "draw")).values
                between = float(posterior[sd_name(name)].median())
                out[target] = 1 - float(means.std(ddof=1)) / between
    return out


def _block(fit: Fitted, by: str | None) -> GroupBlock:
    blocks = {block.factor_name: block for block in reversed(fit.spec.groups)}
    if not blocks:
        raise ArgumentError("The model has no grouping factor.")
    if by is not None and by not in blocks:
        raise ArgumentError(
            f"by must be a grouping factor, not {by!r}.", fix=suggestion(by, blocks)
        )
    return blocks[by] if by is not None else fit.spec.groups[0]


def _nonlinear(fit: Fitted) -> Any:
    """The curve of a model; raise `ArgumentError` if it has no parameters of a curve."""
    stage = fit.spec.stage
    if not stage.parameters:
        raise ArgumentError("This is not a nonlinear model.", fix="use NlmerBuilder")
    return stage
