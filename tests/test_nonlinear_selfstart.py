"""Self-starts: R's least-squares estimates without R's starts, and never a failure."""

import json
from pathlib import Path

import numpy as np
import pytest

import glimmer.nonlinear as nl
from glimmer.data import load_data
from glimmer.errors import DataWarning, MeanFunctionError, WrongLength
from glimmer.nonlinear.extent import Extent
from glimmer.nonlinear.groupstart import group_starts
from glimmer.nonlinear.projection import Projection, separate

FOLDER = Path(__file__).parent / "reference" / "nonlinear"
FITS = {fit["id"]: fit for fit in json.loads((FOLDER / "selfstart_nls.json").read_text())["fits"]}
SYMMETRIES = json.loads((FOLDER / "symmetries.json").read_text())["results"]
X, T, D = np.linspace(0, 10, 25), np.linspace(0, 24, 25), np.full(25, 100.0)
TRUTH = {
    "richards": ((X,), (20, 5, 0.8, 0.4)),
    "exponential_growth": ((X,), (3, -0.4)),
    "power_law": ((X,), (3, 0.7)),
    "von_bertalanffy": ((X,), (80, 0.3, -0.5)),
    "chapman_richards": ((X,), (30, 0.4, 2.5)),
    "beta_growth": ((X,), (20, 8, 5)),
    "beta_growth_log": ((X,), (20, 2, 1)),
    "ricker": ((X,), (3, 0.3)),
    "emax": ((X,), (1, 10, 2)),
    "hill": ((X,), (1, -10, 4, 3)),
    "loglogistic3": ((X,), (2, 8, 3)),
    "loglogistic4": ((X,), (-2, 1, 8, 3)),
    "loglogistic5": ((X,), (2, 1, 8, 3, 1.8)),
    "weibull1": ((X,), (2, 1, 8, 4)),
    "weibull2": ((X,), (2, 1, 8, 4)),
    "SSlogis": ((X,), (10, 4, -1)),
    "SSgompertz": ((X,), (10, -1, 0.6)),
    "onecpt_bolus": ((D, T), (1, 2)),
    "onecpt_infusion": ((D, np.full(25, 3.0), T), (1, 2)),
    "onecpt_oral": ((D, T), (1, 2, 0.5)),
    "onecpt_oral_lag": ((D, T), (1, 2, 0.5, 0.7)),
    "onecpt_oral_rates": ((D, T), (-1, 0.5, 2)),
    "twocpt_bolus": ((D, T), (1, 2, 0.5, 2.5)),
    "twocpt_oral": ((D, T), (1, 2, 0.5, 3, 0.6)),
}


def data(fit):
    columns = {name: np.array(fit["data"][name], dtype=float) for name in fit["input"]}
    return list(columns.values()), np.array(fit["data"][fit["response"]], dtype=float)


def sum_of_squares(function, inputs, y, estimates):
    return np.sum((y - function(*inputs, **estimates)) ** 2)


@pytest.mark.parametrize("name", [name for name, fit in FITS.items() if "nls" in fit])
def test_least_squares_of_R(name):
    fit = FITS[name]
    function, (inputs, y) = nl.find_mean_function(fit["function"]), data(fit)
    estimates = function.self_start(*inputs, y)
    assert list(estimates) == list(function.names)
    expected = function.canonical(fit["nls"]["coef"])
    for parameter, value in expected.items():
        assert estimates[parameter] == pytest.approx(value, rel=1e-4)
    assert sum_of_squares(function, inputs, y, estimates) <= fit["nls"]["deviance"] * (1 + 1e-9)


def test_where_R_itself_fails():
    """Chick 6 from hatching on: nls stops at the NaN of its gradient at Time = 0."""
    fit = FITS["Chick.6_SSweibull_with_time0"]
    inputs, y = data(fit)
    estimates = nl.SSweibull.self_start(*inputs, y)
    for parameter, value in fit["getInitial"].items():
        assert estimates[parameter] == pytest.approx(value, rel=1e-4)


def test_where_R_ends_in_the_mirror_image():
    flipped = SYMMETRIES["selfstart_lands_in_flipped_mode"]
    dose, time, y = (np.array(flipped["table"][c], dtype=float) for c in ("Dose", "Time", "conc"))
    estimates = nl.SSfol.self_start(dose, time, y)
    assert estimates["lKe"] < estimates["lKa"]
    assert estimates["lKe"] == pytest.approx(flipped["coef"]["lKa"], rel=2e-4)
    assert estimates["lKa"] == pytest.approx(flipped["coef"]["lKe"], rel=2e-4)
    assert sum_of_squares(nl.SSfol, (dose, time), y, estimates) <= flipped["deviance"]


