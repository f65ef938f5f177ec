"""From a formula and a table to a specification: everything that is learned, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from glimmer.data import Frame
from glimmer.errors import DataError, DesignError, suggestion
from glimmer.families import Family
from glimmer.formula import Formula
from glimmer.learn import findings
from glimmer.learn.checks import Finding, Judge
from glimmer.learn.curve_formula import read_curve_model
from glimmer.learn.curve_start import check_possible
from glimmer.learn.defaults import Defaults, LinearDefaults, center_and_sd
from glimmer.learn.linear_formula import read_linear_model
from glimmer.learn.options import CurveOptions, Options
from glimmer.learn.per_row import PerRow
from glimmer.learn.population import Placement, Population, learn_population
from glimmer.learn.priors import Resolver, asked_of_curve, asked_of_linear
from glimmer.learn.reading import Reading
from glimmer.learn.rows import named_offset, used_rows
from glimmer.learn.stage import check_ordered, coders, finished, learn_stage, linked
from glimmer.learn.start import starting_intercept
from glimmer.spec.curve import Curve
from glimmer.spec.design import Design, design_of
from glimmer.spec.model import ModelSpec, Weights
from glimmer.spec.predictor import Predictor
from glimmer.spec.priors import ModelPriors
from glimmer.spec.residuals import find_residual
from glimmer.terms import (
    Coder,
    GroupBlock,
    Outcome,
    Response,
    check_outcome,
    learn_groups,
    learn_response,
)
from glimmer.terms.naming import MU


@dataclass(frozen=True, eq=False)
class Learned:
    """What is learned of a model before its priors.

    Attributes
    ----------
    predictors : dict of str to Population
    groups : tuple of GroupBlock
    curve : Curve or None
    placed : dict of str to Placement
        Where the predictors of a curve's parameters start.
    defaults : Defaults
        Default priors.
    estimates : dict of str to float
        Of a curve's self-start.
    """

    predictors: dict[str, Population]
    groups: tuple[GroupBlock, ...]
    curve: Curve | None
    placed: dict[str, Placement]
    defaults: Defaults
    estimates: dict[str, float]


def learn_model(
    text: str, frame: Frame, family: Family, options: Options, curve: CurveOptions | None = None
) -> tuple[ModelSpec, Design, Frame]:
    """Learn a multilevel model.

    Parameters
    ----------
    text : str
        The formula.
    frame : Frame
    family : Family
    options : Options
    curve : CurveOptions, optional
        Of a model whose formula has a curve.

    Returns
    -------
    ModelSpec, Design, Frame
        The specification, its arrays for the rows used, and those rows.
    """
    judge = Judge(options.checks)
    reading = _read(text, frame, options, curve, judge)
    frame, weights, offset = used_rows(
        frame, reading.columns, reading.value_columns, text, options, judge
    )
    if curve is not None:
        family = linked(family, curve)
    response, outcome, family = read_response(reading.formula, frame, family, options, weights)
    meaning = _meaning(weights, response, family)
    coder = coders(frame, options.contrasts, options.functions)
    learned = _learned(reading, coder, family, outcome, options, curve, judge)
    design = design_of(learned, frame, offset=offset.values, functions=options.functions)
    if outcome is not None:
        design = design.observed(outcome, weights.values if meaning != "trials" else None)
    _check_contrasts(options.contrasts or {}, learned)
    judge(_doubtful_data(learned, design, family, response))
    priors = _priors(learned, design, family, options, curve)
    spec = ModelSpec(
        formula=reading.formula.text,
        family=family,
        response=response,
        predictors=_predictors(learned, design, family, outcome, priors, options),
        groups=learned.groups,
        priors=priors,
        curve=learned.curve,
        weights=meaning,
        weights_column=None if weights.values is None or weights.array else weights.name,
        array_offset=offset.array,
        likelihood=not options.prior_PD,
        centered=centered_blocks(options.centered or False, learned.groups),
    )
    judge(_doubtful_model(spec, design))
    if spec.curve is not None:
        check_possible(spec, design, learned.estimates)
    return spec, design, frame


def _read(
    text: str, frame: Frame, options: Options, curve: CurveOptions | None, judge: Judge
) -> Reading:
    """Read the formula, and those of a curve's parameters."""
    offsets = named_offset(options, frame)
    if curve is None:
        needs_outcome = not options.prior_PD
        return read_linear_model(
            text, frame, judge, outcome=needs_outcome, offsets=offsets, random=options.random
        )
    return read_curve_model(text, frame, curve.params, curve.function, curve.kinds, judge, offsets)


