"""How mean functions are called, declared, registered, and what is said when that goes wrong."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import glimmer.nonlinear as nl
from glimmer.errors import (
    DataError,
    MeanFunctionError,
    NotEnoughData,
    UnknownFunction,
    WrongLength,
    WrongType,
)
from glimmer.nonlinear import registry
from glimmer.nonlinear.dosing import dose_table, superpose
from glimmer.nonlinear.parameters import KINDS, Input, Parameter

X = np.array([1.0, 2.0, 5.0])


def hump(x, a, b):
    """A hump, ``a x exp(-b x)``."""
    import pytensor.tensor as pt

    return a * x * pt.exp(-b * x)


def test_importing_is_light():
    heavy = ["pytensor", "scipy", "pandas"]
    code = f"import sys, glimmer.nonlinear; print(*(m in sys.modules for m in {heavy}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False"] * 3


def test_numbers_give_numbers():
    value = nl.SSlogis(3.0, 10.0, 3.0, 2.0)
    assert type(value) is float
    assert value == 5.0
    values = nl.SSlogis([1, 2, 5], Asym=10, xmid=3, scal=2)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, 10 / (1 + np.exp((3 - X) / 2)))
    values[0] = 0.0  # the caller's own


def test_tensors_give_tensors():
    import pytensor.tensor as pt
    from pytensor.graph.basic import Variable

    Asym = pt.vector("Asym", dtype="float64")
    curve = nl.SSlogis(X, Asym, xmid=3.0, scal=np.full(3, 2.0))
    assert isinstance(curve, Variable)
    per_row = np.array([10.0, 20.0, 30.0])
    np.testing.assert_allclose(
        curve.eval({Asym: per_row}, mode="FAST_COMPILE"), nl.SSlogis(X, per_row, 3.0, 2.0)
    )


def test_whole_numbers_do_not_lose_digits():
    """PyTensor would take the exponential of a small integer in single precision."""
    import pytensor.tensor as pt

    t = pt.lvector("t")
    curve = nl.SSasympOrig(t, Asym=3, lrc=-1)
    assert curve.dtype == "float64"
    exact = nl.SSasympOrig([1, 2], 3.0, -1.0)
    np.testing.assert_allclose(curve.eval({t: [1, 2]}, mode="FAST_COMPILE"), exact, rtol=1e-14)


def test_parameters_per_row_and_per_draw():
    Asym = np.array([10.0, 20.0, 30.0])
    rows = nl.SSlogis(X, Asym, 3.0, 2.0)
    assert list(rows) == [nl.SSlogis(x, a, 3.0, 2.0) for x, a in zip(X, Asym, strict=True)]
    draws = nl.SSlogis(X, Asym[:, None], 3.0, 2.0)
    assert draws.shape == (3, 3)
    np.testing.assert_array_equal(draws[1], nl.SSlogis(X, 20.0, 3.0, 2.0))
    assert nl.SSlogis.gradient(X, Asym, 3.0, 2.0).shape == (3, 3)
    assert nl.SSlogis.gradient(1.0, 10.0, 3.0, 2.0).shape == (1, 3)


def test_what_a_function_says_of_itself():
    assert repr(nl.SSfol) == "SSfol(dose, time, lKe, lKa, lCl)"
    assert nl.SSfol.input_names == ("dose", "time")
    assert nl.SSfol.names == ("lKe", "lKa", "lCl")
    assert str(inspect.signature(nl.SSfol)) == "(dose, time, lKe, lKa, lCl)"
    kinds = {p.kind for name in nl.BUILT_IN for p in nl.find_mean_function(name).parameters}
    assert kinds == set(KINDS)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nl.SSlogis(X, 1.0, 2.0), MeanFunctionError, "lacks 'scal'"),
        (lambda: nl.SSlogis(X, 1.0, 2.0, 3.0, 4.0), MeanFunctionError, "takes 4 arguments, not 5"),
        (lambda: nl.SSlogis(X, Asym=1, xmid=2, scale=3), MeanFunctionError, "did you mean 'scal'"),
        (lambda: nl.SSlogis(X, 1.0, Asym=1, xmid=2, scal=3), MeanFunctionError, "'Asym' twice"),
        (lambda: nl.SSlogis.gradient(X, 1.0), MeanFunctionError, "lacks 'xmid', 'scal'"),
        (lambda: nl.SSlogis(["a"], 1.0, 2.0, 3.0), WrongType, "'x' of SSlogis must be numbers"),
        (lambda: nl.SSlogis(X, [1.0, 2.0], 2.0, 3.0), WrongLength, "do not match"),
        (lambda: nl.SSlogis.self_start(X), MeanFunctionError, "SSlogis(x, y) lacks 'y'"),
        (lambda: nl.SSlogis.self_start(X, [1.0, 2.0]), WrongLength, "one value per row"),
        (lambda: nl.find_mean_function("SSlogit"), UnknownFunction, "did you mean 'SSlogis'"),
        (lambda: Parameter("a", "ylevel"), MeanFunctionError, "did you mean 'y-level'"),
        (
            lambda: nl.mean_function(hump, parameters={"c": "rate"}),
            MeanFunctionError,
            "does not take",
        ),
        (
            lambda: nl.mean_function(hump, inputs=["b"], parameters={"a": "rate"}),
            MeanFunctionError,
            "does not take",
        ),
        (lambda: nl.mean_function(lambda *p: p[0]), MeanFunctionError, "name each of its arg"),
        (lambda: superpose(nl.SSlogis), MeanFunctionError, "cannot be superposed"),
        (lambda: superpose(nl.SSfol), MeanFunctionError, "cannot be superposed"),
        (
            lambda: dose_table(["a", "b"], subjects=["a"], times=[0], amounts=[1]),
            NotEnoughData,
            "'b' was given no dose",
        ),
        (
            lambda: dose_table(["a"], subjects=["a"], times=[0, 1], amounts=[1]),
            WrongLength,
            "not 1, 2 and 1",
        ),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_inputs_outside_the_domain():
    nl.SSfol.check_inputs(np.ones(4), [0.0, 1.0, 2.0, 4.0])
    with pytest.raises(DataError, match="requires Time >= 0, but it is smaller in row 1") as caught:
        nl.SSfol.check_inputs(np.ones(4), [0.0, -1.0, 2.0, 4.0], columns=("Dose", "Time"))
    assert caught.value.column == "Time"
    with pytest.raises(DataError, match="smaller in row 40 and 1 more"):
        nl.SSfol.check_domain(np.ones(3), [-1.0, 2.0, -1.0], rows=np.array([40, 41, 42]))
    with pytest.raises(NotEnoughData, match="3 parameters, but age only 2 distinct"):
        nl.SSlogis.check_inputs([1.0, 2.0, 2.0, 1.0], columns=("age",))


def test_a_callable_becomes_a_mean_function():
    plain = nl.mean_function(hump)
    assert plain.input_names == ("x",)
    assert [p.kind for p in plain.parameters] == ["coefficient"] * 2
    np.testing.assert_allclose(plain(X, 3.0, 0.3), nl.ricker(X, 3.0, 0.3))
    np.testing.assert_allclose(plain.gradient(X, 3.0, 0.3), nl.ricker.gradient(X, 3.0, 0.3))
    told = nl.mean_function(
        hump, inputs=[Input("x", lower=0.0)], parameters={"b": "rate", "a": Parameter("a")}
    )
    assert told.names == ("a", "b")
    assert told.parameters[1].domain() == (0.0, np.inf)
    assert "A hump" in told.__doc__


def test_a_callable_that_cannot_take_tensors():
    import math

    function = nl.mean_function(lambda x, a: a * math.exp(x), name="numeric")
    with pytest.raises(MeanFunctionError, match="cannot be evaluated on PyTensor"):
        function(1.0, 2.0)


def test_registering(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", {})
    added = nl.register_mean_function(hump, parameters={"a": "coefficient", "b": "rate"})
    assert nl.find_mean_function("hump") is added
    assert "hump" in nl.mean_function_names()
    with pytest.raises(MeanFunctionError, match="'SSlogis' cannot be the name"):
        nl.register_mean_function(hump, name="SSlogis")
    with pytest.raises(MeanFunctionError, match="'my hump' cannot be the name"):
        nl.register_mean_function(hump, name="my hump")


def test_kinds_give_domains():
    assert Parameter("k", "rate").domain() == (0.0, np.inf)
    assert Parameter("k", "rate", lower=0.1, upper=2).domain() == (0.1, 2.0)
    assert Parameter("p", "fraction").domain() == (0.0, 1.0)
