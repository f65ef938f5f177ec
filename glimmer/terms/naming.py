"""Names of variables, where the text of a term cannot be one."""

from __future__ import annotations

DIVISION_SLASH = "\N{DIVISION SLASH}"


def variable_name(text: str) -> str:
    """The name a term has in the model: PyMC allows no ``/``, so ``I(1/x)`` becomes ``I(1∕x)``.

    Examples
    --------
    >>> variable_name("I(1/x)") == "I(1\N{DIVISION SLASH}x)"
    True
    """
    return text.replace("/", DIVISION_SLASH)
