"""Compiles nutpie's wrapper around a model's functions, with less to compile.

In every process nutpie compiles a wrapper anew, the model's function with it. Here both are kept in
PyTensor's cache. The first time, plain loops and one intrinsic that makes the arrays leave a third
of what there is to compile: numba would write the text of a shape-mismatch error for ``out[...] =
gradient``, and type a loop over the shared variables once for each of them. nutpie's functions are
exchanged while a model is compiled and put back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from types import FunctionType
from typing import Any
from uuid import uuid4

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from pytensor import config
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

from glimmer.kernels.compile.native import binding_last
from glimmer.sampling.deferred_imports import imported_later

with imported_later("arviz"):  # and matplotlib: draws are read without them
    from nutpie import compile_pymc

_SHIPPED = compile_pymc._make_c_logp_func, compile_pymc._make_c_expand_func
_LOCK = RLock()

type Places = tuple[tuple[str, int, int, int], ...]  # dtype, dimensions, offsets of data and shape
_SOURCE = sha256(Path(__file__).read_bytes()).hexdigest()


def compile_for_nutpie(model: Any, var_names: Iterable[str] | None = None, **kwargs: Any) -> Any:
    """``nutpie.compile_pymc_model`` with less to compile; the draws are the same.

    Parameters
    ----------
    model : pymc.Model
    var_names : iterable of str, optional
        Variables to keep besides the free ones; ``[]`` keeps no others. All by default.
    **kwargs
        Passed on.

    Returns
    -------
    nutpie.compile_pymc.CompiledPyMCModel
    """
    kwargs.setdefault("cache", bool(config.numba__cache))
    with lean_wrapper(), binding_last():
        return compile_pymc.compile_pymc_model(model, var_names=var_names, **kwargs)


@contextmanager
def lean_wrapper() -> Iterator[None]:
    """Let nutpie use the functions of this module."""
    with _LOCK:
        compile_pymc._make_c_logp_func = _make_logp
        compile_pymc._make_c_expand_func = _make_expand
        try:
            yield
        finally:
            compile_pymc._make_c_logp_func, compile_pymc._make_c_expand_func = _SHIPPED


def _places(record: Any, keys: Any, shared: Any) -> Places:
    """Where nutpie's record has each shared variable."""
    inner, start = record.fields["shared"]

    def offset(part: str, key: str) -> int:
        fields, begin = inner.fields[part]
        return int(start + begin + fields.fields[key][1])

    return tuple(
        (shared[key].dtype.str, shared[key].ndim, offset("data", key), offset("shape", key))
        for key in keys
    )


def _shared_arrays(places: Places) -> Any:
    """Make a compiled function from a pointer to nutpie's record to a tuple of arrays."""
    arrays = [
        (numba.types.Array(numba.from_dtype(np.dtype(dtype)), ndim, "C"), data, shape)
        for dtype, ndim, data, shape in places
    ]

    @intrinsic
    def shared_arrays(typing: Any, pointer: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = [_array(context, builder, args[0], *array) for array in arrays]
            return context.make_tuple(builder, signature.return_type, made)

        return numba.types.Tuple([array for array, *_ in arrays])(pointer), code

    return shared_arrays


def _array(context: Any, builder: Any, base: Any, array: Any, data: int, shape: int) -> Any:
    """An array over borrowed memory, from the addresses of its data pointer and of its shape."""
    word = context.get_value_type(numba.types.intp)

    def load(offset: int) -> Any:
        return builder.load(cgutils.pointer_add(builder, base, offset, word.as_pointer()))

    lengths = [load(shape + 8 * i) for i in range(array.ndim)]
    item = context.get_abi_sizeof(context.get_data_type(array.dtype))
    strides: list[Any] = []
    step = word(item)
    for length in reversed(lengths):
        strides.insert(0, step)
        step = builder.mul(step, length)
    made = context.make_array(array)(context, builder)
    pointer = builder.inttoptr(load(data), context.get_data_type(array.dtype).as_pointer())
    populate_array(
        made, data=pointer, shape=lengths, strides=strides, itemsize=word(item), meminfo=None
    )
    return made._getvalue()


def _make_logp(n_dim: int, function: Any, data: Any, keys: Any, shared: Any) -> tuple[Any, Any]:
    _, signature = _SHIPPED[0](n_dim, function, data, keys, shared)
    return _of_model(_logp, function, _places(data.dtype, keys, shared), n_dim=n_dim), signature


def _make_expand(
    n_dim: int, n_expanded: int, function: Any, data: Any, keys: Any, shared: Any
) -> tuple[Any, Any]:
    _, signature = _SHIPPED[1](n_dim, n_expanded, function, data, keys, shared)
    sizes = {"n_dim": n_dim, "n_expanded": n_expanded}
    return _of_model(_expand, function, _places(data.dtype, keys, shared), **sizes), signature


def _of_model(template: Any, function: Any, places: Places, **sizes: int) -> Any:
    """A model's own copy of a function below, which PyTensor's cache knows by all it depends on."""
    names = {"function": function, "shared_arrays": _shared_arrays(places), **sizes}
    made = FunctionType(template.__code__, {**globals(), **names}, template.__name__)
    of_function = CACHED_SRC_FUNCTIONS.get(function.py_func) or uuid4().hex
    key = repr((_SOURCE, template.__name__, of_function, places, sizes))
    CACHED_SRC_FUNCTIONS[made] = sha256(key.encode()).hexdigest()
    return made


# What the functions refer to; those of a model have their own.
function: Any = None
shared_arrays: Any = None
n_dim = n_expanded = 0


def _logp(dim, x_, out_, value_, data_):  # type: ignore[no-untyped-def]
    if dim != n_dim:
        return -1
    value, gradient = function(numba.carray(x_, (n_dim,)), *shared_arrays(data_))
    value_[0] = value.item()
    for i in range(n_dim):
        out_[i] = gradient[i]
        if not np.isfinite(gradient[i]):
            return 3
    return 0 if np.isfinite(value_[0]) else 4


def _expand(dim, expanded, x_, out_, data_):  # type: ignore[no-untyped-def]
    if dim != n_dim or expanded != n_expanded:
        return -1
    (values,) = function(numba.carray(x_, (n_dim,)), *shared_arrays(data_))
    for i in range(n_expanded):
        out_[i] = values[i]
    return 0