def _learned(
    reading: Reading,
    coder: Callable[[str], Coder],
    family: Family,
    outcome: Outcome | None,
    options: Options,
    curve: CurveOptions | None,
    judge: Judge,
) -> Learned:
    """Learn the terms of every predictor, the groups, and the curve if there is one."""
    stage = None
    if curve is not None:
        stage = learn_stage(reading, coder(reading.formula.text), family, outcome, curve)
    _check_intercept(reading, family)
    predictors = {
        name: learn_population(name, terms, coder(own), options, judge)
        for name, (own, terms) in reading.terms.items()
    }
    groups = learn_groups(reading.groups, coder)
    y = None if outcome is None else outcome.y
    if stage is None:
        return Learned(predictors, groups, None, {}, LinearDefaults(family, y), {})
    own = coder(reading.formula.text)
    found, placed, groups = finished(stage, reading, predictors, groups, own, options.centered)
    defaults = stage.defaults(center_and_sd(family, y)[1])
    return Learned(predictors, groups, found, placed, defaults, stage.start.estimates)


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


def _check_intercept(reading: Reading, family: Family) -> None:
    """Some links need an intercept, for the mean to be possible anywhere."""
    _, terms = reading.terms.get(MU, (None, None))
    link = family.link_name
    if terms is not None and not terms.intercept and link in family.needs_intercept:
        raise DesignError(
            f"The {family.name} family with the {link} link needs an intercept.",
            formula=reading.formula.text,
            span=reading.formula.parts[0].span,
            fix="take out `0 +` or `- 1`, or choose another link",
        )


def _priors(
    learned: Learned,
    design: Design,
    family: Family,
    options: Options,
    curve: CurveOptions | None,
) -> ModelPriors:
    """The priors of everything, in the units of the data."""
    populations = tuple(learned.predictors.values())
    asked = (asked_of_linear if curve is None else asked_of_curve)(options, populations)
    resolver = Resolver(family, learned.defaults, options.QR)
    priors = resolver.resolve(
        populations,
        [(block, design.groups[block.name].columns) for block in learned.groups],
        asked,
        find_residual("constant" if curve is None else curve.residual),
        options,
    )
    if learned.curve is not None:
        check_ordered(priors, learned.curve)
    return priors


def _predictors(
    learned: Learned,
    design: Design,
    family: Family,
    outcome: Outcome | None,
    priors: ModelPriors,
    options: Options,
) -> dict[str, Predictor]:
    """The predictors, with where they start."""
    placed = learned.placed
    if MU in learned.predictors:
        prior = priors.predictors[MU].intercept
        placed = {MU: Placement(starting_intercept(family, outcome, design.offset, prior))}
    return {
        name: own.predictor(placed[name], options.QR) for name, own in learned.predictors.items()
    }


def _check_contrasts(given: Mapping[str, str], learned: Learned) -> None:
    terms = [term for own in learned.predictors.values() for term in own.common]
    terms += [term for block in learned.groups for term in block.effects]
    codings = [coding for term in terms for coding in term.codings]
    factors = [coding.learned.text for coding in codings if coding.contrast is not None]
    for name in given:
        if name not in factors:
            raise DesignError(
                f"contrasts= names {name!r}, which is no factor of the formula.",
                fix=suggestion(name, dict.fromkeys(factors)),
            )


def _meaning(weights: PerRow, response: Response | None, family: Family) -> Weights:
    """What the weights mean: exponents of the likelihood, precisions, or numbers of trials."""
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


def _doubtful_data(
    learned: Learned, design: Design, family: Family, response: Response | None
) -> Iterator[Finding]:
    """What is doubtful before priors are scaled by the data."""
    for own in learned.predictors.values():
        yield from findings.check_columns(own.X, own.column_names, own.intercept)
        yield from findings.check_rank(own.X, own.column_names, own.intercept)
    for block in learned.groups:
        yield from findings.check_group(block, design.groups[block.name], family)
    if design.y is None or response is None:
        return
    yield from findings.check_outcome_varies(design.y, response.name, family)
    main = learned.predictors.get(MU)
    if family.binary and main is not None and main.common:
        yield from findings.check_separation(main.X, main.column_names, design.y, main.intercept)


def _doubtful_model(spec: ModelSpec, design: Design) -> Iterator[Finding]:
    """What is doubtful about the priors, given the data."""
    findings.check_names(spec)
    yield from findings.check_flat(spec)
    yield from findings.check_many(spec, design.n)
    yield from findings.check_few_levels(spec)
