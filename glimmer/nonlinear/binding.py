"""Binds the arguments of a curve in order, and runs its graph in PyTensor's interpreter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import MeanFunctionError, WrongType, suggestion

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable


def bind(
    function: str, names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[Any]:
    """Return the arguments in the order of ``names``, or a typed error that lists them."""
    known = f"{function}({', '.join(names)})"
    unknown = [name for name in kwargs if name not in names]
    if unknown:
        raise MeanFunctionError(
            f"{known} has no argument {unknown[0]!r}.", fix=suggestion(unknown[0], names)
        )
    if len(args) > len(names):
        raise MeanFunctionError(
            f"{known} takes {len(names)} arguments, not {len(args)}.",
            fix="pass the data, then the parameters",
        )
    given = dict(zip(names, args, strict=False))
    twice = [name for name in kwargs if name in given]
    if twice:
        raise MeanFunctionError(f"{known} got {twice[0]!r} twice.")
    given.update(kwargs)
    missing = [name for name in names if name not in given]
    if missing:
        raise MeanFunctionError(
            f"{known} lacks {', '.join(map(repr, missing))}.",
            fix="pass the data, then the parameters",
        )
    return [given[name] for name in names]


def floats(function: str, name: str, value: Any) -> np.ndarray:
    """Return an argument as float64, or a typed error that names it."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise WrongType(f"{name!r} of {function} must be numbers.", column=name) from error


def interpreted(inputs: list[TensorVariable], outputs: Any) -> Callable[..., Any]:
    """A function that PyTensor's own interpreter runs: ready in milliseconds."""
    from pytensor import function

    from glimmer.interpreter.modes import PLAIN

    return function(inputs, outputs, mode=PLAIN, on_unused_input="ignore")
