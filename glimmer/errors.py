"""Declares every error and warning of the package, as one tree.

An error tells what is wrong, where (a column, or a span of the formula), and what to write instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral

Span = tuple[int, int]


class ModelError(ValueError):
    """The root of all errors raised on purpose.

    Parameters
    ----------
    message : str
        What is wrong, in one or two sentences.
    column : str, optional
        The column of the data that is at fault.
    formula, span : str and (int, int), optional
        The formula and the half-open range of characters at fault; shown with carets below it.
    fix : str, optional
        What the user can do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        column: str | None = None,
        formula: str | None = None,
        span: Span | None = None,
        fix: str | None = None,
    ) -> None:
        self.message, self.column, self.formula = message, column, formula
        self.span, self.fix = span, fix
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message]
        if self.formula is not None and self.span is not None:
            lines += pointed(self.formula, self.span)
        if self.fix:
            lines.append(f"Fix: {self.fix}")
        return "\n".join(lines)


def pointed(formula: str, span: Span, width: int = 76) -> list[str]:
    """Two lines: the formula (or a window of it) and carets under ``span``."""
    start, stop = span
    left = max(0, min(start - width // 2, len(formula) - width))
    window = "".join(c if c.isprintable() else "?" for c in formula[left : left + width])
    head = "..." if left else ""
    carets = "^" * max(1, min(stop, left + width) - start)
    return [f"  {head}{window}", " " * (2 + len(head) + start - left) + carets]


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """A half-sentence that names the near misses of ``wrong``, or lists all names."""
    known = list(known)
    close = get_close_matches(wrong, known, n=3, cutoff=0.65)
    if close:
        return "did you mean " + " or ".join(map(repr, close)) + "?"
    shown = ", ".join(map(repr, known[:20])) + (", ..." if len(known) > 20 else "")
    return f"use one of {shown}" if known else "there are none"


def alternatives(allowed: Iterable[str]) -> str:
    """The values that an argument may have, in words: ``'a', 'b' or 'c'``."""
    *others, last = map(repr, allowed)
    return f"{', '.join(others)} or {last}" if others else last


def check_whole(name: str, value: object, least: int, error: type[ModelError]) -> None:
    """Raise ``error`` unless an argument is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise error(f"{name} must be a whole number of at least {least}, not {value!r}.")


class FormulaError(ModelError):
    """The formula cannot be read."""


class SyntaxProblem(FormulaError):
    """The text is not a formula."""


class UnknownColumn(FormulaError):
    """The formula names a column that the data do not have."""


class UnknownFunction(FormulaError):
    """The formula calls a function that is not in the table of functions."""


class ForbiddenExpression(FormulaError):
    """Dotted names, subscripts and other code: a formula is not a program."""


class TooComplex(FormulaError):
    """The formula is longer or deeper than the fixed limits."""


class DuplicateTerm(FormulaError):
    """The same group-specific effect appears twice."""


class DataError(ModelError):
    """The table cannot be used."""


class WrongType(DataError):
    """A column, or the table itself, is of a type that cannot be used."""


class MissingValues(DataError):
    """A column that the model uses has missing values."""


class NotFinite(DataError):
    """A column or an expression has infinite or undefined values."""


class NotEnoughData(DataError):
    """There are too few rows."""


class WrongLength(DataError):
    """An array does not have one value per row."""


class DuplicateName(DataError):
    """Two columns, or two levels, have the same name."""


class OutcomeError(ModelError):
    """The outcome does not suit the family."""


class FamilyError(ModelError):
    """An unknown family or link, or a parameter that the family does not have."""


class DesignError(ModelError):
    """The terms do not determine a model."""


class Constant(DesignError):
    """A column or an outcome does not vary."""


class Collinear(DesignError):
    """Columns of the design are linear combinations of each other."""


class TooFewGroups(DesignError):
    """A grouping factor has too few levels."""


class SmoothError(ModelError):
    """A smooth term cannot be built from these data."""


class PriorError(ModelError):
    """A prior does not exist, does not fit its parameter, or has impossible arguments."""


class NewDataError(ModelError):
    """New data cannot be used with the fitted model."""


class NewLevel(NewDataError):
    """New data hold a level that the model has not seen."""


class NotFitted(ModelError):
    """A method needs a fitted model."""


class SamplingError(ModelError):
    """Sampling could not start, or its draws cannot be used."""


class StoreError(ModelError):
    """A saved model cannot be read or written."""


class ModelWarning(UserWarning):
    """The root of all warnings; each has a name by which it is switched off."""


class DataWarning(ModelWarning):
    """The data look doubtful."""


class DesignWarning(ModelWarning):
    """The design looks doubtful."""


class PriorWarning(ModelWarning):
    """A prior looks doubtful."""


class SamplingWarning(ModelWarning):
    """The draws look doubtful."""


def warn(message: str, category: type[ModelWarning], *, fix: str | None = None) -> None:
    """Issue a warning at the caller's own line, outside the package."""
    text = message if fix is None else f"{message}\nFix: {fix}"
    warnings.warn(text, category, stacklevel=2, skip_file_prefixes=(_HERE,))


_HERE = __file__.rpartition("errors.py")[0]


class MeanFunctionError(ModelError):
    """A mean function cannot be used as it is declared, called or named."""


class ArgumentError(ModelError):
    """An argument has a value that it cannot have."""


def check_probability(prob: object) -> None:
    """Raise `ArgumentError` unless ``prob`` lies between 0 and 1."""
    if not isinstance(prob, int | float) or not 0 < prob < 1:
        raise ArgumentError(f"prob must be a number between 0 and 1, not {prob!r}.")
