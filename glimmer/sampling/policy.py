"""Chooses how NUTS samples a model: target acceptance, adaptation, when to judge the draws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glimmer.coordinates.plan import Plan
    from glimmer.fitted import Settings
    from glimmer.spec import ModelSpec

PLAIN_TARGET = 0.8
MIXED_TARGET = 0.9
"""Target acceptance rate where several sds share the penalty of one block."""
CURVED_TARGET = 0.95
"""For posteriors that bend, as those of curves do."""
SHRINKAGE_TARGET = 0.99
ENOUGH_DRAWS = 100
"""Fewer draws of a chain are not judged: they are a trial."""


def target_acceptance(spec: ModelSpec) -> float:
    """NUTS's target acceptance rate."""
    if _bends(spec):
        return CURVED_TARGET
    if spec.priors.joint:
        return SHRINKAGE_TARGET
    mixed = any(len(block.sds) > 1 for block in spec.smooth_blocks)
    return MIXED_TARGET if mixed else PLAIN_TARGET


def adapted(settings: Settings, spec: ModelSpec, plan: Plan | None) -> Settings:
    """The settings with low-rank adaptation where what nutpie samples is correlated."""
    correlated = _bends(spec) or (plan is not None and plan.correlated)
    if settings.sampler != "nutpie" or not correlated:
        return settings
    return replace(settings, extra={"adaptation": "low_rank", **settings.extra})


def _bends(spec: ModelSpec) -> bool:
    """Whether the posterior bends, as those of curves do."""
    return not spec.stage.linear


def worth_judging(settings: Settings) -> bool:
    """Whether there are draws enough for a verdict."""
    return settings.algorithm == "sampling" and settings.draws >= ENOUGH_DRAWS
