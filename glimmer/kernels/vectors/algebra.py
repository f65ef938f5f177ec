"""Computes with vectors, and with dense row-major square matrices."""

from __future__ import annotations

import numpy as np
from numba import types

from glimmer.kernels.compile.native import at, f8, floats_at, i8, kernel, library, shift, void

_char, _int = types.CPointer(types.uint8), types.CPointer(types.int32)
_dpotrf = library("lapack", "dpotrf", void(_char, _int, floats_at, _int, _int))
_dpotri = library("lapack", "dpotri", void(_char, _int, floats_at, _int, _int))
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
_L, _N, _R, _T, _U = (np.uint8(c) for c in b"LNRTU")
FEW = 10  # up to this many columns plain loops beat the library
PANEL = 64


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


@kernel(void(floats_at, i8))
def mirror(A, n):
    """Copy the lower triangle to the upper one, in strips of eight columns."""
    for strip in range(0, n, 8):
        for i in range(strip + 1, n):
            for j in range(strip, min(strip + 8, i)):
                A[j * n + i] = A[i * n + j]


@kernel(void(floats_at, i8))
def transpose(A, n):
    """Overwrite A by A', in strips of eight columns."""
    for strip in range(0, n, 8):
        for i in range(strip + 1, n):
            for j in range(strip, min(strip + 8, i)):
                A[j * n + i], A[i * n + j] = A[i * n + j], A[j * n + i]


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


# The library counts columns first: our row-major lower triangle is its upper one, transposed.


@kernel(i8(floats_at, i8))
def cholesky(A, n):
    """Overwrite the lower triangle of A by its Cholesky factor; 0 if A is positive definite."""
    size, info = at(n), at(0)
    if n > 0:
        _dpotrf(at(_U), size, A, size, info)
    return info[0]


@kernel(void(floats_at, i8))
def inverse(L, n):
    """Overwrite a Cholesky factor by the inverse of L L', as a full symmetric matrix."""
    size = at(n)
    if n > 0:
        _dpotri(at(_U), size, L, size, at(0))
    mirror(L, n)


@kernel(void(floats_at, floats_at, i8))
def sandwich(L, B, n):
    """Overwrite B by the symmetric part of L^-T B L^-1."""
    size, one, left, right, no = at(n), at(1.0), at(_L), at(_R), at(_N)
    if n > 0:
        _dtrsm(right, at(_U), at(_T), no, size, size, one, L, size, B, size)
        _dtrsm(left, at(_U), no, no, size, size, one, L, size, B, size)
    for i in range(n):
        for j in range(i + 1):
            middle = 0.5 * (B[i * n + j] + B[j * n + i])
            B[i * n + j] = middle
            B[j * n + i] = middle


@kernel(void(floats_at, i8, i8, floats_at, i8))
def subtract_square(Y, m, length, out, stride):
    """Lower triangle of out -= Y Y' for Y with m rows; rows of ``out`` are ``stride`` apart.

    Many rows are taken PANEL at a time, and the diagonal blocks get both triangles.
    """
    if m > FEW:
        minus, one, inner, ld = at(-1.0), at(1.0), at(length), at(stride)
        for i in range(0, m, PANEL):
            rows, columns = at(min(PANEL, m - i)), at(min(PANEL + i, m))
            y, c = shift(Y, i * length), shift(out, i * stride)
            _dgemm(at(_T), at(_N), columns, rows, inner, minus, Y, inner, y, inner, one, c, ld)
    else:
        for i in range(m):
            for j in range(i + 1):
                out[i * stride + j] -= dot(shift(Y, i * length), shift(Y, j * length), length)


@kernel(void(floats_at, i8, i8, floats_at, i8, i8, floats_at, i8))
def multiply(Q, m, q_stride, K, k_stride, n, X, x_stride):
    """X = Q K for symmetric Q (m x m) and K (m x n), with the given distances between rows."""
    if m > FEW:
        rows, columns, no, one, zero = at(m), at(n), at(_N), at(1.0), at(0.0)
        ldq, ldk, ldx = at(q_stride), at(k_stride), at(x_stride)
        _dgemm(no, no, columns, rows, rows, one, K, ldk, Q, ldq, zero, X, ldx)
    else:
        for i in range(m):
            put(Q[i * q_stride], K, shift(X, i * x_stride), n)
            for j in range(1, m):
                add(Q[i * q_stride + j], shift(K, j * k_stride), shift(X, i * x_stride), n)
