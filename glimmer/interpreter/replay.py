"""Evaluates expressions of a model at draws of its variables, without compiling anything.

The expression is vectorized over the draws and run by PyTensor's Python linker, one numpy call for
each operation. Expressions are deterministic: every random variable in them needs draws. Outcomes
are drawn by `glimmer.interpreter.sampler`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
from pytensor.compile.mode import Mode
from pytensor.graph.replace import clone_replace, vectorize_graph
from pytensor.graph.traversal import ancestors
from pytensor.tensor.random.op import RNGConsumerOp

from glimmer.interpreter.modes import PLAIN

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr
    from pytensor.tensor.variable import TensorVariable

CHUNK_BYTES = 64 * 2**20


class RandomExpression(RuntimeError):
    """An expression to be replayed has a random variable for which there are no draws."""


class Replay:
    """Expressions of a model as a function of draws.

    Parameters
    ----------
    model : pymc.Model
    outputs : sequence of TensorVariable
    given : sequence of str, or mapping of str to variable
        Names of the variables that draws will be given for, and the variables themselves if they
        are not the model's of that name.
    mode : Mode
        `PLAIN`, or `DENSITY` for log densities.

    Raises
    ------
    RandomExpression
        An output depends on a random variable that is not given: not every random graph can be
        vectorized, and those that can be draw other numbers.
    """

    def __init__(
        self,
        model: pm.Model,
        outputs: Sequence[TensorVariable],
        given: Sequence[str] | Mapping[str, TensorVariable],
        mode: Mode = PLAIN,
    ) -> None:
        needed = set(ancestors(outputs))
        if not isinstance(given, Mapping):
            given = {name: model[name] for name in given if name in model.named_vars}
        known = {name: v for name, v in given.items() if v in needed}
        self.names = list(known)
        inputs: dict[Any, Any] = {v: v.type.clone(shape=(None,) * v.ndim)() for v in known.values()}
        cut = clone_replace(list(outputs), inputs, rebuild_strict=False)
        _check_deterministic(cut)
        batched = {
            v: v.type.clone(shape=(None, *v.type.shape))(name=name)
            for name, v in zip(self.names, inputs.values(), strict=True)
        }
        self.function = pytensor.function(
            list(batched.values()),
            vectorize_graph(cut, batched),
            mode=mode,
            on_unused_input="ignore",
        )
        self.row_bytes = 8 * sum(_size(v) for v in outputs)
        self.ndims = [v.ndim for v in outputs]

    def __call__(self, draws: Mapping[str, np.ndarray], count: int) -> list[np.ndarray]:
        """Evaluate at ``count`` draws, their axis first; each output has that axis first too."""
        return self._evaluate([draws[name] for name in self.names], count)

    def _evaluate(self, draws: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Evaluate at ``count`` draws; what does not depend on them is repeated."""
        values = [np.asarray(v) for v in self.function(*draws)]
        return [
            v if v.ndim > ndim else np.broadcast_to(v, (count, *v.shape))
            for v, ndim in zip(values, self.ndims, strict=True)
        ]

    def chunks(
        self, draws: Mapping[str, np.ndarray], count: int, size: int | None = None
    ) -> Iterator[list[np.ndarray]]:
        """Evaluate at ``count`` draws, some at a time, so that memory stays bounded."""
        size = size or max(1, int(CHUNK_BYTES // max(self.row_bytes, 1)))
        for start in range(0, count, size):
            part = [draws[name][start : start + size] for name in self.names]
            yield self._evaluate(part, min(size, count - start))


def replay(
    model: pm.Model,
    outputs: Sequence[TensorVariable],
    posterior: xr.Dataset,
    mode: Mode = PLAIN,
    given: Mapping[str, TensorVariable] | None = None,
) -> list[np.ndarray]:
    """Evaluate ``outputs`` at every draw of ``posterior``, or of ``given`` by name.

    Returns
    -------
    list of ndarray, each of shape (chain, draw, ...)
    """
    run = Replay(model, outputs, given or [str(name) for name in posterior.data_vars], mode)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    draws = {name: flat(posterior[name]) for name in run.names}
    parts = list(run.chunks(draws, shape[0] * shape[1]))
    stacked = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return [array.reshape(*shape, *array.shape[1:]) for array in stacked]


def flat(draws: xr.DataArray) -> np.ndarray:
    """Draws with chain and draw as one leading axis."""
    values = draws.transpose("chain", "draw", ...).values
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])


def _check_deterministic(outputs: Sequence[Any]) -> None:
    """Raise `RandomExpression` if a random variable would be drawn."""
    for variable in ancestors(outputs):
        if variable.owner is not None and isinstance(variable.owner.op, RNGConsumerOp):
            raise RandomExpression(
                f"{variable} is random and has no draws; draw it with a Sampler instead."
            )


def _size(variable: TensorVariable) -> int:
    shape = [1 if s is None else s for s in variable.type.shape]
    return int(np.prod(shape)) if shape else 1
