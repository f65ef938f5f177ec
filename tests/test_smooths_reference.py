"""Every reference case passes the invariants of the comparison with mgcv."""

import numpy as np
import pytest

from tests.smooth_cases import (
    CASES,
    all_penalties,
    answers,
    close,
    in_mgcv_null_space,
    learned,
    model_matrix,
    newdata,
    penalized_fit,
    projection,
)

# These use single vectors of a null space, which are arbitrary. They are tested twice: as they are
# to 2 %, and exactly after the rotation of the null space has been taken from the reference.
ARBITRARY = ("cs", "fs", "t2")
EXACT = [case for case in CASES if case not in ARBITRARY]
# Bases whose columns are what they are; radial ones (and sums of them) only up to their signs.
CONCRETE = ["bs", "bs_2pen", "cc", "cc_default", "cp", "cr", "cr_fx", "cs", "mrf", "ps", "ps_m"]
CONCRETE += ["re", "re_slope", "te", "ti"]
SIGNED = ["by_factor", "by_numeric", "ds_2d", "gp", "tp_2d", "tp_default", "tp_k20", "tp_m1"]
SIGNED += ["tp_pc", "tp_ties", "ts"]


def smooths_of(case):
    return in_mgcv_null_space(case) if case in ARBITRARY else learned(case)


def penalized(case):
    return [(case, i) for i in range(len(answers(case)["fits"] or []))]


def all_fits(cases):
    return [pair for case in cases for pair in penalized(case)]


def fit(smooths, case, sp):
    A = model_matrix(smooths)
    penalties = all_penalties(smooths, A.shape[1])
    total = sum(weight * S for weight, S in zip(sp, penalties, strict=True))
    b, leverage = penalized_fit(A, np.array(answers(case)["y"]), total)
    return A, b, leverage, penalties


@pytest.mark.parametrize("case", CASES)
def test_description(case):
    for smooth, term in zip(learned(case), answers(case)["terms"], strict=True):
        assert smooth.label == term["label"]
        assert list(smooth.rank) == term["rank"]
        assert smooth.null_dim == term["null_space_dim"]
        assert smooth.X.shape == np.shape(term["X"])
        assert np.linalg.matrix_rank(smooth.X) == term["X_rank"]


