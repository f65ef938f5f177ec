"""Computes orthogonal polynomials of a column, as R's ``poly``."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimmer.errors import DesignError
from glimmer.formula.arguments import flag, whole

type State = dict[str, Any]


def learn_poly(x: np.ndarray, degree: Any, raw: Any) -> State:
    """Return the recurrence of the polynomials that are orthogonal over ``x``.

    Parameters
    ----------
    x : ndarray, shape (n,)
    degree : int
    raw : bool
        Powers of ``x`` instead.

    Returns
    -------
    dict
        ``alpha``, shape (degree,), the centres; ``norms``, shape (degree + 1,), the squared
        lengths of the monic polynomials (W. J. Kennedy and J. E. Gentle, Statistical Computing,
        1980, pp. 343-347; R's ``poly`` stores the same numbers in its attribute ``coefs``).

    Raises
    ------
    DesignError
        ``degree`` is not below the number of distinct values.
    """
    degree, raw = whole("degree", degree, least=1), flag("raw", raw)
    distinct = len(np.unique(x))
    if degree >= distinct:
        raise DesignError(
            f"A polynomial of degree {degree} needs more than {degree} distinct values; "
            f"there are {distinct}.",
            fix=f"use a degree below {distinct}",
        )
    if raw:
        return {"degree": degree, "raw": True}
    alpha, norms = np.empty(degree), np.empty(degree + 1)
    before, now = np.zeros_like(x), np.ones_like(x)
    norms[0] = len(x)
    for j in range(degree):
        alpha[j] = np.sum(x * now**2) / norms[j]
        before, now = now, _next(x, alpha, norms, j, before, now)
        norms[j + 1] = np.sum(now**2)
    return {"degree": degree, "raw": False, "alpha": alpha, "norms": norms}


def poly(state: State, x: np.ndarray) -> np.ndarray:
    """Return the polynomials of degree 1, 2, ... at ``x``, shape (n, degree)."""
    degree = state["degree"]
    if state["raw"]:
        return x[:, None] ** np.arange(1, degree + 1)
    alpha, norms = state["alpha"], state["norms"]
    before, now = np.zeros_like(x), np.ones_like(x)
    columns = []
    for j in range(degree):
        before, now = now, _next(x, alpha, norms, j, before, now)
        columns.append(now / np.sqrt(norms[j + 1]))
    return np.column_stack(columns)


def _next(
    x: np.ndarray, alpha: np.ndarray, norms: np.ndarray, j: int, before: np.ndarray, now: np.ndarray
) -> np.ndarray:
    """Return the monic polynomial of degree j + 1 from those of degree j and j - 1."""
    shrink = norms[j] / norms[j - 1] if j else 0.0
    return (x - alpha[j]) * now - shrink * before
