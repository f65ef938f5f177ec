"""Functions, splines, polynomials and contrasts against R's definitions, computed here anew."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from glimmer.data import Factor, Frame
from glimmer.errors import (
    Constant,
    DataWarning,
    DesignError,
    DuplicateName,
    ForbiddenExpression,
    FormulaError,
    MissingValues,
    ModelError,
    NewLevel,
    NotFinite,
    SyntaxProblem,
    TooComplex,
    UnknownColumn,
    UnknownFunction,
    WrongLength,
    WrongType,
)
from glimmer.formula import ContrastChoice, Learned, Numbers, contrast_matrix, learn, parse
from glimmer.record import dumps, loads

RNG = np.random.default_rng(20)
N = 60
X = RNG.gamma(3.0, size=N)
HEIGHT = np.arange(58.0, 73.0)
TABLE = {
    "x": X,
    "u": RNG.uniform(0.1, 0.9, N),
    "k": RNG.integers(0, 4, N),
    "b": RNG.random(N) < 0.4,
    "g": np.array(["mid", "low", "high"])[np.arange(N) % 3].tolist(),
    "text": [str(i % 3) for i in range(N)],
    "Sepal.Length": X + 1,
    "np.odd": X + 2,
    "log": X + 3,
    "my col": X + 4,
}
FRAME = Frame(TABLE)
WOMEN = Frame({"height": HEIGHT})


def learned(text: str, frame: Frame = FRAME, functions: Any = None) -> Learned:
    formula = f"y ~ {text}"
    return learn(parse(formula).parts[0], frame, formula=formula, functions=functions)


def numbers(text: str, frame: Frame = FRAME, new: Frame | None = None) -> np.ndarray:
    result = learned(text, frame).values(frame if new is None else new)
    assert isinstance(result, Numbers)
    assert result.values.dtype == np.float64
    return result.values


def factor(text: str, frame: Frame = FRAME) -> Factor:
    result = learned(text, frame).values(frame)
    assert isinstance(result, Factor)
    return result


PLAIN = {
    "x": X,
    "b": np.asarray(TABLE["b"], float),
    "log(x)": np.log(X),
    "log(x, 3)": np.log(X) / np.log(3),
    "log(x, base=10)": np.log10(X),
    "log2(x)": np.log2(X),
    "log10(x)": np.log10(X),
    "log1p(x)": np.log1p(X),
    "exp(x)": np.exp(X),
    "np.expm1(x)": np.expm1(X),
    "sqrt(x)": np.sqrt(X),
    "abs(-x)": X,
    "sin(x)": np.sin(X),
    "cos(x)": np.cos(X),
    "tan(x)": np.tan(X),
    "tanh(x)": np.tanh(X),
    "sigmoid(x)": 1 / (1 + np.exp(-X)),
    "plogis(x)": 1 / (1 + np.exp(-X)),
    "logit(u)": np.log(TABLE["u"] / (1 - TABLE["u"])),
    "qlogis(u)": np.log(TABLE["u"] / (1 - TABLE["u"])),
    "floor(x)": np.floor(X),
    "ceil(x)": np.ceil(X),
    "round(x)": np.round(X),
    "round(x, 1)": np.round(X, 1),
    "choose(5, k)": np.array([1.0, 5.0, 10.0, 10.0])[TABLE["k"]],
    "pmin(x, 2)": np.minimum(X, 2),
    "pmax(x, u, 2)": np.maximum(np.maximum(X, TABLE["u"]), 2),
    "I(x + 1)": X + 1,
    "{x + 1}": X + 1,
    "I(x^2 / 2 - -x * 3)": X**2 / 2 + 3 * X,
    "I(-x^2)": -(X**2),
    "I(7)": np.full(N, 7.0),
    "x / u + 1": X / TABLE["u"] + 1,
    "Sepal.Length": X + 1,
    "np.odd": X + 2,
    "log": X + 3,
    "log(log)": np.log(X + 3),
    "`my col`": X + 4,
    "center(x)": X - X.mean(),
    "scale(x)": (X - X.mean()) / X.std(ddof=1),
    "standardize(x)": (X - X.mean()) / X.std(ddof=1),
    "scale(x, center=FALSE)": X / np.sqrt(np.sum(X**2) / (N - 1)),
    "scale(x, scale=FALSE)": X - X.mean(),
    "poly(x, 1)": ((X - X.mean()) / np.sqrt(np.sum((X - X.mean()) ** 2)))[:, None],
    "poly(x, 3, raw=TRUE)": np.column_stack([X, X**2, X**3]),
    "poly(x, 2, 1)": np.column_stack([X, X**2]),
}
LEARNED = [
    "center(x)",
    "scale(x)",
    "poly(x, 4)",
    "poly(log(x), 2)",
    "poly(scale(x), 2)",
    "log(center(x)^2 + 1)",
    "bs(x, df=6)",
    "bs(x, knots=c(2, 3), degree=2, intercept=TRUE)",
    "ns(x, df=4)",
    "ns(x, knots=2.5, intercept=TRUE)",
    "ns(x)",
]
LABELS = ["g", "factor(k)", "C(g, Sum)", 'C(k, Treatment("1"))', "ordered(g)", "factor(text)"]


@pytest.mark.parametrize("text", PLAIN)
def test_values(text: str) -> None:
    assert_allclose(numbers(text), PLAIN[text], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", [*PLAIN, *LEARNED, *LABELS])
@pytest.mark.parametrize("rows", ["some", "permuted", "repeated", "one", "none"])
def test_other_rows_are_rows_of_the_same_design(text: str, rows: str) -> None:
    chosen = {
        "some": np.arange(5, 40, 3),
        "permuted": np.random.default_rng(1).permutation(N),
        "repeated": np.repeat(np.arange(7), 3),
        "one": np.array([11]),
        "none": np.array([], dtype=int),
    }[rows]
    node = learned(text)
    whole, part = node.values(FRAME), node.values(FRAME.take(chosen))
    again = loads(dumps(node)).values(FRAME)
    if isinstance(whole, Factor):
        assert isinstance(part, Factor) and isinstance(again, Factor)
        assert part.levels == whole.levels == node.levels == again.levels
        assert np.array_equal(part.codes, whole.codes[chosen])
        assert np.array_equal(again.codes, whole.codes)
    else:
        assert isinstance(part, Numbers) and isinstance(again, Numbers)
        assert part.labels == whole.labels == node.labels == again.labels
        assert_allclose(part.values, whole.values[chosen], rtol=0, atol=1e-13)
        assert np.array_equal(again.values, whole.values)


def test_new_data_are_centred_by_the_old() -> None:
    new = Frame({"x": [100.0, 200.0]})
    assert_allclose(numbers("center(x)", new=new), [100 - X.mean(), 200 - X.mean()])
    assert_allclose(numbers("scale(x)", new=new)[0], (100 - X.mean()) / X.std(ddof=1))


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_poly_is_the_qr_of_the_powers(degree: int) -> None:
    powers = np.vander(X - X.mean(), degree + 1, increasing=True)
    q, r = np.linalg.qr(powers)
    assert_allclose(numbers(f"poly(x, {degree})"), (q * np.sign(np.diag(r)))[:, 1:], atol=1e-11)


def test_poly_of_new_data_is_the_same_polynomial() -> None:
    new = np.array([-1.0, 0.0, 20.0])
    columns = numbers("poly(x, 3)")
    through = [np.polynomial.Polynomial.fit(X, column, 3)(new) for column in columns.T]
    assert_allclose(
        numbers("poly(x, 3)", new=Frame({"x": new})), np.transpose(through), rtol=1e-9, atol=1e-9
    )


def cox_de_boor(x: np.ndarray, knots: np.ndarray, degree: int) -> np.ndarray:
    """B-splines by their recursion (de Boor 1978, chapter X), the last interval closed."""
    last = np.flatnonzero(knots < knots[-1])[-1]
    inside = (knots[:-1] <= x[:, None]) & (x[:, None] < knots[1:])
    inside[x == knots[-1], last] = True
    basis = inside.astype(float)
    for d in range(1, degree + 1):
        left, right = knots[: -d - 1], knots[d + 1 :]
        rise, fall = knots[d:-1] - left, right - knots[1:-d]
        up = np.divide(x[:, None] - left, rise, out=np.zeros((len(x), len(rise))), where=rise > 0)
        down = np.divide(right - x[:, None], fall, out=np.zeros_like(up), where=fall > 0)
        basis = up * basis[:, :-1] + down * basis[:, 1:]
    return basis


@pytest.mark.parametrize(
    ("options", "inner", "degree", "intercept"),
    [
        ("df=6", (1 / 4, 1 / 2, 3 / 4), 3, False),
        ("df=3", (), 3, False),
        ("df=5, degree=2, intercept=TRUE", (1 / 3, 2 / 3), 2, True),
        ("df=4, degree=1", (1 / 4, 1 / 2, 3 / 4), 1, False),
    ],
)
def test_bs_is_the_recursion_on_quantile_knots(
    options: str, inner: tuple[float, ...], degree: int, intercept: bool
) -> None:
    ends = np.repeat([X.min(), X.max()], degree + 1)
    basis = cox_de_boor(X, np.sort(np.append(ends, np.quantile(X, inner))), degree)
    expected = basis if intercept else basis[:, 1:]
    assert_allclose(numbers(f"bs(x, {options})"), expected, atol=1e-12)


def test_bs_takes_given_knots() -> None:
    knots = np.sort(np.append(np.repeat([X.min(), X.max()], 4), [2.0, 3.0]))
    assert_allclose(numbers("bs(x, knots=c(3, 2))"), cox_de_boor(X, knots, 3)[:, 1:], atol=1e-12)


def test_bs_goes_on_as_its_outermost_polynomials() -> None:
    node = learned("bs(x, knots=c(2, 3))")
    near, far = np.linspace(X.min(), 2, 30), np.array([X.min() - 1.0, X.min() - 0.1])
    inside = node.values(Frame({"x": near})).values
    through = [np.polynomial.Polynomial.fit(near, column, 3)(far) for column in inside.T]
    with pytest.warns(DataWarning, match="extrapolated"):
        outside = node.values(Frame({"x": far})).values
    assert_allclose(outside, np.transpose(through), rtol=1e-8, atol=1e-8)


def householder(vectors: np.ndarray) -> np.ndarray:
    """The orthogonal matrix of R's ``qr``: reflections that flip the sign of the leading entry."""
    q, rest = np.eye(len(vectors)), vectors.astype(float).copy()
    for j in range(vectors.shape[1]):
        normal = rest[:, j].copy()
        normal[:j] = 0
        normal[j] += np.copysign(np.linalg.norm(normal), normal[j])
        reflection = np.eye(len(normal)) - 2 * np.outer(normal, normal) / (normal @ normal)
        q, rest = q @ reflection, reflection @ rest
    return q


