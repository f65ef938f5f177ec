"""Mean functions against R, against the textbook's formulas, and at the points where those fail."""

import doctest
import json
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from numpy import exp, log, sqrt, where

import glimmer.nonlinear as nl
from glimmer.nonlinear.dosing import superpose

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "nonlinear" / "ss_functions.json").read_text()
)
R_CASES = [
    (name, number)
    for name, function in REFERENCE["functions"].items()
    for number in range(len(function["cases"]))
]
X = np.array([0.0, 0.3, 1.0, 2.5, 4.0, 7.0, 11.0])
T = np.array([-1.0, 0.0, 0.2, 0.8, 2.0, 5.0, 13.0])
D, HOURS = np.full(7, 80.0), np.full(7, 1.5)


def bateman(t, a, b):
    return (exp(-a * t) - exp(-b * t)) / (b - a)


def one(dose, t, k, V):
    return where(t >= 0, dose / V * exp(-k * t), 0)


def infused(dose, T, t, lCl, lV):
    Cl, k = exp(lCl), exp(lCl - lV)
    during = dose / T / Cl * (1 - exp(-k * t))
    after = dose / T / Cl * (1 - exp(-k * T)) * exp(-k * (t - T))
    return where(t < 0, 0, where(t <= T, during, after))


def oral(dose, t, ke, ka, V):
    return where(t > 0, dose * ka / V * bateman(t, ke, ka), 0)


def rates(lCl, lV1, lQ, lV2):
    k10, k12, k21 = exp(lCl - lV1), exp(lQ - lV1), exp(lQ - lV2)
    s = k10 + k12 + k21
    root = sqrt(s**2 - 4 * k21 * k10)
    return (s + root) / 2, (s - root) / 2, k21


def two_bolus(dose, t, lCl, lV1, lQ, lV2):
    a, b, k = rates(lCl, lV1, lQ, lV2)
    curve = (a - k) / (a - b) * exp(-a * t) + (k - b) / (a - b) * exp(-b * t)
    return where(t >= 0, dose / exp(lV1) * curve, 0)


def two_oral(dose, t, lCl, lV1, lQ, lV2, lKa):
    (a, b, k), ka = rates(lCl, lV1, lQ, lV2), exp(lKa)
    curve = (
        (k - a) / ((ka - a) * (b - a)) * exp(-a * t)
        + (k - b) / ((ka - b) * (a - b)) * exp(-b * t)
        + (k - ka) / ((a - ka) * (b - ka)) * exp(-ka * t)
    )
    return where(t > 0, dose * ka / exp(lV1) * curve, 0)


def beta(x, wmax, te, tm):
    inside = where(x < te, x, 1.0)
    growth = wmax * (1 + (te - inside) / (te - tm)) * (inside / te) ** (te / (te - tm))
    return where(x < te, growth, wmax)


def richards(x, Asym, xmid, scal, nu):
    return Asym * (1 + nu * exp((xmid - x) / scal)) ** (-1 / nu)


def loglogistic(x, b, c, d, e, f=1):
    return c + (d - c) / (1 + (x / e) ** b) ** f


def weibull(x, b, c, d, e):
    return c + (d - c) * exp(-((x / e) ** b))


def oral_cl(dose, t, lCl, lV, lKa, lag=0):
    return oral(dose, t - lag, exp(lCl - lV), exp(lKa), exp(lV))


TEXTBOOK = {
    "richards": ((X,), (20, 4, 1.5, 0.3), richards),
    "exponential_growth": ((X,), (3, -0.4), lambda x, a, k: a * exp(k * x)),
    "power_law": ((X,), (3, 0.7), lambda x, a, b: a * x**b),
    "von_bertalanffy": ((X,), (80, 0.3, -0.5), lambda x, L, k, t0: L * (1 - exp(-k * (x - t0)))),
    "chapman_richards": ((X,), (30, 0.4, 2.5), lambda x, A, k, p: A * (1 - exp(-k * x)) ** p),
    "beta_growth": ((X,), (20, 8, 5), beta),
    "beta_growth_log": ((X,), (20, 2, 1), lambda x, w, e, d: beta(x, w, exp(e), exp(e) - exp(d))),
    "ricker": ((X,), (3, 0.3), lambda x, a, b: a * x * exp(-b * x)),
    "emax": ((X,), (1, 10, 2), lambda x, E0, E, C: E0 + E * x / (C + x)),
    "hill": ((X,), (1, -10, 4, 3), lambda x, E0, E, C, h: E0 + E * x**h / (C**h + x**h)),
    "loglogistic3": ((X,), (2, 8, 3), lambda x, b, d, e: d / (1 + (x / e) ** b)),
    "loglogistic4": ((X,), (2, 1, 8, 3), loglogistic),
    "loglogistic5": ((X,), (2, 1, 8, 3, 1.8), loglogistic),
    "weibull1": ((X,), (2, 1, 8, 4), weibull),
    "weibull2": ((X,), (2, 1, 8, 4), lambda x, b, c, d, e: c + d - weibull(x, b, c, d, e)),
    "onecpt_bolus": ((D, T), (1, 2), lambda d, t, lCl, lV: one(d, t, exp(lCl - lV), exp(lV))),
    "onecpt_infusion": ((D, HOURS, T), (1, 2), infused),
    "onecpt_oral": ((D, T), (1, 2, 0.5), oral_cl),
    "onecpt_oral_lag": ((D, T), (1, 2, 0.5, 0.7), oral_cl),
    "onecpt_oral_rates": (
        (D, T),
        (-1, 0.5, 2),
        lambda d, t, lKe, lKa, lV: oral(d, t, exp(lKe), exp(lKa), exp(lV)),
    ),
    "twocpt_bolus": ((D, T), (1, 2, 0.5, 2.5), two_bolus),
    "twocpt_oral": ((D, T), (1, 2, 0.5, 3, 0.6), two_oral),
}


