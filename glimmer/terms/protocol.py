"""What a term is: it learns from the training rows, and adds to a predictor for any rows.

Terms of a package of one's own subclass `Term` and are registered under the word that stands for
them in formulas. A term has columns, and one coefficient for each:

* `Term.weights` gives them as a function of the term's parameters, or
* they are normal, b = T u with u ~ N(0, I): `Term.factor` gives T. Such a term is sampled in
  integrated or whitened coordinates as group-specific effects are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

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
        Of the m coefficients, those of ``new`` last.
    new : tuple of str
        What the term has not seen among the training rows, and has coefficients of its own for.
    about : Any
        What else `Term.unseen` needs to know of it.
    """

    columns: np.ndarray
    new: tuple[str, ...] = ()
    about: Any = None

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
    """A term of a predictor, frozen after it has learned; decorate subclasses with `record`.

    Attributes
    ----------
    name : str
        As in the formula, with the predictor's prefix.
    normal : bool
        Whether coefficients are b = T u, u ~ N(0, I), with `factor` giving T.
    """

    name: str
    normal: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def learn(cls, call: Call, coder: Coder, name: str) -> Self:
        """Return the term, with what it knows of the training rows.

        Parameters
        ----------
        call : Call
            As the formula has it: ``mo(x)``.
        coder : Coder
            Has the training rows, ``coder.frame``.
        name : str
            What to call the term.
        """

    @abstractmethod
    def columns(self) -> Mapping[str, bool]:
        """Names of the columns that the term reads, and whether each is read as labels."""

    @abstractmethod
    def design(self, frame: Frame) -> TermArrays:
        """Return the term's columns for any data."""

    @abstractmethod
    def parameters(self) -> tuple[TermParameter, ...]:
        """The parameters, in the order in which they are registered."""

    def weights(self, values: Mapping[str, Any]) -> Any:
        """The coefficients, shape (m,), from the parameters by name."""
        raise NotImplementedError

    def factor(self, values: Mapping[str, Any]) -> Any:
        """The lower triangle T of normal coefficients b = T u, shape (m, m)."""
        raise NotImplementedError

    def unseen(self, arrays: TermArrays, values: Mapping[str, Any], b: Any) -> tuple[Any, Any]:
        """Mean and lower triangle of the coefficients of ``arrays.new``, given all others."""
        raise NotImplementedError

    @property
    def labels(self) -> tuple[Any, ...]:
        """Of the m coefficients."""
        raise NotImplementedError


_TERMS: dict[str, type[Term]] = {}


def register_term(word: str, term: type[Term]) -> None:
    """Let calls of ``word`` in formulas be terms of a class.

    Parameters
    ----------
    word : str
        As in ``mo(x)``.
    term : type
        A subclass of `Term`.

    Examples
    --------
    >>> register_term("mo", Monotonic)  # doctest: +SKIP
    """
    from glimmer.formula.specials import register_special

    register_special(word)
    _TERMS[word] = term


def learn_special(call: Call, coder: Coder, prefix: str) -> Term:
    """Learn the term that a call in a formula stands for."""
    return _TERMS[call.function].learn(call, coder, prefix + variable_name(str(call)))
