"""Learns the terms of a predictor, and their columns in the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glimmer.errors import DesignError, ModelError
from glimmer.formula import Call, Learned, Terms
from glimmer.learn import findings
from glimmer.learn.checks import Judge
from glimmer.learn.options import Options
from glimmer.learn.reading import covariates, named
from glimmer.learn.smooth_priors import RstanarmSmoothPrior
from glimmer.smooths import SmoothSpec, SmoothTerm, learn_smooths, rstanarm_blocks, spec_from_call
from glimmer.spec.columns import common_columns
from glimmer.spec.predictor import Predictor, SumOfTerms
from glimmer.terms import (
    Coder,
    CommonTerm,
    Term,
    learn_common,
    of_predictor,
)
from glimmer.terms.named_smooths import smooth_blocks
from glimmer.terms.naming import MU
from glimmer.terms.protocol import learn_special


@dataclass(frozen=True)
class Placement:
    """Where sampling of a predictor's intercept starts, and the scale of its default prior.

    Attributes
    ----------
    start, reach : float or None
        See `Predictor`.
    unit : float
    estimate : float
        The intercept that a self-start found.
    """

    start: float | None = None
    reach: float | None = None
    unit: float = 1.0
    estimate: float = 0.0


@dataclass(frozen=True, eq=False)
class Population(SumOfTerms):
    """The terms of a predictor as they are learned, with their columns in the training rows.

    Attributes
    ----------
    name : str
    intercept : bool
    common : tuple of CommonTerm
    offsets : tuple of Learned
    smooths : tuple of SmoothTerm
    others : tuple of Term
    X : ndarray, shape (n, K)
        Columns of the common terms.
    """

    name: str
    intercept: bool
    common: tuple[CommonTerm, ...]
    offsets: tuple[Learned, ...]
    smooths: tuple[SmoothTerm, ...]
    others: tuple[Term, ...]
    X: np.ndarray

    def predictor(self, placed: Placement, QR: bool) -> Predictor:
        """The predictor, frozen."""
        means = self.X.mean(axis=0) if self.intercept else np.zeros(self.X.shape[1])
        return Predictor(
            name=self.name,
            intercept=self.intercept,
            common=self.common,
            means=means,
            offsets=self.offsets,
            smooths=self.smooths,
            others=self.others,
            rotation=_rotation(self.X, means, self.intercept) if QR else None,
            start=placed.start,
            reach=placed.reach,
            unit=placed.unit,
        )


def learn_population(
    name: str, terms: Terms, coder: Coder, options: Options, judge: Judge
) -> Population:
    """Learn the terms of a predictor from the coder's training rows."""
    for term in terms.common:
        levels = [len(coder.learned(node).levels or ()) or 1 for node in term.factors]
        judge(findings.check_width(int(np.prod(levels)), str(term), len(coder.frame)))
    judge(findings.check_covariates([coder.frame[v.name] for v in named(*covariates(terms))]))
    prefix = "" if name == MU else f"{name}_"
    common = of_predictor(name, learn_common(terms.common, terms.intercept, coder))
    smooths = judge.hearing("smooths", lambda: _smooth_terms(terms, coder, options))
    return Population(
        name=name,
        intercept=terms.intercept,
        common=common,
        offsets=tuple(coder.learned(node) for node in terms.offsets),
        smooths=tuple(replace(s, prefix=prefix) for s in smooths),  # type: ignore[type-var]
        others=tuple(learn_special(call, coder, prefix) for call in terms.specials),
        X=common_columns(common, coder.frame, coder.functions),
    )


def _smooth_terms(terms: Terms, coder: Coder, options: Options) -> tuple[SmoothTerm, ...]:
    """Learn the smooths of a formula, in the form that their prior asks for."""
    specs = [_smooth_spec(call, coder.formula, options.xt) for call in terms.smooths]
    learned = learn_smooths(specs, coder.frame, options.knots, options.select, coder.formula)
    if isinstance(options.prior_smooth, RstanarmSmoothPrior):
        return tuple(replace(t, blocks=rstanarm_blocks(t, coder.frame)) for t in learned)  # type: ignore[type-var]
    return learned


def _smooth_spec(call: Call, formula: str, xt: Mapping[str, Any] | None) -> SmoothSpec:
    try:
        return spec_from_call(call, xt)
    except ModelError as error:
        error.formula = formula
        raise


def _rotation(X: np.ndarray, means: np.ndarray, intercept: bool) -> np.ndarray:
    """The rotation of a QR decomposition: theta = R beta / sqrt(n - 1)."""
    n, k = X.shape
    if k < 2:
        raise DesignError("QR=True needs at least two common columns.", fix="use QR=False")
    if k + intercept > n:
        raise DesignError(
            f"QR=True needs at least as many rows as coefficients; there are {n} rows "
            f"for {k + intercept}.",
            fix="use QR=False",
        )
    R = np.linalg.qr(X - means, mode="r")
    return np.linalg.inv(R) * np.sqrt(n - 1) * np.sign(np.diag(R))
