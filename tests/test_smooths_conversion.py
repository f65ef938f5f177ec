"""A smooth as random effects: kernels, precisions, log-determinants, rstanarm's blocks."""

import numpy as np
import pytest

import glimmer.smooths as gs
from glimmer.errors import SmoothError
from glimmer.smooths.blocks import CholeskyBlock, DiagonalBlock
from tests.smooth_cases import (
    CASES,
    answers,
    close,
    in_mgcv_null_space,
    kernel,
    learned,
    newdata,
    penalized_fit,
    projection,
)

ARBITRARY = ("cs", "fs", "t2")


def where(condition, cases=CASES):
    return [case for case in cases if condition(answers(case))]


def penalized(smooth):
    return [block for block in smooth.blocks if block.penalized]


def smooths_of(case):
    return in_mgcv_null_space(case) if case in ARBITRARY else learned(case)


MIXED = where(lambda d: "K_new_blocks" in d["terms"][0].get("mixed", {}))
SUMMED = where(lambda d: "K_new_sumS" in d["terms"][0])
STAN = where(
    lambda d: any("K_new_blocks" in s for s in (d.get("stan_gamm4") or {"smooths": []})["smooths"])
)


@pytest.mark.parametrize("case", MIXED)
def test_kernels_of_blocks(case):
    for smooth, term in zip(smooths_of(case), answers(case)["terms"], strict=True):
        mixed, blocks = term["mixed"], penalized(smooth)
        assert [block.block.size for block in blocks] == mixed["rand_ncol"]
        assert sum(b.block.size for b in smooth.blocks if not b.penalized) == mixed["n_fixed"]
        for block, K, trace in zip(
            blocks, mixed["K_new_blocks"], mixed["K_data_trace"], strict=True
        ):
            close(kernel(block, newdata(case)), K)
            ours = np.sum((block.X * block.block.scale) ** 2)
            assert ours == pytest.approx(trace, rel=1e-6)


@pytest.mark.parametrize("case", SUMMED)
def test_kernel_of_all_sds_equal(case):
    """Functions in the null space are free, so kernels are compared beside them."""
    (smooth,) = smooths_of(case)
    frame = newdata(case)
    free = [block.design(frame) for block in smooth.blocks if not block.penalized]
    N = np.linalg.qr(np.hstack([np.ones((frame.n, 1)), *free]))[0]
    beside = np.eye(frame.n) - N @ N.T
    ours = sum(kernel(block, frame) for block in penalized(smooth))
    theirs = np.array(answers(case)["terms"][0]["K_new_sumS"])
    close(beside @ ours @ beside, beside @ theirs @ beside)


@pytest.mark.parametrize("case", SUMMED)
def test_log_determinants(case):
    (smooth,) = smooths_of(case)
    expected = answers(case)["terms"][0]["log_gdet"]
    blocks = penalized(smooth)

    def log_determinant(weights):
        sds, total = np.array(weights, dtype=float) ** -0.5, 0.0
        for block in blocks:
            own, sds = sds[: len(block.block.sds)], sds[len(block.block.sds) :]
            P = block.block.precision(own)
            total += np.log(P).sum() if P.ndim == 1 else np.linalg.slogdet(P)[1]
        assert len(sds) == 0
        return total

    assert sum(block.block.size for block in blocks) == expected[0]["rank"]
    first = log_determinant(expected[0]["lambda"])
    for row in expected[1:]:
        difference = row["value"] - expected[0]["value"]
        assert log_determinant(row["lambda"]) - first == pytest.approx(difference, abs=1e-6)


def from_blocks(smooth, sp, y):
    """The penalized fit in the coordinates of the blocks."""
    at, parts, P = 0, [np.ones((len(y), 1))], [np.zeros((1, 1))]
    for block in smooth.blocks:
        parts.append(block.X)
        count = len(block.block.sds)
        # lambda_j = scale^2 / sd_j^2 for sigma = 1
        sds = block.block.scale / np.sqrt(sp[at : at + count]) if count else None
        precision = block.block.precision(sds) if count else np.zeros(block.block.size)
        P.append(np.diag(precision) if precision.ndim == 1 else precision)
        at += count
    A = np.hstack(parts)
    penalty, at = np.zeros((A.shape[1],) * 2), 0
    for piece in P:
        end = at + len(piece)
        penalty[at:end, at:end] = piece
        at = end
    return penalized_fit(A, y, penalty)[0]


ONE_TERM = where(lambda d: len(d["terms"]) == 1 and d["fits"])


@pytest.mark.parametrize("case", ONE_TERM)
def test_blocks_reproduce_the_penalized_fits(case):
    (smooth,) = smooths_of(case)
    d = answers(case)
    for expected in d["fits"]:
        b = from_blocks(smooth, np.array(expected["sp"]), np.array(d["y"]))
        new = [np.ones((newdata(case).n, 1))] + [s.design(newdata(case)) for s in smooth.blocks]
        close(
            np.hstack([np.ones((d["n"], 1)), *(s.X for s in smooth.blocks)]) @ b, expected["fitted"]
        )
        close(np.hstack(new) @ b, expected["fitted_new"])


@pytest.mark.parametrize("case", [c for c in CASES if not c.startswith("by_")])
def test_normalization(case):
    for block in learned(case)[0].blocks:
        if block.penalized:
            assert np.mean(np.sum(block.X**2, axis=1)) == pytest.approx(1, rel=1e-9)
        else:
            np.testing.assert_allclose(np.mean(block.X**2, axis=0), 1, rtol=1e-8)


