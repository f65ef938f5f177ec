"""From a nonlinear formula and a table to a specification: everything that is learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DesignError, PriorError, suggestion
from glimmer.families import Family
from glimmer.formula import Learned, Name, Node, Terms
from glimmer.model import findings
from glimmer.model.arguments import per_row
from glimmer.model.checks import Finding, Judge
from glimmer.model.curve_information import informed
from glimmer.model.curve_priors import PRESETS, CurveResolver, Units
from glimmer.model.curve_reading import Reading, read_curve_model
from glimmer.model.curve_start import CurveStart, curve_start, free_function, start_values
from glimmer.model.design import Design, design_of, input_arrays
from glimmer.model.learn import (
    Options,
    centered_blocks,
    meaning_of_weights,
    read_response,
)
from glimmer.model.nonlinear_spec import Nonlinear, NonlinearParameter, Ordering
from glimmer.model.priors import ModelPriors
from glimmer.model.reading import named
from glimmer.model.residuals import find_residual
from glimmer.model.rows import select
from glimmer.model.spec import LinearPredictor, ModelSpec
from glimmer.model.transforms import Transform, attainable, default_transform, read_transform
from glimmer.nonlinear import Parameter
from glimmer.smooths import learn_smooths, spec_from_call
from glimmer.terms import Coder, GroupBlock, GroupDesign, Outcome, learn_common
from glimmer.terms.parameter_groups import ParameterBlock, learn_parameter_groups, of_parameter

NEAR = 0.2
"""How far from the self-start chains start, in units of the scale of a default prior."""
RSTANARM_LOGS = {"SSlogis": "scal", "SSfpl": "scal"}
"""The parameters that stan_nlmer samples as logs; all others as they are."""


@dataclass(frozen=True)
class CurveOptions:
    """What a builder was told of the curve, besides the formula; see `NlmerBuilder`."""

    params: Any = None
    function: Any = None
    kinds: Mapping[str, str] | None = None
    transforms: Mapping[str, Any] | None = None
    ordering: bool = True
    residual: str = "constant"
    link: Any = None
    priors: str = "default"


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
    weights = per_row("weights", options.weights, frame)
    by_name = isinstance(options.offset, str)
    offset = per_row("offset", None if by_name else options.offset, frame)
    if by_name:
        frame.numeric(options.offset)
    shift = (Name(options.offset),) if by_name else ()
    frame, (weights, offset) = select(
        frame,
        _used_columns(reading, shift),
        text,
        (weights, offset),
        subset=options.subset,
        missing=options.missing,
        judge=judge,
    )
    coder = Coder(frame, text, options.contrasts, options.functions)
    family, scale = _scaled(family, curve)
    response, outcome, family = read_response(reading.formula, frame, family, options, weights)
    assert outcome is not None  # noqa: S101
    start = _start(reading, coder, family, scale, outcome)
    nonlinear = _nonlinear(reading, start, coder, options, curve, judge, family, scale)
    spec = ModelSpec(
        formula=text,
        family=family,
        response=response,
        predictor=_shift(shift, coder),
        groups=learn_parameter_groups(_parameter_blocks(reading, options, frame)),
        priors=ModelPriors(None, (), {}, {}, ()),
        weights=meaning_of_weights(weights, response, family),
        weights_column=None if weights.values is None or weights.array else weights.name,
        array_offset=offset.array,
        likelihood=not options.prior_PD,
        nonlinear=nonlinear,
    )
    design = design_of(spec, frame, offset=offset.values, functions=options.functions)
    design = design.observed(outcome, weights.values if spec.weights != "trials" else None)
    judge(_doubtful_data(spec, design))
    spec, design = _informed(spec, design, options.centered, start)
    return _completed(spec, design, options, curve, start, judge), design, frame


def _used_columns(reading: Reading, shift: tuple[Name, ...]) -> tuple[Name, ...]:
    """Every column that the model uses, each once."""
    nodes: list[Node | None] = [reading.formula.response, *shift]
    nodes += [node for argument in reading.curve.inputs for node in argument]
    for _, terms in reading.terms.values():
        nodes += _nodes(terms)
    for block in reading.groups:
        for written in block:
            nodes += written.term.factor
            nodes += [v for e in written.effects for term in e.common for v in term.factors]
    return tuple(dict.fromkeys(named(*nodes)))


def _nodes(terms: Terms) -> list[Node]:
    by = [node for call in terms.smooths for key, node in call.kwargs if key == "by"]
    smooth = [node for call in terms.smooths for node in call.args]
    return [*(v for term in terms.common for v in term.factors), *terms.offsets, *smooth, *by]


def _scaled(family: Family, curve: CurveOptions) -> tuple[Family, Any]:
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


def _learned_inputs(reading: Reading, coder: Coder) -> tuple[tuple[Learned, ...], ...]:
    from glimmer.terms.response import arithmetic

    return tuple(
        tuple(coder.learned(arithmetic(node)) for node in argument)
        for argument in reading.curve.inputs
    )


def _start(
    reading: Reading, coder: Coder, family: Family, scale: Any, outcome: Outcome
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


def _nonlinear(
    reading: Reading,
    start: CurveStart,
    coder: Coder,
    options: Options,
    curve: CurveOptions,
    judge: Judge,
    family: Family,
    scale: Any,
) -> Nonlinear:
    names = reading.curve.names
    transforms = _transforms(reading, start, curve, family, scale)
    units = Units(start.y_sd, start.x_span)
    parameters = []
    for parameter, name in zip(reading.curve.function.parameters, names, strict=True):
        if name in reading.curve.known:
            value = reading.curve.known[name]
            parameters.append(NonlinearParameter(name, parameter.kind, Transform(), None, value))
            continue
        transform = transforms[name]
        at = float(transform.forward(start.estimates[name], start.estimates))
        own, terms = reading.terms[name]
        text_coder = Coder(coder.frame, own, options.contrasts, options.functions)
        predictor = _predictor(name, terms, text_coder, options, judge, at)
        unit = units.population(parameter.kind, transform, at)
        parameters.append(
            NonlinearParameter(
                name, parameter.kind, transform, predictor, None, unit, at, NEAR * unit
            )
        )
    nonlinear = Nonlinear(
        reading.curve.function,
        start.learned,
        tuple(parameters),
        scale=scale,
        residual=curve.residual,
        reference=start.y_sd,
        formulas={
            name: own
            for name, (own, _) in reading.terms.items()
            if own not in ("~ 1", reading.formula.text)
        },
    )
    orderings = _orderings(nonlinear, start)
    if curve.ordering:
        return replace(nonlinear, orderings=orderings)  # type: ignore[type-var]
    return _undecided(nonlinear, orderings)


def _undecided(nonlinear: Nonlinear, orderings: tuple[Ordering, ...]) -> Nonlinear:
    """Where two sets of parameters give the same curve, let chains start between them."""
    own = dict(zip(nonlinear.function.names, nonlinear.parameters, strict=True))
    names = {symmetry.name: symmetry for symmetry in nonlinear.function.symmetries}
    moved: dict[str, NonlinearParameter] = {}
    for ordering in orderings:
        symmetry = names[ordering.symmetry]
        mirrored = symmetry.mirror({n: p.origin for n, p in own.items()})
        for n in symmetry.image:
            middle, half = (own[n].origin + mirrored[n]) / 2, abs(own[n].origin - mirrored[n]) / 2
            parameter = replace(own[n], origin=middle, reach=half or own[n].reach)  # type: ignore[type-var]
            moved[parameter.name] = parameter
    parameters = tuple(moved.get(p.name, p) for p in nonlinear.parameters)
    return replace(nonlinear, parameters=parameters)  # type: ignore[type-var]


def _transforms(
    reading: Reading, start: CurveStart, curve: CurveOptions, family: Family, scale: Any
) -> dict[str, Transform]:
    """The transform of each free parameter: the user's, else that of its domain."""
    given, free = dict(curve.transforms or {}), dict(reading.terms)
    for name in given:
        if name not in free:
            raise DesignError(
                f"transforms= names {name!r}, which is no free parameter of the curve.",
                fix=suggestion(str(name), free),
            )
    out = {}
    for parameter, name in zip(reading.curve.function.parameters, reading.curve.names, strict=True):
        if name not in free:
            continue
        at = start.estimates[name]
        renamed = _in_family(replace(parameter, name=name), family, scale, at)
        if name in given:
            out[name] = read_transform(given[name], renamed, at)
        elif curve.priors == "rstanarm":
            log = RSTANARM_LOGS.get(reading.curve.function.name) == parameter.name
            out[name] = Transform("log") if log else Transform()
        else:
            out[name] = default_transform(renamed, at)
        value = out[name].forward(at, start.estimates)
        if not np.isfinite(value) or out[name].other not in ("", *free):
            raise DesignError(
                f"{out[name].label(name)} is not possible: the data put {name} at {at:.4g}.",
                column=name,
                fix=f'choose another: transforms={{"{name}": ...}}',
            )
    _check_above(out)
    return out


