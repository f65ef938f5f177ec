"""Arithmetic on vectors, and dense linear algebra on row-major square matrices."""

from __future__ import annotations

import numpy as np
from numba import types

from glimmer.sampling.kernels.native import f8, floats_at, i8, kernel, library, shift, small, void

_char, _int = types.CPointer(types.uint8), types.CPointer(types.int32)
_dpotrf = library("lapack", "dpotrf", void(_char, _int, floats_at, _int, _int))
_dpotri = library("lapack", "dpotri", void(_char, _int, floats_at, _int, _int))
_dsyrk = library(
    "blas",
    "dsyrk",
    void(_char, _char, _int, _int, floats_at, floats_at, _int, floats_at, floats_at, _int),
)
_dgemm = library(
    "blas",
    "dgemm",
    void(
        *(_char, _char, _int, _int, _int, floats_at, floats_at, _int),
        *(floats_at, _int, floats_at, floats_at, _int),
    ),
)
_dtrsm = library(
    "blas",
    "dtrsm",
    void(_char, _char, _char, _char, _int, _int, floats_at, floats_at, _int, floats_at, _int),
)
_L, _N, _R, _T, _U = (np.frombuffer(c, np.uint8) for c in (b"L", b"N", b"R", b"T", b"U"))
_MINUS, _ZERO, _ONE = np.array([-1.0]), np.array([0.0]), np.array([1.0])
FEW = 10  # up to this many columns plain loops beat the library


@kernel(f8(floats_at, floats_at, i8))
def dot(x, y, n):
    """X'y."""
    total = 0.0
    for i in range(n):
        total += x[i] * y[i]
    return total


@kernel(void(floats_at, f8, i8))
def fill(x, value, n):
    """Set all of x to ``value``."""
    for i in range(n):
        x[i] = value


@kernel(void(floats_at, floats_at, i8))
def copy(x, y, n):
    """Copy x to y."""
    for i in range(n):
        y[i] = x[i]


@kernel(void(f8, floats_at, floats_at, i8))
def add(scalar, x, y, n):
    """Y += scalar x."""
    for i in range(n):
        y[i] += scalar * x[i]


@kernel(void(f8, floats_at, floats_at, floats_at, i8))
def add_product(scalar, x, y, out, n):
    """Out += scalar x y, elementwise."""
    for i in range(n):
        out[i] += scalar * x[i] * y[i]


@kernel(void(f8, floats_at, floats_at, i8))
def put(scalar, x, out, n):
    """Out = scalar x."""
    for i in range(n):
        out[i] = scalar * x[i]


@kernel(void(f8, floats_at, i8, floats_at, i8, i8, i8, floats_at, i8))
def inner(scalar, X, x_step, Y, y_step, count, keep, out, n):
    """Out = scalar times the sum of ``count`` products X[k] Y[k]; added to out if ``keep``."""
    if keep == 0 and count > 1:
        a, b, x, y = X, Y, shift(X, x_step), shift(Y, y_step)
        for i in range(n):
            out[i] = scalar * (a[i] * b[i] + x[i] * y[i])
    elif keep == 0:
        fill(out, 0.0, n)
    first = 2 if keep == 0 and count > 1 else 0
    for k in range(first, count - 1, 2):
        a, b = shift(X, k * x_step), shift(Y, k * y_step)
        x, y = shift(X, (k + 1) * x_step), shift(Y, (k + 1) * y_step)
        for i in range(n):
            out[i] += scalar * (a[i] * b[i] + x[i] * y[i])
    if count % 2 == 1:
        add_product(scalar, shift(X, (count - 1) * x_step), shift(Y, (count - 1) * y_step), out, n)


@kernel(void(floats_at, i8, floats_at, i8, floats_at))
def times(A, stride, x, n, out):
    """Out = A x for an n x n matrix whose rows are ``stride`` apart."""
    for i in range(n):
        out[i] = dot(shift(A, i * stride), x, n)


@kernel(void(floats_at, floats_at, i8))
def transpose(A, out, n):
    """Out = A'."""
    for i in range(n):
        for j in range(n):
            out[j * n + i] = A[i * n + j]


