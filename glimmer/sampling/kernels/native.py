"""Compiled functions known by a symbol instead of by their code.

Numba copies the code of a callee into every caller and optimizes it anew there. A kernel called by
its symbol is compiled once, cached on disk, and costs its callers a call instruction. Kernels take
pointers: their loads and stores need no bounds, strides or reference counts, which is most of what
there is to compile in the code of an array.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba as nb
import numpy as np
from numba import types
from numba.core.cgutils import alloca_once_value
from numba.extending import get_cython_function_address, intrinsic, overload
from scipy.linalg import cython_blas

f8, i8, void = types.float64, types.int64, types.void
floats_at, indices_at = types.CPointer(f8), types.CPointer(i8)
integers_at = types.CPointer(types.int32)  # the integers of PyMC's data
_DTYPES = (np.float64, np.int64, np.int32)
FAST = {"contract", "reassoc", "arcp", "nsz"}


def _version() -> int:
    """A hash of all kernels: a cache does not see that a constant or a callee has changed."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return int(sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:8], 16)


VERSION = _version()


def _symbol(name: str, signature: Any, address: Any) -> Any:
    """Make ``address`` known as ``name``; numba calls the result, Python its ``python``."""
    llvm.add_symbol(name, address)
    function: Any = types.ExternalFunction(name, signature)
    function.python = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(signature.args))(address)
    return function


def kernel(signature: Any, fast: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function of numbers and pointers, or load it from numba's cache."""

    def decorate(function: Callable[..., Any]) -> Any:
        math = FAST if fast else {"contract"}
        function.__qualname__ += f"_{VERSION:x}"
        compiled = nb.cfunc(signature, cache=True, error_model="numpy", fastmath=math)(function)
        name = f"{function.__module__}.{function.__name__}".replace(".", "_")
        return _symbol(name, signature, compiled.address)

    return decorate


def library(module: str, name: str, signature: Any) -> Any:
    """A routine of scipy's BLAS or LAPACK."""
    address = get_cython_function_address(f"scipy.linalg.cython_{module}", name)
    return _symbol(f"glimmer_{name}", signature, address)


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
