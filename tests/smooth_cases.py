"""mgcv's answers, and the linear algebra by which they are compared with ours."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import glimmer.smooths as gs
from glimmer.data import Frame
from glimmer.smooths.construct import assemble
from glimmer.smooths.smooth_con import LearnedSmooth

FOLDER = Path(__file__).parent / "reference" / "smooths"
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def answers(case):
    return json.loads((FOLDER / f"{case}.json").read_text())


def table(columns):
    return {name: _column(column) for name, column in columns.items()}


def _column(column):
    if column["type"] == "numeric":
        return np.array(column["values"], dtype=float)
    levels = [str(level) for level in column["levels"]]
    values = [str(value) for value in column["values"]]
    return pd.Series(pd.Categorical(values, levels, ordered=column["type"] == "ordered"))


def options(case):
    """The objects a term needs beside its text."""
    d = answers(case)
    if case != "mrf":
        return {"knots": d["knots_arg"]}
    names = sorted(d["data"]["district"]["levels"])  # R's order of the penalty's rows
    return {"xt": {"xt_pen": {"penalty": d["terms"][0]["S_raw"][0], "names": names}}}


@cache
def learned(case):
    d = answers(case)
    return gs.smooth_con(d["call"], table(d["data"]), **options(case))


@cache
def newdata(case):
    return Frame(table(answers(case)["newdata"]))


def with_basis(smooth, basis):
    """The smooth with another basis in place of its own."""
    frame, term = smooth.frame, smooth.smooth.term
    columns = term.columns(frame)
    other = assemble(term.spec, basis, columns, frame)
    return LearnedSmooth(other.smooths[0], frame)


@cache
def in_mgcv_null_space(case):
    """The smooths in the arbitrary null-space coordinates that mgcv had on that day.

    cs, fs and t2 use single vectors of a null space, which LAPACK returns in any rotation. The few
    numbers of that rotation are read off the reference; all else must agree.
    """
    (smooth,) = learned(case)
    term = answers(case)["terms"][0]
    basis = smooth.smooth.term.basis
    if case == "cs":
        return [with_basis(smooth, replace(basis, penalty=np.array(term["S_raw"][0])))]
    rotate = {"fs": _rotated_fs, "t2": _rotated_t2}[case]
    return [with_basis(smooth, rotate(smooth, basis, term))]


def _rotated_fs(smooth, basis, term):
    columns = smooth.smooth.term.columns(newdata("fs"))
    r = basis.base.rank[0]
    grouped = basis.grouped(columns)
    one = grouped.index == 0
    functions = grouped.rows[one][:, r:]
    directions = []
    for K in term["mixed"]["K_new_blocks"][1:]:
        M = _form(functions, np.array(K)[np.ix_(one, one)], np.ones((one.sum(),) * 2))
        directions.append(np.linalg.eigh(M).eigenvectors[:, -1])
    natural = basis.natural.copy()
    natural[:, r:] = natural[:, r:] @ np.stack(directions, axis=1)
    return replace(basis, natural=natural)


def _rotated_t2(smooth, basis, term):
    columns = smooth.smooth.term.columns(newdata("t2"))
    margins = list(basis.margins)
    parts = [margin.design([column]) for margin, column in zip(margins, columns, strict=True)]
    for piece, null, other in ((1, 0, 1), (2, 1, 0)):
        r = margins[other].penalized
        K_range = parts[other][:, :r] @ parts[other][:, :r].T
        K = np.array(term["mixed"]["K_new_blocks"][piece]) / term["S_scale"][piece]
        M = _form(parts[null][:, r:], K, K_range)  # of the constant and the line
        slope = np.sqrt(M[1, 1])
        lift = M[0, 1] / slope
        rotation = np.array([[np.sqrt(M[0, 0] - lift**2), lift], [0, slope]])
        coordinates = margins[null].coordinates.copy()
        coordinates[:, r:] = coordinates[:, r:] @ rotation
        margins[null] = replace(margins[null], coordinates=coordinates)
    return replace(basis, margins=tuple(margins))


def _form(F, K, weight):
    """The symmetric 2 x 2 M with K = (F M F') * weight, which must hold exactly."""
    pairs = [(0, 0), (0, 1), (1, 1)]
    terms = [np.outer(F[:, i], F[:, j]) + np.outer(F[:, j], F[:, i]) * (i != j) for i, j in pairs]
    A = np.stack([(term * weight).ravel() for term in terms], axis=1)
    a, b, c = np.linalg.lstsq(A, K.ravel())[0]
    assert np.abs(A @ [a, b, c] - K.ravel()).max() < 1e-9 * np.abs(K).max()
    return np.array([[a, b], [b, c]])


def model_matrix(smooths, frame=None):
    parts = [smooth.X if frame is None else smooth.design(frame) for smooth in smooths]
    return np.hstack([np.ones((len(parts[0]), 1)), *parts])


def all_penalties(smooths, p):
    """The penalties of all smooths, among the coefficients of the whole model."""
    out, at = [], 1
    for smooth in smooths:
        end = at + smooth.X.shape[1]
        for S in smooth.S:
            out.append(np.zeros((p, p)))
            out[-1][at:end, at:end] = S
        at = end
    return out


def penalized_fit(A, y, penalty):
    """Coefficients, leverage of argmin |y - A b|^2 + b' penalty b."""
    values, vectors = np.linalg.eigh(penalty)
    root = (vectors * np.sqrt(np.clip(values, 0, None))).T
    Q, R = np.linalg.qr(np.vstack([A, root]))
    Q = Q[: len(A)]
    return np.linalg.solve(R, Q.T @ y), np.sum(Q**2, axis=1)


def projection(A, y):
    """Fitted values of least squares, and the rank."""
    U, d, _ = np.linalg.svd(A / np.linalg.norm(A, axis=0), full_matrices=False)
    U = U[:, d > d[0] * 1e-9]
    return U @ (U.T @ y), U.shape[1]


def close(ours, theirs, tolerance=1e-6):
    """Whether the largest difference is small beside the range (or size) of the answer."""
    theirs = np.asarray(theirs, dtype=float)
    largest = np.abs(theirs).max()
    size = np.ptp(theirs) if np.ptp(theirs) > 1e-9 * largest else largest
    error = np.abs(np.asarray(ours) - theirs).max() / size
    assert error < tolerance, f"relative difference {error:.2e}"


def kernel(block, frame):
    """The prior covariance of a block in mgcv's scale, at sd 1."""
    Z = block.design(frame) * block.block.scale
    return Z @ Z.T
