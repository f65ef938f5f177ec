"""Wraps the covariance factor of mixed penalties as a PyTensor operation, with its reverse mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.link.numba.dispatch.basic import numba_njit

from glimmer.kernels.compile.arena import total_of
from glimmer.kernels.compile.native import contiguous
from glimmer.kernels.gaussian.mixed import (
    MIXED,
    MIXED_ARRAYS,
    MIXED_PULLBACK,
    SIZE,
    mixed_pullback,
    mixed_triangle,
)
from glimmer.kernels.ops.base import KernelOp, disconnected, header, under_numba


class MixedTriangle(KernelOp):
    """Inputs: sds, then their number and that of coefficients, then the shares in the precision.

    Output: the lower triangle of T, row by row, with TT' the covariance.
    """

    kernel = mixed_triangle

    def make_node(self, *inputs: Any) -> Apply:
        """One entry per pair of coefficients."""
        return Apply(self, self.variables(inputs), [pt.dvector()])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """The number of coefficients is in the data."""
        q = header(node, 1)[SIZE]
        return [(q * (q + 1) // 2,)]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The triangle, work space."""
        q = int(inputs[1][SIZE])
        return [np.empty(q * (q + 1) // 2), np.empty(MIXED_ARRAYS.total(q))]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """Hand over to `MixedPullback`."""
        sds, *data = inputs
        return [mixed_gradient(sds, outputs[0], cotangents[0], *data), *disconnected(2)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """The data are not differentiated."""
        return [[True], [False], [False]]


class MixedPullback(KernelOp):
    """Inputs: sds, triangle, its cotangents, data. Output: the cotangents of the sds."""

    kernel = mixed_pullback

    def make_node(self, *inputs: Any) -> Apply:
        """One entry per sd."""
        return Apply(self, self.variables(inputs), [pt.dvector()])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """As many as there are sds."""
        return [shapes[0]]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The gradient, work space."""
        q = int(inputs[3][SIZE])
        return [np.empty(int(inputs[3][MIXED])), np.empty(MIXED_PULLBACK.total(q))]


mixed_gradient: Any = MixedPullback()


@under_numba(MixedTriangle)
def _mixed_triangle(op: Any) -> Any:
    @numba_njit
    def triangle_of(sds, integers, shares):
        q = integers[SIZE]
        triangle = np.empty(q * (q + 1) // 2)
        mixed_triangle(
            contiguous(sds).ctypes, integers.ctypes, shares.ctypes, triangle.ctypes,
            np.empty(total_of(MIXED_ARRAYS, (q,))).ctypes,
        )  # fmt: skip
        return triangle

    return triangle_of


@under_numba(MixedPullback)
def _mixed_pullback(op: Any) -> Any:
    @numba_njit
    def pullback(sds, triangle, by_triangle, integers, shares):
        by_sds = np.empty(sds.size)
        mixed_pullback(
            contiguous(sds).ctypes, contiguous(triangle).ctypes, contiguous(by_triangle).ctypes,
            integers.ctypes, shares.ctypes, by_sds.ctypes,
            np.empty(total_of(MIXED_PULLBACK, (integers[SIZE],))).ctypes,
        )  # fmt: skip
        return by_sds

    return pullback
