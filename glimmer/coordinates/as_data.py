"""Replaces numbers in a PyTensor graph that come from data by inputs, so that code is reused.

PyTensor compiles constants into the code: a prior that is scaled by sd(y) would have it compiled
anew for every data set. Given as data, the numbers leave the code as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
from pymc.pytensorf import constant_fold
from pytensor.tensor.random.op import RandomVariable

if TYPE_CHECKING:
    import pymc as pm


def numbers_as_data(model: pm.Model) -> None:
    """Turn the numbers in the priors of a new model into data, in place."""
    for rv in model.free_RVs:
        as_data(rv)


def of_known_shape(name: str, rows: Any) -> Any:
    """Data of known shape: of others it must be checked whether they go together."""
    import pymc as pm

    return pm.Data(name, rows, shape=rows.shape)


def as_data(rv: Any) -> Any:
    """Turn the numbers in a new random variable into shared variables, in place; return it.

    Whole and half numbers stay: they are choices (a Gamma of shape 1), and simplify the density. So
    do those of distributions that are expressions, truncated ones for instance.
    """
    node = rv.owner
    if not isinstance(node.op, RandomVariable):
        return rv
    for parameter in node.op.dist_params(node):
        (value,) = constant_fold([parameter], raise_not_constant=False)
        if isinstance(value, np.ndarray | np.generic) and np.any(np.mod(value, 0.5) != 0):
            shared = pytensor.shared(np.asarray(value, float), shape=np.shape(value))
            node.inputs[node.inputs.index(parameter)] = shared
    return rv
