"""Sampling: run a sampler on a model, label what comes back."""

from glimmer.sampling.fit import fit
from glimmer.sampling.run import ALGORITHMS, SAMPLERS, Settings

__all__ = ["ALGORITHMS", "SAMPLERS", "Settings", "fit"]