def numbers(values):
    """Numbers with None as NaN."""
    return np.array(values, dtype=float)


def agree(ours, theirs, rtol):
    theirs = numbers(theirs)
    known = np.isfinite(theirs)
    np.testing.assert_allclose(ours[known], theirs[known], rtol=rtol, atol=1e-300)


@pytest.mark.parametrize(("name", "number"), R_CASES)
def test_values_and_gradients_of_R(name, number):
    case = REFERENCE["functions"][name]["cases"][number]
    function = nl.find_mean_function(name)
    inputs = [numbers(value) for value in case["inputs"].values()]
    theta = {parameter: numbers(value) for parameter, value in case["theta"].items()}
    assert list(function.names) == case["gradient_columns"]
    value, gradient = function(*inputs, **theta), function.gradient(*inputs, **theta)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    agree(value, case["value"], 1e-10)
    agree(gradient, case["gradient"], 1e-10)


@pytest.mark.parametrize("case", ["SSweibull_x0", "SSlogis_overflow", "SSfol_equal_rates"])
def test_finite_where_R_is_not(case):
    edge = REFERENCE["edge"][case]
    function = nl.find_mean_function(case.partition("_")[0])
    inputs = [numbers(value) for value in edge["inputs"].values()]
    value, gradient = (f(*inputs, **edge["theta"]) for f in (function, function.gradient))
    assert np.isfinite(gradient).all()
    agree(value, edge.get("limit", edge["value"]), 1e-12)
    agree(gradient, edge["gradient"], 1e-10)


def test_every_function_is_checked_against_a_formula():
    assert set(nl.BUILT_IN) == set(REFERENCE["functions"]) | set(TEXTBOOK)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_values_and_gradients_of_the_textbook(name):
    """Derivatives by the complex step, which has no rounding error."""
    inputs, theta, formula = TEXTBOOK[name]
    function, theta = nl.find_mean_function(name), np.array(theta, dtype=float)
    steps = 1e-30j * np.eye(len(theta))
    with np.errstate(all="ignore"):
        slopes = np.transpose([formula(*inputs, *(theta + step)).imag / 1e-30 for step in steps])
    known = np.isfinite(slopes).all(axis=1)  # not where it is 0^b: see the limits at zero
    value, gradient = function(*inputs, *theta), function.gradient(*inputs, *theta)
    np.testing.assert_allclose(value, formula(*inputs, *theta), rtol=1e-12)
    np.testing.assert_allclose(gradient[known], slopes[known], rtol=1e-10, atol=1e-13)
    assert np.isfinite(gradient).all()
    assert known.sum() >= 6


@pytest.mark.parametrize(
    ("name", "theta", "limit", "slopes"),
    [
        ("power_law", (3, 0.7), 0, (0, 0)),
        ("chapman_richards", (30, 0.4, 2.5), 0, (0, 0, 0)),
        ("beta_growth", (20, 8, 5), 0, (0, 0, 0)),
        ("hill", (1, -10, 4, 3), 1, (1, 0, 0, 0)),
        ("loglogistic4", (2, 1, 8, 3), 8, (0, 0, 1, 0)),
        ("loglogistic4", (-2, 1, 8, 3), 1, (0, 1, 0, 0)),
        ("loglogistic5", (-2, 1, 8, 3, 2), 1, (0, 1, 0, 0, 0)),
        ("weibull1", (2, 1, 8, 3), 8, (0, 0, 1, 0)),
        ("weibull1", (-2, 1, 8, 3), 1, (0, 1, 0, 0)),
        ("weibull2", (2, 1, 8, 3), 1, (0, 1, 0, 0)),
    ],
)
def test_limits_at_dose_zero(name, theta, limit, slopes):
    function = nl.find_mean_function(name)
    assert function(0.0, *theta) == limit
    np.testing.assert_array_equal(function.gradient(0.0, *theta), [slopes])


