"""From a formula and a table to a specification: everything that is learned, in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DataError, DesignError, ModelError, suggestion
from glimmer.families import Family
from glimmer.formula import Call, Formula, Learned, Node, Terms, learn, parse
from glimmer.learn import findings
from glimmer.learn.checks import Finding, Judge
from glimmer.learn.options import Options
from glimmer.learn.per_row import PerRow
from glimmer.learn.priors import Resolver
from glimmer.learn.reading import covariates, named, read_terms, used_columns, value_columns
from glimmer.learn.rows import named_offset, used_rows
from glimmer.learn.smooth_priors import RstanarmSmoothPrior
from glimmer.learn.start import starting_intercept
from glimmer.smooths import SmoothSpec, SmoothTerm, learn_smooths, rstanarm_blocks, spec_from_call
from glimmer.spec.design import Design, design_of
from glimmer.spec.model import LinearPredictor, ModelSpec
from glimmer.spec.priors import ModelPriors
from glimmer.terms import (
    Coder,
    GroupBlock,
    Outcome,
    Response,
    check_outcome,
    learn_common,
    learn_groups,
    learn_response,
)


def learn_model(
    text: str, frame: Frame, family: Family, options: Options
) -> tuple[ModelSpec, Design, Frame]:
    """Learn a generalized linear mixed model.

    Returns
    -------
    ModelSpec, Design, Frame
        The specification, its arrays for the rows used, and those rows.
    """
    judge = Judge(options.checks)
    formula = parse(text)
    terms = read_terms(formula, frame, judge, outcome=not options.prior_PD, random=options.random)
    terms = replace(terms, offsets=(*terms.offsets, *named_offset(options, frame)))
    names, values = used_columns(formula, terms), value_columns(formula, terms)
    frame, weights, offset = used_rows(frame, names, values, formula.text, options, judge)
    coder = Coder(frame, formula.text, options.contrasts, options.functions)
    response, outcome, family = read_response(formula, frame, family, options, weights)
    spec = ModelSpec(
        formula=formula.text,
        family=family,
        response=response,
        predictor=_predictor(terms, coder, formula, family, options, judge),
        groups=learn_groups(terms.groups, coder),
        priors=ModelPriors(None, (), {}, {}, ()),
        weights=meaning_of_weights(weights, response, family),
        weights_column=None if weights.values is None or weights.array else weights.name,
        array_offset=offset.array,
        likelihood=not options.prior_PD,
    )
    design = design_of(spec, frame, offset=offset.values, functions=options.functions)
    if outcome is not None:
        design = design.observed(outcome, weights.values if spec.weights != "trials" else None)
    return _completed(spec, design, options, outcome, judge), design, frame


def _completed(
    spec: ModelSpec, design: Design, options: Options, outcome: Outcome | None, judge: Judge
) -> ModelSpec:
    """The specification with all that depends on the design; judged on the way."""
    _check_contrasts(options.contrasts or {}, spec)
    judge(_doubtful_data(spec, design))
    spec = replace(
        spec,
        predictor=_centred_columns(spec.predictor, design.X, options.QR),
        centered=centered_blocks(options.centered or False, spec.groups),
    )
    spec = replace(spec, priors=_priors(spec, design, options))
    judge(_doubtful_model(spec, design))
    start = starting_intercept(spec.family, outcome, design.offset, spec.priors.intercept)
    return replace(spec, predictor=replace(spec.predictor, start=start))


def read_response(
    formula: Formula, frame: Frame, family: Family, options: Options, weights: PerRow
) -> tuple[Response | None, Outcome | None, Family]:
    """The outcome as the formula writes it and as it is, and the family in its form for it."""
    if formula.response is None:
        return None, None, family
    response, family = learn_response(
        formula.response, frame, family, formula.text, weights.values, options.functions
    )
    outcome = response.outcome(frame, weights.values, options.functions)
    check_outcome(outcome, response, family, frame.rows())
    return response, outcome, family


def _predictor(
    terms: Terms,
    coder: Coder,
    formula: Formula,
    family: Family,
    options: Options,
    judge: Judge,
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
        levels = [len(coder.learned(node).levels or ()) or 1 for node in term.factors]
        judge(findings.check_width(int(np.prod(levels)), str(term), len(coder.frame)))
    judge(findings.check_covariates([coder.frame[v.name] for v in named(*covariates(terms))]))
    return LinearPredictor(
        name="",
        intercept=terms.intercept,
        common=learn_common(terms.common, terms.intercept, coder),
        offsets=tuple(_offset(node, coder) for node in terms.offsets),
        means=np.zeros(0),
        smooths=judge.hearing("smooths", lambda: smooth_terms(terms, coder, options)),
    )


def smooth_terms(terms: Terms, coder: Coder, options: Options) -> tuple[SmoothTerm, ...]:
    """Learn the smooths of a formula, in the form that their prior asks for."""
    specs = [_smooth_spec(call, coder.formula, options.xt) for call in terms.smooths]
    learned = learn_smooths(specs, coder.frame, options.knots, options.select, coder.formula)
    if isinstance(options.prior_smooth, RstanarmSmoothPrior):
        return tuple(replace(t, blocks=rstanarm_blocks(t, coder.frame)) for t in learned)  # type: ignore[type-var]
    return learned


def _smooth_spec(call: Call, formula: str, xt: Mapping[str, Any] | None) -> SmoothSpec:
    try:
        return spec_from_call(call, xt)
    except ModelError as error:
        error.formula = formula
        raise


def _offset(node: Node, coder: Coder) -> Learned:
    return learn(node, coder.frame, formula=coder.formula, functions=coder.functions)


def _check_contrasts(given: Mapping[str, str], spec: ModelSpec) -> None:
    terms = [*spec.predictor.common, *(term for block in spec.groups for term in block.effects)]
    codings = [coding for term in terms for coding in term.codings]
    factors = [coding.learned.text for coding in codings if coding.contrast is not None]
    for name in given:
        if name not in factors:
            raise DesignError(
                f"contrasts= names {name!r}, which is no factor of the formula.",
                fix=suggestion(name, dict.fromkeys(factors)),
            )


def _centred_columns(predictor: LinearPredictor, X: np.ndarray, QR: bool) -> LinearPredictor:
    """The predictor with its columns' means and, on request, the rotation of a QR decomposition."""
    k = X.shape[1]
    means = X.mean(axis=0) if predictor.intercept else np.zeros(k)
    rotation = None
    if QR:
        if k < 2:
            raise DesignError("QR=True needs at least two common columns.", fix="use QR=False")
        if k + predictor.intercept > len(X):
            raise DesignError(
                f"QR=True needs at least as many rows as coefficients; there are {len(X)} rows "
                f"for {k + predictor.intercept}.",
                fix="use QR=False",
            )
        R = np.linalg.qr(X - means, mode="r")
        rotation = np.linalg.inv(R) * np.sqrt(len(X) - 1)
        rotation *= np.sign(np.diag(R))
    return replace(predictor, means=means, rotation=rotation)  # type: ignore[type-var]


