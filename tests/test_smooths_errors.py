"""What a smooth term may say, and what happens when it cannot be built."""

import numpy as np
import pytest

import glimmer.smooths as gs
from glimmer.data import Frame
from glimmer.errors import (
    DesignWarning,
    FormulaError,
    MissingValues,
    ModelError,
    NewLevel,
    NotEnoughData,
    NotFinite,
    SmoothError,
    SyntaxProblem,
    UnknownColumn,
    WrongType,
)
from glimmer.formula import parse

RNG = np.random.default_rng(5)
N = 60
DATA = {
    "x": RNG.uniform(0, 10, N),
    "z": RNG.normal(size=N),
    "few": RNG.integers(0, 5, N).astype(float),
    "flat": np.ones(N),
    "gone": np.where(np.arange(N) == 3, np.nan, 1.0),
    "wild": np.where(np.arange(N) == 3, np.inf, np.arange(N)),
    "g": RNG.choice(["a", "b", "c"], N),
    "h": RNG.choice(["p", "q"], N),
    "zero": np.zeros(N),
    "one": np.full(N, "a"),
}

# term, error, words of the message (or of the advice), text under the carets
BAD = [
    ("s(x, kk=10)", SmoothError, "no argument 'kk'", "s(x, kk=10)"),
    ("s(x, np=FALSE)", SmoothError, "no argument 'np'", "s(x, np=FALSE)"),
    ("s(x, sp=1)", SmoothError, "no argument 'sp'", "s(x, sp=1)"),
    ("s(x, bs='tps')", SmoothError, "Unknown basis 'tps'", "s(x, bs='tps')"),
    ("s(x, bs='tps')", SmoothError, "'tp'", "s(x, bs='tps')"),
    ("s(x, bs=3)", SmoothError, "bs=3", "s(x, bs=3)"),
    ("s(x, k='a')", SmoothError, "k='a'", "s(x, k='a')"),
    ("s(x, k=2.5)", SmoothError, "whole number", "s(x, k=2.5)"),
    ("s(x, k=0)", SmoothError, "positive", "s(x, k=0)"),
    ("s(x, fx=1)", SmoothError, "TRUE or FALSE", "s(x, fx=1)"),
    ("s(x, pc=c(1,2))", SmoothError, "pc must have", "s(x, pc=c(1,2))"),
    ("s(x, m='a')", SmoothError, "m must be numbers", "s(x, m='a')"),
    ("s(x, x)", SmoothError, "different covariates", "s(x, x)"),
    ("s()", SmoothError, "different covariates", "s()"),
    ("s(log(x))", FormulaError, "names of columns", "log(x)"),
    ("s(x + z)", FormulaError, "names of columns", "x + z"),
    ("s(x, k=z)", FormulaError, "must be a constant", "z"),
    ("te(x)", SmoothError, "two margins", "te(x)"),
    ("te(x, z, d=c(1,2))", SmoothError, "must add up to the 2 covariates", "te(x, z, d=c(1,2))"),
    ("te(x, z, k=c(3,4,5))", SmoothError, "2 margins", "te(x, z, k=c(3,4,5))"),
    ("te(x, z, bs=c('ad','cr'), k=12)", SmoothError, "exactly one penalty", "te("),
    ("log(x)", SyntaxProblem, "not a smooth term", "log(x)"),
    ("s(few)", SmoothError, "k=10 is more than the 5 different values", "s(few)"),
    ("s(few, bs='cr')", SmoothError, "k=5 or less", "s(few, bs='cr')"),
    ("s(few, bs='cc')", SmoothError, "5 different values", "s(few, bs='cc')"),
    ("s(few, bs='ps')", SmoothError, "5 different values", "s(few, bs='ps')"),
    ("s(few, bs='gp')", SmoothError, "5 different values", "s(few, bs='gp')"),
    ("s(x, k=100)", SmoothError, "60 different values", "s(x, k=100)"),
    ("s(x, z, k=70)", SmoothError, "60 different values of x, z", "s(x, z, k=70)"),
    ("te(few, x, k=6)", SmoothError, "5 different values of few", "te(few, x, k=6)"),
    ("s(flat)", SmoothError, "constant", "s(flat)"),
    ("s(flat, bs='cr')", SmoothError, "constant", "s(flat, bs='cr')"),
    ("te(x, flat)", SmoothError, "constant", "te(x, flat)"),
    ("s(g)", SmoothError, "is categorical", "s(g)"),
    ("s(g)", SmoothError, "by=g", "s(g)"),
    ("s(x, g)", SmoothError, "is categorical", "s(x, g)"),
    ("s(x, g, bs='cr')", SmoothError, "one covariate, not 2", "s(x, g, bs='cr')"),
    ("te(x, g)", SmoothError, "is categorical", "te(x, g)"),
    ("s(gone)", MissingValues, "missing", "s(gone)"),
    ("s(x, by=gone)", MissingValues, "missing", "s(x, by=gone)"),
    ("s(wild)", NotFinite, "infinite", "s(wild)"),
    ("s(x, by=zero)", SmoothError, "zero at all rows", "s(x, by=zero)"),
    ("s(nope)", UnknownColumn, "no column 'nope'", "s(nope)"),
    ("s(x, by=nope)", UnknownColumn, "no column 'nope'", "s(x, by=nope)"),
    ("s(x, bs='fs')", SmoothError, "one factor", "s(x, bs='fs')"),
    ("s(x, g, h, bs='fs')", SmoothError, "2 factors", "s(x, g, h, bs='fs')"),
    ("s(x, bs='sz')", SmoothError, "one factor", "s(x, bs='sz')"),
    ("s(x, one, bs='sz', k=5)", SmoothError, "has one level", "s(x, one"),
    ("s(x, g, bs='fs', xt=list(bs='ad'), k=12)", SmoothError, "one penalty", "s(x, g"),
    ("s(g, bs='mrf')", SmoothError, "needs a neighbourhood", "s(g, bs='mrf')"),
    ("s(x, bs='mrf')", SmoothError, "one factor, the region", "s(x, bs='mrf')"),
    ("s(g, bs='mrf', xt=missing)", SmoothError, "lacks 'c'", "s(g, bs='mrf'"),
    ("s(g, bs='mrf', xt=stranger)", SmoothError, "neighbour 'x'", "s(g, bs='mrf'"),
    ("s(g, bs='mrf', xt=square, k=9)", SmoothError, "k from 2 to 3, not 9", "s(g, bs='mrf'"),
    ("s(g, bs='mrf', xt=oblong)", SmoothError, "symmetric matrix", "s(g, bs='mrf'"),
    ("s(g, bs='mrf', xt=nowhere)", FormulaError, "must be a constant", "nowhere"),
    ("s(x, bs='ds', m=c(1,-1))", SmoothError, "needs m + s", "s(x, bs='ds'"),
    ("s(x, bs='gp', m=9)", SmoothError, "no correlation function 9", "s(x, bs='gp'"),
    ("s(x, bs='gp', m=c(2,1,3))", SmoothError, "power", "s(x, bs='gp'"),
    ("s(x, bs='bs', m=c(2,3))", SmoothError, "no derivative of order 3", "s(x, bs='bs'"),
    ("s(x, bs='ps', m=c(1.5,1))", SmoothError, "whole numbers", "s(x, bs='ps'"),
]  # fmt: skip
XT = {
    "missing": {"nb": {"a": ["b"], "b": ["a"]}},
    "stranger": {"nb": {"a": ["x"], "b": ["a"], "c": []}},
    "square": {"nb": {"a": ["b"], "b": ["a", "c"], "c": []}},
    "oblong": {"penalty": np.ones((2, 3))},
}


