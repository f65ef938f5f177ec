"""Learns models with a curve: its start, the transforms of its parameters, its orderings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glimmer.errors import DesignError, PriorError, alternatives, suggestion
from glimmer.learn.curve_formula import read_curve_model
from glimmer.learn.curve_start import (
    CurveStart,
    check_possible,
    curve_start,
    free_function,
    start_values,
)
from glimmer.learn.curve_transforms import curve_transforms
from glimmer.learn.defaults import PRESETS, CurveDefaults, Defaults, center_and_sd
from glimmer.learn.group_information import informed, sorted_by_information
from glimmer.learn.population import Placement, Population
from glimmer.learn.resolve_priors import Asked, asked_of_curve
from glimmer.learn.rows import named_offset
from glimmer.learn.symmetry import between, orderings
from glimmer.spec.columns import input_arrays
from glimmer.spec.residual_models import find_residual
from glimmer.spec.stage import Curve, CurveParameter, Information, Ordering
from glimmer.spec.transforms import Transform
from glimmer.terms.response import arithmetic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glimmer.data import Frame
    from glimmer.families import Family
    from glimmer.formula import Learned
    from glimmer.learn.checks import Judge
    from glimmer.learn.curve_call import CurveCall
    from glimmer.learn.options import CurveOptions, Options
    from glimmer.learn.reading import Reading
    from glimmer.spec import Design, ModelSpec
    from glimmer.spec.priors import ModelPriors
    from glimmer.terms import Coder, GroupBlock, Outcome

NEAR = 0.2
"""How far from the self-start chains start, in units of the scale of a default prior."""

type Scale = Literal["response", "link"]


@dataclass(frozen=True)
class CurveKind:
    """Nonlinear models.

    Attributes
    ----------
    options : CurveOptions
    """

    options: CurveOptions

    def __post_init__(self) -> None:
        if self.options.priors not in PRESETS:
            raise PriorError(
                f"priors must be {alternatives(PRESETS)}, not {self.options.priors!r}.",
                fix=suggestion(str(self.options.priors), PRESETS),
            )

    @property
    def residual(self) -> str:
        """How the residual sd follows the curve."""
        return self.options.residual

    def read(self, text: str, frame: Frame, options: Options, judge: Judge) -> Reading:
        """Read the formula, and those of the curve's parameters."""
        own, offsets = self.options, named_offset(options, frame)
        return read_curve_model(text, frame, own.params, own.function, own.kinds, judge, offsets)

    def linked(self, family: Family) -> Family:
        """The family with the link that goes with the curve."""
        return linked(family, self.options)

    def begin(
        self, reading: Reading, coder: Coder, family: Family, outcome: Outcome | None
    ) -> CurveStage:
        """Find the self-start of the curve, and the transforms of its parameters."""
        call, scale = reading.curve, _scale(self.options)
        assert call is not None and outcome is not None  # noqa: S101
        start = _start(call, coder, family, scale, outcome)
        transforms = curve_transforms(call, start, self.options, family, link=scale == "link")
        parameters, placed = [], {}
        for parameter, name in zip(call.function.parameters, call.names, strict=True):
            kind, transform = parameter.kind, transforms.get(name, Transform())
            parameters.append(CurveParameter(name, kind, transform, call.known.get(name)))
            if name not in call.known:
                at = float(transform.forward(start.estimates[name], start.estimates))
                unit = start.units.population(kind, transform, at)
                placed[name] = Placement(at, NEAR * unit, unit, at)
        return CurveStage(call, start, tuple(parameters), placed, scale, self.options, outcome)


