"""From a formula and a table to a specification: everything that is learned, in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import (
    DataError,
    DataWarning,
    DesignError,
    FormulaError,
    MissingValues,
    NotEnoughData,
    NotFinite,
    OutcomeError,
    WrongLength,
    warn,
)
from glimmer.families import Family
from glimmer.formula import Formula, Learned, Name, Node, Terms, column, expand, learn, parse, variables
from glimmer.model import checks
from glimmer.model.arguments import PerRow, per_row
from glimmer.model.design import Design, common_columns, design_of
from glimmer.model.priors import Resolver
from glimmer.model.spec import LinearPredictor, ModelSpec
from glimmer.terms import (
    Coder,
    Outcome,
    Response,
    check_outcome,
    learn_common,
    learn_groups,
    learn_response,
)


@dataclass(frozen=True)
class Options:
    """What a builder was told besides formula, data and family."""

    prior: Any = None
    prior_intercept: Any = None
    prior_aux: Any = None
    prior_covariance: Any = field(default_factory=lambda: _decov())
    weights: Any = None
    offset: Any = None
    subset: Any = None
    missing: str = "error"
    contrasts: Mapping[str, str] = field(default_factory=dict)
    QR: bool = False
    prior_PD: bool = False
    centered: bool | Mapping[str, bool] = False
    functions: Mapping[str, Any] | None = None
    checks: Mapping[str, str] | None = None


def _decov() -> Any:
    from glimmer.priors import decov

    return decov()


def learn_model(
    text: str, frame: Frame, family: Family, options: Options
) -> tuple[ModelSpec, Design, Frame]:
    """Learn a generalized linear mixed model.

    Returns
    -------
    ModelSpec, Design, Frame
        The specification, its arrays for the rows used, and those rows.
    """
    formula = parse(text)
    terms = _terms(formula, frame, options)
    weights = per_row("weights", options.weights, frame)
    named = isinstance(options.offset, str)
    if named:
        terms = replace(terms, offsets=(*terms.offsets, Name(options.offset)))
    offset = per_row("offset", None if named else options.offset, frame)
    frame, weights, offset = _rows(formula, terms, frame, options, weights, offset)
    coder = Coder(frame, formula.text, options.contrasts, options.functions)
    response, outcome, family = _response(formula, frame, family, options, weights)
    chosen = checks.actions(options.checks)
    predictor = _predictor(terms, coder, formula, family, outcome)
    groups = learn_groups(terms.groups, coder)
    X = common_columns(predictor, frame, options.functions)
    predictor = _centred(predictor, X, options.QR)
    resolver = Resolver(family, None if outcome is None else outcome.y, options.QR)
    spec = ModelSpec(
        formula=formula.text,
        family=family,
        response=response,
        predictor=predictor,
        groups=groups,
        priors=resolver.resolve(
            predictor.common,
            X,
            predictor.intercept,
            [(block, block.design(frame, options.functions).columns) for block in groups],
            prior=options.prior,
            prior_intercept=options.prior_intercept,
            prior_aux=options.prior_aux,
            prior_covariance=options.prior_covariance,
        ),
        weights=_meaning(weights, response, family),
        weights_column=options.weights if isinstance(options.weights, str) else None,
        array_offset=offset.array,
        likelihood=not options.prior_PD,
        centered=_centered(options.centered, groups),
    )
    design = design_of(spec, frame, offset=offset.values, functions=options.functions)
    if outcome is not None:
        design = design.observed(outcome, weights.values if spec.weights != "trials" else None)
    checks.report(_findings(spec, design), chosen)
    return spec, design, frame


def _terms(formula: Formula, frame: Frame, options: Options) -> Terms:
    if len(formula.parts) != 1:
        raise FormulaError(
            "This model takes a formula of two parts, outcome ~ terms.",
            formula=formula.text,
            span=formula.parts[-1].span,
            fix="use NlmerBuilder for three-part formulas",
        )
    if formula.response is None and not options.prior_PD:
        raise OutcomeError(
            "The formula has no outcome.", formula=formula.text, span=(0, 1), fix="write y ~ ..."
        )
    used = {name.name for name in variables(formula.response)} if formula.response else set()
    others = [name for name in frame.names if name not in used]
    terms = expand(formula.text, formula.parts[0], names=others)
    _check_outcome_unused(formula, terms, used)
    return terms


def _check_outcome_unused(formula: Formula, terms: Terms, used: set[str]) -> None:
    """The outcome must not explain itself."""
    for node in _nodes(terms):
        for name in variables(node):
            if name.name in used and str(formula.response) == name.name:
                raise OutcomeError(
                    f"The outcome {name.name!r} stands on both sides.",
                    formula=formula.text,
                    span=name.span,
                    fix="leave it out of the right-hand side",
                )


def _nodes(terms: Terms) -> list[Node]:
    nodes = [node for term in terms.common for node in term.factors]
    nodes += [*terms.offsets, *terms.smooths]
    for group in terms.groups:
        nodes += [*group.factor, *(n for term in group.effects.common for n in term.factors)]
    return nodes


def _rows(
    formula: Formula,
    terms: Terms,
    frame: Frame,
    options: Options,
    weights: PerRow,
    offset: PerRow,
) -> tuple[Frame, PerRow, PerRow]:
    """The rows to use: the subset, without missing values if those are to be dropped."""
    if len(frame) == 0:
        raise NotEnoughData("The table has no rows.")
    keep = _subset(options.subset, frame)
    frame, weights, offset = frame.take(keep), weights.take(keep), offset.take(keep)
    if options.missing not in ("error", "drop"):
        raise DataError(f"missing={options.missing!r}", fix='use "error" or "drop"')
    names = [*(variables(formula.response) if formula.response else ())]
    for node in _nodes(terms):
        names += variables(node)
    missing = np.zeros(len(frame), dtype=bool)
    for name in dict.fromkeys(names):
        one = column(frame, name, formula.text)
        _judge(name.name, one.missing, getattr(one, "values", None), options.missing)
        missing |= one.missing
    for per in (weights, offset):
        if per.values is not None:
            _judge(per.name, np.isnan(per.values), per.values, options.missing)
            missing |= np.isnan(per.values)
    if missing.any():
        warn(f"{missing.sum()} of {len(frame)} rows have missing values: dropped.", DataWarning)
        frame, weights, offset = frame.take(~missing), weights.take(~missing), offset.take(~missing)
    if len(frame) < 2:
        raise NotEnoughData(
            f"There are {len(frame)} rows to fit.", fix="a model needs at least two"
        )
    return frame, weights, offset


def _judge(name: str, missing: np.ndarray, values: np.ndarray | None, action: str) -> None:
    """Missing values and infinities of one column."""
    if missing.any() and (action == "error" or missing.all()):
        rows = ", ".join(map(str, np.flatnonzero(missing)[:5]))
        everywhere = missing.all()
        raise MissingValues(
            f"Column {name!r} has {'only ' if everywhere else ''}{missing.sum()} missing values"
            + ("." if everywhere else f" (rows {rows}{', ...' if missing.sum() > 5 else ''})."),
            column=name,
            fix="leave the column out" if everywhere else 'fill them in, or pass missing="drop"',
        )
    if values is not None and np.isinf(values).any():
        raise NotFinite(
            f"Column {name!r} is infinite in row {int(np.flatnonzero(np.isinf(values))[0])}.",
            column=name,
            fix="correct the rows, or leave them out with subset=",
        )


def _subset(subset: Any, frame: Frame) -> np.ndarray:
    """Which rows the user wants, as a mask."""
    if subset is None:
        return np.ones(len(frame), dtype=bool)
    mask = np.asarray(frame.numeric(subset).values if isinstance(subset, str) else subset)
    if mask.dtype == bool and mask.shape != (len(frame),):
        raise WrongLength(
            f"subset has shape {mask.shape} for {len(frame)} rows.", fix="one value for each row"
        )
    if mask.dtype == bool:
        return mask
    if isinstance(subset, str) and np.isin(mask, (0, 1)).all():
        return mask.astype(bool)
    if mask.dtype.kind not in "iu" or mask.ndim != 1 or np.any((mask < 0) | (mask >= len(frame))):
        raise DataError(
            "subset is neither a mask nor positions of rows.",
            fix="pass a boolean array, the name of a boolean column, or row positions",
        )
    out = np.zeros(len(frame), dtype=bool)
    out[mask] = True
    return out


def _response(
    formula: Formula, frame: Frame, family: Family, options: Options, weights: PerRow
) -> tuple[Response | None, Outcome | None, Family]:
    if formula.response is None:
        return None, None, family
    response, family = learn_response(
        formula.response, frame, family, formula.text, weights.values, options.functions
    )
    outcome = response.outcome(frame, weights.values, options.functions)
    check_outcome(outcome, response, family)
    return response, outcome, family


def _predictor(
    terms: Terms, coder: Coder, formula: Formula, family: Family, outcome: Outcome | None
) -> LinearPredictor:
    link = family.link_name
    if not terms.intercept and link in family.needs_intercept:
        raise DesignError(
            f"The {family.name} family with the {link} link needs an intercept.",
            formula=formula.text,
            span=formula.parts[0].span,
            fix="take out `0 +` or `- 1`, or choose another link",
        )
    for term in terms.common:
        widths = [len(coder.learned(node).levels or ()) for node in term.factors]
        checks.report(
            checks.check_width(max(widths), str(term), len(coder.frame)), checks.actions(None)
        )
    return LinearPredictor(
        name="",
        intercept=terms.intercept,
        common=learn_common(terms.common, terms.intercept, coder),
        offsets=tuple(_offset(node, coder) for node in terms.offsets),
        means=np.zeros(0),
        start=_start(family, outcome) if terms.intercept else 0.0,
    )


def _offset(node: Node, coder: Coder) -> Learned:
    return learn(node, coder.frame, formula=coder.formula, functions=coder.functions)


def _start(family: Family, outcome: Outcome | None) -> float:
    """The linear predictor at the mean outcome, pulled inside the family's support."""
    if outcome is None:
        return 0.0
    from pytensor.compile.mode import Mode
    from pytensor.tensor import as_tensor

    y = np.log(outcome.y) if family.unit == "log y" else outcome.y
    mean = float(y.mean())
    if outcome.trials is not None or family.binary:
        total = len(y) if outcome.trials is None else float(outcome.trials.sum())
        mean = float((y.sum() + 0.5) / (total + 1))
    elif family.support.lower == 0:
        mean = max(mean, 0.5 / len(y))
    eta = family.link_function.forward(as_tensor(mean)).eval(mode=Mode("py", optimizer=None))
    return float(eta)


