"""Draws outcomes: replays the arguments of their distribution, and draws from the family's.

The outcome's distribution is never vectorized: PyMC broadcasts it over a batch of arguments, which
any distribution can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from glimmer.interpreter.replay import Replay
from glimmer.interpreter.sampler import Sampler
from glimmer.spec.names import ROWS

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

    from glimmer.assemble import Assembly
    from glimmer.results.predict.draws_in_use import Draws

DRAWS_AT_ONCE = 256
"""A constant, since some distributions draw other numbers for batches of another size."""


def drawn_outcomes(assembly: Assembly, draws: Draws, seed: Any) -> np.ndarray:
    """Draw the outcome of each row at every draw of a model's variables.

    Parameters
    ----------
    assembly : Assembly
        Of the model on the rows to predict.
    draws : Draws
        Of every variable that the arguments of the outcome's distribution depend on.
    seed : int or sequence of int

    Returns
    -------
    ndarray, shape (draws, n)
    """
    n, names = len(assembly.model.coords[ROWS]), assembly.outcome.arguments
    arguments = [assembly.eta, *map(pt.as_tensor, names.values())]
    run = Replay(assembly.model, arguments, draws.names)
    eta, *others = inputs = [_batch_of(argument, n) for argument in arguments]
    outcome = assembly.outcome.family.outcome(eta, **dict(zip(names, others, strict=True)))
    sampler = Sampler(inputs, [outcome])
    sampler.seed(seed)
    out = np.empty((draws.size, n), dtype=outcome.type.dtype)
    at = 0
    for parts in run.chunks(draws, draws.size, DRAWS_AT_ONCE):
        (values,) = sampler(*(part if part.ndim > 1 else part[:, None] for part in parts))
        out[at : at + len(values)] = values
        at += len(values)
    return out


def _batch_of(argument: Any, n: int) -> TensorVariable:
    """An argument at several draws: one value a draw, or one for each draw and row."""
    return pt.tensor(dtype=argument.type.dtype, shape=(None, n if argument.ndim else 1))
