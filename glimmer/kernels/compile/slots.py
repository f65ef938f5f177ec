"""Functions that compiled code calls through a word of memory, their slot.

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
from numba.extending import register_model


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
def _address(context: Any, builder: Any, kind: Slotted, value: Any) -> Any:
    found = builder.module.globals.get(kind.name)
    slot = found or ir.GlobalVariable(builder.module, context.get_value_type(kind), kind.name)
    return builder.load(slot)


def new_slot(name: str) -> ctypes.c_void_p:
    """An empty slot that compiled code finds under ``name``."""
    slot = ctypes.c_void_p()
    llvm.add_symbol(name, ctypes.addressof(slot))
    return slot
