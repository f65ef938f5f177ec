"""Computes the matrix algebra that the smooths share."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

TINY = np.finfo(float).eps ** 0.66


def frozen(array: Any) -> np.ndarray:
    """A read-only float64 array in C order, so that a copy read from JSON computes alike."""
    array = np.array(array, dtype=np.float64, order="C")
    array.flags.writeable = False
    return array


def householder_complement(c: np.ndarray) -> np.ndarray:
    """Z with orthonormal columns and c'Z = 0: the Householder QR of ``c``, (k,) -> (k, k - 1)."""
    return np.linalg.qr(c[:, None], mode="complete")[0][:, 1:]


def eigen(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues in decreasing order, and their vectors."""
    values, vectors = np.linalg.eigh((S + S.T) / 2)
    return values[::-1], vectors[:, ::-1]


def split(S: np.ndarray, rank: int, T: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """R with R'SR = I, of ``rank`` columns, and an orthonormal basis N of the null space of S.

    R is orthogonal to N. With ``T`` all columns are in its span; it should have columns of like
    effect, for where they differ by powers of ten small penalties would drown in rounding.
    """
    T = np.eye(len(S)) if T is None else T
    values, vectors = eigen(T.T @ S @ T)
    R = T @ (vectors[:, :rank] / np.sqrt(values[:rank]))
    N = np.linalg.qr(T @ vectors[:, rank:])[0]
    return R - N @ (N.T @ R), N


def row_kron(*matrices: np.ndarray) -> np.ndarray:
    """Kronecker product row by row; the columns of the last matrix vary fastest."""
    out = matrices[0]
    for matrix in matrices[1:]:
        size = out.shape[1] * matrix.shape[1]
        out = (out[:, :, None] * matrix[:, None, :]).reshape(len(out), size)
    return out


def unique_rows(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of ``x`` (sorted), and for every row its position among them."""
    points, position = np.unique(x, axis=0, return_inverse=True)
    return points, position.reshape(-1)


def powers(d: int, degree: int) -> list[tuple[int, ...]]:
    """Exponents of the monomials of ``d`` variables below total ``degree``, first fastest."""
    found = (p[::-1] for p in itertools.product(range(degree), repeat=d))
    return [p for p in found if sum(p) < degree]


def monomials(x: np.ndarray, degree: int) -> np.ndarray:
    """Polynomials below ``degree``: 1, x1, x2, ..., shape (n, M)."""
    return np.stack([np.prod(x**p, axis=1) for p in powers(x.shape[1], degree)], axis=1)


def defined_null(N: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A basis of span(N) that does not depend on the linear algebra library.

    Null spaces come from an eigen decomposition in an arbitrary rotation. Here their functions are
    named: the constant, the covariates and their products, as far as the span holds them.

    Parameters
    ----------
    N : ndarray, shape (n, M)
        Null-space functions at the training rows.
    x : ndarray, shape (n, d)
        Covariates there.

    Returns
    -------
    ndarray, shape (M, M)
        C such that the columns of ``N @ C`` are orthogonal with mean square 1, each new one
        adding the next of 1, x1, x2, x1^2, ...
    """
    n, M = N.shape
    if M == 0:
        return np.zeros((0, 0))
    Q, R = np.linalg.qr(N)
    centred = x - x.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    T = monomials(centred / np.where(spread > 0, spread, 1.0), 3 if x.shape[1] < 6 else 2)
    wanted = Q.T @ (T / np.linalg.norm(T, axis=0))
    inside = np.linalg.norm(wanted, axis=0) > 1 - 1e-8
    basis = _gram_schmidt(np.hstack([wanted[:, inside], wanted[:, ~inside], np.eye(M)]), M)
    return np.linalg.solve(R, basis) * np.sqrt(n)


def _gram_schmidt(vectors: np.ndarray, rank: int) -> np.ndarray:
    """The first ``rank`` independent columns, made orthonormal in their order."""
    basis: list[np.ndarray] = []
    for v in vectors.T:
        rest = v.copy()
        for q in basis * 2:
            rest = rest - q * (q @ rest)
        size = np.linalg.norm(rest)
        if size > 1e-6:
            basis.append(rest / size)
        if len(basis) == rank:
            break
    return np.stack(basis, axis=1)
