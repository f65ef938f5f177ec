"""Builds and fits models from a formula and a table: `GlmerBuilder`, `glmer`, ..."""

from glimmer.builders.base import ModelBuilder
from glimmer.builders.gamm4 import Gamm4Builder, gamm4
from glimmer.builders.glmer import GlmerBuilder, glmer, glmer_nb, lmer
from glimmer.builders.nlmer import NlmerBuilder, nlmer

__all__ = [
    "Gamm4Builder",
    "GlmerBuilder",
    "ModelBuilder",
    "NlmerBuilder",
    "gamm4",
    "glmer",
    "glmer_nb",
    "lmer",
    "nlmer",
]