@pytest.mark.parametrize("name", TRUTH)
def test_curves_are_found_from_nothing(name):
    inputs, theta = TRUTH[name]
    function = nl.find_mean_function(name)
    curve = function(*inputs, *theta)
    noise = 0.01 * np.std(curve) * np.random.default_rng(3).normal(size=25)
    estimates = function.self_start(*inputs, curve + noise)
    assert sum_of_squares(function, inputs, curve + noise, estimates) <= np.sum(noise**2)


OWN_GUESS = ("SSbiexp", "SSgompertz")  # peeled, or linearised, in one step where R takes several
UNSORTED = ("Theoph_pooled_SSfol",)  # R looks at the last row, the guess at the last time


@pytest.mark.parametrize(
    "name", [n for n, f in FITS.items() if f["function"] not in OWN_GUESS and n not in UNSORTED]
)
def test_linearised_guesses_of_R(name):
    """R's starts before any iteration."""
    fit = FITS[name]
    with np.errstate(all="ignore"):
        inputs, y = data(fit)
        guess = nl.find_mean_function(fit["function"]).guess(*inputs, y)
    assert guess
    for parameter, value in guess.items():
        assert value == pytest.approx(fit["getInitial_maxiter0"][parameter], rel=1e-9)


@pytest.mark.parametrize("name", ["Indo.1_SSbiexp", "DNase.1_SSgompertz_logconc"])
def test_own_guesses_are_near(name):
    fit = FITS[name]
    inputs, y = data(fit)
    with np.errstate(all="ignore"):
        guess = nl.find_mean_function(fit["function"]).guess(*inputs, y)
    for parameter, value in guess.items():
        assert value == pytest.approx(fit["nls"]["coef"][parameter], rel=0.4)


@pytest.mark.parametrize("unit", [1e-5, 1e5])
@pytest.mark.parametrize("name", ["von_bertalanffy", "chapman_richards", "exponential_growth"])
def test_rates_are_found_in_any_unit(name, unit):
    (x,), theta = TRUTH[name]
    function = nl.find_mean_function(name)
    y = function(x, *theta)
    estimates = function.self_start(x * unit, y)
    np.testing.assert_allclose(function(x * unit, **estimates), y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("y_unit", "x_unit"), [(1e-4, 1.0), (1e5, 1.0), (1.0, 1e-4), (7.0, 1e4)])
def test_units_do_not_matter(y_unit, x_unit):
    trees = load_data("Orange")
    x, y = trees["age"].to_numpy(float), trees["circumference"].to_numpy(float)
    plain, other = nl.SSlogis.self_start(x, y), nl.SSlogis.self_start(x * x_unit, y * y_unit)
    assert other["Asym"] == pytest.approx(plain["Asym"] * y_unit, rel=1e-5)
    assert other["xmid"] == pytest.approx(plain["xmid"] * x_unit, rel=1e-5)
    assert other["scal"] == pytest.approx(plain["scal"] * x_unit, rel=1e-5)


def test_linear_parameters_are_found():
    def split(function, *inputs):
        return separate(function, inputs, Extent.of(inputs, X))

    assert split(nl.SSbiexp, X).linear == ("A1", "A2")
    assert split(nl.SSfol, D, T).scale == ("lCl",)
    assert split(nl.twocpt_oral, D, T).scale == ("lCl", "lV1", "lQ", "lV2")
    assert split(nl.SSasympOff, X).free == ("lrc", "c0")
    product = nl.mean_function(lambda x, a, b: a * b * x, name="product")
    assert split(product, X).linear == ("a",)


def test_the_projected_gradient():
    """Kaufman's Jacobian gives the exact slope of the sum of squares."""
    inputs, y = data(FITS["Indo.1_SSbiexp"])
    separation = separate(nl.SSbiexp, inputs, Extent.of(inputs, y))
    projection, theta = Projection(nl.SSbiexp, inputs, y, separation), np.array([0.9, -1.0])
    slope = projection.jacobian(theta).T @ projection.residuals(theta)
    for k, step in enumerate(np.eye(2) * 1e-5):
        up, down = (np.sum(projection.residuals(theta + s) ** 2) / 2 for s in (step, -step))
        assert slope[k] == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_a_callable_without_declarations():
    import pytensor.tensor as pt

    def decay(t, a, b, k):
        return a + b * pt.exp(-k * t)

    function = nl.mean_function(decay)
    for unit in (1e-3, 1.0, 1e3):
        y = function(T * unit, 2.0, 8.0, 0.2 / unit)
        estimates = function.self_start(T * unit, y)
        assert list(estimates.values()) == pytest.approx([2.0, 8.0, 0.2 / unit], rel=1e-6)