@pytest.mark.parametrize(
    ("name", "inputs", "theta"),
    [
        ("SSlogis", (1e6,), (3, 1, 1e-3)),
        ("SSlogis", (-1e6,), (3, 1, 1e-3)),
        ("SSfpl", (-1e6,), (3, 1, 0, 1e-3)),
        ("SSweibull", (1e6,), (3, 1, 5, 60)),
        ("SSweibull", (1e-9,), (3, 1, 5, 60)),
        ("SSfol", (4.0, 1e4), (-9, 6, -3)),
        ("SSfol", (4.0, 1e4), (6, -9, -3)),
        ("richards", (-1e4,), (20, 4, 1.5, 0.01)),
        ("richards", (1e4,), (20, 4, 1.5, 30)),
        ("hill", (1e12,), (1, 10, 1e-3, 40)),
        ("loglogistic5", (1e12,), (40, 1, 8, 1e-3, 5)),
        ("weibull1", (1e12,), (40, 1, 8, 1e-3)),
        ("twocpt_bolus", (80.0, 1e4), (8, 2, 9, 1)),
        ("twocpt_oral", (80.0, 1e4), (8, 2, 9, 1, 5)),
        ("onecpt_infusion", (80.0, 0.0, 3.0), (1, 2)),
    ],
)
def test_extreme_arguments_stay_finite(name, inputs, theta):
    function = nl.find_mean_function(name)
    assert np.isfinite(function(*inputs, *theta))
    assert np.isfinite(function.gradient(*inputs, *theta)).all()


def exact_oral(t, lKe, lKa, lCl):
    """SSfol for a unit dose, in 80 digits."""
    ke, ka = lKe.exp(), lKa.exp()
    return ke * ka / lCl.exp() * ((-ke * t).exp() - (-ka * t).exp()) / (ka - ke)


def exact_two_oral(t, lCl, lV1, lQ, lV2, lKa):
    """twocpt_oral for a unit dose, in 80 digits."""
    k10, k12, k21 = (lCl - lV1).exp(), (lQ - lV1).exp(), (lQ - lV2).exp()
    s = k10 + k12 + k21
    root = (s * s - 4 * k21 * k10).sqrt()
    nodes = (s + root) / 2, (s - root) / 2, lKa.exp()
    total = Decimal(0)
    for i, node in enumerate(nodes):
        others = [other for j, other in enumerate(nodes) if j != i]
        total += (k21 - node) * (-node * t).exp() / ((others[0] - node) * (others[1] - node))
    return nodes[2] / lV1.exp() * total


def exact(formula, t, theta):
    """Value and gradient in 80 digits; coinciding rates are kept apart by the 25th digit."""
    with localcontext() as context:
        context.prec = 80
        theta = [Decimal(float(value)) for value in theta]
        theta[-1] += Decimal("1e-25")
        theta[0] += Decimal("3e-25")
        step, t = Decimal("1e-12"), Decimal(float(t))
        slopes = []
        for k in range(len(theta)):
            up, down = ([v + s * (j == k) for j, v in enumerate(theta)] for s in (step, -step))
            slopes.append(float((formula(t, *up) - formula(t, *down)) / (2 * step)))
        return float(formula(t, *theta)), slopes


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-9, -1e-6, 1e-4, -1e-2, 0.3])
def test_coinciding_rates_of_absorption_and_elimination(gap):
    for t in (0.01, 0.5, 3.0, 40.0):
        theta = (-1.0, -1.0 + gap, -3.0)
        value, slopes = exact(exact_oral, t, theta)
        np.testing.assert_allclose(nl.SSfol(1.0, t, *theta), value, rtol=1e-13)
        np.testing.assert_allclose(nl.SSfol.gradient(1.0, t, *theta)[0], slopes, rtol=1e-10)