@kernel(void(floats_at, i8))
def mirror(A, n):
    """Copy the lower triangle to the upper one."""
    for i in range(n):
        for j in range(i):
            A[j * n + i] = A[i * n + j]


@kernel(f8(floats_at, i8))
def log_diagonal(A, n):
    """Log of the determinant of a triangular matrix."""
    total = 0.0
    for i in range(n):
        total += np.log(A[i * n + i])
    return total


@kernel(void(floats_at, floats_at, i8))
def solve_lower(L, x, n):
    """Overwrite x by L^-1 x."""
    for i in range(n):
        x[i] = (x[i] - dot(shift(L, i * n), x, i)) / L[i * n + i]


@kernel(void(floats_at, floats_at, i8))
def solve_upper(L, x, n):
    """Overwrite x by L^-T x."""
    for k in range(n):
        i = n - 1 - k
        x[i] /= L[i * n + i]
        add(-x[i], shift(L, i * n), x, i)


@small
def _size(n):
    size = np.empty(1, np.int32)
    size[0] = n
    return size


# The library counts columns first: our row-major lower triangle is its upper one, transposed.


@kernel(i8(floats_at, i8))
def cholesky(A, n):
    """Overwrite the lower triangle of A by its Cholesky factor; 0 if A is positive definite."""
    size, info = _size(n), _size(0)
    if n > 0:
        _dpotrf(_U.ctypes, size.ctypes, A, size.ctypes, info.ctypes)
    return info[0]


@kernel(void(floats_at, i8))
def inverse(L, n):
    """Overwrite a Cholesky factor by the inverse of L L', as a full symmetric matrix."""
    size, info = _size(n), _size(0)
    if n > 0:
        _dpotri(_U.ctypes, size.ctypes, L, size.ctypes, info.ctypes)
    mirror(L, n)


@kernel(void(floats_at, floats_at, i8))
def sandwich(L, B, n):
    """Overwrite B by the symmetric part of L^-T B L^-1."""
    size = _size(n)
    c = size.ctypes
    if n > 0:
        _dtrsm(_R.ctypes, _U.ctypes, _T.ctypes, _N.ctypes, c, c, _ONE.ctypes, L, c, B, c)
        _dtrsm(_L.ctypes, _U.ctypes, _N.ctypes, _N.ctypes, c, c, _ONE.ctypes, L, c, B, c)
    for i in range(n):
        for j in range(i + 1):
            middle = 0.5 * (B[i * n + j] + B[j * n + i])
            B[i * n + j] = middle
            B[j * n + i] = middle


@kernel(void(floats_at, i8, i8, floats_at, i8))
def subtract_square(Y, m, length, out, stride):
    """Lower triangle of out -= Y Y' for Y with m rows; rows of ``out`` are ``stride`` apart."""
    if m > FEW:
        n, k, ld = _size(m), _size(length), _size(stride)
        c, u, t = k.ctypes, _U.ctypes, _T.ctypes
        _dsyrk(u, t, n.ctypes, c, _MINUS.ctypes, Y, c, _ONE.ctypes, out, ld.ctypes)
    else:
        for i in range(m):
            for j in range(i + 1):
                out[i * stride + j] -= dot(shift(Y, i * length), shift(Y, j * length), length)


@kernel(void(floats_at, i8, i8, floats_at, i8, i8, floats_at, i8))
def multiply(Q, m, q_stride, K, k_stride, n, X, x_stride):
    """X = Q K for symmetric Q (m x m) and K (m x n), with the given distances between rows."""
    if m > FEW:
        rows, lanes, ldq = _size(m), _size(n), _size(q_stride)
        ldk, ldx, no = _size(k_stride), _size(x_stride), _N.ctypes
        a, b, c = lanes.ctypes, rows.ctypes, ldk.ctypes
        _dgemm(
            no, no, a, b, b, _ONE.ctypes, K, c, Q, ldq.ctypes, _ZERO.ctypes, X, ldx.ctypes
        )  # fmt: skip
    else:
        for i in range(m):
            put(Q[i * q_stride], K, shift(X, i * x_stride), n)
            for j in range(1, m):
                add(Q[i * q_stride + j], shift(K, j * k_stride), shift(X, i * x_stride), n)