@pytest.mark.parametrize(("df", "intercept"), [(5, False), (4, True), (2, False)])
def test_ns_are_the_columns_of_r(df: int, intercept: bool) -> None:
    """B-splines turned until two carry the curvature at the ends, and these left out."""
    count = df - 1 - intercept
    inner = np.quantile(HEIGHT, np.arange(1, count + 1) / (count + 1))
    ends = np.repeat([HEIGHT[0], HEIGHT[-1]], 4)
    knots = np.sort(np.append(ends, inner))
    curvature = []
    for low, high, end in ((knots[3], knots[4], knots[3]), (knots[-5], knots[-4], knots[-4])):
        near = np.linspace(low, high, 9)[:-1]
        pieces = [np.polynomial.Polynomial.fit(near, b, 3) for b in cox_de_boor(near, knots, 3).T]
        curvature.append([piece.deriv(2)(end) for piece in pieces])
    keep = slice(0 if intercept else 1, None)
    turned = cox_de_boor(HEIGHT, knots, 3)[:, keep] @ householder(np.transpose(curvature)[keep])
    written = f"ns(height, df={df}, intercept={'TRUE' if intercept else 'FALSE'})"
    assert_allclose(numbers(written, WOMEN), turned[:, 2:], atol=1e-10)


@pytest.mark.parametrize("options", ["df=4", "knots=c(2, 3), intercept=TRUE", "df=1"])
def test_ns_spans_the_natural_cubic_splines(options: str) -> None:
    """Truncated powers of the same knots (Hastie, Tibshirani and Friedman, 5.2.1) span no more."""
    intercept = "TRUE" in options
    inner = [2.0, 3.0] if "knots" in options else np.quantile(X, [0.25, 0.5, 0.75])
    inner = [] if options == "df=1" else inner
    knots = np.array([X.min(), *inner, X.max()])
    cubes = np.maximum(X[:, None] - knots, 0) ** 3
    d = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    natural = np.column_stack([np.ones(N), X, d[:, :-1] - d[:, -1:]])
    basis = numbers(f"ns(x, {options})")
    ours = basis if intercept else np.column_stack([np.ones(N), basis])
    assert ours.shape == natural.shape
    coefficients, *_ = np.linalg.lstsq(natural, ours, rcond=None)
    assert np.linalg.matrix_rank(ours) == natural.shape[1]
    assert_allclose(natural @ coefficients, ours, atol=1e-8)


