"""Wraps whitening as a PyTensor operation, with its reverse mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.link.numba.dispatch.basic import numba_njit

from glimmer.kernels.compile.native import contiguous
from glimmer.kernels.gaussian.memory_layout import COEFFICIENTS, STATE, WORK
from glimmer.kernels.gaussian.pullback import coefficients_pullback
from glimmer.kernels.gaussian.whitened import coefficients_of
from glimmer.kernels.ops.base import KernelOp, disconnected, header, under_numba


class Whiten(KernelOp):
    """Inputs: triangles, scales, sigma, means, precisions, z, packed cross-products.

    Outputs: coefficients, log density, state for the pullback.
    """

    kernel = coefficients_of

    def make_node(self, *inputs: Any) -> Apply:
        """Take parameters, then packed integers and floats."""
        return Apply(self, self.variables(inputs), [pt.dvector(), pt.dscalar(), pt.dvector()])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """As many coefficients as coordinates."""
        return [shapes[5], (), (header(node, 6)[STATE],)]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Coefficients, density, state, work space."""
        header = inputs[6]
        size = header[COEFFICIENTS]
        return [np.empty(size), np.empty(()), np.empty(header[STATE]), np.empty(header[WORK])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """Hand over to `WhitenPullback`; sigma is not differentiated."""
        triangles, scales, _, mean, precision, z, integers, floats = inputs
        by_coefficients, by_density, _ = cotangents
        if isinstance(by_coefficients.type, DisconnectedType):
            by_coefficients = pt.zeros_like(z)
        if isinstance(by_density.type, DisconnectedType):
            by_density = pt.zeros(())
        given = triangles, scales, mean, precision, z, outputs[2], by_coefficients, by_density
        t, s, m, p, by_z = whiten_pullback(*given, integers, floats)
        return [t, s, *disconnected(1), m, p, by_z, *disconnected(2)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """The state cannot be differentiated."""
        yes, no = [True, True, False], [False, False, False]
        return [yes, yes, no, yes, yes, yes, no, no]


class WhitenPullback(KernelOp):
    """Inputs: triangles, scales, means, precisions, z, state, two cotangents, cross-products."""

    kernel = coefficients_pullback

    def make_node(self, *inputs: Any) -> Apply:
        """One output for each of the first five inputs."""
        variables = self.variables(inputs)
        return Apply(self, variables, [x.type() for x in variables[:5]])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Gradients have the shapes of what they are by."""
        return list(shapes[:5])

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Five gradients, work space."""
        return [*map(np.empty_like, inputs[:5]), np.empty(inputs[8][WORK])]


whiten_pullback: Any = WhitenPullback()


@under_numba(Whiten)
def _whiten(op: Any) -> Any:
    @numba_njit
    def whiten(triangles, scales, sigma, mean, precision, z, integers, floats):
        coefficients, density = np.empty(z.size), np.empty(())
        state = np.empty(integers[STATE])
        coefficients_of(
            contiguous(triangles).ctypes, contiguous(scales).ctypes, sigma.ctypes,
            contiguous(mean).ctypes, contiguous(precision).ctypes, contiguous(z).ctypes,
            integers.ctypes, floats.ctypes, coefficients.ctypes, density.ctypes, state.ctypes,
            np.empty(integers[WORK]).ctypes,
        )  # fmt: skip
        return coefficients, density, state

    return whiten


@under_numba(WhitenPullback)
def _whiten_pullback(op: Any) -> Any:
    @numba_njit
    def pullback(
        triangles, scales, mean, precision, z, state, by_coefficients, by_density, integers, floats
    ):
        t, s, by_z = np.empty(triangles.size), np.empty(scales.size), np.empty(z.size)
        m, p = np.empty(mean.size), np.empty(mean.size)
        coefficients_pullback(
            contiguous(triangles).ctypes, contiguous(scales).ctypes, contiguous(mean).ctypes,
            contiguous(precision).ctypes, contiguous(z).ctypes, contiguous(state).ctypes,
            contiguous(by_coefficients).ctypes, by_density.ctypes, integers.ctypes, floats.ctypes,
            t.ctypes, s.ctypes, m.ctypes, p.ctypes, by_z.ctypes, np.empty(integers[WORK]).ctypes,
        )  # fmt: skip
        return t, s, m, p, by_z

    return pullback
