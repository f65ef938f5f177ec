"""Draws random variables at values of their inputs, without compiling anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
from pymc.pytensorf import collect_default_updates
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.tensor.random.variable import RandomGeneratorSharedVariable

from glimmer.interpreter.modes import RANDOM, REJECTING

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


class Sampler:
    """Random expressions as functions of their inputs and a seed.

    Each call goes on with the random numbers where the last one stopped.

    Parameters
    ----------
    inputs : sequence of TensorVariable
    outputs : sequence of TensorVariable
    """

    def __init__(self, inputs: Sequence[TensorVariable], outputs: Sequence[Any]) -> None:
        found = [v for v in ancestors(outputs) if isinstance(v, RandomGeneratorSharedVariable)]
        self.generators = list(dict.fromkeys(found))
        self.function = _interpreted(inputs, outputs, RANDOM)
        if any(isinstance(node.op, Scan) for node in self.function.maker.fgraph.apply_nodes):
            self.function = _interpreted(inputs, outputs, REJECTING)

    def seed(self, seed: Any) -> None:
        """Start from a seed: each random variable has a stream of its own."""
        streams = np.random.SeedSequence(seed).spawn(len(self.generators))
        for shared, stream in zip(self.generators, streams, strict=True):
            shared.set_value(np.random.Generator(np.random.PCG64(stream)))

    def __call__(self, *values: np.ndarray) -> list[np.ndarray]:
        """Draw once; each output has its own shape."""
        return [np.asarray(drawn) for drawn in self.function(*values)]


def _interpreted(inputs: Sequence[Any], outputs: Sequence[Any], mode: Any) -> Any:
    return pytensor.function(
        list(inputs),
        list(outputs),
        updates=collect_default_updates(outputs=list(outputs), inputs=list(inputs)),
        mode=mode,
        on_unused_input="ignore",
    )
