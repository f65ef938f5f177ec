"""Makes loops over rows from a function of one row, and names their code for numba's cache."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any
from uuid import uuid4

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from glimmer.kernels.compile.native import Kernel, referred_to, shift, small
from glimmer.kernels.rows.densities import IN_ETA


def looped(row: Callable[..., Any], columns: int, aux: int) -> Kernel:
    """The kernel that sums a function of one row over a block, each row with its weight.

    The weights are the last column of the block.
    """
    row = getattr(row, "py_func", row)
    key = code_key(row)
    names = {"row": small(row), "COLUMNS": columns, "AUX": aux}
    name = f"{row.__name__}_{key or uuid4().hex}_{columns}_{aux}"
    function = FunctionType(_template.__code__, {**globals(), **names}, name)
    function.__qualname__ = name  # by which numba's cache knows it
    return Kernel(function, IN_ETA, fast=True, cache=key is not None)


def code_key(function: Any) -> str | None:
    """A hash of a function's code and of all it refers to; None where that cannot be told."""
    try:
        return sha256(repr(_content(function, ())).encode()).hexdigest()[:16]
    except TypeError:
        return None


def _content(value: Any, seen: tuple[Any, ...]) -> Any:
    """What tells a value from others, as something whose repr is the same in every process."""
    value = getattr(value, "py_func", value)
    if any(value is one for one in seen):
        return "itself"
    if isinstance(value, Kernel):
        return value.function.__qualname__
    if isinstance(value, ModuleType | BuiltinFunctionType | np.ufunc):
        return value.__name__
    if isinstance(value, FunctionType):
        own = referred_to(value)
        inside = {name: _content(own[name], (*seen, value)) for name in sorted(own)}
        return _content(value.__code__, seen), value.__defaults__, inside
    if isinstance(value, CodeType):
        constants = [_content(c, seen) for c in value.co_consts]
        return value.co_code, value.co_names, value.co_varnames, constants
    if isinstance(value, tuple):
        return tuple(_content(one, seen) for one in value)
    if isinstance(value, int | float | str | bool | None):
        return type(value).__name__, value
    raise TypeError(value)


@intrinsic
def _items(typing: Any, pointer: Any, stride: Any, count: Any) -> Any:
    """The first ``count`` numbers that are ``stride`` apart, as a tuple."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    length = count.literal_value
    made = types.UniTuple(pointer.dtype, length)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        step = context.get_constant(types.int64, 0)
        values = []
        for _ in range(length):
            values.append(builder.load(builder.gep(args[0], [step])))
            step = builder.add(step, args[1])
        return context.make_tuple(builder, made, values)

    return made(pointer, types.int64, count), code


items: Any = _items


@intrinsic
def _add_slopes(typing: Any, scalar: Any, result: Any, out: Any, count: Any) -> Any:
    """Out += scalar times what a row returns behind its value and score."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    returned = len(result) if isinstance(result, types.BaseTuple) else 1
    if returned != 2 + count.literal_value:
        raise TypingError(
            f"The function of a row must return {2 + count.literal_value} numbers: the log "
            f"density and its derivatives by eta and by each auxiliary parameter; not {returned}."
        )

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for k in range(count.literal_value):
            slope = builder.extract_value(args[1], 2 + k)
            slope = context.cast(builder, slope, result.types[2 + k], types.float64)
            place = builder.gep(args[2], [context.get_constant(types.int64, k)])
            added = builder.fadd(builder.load(place), builder.fmul(args[0], slope))
            builder.store(added, place)
        return context.get_dummy_value()

    return types.void(types.float64, result, out, count), code


add_slopes: Any = _add_slopes


# What the loop refers to; each has its own.
row: Any = None
COLUMNS = AUX = 0


def _template(eta, columns, stride, n, constants, aux, score, by_aux, work):  # type: ignore[no-untyped-def]
    value, weights = 0.0, COLUMNS * stride
    parameters = items(aux, 1, AUX)
    for i in range(n):
        score[i], weight = 0.0, columns[weights + i]
        if weight == 0.0:
            continue
        result = row(eta[i], *(items(shift(columns, i), stride, COLUMNS) + parameters))
        value += weight * result[0]
        score[i] = weight * result[1]
        add_slopes(weight, result, by_aux, AUX)
    return value
