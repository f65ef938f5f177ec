"""Codes factors as columns: dummies or contrasts, by R's rule of marginality.

A factor inside a term is coded by contrasts if the term without that factor is in the model too,
else by one dummy per level (R's ``terms.formula``; Chambers & Hastie 1992, section 2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.errors import DesignError, alternatives
from glimmer.formula import Learned, Node, Numbers, contrast_matrix, learn
from glimmer.record import record

CONTRASTS = ("treatment", "sum", "helmert", "poly")


@record
class Coding:
    """One factor of a term: what it learned, and how its levels become columns.

    Attributes
    ----------
    learned : Learned
    contrast : str or None
        Name of the contrast, ``"dummies"``, or None for a numeric variable.
    base : str or None
        The reference level of treatment contrasts.
    labels : tuple of str
        Of the columns; empty for a plain numeric variable.
    """

    learned: Learned
    contrast: str | None = None
    base: str | None = None
    labels: tuple[str, ...] = ()

    def columns(self, frame: Frame, functions: Mapping[str, Any] | None = None) -> np.ndarray:
        """The variable's columns, shape (n, k)."""
        values = self.learned.values(frame, functions)
        if isinstance(values, Numbers):
            return values.values if values.values.ndim == 2 else values.values[:, None]
        return self._table(values.levels)[values.codes]

    def _table(self, levels: tuple[str, ...]) -> np.ndarray:
        if self.contrast == "dummies":
            return np.eye(len(levels))
        return contrast_matrix(str(self.contrast), levels, self.base)[0]


class Coder:
    """Learns each variable of a formula once and codes it as each term needs.

    Parameters
    ----------
    frame : Frame
        The training rows.
    formula : str
    contrasts : mapping, optional
        From the name of a factor to the name of its contrast.
    functions : mapping, optional
        The user's own functions.
    """

    def __init__(
        self,
        frame: Frame,
        formula: str,
        contrasts: Mapping[str, str] | None,
        functions: Mapping[str, Any] | None,
    ) -> None:
        self.frame, self.formula = frame, formula
        self.contrasts, self.functions = contrasts or {}, functions
        self._learned: dict[str, Learned] = {}

    def learned(self, node: Node) -> Learned:
        """What a variable learned from the training rows."""
        text = str(node)
        if text not in self._learned:
            self._learned[text] = learn(
                node, self.frame, formula=self.formula, functions=self.functions
            )
        return self._learned[text]

    def code(self, node: Node, full: bool) -> Coding:
        """Code a variable; ``full`` asks for one dummy per level if it is a factor."""
        learned = self.learned(node)
        if learned.levels is None:
            return Coding(learned, labels=learned.labels)
        if full:
            return Coding(learned, "dummies", labels=learned.levels)
        if len(learned.levels) < 2:
            raise DesignError(
                f"The factor {learned.text!r} has a single level ({learned.levels[0]!r}).",
                column=learned.text,
                fix="leave it out of the formula",
            )
        kind, base = self._choice(learned)
        _, labels = contrast_matrix(kind, learned.levels, base)
        return Coding(learned, kind, base, labels)

    def _choice(self, learned: Learned) -> tuple[str, str | None]:
        if learned.contrast is not None:
            return learned.contrast.kind, learned.contrast.base
        asked = self.contrasts.get(learned.text)
        if asked is None:
            return ("poly" if learned.ordered else "treatment"), None
        if asked not in CONTRASTS:
            raise DesignError(
                f"The contrast of {learned.text!r} must be {alternatives(CONTRASTS)}, "
                f"not {asked!r}.",
                fix=f"use one of {CONTRASTS}",
            )
        return asked, None


def coders(
    frame: Frame, contrasts: Mapping[str, str] | None, functions: Mapping[str, Any] | None
) -> Callable[[str], Coder]:
    """From a formula to its coder, which learns each variable once."""
    made: dict[str, Coder] = {}

    def coder(formula: str) -> Coder:
        return made.setdefault(formula, Coder(frame, formula, contrasts, functions))

    return coder
