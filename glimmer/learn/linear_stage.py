"""Learns models whose linear predictor is that of the outcome, without a curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glimmer.errors import DesignError
from glimmer.learn.defaults import Defaults, LinearDefaults
from glimmer.learn.linear_formula import read_linear_model
from glimmer.learn.population import Placement, Population
from glimmer.learn.resolve_priors import Asked, asked_of_linear
from glimmer.learn.rows import named_offset
from glimmer.learn.start import starting_intercept
from glimmer.spec.stage import Direct, Stage
from glimmer.terms.naming import MU

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glimmer.data import Frame
    from glimmer.families import Family
    from glimmer.learn.checks import Judge
    from glimmer.learn.options import Options
    from glimmer.learn.reading import Reading
    from glimmer.spec import Design, ModelSpec
    from glimmer.spec.priors import ModelPriors
    from glimmer.terms import Coder, GroupBlock, Outcome


class LinearKind:
    """Generalized linear and additive models."""

    residual = "constant"

    def read(self, text: str, frame: Frame, options: Options, judge: Judge) -> Reading:
        """Read the formula."""
        return read_linear_model(
            text,
            frame,
            judge,
            outcome=not options.prior_PD,
            offsets=named_offset(options, frame),
            random=options.random,
        )

    def linked(self, family: Family) -> Family:
        """The family with the link in use."""
        return family

    def begin(
        self, reading: Reading, coder: Coder, family: Family, outcome: Outcome | None
    ) -> LinearStage:
        """What is learned before the predictors."""
        _, terms = reading.terms[MU]
        link = family.link_name
        if not terms.intercept and link in family.needs_intercept:
            raise DesignError(
                f"The {family.name} family with the {link} link needs an intercept.",
                formula=reading.formula.text,
                span=reading.formula.parts[0].span,
                fix="take out `0 +` or `- 1`, or choose another link",
            )
        return LinearStage(family, outcome)


@dataclass(frozen=True, eq=False)
class LinearStage:
    """What is learned of a linear model before its predictors."""

    family: Family
    outcome: Outcome | None

    def finished(
        self,
        reading: Reading,
        populations: Mapping[str, Population],
        groups: tuple[GroupBlock, ...],
        coder: Coder,
        options: Options,
    ) -> tuple[Stage, tuple[GroupBlock, ...]]:
        """What lies between predictors and outcome, and the groups in the order of sampling."""
        return Direct(), groups

    def defaults(self, family: Family) -> Defaults:
        """Default priors."""
        return LinearDefaults(family, None if self.outcome is None else self.outcome.y)

    def asked(self, options: Options, populations: Sequence[Population]) -> Asked:
        """The priors that the user gave."""
        return asked_of_linear(options, populations)

    def placed(self, design: Design, priors: ModelPriors) -> dict[str, Placement]:
        """Where sampling of each predictor starts."""
        prior = priors.predictors[MU].intercept
        return {MU: Placement(starting_intercept(self.family, self.outcome, design.offset, prior))}

    def check(self, spec: ModelSpec, design: Design) -> None:
        """Raise an error where sampling cannot start; `placed` has done so."""