@pytest.mark.parametrize("case", CASES)
def test_penalty_scale(case):
    for smooth, term in zip(smooths_of(case), answers(case)["terms"], strict=True):
        assert len(smooth.S_scale) == len(term["S_scale"])
        if term["S_scale"]:
            np.testing.assert_allclose(smooth.S_scale, term["S_scale"], rtol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_span(case):
    d = answers(case)
    fitted, rank = projection(model_matrix(learned(case)), np.array(d["y"]))
    assert rank == d["rank_zero_sp"]
    close(fitted, d["fit_zero_sp"])


@pytest.mark.parametrize("case", [case for case in CASES if answers(case).get("fit_infinite_sp")])
def test_null_space(case):
    d = answers(case)
    free = [b.X for s in learned(case) for b in s.blocks if not b.penalized]
    N = np.hstack([np.ones((d["n"], 1)), *free])
    fitted, rank = projection(N, np.array(d["y"]))
    assert rank == N.shape[1] == d["null_dim_with_intercept"]
    close(fitted, d["fit_infinite_sp"])


@pytest.mark.parametrize(("case", "i"), all_fits(CASES))
def test_penalized_fit(case, i):
    expected = answers(case)["fits"][i]
    smooths = smooths_of(case)
    A, b, leverage, penalties = fit(smooths, case, expected["sp"])
    close(A @ b, expected["fitted"])
    close(model_matrix(smooths, newdata(case)) @ b, expected["fitted_new"])
    close(leverage, expected["leverage"])
    assert leverage.sum() == pytest.approx(expected["edf"], rel=1e-6)
    y = np.array(answers(case)["y"])
    # a residual sum of squares that is nothing but rounding is compared with that of y
    floor = 1e-9 * np.sum((y - y.mean()) ** 2)
    assert np.sum((y - A @ b) ** 2) == pytest.approx(expected["rss"], rel=1e-6, abs=floor)
    quadratic = [b @ S @ b for S in penalties]
    np.testing.assert_allclose(quadratic, expected["penalty"], rtol=1e-5)


@pytest.mark.parametrize(("case", "i"), all_fits(ARBITRARY))
def test_penalized_fit_with_our_null_space(case, i):
    expected = answers(case)["fits"][i]
    smooths = learned(case)
    ratio = smooths[0].S_scale / answers(case)["terms"][0]["S_scale"]
    A, b, _, _ = fit(smooths, case, expected["sp"] * ratio)
    close(A @ b, expected["fitted"], 0.02)


@pytest.mark.parametrize("case", CASES)
def test_demmler_reinsch_eigenvalues(case):
    for smooth, term in zip(smooths_of(case), answers(case)["terms"], strict=True):
        R = np.linalg.qr(smooth.X, mode="r")
        for S, expected in zip(smooth.S, term["dr_eigen"], strict=True):
            half = np.linalg.solve(R.T, S)
            values = np.linalg.eigvalsh(np.linalg.solve(R.T, half.T))[::-1]
            large = np.array(expected) > 1e-9 * max(expected)
            close(values[: len(expected)], expected)
            np.testing.assert_allclose(
                values[: len(expected)][large], np.array(expected)[large], 1e-5
            )


@pytest.mark.parametrize("case", CONCRETE)
def test_matrices_elementwise(case):
    for smooth, term in zip(learned(case), answers(case)["terms"], strict=True):
        close(smooth.X, term["X"], 1e-10)
        close(smooth.design(newdata(case)), term["X_new"], 1e-10)
        for S, expected in zip(smooth.S, term["S"], strict=True):
            close(S, expected, 1e-3 if case == "cs" else 1e-10)


@pytest.mark.parametrize(
    "case", [c for c in CONCRETE + SIGNED if "X_raw" in answers(c)["terms"][0]]
)
def test_raw_matrices_elementwise(case):
    smooth, term = learned(case)[0], answers(case)["terms"][0]
    basis = smooth.smooth.term.basis
    raw = smooth.smooth.term.raw(smooth.frame)
    X, expected = raw * smooth.smooth.by(smooth.frame)[:, None], np.array(term["X_raw"])
    signs = np.sign(np.sum(X * expected, axis=0)) if case in SIGNED else np.ones(X.shape[1])
    close(X * signs, expected, 1e-8)
    for S, S_raw in zip(basis.penalties, term["S_raw"], strict=True):
        close(S * np.outer(signs, signs), S_raw, 1e-3 if case == "cs" else 1e-8)


CENTRED = [
    c for c in CASES if c not in ("by_numeric", "fs", "re", "re_slope", "sz", "t2", "ti", "tp_pc")
]


@pytest.mark.parametrize("case", [case for case in CENTRED if case != "by_factor"])
def test_columns_are_centred(case):
    X = learned(case)[0].X
    assert np.abs(X.mean(axis=0)).max() < 1e-10 * np.abs(X).max()


def test_levels_of_by_are_centred_together():
    total = sum(smooth.X for smooth in learned("by_factor"))
    assert np.abs(total.mean(axis=0)).max() < 1e-10


def test_point_constraint():
    (smooth,) = learned("tp_pc")
    assert np.abs(smooth.design({"times": [20.0]})).max() < 1e-10


@pytest.mark.parametrize("case", CASES)
def test_prediction_at_training_rows_is_the_design(case):
    for smooth in learned(case):
        assert np.array_equal(smooth.design(smooth.frame), smooth.X)
        for block in smooth.blocks:
            assert np.array_equal(block.design(smooth.frame), block.X)


def test_shrinkage_of_cs():
    S = np.array(answers("cs")["terms"][0]["S_raw"][0])
    basis = learned("cs")[0].smooth.term.basis
    for penalty in (S, basis.penalties[0]):
        values, vectors = np.linalg.eigh(penalty)
        np.testing.assert_allclose(values[:2] / values[2], [0.01, 0.1], rtol=1e-8)
        lines = np.stack([np.ones(8), basis.knots], axis=1)
        assert projection(np.hstack([lines, vectors[:, :2]]), lines[:, 0])[1] == 2
