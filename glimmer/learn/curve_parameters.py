"""The parameters of a curve, each with a linear predictor of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from glimmer.data import Frame
from glimmer.formula import Terms
from glimmer.learn import findings
from glimmer.learn.checks import Judge
from glimmer.learn.curve_formula import Reading
from glimmer.learn.curve_start import CurveStart
from glimmer.learn.model import smooth_terms
from glimmer.learn.options import Options
from glimmer.learn.reading import covariates, named
from glimmer.spec.curve import Nonlinear, NonlinearParameter
from glimmer.spec.model import LinearPredictor
from glimmer.spec.transforms import Transform
from glimmer.terms import Coder, learn_common
from glimmer.terms.parameter_groups import ParameterBlock, of_parameter

NEAR = 0.2
"""How far from the self-start chains start, in units of the scale of a default prior."""


def learn_parameters(
    reading: Reading,
    start: CurveStart,
    transforms: Mapping[str, Transform],
    frame: Frame,
    options: Options,
    judge: Judge,
) -> tuple[NonlinearParameter, ...]:
    """Learn what the formula says of each parameter, in the order of the function's arguments."""
    parameters = []
    for parameter, name in zip(reading.curve.function.parameters, reading.curve.names, strict=True):
        kind, value = parameter.kind, reading.curve.known.get(name)
        if value is not None:
            parameters.append(NonlinearParameter(name, kind, Transform(), None, value))
            continue
        transform = transforms[name]
        at = float(transform.forward(start.estimates[name], start.estimates))
        formula, terms = reading.terms[name]
        coder = Coder(frame, formula, options.contrasts, options.functions)
        predictor = _predictor(name, terms, coder, options, judge, at)
        unit = start.units.population(kind, transform, at)
        parameters.append(
            NonlinearParameter(name, kind, transform, predictor, None, unit, at, NEAR * unit)
        )
    return tuple(parameters)


def _predictor(
    name: str, terms: Terms, coder: Coder, options: Options, judge: Judge, at: float
) -> LinearPredictor:
    for term in terms.common:
        levels = [len(coder.learned(node).levels or ()) or 1 for node in term.factors]
        judge(findings.check_width(int(np.prod(levels)), str(term), len(coder.frame)))
    judge(findings.check_covariates([coder.frame[v.name] for v in named(*covariates(terms))]))
    smooths = judge.hearing("smooths", lambda: smooth_terms(terms, coder, options))
    return LinearPredictor(
        name=name,
        intercept=terms.intercept,
        common=of_parameter(name, learn_common(terms.common, terms.intercept, coder)),
        offsets=tuple(coder.learned(node) for node in terms.offsets),
        means=np.zeros(0),
        start=at,
        smooths=tuple(replace(s, prefix=f"{name}_") for s in smooths),  # type: ignore[type-var]
    )


def parameter_blocks(reading: Reading, options: Options, frame: Frame) -> list[ParameterBlock]:
    """Group terms that are correlated with each other, each with the coder of its formula."""
    blocks = []
    for block in reading.groups:
        coder = Coder(frame, block[0].formula, options.contrasts, options.functions)
        effects = tuple(effect for written in block for effect in written.effects)
        blocks.append(ParameterBlock(block[0].term, coder, effects))
    return blocks


def centred(nonlinear: Nonlinear, X: Mapping[str, np.ndarray]) -> Nonlinear:
    """Predictors with the means of their columns."""
    parameters = []
    for parameter in nonlinear.parameters:
        predictor = parameter.predictor
        if predictor is not None:
            columns = X[parameter.name]
            means = columns.mean(axis=0) if predictor.intercept else np.zeros(columns.shape[1])
            predictor = replace(predictor, means=means)  # type: ignore[type-var]
        parameters.append(replace(parameter, predictor=predictor))  # type: ignore[type-var]
    return replace(nonlinear, parameters=tuple(parameters))  # type: ignore[type-var]
