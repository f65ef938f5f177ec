"""Ignores, warns of or raises doubtful findings about data and design, as ``checks=`` asks.

Findings with which a model cannot be fitted are errors, raised where they are found. The others
have a name, and each can be set to ``"ignore"``, ``"warn"`` or ``"error"``, as with lme4's
``lmerControl``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from glimmer.errors import (
    Collinear,
    DataError,
    DataWarning,
    DesignError,
    DesignWarning,
    FormulaError,
    MissingValues,
    ModelError,
    ModelWarning,
    NotFinite,
    OutcomeError,
    PriorError,
    PriorWarning,
    SmoothError,
    TooFewGroups,
    alternatives,
    suggestion,
    warn,
)


@dataclass(frozen=True)
class Finding:
    """Something doubtful: the name of the check, what is wrong, what to do, and the column."""

    check: str
    message: str
    fix: str | None
    column: str | None = None


@dataclass(frozen=True)
class Check:
    """What a check does by default, and the class that it warns with or raises."""

    default: str
    warning: type[ModelWarning]
    error: type[ModelError]


CHECKS: dict[str, Check] = {
    "formula": Check("warn", DesignWarning, FormulaError),
    "smooths": Check("warn", DesignWarning, SmoothError),
    "unused_levels": Check("warn", DataWarning, DataError),
    "dropped_rows": Check("warn", DataWarning, MissingValues),
    "large_integers": Check("warn", DataWarning, NotFinite),
    "scale": Check("warn", DataWarning, NotFinite),
    "one_class": Check("warn", DataWarning, OutcomeError),
    "all_zero": Check("warn", DataWarning, OutcomeError),
    "separation": Check("warn", DesignWarning, DesignError),
    "collinear": Check("error", DesignWarning, Collinear),
    "near_collinear": Check("warn", DesignWarning, Collinear),
    "many_columns": Check("warn", DesignWarning, DesignError),
    "more_columns_than_rows": Check("warn", DesignWarning, DesignError),
    "few_levels": Check("warn", DesignWarning, TooFewGroups),
    "one_row_a_level": Check("error", DesignWarning, DesignError),
    "flat_prior": Check("warn", PriorWarning, PriorError),
}
ACTIONS = ("ignore", "warn", "error")


class Judge:
    """Does about each finding what its check is set to.

    Parameters
    ----------
    given : mapping of str to str, optional
        The user's choices, which replace the defaults.

    Raises
    ------
    DesignError
        There is no such check, or no such action.
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self.actions = {name: check.default for name, check in CHECKS.items()}
        for name, action in (given or {}).items():
            if name not in CHECKS:
                raise DesignError(f"Unknown check {name!r}.", fix=suggestion(name, CHECKS))
            if action not in ACTIONS:
                raise DesignError(
                    f"The check {name!r} must be {alternatives(ACTIONS)}, not {action!r}.",
                    fix=f"use one of {ACTIONS}",
                )
            self.actions[name] = action

    def __call__(self, findings: Iterator[Finding]) -> None:
        """Ignore, warn of or raise each finding."""
        for finding in findings:
            self._judge(finding)

    def _judge(self, finding: Finding) -> None:
        check, action = CHECKS[finding.check], self.actions[finding.check]
        if action == "error":
            raise check.error(finding.message, column=finding.column, fix=finding.fix)
        if action == "warn":
            switch = f'checks={{"{finding.check}": "ignore"}}'
            warn(
                finding.message,
                check.warning,
                fix=f"{finding.fix}; or {switch}" if finding.fix else switch,
            )

    def hearing[T](self, check: str, read: Callable[[], T]) -> T:
        """Return what ``read`` returns; its warnings are findings of one check."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = read()
        for warning in caught:
            if isinstance(warning.message, ModelWarning):
                message, _, fix = str(warning.message).partition("\nFix: ")
                self._judge(Finding(check, message, fix or None))
        return result
