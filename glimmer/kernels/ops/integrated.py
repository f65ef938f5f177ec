"""Wraps the integrated Gaussian likelihood as a PyTensor operation."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.link.numba.dispatch.basic import numba_njit

from glimmer.kernels.compile.native import contiguous
from glimmer.kernels.gaussian.integrated import integrated_gaussian
from glimmer.kernels.gaussian.memory_layout import WORK
from glimmer.kernels.ops.base import ScoredOp, under_numba


class IntegratedGaussian(ScoredOp):
    """Inputs: triangles, scales, sigma, prior means, prior precisions, packed cross-products."""

    kernel = integrated_gaussian

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Value, five gradients, work space."""
        return [np.empty(()), *map(np.empty_like, inputs[:5]), np.empty(inputs[5][WORK])]


@under_numba(IntegratedGaussian)
def _integrated(op: Any) -> Any:
    @numba_njit
    def integrated(triangles, scales, sigma, mean, precision, integers, floats):
        value, by_sigma = np.empty(()), np.empty(())
        t, s = np.empty(triangles.size), np.empty(scales.size)
        m, p = np.empty(mean.size), np.empty(mean.size)
        integrated_gaussian(
            contiguous(triangles).ctypes, contiguous(scales).ctypes, sigma.ctypes,
            contiguous(mean).ctypes, contiguous(precision).ctypes, integers.ctypes, floats.ctypes,
            value.ctypes, t.ctypes, s.ctypes, by_sigma.ctypes, m.ctypes, p.ctypes,
            np.empty(integers[WORK]).ctypes,
        )  # fmt: skip
        return value, t, s, by_sigma, m, p

    return integrated
