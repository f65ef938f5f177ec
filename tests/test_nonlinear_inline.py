"""Curves written out in the formula."""

import numpy as np
import pytest

import glimmer.nonlinear as nl
from glimmer.data import load_data
from glimmer.errors import ForbiddenExpression, FormulaError, MeanFunctionError, UnknownFunction
from glimmer.formula import parse
from glimmer.nonlinear.inline import inline_function

T = np.array([0.1, 0.5, 2.0, 6.0])


def curve(text, parameters, columns=("y", "t")):
    formula = parse(text)
    return inline_function(
        formula.parts[0], formula=formula.text, parameters=parameters, columns=columns
    )


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("a * exp(-k * t)", "ak", lambda a, k: a * np.exp(-k * T)),
        ("a - k - t", "ak", lambda a, k: a - k - T),
        ("a / k / t", "ak", lambda a, k: a / k / T),
        ("-a^2 + k * t^-1", "ak", lambda a, k: -(a**2) + k / T),
        ("a + {k - 1} * I(t + 1)", "ak", lambda a, k: a + (k - 1) * (T + 1)),
        ("a * plogis(k * (t - 2))", "ak", lambda a, k: a / (1 + np.exp(-k * (T - 2)))),
        ("a * cos(2 * pi * t) + k", "ak", lambda a, k: a * np.cos(2 * np.pi * T) + k),
        ("pmin(a, k * t)", "ak", lambda a, k: np.minimum(a, k * T)),
        ("k * np.log1p(t) + sqrt(a)", "ak", lambda a, k: k * np.log1p(T) + np.sqrt(a)),
        ("a + SSmicmen(t, k, 2)", "ak", lambda a, k: a + k * T / (2 + T)),
        ("a * pnorm(k * t)", "ak", lambda a, k: a * 0.5 * (1 + erf(k * T / np.sqrt(2)))),
    ],
)
def test_values(text, names, expected):
    function = curve(f"y ~ {text}", list(names))
    assert function.input_names == ("t",)
    assert function.names == tuple(names)
    np.testing.assert_allclose(function(T, 1.7, 0.6), expected(1.7, 0.6), rtol=1e-14)


def erf(z):
    from scipy.special import erf as error_function

    return error_function(z)


def test_long_sums_do_not_recurse():
    function = curve("y ~ " + " + ".join(["a * t"] * 300), ["a"])
    assert function(2.0, a=1.0) == 600.0


def test_gradient_kinds_and_order():
    function = curve("y ~ a * exp(-k * t) * dose", {"k": "rate", "a": "y-level"}, ["t", "dose"])
    assert function.input_names == ("t", "dose")
    assert [p.kind for p in function.parameters] == ["rate", "y-level"]
    gradient = function.gradient(T, 2.0, k=0.5, a=3.0)
    np.testing.assert_allclose(gradient[:, 1], 2 * np.exp(-0.5 * T))
    np.testing.assert_allclose(gradient[:, 0], -6 * T * np.exp(-0.5 * T))


@pytest.mark.parametrize(
    ("text", "parameters", "error", "words", "pointed"),
    [
        ("a * exp(-k * t)", ["a"], MeanFunctionError, "'k' is neither", "k"),
        ("a * exp(-t * y)", ["a", "y"], MeanFunctionError, "'y' is a parameter and also", "y"),
        ("a * t", ["a", "k"], MeanFunctionError, "parameter 'k' is not used", "a * t"),
        ("a * exp(k)", ["a", "k"], MeanFunctionError, "No column of the data is used", None),
        ("a * expp(t)", ["a"], UnknownFunction, "did you mean 'exp'", "expp"),
        ("a * exp(t, 2)", ["a"], FormulaError, "exp takes 1 unnamed argument.", "exp(t, 2)"),
        ("SSmicmen(t, a)", ["a"], FormulaError, "takes 3 unnamed arguments", "SSmicmen(t, a)"),
        ("exp(x=a) * t", ["a"], FormulaError, "takes 1 unnamed", "exp(x=a)"),
        ("a:t", ["a"], FormulaError, "':' cannot be used", "a:t"),
        ("a * t + 'b'", ["a"], ForbiddenExpression, "can only contain numbers", "'b'"),
        ("a * t + (1 | y)", ["a"], ForbiddenExpression, "can only contain numbers", "(1 | y)"),
        ("a * t + .", ["a"], ForbiddenExpression, "can only contain numbers", "."),
    ],
)
def test_errors(text, parameters, error, words, pointed):
    with pytest.raises(error) as caught:
        curve(f"y ~ {text}", parameters)
    message = str(caught.value)
    assert words in message
    start, stop = caught.value.span
    assert caught.value.formula == f"y ~ {text}"
    assert pointed is None or caught.value.formula[start:stop] == pointed
    assert "^" * (stop - start) in message


def test_a_curve_written_out_starts_as_the_named_one():
    trees = load_data("Orange")
    x, y = trees["age"].to_numpy(float), trees["circumference"].to_numpy(float)
    formula = "circumference ~ A / (1 + exp((m - age) / s))"
    written = curve(formula, ["A", "m", "s"], trees.columns)
    named = nl.SSlogis.self_start(x, y)
    assert list(written.self_start(x, y).values()) == pytest.approx(list(named.values()), rel=1e-5)