def _in_family(parameter: Parameter, family: Family, scale: Any, at: float) -> Parameter:
    """A level of the outcome lies where the family's means do."""
    lower = family.support.lower
    upper = 1.0 if family.binary or family.has_trials else family.support.upper
    level = parameter.kind == "y-level" and parameter.domain() == (-np.inf, np.inf)
    if not level or scale == "link" or not lower < at < upper:
        return parameter
    return replace(parameter, lower=lower, upper=upper)


def _check_above(transforms: Mapping[str, Transform]) -> None:
    for name, transform in transforms.items():
        seen = [name]
        while transform.other:
            if transform.other in seen:
                raise DesignError(f"{' above '.join([*seen, transform.other])} has no beginning.")
            seen.append(transform.other)
            transform = transforms[transform.other]


def _predictor(
    name: str, terms: Terms, coder: Coder, options: Options, judge: Judge, at: float
) -> LinearPredictor:
    for term in terms.common:
        levels = [len(coder.learned(node).levels or ()) or 1 for node in term.factors]
        judge(findings.check_width(int(np.prod(levels)), str(term), len(coder.frame)))
    specs = [spec_from_call(call, options.xt) for call in terms.smooths]
    smooths = learn_smooths(specs, coder.frame, options.knots, options.select, coder.formula)
    return LinearPredictor(
        name=name,
        intercept=terms.intercept,
        common=of_parameter(name, learn_common(terms.common, terms.intercept, coder)),
        offsets=tuple(coder.learned(node) for node in terms.offsets),
        means=np.zeros(0),
        start=at,
        smooths=tuple(replace(s, prefix=f"{name}_") for s in smooths),  # type: ignore[type-var]
    )


