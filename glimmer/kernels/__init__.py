"""Computes likelihoods by compiled kernels: arrays in, values with gradients out.

See `gaussian.blocks` for how a linear predictor is described. A kernel is compiled when it is
needed first and found in numba's cache later. Names are looked up when they are used: a process
that compiles kernels imports no PyTensor.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Blocks": "gaussian.blocks",
    "CrossProducts": "gaussian.crossproducts",
    "EtaDensity": "ops.rows",
    "Group": "gaussian.blocks",
    "IntegratedGaussian": "ops.integrated",
    "Predictor": "ops.rows",
    "RowDensity": "ops.rows",
    "RowKernel": "rows.row_kernel",
    "Rows": "rows.pack",
    "ShiftedGaussian": "ops.shifted",
    "Whiten": "ops.whitened",
    "auxiliary_vector": "ops.rows",
    "cross_products": "gaussian.crossproducts",
    "digamma": "vectors.special",
    "one_blas_thread": "compile.native",
    "pack_rows": "rows.pack",
    "row_kernel": "rows.row_kernel",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