def test_ns_goes_on_linearly() -> None:
    node = learned("ns(x, df=4)")
    for edge, step in ((X.min(), -1.0), (X.max(), 1.0)):
        at = node.values(Frame({"x": edge + step * np.array([-1e-6, 0.0, 1.0, 2.0, 7.0])})).values
        slope = (at[1] - at[0]) / (1e-6 * step) * step
        assert_allclose(at[3] - at[2], at[2] - at[1], atol=1e-12)
        assert_allclose(at[4] - at[1], 7 * (at[2] - at[1]), atol=1e-11)
        assert_allclose(at[2] - at[1], slope, atol=1e-5)


CONTRASTS = {
    ("treatment", 3): ([[0, 0], [1, 0], [0, 1]], ("b", "c")),
    ("sum", 3): ([[1, 0], [0, 1], [-1, -1]], ("1", "2")),
    ("helmert", 2): ([[-1], [1]], ("1",)),
    ("helmert", 4): ([[-1, -1, -1], [1, -1, -1], [0, 2, -1], [0, 0, 3]], ("1", "2", "3")),
    ("poly", 2): ([[-(0.5**0.5)], [0.5**0.5]], (".L",)),
    ("poly", 4): (
        [
            [-3 / 20**0.5, 0.5, -1 / 20**0.5],
            [-1 / 20**0.5, -0.5, 3 / 20**0.5],
            [1 / 20**0.5, -0.5, -3 / 20**0.5],
            [3 / 20**0.5, 0.5, 1 / 20**0.5],
        ],
        (".L", ".Q", ".C"),
    ),
}