@pytest.mark.parametrize(("term", "kind", "words", "under"), BAD)
def test_bad_terms(term, kind, words, under):
    with pytest.raises(kind) as caught:
        gs.smooth_con(term, DATA, xt=XT)
    text = str(caught.value)
    assert words in text
    formula = f"~ {term}"
    assert formula in text
    start, stop = caught.value.span
    assert formula[start:stop].startswith(under)
    assert "^" in text


KNOTS = [
    ("s(x, bs='cr', k=5)", {"x": [0, 1, 2]}, "needs 5 knots, not 3"),
    ("s(x, bs='cr', k=3)", {"x": [0, 1, 1]}, "different from each other"),
    ("s(x, bs='cr', k=3)", {"x": [0, 1, np.nan]}, "finite"),
    ("s(x, bs='cc', k=5)", {"x": [2, 12]}, "cover the data"),
    ("s(x, bs='cc', k=5)", {"x": [-1, 5, 12]}, "needs 2 or 5 knots"),
    ("s(x, bs='cp', k=5)", {"x": [2, 12]}, "cover the data"),
    ("s(x, bs='cp', k=5)", {"x": [-1, 5, 12]}, "needs 2 or 6 knots"),
    ("s(x, bs='ps', k=5)", {"x": [2, 12]}, "cover the data"),
    ("s(x, bs='ps', k=5)", {"x": [-1, 5, 12]}, "needs 2 or 9 knots"),
    ("s(x, bs='bs', k=5)", {"x": [-1, 5, 12]}, "needs 2, 4 or 9 knots"),
    ("s(x, bs='bs', k=5)", {"x": [-1, 4, 12, 15]}, "cover the data"),
    ("s(x)", {"x": [1, 2, 3]}, "more than the 3 different values"),
    ("s(x, z)", {"x": [1, 2, 3]}, "for each of x, z"),
    ("s(x)", {"y": [1, 2, 3]}, "knots for 'y'"),
]