def test_a_self_start_of_the_users():
    import pytensor.tensor as pt

    def decay(t, a, k):
        return a * pt.exp(-k * t)

    given = nl.mean_function(decay, self_start=lambda t, y: {"a": y.max(), "k": 0.5})
    assert given.self_start(T, decay(T, 4.0, 0.3).eval()) == {"a": 4.0, "k": 0.5}
    broken = nl.mean_function(decay, self_start=lambda t, y: {"a": y[99], "k": 0.5})
    assert broken.self_start(T, decay(T, 4.0, 0.3).eval())["k"] == pytest.approx(0.3)
    partial = nl.mean_function(decay, self_start=lambda t, y: {"a": 1.0})
    with pytest.raises(MeanFunctionError, match="return a dict with 'a', 'k'"):
        partial.self_start(T, np.ones(25))


def test_missing_rows_are_left_out():
    trees = load_data("Orange")
    x, y = trees["age"].to_numpy(float), trees["circumference"].to_numpy(float)
    with_gaps = np.r_[y, np.nan, 50.0], np.r_[x, 100.0, np.inf]
    assert nl.SSlogis.self_start(with_gaps[1], with_gaps[0]) == nl.SSlogis.self_start(x, y)


@pytest.mark.parametrize("name", nl.BUILT_IN)
@pytest.mark.parametrize("shape", ["constant", "noise", "two rows", "none", "one x"])
def test_never_an_exception(name, shape):
    function = nl.find_mean_function(name)
    n = {"two rows": 2, "none": 0}.get(shape, 9)
    inputs = [np.full(n, 3.0)] * (len(function.inputs) - 1)
    inputs.append(np.linspace(0, 5, n) if shape != "one x" else np.full(n, 2.0))
    y = np.full(n, 4.0) if shape == "constant" else np.random.default_rng(5).normal(size=n)
    if n < len(function.names):
        with pytest.warns(DataWarning, match="do not determine a start"):
            estimates = function.self_start(*inputs, y)
    else:
        estimates = function.self_start(*inputs, y)
    assert np.isfinite(list(estimates.values())).all()
    assert function.canonical(estimates) == estimates
    for parameter in function.parameters:
        lower, upper = parameter.domain(estimates[parameter.name])
        assert lower <= estimates[parameter.name] <= upper


def test_each_subject_as_in_R():
    theoph = load_data("Theoph")
    dose, time, y = (theoph[c].to_numpy(float) for c in ("Dose", "Time", "conc"))
    starts = group_starts(nl.SSfol, [dose, time], y, theoph["Subject"])
    assert starts.fitted == 12
    for fit in SYMMETRIES["nls_per_subject"]:
        at = list(starts.levels).index(fit["subject"])
        for name, value in fit["usual"]["coef"].items():
            assert starts.estimates[name][at] == pytest.approx(value, rel=1e-3)
    assert 0.1 < starts.spread("lKe") < 0.3
    assert starts.pooled == nl.SSfol.self_start(dose, time, y)


def test_groups_that_cannot_be_fitted():
    trees = load_data("Orange")
    x, y = trees["age"].to_numpy(float), trees["circumference"].to_numpy(float)
    groups = trees["Tree"].to_numpy()
    x, y = np.r_[x, 1.0, 2.0, 100, 200, 300, 400], np.r_[y, 1.0, 2.0, 1, 1, 1, 1]
    groups = np.r_[groups, ["few"] * 2, ["flat"] * 4]
    starts = group_starts(nl.SSlogis, [x], y, groups)
    few = starts.levels == "few"
    assert np.isnan(starts.estimates["Asym"][few]).all()
    assert starts.fitted >= 5
    assert starts.spread("scal", np.log) > 0
    alone = group_starts(nl.SSlogis, [x], y, np.zeros(len(x)))
    assert np.isnan(alone.spread("Asym"))
    with pytest.raises(WrongLength, match="one value per row: 41, not 3"):
        group_starts(nl.SSlogis, [x], y, [1, 2, 3])
