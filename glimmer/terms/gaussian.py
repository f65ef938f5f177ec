"""Declares coefficients that are normal given the other parameters: their columns and their law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Columns of coefficients b_j = T u_j, u_j ~ N(0, I), for each of J levels.

    A row of level j adds z'b_j to the predictors of its columns.

    Attributes
    ----------
    z : ndarray, shape (n, p)
        The columns of one level.
    targets : tuple of str, length p
        The predictor that each column belongs to.
    index : ndarray of int, shape (n,), or None
        The level of each row; None where there is one level.
    levels : int
        Number of levels, J.
    factor : str
        Name of the grouping factor. Blocks of one factor have the same ``index``.
    diagonal : bool
        Whether T is diagonal, and there is one level.
    """

    z: np.ndarray
    targets: tuple[str, ...]
    index: np.ndarray | None = None
    levels: int = 1
    factor: str = ""
    diagonal: bool = False


@dataclass(frozen=True, eq=False)
class Law:
    """The law of a block's coefficients, as expressions of the current model.

    Attributes
    ----------
    factor : tensor
        The lower triangle of T, row by row; of a diagonal T its diagonal.
    parts : Any
        What the block makes its coefficients from.
    """

    factor: TensorVariable
    parts: Any
