"""The linear predictors of a model, one below the other: one, or those of a curve's parameters.

With K linear predictors of n rows each, row k n + i of the design is row i of predictor k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glimmer.assemble.curve_effects import centered_name
from glimmer.spec.priors import ParameterPriors
from glimmer.spec.smooth_blocks import NamedBlock, named_blocks

if TYPE_CHECKING:
    from glimmer.priors import Prior
    from glimmer.spec import Design, LinearPredictor, ModelSpec

Variable = tuple[str, int | None, "Prior"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """A linear predictor with its priors and its columns.

    Attributes
    ----------
    predictor : LinearPredictor
    intercept : str
        Name of the intercept at the means of the columns.
    priors : ParameterPriors
    X : ndarray, shape (n, K)
        Columns of the common terms, uncentred.
    offset : ndarray, shape (n,), or None
    """

    predictor: LinearPredictor
    intercept: str
    priors: ParameterPriors
    X: np.ndarray
    offset: np.ndarray | None

    @property
    def named(self) -> list[NamedBlock]:
        """The blocks of its smooths."""
        return list(named_blocks(self.predictor.smooths))

    def variables(self, spec: ModelSpec) -> list[Variable] | None:
        """Name, width (None for a number) and prior of each variable among its common columns.

        Intercept, terms (or the rotated vector), null spaces of smooths. None if some coefficients
        share a prior.
        """
        predictor, out = self.predictor, list[Variable]()
        if predictor.intercept:
            assert self.priors.intercept is not None  # noqa: S101
            out.append((self.intercept, None, self.priors.intercept))
        if predictor.rotation is not None:
            name, width = f"{spec.names.coefficients}_rotated", len(predictor.column_names)
            out.append((name, width, self.priors.common[0].prior))
        else:
            own = {common.terms: common.prior for common in self.priors.common}
            for term in predictor.common:
                if (term.name,) not in own:
                    return None
                out.append((term.name, None if term.scalar else term.width, own[term.name,]))
        null = spec.priors.smooth.null
        out += [(b.name, b.block.size, null[b.name]) for b in self.named if not b.block.sds]
        return out

    def columns(self, design: Design) -> np.ndarray:
        """The columns of its variables, shape (n, k)."""
        X = self.X - self.predictor.means
        if self.predictor.rotation is not None:
            X = X @ self.predictor.rotation
        ones = [np.ones((design.n, 1))] if self.predictor.intercept else []
        null = [np.asarray(design.smooths[b.name]) for b in self.named if not b.block.sds]
        return np.hstack([*ones, X, *null])


def predicted(spec: ModelSpec, design: Design) -> list[Predicted]:
    """The linear predictors of a model."""
    if spec.nonlinear is None:
        priors = ParameterPriors(spec.priors.intercept, spec.priors.common)
        return [Predicted(spec.predictor, spec.centered_intercept, priors, design.X, design.offset)]
    curve, priors_of = design.curve, spec.priors.parameters
    assert curve is not None  # noqa: S101
    all_of = []
    for p in spec.nonlinear.free:
        assert p.predictor is not None  # noqa: S101
        offset = curve.offsets.get(p.name)
        name, X = centered_name(p), curve.X[p.name]
        all_of.append(Predicted(p.predictor, name, priors_of[p.name], X, offset))
    return all_of


@dataclass(frozen=True)
class Stack:
    """Rows of several linear predictors, one below the other.

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


def offsets(all_of: list[Predicted], n: int) -> np.ndarray | None:
    """What is added to all rows; None where nothing is."""
    if all(one.offset is None for one in all_of):
        return None
    return np.concatenate([np.zeros(n) if one.offset is None else one.offset for one in all_of])
