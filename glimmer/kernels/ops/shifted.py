"""Wraps the integrated Gaussian likelihood of a shifted response as a PyTensor operation."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.link.numba.dispatch.basic import numba_njit

from glimmer.kernels.compile.arena import total_of
from glimmer.kernels.compile.native import contiguous
from glimmer.kernels.gaussian.memory_layout import COEFFICIENTS, REST, SHIFT_PLACE, WORK
from glimmer.kernels.gaussian.shifted import shifted_gaussian
from glimmer.kernels.gaussian.work_arrays import SHIFTED
from glimmer.kernels.ops.base import ScoredOp, under_numba


class ShiftedGaussian(ScoredOp):
    """Inputs: those of `IntegratedGaussian`, with the shifts s before the cross-products.

    The response is y - B s; the cross-products are those of ``cross_products(..., shifts=B)``.
    """

    kernel = shifted_gaussian

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Value, six gradients, work space."""
        header = inputs[6]
        size = header[COEFFICIENTS]
        work = header[WORK] + SHIFTED.total(header[SHIFT_PLACE], size, size - header[REST])
        return [np.empty(()), *map(np.empty_like, inputs[:6]), np.empty(work)]


@under_numba(ShiftedGaussian)
def _shifted(op: Any) -> Any:
    @numba_njit
    def shifted(triangles, scales, sigma, mean, precision, s, integers, floats):
        value, by_sigma, by_s = np.empty(()), np.empty(()), np.empty(s.size)
        t, c = np.empty(triangles.size), np.empty(scales.size)
        m, p = np.empty(mean.size), np.empty(mean.size)
        size = integers[COEFFICIENTS]
        own = total_of(SHIFTED, (integers[SHIFT_PLACE], size, size - integers[REST]))
        shifted_gaussian(
            contiguous(triangles).ctypes, contiguous(scales).ctypes, sigma.ctypes,
            contiguous(mean).ctypes, contiguous(precision).ctypes, contiguous(s).ctypes,
            integers.ctypes, floats.ctypes, value.ctypes, t.ctypes, c.ctypes, by_sigma.ctypes,
            m.ctypes, p.ctypes, by_s.ctypes, np.empty(integers[WORK] + own).ctypes,
        )  # fmt: skip
        return value, t, c, by_sigma, m, p, by_s

    return shifted