def _priors(spec: ModelSpec, design: Design, options: Options) -> ModelPriors:
    resolver = Resolver(spec.family, design.y, options.QR)
    return resolver.resolve(
        spec.predictor.common,
        design.X,
        spec.predictor.intercept,
        [(block, design.groups[block.name].columns) for block in spec.groups],
        prior=options.prior,
        prior_intercept=options.prior_intercept,
        prior_aux=options.prior_aux,
        prior_covariance=options.prior_covariance,
        smooths=spec.predictor.smooths,
        prior_smooth=options.prior_smooth,
    )


def meaning_of_weights(weights: PerRow, response: Response | None, family: Family) -> Any:
    """What the weights mean: exponents of the likelihood, precisions, or numbers of trials."""
    if weights.values is None:
        return "none"
    if response is not None and response.weights_are_trials:
        return "trials"
    if weights.precision and family.group_scale is None:
        raise DataError(
            f"Precision weights have no meaning in the {family.name} family.",
            fix="pass plain weights, which are exponents of the likelihood",
        )
    return "precision" if weights.precision else "likelihood"


def centered_blocks(
    given: bool | Mapping[str, bool], groups: tuple[GroupBlock, ...]
) -> dict[str, bool]:
    """Which blocks are sampled in centred coordinates, by name."""
    if not isinstance(given, Mapping):
        return {block.name: bool(given) for block in groups}
    known = {name for block in groups for name in (block.name, block.factor_name)}
    for name in given:
        if name not in known:
            raise DesignError(
                f"centered= names {name!r}, which is no grouping factor.",
                fix=suggestion(name, sorted(known)),
            )
    return {b.name: bool(given.get(b.name, given.get(b.factor_name, False))) for b in groups}


def _doubtful_data(spec: ModelSpec, design: Design) -> Iterator[Finding]:
    """What is doubtful before priors are scaled by the data."""
    findings.check_names(spec)
    predictor, family = spec.predictor, spec.family
    names = predictor.column_names
    yield from findings.check_columns(design.X, names, predictor.intercept)
    yield from findings.check_rank(design.X, names, predictor.intercept)
    for block in spec.groups:
        yield from findings.check_group(block, design.groups[block.name], family)
    if design.y is None or spec.response is None:
        return
    yield from findings.check_outcome_varies(design.y, spec.response.name, family)
    if family.response.binary and names:
        yield from findings.check_separation(design.X, names, design.y, predictor.intercept)


def _doubtful_model(spec: ModelSpec, design: Design) -> Iterator[Finding]:
    """What is doubtful about the priors, given the data."""
    yield from findings.check_flat(spec)
    yield from findings.check_many(spec, design.n)
    yield from findings.check_few_levels(spec)
