"""Smooths in use: saved, predicted, on shuffled, repeated and rescaled data, by and id."""

import time
import warnings

import numpy as np
import pandas as pd
import pytest

import glimmer.smooths as gs
from glimmer import record
from glimmer.data import Factor, Frame
from glimmer.errors import DesignWarning, NewLevel, SmoothError
from glimmer.formula import parse
from tests.smooth_cases import CASES, answers, close, learned, newdata, options, table

RNG = np.random.default_rng(20240611)
N = 200
DATA = {
    "x": RNG.uniform(0, 10, N),
    "z": RNG.normal(size=N),
    "w": RNG.normal(size=N),
    "v": RNG.uniform(0.5, 2, N),
    "g": RNG.choice(["a", "b", "c"], N),
    "h": RNG.choice(["p", "q"], N),
}
TERMS = [
    "s(x)", "s(x, bs='ts')", "s(x, bs='cr')", "s(x, bs='cs')", "s(x, bs='cc')", "s(x, bs='ps')",
    "s(x, bs='cp')", "s(x, bs='bs')", "s(x, bs='bs', m=c(3,2,1))", "s(x, bs='ad', k=20, m=3)",
    "s(x, bs='gp')", "s(x, bs='gp', m=c(-4,2))", "s(x, bs='ds')", "s(x, z, k=15)",
    "s(x, z, w, k=30)", "s(x, z, bs='gp', k=20)", "s(x, z, bs='ds', m=c(1,.5), k=20)",
    "s(x, m=c(2,0), k=12)", "s(g, bs='re')", "s(g, x, bs='re')", "s(g, h, bs='re')",
    "s(x, g, bs='fs', k=6)", "s(x, g, bs='fs', xt=list(bs='cr'))", "s(x, g, bs='sz', k=6)",
    "s(x, by=z)", "s(x, by=g)", "s(x, pc=3)", "s(x, fx=TRUE, k=6)", "te(x, z)",
    "te(x, z, pc=c(3,0))",
    "te(x, z, bs=c('tp','ps'), k=c(4,5))", "te(x, z, w, d=c(2,1), bs=c('tp','cr'), k=c(12,4))",
    "te(x, z, by=w)", "te(x, z, bs='ts')", "te(x, g, bs=c('tp','re'))", "te(x, z, w, k=3)",
    "ti(x, z)", "ti(x, z, bs='tp')", "ti(x, z, by=g)", "t2(x, z)", "t2(x, z, full=TRUE)",
    "t2(x, z, w, k=4)", "t2(x, z, by=g)", "t2(x, g, bs=c('cr','re'))",
]  # fmt: skip


def rows(data, at):
    return {name: np.asarray(values)[at] for name, values in data.items()}


def kernels(smooths, frame, beside_null=False):
    """The prior covariance of each penalized smooth at sd 1.

    If asked, in the contrasts that its null space does not touch, and up to scale.
    """
    out = []
    for smooth in smooths:
        parts = [block.design(frame) for block in smooth.blocks if block.penalized]
        if not parts:
            continue
        K = sum(Z @ Z.T for Z in parts)
        free = [block.design(frame) for block in smooth.blocks if not block.penalized]
        if beside_null:
            N = np.linalg.qr(np.hstack([np.ones((frame.n, 1)), *free]))[0]
            K = K - N @ (N.T @ K)
            K = K - (K @ N) @ N.T
            K = K / np.trace(K)
        out.append(K)
    return out


