"""Computes contrast matrices as R's ``contr.treatment``, ``sum``, ``helmert`` and ``poly``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glimmer.errors import DesignError, FormulaError, suggestion
from glimmer.formula.polynomials import learn_poly, poly

KINDS = ("treatment", "sum", "helmert", "poly")
POLY_LABELS = (".L", ".Q", ".C")


def contrast_matrix(
    kind: str, levels: Sequence[str], base: str | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the columns by which a factor enters the design.

    Parameters
    ----------
    kind : {"treatment", "sum", "helmert", "poly"}
    levels : sequence of str, length L
    base : str, optional
        The reference level of treatment contrasts; the first if not given.

    Returns
    -------
    matrix : ndarray, shape (L, L - 1)
        A row for each level.
    labels : tuple of str, length L - 1
        The level for treatment contrasts, else as R has them: ``1``, ``2``, ... or ``.L``,
        ``.Q``, ``.C``, ``^4``, ...

    Raises
    ------
    DesignError
        There are fewer than two levels, or ``base`` is none of them.
    FormulaError
        There is no such kind of contrast.

    Notes
    -----
    R's functions ``contr.treatment``, ``contr.sum``, ``contr.helmert`` and ``contr.poly``.

    Examples
    --------
    >>> contrast_matrix("sum", ["a", "b", "c"])[0]
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1., -1.]])
    """
    size = len(levels)
    if size < 2:
        raise DesignError(
            f"Contrasts need at least two levels, but there is {size}.", fix="remove the factor"
        )
    numbered = tuple(str(i) for i in range(1, size))
    match kind:
        case "treatment":
            return _treatment(levels, base)
        case "sum":
            return np.vstack([np.eye(size - 1), -np.ones(size - 1)]), numbered
        case "helmert":
            return (np.diag(np.arange(size)) - np.triu(np.ones((size, size)), 1))[:, 1:], numbered
        case "poly":
            return _poly(size)
    raise FormulaError(f"Unknown contrast {kind!r}.", fix=suggestion(kind, KINDS))


def _treatment(levels: Sequence[str], base: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if base is not None and base not in levels:
        raise DesignError(
            f"The reference level {base!r} is not one of the levels.", fix=suggestion(base, levels)
        )
    reference = 0 if base is None else list(levels).index(base)
    others = [i for i in range(len(levels)) if i != reference]
    return np.eye(len(levels))[:, others], tuple(levels[i] for i in others)


def _poly(size: int) -> tuple[np.ndarray, tuple[str, ...]]:
    scores = np.arange(1.0, size + 1)
    matrix = poly(learn_poly(scores, float(size - 1), raw=False), scores)
    labels = [POLY_LABELS[i] if i < 3 else f"^{i + 1}" for i in range(size - 1)]
    return matrix, tuple(labels)
