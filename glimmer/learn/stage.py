"""Learn the stage between predictors and outcome: a curve, its start, transforms and orderings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from glimmer.data import Frame
from glimmer.errors import DesignError, PriorError
from glimmer.families import Family
from glimmer.formula import Learned
from glimmer.learn.curve_call import CurveCall
from glimmer.learn.curve_start import CurveStart, curve_start, free_function, start_values
from glimmer.learn.curve_transforms import curve_transforms
from glimmer.learn.defaults import PRESETS, CurveDefaults
from glimmer.learn.information import informed, sorted_by_information
from glimmer.learn.options import CurveOptions
from glimmer.learn.population import Placement, Population
from glimmer.learn.reading import Reading
from glimmer.learn.symmetry import between, orderings
from glimmer.spec.curve import Curve, CurveParameter, Information
from glimmer.spec.design import input_arrays
from glimmer.spec.residuals import find_residual
from glimmer.spec.transforms import Transform
from glimmer.terms import Coder, GroupBlock, Outcome
from glimmer.terms.response import arithmetic

NEAR = 0.2
"""How far from the self-start chains start, in units of the scale of a default prior."""

type Scale = Literal["response", "link"]


@dataclass(frozen=True, eq=False)
class Stage:
    """What is learned of a curve before its predictors are.

    Attributes
    ----------
    call : CurveCall
    start : CurveStart
    parameters : tuple of CurveParameter
    placed : dict of str to Placement
        Of the parameters that are not known, at the self-start.
    scale : {"response", "link"}
    options : CurveOptions
    """

    call: CurveCall
    start: CurveStart
    parameters: tuple[CurveParameter, ...]
    placed: dict[str, Placement]
    scale: Scale
    options: CurveOptions

    def defaults(self, outcome: float) -> CurveDefaults:
        """Default priors of the curve's parameters."""
        free = {p.name: p for p in self.parameters if p.value is None}
        return CurveDefaults(outcome, self.start.units, free, self.placed, self.options.priors)


def learn_stage(
    reading: Reading,
    coder: Coder,
    family: Family,
    outcome: Outcome | None,
    options: CurveOptions,
) -> Stage:
    """Find the self-start of a curve, and the transforms of its parameters."""
    call, scale = reading.curve, _scale(options)
    assert call is not None and outcome is not None  # noqa: S101
    start = _start(call, coder, family, scale, outcome)
    transforms = curve_transforms(call, start, options, family, link=scale == "link")
    parameters, placed = [], {}
    for parameter, name in zip(call.function.parameters, call.names, strict=True):
        kind, transform = parameter.kind, transforms.get(name, Transform())
        parameters.append(CurveParameter(name, kind, transform, call.known.get(name)))
        if name not in call.known:
            at = float(transform.forward(start.estimates[name], start.estimates))
            unit = start.units.population(kind, transform, at)
            placed[name] = Placement(at, NEAR * unit, unit, at)
    return Stage(call, start, tuple(parameters), placed, scale, options)


def finished(
    stage: Stage,
    reading: Reading,
    populations: Mapping[str, Population],
    groups: tuple[GroupBlock, ...],
    coder: Coder,
    centered: bool | Mapping[str, bool] | None,
) -> tuple[Curve, dict[str, Placement], tuple[GroupBlock, ...]]:
    """The curve, where its predictors start, and the groups' effects in their order.

    What rows tell of the groups is of no use where chains may start far from the self-start.
    """
    function, intercepts = stage.call.function, {n: own.intercept for n, own in populations.items()}
    ordered = orderings(function, stage.parameters, stage.start.estimates, intercepts)
    placed, kept = stage.placed, ordered
    if not stage.options.ordering:
        placed, kept = between(function, stage.parameters, ordered, placed), ()
    settled = all(own.start == own.estimate for own in placed.values())
    found, shares = informed(
        groups,
        coder.frame,
        coder.functions,
        stage.start,
        function,
        stage.parameters,
        placed,
        intercepts,
    )
    used: dict[str, Information] = found if centered is None and settled else {}
    curve = Curve(
        function,
        stage.start.learned,
        stage.parameters,
        offsets=tuple(coder.learned(node) for node in reading.offsets),
        orderings=kept,
        scale=stage.scale,
        residual=stage.options.residual,
        reference=stage.start.units.y_sd,
        settled=settled,
        information=used,
        formulas=reading.own_formulas,
    )
    return curve, placed, tuple(sorted_by_information(block, shares) for block in groups)


def linked(family: Family, options: CurveOptions) -> Family:
    """The family with the link that goes with the curve."""
    if options.priors not in PRESETS:
        raise PriorError(f"There are no priors {options.priors!r}.", fix=f"use one of {PRESETS}")
    residual = find_residual(options.residual)
    if options.residual != "constant" and family.unit != "y":
        raise DesignError(
            f"The {family.name} family has no residual sd in units of the outcome, so none that "
            f"is {options.residual!r}.",
            fix='use residual="constant"',
        )
    if options.link is not None:
        if residual.vanishes:
            raise DesignError(
                "A residual sd that follows the curve needs the curve to be the mean.",
                fix="leave link= out",
            )
        return family.with_link(options.link)
    if "identity" in family.links and family.unit != "log y":
        return family.with_link("identity")
    return family


def _scale(options: CurveOptions) -> Scale:
    """Whether the curve is the mean, or with a link of its own the linear predictor."""
    return "response" if options.link is None else "link"


def check_ordered(priors: Any, curve: Curve) -> None:
    """Raise `PriorError` where intercepts that are ordered have priors that are not normal."""
    for ordering in curve.orderings:
        for name in ordering.parameters:
            prior = priors.predictors[name].intercept
            if prior is not None and prior.normal_parameters() is None:
                raise PriorError(
                    f"{name} is ordered ({ordering.symmetry}), so its prior must be normal.",
                    fix="use gl.normal(), or ordering=False",
                )


def _start(
    call: CurveCall, coder: Coder, family: Family, scale: Scale, outcome: Outcome
) -> CurveStart:
    """The estimates of the self-start, after the data have been judged."""
    function, known = call.function, call.known
    learned = _learned_inputs(call, coder)
    arrays = input_arrays(function, learned, coder.frame, coder.functions)
    values = {p: known[n] for p, n in zip(function.names, call.names, strict=True) if n in known}
    free = free_function(function, values)
    columns = tuple(", ".join(part.text for part in parts) for parts in learned)
    free.check_inputs(*arrays, columns=columns)
    y = start_values(family, scale, outcome)
    return curve_start(free, arrays, y, values, call.names, function, learned)


def _learned_inputs(call: CurveCall, coder: Coder) -> tuple[tuple[Learned, ...], ...]:
    return tuple(
        tuple(coder.learned(arithmetic(node)) for node in argument) for argument in call.inputs
    )


def coders(
    frame: Frame, contrasts: Mapping[str, str] | None, functions: Mapping[str, Any] | None
) -> Callable[[str], Coder]:
    """From a formula to its coder, which learns each variable once."""
    made: dict[str, Coder] = {}

    def coder(formula: str) -> Coder:
        return made.setdefault(formula, Coder(frame, formula, contrasts, functions))

    return coder
