"""Linear predictor and family likelihoods as PyTensor operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.link.numba.dispatch.basic import numba_njit

from glimmer.kernels.compile.native import contiguous
from glimmer.kernels.ops.base import KernelOp, ScoredOp, disconnected, header, under_numba
from glimmer.kernels.rows.row_density import (
    BLOCK,
    ROWS,
    SIZE,
    all_rows,
    all_rows_pullback,
    eta_density,
    row_density,
)

ROW_WORK = 4 * BLOCK


class EtaDensity(ScoredOp):
    """Inputs: linear predictor, auxiliary parameter, packed rows."""

    kernel = eta_density

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Value, two gradients, work space."""
        work = np.empty(ROW_WORK + inputs[2][SIZE])
        return [np.empty(()), *map(np.empty_like, inputs[:2]), work]


class RowDensity(EtaDensity):
    """Inputs: coefficients, auxiliary parameter, packed rows."""

    kernel = row_density


class Predictor(KernelOp):
    """Inputs: coefficients, packed rows. Output: the linear predictor."""

    kernel = all_rows

    def make_node(self, *inputs: Any) -> Apply:
        """One value per row."""
        return Apply(self, self.variables(inputs), [pt.dvector()])

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """The number of rows is in the data."""
        return [(header(node, 1)[ROWS],)]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The predictor, work space."""
        return [np.empty(inputs[1][ROWS]), np.empty(inputs[1][SIZE])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """The transposed design."""
        return [predictor_pullback(cotangents[0], *inputs[1:]), *disconnected(2)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Linear in the coefficients."""
        return [[True], [False], [False]]


class PredictorPullback(Predictor):
    """Inputs: cotangents of the predictor, packed rows. Output: those of the coefficients."""

    kernel = all_rows_pullback

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """The number of coefficients is in the data."""
        return [(header(node, 1)[SIZE],)]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The gradient."""
        return [np.empty(inputs[1][SIZE])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Variable]:
        """The design."""
        return [predictor(cotangents[0], *inputs[1:]), *disconnected(2)]


predictor: Any = Predictor()
predictor_pullback: Any = PredictorPullback()


def _density(kernel: Any) -> Any:
    @numba_njit
    def density(x, auxiliary, integers, floats):
        value, by_x, by_auxiliary = np.empty(()), np.empty(x.size), np.empty(())
        kernel(
            contiguous(x).ctypes, auxiliary.ctypes, integers.ctypes, floats.ctypes,
            value.ctypes, by_x.ctypes, by_auxiliary.ctypes,
            np.empty(ROW_WORK + integers[SIZE]).ctypes,
        )  # fmt: skip
        return value, by_x, by_auxiliary

    return density


@under_numba(EtaDensity)
def _eta_density(op: Any) -> Any:
    return _density(eta_density)


@under_numba(RowDensity)
def _row_density(op: Any) -> Any:
    return _density(row_density)


@under_numba(Predictor)
def _predictor(op: Any) -> Any:
    @numba_njit
    def linear(coefficients, integers, floats):
        eta = np.empty(integers[ROWS])
        all_rows(
            contiguous(coefficients).ctypes, integers.ctypes, floats.ctypes, eta.ctypes,
            np.empty(integers[SIZE]).ctypes,
        )  # fmt: skip
        return eta

    return linear


@under_numba(PredictorPullback)
def _predictor_pullback(op: Any) -> Any:
    @numba_njit
    def transposed(score, integers, floats):
        gradient = np.empty(integers[SIZE])
        all_rows_pullback(contiguous(score).ctypes, integers.ctypes, floats.ctypes, gradient.ctypes)
        return gradient

    return transposed
