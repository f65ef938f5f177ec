"""Declares terms: what each learns from the training rows, and adds to a predictor for any rows.

A term of one's own is a subclass of `Term`, registered under the word that calls it in
formulas. It has columns, and one coefficient for each:

* `Term.weights` gives the coefficients as a function of the term's parameters, or
* they are normal with the covariance matrix of `Term.covariance`. Such a term is sampled in
  integrated or whitened coordinates as group-specific effects are, and has a law for places that
  the training rows did not have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from glimmer.errors import FormulaError
from glimmer.formula.specials import register_special
from glimmer.record import record
from glimmer.terms.naming import variable_name

if TYPE_CHECKING:
    from glimmer.data import Frame
    from glimmer.formula import Call
    from glimmer.priors import Prior
    from glimmer.terms.coding import Coder


@dataclass(frozen=True, eq=False)
class TermArrays:
    """A term's columns in some rows.

    Attributes
    ----------
    columns : ndarray, shape (n, m)
        Of the coefficients, those of ``new`` last.
    new : tuple
        The places that the training rows did not have; they have coefficients of their own.
    """

    columns: np.ndarray
    new: tuple[Any, ...] = ()

    def take(self, rows: np.ndarray) -> TermArrays:
        """Return the arrays of some rows."""
        return replace(self, columns=self.columns[rows])


@dataclass(frozen=True)
class TermParameter:
    """A parameter of a term.

    Attributes
    ----------
    name : str
        Added to the term's own: ``mo(x)_simplex``; empty for the term's name alone.
    prior : Prior
        The default.
    lower : float
        Where its domain begins.
    labels : tuple
        Of its elements; empty for a number.
    """

    name: str
    prior: Prior
    lower: float = -np.inf
    labels: tuple[Any, ...] = ()


class Term(ABC):
    """A term of a predictor, a record that is frozen when it has learned.

    Attributes
    ----------
    name : str
        As in the formula, with the predictor's prefix.
    column : str
        The column that it reads.
    labels : tuple
        The places of normal coefficients: times, areas.
    normal : bool
        Whether coefficients are normal, with `covariance`.
    labelled : bool
        Whether ``column`` is read as labels.

    Examples
    --------
    >>> import glimmer as gl
    >>> @gl.register_term("half")
    ... class Half(gl.Term):
    ...     name: str
    ...     column: str
    ...
    ...     @classmethod
    ...     def learn(cls, call, coder, name):
    ...         return cls(name, str(call.args[0]))
    ...
    ...     def design(self, frame):
    ...         return gl.TermArrays(frame.numeric(self.column).values[:, None] / 2)
    ...
    ...     def parameters(self):
    ...         return (gl.TermParameter("", gl.normal(0, autoscale=True)),)
    ...
    ...     def weights(self, values):
    ...         return values[""][None]
    >>> model = gl.GlmerBuilder("Reaction ~ half(Days)", gl.load_data("sleepstudy"))
    >>> [v.name for v in model.build().free_RVs]
    ['sigma', 'Intercept', 'half(Days)']
    """

    name: str
    column: str
    labels: tuple[Any, ...]
    normal: ClassVar[bool] = False
    labelled: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def learn(cls, call: Call, coder: Coder, name: str) -> Self:
        """Return the term, with what it learns from the training rows.

        Parameters
        ----------
        call : Call
            As the formula has it: ``mo(x)``.
        coder : Coder
            Has the training rows, ``coder.frame``.
        name : str
            What to call the term.
        """

    def columns(self) -> Mapping[str, bool]:
        """Names of the columns that the term reads, and whether each is read as labels."""
        return {self.column: self.labelled}

    @abstractmethod
    def design(self, frame: Frame) -> TermArrays:
        """Return the term's columns for any data."""

    @abstractmethod
    def parameters(self) -> tuple[TermParameter, ...]:
        """The parameters, in the order in which they are registered."""

    def weights(self, values: Mapping[str, Any]) -> Any:
        """The coefficients, shape (m,), from the parameters by name (tensors)."""
        raise NotImplementedError

    def covariance(self, s: Sequence[Any], t: Sequence[Any], values: Mapping[str, Any]) -> Any:
        """Covariances of normal coefficients at places s and t, shape (len(s), len(t))."""
        raise NotImplementedError

    def factor(self, values: Mapping[str, Any]) -> Any:
        """The lower triangle T of normal coefficients b = T u, u ~ N(0, I), shape (m, m)."""
        import pytensor.tensor as pt

        return pt.linalg.cholesky(self.covariance(self.labels, self.labels, values))

    def unseen(self, new: Sequence[Any], values: Mapping[str, Any], b: Any) -> tuple[Any, Any]:
        """Mean and lower triangle of the coefficients at new places, given those at the others."""
        import pytensor.tensor as pt

        known, across, own = (
            self.covariance(s, t, values)
            for s, t in ((self.labels, self.labels), (self.labels, new), (new, new))
        )
        regression = pt.linalg.solve(known, across, assume_a="pos")
        return pt.dot(regression.T, b), pt.linalg.cholesky(own - pt.dot(across.T, regression))


_TERMS: dict[str, type[Term]] = {}


def register_term[T: Term](word: str) -> Callable[[type[T]], type[T]]:
    """Let calls of ``word`` in formulas be terms of the class that this decorates.

    The class becomes a record: its annotated fields are what it learns, and are saved with a model.

    Parameters
    ----------
    word : str
        As in ``mo(x)``.

    Raises
    ------
    FormulaError
        The word is used in formulas already.
    """

    def registered(cls: type[T]) -> type[T]:
        register_special(word)
        _TERMS[word] = record(cls)
        return _TERMS[word]  # type: ignore[return-value]

    return registered


def learn_special(call: Call, coder: Coder, prefix: str) -> Term:
    """Learn the term of a call in a formula.

    Raises
    ------
    FormulaError
        The word is registered, but without a class of terms.
    """
    if call.function not in _TERMS:
        raise FormulaError(
            f"The word {call.function!r} is registered without a class of terms.",
            fix=f"define the class with @gl.register_term({call.function!r})",
        )
    return _TERMS[call.function].learn(call, coder, prefix + variable_name(str(call)))
