"""Makes common (population-level) terms: a variable, or a product of variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.formula import Interaction
from glimmer.record import record
from glimmer.terms.coding import Coder, Coding
from glimmer.terms.naming import dim_name, prefixed, variable_name


@record
class CommonTerm:
    """A term with a coefficient for each of its columns.

    Attributes
    ----------
    name : str
        As in the formula: ``"Days"``, ``"x:period"``.
    codings : tuple of Coding
        One for each variable of the product.
    labels : tuple of str
        Of the columns; empty for a single numeric column.
    """

    name: str
    codings: tuple[Coding, ...]
    labels: tuple[str, ...] = ()

    @property
    def scalar(self) -> bool:
        """Whether the term is one numeric column, with a coefficient of no dimension."""
        return not self.labels

    @property
    def width(self) -> int:
        """Number of columns."""
        return max(1, len(self.labels))

    @property
    def column_names(self) -> tuple[str, ...]:
        """``("Days",)`` or ``("period[2]", "period[3]")``, as ArviZ writes them."""
        if self.scalar:
            return (self.name,)
        return tuple(f"{self.name}[{label}]" for label in self.labels)

    @property
    def dim(self) -> str:
        """Name of the dimension of columns."""
        return dim_name(self.name)

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of that dimension."""
        return {} if self.scalar else {self.dim: list(self.labels)}

    def design(self, frame: Frame, functions: Mapping[str, Any] | None = None) -> np.ndarray:
        """The term's columns for any data, shape (n, width); the first variable varies fastest."""
        columns = np.ones((len(frame), 1))
        for coding in self.codings:
            own = coding.columns(frame, functions)
            width = own.shape[1] * columns.shape[1]
            products = (own[:, None, :] * columns[:, :, None]).transpose(0, 2, 1)
            columns = products.reshape(len(frame), width)
        return columns


def learn_common(
    interactions: Sequence[Interaction], intercept: bool, coder: Coder
) -> tuple[CommonTerm, ...]:
    """Learn the terms of a right-hand side from the coder's training rows."""
    present = {frozenset(map(str, term.factors)) for term in interactions}
    if intercept:
        present.add(frozenset())
    return tuple(_learn(term, present, coder) for term in interactions)


def of_predictor(predictor: str, terms: Sequence[CommonTerm]) -> tuple[CommonTerm, ...]:
    """Terms under names that tell which predictor they belong to: ``Asym_treatment``."""
    return tuple(replace(term, name=prefixed(predictor, term.name)) for term in terms)  # type: ignore[type-var]


def _learn(term: Interaction, present: set[frozenset[str]], coder: Coder) -> CommonTerm:
    names = [str(node) for node in term.factors]
    codings = tuple(
        coder.code(node, full=frozenset(n for n in names if n != name) not in present)
        for node, name in zip(term.factors, names, strict=True)
    )
    return CommonTerm(variable_name(str(term)), codings, _labels(codings))


def _labels(codings: Sequence[Coding]) -> tuple[str, ...]:
    """Labels of the product's columns, the first variable varying fastest."""
    labelled = [coding.labels for coding in codings if coding.labels]
    return tuple(", ".join(reversed(c)) for c in product(*reversed(labelled))) if labelled else ()
