"""From a nonlinear formula and a table to a specification: everything that is learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DesignError, PriorError
from glimmer.families import Family
from glimmer.formula import Learned, Name
from glimmer.learn import findings
from glimmer.learn.checks import Finding, Judge
from glimmer.learn.curve_formula import Reading, read_curve_model
from glimmer.learn.curve_parameters import centred, learn_parameters, parameter_blocks
from glimmer.learn.curve_priors import PRESETS, CurveResolver
from glimmer.learn.curve_start import CurveStart, curve_start, free_function, start_values
from glimmer.learn.curve_symmetry import decided
from glimmer.learn.curve_transforms import curve_transforms
from glimmer.learn.information import informed
from glimmer.learn.model import centered_blocks, meaning_of_weights, read_response
from glimmer.learn.options import CurveOptions, Options
from glimmer.learn.reading import named
from glimmer.learn.rows import named_offset, used_rows
from glimmer.spec.curve import Nonlinear, NonlinearParameter
from glimmer.spec.design import Design, design_of, input_arrays
from glimmer.spec.model import LinearPredictor, ModelSpec
from glimmer.spec.priors import ModelPriors
from glimmer.spec.residuals import find_residual
from glimmer.terms import Coder, GroupBlock, GroupDesign, Outcome
from glimmer.terms.parameter_groups import learn_parameter_groups

type Scale = Literal["response", "link"]


def learn_curve_model(
    text: str, frame: Frame, family: Family, options: Options, curve: CurveOptions
) -> tuple[ModelSpec, Design, Frame]:
    """Learn a nonlinear mixed model.

    Returns
    -------
    ModelSpec, Design, Frame
        The specification, its arrays for the rows used, and those rows.
    """
    if curve.priors not in PRESETS:
        raise PriorError(f"There are no priors {curve.priors!r}.", fix=f"use one of {PRESETS}")
    judge = Judge(options.checks)
    reading = read_curve_model(text, frame, curve.params, curve.function, curve.kinds, judge)
    shift = named_offset(options, frame)
    names, values = (
        _with_outcome(reading, shift, right) for right in (reading.columns, reading.value_columns)
    )
    frame, weights, offset = used_rows(frame, names, values, text, options, judge)
    coder = Coder(frame, text, options.contrasts, options.functions)
    family, scale = _scaled(family, curve)
    response, outcome, family = read_response(reading.formula, frame, family, options, weights)
    assert outcome is not None  # noqa: S101
    start = _start(reading, coder, family, scale, outcome)
    transforms = curve_transforms(reading, start, curve, family, link=scale == "link")
    parameters = learn_parameters(reading, start, transforms, frame, options, judge)
    spec = ModelSpec(
        formula=text,
        family=family,
        response=response,
        predictor=_shift(shift, coder),
        groups=learn_parameter_groups(parameter_blocks(reading, options, frame)),
        priors=ModelPriors(None, (), {}, {}, ()),
        weights=meaning_of_weights(weights, response, family),
        weights_column=None if weights.values is None or weights.array else weights.name,
        array_offset=offset.array,
        likelihood=not options.prior_PD,
        nonlinear=_nonlinear(reading, start, parameters, curve, scale),
    )
    design = design_of(spec, frame, offset=offset.values, functions=options.functions)
    design = design.observed(outcome, weights.values if spec.weights != "trials" else None)
    judge(_doubtful_data(spec, design))
    spec, design = _informed(spec, design, options.centered, start)
    return _completed(spec, design, options, curve, start, judge), design, frame


def _nonlinear(
    reading: Reading,
    start: CurveStart,
    parameters: tuple[NonlinearParameter, ...],
    curve: CurveOptions,
    scale: Scale,
) -> Nonlinear:
    """What is nonlinear; of two equal sets of parameters one is meant, unless told otherwise."""
    nonlinear = Nonlinear(
        reading.curve.function,
        start.learned,
        parameters,
        scale=scale,
        residual=curve.residual,
        reference=start.units.y_sd,
        formulas=reading.own_formulas,
    )
    return decided(nonlinear, start, curve.ordering)


def _with_outcome(
    reading: Reading, shift: tuple[Name, ...], right: Iterator[tuple[str, Name]]
) -> tuple[Name, ...]:
    """Columns of the right-hand side, the outcome's and the offset's, each once."""
    names = (name for _, name in right)
    return tuple(dict.fromkeys((*named(reading.formula.response), *shift, *names)))


def _scaled(family: Family, curve: CurveOptions) -> tuple[Family, Scale]:
    """The family with its link, and whether the curve is the mean or the linear predictor."""
    residual = find_residual(curve.residual)
    if curve.residual != "constant" and family.unit != "y":
        raise DesignError(
            f"The {family.name} family has no residual sd in units of the outcome, so none that "
            f"is {curve.residual!r}.",
            fix='use residual="constant"',
        )
    if curve.link is not None:
        if residual.vanishes:
            raise DesignError(
                "A residual sd that follows the curve needs the curve to be the mean.",
                fix="leave link= out",
            )
        return family.with_link(curve.link), "link"
    if "identity" in family.links and family.unit != "log y":
        return family.with_link("identity"), "response"
    return family, "response"


def _start(
    reading: Reading, coder: Coder, family: Family, scale: Scale, outcome: Outcome
) -> CurveStart:
    """The estimates of the self-start, after the data have been judged."""
    function, known = reading.curve.function, reading.curve.known
    learned = _learned_inputs(reading, coder)
    arrays = input_arrays(function, learned, coder.frame, coder.functions)
    values = {
        p: known[n] for p, n in zip(function.names, reading.curve.names, strict=True) if n in known
    }
    free = free_function(function, values)
    columns = tuple(", ".join(part.text for part in parts) for parts in learned)
    free.check_inputs(*arrays, columns=columns)
    y = start_values(family, scale, outcome)
    return curve_start(free, arrays, y, values, reading.curve.names, function, learned)


def _learned_inputs(reading: Reading, coder: Coder) -> tuple[tuple[Learned, ...], ...]:
    from glimmer.terms.response import arithmetic

    return tuple(
        tuple(coder.learned(arithmetic(node)) for node in argument)
        for argument in reading.curve.inputs
    )


def _shift(nodes: tuple[Name, ...], coder: Coder) -> LinearPredictor:
    """What is added to the curve itself: an offset, if any."""
    offsets = tuple(coder.learned(node) for node in nodes)
    return LinearPredictor("", False, (), offsets, np.zeros(0))


def _completed(
    spec: ModelSpec,
    design: Design,
    options: Options,
    curve: CurveOptions,
    start: CurveStart,
    judge: Judge,
) -> ModelSpec:
    """The specification with its priors; judged on the way."""
    assert spec.nonlinear is not None and design.curve is not None  # noqa: S101
    resolver = CurveResolver(spec.family, design.y, start.units, curve.priors, design.n)
    priors = resolver.curve(
        spec.nonlinear.free,
        design.curve.X,
        [(block, design.groups[block.name].columns) for block in spec.groups],
        find_residual(curve.residual),
        prior=options.prior,
        prior_aux=options.prior_aux,
        prior_covariance=options.prior_covariance,
        smooths=spec.smooths,
        prior_smooth=options.prior_smooth,
    )
    _check_ordered(priors, spec.nonlinear)
    spec = replace(spec, priors=priors)  # type: ignore[type-var]
    judge(findings.check_flat(spec))
    judge(findings.check_few_levels(spec))
    start.check_possible(spec, design)
    return spec


def _informed(
    spec: ModelSpec, design: Design, centered: Any, start: CurveStart
) -> tuple[ModelSpec, Design]:
    """The model with means of columns and with coordinates for sampling its effects.

    In each block the effects that rows say most about come first: the others are normal given
    those. What rows say of the groups is of no use where chains may start far from the self-start.
    """
    assert spec.nonlinear is not None and design.curve is not None  # noqa: S101
    nonlinear = centred(spec.nonlinear, design.curve.X)
    found, shares = informed(spec, design, start)
    if centered is None and nonlinear.settled:
        nonlinear = replace(nonlinear, information=found)  # type: ignore[type-var]
    sorted_ = [_sorted(b, design.groups[b.name], shares) for b in spec.groups]
    groups = {block.name: group for block, group in sorted_}
    spec = replace(  # type: ignore[type-var]
        spec,
        nonlinear=nonlinear,
        groups=tuple(block for block, _ in sorted_),
        centered=centered_blocks(centered or False, spec.groups),
    )
    return spec, replace(design, groups=groups)


def _sorted(
    block: GroupBlock, group: GroupDesign, shares: Mapping[str, float]
) -> tuple[GroupBlock, GroupDesign]:
    """A block with its effects in the order of what rows say of them."""
    at = np.cumsum([0, *(term.width for term in block.effects)])
    said = [shares[block.effect_names[i]] for i in at[:-1]]
    order = sorted(range(len(said)), key=lambda k: -said[k])
    columns = np.concatenate([np.arange(at[k], at[k + 1]) for k in order])
    effects = tuple(block.effects[k] for k in order)
    targets = tuple(block.targets[k] for k in order)
    return (
        replace(block, effects=effects, targets=targets),  # type: ignore[type-var]
        replace(group, columns=group.columns[:, columns]),
    )


def _check_ordered(priors: ModelPriors, nonlinear: Nonlinear) -> None:
    """Raise `PriorError` where intercepts that are ordered have priors that are not normal."""
    for ordering in nonlinear.orderings:
        for name in ordering.parameters:
            prior = priors.parameters[name].intercept
            if prior is not None and prior.normal_parameters() is None:
                raise PriorError(
                    f"{name} is ordered ({ordering.symmetry}), so its prior must be normal.",
                    fix="use gl.normal(), or ordering=False",
                )


def _doubtful_data(spec: ModelSpec, design: Design) -> Iterator[Finding]:
    """What is doubtful before priors are scaled by the data."""
    assert design.curve is not None and design.y is not None and spec.response is not None  # noqa: S101
    findings.check_names(spec)
    for predictor in spec.predictors[1:]:
        X, names = design.curve.X[predictor.name], predictor.column_names
        yield from findings.check_columns(X, names, predictor.intercept)
        yield from findings.check_rank(X, names, predictor.intercept)
    for block in spec.groups:
        yield from findings.check_group(block, design.groups[block.name], spec.family)
    yield from findings.check_outcome_varies(design.y, spec.response.name, spec.family)