@pytest.mark.parametrize("term", TERMS)
def test_round_trip_and_prediction(term):
    smooths = gs.smooth_con(term, DATA)
    learned_term = smooths[0].smooth.term
    again = record.loads(record.dumps(learned_term))
    frame, new = Frame(DATA), Frame({**DATA, "x": DATA["x"] * 1.3 - 1})
    for data in (frame, new):
        ours, theirs = learned_term.designs(data), again.designs(data)
        for i, smooth in enumerate(again.smooths):
            assert np.array_equal(smooth.design(data), smooths[i].design(data))
            assert smooth.label == smooths[i].label
            for a, b in zip(ours[i], theirs[i], strict=True):
                if isinstance(a, gs.Grouped):
                    assert np.array_equal(a.index, b.index)
                    a, b = a.rows, b.rows
                assert np.array_equal(a, b)
    at = np.array([5, 3, 3, 170])
    for smooth in smooths:
        assert np.array_equal(smooth.design(DATA), smooth.X)
        np.testing.assert_allclose(
            smooth.design(rows(DATA, at)), smooth.X[at], atol=1e-9 * np.abs(smooth.X).max()
        )


@pytest.mark.parametrize("term", TERMS)
def test_blocks_span_the_design(term):
    """Unpenalized and penalized columns are the smooth's, up to the intercept."""
    for smooth in gs.smooth_con(term, DATA):
        assert sum(block.block.size for block in smooth.blocks) == smooth.X.shape[1]
        whole = np.hstack([np.ones((N, 1)), *(block.X for block in smooth.blocks)])
        X = np.hstack([np.ones((N, 1)), smooth.X])
        X = X / np.maximum(np.linalg.norm(X, axis=0), 1e-300)
        whole = whole / np.maximum(np.linalg.norm(whole, axis=0), 1e-300)
        rank = np.linalg.matrix_rank(X, tol=1e-8)
        assert np.linalg.matrix_rank(np.hstack([X, whole]), tol=1e-7) == rank


@pytest.mark.parametrize("term", TERMS)
def test_order_of_rows_does_not_matter(term):
    order = np.random.default_rng(1).permutation(N)
    probe = Frame(rows(DATA, slice(0, 20)))
    ours = kernels(gs.smooth_con(term, DATA), probe)
    shuffled = kernels(gs.smooth_con(term, rows(DATA, order)), probe)
    for a, b in zip(ours, shuffled, strict=True):
        close(a, b, 1e-6)


@pytest.mark.parametrize("term", ["s(x)", "s(x, bs='cr')", "s(x, z, k=15)", "te(x, z)", "t2(x, z)"])
def test_repeating_every_row_changes_nothing(term):
    twice = rows(DATA, np.tile(np.arange(N), 2))
    probe = Frame(rows(DATA, slice(0, 20)))
    for a, b in zip(
        kernels(gs.smooth_con(term, DATA), probe),
        kernels(gs.smooth_con(term, twice), probe),
        strict=True,
    ):
        close(a, b, 1e-6)


# Not: a point or a range in the units of x; the truncated r^2 log(r) of tp in two dimensions, whose
# logarithm knows the unit (as in mgcv); derivative penalties of several orders.
UNITS = ["pc=", "c(-4,2)", "s(x, z, k=15)", "d=c(2,1)", "m=c(3,2,1)"]
UNIT_FREE = [term for term in TERMS if not any(part in term for part in UNITS)]


@pytest.mark.parametrize("unit", [1e6, 1e-6])
@pytest.mark.parametrize("term", UNIT_FREE)
def test_units_do_not_matter(term, unit):
    """A smooth of x in other units is the same smooth (all covariates together if isotropic).

    How much of a straight line goes with the penalized columns is up to the units in gp and ds,
    as in mgcv; that part is free anyway.
    """
    other = {name: v * unit if name in "xzw" else v for name, v in DATA.items()}
    ours = gs.smooth_con(term, DATA)
    theirs = gs.smooth_con(term, other)
    probe, moved = Frame(rows(DATA, slice(0, 20))), Frame(rows(other, slice(0, 20)))
    for a, b in zip(kernels(ours, probe, True), kernels(theirs, moved, True), strict=True):
        close(a, b)