def _shift(nodes: tuple[Name, ...], coder: Coder) -> LinearPredictor:
    """What is added to the curve itself: an offset, if any."""
    offsets = tuple(coder.learned(node) for node in nodes)
    return LinearPredictor("", False, (), offsets, np.zeros(0))


def _orderings(nonlinear: Nonlinear, start: CurveStart) -> tuple[Ordering, ...]:
    """Linear forms to keep positive, one for each symmetry that nothing else removes.

    A symmetry is removed already when a parameter that it would change is known, or has a
    transform without the changed value.
    """
    own = dict(zip(nonlinear.function.names, nonlinear.parameters, strict=True))
    values = {p: start.estimates[q.name] for p, q in own.items()}
    out = []
    for symmetry in nonlinear.function.symmetries:
        changed = symmetry.mirror(values)
        free = all(
            own[n].predictor is not None and attainable(own[n].transform, float(changed[n]))
            for n in symmetry.image
        )
        weights = sorted(symmetry.positive.items(), key=lambda item: item[1])
        members = [own[n] for n, _ in weights]
        plain = all(
            p.predictor is not None and p.predictor.intercept and p.transform.identity
            for p in members
        )
        if free and plain and bool(symmetry.is_canonical(values)):
            names = tuple(p.name for p in members)
            out.append(Ordering(symmetry.name, names, np.array([w for _, w in weights], float)))
    return tuple(out)


def _parameter_blocks(reading: Reading, options: Options, frame: Frame) -> list[ParameterBlock]:
    blocks = []
    for block in reading.groups:
        coder = Coder(frame, block[0].formula, options.contrasts, options.functions)
        effects = tuple(effect for written in block for effect in written.effects)
        blocks.append(ParameterBlock(block[0].term, coder, effects))
    return blocks


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
    resolver = CurveResolver(
        spec.family, design.y, Units(start.y_sd, start.x_span), curve.priors, design.n
    )
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
    spec = replace(spec, priors=_ordered(priors, spec.nonlinear))  # type: ignore[type-var]
    judge(findings.check_flat(spec.priors))
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
    nonlinear = _centred(spec.nonlinear, design.curve.X)
    near = all(p.predictor is not None and p.origin == p.predictor.start for p in nonlinear.free)
    found, shares = informed(spec, design, start, Units(start.y_sd, start.x_span))
    if centered is None and near:
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


def _ordered(priors: ModelPriors, nonlinear: Nonlinear) -> ModelPriors:
    """Raise `PriorError` where intercepts that are ordered have priors that are not normal."""
    for ordering in nonlinear.orderings:
        for name in ordering.parameters:
            prior = priors.parameters[name].intercept
            if prior is not None and prior.normal_parameters() is None:
                raise PriorError(
                    f"{name} is ordered ({ordering.symmetry}), so its prior must be normal.",
                    fix="use gl.normal(), or ordering=False",
                )
    return priors


def _centred(nonlinear: Nonlinear, X: Mapping[str, np.ndarray]) -> Nonlinear:
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
