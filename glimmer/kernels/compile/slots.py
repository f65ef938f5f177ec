"""Calls functions from compiled code through a word of memory, their slot.

The slot is known by name and filled later, so that callers and callees can be compiled in any
order, and in different processes.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core.datamodel.models import ExternalFuncPointerModel
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, register_model


class Slotted(types.ExternalFunctionPointer):
    """The type of a function whose address is in the slot ``name``."""

    def __init__(self, name: str, signature: Any) -> None:
        super().__init__(signature, get_pointer=id)
        self.name = name

    @property
    def key(self) -> Any:
        """Its name alone."""
        return self.name


register_model(Slotted)(ExternalFuncPointerModel)


@lower_constant(Slotted)
def _in_slot(context: Any, builder: Any, kind: Slotted, value: Any) -> Any:
    found = builder.module.globals.get(kind.name)
    slot = found or ir.GlobalVariable(builder.module, context.get_value_type(kind), kind.name)
    return builder.load(slot)


_SLOTS: dict[str, ctypes.c_void_p] = {}


def slot_of(name: str) -> ctypes.c_void_p:
    """The slot that compiled code finds under ``name``, empty until it is filled.

    It lives as long as the process: code that loads from it may outlive the function behind it.
    """
    if name not in _SLOTS:
        _SLOTS[name] = ctypes.c_void_p()
        llvm.add_symbol(name, ctypes.addressof(_SLOTS[name]))
    return _SLOTS[name]


@intrinsic
def _address(typing: Any, function: Any) -> Any:
    """The address in a slot, to be handed to a function that calls by address."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], context.get_value_type(types.int64))

    return types.int64(function), code


address: Any = _address


def caller(signature: Any) -> Any:
    """What calls a function by its address: ``call(address, (argument, ...))``."""

    @intrinsic
    def call(typing: Any, place: Any, arguments: Any) -> Any:
        def code(context: Any, builder: Any, _: Any, args: Any) -> Any:
            wanted = [context.get_value_type(kind) for kind in signature.args]
            result = context.get_value_type(signature.return_type)
            function = builder.inttoptr(args[0], ir.FunctionType(result, wanted).as_pointer())
            given = [
                context.cast(builder, builder.extract_value(args[1], i), kind, signature.args[i])
                for i, kind in enumerate(arguments.types)
            ]
            return builder.call(function, given)

        return signature.return_type(place, arguments), code

    return call