def test_many_rows_of_few_values_are_quick():
    n = 1_000_000
    data = {"x": np.round(RNG.uniform(0, 10, n), 2), "g": RNG.integers(0, 100_000, n).astype(str)}
    start = time.perf_counter()
    (curve,) = gs.smooth_con("s(x)", {"x": data["x"]})
    (effect,) = gs.smooth_con("s(g, bs='re')", {"g": data["g"]})
    assert curve.smooth.block_designs(curve.frame)[1].shape == (n, 8)
    compact = effect.blocks[0].compact(effect.frame)
    assert compact.rows.shape == (n, 1)
    assert compact.levels == len(np.unique(data["g"]))
    assert time.perf_counter() - start < 30


def test_more_than_2000_points():
    x = np.random.default_rng(3).uniform(0, 1, (5000, 2))
    data = {"x": x[:, 0], "z": x[:, 1]}
    (smooth,) = gs.smooth_con("s(x, z, k=30)", data)
    (again,) = gs.smooth_con("s(x, z, k=30)", data)
    assert smooth.smooth.term.basis.points.shape == (2000, 2)
    assert np.array_equal(smooth.X, again.X)


def test_lanczos_agrees_with_the_full_decomposition(monkeypatch):
    data = {"x": np.random.default_rng(3).uniform(0, 1, 700)}
    (quick,) = gs.smooth_con("s(x, k=20)", data)
    monkeypatch.setattr(gs.tp, "LANCZOS_ABOVE", 10_000)
    (full,) = gs.smooth_con("s(x, k=20)", data)
    close(quick.blocks[1].X @ quick.blocks[1].X.T, full.blocks[1].X @ full.blocks[1].X.T, 1e-9)


BEYOND = np.array([-8.0, -6.0, -4.0, 14.0, 16.0, 18.0])


@pytest.mark.parametrize("bs", ["tp", "ts", "cr", "cs", "ps", "bs"])
def test_straight_lines_beyond_the_data(bs):
    (smooth,) = gs.smooth_con(f"s(x, bs='{bs}')", DATA)
    X = smooth.design({"x": BEYOND})
    for three in (X[:3], X[3:]):
        bend = three[0] - 2 * three[1] + three[2]
        assert np.abs(bend).max() < 1e-6 * np.abs(X).max()


@pytest.mark.parametrize("bs", ["cc", "cp"])
def test_cyclic_smooths_wrap(bs):
    (smooth,) = gs.smooth_con(f"s(x, bs='{bs}')", DATA, knots={"x": [0.0, 10.0]})
    x = np.linspace(0, 10, 30)
    for turn in (10.0, -10.0, 30.0):
        close(smooth.design({"x": x + turn}), smooth.design({"x": x}), 1e-9)


def test_unseen_levels_are_zero():
    new = {"x": [1.0, 2.0], "g": ["new", "a"]}
    for term in ("s(g, bs='re')", "s(x, g, bs='fs', k=5)", "s(x, g, bs='sz', k=5)"):
        (smooth,) = gs.smooth_con(term, DATA)
        X = smooth.design(new)
        assert np.all(X[0] == 0)
        assert np.any(X[1] != 0)


def test_unseen_level_of_by_is_an_error():
    smooths = gs.smooth_con("s(x, by=g)", DATA)
    with pytest.raises(NewLevel, match="'new'"):
        smooths[0].design({"x": [1.0], "g": ["new"]})


def test_ordered_by_has_no_first_level():
    frame = Frame(DATA)
    g = frame.factor("g")
    ordered = frame.with_column(Factor("g", g.codes, g.levels, ordered=True))
    smooths = gs.smooth_con("s(x, by=g)", ordered)
    assert [smooth.label for smooth in smooths] == ["s(x):gb", "s(x):gc"]
    assert np.all(smooths[0].X[g.codes != 1] == 0)


