"""nutpie's compiled wrapper around a model's functions, with less to compile.

In every process nutpie compiles a wrapper anew, and most of that is spent on two things: numba
writes the text of a shape-mismatch error for ``out[...] = gradient``, and types a loop over the
shared variables once for each of them. Plain loops, and one intrinsic that makes the arrays, leave
a third of it. The functions are exchanged while a model is compiled and put back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from glimmer.sampling.kernels.native import binding_last
from glimmer.sampling.lazy import imported_later

with imported_later("arviz"):  # and matplotlib: draws are read without them
    from nutpie import compile_pymc

_SHIPPED = compile_pymc._make_c_logp_func, compile_pymc._make_c_expand_func
_LOCK = RLock()


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


def _shared_arrays(record: Any, keys: Any, shared: Any) -> Any:
    """Make a compiled function from a pointer to nutpie's record to a tuple of arrays."""
    inner, start = record.fields["shared"]
    places: list[Any] = []
    for key in keys:
        array = numba.types.Array(numba.from_dtype(shared[key].dtype), shared[key].ndim, "C")
        places.append((array, *(start + _offset(inner, part, key) for part in ("data", "shape"))))

    @intrinsic
    def arrays(typing: Any, pointer: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = [_array(context, builder, args[0], *place) for place in places]
            return context.make_tuple(builder, signature.return_type, made)

        return numba.types.Tuple([place[0] for place in places])(pointer), code

    return arrays


def _offset(record: Any, part: str, key: str) -> int:
    inner, start = record.fields[part]
    return start + inner.fields[key][1]


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
    arrays = _shared_arrays(data.dtype, keys, shared)
    _, signature = _SHIPPED[0](n_dim, function, data, keys, shared)

    def logp(dim, x_, out_, value_, data_):  # type: ignore[no-untyped-def]
        if dim != n_dim:
            return -1
        value, gradient = function(numba.carray(x_, (n_dim,)), *arrays(data_))
        value_[0] = value.item()
        for i in range(n_dim):
            out_[i] = gradient[i]
            if not np.isfinite(gradient[i]):
                return 3
        return 0 if np.isfinite(value_[0]) else 4

    return logp, signature


def _make_expand(
    n_dim: int, n_expanded: int, function: Any, data: Any, keys: Any, shared: Any
) -> tuple[Any, Any]:
    arrays = _shared_arrays(data.dtype, keys, shared)
    _, signature = _SHIPPED[1](n_dim, n_expanded, function, data, keys, shared)

    def expand(dim, expanded, x_, out_, data_):  # type: ignore[no-untyped-def]
        if dim != n_dim or expanded != n_expanded:
            return -1
        (values,) = function(numba.carray(x_, (n_dim,)), *arrays(data_))
        for i in range(n_expanded):
            out_[i] = values[i]
        return 0

    return expand, signature
