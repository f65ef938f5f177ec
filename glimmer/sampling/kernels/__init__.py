"""Compiled kernels of the sampling plan: arrays in, values with gradients out.

See `blocks` for how a linear predictor is described and `ops` for the PyTensor operations.
"""

from glimmer.sampling.kernels.blocks import Blocks, Group
from glimmer.sampling.kernels.crossproducts import CrossProducts, cross_products
from glimmer.sampling.kernels.draws import draw_coefficients
from glimmer.sampling.kernels.likelihood import FAMILIES, Rows, pack_rows
from glimmer.sampling.kernels.mode import Mode, penalised_mode
from glimmer.sampling.kernels.native import one_blas_thread
from glimmer.sampling.kernels.ops import (
    EtaDensity,
    IntegratedGaussian,
    Predictor,
    RowDensity,
    Whiten,
)

__all__ = [
    "FAMILIES",
    "Blocks",
    "CrossProducts",
    "EtaDensity",
    "Group",
    "IntegratedGaussian",
    "Mode",
    "Predictor",
    "RowDensity",
    "Rows",
    "Whiten",
    "cross_products",
    "draw_coefficients",
    "one_blas_thread",
    "pack_rows",
    "penalised_mode",
]