def test_normalization_with_by():
    """Levels of a factor share their rows out; a numeric by counts in the size of the term."""
    sizes = [np.mean(np.sum(smooth.blocks[1].X ** 2, axis=1)) for smooth in learned("by_factor")]
    assert sum(sizes) == pytest.approx(1, rel=1e-9)
    (smooth,) = learned("by_numeric")
    assert np.mean(np.sum(smooth.blocks[1].X ** 2, axis=1)) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_shares_sum_to_one(case):
    for smooth in learned(case):
        for block in (b.block for b in smooth.blocks):
            if isinstance(block, DiagonalBlock):
                np.testing.assert_allclose(block.shares.sum(axis=1), 1, rtol=1e-12)
            if isinstance(block, CholeskyBlock):
                np.testing.assert_allclose(block.shares.sum(axis=0), np.eye(block.size), atol=1e-9)
            if block.sds:
                P = block.precision(np.full(len(block.sds), 2.0))
                full = np.diag(P) if P.ndim == 1 else P
                np.testing.assert_allclose(full, np.eye(block.size) / 4, atol=1e-9)


def test_forms():
    forms = {
        case: [type(block.block).__name__ for block in learned(case)[0].blocks] for case in CASES
    }
    assert forms["te"] == forms["ti"] == ["Unpenalized", "DiagonalBlock"]
    assert forms["sz"] == ["Unpenalized", "CholeskyBlock"]
    assert forms["bs_2pen"] == ["DiagonalBlock"]
    assert forms["fs"] == ["GroupedBlock"] * 3
    assert forms["re"] == forms["re_slope"] == ["GroupedBlock"]
    assert forms["t2"] == ["Unpenalized", "DenseBlock", "DenseBlock", "DenseBlock"]
    assert forms["cr_fx"] == ["Unpenalized"]
    assert forms["tp_default"] == ["Unpenalized", "DenseBlock"]


def test_names_of_sds():
    def names(case):
        return [sd for block in learned(case)[0].blocks for sd in block.block.sds]

    assert names("te") == ["Wind", "Temp"]
    assert names("t2") == ["rr", "nr", "rn"]
    assert names("fs") == ["1", "2", "3"]
    assert names("tp_default") == [""]


def stan_kernels(smooths, case):
    """Our blocks for each smooth at the new points."""
    term, frame = smooths[0].smooth.term, newdata(case)
    blocks = gs.rstanarm_blocks(term, smooths[0].frame)
    raw = term.raw(frame)
    for smooth in smooths:
        by = smooth.smooth.by(frame)[:, None]
        columns = [block.columns(raw) for block in blocks]
        dense = [c.dense() * by if isinstance(c, gs.Grouped) else c * by for c in columns]
        yield [Z @ Z.T for Z in dense]


# The null space of two dimensions is scaled direction by direction in an arbitrary rotation.
ROTATED = ("tp_2d", "t2")


@pytest.mark.parametrize("case", [case for case in STAN if case != "fs"])
def test_rstanarm_kernels(case):
    stan = answers(case)["stan_gamm4"]["smooths"]
    for ours, smooth in zip(stan_kernels(smooths_of(case), case), stan, strict=True):
        theirs = smooth["K_new_blocks"]
        assert len(ours) == len(theirs)
        for i, (K, expected) in enumerate(zip(ours, theirs, strict=True)):
            if case in ROTATED and i == len(ours) - 1:
                continue
            close(K, expected)


def test_rstanarm_null_kernel_of_two_dimensions():
    """Whatever the rotation, the columns span the lines and have the same mean squared norm."""
    (smooth,) = learned("tp_2d")
    frame = newdata("tp_2d")
    theirs = np.array(answers("tp_2d")["stan_gamm4"]["smooths"][0]["K_new_blocks"][1])
    block = gs.rstanarm_blocks(smooth.smooth.term, smooth.frame)[1]
    N = block.columns(smooth.smooth.term.raw(frame))
    fitted, rank = projection(np.hstack([N, theirs]), theirs[0])
    assert rank == 2
    M = np.linalg.pinv(N) @ theirs @ np.linalg.pinv(N).T
    on_data = block.columns(smooth.smooth.term.raw(smooth.frame))
    ours = np.sum(on_data**2)
    assert np.trace(on_data @ M @ on_data.T) == pytest.approx(ours, rel=1e-8)
    close(fitted, theirs[0])


def test_rstanarm_null_kernel_of_t2_up_to_its_rotation():
    (smooth,) = in_mgcv_null_space("t2")
    block = gs.rstanarm_blocks(smooth.smooth.term, smooth.frame)[-1]
    N = block.columns(smooth.smooth.term.raw(newdata("t2")))
    theirs = np.array(answers("t2")["stan_gamm4"]["smooths"][0]["K_new_blocks"][-1])
    close(N @ N.T, theirs, 0.02)


def test_rstanarm_fs_blocks_add_up():
    """stan_gamm4 cuts the columns of fs by rank, so its blocks mix levels; their sum is right."""
    (ours,) = stan_kernels(smooths_of("fs"), "fs")
    theirs = np.array(answers("fs")["stan_gamm4"]["smooths"][0]["K_new_blocks"])
    assert np.abs(theirs[1:]).max() == 0
    close(sum(ours), theirs.sum(axis=0), 0.02)


@pytest.mark.parametrize("case", ["te", "ti", "sz", "bs_2pen"])
def test_rstanarm_fails_where_stan_gamm4_does(case):
    (smooth,) = learned(case)
    with pytest.raises(SmoothError, match="overlap"):
        gs.rstanarm_blocks(smooth.smooth.term, smooth.frame)