@pytest.mark.parametrize(("kind", "size"), CONTRASTS)
def test_contrasts(kind: str, size: int) -> None:
    matrix, labels = contrast_matrix(kind, "abcdef"[:size])
    assert_allclose(matrix, CONTRASTS[kind, size][0], atol=1e-14)
    assert labels == CONTRASTS[kind, size][1]


@pytest.mark.parametrize("kind", ["treatment", "sum", "helmert", "poly"])
def test_contrasts_and_the_constant_span_all_levels(kind: str) -> None:
    matrix, labels = contrast_matrix(kind, "abcdef")
    assert len(labels) == matrix.shape[1] == 5
    assert np.linalg.matrix_rank(np.column_stack([np.ones(6), matrix])) == 6


def test_contrast_options() -> None:
    matrix, labels = contrast_matrix("treatment", ["a", "b", "c"], "b")
    assert np.array_equal(matrix, [[1, 0], [0, 0], [0, 1]])
    assert labels == ("a", "c")
    assert contrast_matrix("poly", "abcdef")[1] == (".L", ".Q", ".C", "^4", "^5")
    with pytest.raises(DesignError, match="two levels"):
        contrast_matrix("sum", ["a"])
    with pytest.raises(DesignError, match="'z'"):
        contrast_matrix("treatment", ["a", "b"], "z")
    with pytest.raises(FormulaError, match="Unknown contrast"):
        contrast_matrix("simple", ["a", "b"])