def _centred(predictor: LinearPredictor, X: np.ndarray, QR: bool) -> LinearPredictor:
    """The predictor with its columns' means and, on request, the rotation of a QR decomposition."""
    k = X.shape[1]
    means = X.mean(axis=0) if predictor.intercept else np.zeros(k)
    rotation = None
    if QR:
        if k < 2:
            raise DesignError("QR=True needs at least two common columns.", fix="use QR=False")
        R = np.linalg.qr(X - means, mode="r")
        rotation = np.linalg.inv(R) * np.sqrt(len(X) - 1)
        rotation *= np.sign(np.diag(R))
    return replace(predictor, means=means, rotation=rotation)  # type: ignore[type-var]


def _meaning(weights: PerRow, response: Response | None, family: Family) -> Any:
    if weights.values is None:
        return "none"
    if response is not None and response.form == "proportion":
        return "trials"
    if weights.precision and family.group_scale is None:
        raise DataError(
            f"Precision weights have no meaning in the {family.name} family.",
            fix="pass plain weights, which are exponents of the likelihood",
        )
    return "precision" if weights.precision else "likelihood"


def _centered(given: bool | Mapping[str, bool], groups: tuple[Any, ...]) -> dict[str, bool]:
    if isinstance(given, Mapping):
        return {b.name: bool(given.get(b.name, given.get(b.factor_name, False))) for b in groups}
    return {block.name: bool(given) for block in groups}


def _findings(spec: ModelSpec, design: Design) -> Any:
    """Everything doubtful about the model."""
    names = spec.predictor.column_names
    yield from checks.check_columns(design.X, names, spec.predictor.intercept)
    for block in spec.groups:
        yield from checks.check_group(block, design.groups[block.name], spec.family, design.n)
    if design.y is None or spec.response is None:
        return
    yield from checks.check_outcome_varies(design.y, spec.response.name, spec.family)
    if spec.family.binary and names:
        yield from checks.check_separation(design.X, names, design.y, spec.predictor.intercept)
