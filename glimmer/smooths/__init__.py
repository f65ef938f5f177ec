"""Makes smooth terms: bases and penalties that agree with mgcv's, in their random-effect form."""

from glimmer.smooths import bspline, cubic, fs, gp, mrf, random_effect, sz, tp  # noqa: F401
from glimmer.smooths.basis import Basis, Grouped, GroupedBasis, register_basis
from glimmer.smooths.blocks import (
    Block,
    CholeskyBlock,
    DenseBlock,
    DiagonalBlock,
    GroupedBlock,
    Unpenalized,
)
from glimmer.smooths.construct import learn_smooths
from glimmer.smooths.rstanarm import rstanarm_blocks
from glimmer.smooths.smooth_con import LearnedBlock, LearnedSmooth, smooth_con
from glimmer.smooths.spec import SmoothSpec, smooth_spec, spec_from_call
from glimmer.smooths.term import Smooth, SmoothTerm

__all__ = [
    "Basis",
    "Block",
    "CholeskyBlock",
    "DenseBlock",
    "DiagonalBlock",
    "Grouped",
    "GroupedBasis",
    "GroupedBlock",
    "LearnedBlock",
    "LearnedSmooth",
    "Smooth",
    "SmoothSpec",
    "SmoothTerm",
    "Unpenalized",
    "learn_smooths",
    "register_basis",
    "rstanarm_blocks",
    "smooth_con",
    "smooth_spec",
    "spec_from_call",
]