@pytest.mark.parametrize("gap", [0.0, 1e-10, -1e-7, 1e-5, -1e-3, 0.05])
@pytest.mark.parametrize("weak", [0.5, -8.0])
def test_coinciding_rates_of_two_compartments(gap, weak):
    """The absorption beside either disposition; with weak exchange all three rates coincide."""
    volume = 0.5 + weak
    theta = np.array([0.5, 0.5, weak, volume, 0.0])
    k10, k12, k21 = 1.0, exp(weak - 0.5), 1.0
    root = sqrt((k10 + k12 - k21) ** 2 + 4 * k12 * k21)
    for disposition in ((k10 + k12 + k21 + root) / 2, (k10 + k12 + k21 - root) / 2):
        theta[4] = log(disposition) + gap
        for t in (0.01, 0.5, 3.0, 20.0):
            value, slopes = exact(exact_two_oral, t, theta)
            np.testing.assert_allclose(nl.twocpt_oral(1.0, t, *theta), value, rtol=1e-12)
            np.testing.assert_allclose(
                nl.twocpt_oral.gradient(1.0, t, *theta)[0], slopes, rtol=1e-9, atol=1e-12
            )


def test_the_compiled_graph_is_as_stable_as_the_interpreted_one():
    """PyTensor's rewrites must not undo the safe forms."""
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode

    mode = Mode("py", "fast_run").excluding("fusion")
    t = np.array([0.0, 1e-9, 1.0, 1e3])
    cases = {nl.SSfol: [-1.0, -1.0, -3.0], nl.twocpt_oral: [0.5, 0.5, -8.0, -7.5, 0.0]}
    for function, theta in cases.items():
        theta_ = pt.vector("theta", dtype="float64")
        curve = function(1.0, pt.constant(t), *(theta_[i] for i in range(len(theta))))
        outputs = [curve, pytensor.gradient.grad(curve.sum(), theta_)]
        value, slopes = pytensor.function([theta_], outputs, mode=mode)(theta)
        np.testing.assert_allclose(value, function(1.0, t, *theta), rtol=1e-12)
        np.testing.assert_allclose(slopes, function.gradient(1.0, t, *theta).sum(0), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "theta"),
    [
        ("SSbiexp", (0.2, -1.8, 2.0, 0.6)),
        ("SSfol", (0.5, -2.5, -3.0)),
        ("SSfpl", (350, 30, 20, -6)),
        ("loglogistic4", (2, 8, 1, 3)),
        ("onecpt_oral", (1, 2, -2.5)),
        ("onecpt_oral_lag", (1, 2, -2.5, 0.3)),
        ("onecpt_oral_rates", (0.5, -2.5, 2)),
    ],
)
def test_symmetries(name, theta):
    function = nl.find_mean_function(name)
    given = dict(zip(function.names, map(float, theta), strict=True))
    canonical = function.canonical(given)
    assert canonical != given
    assert function.canonical(canonical) == canonical
    inputs = [np.linspace(0.5, 30, 8)] * len(function.inputs)
    np.testing.assert_allclose(function(*inputs, **canonical), function(*inputs, **given))
    draws = {name: np.array([given[name], canonical[name]]) for name in given}
    for name, values in function.canonical(draws).items():
        np.testing.assert_array_equal(values, [canonical[name]] * 2)


def test_functions_with_a_free_sign_declare_it():
    scal = nl.SSlogis.parameters[2]
    assert scal.domain() == (-np.inf, np.inf)
    assert scal.domain(2.0) == (0.0, np.inf)
    assert scal.domain(-2.0) == (-np.inf, 0.0)


def test_doses_add_up():
    times, tau, theta = np.array([-1.0, 0.0, 3.0, 12.0, 15.0, 40.0]), 12.0, (1.0, 2.0, 0.5)
    expected = sum(nl.onecpt_oral(100.0, times - shift, *theta) for shift in (0, tau, 2 * tau))
    regular = superpose(nl.onecpt_oral, [0, tau, 2 * tau])
    np.testing.assert_allclose(regular(100.0, times, *theta), expected, rtol=1e-14)
    free = superpose(nl.onecpt_oral)
    doses, when = np.tile([100.0, 100.0, 100.0], (6, 1)), np.tile([0, tau, 2 * tau], (6, 1))
    np.testing.assert_allclose(free(doses, when, times, *theta), expected, rtol=1e-14)
    rows = [np.full(6, value) for value in theta]
    np.testing.assert_allclose(free(doses, when, times, *rows), expected, rtol=1e-14)
    single = [nl.onecpt_oral.gradient(100.0, times - s, *theta) for s in (0, tau, 2 * tau)]
    np.testing.assert_allclose(free.gradient(doses, when, times, *theta), sum(single), rtol=1e-12)
    assert free.symmetries == nl.onecpt_oral.symmetries


@pytest.mark.parametrize("name", nl.BUILT_IN)
def test_examples_in_the_docstrings(name):
    function = nl.find_mean_function(name)
    names = vars(nl) | {name: function}
    test = doctest.DocTestParser().get_doctest(function.__doc__, names, name, None, 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0
    assert all(f"{argument} : " in function.__doc__ for argument in function.names)
