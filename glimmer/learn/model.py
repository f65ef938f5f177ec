"""Learns the specification of a model from a formula and a table, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from glimmer.data import Frame
from glimmer.errors import DataError, DesignError, suggestion
from glimmer.families import Family
from glimmer.formula import Formula
from glimmer.learn import findings
from glimmer.learn.checks import Finding, Judge
from glimmer.learn.curve_stage import CurveStage
from glimmer.learn.linear_stage import LinearKind, LinearStage
from glimmer.learn.options import Options
from glimmer.learn.per_row import PerRow
from glimmer.learn.population import Population, learn_population
from glimmer.learn.reading import Reading
from glimmer.learn.resolve_priors import Resolver
from glimmer.learn.rows import used_rows
from glimmer.spec.design import Design, design_of
from glimmer.spec.model import ModelSpec, Weights
from glimmer.spec.priors import ModelPriors
from glimmer.spec.residual_models import find_residual
from glimmer.spec.stage import Stage
from glimmer.terms import (
    Coder,
    GroupBlock,
    Outcome,
    Response,
    check_outcome,
    learn_groups,
    learn_response,
)
from glimmer.terms.coding import coders
from glimmer.terms.naming import MU


class Kind(Protocol):
    """How models of a kind are learned: linear ones, or curves."""

    @property
    def residual(self) -> str:
        """How the residual sd follows a curve."""
        ...

    def read(self, text: str, frame: Frame, options: Options, judge: Judge) -> Reading:
        """Read the formula."""
        ...

    def linked(self, family: Family) -> Family:
        """The family with the link in use."""
        ...

    def begin(
        self, reading: Reading, coder: Coder, family: Family, outcome: Outcome | None
    ) -> LinearStage | CurveStage:
        """What is learned before the predictors."""
        ...


@dataclass(frozen=True, eq=False)
class Learned:
    """What is learned of a model before its priors.

    Attributes
    ----------
    predictors : dict of str to Population
    groups : tuple of GroupBlock
    stage : Stage
    """

    predictors: dict[str, Population]
    groups: tuple[GroupBlock, ...]
    stage: Stage


def learn_model(
    text: str, frame: Frame, family: Family, options: Options, kind: Kind | None = None
) -> tuple[ModelSpec, Design, Frame]:
    """Learn a multilevel model.

    Parameters
    ----------
    text : str
        The formula.
    frame : Frame
    family : Family
    options : Options
    kind : Kind, optional
        Linear by default.

    Returns
    -------
    ModelSpec, Design, Frame
        The specification, its arrays for the rows used, and those rows.
    """
    kind, judge = kind or LinearKind(), Judge(options.checks)
    reading = kind.read(text, frame, options, judge)
    frame, weights, offset = used_rows(
        frame, reading.columns, reading.value_columns, text, options, judge
    )
    family = kind.linked(family)
    response, outcome, family = read_response(reading.formula, frame, family, options, weights)
    meaning = _meaning(weights, response, family)
    coder = coders(frame, options.contrasts, options.functions)
    begun = kind.begin(reading, coder(reading.formula.text), family, outcome)
    learned = _learned(reading, begun, coder, options, judge)
    design = design_of(learned, frame, offset=offset.values, functions=options.functions)
    if outcome is not None:
        design = design.observed(outcome, weights.values if meaning != "trials" else None)
    _check_contrasts(options.contrasts or {}, learned)
    judge(_doubtful_data(learned, design, family, response))
    priors = _priors(learned, begun, design, family, options, kind.residual)
    placed = begun.placed(design, priors)
    spec = ModelSpec(
        formula=reading.formula.text,
        family=family,
        response=response,
        predictors={
            name: own.predictor(placed[name], options.QR)
            for name, own in learned.predictors.items()
        },
        groups=learned.groups,
        priors=priors,
        stage=learned.stage,
        weights=meaning,
        weights_column=None if weights.values is None or weights.array else weights.name,
        array_offset=offset.array,
        likelihood=not options.prior_PD,
        centered=centered_blocks(options.centered or False, learned.groups),
    )
    judge(_doubtful_model(spec, design))
    begun.check(spec, design)
    return spec, design, frame


def _learned(
    reading: Reading,
    begun: LinearStage | CurveStage,
    coder: Callable[[str], Coder],
    options: Options,
    judge: Judge,
) -> Learned:
    """Learn the terms of every predictor, the groups, and what lies before the outcome."""
    predictors = {
        name: learn_population(name, terms, coder(own), options, judge)
        for name, (own, terms) in reading.terms.items()
    }
    groups = learn_groups(reading.groups, coder)
    main = coder(reading.formula.text)
    stage, groups = begun.finished(reading, predictors, groups, main, options)
    return Learned(predictors, groups, stage)


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


def _priors(
    learned: Learned,
    begun: LinearStage | CurveStage,
    design: Design,
    family: Family,
    options: Options,
    residual: str,
) -> ModelPriors:
    """The priors of everything, in the units of the data."""
    populations = tuple(learned.predictors.values())
    resolver = Resolver(family, begun.defaults(family), options.QR)
    return resolver.resolve(
        populations,
        [(block, design.groups[block.name].columns) for block in learned.groups],
        begun.asked(options, populations),
        find_residual(residual),
        options,
    )


def _check_contrasts(given: Mapping[str, str], learned: Learned) -> None:
    terms = [term for own in learned.predictors.values() for term in own.common]
    terms += [term for block in learned.groups for term in block.effects]
    codings = [coding for term in terms for coding in term.codings]
    factors = [coding.learned.text for coding in codings if coding.contrast is not None]
    for name in given:
        if name not in factors:
            raise DesignError(
                f"{name!r} in contrasts is not a factor of the formula.",
                fix=suggestion(name, dict.fromkeys(factors)),
            )


def _meaning(weights: PerRow, response: Response | None, family: Family) -> Weights:
    """How the weights are used: exponents of the likelihood, precisions, or numbers of trials."""
    if weights.values is None:
        return "none"
    if response is not None and response.weights_are_trials:
        return "trials"
    if weights.precision and family.group_scale is None:
        raise DataError(
            f"Precision weights cannot be used with the {family.name} family.",
            fix="pass weights as an array or a column name; they are exponents of the likelihood",
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
                f"{name!r} in centered is not a grouping factor.",
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
    if family.response.binary and main is not None and main.common:
        yield from findings.check_separation(main.X, main.column_names, design.y, main.intercept)


def _doubtful_model(spec: ModelSpec, design: Design) -> Iterator[Finding]:
    """What is doubtful about the priors, given the data."""
    findings.check_names(spec)
    yield from findings.check_flat(spec)
    yield from findings.check_many(spec, design.n)
    yield from findings.check_few_levels(spec)
