"""Reads and checks outcomes by kind: a number, one of two, or successes in a number of trials.

A kind reads the left-hand side of a formula, checks the outcomes, and answers what depends on them:
where their levels lie, where sampling may start, what is doubtful about them. Another kind (ordered
categories, several columns) is another subclass of `ResponseKind`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glimmer.errors import OutcomeError
from glimmer.families.responses import (
    Failures,
    Labels,
    Outcome,
    Proportions,
    Reading,
    Response,
    Successes,
    Values,
)
from glimmer.families.support import Support
from glimmer.formula import Call, Learned

ROUNDING = 1.5e-8
WRITTEN: dict[str, type[Response]] = {"cbind": Failures, "p": Successes, "prop": Successes}


@dataclass(frozen=True)
class ResponseKind:
    """Numbers, one in a row, and the base of other kinds.

    Attributes
    ----------
    has_trials : bool
        Each row has a number of trials, which the distribution takes as ``trials``.
    binary : bool
        Outcomes are 0 or 1.
    """

    has_trials: ClassVar[bool] = False
    binary: ClassVar[bool] = False

    @property
    def single(self) -> Any:
        """The family of single trials, if this kind has trials and there is one."""
        return None

    def learn(self, reading: Reading, family: str) -> tuple[Response, bool]:
        """Learn the left-hand side.

        Parameters
        ----------
        reading : Reading
        family : str
            Its name, for messages.

        Returns
        -------
        response : Response
        single : bool
            Whether each row is a single trial, so that the family is `single`.

        Raises
        ------
        OutcomeError
            The outcome does not suit the family.
        """
        if _counts(reading) is not None:
            raise reading.error(
                f"The {family} family has no trials.", "use family='binomial'", column=False
            )
        learned = reading.learned()
        if learned.levels is not None:
            return self._labels(reading, learned, family)
        return Values(reading.name, (learned,)), False

    def _labels(self, reading: Reading, learned: Learned, family: str) -> tuple[Response, bool]:
        raise reading.error(
            f"The outcome {reading.name!r} is categorical, but the {family} family needs numbers.",
            "choose a numeric outcome, or family='bernoulli' for two labels",
        )

    def check(
        self, outcome: Outcome, response: Response, support: Support, family: str, rows: np.ndarray
    ) -> None:
        """Raise `OutcomeError` if some outcome is impossible.

        Parameters
        ----------
        outcome : Outcome
        response : Response
        support : Support
        family : str
        rows : ndarray, shape (n,)
            What the rows are called in messages.
        """
        support.check(outcome.y, response.name, family, rows)

    def arguments(self, trials: Any) -> dict[str, Any]:
        """Arguments of the distribution that belong to the rows."""
        return {}

    def levels(self, support: Support) -> tuple[float, float]:
        """Open ends of the interval where the level of an outcome lies."""
        return support.lower, support.upper

    def start_means(self, outcome: Outcome, support: Support) -> list[float]:
        """Means to start from, the best first; others where that one has no link."""
        y = outcome.y
        mean = float(y.mean())
        if support.lower == 0:
            return [max(mean, 0.5 / len(y))]
        return [mean, abs(mean), float(y.std()), 1.0]

    def pulled_inside(self, y: np.ndarray, support: Support) -> np.ndarray:
        """Outcomes where links of their means are finite, shape (n,)."""
        return np.maximum(y, 0.5 * y[y > 0].min(initial=1.0)) if support.lower == 0 else y

    def uninformative(self, y: np.ndarray, support: Support) -> str | None:
        """The name of the check that outcomes fail if all are equal; None if they vary."""
        return "all_zero" if support.whole and not y.any() else None


class Numbers(ResponseKind):
    """Numbers, one in a row."""


class Binary(ResponseKind):
    """0 or 1, or one of two labels."""

    binary: ClassVar[bool] = True

    def _labels(self, reading: Reading, learned: Learned, family: str) -> tuple[Response, bool]:
        return two_labels(reading, learned), False

    def levels(self, support: Support) -> tuple[float, float]:
        return 0.0, 1.0

    def start_means(self, outcome: Outcome, support: Support) -> list[float]:
        return [_share(outcome.y, len(outcome.y))]

    def pulled_inside(self, y: np.ndarray, support: Support) -> np.ndarray:
        return _squeezed(y)

    def uninformative(self, y: np.ndarray, support: Support) -> str | None:
        return "one_class" if np.ptp(y) == 0 else None


@dataclass(frozen=True)
class Trials(ResponseKind):
    """Successes in a number of trials: ``cbind()``, ``p()``, or proportions with weights.

    Parameters
    ----------
    single : Family, optional
        The family of single trials, for outcomes that are 0 or 1 or one of two labels.
    """

    has_trials: ClassVar[bool] = True

    single: Any = None

    def learn(self, reading: Reading, family: str) -> tuple[Response, bool]:
        if (call := _counts(reading)) is not None:
            return _of_two_columns(reading, call), False
        learned = reading.learned()
        if learned.levels is not None:
            return self._labels(reading, learned, family)
        response = Values(reading.name, (learned,))
        y = reading.values(response)
        if self.single is not None and np.isin(y, (0.0, 1.0)).all():
            return response, True
        if reading.weights is not None and _are_proportions(y, reading.weights):
            return Proportions(reading.name, (learned,)), False
        raise reading.error(
            f"The {family} family needs the number of trials for {reading.name!r}.",
            "write cbind(successes, failures) ~ or p(successes, trials) ~, "
            "or give proportions with weights= whole numbers of trials",
        )

    def _labels(self, reading: Reading, learned: Learned, family: str) -> tuple[Response, bool]:
        if self.single is None:
            return super()._labels(reading, learned, family)
        return two_labels(reading, learned), True

    def check(
        self, outcome: Outcome, response: Response, support: Support, family: str, rows: np.ndarray
    ) -> None:
        super().check(outcome, response, support, family, rows)
        y, trials = outcome.y, outcome.trials
        if trials is None:
            return
        bad = np.flatnonzero(~((trials >= y) & (trials == np.round(trials))))
        if bad.size:
            i = bad[0]
            raise OutcomeError(
                f"Row {rows[i]} has {response.counted(y[i], trials[i])}.",
                column=response.name,
                fix="trials must be whole numbers, and at least as many as successes",
            )

    def arguments(self, trials: Any) -> dict[str, Any]:
        return {} if trials is None else {"trials": trials}

    def levels(self, support: Support) -> tuple[float, float]:
        return 0.0, 1.0

    def start_means(self, outcome: Outcome, support: Support) -> list[float]:
        trials = len(outcome.y) if outcome.trials is None else float(outcome.trials.sum())
        return [_share(outcome.y, trials)]

    def pulled_inside(self, y: np.ndarray, support: Support) -> np.ndarray:
        return _squeezed(y)


def two_labels(reading: Reading, learned: Learned) -> Labels:
    """The outcome that is 1 at the second of two labels; raises `OutcomeError` if not two."""
    levels = learned.levels or ()
    if len(levels) != 2:
        shown = ", ".join(map(repr, levels[:4]))
        raise reading.error(
            f"The outcome {reading.name!r} must have two levels; it has {len(levels)} ({shown}).",
            "make a column that is 1 for a success and 0 for a failure",
        )
    return Labels(reading.name, (learned,), success=levels[1])


def _counts(reading: Reading) -> Call | None:
    """The call of ``cbind`` or ``p``, if the left-hand side is one."""
    node = reading.node
    return node if isinstance(node, Call) and node.function in WRITTEN else None


def _of_two_columns(reading: Reading, call: Call) -> Response:
    if len(call.args) != 2 or call.kwargs:
        raise reading.error(
            f"{call.function}() must have two columns here, not {len(call.args)}.",
            "write cbind(successes, failures) or p(successes, trials)",
            column=False,
        )
    return WRITTEN[call.function](reading.name, tuple(reading.learned(arg) for arg in call.args))


def _are_proportions(y: np.ndarray, weights: np.ndarray) -> bool:
    inside = bool(((y >= 0) & (y <= 1)).all() and ((y > 0) & (y < 1)).any())
    whole = bool((np.abs(weights - np.round(weights)) < ROUNDING).all() and (weights > 0).all())
    return inside and whole


def _share(successes: np.ndarray, trials: float) -> float:
    """The share of successes, inside (0, 1)."""
    return float((successes.sum() + 0.5) / (trials + 1))


def _squeezed(share: np.ndarray) -> np.ndarray:
    """Shares moved inside (0, 1), by less the more there are."""
    return (share * (len(share) - 1) + 0.5) / len(share)


NUMBERS, BINARY = Numbers(), Binary()
