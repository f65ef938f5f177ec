"""The doors: builders, and verbs that build and fit in one go."""

from glimmer.builders.base import ModelBuilder
from glimmer.builders.glmer import GlmerBuilder, glmer, glmer_nb, lmer

__all__ = ["GlmerBuilder", "ModelBuilder", "glmer", "glmer_nb", "lmer"]
