"""Computes the outcome of any rows from the left-hand side of a formula.

What is written is one class each, a record: numbers, two labels, ``cbind(successes, failures)``,
``p(successes, trials)``, proportions with trials as weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glimmer.data import Factor, Frame
from glimmer.errors import OutcomeError
from glimmer.formula import Binary, Call, Learned, Node, Numbers, Unary, learn
from glimmer.record import record

Functions = Mapping[str, Any]


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
    """An outcome as the formula writes it.

    Attributes
    ----------
    name : str
        The name of the observed variable.
    parts : tuple of Learned
    success : str or None
        The level that counts as 1, where there are two labels.
    weights_are_trials : bool
        The model's weights are numbers of trials.
    """

    weights_are_trials: ClassVar[bool] = False

    name: str
    parts: tuple[Learned, ...]
    success: str | None = None

    def outcome(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> Outcome:
        """The outcome for any data that hold it: the numbers of its first part, by default."""
        return Outcome(self._numbers(frame, 0, functions), self.trials(frame, weights, functions))

    def trials(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> np.ndarray | None:
        """Number of trials of each row, where the outcome has trials."""
        return None

    @property
    def formulae(self) -> str:
        """How the package formulae, which bambi uses, writes it."""
        return self.parts[0].text

    def counted(self, y: float, trials: float) -> str:
        """A row with trials in words."""
        return f"{y:g} successes in {trials:g} trials"

    def _numbers(self, frame: Frame, part: int, functions: Functions | None) -> np.ndarray:
        values = self.parts[part].values(frame, functions)
        if not isinstance(values, Numbers) or values.values.ndim > 1:
            raise OutcomeError(
                f"The outcome {self.parts[part].text!r} must be one numeric column.",
                column=self.parts[part].text,
                fix="choose a numeric outcome, or family='bernoulli' for two labels",
            )
        return values.values


@record
class Values(Response):
    """Numbers as they are."""


@record
class Labels(Response):
    """Two labels, of which ``success`` counts as 1."""

    def outcome(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> Outcome:
        factor = self.parts[0].values(frame, functions)
        assert isinstance(factor, Factor)  # noqa: S101
        return Outcome((factor.codes == factor.levels.index(str(self.success))).astype(float))

    @property
    def formulae(self) -> str:
        return f"{self.parts[0].text}['{self.success}']"


@record
class Failures(Response):
    """``cbind(successes, failures)``."""

    def trials(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> np.ndarray:
        return self._numbers(frame, 0, functions) + self._numbers(frame, 1, functions)

    @property
    def formulae(self) -> str:
        successes, failures = (part.text for part in self.parts)
        failures = failures[1:] if failures.startswith("I(") else failures
        return f"p({successes}, {{{successes} + {failures}}})"

    def counted(self, y: float, trials: float) -> str:
        return f"{y:g} successes and {trials - y:g} failures in {trials:g} trials"


@record
class Successes(Response):
    """``p(successes, trials)``."""

    def trials(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> np.ndarray:
        return self._numbers(frame, 1, functions)

    @property
    def formulae(self) -> str:
        successes, trials = (part.text for part in self.parts)
        return f"p({successes}, {trials})"


@record
class Proportions(Response):
    """Proportions, whose numbers of trials are the weights."""

    weights_are_trials: ClassVar[bool] = True

    def outcome(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> Outcome:
        assert weights is not None  # noqa: S101
        return Outcome(np.round(self._numbers(frame, 0, functions) * weights), weights)

    def trials(
        self, frame: Frame, weights: np.ndarray | None, functions: Functions | None = None
    ) -> np.ndarray | None:
        return weights


@dataclass(frozen=True, eq=False)
class Reading:
    """A left-hand side that is about to be learned.

    Attributes
    ----------
    node : Node
    frame : Frame
        The training rows.
    formula : str
        The whole formula, for messages.
    weights : ndarray, shape (n,), or None
    functions : mapping of str to callable, or None
    """

    node: Node
    frame: Frame
    formula: str
    weights: np.ndarray | None = None
    functions: Functions | None = None

    @property
    def name(self) -> str:
        """The name of the observed variable."""
        return str(self.node)

    def learned(self, node: Node | None = None) -> Learned:
        """Learn the left-hand side, or an argument of it."""
        node = arithmetic(self.node if node is None else node)
        return learn(node, self.frame, formula=self.formula, functions=self.functions)

    def values(self, response: Response) -> np.ndarray:
        """The outcomes of the training rows, shape (n,)."""
        return response.outcome(self.frame, self.weights, self.functions).y

    def error(self, message: str, fix: str, *, column: bool = True) -> OutcomeError:
        """An error that points at the left-hand side."""
        return OutcomeError(
            message,
            column=self.name if column else None,
            formula=self.formula,
            span=self.node.span,
            fix=fix,
        )


def arithmetic(node: Node) -> Node:
    """On the left-hand side an expression such as ``size - incidence`` is arithmetic."""
    return Call("I", (node,), (), node.span) if isinstance(node, Binary | Unary) else node