@pytest.mark.parametrize(("term", "knots", "words"), KNOTS)
def test_bad_knots(term, knots, words):
    with pytest.raises(SmoothError) as caught:
        gs.smooth_con(term, DATA, knots=knots)
    assert words in str(caught.value)


GOOD_KNOTS = [
    ("s(x, bs='cr', k=4)", [0.0, 3.0, 6.0, 10.0], (N, 3)),
    ("s(x, bs='cc', k=5)", [0.0, 10.0], (N, 3)),
    ("s(x, bs='cp', k=5)", [0.0, 10.0], (N, 4)),
    ("s(x, bs='ps', k=6)", [0.0, 10.0], (N, 5)),
    ("s(x, bs='bs', k=6)", [-5.0, 0.0, 10.0, 15.0], (N, 5)),
    ("s(x, k=6)", [0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (N, 5)),
    ("s(x, k=6)", [0.0, 2, 4, 6, 8, 10], (N, 5)),
]


@pytest.mark.parametrize(("term", "knots", "shape"), GOOD_KNOTS)
def test_knots_of_the_user(term, knots, shape):
    (smooth,) = gs.smooth_con(term, DATA, knots={"x": knots})
    assert smooth.X.shape == shape
    assert np.linalg.matrix_rank(smooth.X) == shape[1]


RAISED = [
    ("s(x, k=2)", "k=3 is used"),
    ("s(x, z, k=3)", "k=4 is used"),
    ("s(x, bs='cr', k=2)", "k=3 is used"),
    ("s(x, bs='cc', k=3)", "k=4 is used"),
    ("s(x, bs='ps', k=2)", "k=4 is used"),
    ("s(x, bs='gp', k=2)", "k=3 is used"),
    ("s(x, z, m=1)", "m=2 is used"),
]


@pytest.mark.parametrize(("term", "words"), RAISED)
def test_too_small_k_is_raised_with_a_warning(term, words):
    with pytest.warns(DesignWarning, match=words):
        gs.smooth_con(term, DATA)


def test_too_few_rows():
    few = {name: values[:5] for name, values in DATA.items()}
    with pytest.raises(SmoothError, match="more than the 5 different values"):
        gs.smooth_con("s(x)", few)
    with pytest.raises(SmoothError, match="constant"):
        gs.smooth_con("s(x)", {"x": [1.0]})
    with pytest.raises(NotEnoughData):
        gs.smooth_con("s(g, bs='re')", {"g": np.array([], dtype=object)})
    with pytest.raises(ModelError):
        gs.smooth_con("s(x)", {"x": np.array([])})


def test_bad_new_data():
    (smooth,) = gs.smooth_con("s(x)", DATA)
    with pytest.raises(UnknownColumn):
        smooth.design({"z": [1.0]})
    with pytest.raises(WrongType):
        smooth.design({"x": ["a"]})
    with pytest.raises(MissingValues):
        smooth.design({"x": [1.0, np.nan]})
    (field,) = gs.smooth_con("s(g, bs='mrf', xt=square)", DATA, xt=XT)
    with pytest.raises(NewLevel, match="'d'"):
        field.design({"g": ["a", "d"]})


def test_no_rows_of_new_data():
    for term in ("s(x)", "s(x, z, k=10)", "s(x, bs='cr')", "s(x, bs='ps')", "te(x, z)"):
        (smooth,) = gs.smooth_con(term, DATA)
        empty = {"x": np.array([]), "z": np.array([])}
        assert smooth.design(empty).shape == (0, smooth.X.shape[1])


def test_ids_must_agree():
    specs = [gs.smooth_spec("s", "x", id=1), gs.smooth_spec("te", "x", "z", id=1)]
    with pytest.raises(SmoothError, match="same form"):
        gs.learn_smooths(specs, Frame(DATA))


def test_only_bases_are_registered():
    with pytest.raises(SmoothError, match="subclass"):
        gs.register_basis("thing", dict)
    with pytest.raises(SmoothError, match="taken by another basis"):
        gs.register_basis("tp", type(gs.smooth_con("s(x, bs='cr')", DATA)[0].smooth.term.basis))


SPECS = {
    "s(x)": {"bs": ("tp",), "k": (None,), "m": (None,), "d": (1,)},
    "s(x, z, k=-1)": {"k": (None,), "d": (2,), "label": "s(x,z)"},
    "s(x, k=20, bs='cr', m=2)": {"bs": ("cr",), "k": (20,), "m": ((2.0,),)},
    "s(x, m=c(1,.5), bs='ds')": {"m": ((1.0, 0.5),)},
    "s(x, by=g, id='a', fx=TRUE)": {"by": "g", "id": "a", "fx": True, "columns": ("x", "g")},
    "s(x, pc=-3, m=NA)": {"pc": (-3.0,), "m": (None,)},
    "te(x, z)": {"bs": ("cr", "cr"), "k": (5, 5), "d": (1, 1), "label": "te(x,z)"},
    "te(x, z, few, d=c(2,1))": {"bs": ("tp", "cr"), "k": (25, 5), "d": (2, 1)},
    "te(x, z, k=c(4,6), bs=c('tp','ps'), m=c(2,1))": {"k": (4, 6), "m": ((2.0,), (1.0,))},
    "ti(x, z, np=FALSE)": {"np": False},
    "t2(x, z, full=TRUE, m=list(c(2,1), NA))": {"full": True, "m": ((2.0, 1.0), None)},
    "s(`odd name`)": {"variables": ("odd name",), "label": "s(odd name)"},
}


@pytest.mark.parametrize("term", SPECS)
def test_specs(term):
    spec = gs.spec_from_call(parse(f"~ {term}").parts[0])
    for name, value in SPECS[term].items():
        assert getattr(spec, name) == value
    assert spec.span == (2, 2 + len(term))