def test_by_factor_and_numbers():
    smooths = gs.smooth_con("s(x, by=g, k=6)", DATA)
    assert [smooth.label for smooth in smooths] == ["s(x):ga", "s(x):gb", "s(x):gc"]
    (alone,) = gs.smooth_con("s(x, k=6)", DATA)
    close(sum(smooth.X for smooth in smooths), alone.X, 1e-12)
    (varying,) = gs.smooth_con("s(x, k=6, by=z)", DATA)
    assert varying.X.shape[1] == 6
    (fixed,) = gs.smooth_con("s(x, k=6, by=one)", {**DATA, "one": np.full(N, 2.0)})
    assert fixed.X.shape[1] == 5
    close(fixed.X, 2 * alone.X, 1e-10)


def test_id_shares_basis_and_scale():
    specs = [gs.smooth_spec("s", "x", bs="cr", k=7, id=1), gs.smooth_spec("s", "z", id=1)]
    one, two = gs.learn_smooths(specs, Frame(DATA))
    assert np.array_equal(one.basis.knots, two.basis.knots)
    assert one.basis.knots[0] == min(DATA["x"].min(), DATA["z"].min())
    assert np.array_equal(one.S_scale, two.S_scale)
    assert one.blocks[1].scale == two.blocks[1].scale
    sizes = [np.mean(np.sum(t.designs(Frame(DATA))[0][1] ** 2, axis=1)) for t in (one, two)]
    assert np.mean(sizes) == pytest.approx(1, rel=1e-9)


def test_select_penalizes_the_null_space():
    for term in ("s(x)", "s(x, z, k=15)", "te(x, z)", "t2(x, z)", "s(x, bs='bs', m=c(3,3,2))"):
        (plain,) = gs.smooth_con(term, DATA)
        (smooth,) = gs.smooth_con(term, DATA, select=True)
        last = smooth.blocks[-1]
        assert last.block.name == "null"
        assert all(block.penalized for block in smooth.blocks)
        assert last.block.size == plain.blocks[0].block.size
        assert np.mean(np.sum(last.X**2, axis=1)) == pytest.approx(1)
    (cyclic,) = gs.smooth_con("s(x, bs='cc')", DATA, select=True)
    assert len(cyclic.blocks) == 1


def test_fx_has_no_penalty():
    (smooth,) = gs.smooth_con("te(x, z, fx=TRUE)", DATA)
    assert smooth.S == []
    assert not any(block.penalized for block in smooth.blocks)


def test_mrf_from_neighbours_and_polygons():
    square = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=float)
    polys = {"a": square, "b": square + [1, 0], "c": square + [2, 0]}
    near = {"a": ["b"], "b": ["a", "c"], "c": ["b"]}
    expected = [[1, -1, 0], [-1, 2, -1], [0, -1, 1]]
    for xt in ({"polys": polys}, {"nb": near}, {"penalty": np.array(expected)}):
        (smooth,) = gs.smooth_con("s(g, bs='mrf', xt=areas)", DATA, xt={"areas": xt})
        np.testing.assert_array_equal(smooth.smooth.term.basis.penalties[0], expected)
        assert (smooth.rank, smooth.null_dim) == ((2,), 0)
    (low,) = gs.smooth_con("s(g, bs='mrf', k=2, xt=areas)", DATA, xt={"areas": {"nb": near}})
    assert low.X.shape[1] == 1
    islands = {"areas": {"nb": {**near, "d": ["e"], "e": ["d"]}}}
    with pytest.raises(SmoothError, match="do not determine"):
        gs.smooth_con("s(g, bs='mrf', xt=areas)", DATA, xt=islands)
    more = {"g": np.append(DATA["g"], ["d", "e"])}
    (apart,) = gs.smooth_con("s(g, bs='mrf', xt=areas)", more, xt=islands)
    assert apart.null_dim == 1