@dataclass(frozen=True, eq=False)
class CurveStage:
    """What is learned of a curve before its predictors are.

    Attributes
    ----------
    call : CurveCall
    start : CurveStart
    parameters : tuple of CurveParameter
    at_start : dict of str to Placement
        Of the parameters that are not known, at the self-start.
    scale : {"response", "link"}
    options : CurveOptions
    outcome : Outcome
    """

    call: CurveCall
    start: CurveStart
    parameters: tuple[CurveParameter, ...]
    at_start: dict[str, Placement]
    scale: Scale
    options: CurveOptions
    outcome: Outcome

    def finished(
        self,
        reading: Reading,
        populations: Mapping[str, Population],
        groups: tuple[GroupBlock, ...],
        coder: Coder,
        options: Options,
    ) -> tuple[Curve, tuple[GroupBlock, ...]]:
        """The curve, and the groups' effects in the order of sampling.

        What rows tell of the groups is of no use where chains may start far from the self-start.
        """
        function = self.call.function
        intercepts = {name: own.intercept for name, own in populations.items()}
        ordered = orderings(function, self.parameters, self.start.estimates, intercepts)
        placed = self._apart(ordered)
        settled = all(own.start == own.estimate for own in placed.values())
        found, shares = informed(
            groups,
            coder.frame,
            coder.functions,
            self.start,
            function,
            self.parameters,
            placed,
            intercepts,
        )
        used: dict[str, Information] = found if options.centered is None and settled else {}
        curve = Curve(
            function,
            self.start.learned,
            self.parameters,
            offsets=tuple(coder.learned(node) for node in reading.offsets),
            orderings=ordered if self.options.ordering else (),
            scale=self.scale,
            residual=self.options.residual,
            reference=self.start.units.y_sd,
            settled=settled,
            information=used,
            formulas=reading.own_formulas,
        )
        return curve, tuple(sorted_by_information(block, shares) for block in groups)

    def _apart(self, ordered: tuple[Ordering, ...]) -> dict[str, Placement]:
        """Where chains start: at the self-start, or between two sets of parameters."""
        if self.options.ordering:
            return self.at_start
        return between(self.call.function, self.parameters, ordered, self.at_start)

    def defaults(self, family: Family) -> Defaults:
        """Default priors of the curve's parameters."""
        free = {p.name: p for p in self.parameters if p.value is None}
        _, sd = center_and_sd(family, self.outcome.y)
        return CurveDefaults(sd, self.start.units, free, self.at_start, self.options.priors)

    def asked(self, options: Options, populations: Sequence[Population]) -> Asked:
        """The priors that the user gave."""
        return asked_of_curve(options, populations)

    def placed(self, design: Design, priors: ModelPriors) -> dict[str, Placement]:
        """Where sampling of each predictor starts."""
        function, intercepts = self.call.function, priors.predictors
        own = {name: prior.intercept is not None for name, prior in intercepts.items()}
        ordered = orderings(function, self.parameters, self.start.estimates, own)
        return self._apart(ordered)

    def check(self, spec: ModelSpec, design: Design) -> None:
        """Raise an error where sampling cannot start, or ordered priors are not normal."""
        check_ordered(spec.priors, spec.stage.orderings)
        check_possible(spec, design, self.start.estimates)


def linked(family: Family, options: CurveOptions) -> Family:
    """The family with the link that goes with the curve."""
    residual = find_residual(options.residual)
    if options.residual != "constant" and family.unit != "y":
        raise DesignError(
            f"residual={options.residual!r} cannot be used with the {family.name} family, which "
            "has no residual sd in units of the outcome.",
            fix='use residual="constant"',
        )
    if options.link is not None:
        if residual.vanishes:
            raise DesignError(
                f"residual={options.residual!r} needs a curve that is the mean of the outcome.",
                fix="leave link= out",
            )
        return family.with_link(options.link)
    if "identity" in family.links and family.unit != "log y":
        return family.with_link("identity")
    return family


def _scale(options: CurveOptions) -> Scale:
    """Whether the curve is the mean, or with a link of its own the linear predictor."""
    return "response" if options.link is None else "link"


def check_ordered(priors: ModelPriors, ordered: tuple[Ordering, ...]) -> None:
    """Raise `PriorError` where intercepts that are ordered have priors that are not normal."""
    for ordering in ordered:
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
