"""Named checks of data and design; what to do about a doubtful finding is the user's to say.

Findings that make a model meaningless are errors. The others are warnings by default and can each be
set to ``"ignore"``, ``"warn"`` or ``"error"`` by name, as with lme4's ``lmerControl``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from glimmer.errors import (
    Collinear,
    Constant,
    DataWarning,
    DesignError,
    DesignWarning,
    ModelError,
    ModelWarning,
    NotEnoughData,
    NotFinite,
    OutcomeError,
    TooFewGroups,
    suggestion,
    warn,
)
from glimmer.families import Family
from glimmer.terms import GroupBlock, GroupDesign

RANK_TOLERANCE = 1e-7
WORST_CONDITION = 1e10
EXTREME = 1e100
SEPARATION_CELLS = 200_000


@dataclass(frozen=True)
class Finding:
    """Something doubtful: the name of the check, what is wrong and what to do."""

    check: str
    message: str
    fix: str


CHECKS: dict[str, tuple[str, type[ModelWarning], type[ModelError]]] = {
    "collinear": ("error", DesignWarning, Collinear),
    "near_collinear": ("warn", DesignWarning, Collinear),
    "many_columns": ("warn", DesignWarning, DesignError),
    "more_columns_than_rows": ("warn", DesignWarning, DesignError),
    "few_levels": ("warn", DesignWarning, TooFewGroups),
    "scale": ("warn", DataWarning, DesignError),
    "one_class": ("warn", DataWarning, OutcomeError),
    "all_zero": ("warn", DataWarning, OutcomeError),
    "separation": ("warn", DesignWarning, DesignError),
    "weights": ("warn", DataWarning, DesignError),
}
ACTIONS = ("ignore", "warn", "error")


def actions(given: Mapping[str, str] | None) -> dict[str, str]:
    """The action of every check, the user's choices over the defaults."""
    chosen = {name: default for name, (default, _, _) in CHECKS.items()}
    for name, action in (given or {}).items():
        if name not in CHECKS:
            raise DesignError(f"There is no check {name!r}.", fix=suggestion(name, CHECKS))
        if action not in ACTIONS:
            raise DesignError(f"{action!r} is no action.", fix=f"use one of {ACTIONS}")
        chosen[name] = action
    return chosen


def report(findings: Iterator[Finding], chosen: Mapping[str, str]) -> None:
    """Do about each finding what its check's action says."""
    for finding in findings:
        _, category, error = CHECKS[finding.check]
        if chosen[finding.check] == "error":
            raise error(finding.message, fix=finding.fix)
        if chosen[finding.check] == "warn":
            switch = f'{finding.fix}; or checks={{"{finding.check}": "ignore"}}'
            warn(finding.message, category, fix=switch)


def check_columns(X: np.ndarray, names: Sequence[str], intercept: bool) -> Iterator[Finding]:
    """Judge the columns of the common terms, shape (n, K)."""
    n, k = X.shape
    for j, name in enumerate(names):
        column = X[:, j]
        if not np.isfinite(column).all() or np.abs(column).max() > EXTREME:
            raise NotFinite(
                f"The column {name!r} has values too large to compute with.",
                column=name,
                fix="rescale it, e.g. to a standard deviation near 1",
            )
        if intercept and np.ptp(column) == 0:
            raise Constant(
                f"The column {name!r} is constant ({column[0]:g}).",
                column=name,
                fix="leave it out: the intercept is there already",
            )
        spread = float(column.std())
        if 0 < spread < 1 / EXTREME:
            raise NotFinite(
                f"The column {name!r} has values too small to compute with.",
                column=name,
                fix="rescale it, e.g. to a standard deviation near 1",
            )
        if not 1e-8 < spread < 1e8 and spread > 0:
            yield Finding(
                "scale",
                f"The column {name!r} has standard deviation {spread:.3g}.",
                "rescale it to a standard deviation near 1",
            )
    yield from _rank(X, names, intercept)
    if k + intercept >= n:
        yield Finding(
            "more_columns_than_rows",
            f"There are {k + intercept} coefficients for {n} rows.",
            "use a shrinkage prior such as gl.hs()",
        )