def test_adaptive_weights_are_a_partition():
    weights = gs.bspline.adaptive_weights(38, 5)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() >= 0
    (smooth,) = gs.smooth_con("s(x, bs='ad')", DATA)
    D = np.diff(np.eye(40), n=2, axis=0)
    np.testing.assert_allclose(sum(smooth.smooth.term.basis.penalties), D.T @ D, atol=1e-12)
    assert [type(b.block).__name__ for b in smooth.blocks] == ["Unpenalized", "DiagonalBlock"]
    assert len(smooth.blocks[1].block.sds) == 5


def test_a_basis_from_outside():
    @record.record
    class Line(gs.Basis):
        centre: float

        @classmethod
        def learn(cls, columns, k=None, m=None, xt=None, knots=None):
            return cls(float(columns[0].values.mean()))

        def design(self, columns):
            return (columns[0].values - self.centre)[:, None] ** [1, 2]

        penalties = property(lambda self: (np.diag([0.0, 1.0]),))
        rank = property(lambda self: (1,))
        null_dim = property(lambda self: 1)

        def constrain(self, row):
            return None  # it does not hold the constant

    gs.register_basis("line2", Line)
    (smooth,) = gs.smooth_con("s(x, bs='line2')", DATA)
    assert smooth.X.shape == (N, 2)
    again = record.loads(record.dumps(smooth.smooth.term))
    assert np.array_equal(again.smooths[0].design(smooth.frame), smooth.X)


OVERLAPS = [
    (["s(x)", "te(x, z)"], True),
    (["s(x)", "s(x, by=g)"], True),
    (["s(x)", "s(z)", "ti(x, z)"], False),
    (["s(x)", "s(x, by=z)"], False),
    (["s(x)", "s(x, g, bs='fs', k=5)"], False),
    (["s(x)", "s(x, g, bs='sz', k=5)"], False),
    (["s(x, bs='ts')", "s(x, z, bs='ts', k=12)"], False),
]


@pytest.mark.parametrize(("terms", "warned"), OVERLAPS)
def test_overlapping_null_spaces_are_warned_of(terms, warned):
    specs = [gs.spec_from_call(parse(f"~ {term}").parts[0]) for term in terms]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gs.learn_smooths(specs, Frame(DATA))
    assert [w.category for w in caught] == [DesignWarning] * warned


def test_levels_without_rows_are_dropped():
    table_ = {**DATA, "g": pd.Series(pd.Categorical(DATA["g"], ["a", "b", "c", "d"]))}
    for term in ("s(g, bs='re')", "s(x, g, bs='fs', k=5)", "s(x, g, bs='sz', k=5)", "s(x, by=g)"):
        ours, plain = gs.smooth_con(term, table_), gs.smooth_con(term, DATA)
        for a, b in zip(ours, plain, strict=True):
            assert np.array_equal(a.X, b.X)


def test_whole_numbers_as_levels():
    data = {**DATA, "id": RNG.integers(1, 5, N)}
    (smooth,) = gs.smooth_con("s(x, id, bs='fs', k=5)", data)
    assert smooth.smooth.term.basis.factor == ("1", "2", "3", "4")
    assert np.array_equal(
        smooth.design({"x": [1.0], "id": [2]}), smooth.design({"x": [1], "id": ["2"]})
    )
    with pytest.warns(DesignWarning, match="one random slope"):
        gs.smooth_con("s(id, bs='re')", data)


def test_numbers_of_any_table():
    table_ = pd.DataFrame(DATA)
    close(gs.smooth_con("te(x, z)", table_)[0].X, gs.smooth_con("te(x, z)", DATA)[0].X, 1e-12)


@pytest.mark.parametrize("case", CASES)
def test_reference_terms_round_trip(case):
    d = answers(case)
    (first, *_) = gs.smooth_con(d["call"], table(d["data"]), **options(case))
    again = record.loads(record.dumps(first.smooth.term))
    for smooth, other in zip(learned(case), again.smooths, strict=True):
        assert np.array_equal(other.design(newdata(case)), smooth.design(newdata(case)))
