"""The left-hand side: from columns to an outcome that a family can be observed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glimmer.data import Factor, Frame
from glimmer.errors import OutcomeError
from glimmer.families import Family
from glimmer.formula import Call, Learned, Node, Numbers, learn
from glimmer.record import record

ROUNDING = 1.5e-8
TRIALS = ("p", "prop")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was observed.

    Attributes
    ----------
    y : ndarray, shape (n,)
        Numbers; successes where there are trials.
    trials : ndarray of int, shape (n,), or None
    """

    y: np.ndarray
    trials: np.ndarray | None = None


@record
class Response:
    """The outcome as the formula writes it.

    Attributes
    ----------
    name : str
        The name of the observed variable.
    form : {"values", "labels", "failures", "trials", "proportion"}
        Numbers as they are; a factor of two levels; ``cbind(successes, failures)``;
        ``p(successes, trials)``; a proportion with trials as weights.
    parts : tuple of Learned
    success : str or None
        The level that counts as 1.
    """

    name: str
    form: Literal["values", "labels", "failures", "trials", "proportion"]
    parts: tuple[Learned, ...]
    success: str | None = None

    def trials(
        self, frame: Frame, weights: np.ndarray | None, functions: Mapping[str, Any] | None = None
    ) -> np.ndarray | None:
        """Number of trials of each row, where the outcome has trials."""
        match self.form:
            case "failures":
                return sum(self._numbers(frame, i, functions) for i in (0, 1))  # type: ignore[return-value]
            case "trials":
                return self._numbers(frame, 1, functions)
            case "proportion":
                return weights
        return None

    def outcome(
        self, frame: Frame, weights: np.ndarray | None, functions: Mapping[str, Any] | None = None
    ) -> Outcome:
        """The outcome for any data that hold it."""
        trials = self.trials(frame, weights, functions)
        if self.form == "labels":
            factor = self.parts[0].values(frame, functions)
            assert isinstance(factor, Factor)  # noqa: S101
            return Outcome((factor.codes == factor.levels.index(str(self.success))).astype(float))
        y = self._numbers(frame, 0, functions)
        if self.form == "proportion":
            assert trials is not None  # noqa: S101
            y = np.round(y * trials)
        return Outcome(y, trials)

    def _numbers(self, frame: Frame, part: int, functions: Mapping[str, Any] | None) -> np.ndarray:
        values = self.parts[part].values(frame, functions)
        if not isinstance(values, Numbers) or values.values.ndim > 1:
            raise OutcomeError(
                f"The outcome {self.parts[part].text!r} is not a column of numbers.",
                column=self.parts[part].text,
                fix="choose a numeric outcome, or family='bernoulli' for two labels",
            )
        return values.values


def learn_response(
    node: Node,
    frame: Frame,
    family: Family,
    formula: str,
    weights: np.ndarray | None,
    functions: Mapping[str, Any] | None = None,
) -> tuple[Response, Family]:
    """Learn the left-hand side and check it against the family.

    Returns
    -------
    Response, Family
        The family's form without trials, if it has one and each row is a single trial.

    Raises
    ------
    OutcomeError
        The outcome does not suit the family.
    """
    if isinstance(node, Call) and node.function in ("cbind", *TRIALS):
        return _counts(node, frame, family, formula, functions), family
    learned = learn(arithmetic(node), frame, formula=formula, functions=functions)
    if learned.levels is not None:
        return _labels(node, learned, family, formula)
    response = Response(str(node), "values", (learned,))
    y = response.outcome(frame, None, functions).y
    if not family.has_trials:
        return response, family
    if family.without_trials is not None and np.isin(y, (0.0, 1.0)).all():
        return response, family.without_trials.with_link(family.link)
    if weights is not None and _is_proportion(y, weights):
        return Response(str(node), "proportion", (learned,)), family
    raise OutcomeError(
        f"The {family.name} family needs the number of trials for {str(node)!r}.",
        column=str(node),
        formula=formula,
        span=node.span,
        fix="write cbind(successes, failures) ~ or p(successes, trials) ~, "
        "or give proportions with weights= whole numbers of trials",
    )


def _counts(
    node: Call, frame: Frame, family: Family, formula: str, functions: Mapping[str, Any] | None
) -> Response:
    if not family.has_trials:
        raise OutcomeError(
            f"The {family.name} family has no trials.",
            formula=formula,
            span=node.span,
            fix="use family='binomial'",
        )
    if len(node.args) != 2 or node.kwargs:
        raise OutcomeError(
            f"{node.function}() takes two columns here, not {len(node.args)}.",
            formula=formula,
            span=node.span,
            fix="write cbind(successes, failures) or p(successes, trials)",
        )
    parts = tuple(
        learn(arithmetic(arg), frame, formula=formula, functions=functions) for arg in node.args
    )
    return Response(str(node), "failures" if node.function == "cbind" else "trials", parts)


def _labels(node: Node, learned: Learned, family: Family, formula: str) -> tuple[Response, Family]:
    binary = family if family.binary else family.without_trials
    if binary is None:
        raise OutcomeError(
            f"The outcome {str(node)!r} holds labels; the {family.name} family needs numbers.",
            column=str(node),
            formula=formula,
            span=node.span,
            fix="choose a numeric outcome, or family='bernoulli' for two labels",
        )
    levels = learned.levels or ()
    if len(levels) != 2:
        shown = ", ".join(map(repr, levels[:4]))
        raise OutcomeError(
            f"The outcome {str(node)!r} has {len(levels)} level(s) ({shown}), not two.",
            column=str(node),
            formula=formula,
            span=node.span,
            fix="make a column that is 1 for a success and 0 for a failure",
        )
    response = Response(str(node), "labels", (learned,), success=levels[1])
    return response, binary if binary is family else binary.with_link(family.link)


def _is_proportion(y: np.ndarray, weights: np.ndarray) -> bool:
    inside = bool(((y >= 0) & (y <= 1)).all() and ((y > 0) & (y < 1)).any())
    whole = bool((np.abs(weights - np.round(weights)) < ROUNDING).all() and (weights > 0).all())
    return inside and whole


def arithmetic(node: Node) -> Node:
    """An expression such as ``size - incidence`` means arithmetic on the left-hand side."""
    from glimmer.formula import Binary, Unary

    return Call("I", (node,), (), node.span) if isinstance(node, Binary | Unary) else node


def check_outcome(outcome: Outcome, response: Response, family: Family, rows: np.ndarray) -> None:
    """Raise `OutcomeError` if some outcome is impossible under the family.

    Parameters
    ----------
    outcome : Outcome
    response : Response
    family : Family
    rows : ndarray, shape (n,)
        What the rows are called in messages.
    """
    family.support.check(outcome.y, response.name, family.name, rows)
    if outcome.trials is None:
        return
    y, trials = outcome.y, outcome.trials
    bad = np.flatnonzero(~((trials >= y) & (trials == np.round(trials))))
    if bad.size:
        i = bad[0]
        failures = f" and {trials[i] - y[i]:g} failures" if response.form == "failures" else ""
        raise OutcomeError(
            f"Row {rows[i]} has {y[i]:g} successes{failures} in {trials[i]:g} trials.",
            column=response.name,
            fix="trials must be whole numbers, and at least as many as successes",
        )