FACTORS: dict[str, tuple[tuple[str, ...], bool, tuple[str, str | None] | None]] = {
    "g": (("high", "low", "mid"), False, None),
    "factor(g)": (("high", "low", "mid"), False, None),
    "as.factor(k)": (("0", "1", "2", "3"), False, None),
    "factor(b)": (("False", "True"), False, None),
    "factor(text)": (("0", "1", "2"), False, None),
    "factor(pmin(k, 1))": (("0", "1"), False, None),
    'factor(g, levels=c("low", "mid", "high"))': (("low", "mid", "high"), False, None),
    "factor(k, levels=c(3, 2, 1, 0, 9))": (("3", "2", "1", "0"), False, None),
    "ordered(g)": (("high", "low", "mid"), True, None),
    'ordered(g, levels=c("low", "mid", "high"))': (("low", "mid", "high"), True, None),
    "factor(k, ordered=TRUE)": (("0", "1", "2", "3"), True, None),
    "C(g)": (("high", "low", "mid"), False, None),
    "C(ordered(g), poly)": (("high", "low", "mid"), True, ("poly", None)),
    "C(g, Sum)": (("high", "low", "mid"), False, ("sum", None)),
    "C(g, contr.helmert)": (("high", "low", "mid"), False, ("helmert", None)),
    'C(g, "poly")': (("high", "low", "mid"), False, ("poly", None)),
    "C(g, Sum())": (("high", "low", "mid"), False, ("sum", None)),
    'C(g, Treatment("low"))': (("high", "low", "mid"), False, ("treatment", "low")),
    'C(g, Treatment, "low")': (("high", "low", "mid"), False, ("treatment", "low")),
    'C(g, base="mid")': (("high", "low", "mid"), False, ("treatment", "mid")),
    "C(g, contr=treatment, base=2)": (("high", "low", "mid"), False, ("treatment", "low")),
    "C(k, Treatment(0))": (("0", "1", "2", "3"), False, ("treatment", "0")),
    "C(g, Sum, levels=c('mid', 'low', 'high'))": (("mid", "low", "high"), False, ("sum", None)),
}


@pytest.mark.parametrize("text", FACTORS)
def test_factors(text: str) -> None:
    levels, ordered, contrast = FACTORS[text]
    node, coded = learned(text), factor(text)
    assert node.levels == coded.levels == levels
    assert node.ordered is coded.ordered is ordered
    choice = node.contrast
    assert (choice and (choice.kind, choice.base)) == contrast
    assert coded.codes.min() == 0


def test_unused_levels_are_dropped_and_the_order_kept() -> None:
    import pandas as pd

    sizes = pd.Categorical(["s", "l", "s"], categories=["s", "m", "l"], ordered=True)
    node = learned("size", Frame(pd.DataFrame({"size": sizes})))
    assert node.levels == ("s", "l")
    assert node.ordered


def test_a_new_level_is_named() -> None:
    new = Frame({"g": ["low", "tall", "tiny"]})
    for text in ("g", "factor(g)", "C(g, Sum)"):
        with pytest.raises(NewLevel, match="'tall', 'tiny'") as caught:
            learned(text).values(new)
        assert caught.value.column == "g"