def _rank(X: np.ndarray, names: Sequence[str], intercept: bool) -> Iterator[Finding]:
    n, k = X.shape
    if not k or k >= n:
        return
    full = np.column_stack([np.ones(n), X]) if intercept else X
    labels = ["(Intercept)", *names] if intercept else list(names)
    scaled = full / np.maximum(np.linalg.norm(full, axis=0), np.finfo(float).tiny)
    gram = scaled.T @ scaled
    values, vectors = linalg.eigh(gram)
    if values[0] <= RANK_TOLERANCE**2 * values[-1]:
        loading = np.abs(vectors[:, 0])
        tied = [labels[j] for j in np.flatnonzero(loading > 0.05 * loading.max())]
        yield Finding(
            "collinear",
            f"These columns are linear combinations of each other: {', '.join(tied)}.",
            "leave one of them out",
        )
        return
    condition = np.sqrt(values[-1] / values[0])
    if condition > 1e5:
        yield Finding(
            "near_collinear",
            f"The columns are nearly collinear (condition number {condition:.2g}).",
            "centre or orthogonalize them, e.g. with QR=True",
        )


def check_width(labels: int, name: str, n: int) -> Iterator[Finding]:
    """Judge the number of columns of a term before they are built."""
    if labels > 1000:
        yield Finding(
            "many_columns",
            f"The term {name!r} has {labels} columns, {labels * n * 8 / 1e9:.2g} GB of memory.",
            f"make it a group-specific effect, (1 | {name})",
        )


def check_group(
    block: GroupBlock, data: GroupDesign, family: Family, n: int
) -> Iterator[Finding]:
    """Judge a grouping factor."""
    levels = len(block.levels)
    if levels < 2:
        raise TooFewGroups(
            f"The grouping factor {block.factor_name!r} has a single level.",
            column=block.factor_name,
            fix=f"leave out the group-specific term of {block.factor_name}",
        )
    if family.group_scale is not None and levels == n and block.intercept:
        raise DesignError(
            f"Every row has its own level of {block.factor_name!r}: its effects cannot be told "
            "from the residuals.",
            column=block.factor_name,
            fix="use a coarser grouping factor",
        )
    for k, name in enumerate(block.effect_names):
        if not data.columns[:, k].any():
            raise Constant(f"The column of {name!r} is zero everywhere.", column=name)
    if levels < 5:
        yield Finding(
            "few_levels",
            f"The grouping factor {block.factor_name!r} has {levels} levels: the standard "
            "deviation between them is known mostly from its prior.",
            "look at the prior (model.prior_summary()), or use a common effect instead",
        )


def check_outcome_varies(y: np.ndarray, name: str, family: Family) -> Iterator[Finding]:
    """Judge the outcome as a whole."""
    if len(y) < 2:
        raise NotEnoughData(f"There are {len(y)} rows.", fix="a model needs at least two")
    if family.unit is not None and np.ptp(y) == 0:
        raise Constant(
            f"The outcome {name!r} is constant ({y[0]:g}): it has no scale.",
            column=name,
            fix="check the outcome",
        )
    if family.unit is not None and not 1 / EXTREME < y.std() < EXTREME:
        raise NotFinite(
            f"The outcome {name!r} has standard deviation {y.std():.3g}.",
            column=name,
            fix="rescale it, e.g. to a standard deviation near 1",
        )
    if family.binary and np.ptp(y) == 0:
        yield Finding(
            "one_class",
            f"The outcome {name!r} is {y[0]:g} in every row: the prior decides.",
            "check the outcome",
        )
    elif family.support.whole and not y.any():
        yield Finding(
            "all_zero", f"The outcome {name!r} is 0 in every row.", "check the outcome"
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
            "finite maximum likelihood estimate, so the prior decides.",
            "keep a proper prior on it, or drop the column",
        )
