"""Compiled kernels of the sampling plan: arrays in, values with gradients out.

See `blocks` for how a linear predictor is described. A kernel is compiled when it is needed first
and found in numba's cache later. Names are looked up when they are used: a process that compiles
kernels imports no PyTensor.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "FAMILIES": "likelihood",
    "Blocks": "blocks",
    "CrossProducts": "crossproducts",
    "EtaDensity": "row_ops",
    "Group": "blocks",
    "IntegratedGaussian": "integrated_op",
    "Learner": "mode",
    "Local": "mode",
    "Mode": "mode",
    "Predictor": "row_ops",
    "RowDensity": "row_ops",
    "Rows": "likelihood",
    "Whiten": "whitened_op",
    "cross_products": "crossproducts",
    "draw_coefficients": "draws",
    "gaussian_draws": "mode",
    "one_blas_thread": "native",
    "pack_rows": "likelihood",
    "penalised_mode": "mode",
    "rest_places": "draws",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
