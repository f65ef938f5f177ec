"""Finds what is wrong or doubtful in a model's columns, groups, outcome and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from glimmer.data import Column, Numeric
from glimmer.errors import Constant, DuplicateName, NotFinite, TooFewGroups
from glimmer.families import Family
from glimmer.learn.checks import Finding
from glimmer.spec.priors import check_proper, improper
from glimmer.terms import GroupBlock, GroupDesign
from glimmer.terms.naming import data_name

if TYPE_CHECKING:
    from glimmer.spec.model import ModelSpec

LARGEST = 1e100
COMFORTABLE = 1e8
WIDE = 1000
FEW = 5
WORST_CONDITION = 1e5
SEPARATION_CELLS = 200_000
EPSILON = np.finfo(float).eps


def check_columns(X: np.ndarray, names: Sequence[str], intercept: bool) -> Iterator[Finding]:
    """Judge the columns of the common terms, shape (n, K), one by one."""
    for column, name in zip(X.T, names, strict=True):
        yield from _check_scale(column, f"column {name!r}", name)
        if not column.any():
            raise Constant(
                f"The column {name!r} is 0 in every row.",
                column=name,
                fix="leave it out; for levels that never occur together, merge some, or make them "
                "a group-specific term",
            )
        if intercept and np.ptp(column) == 0:
            raise Constant(
                f"The column {name!r} is constant ({column[0]:g}).",
                column=name,
                fix="leave it out: the intercept is there already",
            )


def check_covariates(columns: Sequence[Column]) -> Iterator[Finding]:
    """Judge the numeric covariates of smooths."""
    for column in columns:
        if isinstance(column, Numeric):
            yield from _check_scale(column.values, f"column {column.name!r}", column.name)


def _check_scale(values: np.ndarray, what: str, name: str) -> Iterator[Finding]:
    """Judge whether sums of squares of the values can be computed, and how well."""
    largest = np.abs(values).max() if np.isfinite(values).all() else np.inf
    spread = float(values.std()) if largest < LARGEST else np.inf
    fix = "rescale it to a standard deviation near 1"
    if not largest < LARGEST or (np.ptp(values) > 0 and spread < 1 / LARGEST):
        size = "large" if largest > 1 else "small"
        raise NotFinite(f"The {what} has values too {size} to compute with.", column=name, fix=fix)
    if spread > 0 and not 1 / COMFORTABLE < spread < COMFORTABLE:
        yield Finding("scale", f"The {what} has standard deviation {spread:.3g}.", fix, name)


def check_rank(X: np.ndarray, names: Sequence[str], intercept: bool) -> Iterator[Finding]:
    """Judge the columns of the common terms, shape (n, K), together."""
    n, k = X.shape
    if not k or k + intercept > n:
        return
    centred = X - X.mean(0) if intercept else X
    norms = np.maximum(np.linalg.norm(centred, axis=0), np.finfo(float).tiny)
    scaled = centred / norms
    squares = np.linalg.eigvalsh(scaled.T @ scaled)
    if squares[0] * WORST_CONDITION**2 > squares[-1]:
        return
    _, values, vectors = np.linalg.svd(scaled, full_matrices=False)
    rounding = np.sqrt(n) * EPSILON * float(np.max(np.linalg.norm(X, axis=0) / norms))
    loading = np.abs(vectors[-1])
    large = loading > 0.05 * loading.max()
    tied = [name for name, chosen in zip(names, large, strict=True) if chosen]
    level = X.mean(0) * vectors[-1] / norms
    with_one = intercept and abs(level.sum()) > 1e-9 * np.abs(level).sum()
    if values[-1] <= max(rounding, 10 * k * EPSILON) * values[0]:
        yield Finding(
            "collinear",
            f"These columns are linear combinations of each other"
            f"{' and the intercept' if with_one else ''}: {', '.join(tied)}.",
            f"leave one of them out, e.g. {tied[-1]}",
            tied[-1],
        )
    else:
        yield Finding(
            "near_collinear",
            f"These columns are nearly collinear: {', '.join(tied)} "
            f"(condition number {values[0] / values[-1]:.2g}).",
            "leave one of them out, or orthogonalize with poly(...) or QR=True",
            tied[-1],
        )


def check_many(spec: ModelSpec, n: int) -> Iterator[Finding]:
    """Compare the number of coefficients with the number of rows."""
    predictors = spec.predictors.values()
    k = sum(len(p.column_names) + p.intercept for p in predictors)
    if k >= n and not spec.priors.joint:
        yield Finding(
            "more_columns_than_rows",
            f"There are {k} coefficients for {n} rows.",
            "leave terms out, or use a shrinkage prior such as gl.hs()",
        )


def check_width(levels: int, term: str, n: int) -> Iterator[Finding]:
    """Judge the number of columns of a term before they are made."""
    if levels > WIDE:
        yield Finding(
            "many_columns",
            f"The term {term} has {levels:,} columns, {levels * n * 8 / 1e9:.2g} GB of memory.",
            f"make it a group-specific term, (1 | {term})",
            term,
        )


def check_integers(columns: Sequence[Column]) -> Iterator[Finding]:
    """Look for numbers that lose precision."""
    for column in columns:
        if isinstance(column, Numeric) and column.exact is not None:
            yield Finding(
                "large_integers",
                f"Column {column.name!r} has integers beyond 2**53, which lose precision as "
                "float64.",
                "subtract a large number first; if they are labels, use (1 | ...) or factor(...)",
                column.name,
            )


def check_group(block: GroupBlock, data: GroupDesign, family: Family) -> Iterator[Finding]:
    """Judge a grouping factor, and the columns of effects that vary by it."""
    name, levels = block.factor_name, len(block.levels)
    if levels < 2:
        raise TooFewGroups(
            f"The grouping factor {name!r} has a single level.",
            column=name,
            fix=f"leave out the group-specific term of {name}",
        )
    if repeated := [level for level, times in Counter(block.levels).items() if times > 1]:
        raise DuplicateName(
            f"Two combinations of {' and '.join(block.factor)} are both written {repeated[0]!r}.",
            column=name,
            fix="rename levels so that none contains a colon",
        )
    for k, effect in enumerate(block.effect_names):
        if not block.ones[k]:
            yield from _check_effect(data.columns[:, k], effect, block.intercept)
    if family.group_scale is not None and levels == len(data.index) and block.intercept:
        yield Finding(
            "one_row_a_level",
            f"Every row has its own level of {name!r}: its effects and the residuals cannot be "
            "estimated separately.",
            "leave the term out, or use a coarser grouping factor",
            name,
        )


def _check_effect(column: np.ndarray, effect: str, intercept: bool) -> Iterator[Finding]:
    yield from _check_scale(column, f"column of {effect!r}", effect)
    if (intercept and np.ptp(column) == 0) or not column.any():
        raise Constant(
            f"The column of {effect!r} is constant ({column[0]:g}).",
            column=effect,
            fix="leave the effect out",
        )


def check_few_levels(spec: ModelSpec) -> Iterator[Finding]:
    """Look for standard deviations that few levels determine."""
    for block in spec.groups:
        name, levels = block.factor_name, len(block.levels)
        if levels < FEW:
            yield Finding(
                "few_levels",
                f"The grouping factor {name!r} has {levels} levels: the standard deviation between "
                f"them depends mostly on its prior, {spec.priors.covariance[block.name]}.",
                f"choose that prior with care (prior_covariance=), or make {name} a common effect",
                name,
            )


def check_flat(spec: ModelSpec) -> Iterator[Finding]:
    """Look for improper priors; without the likelihood they cannot be sampled from."""
    if not spec.likelihood:
        check_proper(spec.priors)
    if flat := improper(spec.priors):
        yield Finding(
            "flat_prior",
            f"The prior of {', '.join(flat)} is flat: the posterior is proper only if the data "
            "determine the coefficient.",
            "use a wide proper prior, e.g. gl.normal(0, 10, autoscale=True)",
            flat[0],
        )


def check_outcome_varies(y: np.ndarray, name: str, family: Family) -> Iterator[Finding]:
    """Judge the outcome as a whole."""
    if family.unit is not None:
        if np.ptp(y) == 0:
            raise Constant(
                f"The outcome {name!r} is constant ({y[0]:g}), so priors cannot be scaled by it.",
                column=name,
                fix="check the outcome",
            )
        yield from _check_scale(
            np.log(y) if family.unit == "log y" else y, f"outcome {name!r}", name
        )
    if check := family.response.uninformative(y, family.support):
        yield Finding(
            check,
            f"The outcome {name!r} is {y[0]:g} in every row, so the estimate depends mostly on "
            "the prior.",
            "check the outcome",
            name,
        )


def check_separation(
    X: np.ndarray, names: Sequence[str], y: np.ndarray, intercept: bool
) -> Iterator[Finding]:
    """Look for a linear combination of columns that separates 0 from 1 (Albert & Anderson 1984)."""
    from scipy.optimize import linprog

    if X.size > SEPARATION_CELLS or np.ptp(y) == 0 or not X.shape[1]:
        return
    centred = (X - X.mean(0)) / np.maximum(X.std(0), np.finfo(float).tiny)
    full = np.column_stack([np.ones(len(X)), centred]) if intercept else centred
    signed = full * np.where(y > 0, 1.0, -1.0)[:, None]
    answer = linprog(-signed.sum(0), A_ub=-signed, b_ub=np.zeros(len(X)), bounds=(-1, 1))
    if answer.status == 0 and -answer.fun > 1e-6:
        weight = np.abs(answer.x[-len(names) :])
        culprit = names[int(weight.argmax())]
        yield Finding(
            "separation",
            f"The column {culprit!r} separates successes from failures: its coefficient has no "
            "finite maximum likelihood estimate, so its posterior depends mostly on the prior.",
            "keep a proper prior on it, or drop the column",
            culprit,
        )


def check_names(spec: ModelSpec) -> None:
    """Raise `DuplicateName` if a term would have the name of another variable of the model."""
    own = set(_own_names(spec))
    for predictor in spec.predictors.values():
        for term in predictor.common:
            if term.name in own or term.dim in own:
                raise DuplicateName(
                    f"The name {term.name!r} is already used for another variable or dimension "
                    "of the model.",
                    column=term.name,
                    fix="rename the column",
                )


def _own_names(spec: ModelSpec) -> Iterator[str]:
    """Names of variables and dimensions that do not step aside for those of terms."""
    yield from spec.names.own()
    for named in spec.smooth_blocks:
        yield from (named.name, named.dim, data_name(named.name), *named.sds)
    for block in spec.groups:
        yield from block.own_names()
