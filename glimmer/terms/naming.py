"""Makes names of variables from the text of terms and from other names."""

from __future__ import annotations

DIVISION_SLASH = "\N{DIVISION SLASH}"
MU = "mu"
"""The parameter of the outcome's distribution whose terms have no prefix."""
NEW = "__new"
"""What the names of variables of unseen levels end with."""


def variable_name(text: str) -> str:
    """The name a term has in the model: PyMC allows no ``/``, so ``I(1/x)`` becomes ``I(1∕x)``.

    Examples
    --------
    >>> variable_name("I(1/x)") == "I(1\N{DIVISION SLASH}x)"
    True
    """
    return text.replace("/", DIVISION_SLASH)


def prefixed(predictor: str, name: str) -> str:
    """The name of what belongs to a predictor: ``x``, ``Asym_x``."""
    return name if predictor == MU else f"{predictor}_{name}"


def sd_name(name: str) -> str:
    """The standard deviation of coefficients: ``1|g_sigma``, ``s(x)_sigma``."""
    return f"{name}_sigma"


def corr_name(name: str) -> str:
    """The correlations of a block of effects: ``g_corr``."""
    return f"{name}_corr"


def dim_name(name: str) -> str:
    """The dimension of a variable's elements: ``period_dim``."""
    return f"{name}_dim"


def data_name(name: str) -> str:
    """The columns that coefficients are multiplied by: ``x|g_data``."""
    return f"{name}_data"


def index_name(name: str) -> str:
    """The level of each row: ``g_index``."""
    return f"{name}_index"


def new_name(name: str) -> str:
    """The same variable for levels that the model has not seen: ``1|g__new``."""
    return f"{name}{NEW}"


def value_name(effect: str) -> str:
    """The variable that is an effect together with the population's value."""
    return f"{effect}_value"


def standard_name(name: str) -> str:
    """The standard normal variable that coefficients are made of: ``sz(x,g)_z``."""
    return f"{name}_z"
