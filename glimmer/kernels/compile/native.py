"""Calls compiled functions by a symbol, so that their code need not be compiled again.

Numba copies the code of a callee into every caller and optimizes it anew there. A kernel called by
its address is compiled once, cached on disk, and costs its callers a call instruction. Kernels take
pointers: their loads and stores need no bounds, strides or reference counts, which is most of what
there is to compile in the code of an array.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

import llvmlite.binding as llvm
import numba as nb
import numpy as np
from numba import types
from numba.core.cgutils import alloca_once_value
from numba.extending import get_cython_function_address, intrinsic, overload, typeof_impl
from scipy.linalg import cython_blas

from glimmer.kernels.compile.slots import Slotted, slot_of

f8, i8, void = types.float64, types.int64, types.void
floats_at, indices_at = types.CPointer(f8), types.CPointer(i8)
integers_at = types.CPointer(types.int32)  # the integers of PyMC's data
_DTYPES = (np.float64, np.int64, np.int32)
FAST = {"contract", "reassoc", "arcp", "nsz"}
_LOCK = RLock()
_COMPILED: list[Any] = []  # machine code that a slot may point to is never freed
_WAITING: ContextVar[list[Kernel] | None] = ContextVar("kernels to bind", default=None)


def _version() -> int:
    """A hash of all kernels: a cache does not see that a constant or a callee has changed."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return int(sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:8], 16)


VERSION = _version()


class Kernel:
    """A function of numbers and pointers, which compiled code calls through its slot.

    It must be bound before it is called; `python` sees to it. ``cache`` is false for a function
    whose code cannot be told from another's, and that numba must not look up on disk.
    """

    def __init__(
        self, function: Callable[..., Any], signature: Any, fast: bool, cache: bool = True
    ) -> None:
        function.__qualname__ += f"_{VERSION:x}"
        self.function, self.signature, self.cache = function, signature, cache
        self.math = FAST if fast else {"contract"}
        name = f"{function.__module__}.{function.__name__}".replace(".", "_")
        self.type, self.slot = Slotted(name, signature), slot_of(name)
        self.machine_code: Any = None

    def compile(self) -> int:
        """Compile the function, or find it in numba's cache; return its address."""
        if self.machine_code is None:
            self.machine_code = nb.cfunc(
                self.signature, cache=self.cache, error_model="numpy", fastmath=self.math
            )(self.function)
            _COMPILED.append(self.machine_code)
        return self.machine_code.address

    @cached_property
    def python(self) -> Callable[..., None]:
        """The function as Python calls it, with addresses for pointers."""
        bind([self])
        pointers = [ctypes.c_void_p] * len(self.signature.args)
        return ctypes.CFUNCTYPE(None, *pointers)(self.compile())


@typeof_impl.register(Kernel)
def _type_of_kernel(kernel: Kernel, _: Any) -> Slotted:
    return kernel.type


def kernel(signature: Any, fast: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """Make a kernel of a function."""
    return lambda function: Kernel(function, signature, fast)


def bind(kernels: Iterable[Kernel]) -> None:
    """Compile kernels and all that they call, and fill their slots."""
    with _LOCK:
        for one in with_callees(kernels):
            one.slot.value = one.compile()


def with_callees(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Kernels and all that they may call, callers first."""
    found = list(kernels)
    for one in found:  # which grows meanwhile
        found += [callee for callee in _callees(one.function) if callee not in found]
    return found


def _callees(function: Any) -> list[Kernel]:
    used = referred_to(function).values()
    copied = [_callees(one.py_func) for one in used if hasattr(one, "py_func")]
    own = [one for one in used if isinstance(one, Kernel)]
    return list(dict.fromkeys(chain(own, *copied)))


def referred_to(function: Any) -> dict[str, Any]:
    """Globals and closed-over variables that a function uses, and what it takes from modules."""
    names = function.__code__.co_names
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    found |= {name: cell.cell_contents for name, cell in cells}
    modules = [(name, one) for name, one in found.items() if isinstance(one, ModuleType)]
    for place, module in modules:
        found |= {f"{place}.{n}": getattr(module, n) for n in names if hasattr(module, n)}
    return found


def need(kernel: Kernel) -> None:
    """Bind a kernel that a function calls which is being compiled."""
    waiting = _WAITING.get()
    if waiting is None:
        bind([kernel])
    else:
        waiting.append(kernel)


@contextmanager
def binding_last() -> Iterator[None]:
    """Bind what is needed meanwhile at the end: another process may have compiled it by then."""
    waiting: list[Kernel] = []
    token = _WAITING.set(waiting)
    try:
        yield
        bind(dict.fromkeys(waiting))
    finally:
        _WAITING.reset(token)


def library(module: str, name: str, signature: Any) -> Any:
    """A routine of scipy's BLAS or LAPACK."""
    symbol = f"glimmer_{name}"
    llvm.add_symbol(symbol, get_cython_function_address(f"scipy.linalg.cython_{module}", name))
    return types.ExternalFunction(symbol, signature)


_njit: Any = nb.njit
small = _njit(
    error_model="numpy", fastmath=FAST, no_cpython_wrapper=True, no_cfunc_wrapper=True
)  # for what is worth copying into its callers


@intrinsic
def _shift(typing: Any, pointer: Any, count: Any) -> Any:
    """Move a pointer by ``count`` items."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.int64), code


shift: Any = _shift


@intrinsic
def _at(typing: Any, value: Any) -> Any:
    """Give a pointer to a copy of a number, as Fortran takes it: integers have 32 bits."""
    number = types.int32 if value in (types.int64, types.intp) else value

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        copy = context.cast(builder, args[0], value, number)
        return alloca_once_value(builder, copy)

    return types.CPointer(number)(value), code


at: Any = _at


def contiguous(array):  # type: ignore[no-untyped-def]  # numba compares the argument names
    """Give ``array`` itself when its type says that it is contiguous, else a copy."""
    raise NotImplementedError("for compiled code")


@overload(contiguous)
def _contiguous(array):  # type: ignore[no-untyped-def]
    if array.layout == "C":
        return lambda array: array
    return lambda array: array.copy()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep scipy's BLAS to one thread, for chains that run side by side; no effect elsewhere."""
    path = cython_blas.__file__
    try:
        blas = ctypes.CDLL(path)
        get, put = blas.scipy_openblas_get_num_threads, blas.scipy_openblas_set_num_threads
    except (OSError, AttributeError):  # another BLAS
        yield
        return
    threads = get()
    put(1)
    try:
        yield
    finally:
        put(threads)


def addresses(*arrays: np.ndarray) -> list[int]:
    """Where the arrays' data are, for a kernel called from Python."""
    for array in arrays:
        if not array.flags.c_contiguous or array.dtype not in _DTYPES:
            raise TypeError("kernels take contiguous arrays of float64, int64 or int32")
    return [array.ctypes.data for array in arrays]


@intrinsic
def _bits_of(typing: Any, x: Any) -> Any:
    """The bits of a float, as an integer."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.int64))

    return types.int64(types.float64), code


@intrinsic
def _float_of(typing: Any, x: Any) -> Any:
    """The float that has these bits."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.int64), code


bits_of: Any = _bits_of
float_of: Any = _float_of
