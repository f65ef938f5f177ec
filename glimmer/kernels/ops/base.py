"""Declares the class of PyTensor operations that run a kernel, and compiles them under numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from glimmer.kernels.compile.native import VERSION, addresses, need


class KernelOp(Op):
    """An operation whose last two inputs are packed data and whose others are real.

    Under the Python linker it runs the function that it compiles under numba.
    """

    __props__: tuple[str, ...] = ()
    kernel: Any

    @property
    def needed(self) -> tuple[Any, ...]:
        """The kernels that the operation calls."""
        return (self.kernel,)

    def variables(self, inputs: tuple[Any, ...]) -> list[Variable]:
        """Give the inputs as tensors, all real but the packed integers."""
        real = [pt.as_tensor(x).astype("float64") for x in (*inputs[:-2], inputs[-1])]
        return [*real[:-1], pt.as_tensor(inputs[-2]), real[-1]]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Run the kernel from Python."""
        arrays = [np.ascontiguousarray(x) for x in inputs]
        out = self.allocate(*arrays)
        kept = out[: len(output_storage)]
        self.kernel.python(*addresses(*arrays), *self.functions(*arrays), *addresses(*out))
        for storage, array in zip(output_storage, kept, strict=True):
            storage[0] = array

    def functions(self, *inputs: np.ndarray) -> list[int]:
        """Integers that the kernel takes between its inputs and outputs: functions it calls."""
        return []

    def allocate(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Empty outputs, then work space."""
        raise NotImplementedError


def under_numba(operation: type[KernelOp]) -> Callable[[Callable[[Any], Any]], Any]:
    """Register what makes the function that numba runs for an operation."""

    def register(make: Callable[[Any], Any]) -> Any:
        @register_funcify_default_op_cache_key(operation)
        def function(op: KernelOp, **_: Any) -> tuple[Any, int]:
            for kernel in op.needed:
                need(kernel)
            return make(op), VERSION

        return function

    return register


def header(node: Apply, position: int) -> Any:
    """The packed integers among the inputs, as a vector to take items from."""
    return node.inputs[position]


def disconnected(count: int) -> list[Variable]:
    """Cotangents of inputs that are not differentiated."""
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
        return [cotangents[0] * g for g in outputs[1:]] + disconnected(2)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """As far as differentiation goes, parameters lead to the value alone."""
        rest = [False] * (len(node.outputs) - 1)
        return [[True, *rest] for _ in node.inputs[:-2]] + [[False, *rest]] * 2
