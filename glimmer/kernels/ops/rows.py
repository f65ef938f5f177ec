"""Wraps linear predictors and likelihoods of families as PyTensor operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.link.numba.dispatch.basic import numba_njit

from glimmer.kernels.compile.arena import total_of
from glimmer.kernels.compile.native import bind, contiguous
from glimmer.kernels.compile.slots import address
from glimmer.kernels.ops.base import KernelOp, ScoredOp, disconnected, header, under_numba
from glimmer.kernels.rows.row_density import (
    BLOCK_WORK,
    ROW_ARRAYS,
    ROWS,
    SIZE,
    all_rows,
    all_rows_pullback,
    eta_density,
    row_density,
)
from glimmer.kernels.rows.row_kernel import RowKernel


def auxiliary_vector(kernel: RowKernel, aux: Mapping[str, Any]) -> Variable:
    """The auxiliary parameters of a family as its row kernel takes them, shape (m,)."""
    given = [pt.as_tensor(aux[name], dtype="float64") for name in kernel.aux]
    return pt.stack(given) if given else pt.as_tensor(np.empty(0))


class EtaDensity(ScoredOp):
    """Inputs: linear predictor, auxiliary parameters, packed rows in their own order.

    Parameters
    ----------
    rows : RowKernel
        By which the rows were packed.
    """

    __props__ = ("name",)
    kernel = eta_density

    def __init__(self, rows: RowKernel) -> None:
        self.rows = rows
        self.name = "/".join(kernel.type.name for kernel in rows.kernels)

    @property
    def needed(self) -> tuple[Any, ...]:
        """Those of the family come last: the others may be compiled by another process."""
        return self.kernel, *self.rows.kernels

    def functions(self, *inputs: np.ndarray) -> list[int]:
        """The addresses of the family's own functions."""
        bind(self.rows.kernels)
        return [kernel.compile() for kernel in self.rows.kernels]

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Value, two gradients, work space."""
        return [np.empty(()), *map(np.empty_like, inputs[:-2]), np.empty(self.work(inputs[-2]))]

    def work(self, integers: np.ndarray) -> int:
        """The number of floats to work in."""
        return BLOCK_WORK


class RowDensity(EtaDensity):
    """Inputs: coefficients, auxiliary parameters, a shift of eta (optional), packed rows.

    ``RowDensity(kernel)(coefficients, aux, integers, floats)``, or with the shift, shape (n,), in
    the order of the rows that were packed: what a term without a Gaussian form contributes. The
    gradient by the shift is the score.
    """

    kernel = row_density

    def make_node(self, *inputs: Any) -> Apply:
        """Without a shift, take an empty one."""
        if len(inputs) == 4:
            inputs = (*inputs[:2], np.empty(0), *inputs[2:])
        return super().make_node(*inputs)

    def work(self, integers: np.ndarray) -> int:
        """The number of floats to work in."""
        return ROW_ARRAYS.total(integers[SIZE])

    def functions(self, *inputs: np.ndarray) -> list[int]:
        """The same, and whether there is a shift."""
        return [*super().functions(), inputs[2].size]


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


@under_numba(EtaDensity)
def _eta_density(op: Any) -> Any:
    in_eta, without_eta = op.rows.kernels

    @numba_njit
    def density(eta, aux, integers, floats):
        value, by_eta, by_aux = np.empty(()), np.empty(eta.size), np.empty(aux.size)
        eta_density(
            contiguous(eta).ctypes, contiguous(aux).ctypes, integers.ctypes, floats.ctypes,
            address(in_eta), address(without_eta),
            value.ctypes, by_eta.ctypes, by_aux.ctypes, np.empty(BLOCK_WORK).ctypes,
        )  # fmt: skip
        return value, by_eta, by_aux

    return density


@under_numba(RowDensity)
def _row_density(op: Any) -> Any:
    in_eta, without_eta = op.rows.kernels

    @numba_njit
    def density(coefficients, aux, moves, integers, floats):
        value, by_coefficients = np.empty(()), np.empty(coefficients.size)
        by_aux, by_moves = np.empty(aux.size), np.empty(moves.size)
        row_density(
            contiguous(coefficients).ctypes, contiguous(aux).ctypes, contiguous(moves).ctypes,
            integers.ctypes, floats.ctypes, address(in_eta), address(without_eta), moves.size,
            value.ctypes, by_coefficients.ctypes, by_aux.ctypes, by_moves.ctypes,
            np.empty(total_of(ROW_ARRAYS, (integers[SIZE],))).ctypes,
        )  # fmt: skip
        return value, by_coefficients, by_aux, by_moves

    return density


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