def test_users_functions() -> None:
    functions = {"double": lambda x, by=2.0: x * by, "both": lambda x: np.column_stack([x, -x])}
    node = learned("double(x)", functions=functions)
    assert_allclose(node.values(FRAME, functions).values, 2 * X)
    assert_allclose(
        learned("log(double(x, by=3))", functions=functions).values(FRAME, functions).values,
        np.log(3 * X),
    )
    both = learned("both(x)", functions=functions).values(FRAME, functions)
    assert both.labels == ("1", "2")
    with pytest.raises(UnknownFunction, match="functions="):
        node.values(FRAME)


def test_users_functions_cannot_change_the_data() -> None:
    def spoil(x: np.ndarray) -> np.ndarray:
        x[:] = 0
        return x

    frame = Frame({"x": np.arange(3.0), "k": [1, 2, 3]})
    for name in ("x", "k"):
        learned(f"spoil({name})", frame, {"spoil": spoil})
        assert frame.numeric(name).values[2] > 0


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: x[:-1], WrongLength),
        (lambda x: x[:, None, None], WrongLength),
        (lambda x: [str(v) for v in x], WrongType),
        (lambda x: x + 0j, WrongType),
        (lambda x: np.log(x - x), NotFinite),
    ],
)
def test_what_users_functions_return_is_checked(function: Any, error: type[ModelError]) -> None:
    with pytest.raises(error) as caught:
        learned("f(x)", functions={"f": function})
    assert caught.value.span == (4, 8)


def test_the_tables_functions_cannot_be_replaced() -> None:
    with pytest.raises(DuplicateName, match="'log'"):
        learned("log(x)", functions={"log": np.log})


