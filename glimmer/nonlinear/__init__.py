"""Declares mean functions: curves with named parameters that find their own start.

The curves and their least squares load PyTensor and scipy, and are imported when first asked for.
"""

from importlib import import_module
from typing import Any

import glimmer.nonlinear.stored  # noqa: F401  # how curves are saved
from glimmer.nonlinear.dosing import dose_table, superpose
from glimmer.nonlinear.parameters import KINDS, Input, Parameter, Symmetry, exchange
from glimmer.nonlinear.protocol import MeanFunction, mean_function
from glimmer.nonlinear.registry import (
    BUILT_IN,
    find_mean_function,
    mean_function_names,
    register_mean_function,
)

__all__ = [
    "BUILT_IN",
    "KINDS",
    "Input",
    "MeanFunction",
    "Parameter",
    "Symmetry",
    "dose_table",
    "exchange",
    "find_mean_function",
    "mean_function",
    "mean_function_names",
    "register_mean_function",
    "superpose",
]

_ON_DEMAND = {
    "GroupStarts": "groupstart",
    "group_starts": "groupstart",
    "inline_function": "inline",
    **BUILT_IN,
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return vars(import_module(f"{__name__}.{_ON_DEMAND[name]}"))[name]


def __dir__() -> list[str]:
    return sorted({*__all__, *_ON_DEMAND})
