"""Learns nodes of a formula from training rows, so that new rows are evaluated the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glimmer.data import Factor, Frame
from glimmer.formula.evaluator import Evaluator, Functions
from glimmer.formula.factors import ContrastChoice
from glimmer.formula.nodes import Node
from glimmer.formula.parser import parse
from glimmer.record import record


@dataclass(frozen=True, eq=False)
class Numbers:
    """What a numeric node is on data.

    Attributes
    ----------
    values : ndarray of float64, shape (n,) or (n, k)
    labels : tuple of str, length k
        ``"1"``, ``"2"``, ... for the columns of a matrix; empty for a vector.
    """

    values: np.ndarray
    labels: tuple[str, ...] = ()


@record
class Learned:
    """An atomic node together with what it learned from the data of the fit.

    Attributes
    ----------
    text : str
        The canonical text of the node, read again by the same parser whenever it is evaluated.
    memory : dict
        The state of each learned call, by its canonical text.
    labels : tuple of str
        Of the columns, when there are several.
    """

    text: str
    memory: dict[str, Any]
    labels: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...] | None:
        """The levels of a factor that the data of the fit used, in order; None for numbers."""
        return self._of_factor("levels")

    @property
    def ordered(self) -> bool:
        """Whether it is a factor whose levels are ordered."""
        return bool(self._of_factor("ordered"))

    @property
    def contrast(self) -> ContrastChoice | None:
        """The contrasts that ``C`` asks for, if any."""
        return self._of_factor("contrast")

    def _of_factor(self, key: str) -> Any:
        return self.memory.get(self.text, {}).get(key)

    def values(self, frame: Frame, functions: Functions | None = None) -> Numbers | Factor:
        """Return the node on any data, with what was learned.

        Parameters
        ----------
        frame : Frame
        functions : mapping, optional
            The user's own functions, as they were given to `learn`.

        Returns
        -------
        Numbers or Factor
            A factor is coded by the learned levels.

        Raises
        ------
        NewLevel
            A factor has a level that was not learned.
        NotFinite
            A function has no finite value on a row.
        """
        formula = f"~ {self.text}"
        node = parse(formula).parts[0]
        evaluator = Evaluator(frame, formula, functions or {}, self.memory, learning=False)
        return _labelled(evaluator.value(node))


def learn(node: Node, frame: Frame, *, formula: str, functions: Functions | None = None) -> Learned:
    """Learn an atomic node (a name, a call, or arithmetic as inside a call) from data.

    Parameters
    ----------
    node : Node
    frame : Frame
        Without missing values in the columns that the node uses.
    formula : str
        The formula that the node is part of, to point into.
    functions : mapping from str to callable, optional
        The user's own functions, from arrays of shape (n,) to one of shape (n,) or (n, k), row by
        row: they learn nothing.

    Returns
    -------
    Learned

    Raises
    ------
    UnknownColumn, UnknownFunction, ForbiddenExpression
        A name is neither in the data nor in the table of functions.
    SyntaxProblem
        An argument is not what the function takes.
    WrongType
        Labels stand where numbers are needed, or numbers are stored as text.
    NotFinite
        A column or a function is not finite on a row.
    TooComplex
        The node's canonical text is longer than a formula can be.

    Examples
    --------
    >>> from glimmer.formula import parse
    >>> frame = Frame({"x": [1.0, 2.0, 3.0]})
    >>> learned = learn(parse("~ center(x)").parts[0], frame, formula="~ center(x)")
    >>> learned.values(Frame({"x": [5.0]})).values
    array([3.])
    """
    parse(f"~ {node.text}")  # what new data will need: too long a text fails now
    memory: dict[str, Any] = {}
    evaluator = Evaluator(frame, formula, functions or {}, memory, learning=True)
    value = _labelled(evaluator.value(node))
    return Learned(node.text, memory, value.labels if isinstance(value, Numbers) else ())


def _labelled(value: np.ndarray | Factor) -> Numbers | Factor:
    if isinstance(value, Factor):
        return value
    columns = value.shape[1] if value.ndim == 2 else 0
    return Numbers(value, tuple(str(i + 1) for i in range(columns)))
