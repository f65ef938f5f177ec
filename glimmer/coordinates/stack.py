"""Stacks the predictors of a model, one below the other, as the rows of one predictor.

With K predictors of n rows each, row k n + i of the design is row i of predictor k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from glimmer.priors import Prior
    from glimmer.spec import Design, ModelSpec, Predictor

Variable = tuple[str, int | None, "Prior"]


def variables(spec: ModelSpec, predictor: Predictor) -> list[Variable] | None:
    """Name, width (None for a number) and prior of each variable among the common columns.

    Intercept, terms (or the rotated vector), null spaces of smooths. None if some coefficients
    share a prior.
    """
    priors, out = spec.priors.predictors[predictor.name], list[Variable]()
    if predictor.intercept:
        assert priors.intercept is not None  # noqa: S101
        out.append((spec.names.centered[predictor.name], None, priors.intercept))
    if predictor.rotation is not None:
        width = len(predictor.column_names)
        out.append((spec.names.rotated, width, priors.common[0].prior))
    else:
        own = {common.terms: common.prior for common in priors.common}
        for term in predictor.common:
            if (term.name,) not in own:
                return None
            out.append((term.name, None if term.scalar else term.width, own[term.name,]))
    null = spec.priors.smooth.null
    out += [(b.name, b.block.size, null[b.name]) for b in predictor.smooth_blocks if not b.sds]
    return out


def columns(predictor: Predictor, design: Design) -> np.ndarray:
    """The columns of these variables, shape (n, k)."""
    X = design.columns[predictor.name] - predictor.means
    if predictor.rotation is not None:
        X = X @ predictor.rotation
    ones = [np.ones((design.n, 1))] if predictor.intercept else []
    null = [np.asarray(design.smooths[b.name]) for b in predictor.smooth_blocks if not b.sds]
    return np.hstack([*ones, X, *null])


@dataclass(frozen=True)
class Stack:
    """Rows of several predictors, one below the other.

    Attributes
    ----------
    names : tuple of str, length K
        Of the predictors.
    """

    names: tuple[str, ...]

    def columns(self, columns: np.ndarray, targets: str | Sequence[str]) -> np.ndarray:
        """Columns in the rows of the predictors they belong to, zero in the others' rows.

        Parameters
        ----------
        columns : ndarray, shape (n, q)
        targets : str or sequence of str
            The predictor of all columns, or of each.

        Returns
        -------
        ndarray, shape (K n, q)
        """
        if len(self.names) == 1:
            return columns
        n, q = columns.shape
        places = [self.names.index(target) for target in np.broadcast_to(targets, q)]
        out = np.zeros((len(self.names), n, q))
        out[places, :, np.arange(q)] = columns.T
        return out.reshape(-1, q)

    def index(self, index: np.ndarray) -> np.ndarray:
        """The levels of all rows."""
        return np.tile(index.astype(np.int64), len(self.names))

    def offsets(self, design: Design) -> np.ndarray | None:
        """What is added to all rows, shape (K n,); None where nothing is."""
        own = [design.offsets.get(name) for name in self.names]
        if all(offset is None for offset in own):
            return None
        return np.concatenate([np.zeros(design.n) if o is None else o for o in own])
