"""Declares the work arrays of a kernel by name and length, once: its arena.

The size that a caller must allocate and the places of the arrays come from one declaration. Its
lengths are sums and products of a few dimensions; Python computes them with integers, and a kernel
has them compiled into offsets, which cost what offsets written by hand do.
"""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numba import types
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, register_model, typeof_impl
from numba.extending import models as datamodels

MORE = "more"


class Arena:
    """Arrays of floats, one after the other.

    Parameters
    ----------
    lengths : callable
        From the dimensions to the lengths by name, in the order of the arrays: sums and products.

    Examples
    --------
    >>> arena = Arena(lambda n: {"x": n, "A": n * n})
    >>> arena.total(3)
    12

    In a kernel ``w = carve(work, arena, (n,))`` has ``w.x``, ``w.A``, and ``w.more`` behind them.
    """

    def __init__(self, lengths: Callable[..., dict[str, Any]]) -> None:
        self.lengths = lengths
        names = lengths(*(1 for _ in inspect.signature(lengths).parameters))
        made: Any = namedtuple("pointers", [*names, MORE])  # type: ignore[misc]
        self.pointers = made
        self.type = _ArenaType(self)

    def total(self, *dimensions: int) -> int:
        """The number of floats of all arrays."""
        return sum(int(length) for length in self.lengths(*map(int, dimensions)).values())


class _ArenaType(types.Dummy):
    def __init__(self, arena: Arena) -> None:
        super().__init__(f"arena_{id(arena)}")
        self.arena = arena


register_model(_ArenaType)(datamodels.OpaqueModel)


@typeof_impl.register(Arena)
def _type_of_arena(arena: Arena, _: Any) -> _ArenaType:
    return arena.type


@lower_constant(_ArenaType)
def _no_value(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.get_dummy_value()


@dataclass(frozen=True)
class _Compiled:
    """An integer of compiled code, for the arithmetic of lengths."""

    builder: Any
    value: Any

    def __add__(self, other: Any) -> _Compiled:
        return _Compiled(self.builder, self.builder.add(self.value, self._value(other)))

    def __mul__(self, other: Any) -> _Compiled:
        return _Compiled(self.builder, self.builder.mul(self.value, self._value(other)))

    __radd__, __rmul__ = __add__, __mul__

    def _value(self, other: Any) -> Any:
        return other.value if isinstance(other, _Compiled) else self.value.type(other)


@intrinsic
def _carve(typing: Any, work: Any, arena: Any, dimensions: Any) -> Any:
    """Pointers to the arrays of an arena in work space, and to what is behind them."""
    pointers = arena.arena.pointers
    made = types.NamedUniTuple(work, len(pointers._fields), pointers)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = [args[0]]
        for length in _lengths(context, builder, arena, dimensions, args[2]):
            found.append(builder.gep(found[-1], [length.value]))
        return context.make_tuple(builder, made, found)

    return made(work, arena, dimensions), code


@intrinsic
def _total_of(typing: Any, arena: Any, dimensions: Any) -> Any:
    """The number of floats of all arrays of an arena, in compiled code."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return sum(
            _lengths(context, builder, arena, dimensions, args[1]),
            start=_Compiled(builder, context.get_constant(types.int64, 0)),
        ).value

    return types.int64(arena, dimensions), code


def _lengths(
    context: Any, builder: Any, arena: _ArenaType, kinds: Any, dimensions: Any
) -> list[_Compiled]:
    """The lengths of an arena's arrays in compiled code."""
    wide = [
        context.cast(builder, builder.extract_value(dimensions, i), kind, types.int64)
        for i, kind in enumerate(kinds.types)
    ]
    nothing = _Compiled(builder, context.get_constant(types.int64, 0))
    lengths = arena.arena.lengths(*(_Compiled(builder, value) for value in wide))
    return [nothing + length for length in lengths.values()]


carve: Any = _carve
total_of: Any = _total_of