# Node -> class of the error, the text below the carets, and a piece of the message.
ERRORS: dict[str, tuple[type[ModelError], str, str]] = {
    "zoo": (UnknownColumn, "zoo", "zoo"),
    "log(zoo)": (UnknownColumn, "zoo", "zoo"),
    "factor(zoo)": (UnknownColumn, "zoo", "zoo"),
    "np.log": (ForbiddenExpression, "np.log", "write log(x)"),
    "I(pd.x)": (ForbiddenExpression, "pd.x", "module"),
    "logg(x)": (UnknownFunction, "logg", "'log'"),
    "c(1, 2)": (UnknownFunction, "c", "Unknown function"),
    "log(g)": (WrongType, "g", "categorical"),
    "I(g * 2)": (WrongType, "g", "categorical"),
    "text": (WrongType, "text", "looks numeric"),
    "factor(x)": (WrongType, "factor(x)", "non-integer"),
    "factor(g, levels='low')": (WrongType, "factor(g, levels='low')", "levels= does not list"),
    "log(x - x)": (NotFinite, "log(x - x)", "rows 0, 1, 2, 3, 4, ... (60 in all)"),
    "I(log(k) + 1)": (NotFinite, "log(k)", "k"),
    "sqrt(-x)": (NotFinite, "sqrt(-x)", "sqrt(-x)"),
    "I(1 / (x - x))": (NotFinite, "1 / (x - x)", "1 / (x - x)"),
    "exp(x * 1e4)": (NotFinite, "exp(x * 1e4)", "infinite"),
    "poly(log(k), 2)": (NotFinite, "log(k)", "log(k)"),
    "scale(x - x)": (Constant, "scale(x - x)", "does not vary"),
    "poly(k, 4)": (DesignError, "poly(k, 4)", "4 distinct|there are 4"),
    "bs(x - x)": (DesignError, "bs(x - x)", "does not vary"),
    "bs(k, df=12)": (DesignError, "bs(k, df=12)", "distinct"),
    "bs(x, knots=1000)": (DesignError, "bs(x, knots=1000)", "inside"),
    "bs(x, df=2)": (SyntaxProblem, "bs(x, df=2)", "whole number of at least 3"),
    "bs(x, df=5, knots=2)": (SyntaxProblem, "bs(x, df=5, knots=2)", "give one"),
    "bs(x, intercept=2)": (SyntaxProblem, "bs(x, intercept=2)", "TRUE or FALSE"),
    "ns(x, degree=2)": (SyntaxProblem, "2", "no argument degree"),
    "poly(x, 1.5)": (SyntaxProblem, "poly(x, 1.5)", "whole number"),
    "poly(x, 0)": (SyntaxProblem, "poly(x, 0)", "whole number"),
    "poly(x, 'a')": (SyntaxProblem, "poly(x, 'a')", "whole number"),
    "poly(x, k)": (SyntaxProblem, "k", "constant"),
    "poly(x, 2, TRUE, 4)": (SyntaxProblem, "4", "too many"),
    "poly(x, dgree=2)": (SyntaxProblem, "2", "'degree'"),
    "poly()": (SyntaxProblem, "poly()", "at least 1"),
    "pmin(x)": (SyntaxProblem, "pmin(x)", "at least 2"),
    "log(poly(x, 2))": (SyntaxProblem, "poly(x, 2)", "several columns"),
    "I(-poly(x, 2))": (SyntaxProblem, "poly(x, 2)", "several columns"),
    "I(x + poly(x, 2))": (SyntaxProblem, "poly(x, 2)", "several columns"),
    "I(x:u)": (SyntaxProblem, "x:u", "cannot be used in arithmetic"),
    "I('a')": (SyntaxProblem, "'a'", "not a number"),
    "I(.)": (SyntaxProblem, ".", "not a number"),
    "exp(x, 2)": (SyntaxProblem, "2", "too many"),
    "log(x, base='e')": (SyntaxProblem, "log(x, base='e')", "number"),
    "factor()": (SyntaxProblem, "factor()", "must be given a column"),
    "factor(g, Sum)": (SyntaxProblem, "Sum", "constant"),
    "C(g, Foo)": (SyntaxProblem, "C(g, Foo)", "Foo is not a contrast"),
    "C(g, Sum, base='low')": (SyntaxProblem, "C(g, Sum, base='low')", "base= cannot be used"),
    "C(g, Treatment('x'))": (SyntaxProblem, "C(g, Treatment('x'))", "must be a level"),
    "C(g, base=4)": (SyntaxProblem, "C(g, base=4)", "must be a level"),
    "C(g, Sum(2))": (SyntaxProblem, "C(g, Sum(2))", "not a contrast"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors_name_the_call_and_point_at_it(text: str) -> None:
    expected, culprit, message = ERRORS[text]
    with warnings.catch_warnings(), pytest.raises(ModelError) as caught:
        warnings.simplefilter("error")
        learned(text)
    error = caught.value
    assert type(error) is expected
    assert error.span is not None
    assert f"y ~ {text}"[slice(*error.span)] == culprit
    assert any(piece in str(error) for piece in message.split("|"))


def test_undefined_values_in_new_data_name_rows_of_the_users_table() -> None:
    new = Frame({"x": [1.0, 2.0, 0.0, 3.0]}).take(np.array([1, 2, 3]))
    with pytest.raises(NotFinite, match=r"log\(x\).*row 2\.") as caught:
        learned("log(x)").values(new)
    assert caught.value.column == "x"


def test_infinite_and_missing_columns_are_refused() -> None:
    frame = Frame({"x": [1.0, np.inf, np.nan], "y": [1.0, np.inf, 2.0], "g": ["a", None, "b"]})
    with pytest.raises(MissingValues, match="row 2"):
        learned("x", frame)
    with pytest.raises(NotFinite, match=r"Column y .*row 1"):
        learned("y", frame)
    with pytest.raises(MissingValues, match="row 1"):
        learned("g", frame)


def test_learning_leaves_no_trace_but_numbers_and_texts() -> None:
    node = learned("poly(scale(x), 2)")
    assert set(node.memory) == {"scale(x)", "poly(scale(x), 2)"}
    assert node.text == "poly(scale(x), 2)"
    assert learned("C(g, base=2)").contrast is not None
    assert isinstance(loads(dumps(learned("C(g, Sum)"))).contrast, ContrastChoice)


def test_a_node_that_new_data_could_not_read_is_refused_at_once() -> None:
    with pytest.raises(TooComplex):
        learned("I(" + "+".join("x" * 4000) + ")")
