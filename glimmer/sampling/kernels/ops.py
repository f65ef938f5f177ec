"""The kernels as PyTensor operations, under numba, under Python, and for differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from glimmer.sampling.kernels.crossproducts import COEFFICIENTS, STATE, WORK
from glimmer.sampling.kernels.integrated import integrated_gaussian
from glimmer.sampling.kernels.native import addresses, contiguous
from glimmer.sampling.kernels.rows import (
    BLOCK,
    ROWS,
    SIZE,
    all_rows,
    all_rows_pullback,
    eta_density,
    row_density,
)
from glimmer.sampling.kernels.whitened import coefficients_of, coefficients_pullback

ROW_WORK = 4 * BLOCK


class KernelOp(Op):
    """An operation whose last two inputs are packed data and whose others are real.

    Under the Python linker it runs the function that it compiles under numba.
    """

    __props__: tuple[str, ...] = ()
    kernel: Any

    def variables(self, inputs: tuple[Any, ...]) -> list[Variable]:
        """Give the inputs as tensors, all real but the packed integers."""
        real = [pt.as_tensor(x).astype("float64") for x in (*inputs[:-2], inputs[-1])]
        return [*real[:-1], pt.as_tensor(inputs[-2]), real[-1]]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Run the kernel from Python."""
        arrays = [np.ascontiguousarray(x) for x in inputs]
        out = self.allocate(*arrays)
        kept = out[: len(output_storage)]
        self.kernel.python(*addresses(*arrays, *out))
        for storage, array in zip(output_storage, kept, strict=True):
            storage[0] = array

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Empty outputs, then work space."""
        raise NotImplementedError


def _disconnected(count: int) -> list[Variable]:
    return [DisconnectedType()() for _ in range(count)]


class ScoredOp(KernelOp):
    """A scalar that comes with its gradient by all inputs but the data."""

    def make_node(self, *inputs: Any) -> Apply:
        """Take parameters, then packed integers and floats."""
        variables = self.variables(inputs)
        return Apply(self, variables, [pt.dscalar(), *(x.type() for x in variables[:-2])])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Each gradient has the shape of its parameter."""
        return [(), *shapes[:-2]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """The gradient is there already."""
        return [cotangents[0] * g for g in outputs[1:]] + _disconnected(2)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """As far as differentiation goes, parameters lead to the value alone."""
        rest = [False] * (len(node.outputs) - 1)
        return [[True, *rest] for _ in node.inputs[:-2]] + [[False, *rest]] * 2


class IntegratedGaussian(ScoredOp):
    """Inputs: triangles, scales, sigma, prior means, prior precisions, packed cross-products."""

    kernel = integrated_gaussian

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Value, five gradients, work space."""
        return [np.empty(()), *map(np.empty_like, inputs[:5]), np.empty(inputs[5][WORK])]


class EtaDensity(ScoredOp):
    """Inputs: linear predictor, auxiliary parameter, packed rows."""

    kernel = eta_density

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Value, two gradients, work space."""
        return [np.empty(()), *map(np.empty_like, inputs[:2]), np.empty(ROW_WORK)]


class RowDensity(EtaDensity):
    """Inputs: coefficients, auxiliary parameter, packed rows."""

    kernel = row_density


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
        return [shapes[5], (), (node.inputs[6][STATE],)]

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
        return [t, s, *_disconnected(1), m, p, by_z, *_disconnected(2)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """The state is no function to differentiate."""
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


class Predictor(KernelOp):
    """Inputs: coefficients, packed rows. Output: the linear predictor."""

    kernel = all_rows

    def make_node(self, *inputs: Any) -> Apply:
        """One value per row."""
        return Apply(self, self.variables(inputs), [pt.dvector()])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """The number of rows is in the data."""
        return [(node.inputs[1][ROWS],)]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The predictor."""
        return [np.empty(inputs[1][ROWS])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """The transposed design."""
        return [predictor_pullback(cotangents[0], *inputs[1:]), *_disconnected(2)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Linear in the coefficients."""
        return [[True], [False], [False]]


class PredictorPullback(Predictor):
    """Inputs: cotangents of the predictor, packed rows. Output: those of the coefficients."""

    kernel = all_rows_pullback

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """The number of coefficients is in the data."""
        return [(node.inputs[1][SIZE],)]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The gradient."""
        return [np.empty(inputs[1][SIZE])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """The design."""
        return [predictor(cotangents[0], *inputs[1:]), *_disconnected(2)]


whiten_pullback = WhitenPullback()
predictor, predictor_pullback = Predictor(), PredictorPullback()


@register_funcify_default_op_cache_key(IntegratedGaussian)
def _integrated(op: Op, **_: Any) -> tuple[Any, int]:
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

    return integrated, 1


def _density(kernel: Any) -> Any:
    @numba_njit
    def density(x, auxiliary, integers, floats):
        value, by_x, by_auxiliary = np.empty(()), np.empty(x.size), np.empty(())
        kernel(
            contiguous(x).ctypes, auxiliary.ctypes, integers.ctypes, floats.ctypes,
            value.ctypes, by_x.ctypes, by_auxiliary.ctypes, np.empty(ROW_WORK).ctypes,
        )  # fmt: skip
        return value, by_x, by_auxiliary

    return density


@register_funcify_default_op_cache_key(EtaDensity)
def _eta_density(op: Op, **_: Any) -> tuple[Any, int]:
    return _density(eta_density), 1


@register_funcify_default_op_cache_key(RowDensity)
def _row_density(op: Op, **_: Any) -> tuple[Any, int]:
    return _density(row_density), 1


@register_funcify_default_op_cache_key(Whiten)
def _whiten(op: Op, **_: Any) -> tuple[Any, int]:
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

    return whiten, 1


@register_funcify_default_op_cache_key(WhitenPullback)
def _whiten_pullback(op: Op, **_: Any) -> tuple[Any, int]:
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

    return pullback, 1


@register_funcify_default_op_cache_key(Predictor)
def _predictor(op: Op, **_: Any) -> tuple[Any, int]:
    @numba_njit
    def linear(coefficients, integers, floats):
        eta = np.empty(integers[ROWS])
        all_rows(contiguous(coefficients).ctypes, integers.ctypes, floats.ctypes, eta.ctypes)
        return eta

    return linear, 1


@register_funcify_default_op_cache_key(PredictorPullback)
def _predictor_pullback(op: Op, **_: Any) -> tuple[Any, int]:
    @numba_njit
    def transposed(score, integers, floats):
        gradient = np.empty(integers[SIZE])
        all_rows_pullback(contiguous(score).ctypes, integers.ctypes, floats.ctypes, gradient.ctypes)
        return gradient

    return transposed, 1
