"""Predictions, comparisons and slopes against what numpy makes of the same draws."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fake_fit import fake_fit
from methods import (
    comparisons,
    plot_comparisons,
    plot_predictions,
    plot_slopes,
    posterior_epred,
    predictions,
    slopes,
)
from predict_cases import case, expit, of_level, scalar

import glimmer as gl
from glimmer.errors import ArgumentError, NewDataError

matplotlib.use("Agg")


def flat(draws):
    values = np.asarray(draws)
    return values.reshape(-1, values.shape[-1])


@pytest.fixture(scope="module")
def curved():
    """A model whose slopes are known: eta = a + b x + c x^2 + (1 | g), logit link."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"x": rng.normal(1, 2, 40), "z": rng.integers(0, 3, 40)})
    table["y"] = rng.integers(0, 2, 40)
    table["f"] = rng.choice(list("ABC"), 40)
    table["g"] = np.repeat(list("abcdefgh"), 5)
    model = gl.GlmerBuilder(
        "y ~ x + I(x^2) + f + (1 | g)",
        table,
        "bernoulli",
        prior=gl.normal(0, 0.3),
        prior_intercept=gl.normal(0, 0.5),
    )
    return fake_fit(model, draws=20), table


def eta_of(model, x, f="A"):
    d = model.idata["posterior"]
    value = scalar(d, "Intercept") + scalar(d, "x") * x + scalar(d, "I(x^2)") * x**2
    return value + (d["f"].sel(f_dim=f).values[..., None] if f != "A" else 0.0)


def test_predictions_on_a_grid(curved):
    model, _ = curved
    x = np.array([-1.0, 0.0, 2.5])
    found = predictions(model, {"x": x, "f": ["C", "A"]})
    assert found.summary.columns.tolist() == ["x", "f", "estimate", "lower_5.0%", "upper_95.0%"]
    assert found.summary["x"].tolist() == [-1, -1, 0, 0, 2.5, 2.5]
    assert found.draws.dims == ("chain", "draw", "row")
    by_hand = expit(np.stack([eta_of(model, x, "C"), eta_of(model, x, "A")], -1))
    by_hand = by_hand.reshape(40, -1)
    assert np.allclose(flat(found.draws), by_hand, rtol=1e-10)
    assert np.allclose(found.summary["estimate"], by_hand.mean(0), rtol=1e-10)
    assert np.allclose(found.summary["lower_5.0%"], np.quantile(by_hand, 0.05, axis=0))
    assert np.allclose(found.summary["upper_95.0%"], np.quantile(by_hand, 0.95, axis=0))


def test_values_are_chosen_for_names(curved):
    model, table = curved
    found = predictions(model, ["x", "f"], kind="linpred")
    assert found.summary["f"].unique().tolist() == ["A", "B", "C"]
    assert found.summary["x"].nunique() == 50
    assert found.summary["x"].min() == table["x"].min()
    typical = predictions(model, "f", kind="linpred", prob=0.5)
    assert typical.summary.columns.tolist() == ["f", "estimate", "lower_25.0%", "upper_75.0%"]
    by_hand = eta_of(model, np.array([table["x"].mean()]), "B").reshape(40)
    assert np.allclose(flat(typical.draws)[:, 1], by_hand, rtol=1e-10)


def test_typical_values_are_those_of_the_model_and_not_of_its_terms():
    """The square of the mean, not the mean of the squares; a label for a number read as label."""
    _, model, table = case("nested Poisson, offset")
    found = predictions(model, {"x": [0.0]}, kind="linpred", groups="all", new_levels="error")
    d = model.idata["posterior"]
    first = of_level(d, "1|school", ["s0"]) + of_level(d, "1|school:room", ["s0:0"])
    eta = scalar(d, "Intercept") + first + np.log(table["exposure"].mean())
    assert np.allclose(flat(found.draws), eta.reshape(24, 1), rtol=1e-10)


def test_rows_and_averages(curved):
    model, table = curved
    rows = predictions(model, groups="all")
    everything = flat(posterior_epred(model))
    assert np.allclose(flat(rows.draws), everything, rtol=1e-12)
    assert len(rows.summary) == 40
    by_f = predictions(model, groups="all", average_by="f")
    for i, f in enumerate(by_f.summary["f"]):
        mean = everything[:, table["f"] == f].mean(1)
        assert np.allclose(flat(by_f.draws)[:, i], mean, rtol=1e-10)
        assert np.isclose(by_f.summary["lower_5.0%"][i], np.quantile(mean, 0.05))
    total = predictions(model, groups="all", average_by=True)
    assert np.allclose(flat(total.draws)[:, 0], everything.mean(1), rtol=1e-10)
    assert len(total.summary) == 1


def test_predictions_for_new_rows(curved):
    model, table = curved
    new = table.head(3).assign(g="new")
    found = predictions(model, newdata=new, groups="all", random_seed=1)
    assert np.allclose(flat(found.draws), flat(posterior_epred(model, new, random_seed=1)))
    with pytest.raises(ArgumentError, match="not both"):
        predictions(model, "x", newdata=new)


def test_comparisons_of_labels(curved):
    model, _ = curved
    x = np.array([0.5])
    p = {f: expit(eta_of(model, x, f)).reshape(40) for f in "ABC"}
    expected = {
        "reference": ["BA", "CA"],
        "sequential": ["BA", "CB"],
        "pairwise": ["BA", "CA", "CB"],
    }
    for pairs, labels in expected.items():
        found = comparisons(model, "f", {"x": x}, pairs=pairs)
        assert found.summary["contrast"].tolist() == [f"{b} vs {a}" for b, a in labels]
        for i, (b, a) in enumerate(labels):
            assert np.allclose(flat(found.draws)[:, i], p[b] - p[a], rtol=1e-9)
    chosen = comparisons(model, {"f": ["C", "B"]}, {"x": x}, comparison="ratio")
    assert np.allclose(flat(chosen.draws)[:, 0], p["B"] / p["C"], rtol=1e-9)
    lift = comparisons(model, {"f": ["C", "B"]}, {"x": x}, comparison="lift")
    assert np.allclose(flat(lift.draws)[:, 0], p["B"] / p["C"] - 1, rtol=1e-8)
    odds = comparisons(
        model, {"f": ["C", "B"]}, {"x": x}, comparison=lambda low, high: np.log(high / low)
    )
    assert np.allclose(flat(odds.draws)[:, 0], np.log(p["B"] / p["C"]), rtol=1e-8)


def test_comparisons_of_numbers(curved):
    model, table = curved
    x = np.array([-1.0, 2.0])
    sd = table["x"].std()
    for change, step in (("x", 1.0), ({"x": 0.5}, 0.5), ({"x": "sd"}, sd), ({"x": -2}, -2.0)):
        found = comparisons(model, change, {"x": x}, kind="linpred")
        by_hand = (eta_of(model, x + step) - eta_of(model, x)).reshape(40, 2)
        f = table["f"].mode()[0]
        assert f in "ABC"
        assert np.allclose(flat(found.draws), by_hand, rtol=1e-8, atol=1e-10)
        assert found.summary["x"].tolist() == x.tolist()
    values = comparisons(model, {"x": [0.0, 3.0]}, {"f": ["A"]}, kind="linpred")
    assert values.summary.columns.tolist()[:3] == ["f", "term", "contrast"]
    zero, three = (eta_of(model, np.array([v])) for v in (0.0, 3.0))
    assert np.allclose(flat(values.draws), (three - zero).reshape(40, 1), rtol=1e-8)


def test_average_comparisons_are_averages_of_draws(curved):
    model, table = curved
    found = comparisons(model, "f", groups="all", average_by=True)
    sides = [flat(posterior_epred(model, table.assign(f=f))).mean(1) for f in "ABC"]
    assert np.allclose(flat(found.draws)[:, 0], sides[1] - sides[0], rtol=1e-8)
    assert np.allclose(flat(found.draws)[:, 1], sides[2] - sides[0], rtol=1e-8)
    by_g = comparisons(model, "f", groups="all", average_by="g")
    assert by_g.summary["g"].tolist() == [*"abcdefgh", *"abcdefgh"]
    one = table["g"] == "c"
    sides = [flat(posterior_epred(model, table[one].assign(f=f))).mean(1) for f in "AB"]
    assert np.allclose(flat(by_g.draws)[:, 2], sides[1] - sides[0], rtol=1e-8)


def test_comparisons_share_the_draws_of_new_levels(curved):
    model, table = curved
    new = table.head(2).assign(g="new")
    found = comparisons(model, {"f": ["A", "B"]}, newdata=new, groups="all", kind="linpred")
    b = model.idata["posterior"]["f"].sel(f_dim="B").values.reshape(40, 1)
    assert np.allclose(flat(found.draws), b, rtol=1e-9)


def test_slopes_are_derivatives(curved):
    model, table = curved
    x = np.array([-1.0, 0.3, 2.0])
    d = model.idata["posterior"]
    p = expit(eta_of(model, x))
    inner = scalar(d, "x") + 2 * scalar(d, "I(x^2)") * x
    dydx = inner * p * (1 - p)
    by_hand = {"dydx": dydx, "eyex": dydx * x / p, "eydx": dydx / p, "dyex": dydx * x}
    for slope, expected in by_hand.items():
        found = slopes(model, "x", {"x": x, "f": ["A"]}, slope=slope)
        assert np.allclose(flat(found.draws), expected.reshape(40, 3), rtol=1e-6, atol=1e-9)
    linear = slopes(model, "x", {"x": x}, kind="linpred")
    assert np.allclose(flat(linear.draws), inner.reshape(40, 3), rtol=1e-6, atol=1e-9)
    average = slopes(model, "x", average_by="f")
    assert average.summary["f"].tolist() == table["f"].unique().tolist()


def test_comparisons_of_marginal_means(curved):
    model, _ = curved
    found = comparisons(model, {"f": ["A", "B"]}, {"x": [0.0]}, groups="marginal")
    new = pd.DataFrame({"x": 0.0, "f": ["A", "B"]})
    a, b = flat(posterior_epred(model, new, groups="marginal")).T
    assert np.allclose(flat(found.draws)[:, 0], b - a, rtol=1e-8)
    zero = comparisons(model, {"f": ["A", "B"]}, {"x": [0.0]})
    assert not np.allclose(zero.draws, found.draws, rtol=1e-2)


def test_arrays_of_the_rows_go_with_them():
    table = gl.load_data("sleepstudy")
    model = fake_fit(
        gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", table, offset=np.arange(180.0)), draws=4
    )
    with pytest.raises(NewDataError, match="offset="):
        predictions(model, {"Days": [0, 1]})
    one, two = (
        predictions(model, {"Days": [0, 1]}, offset=offset).draws for offset in ([0, 0], [3, 4])
    )
    assert np.allclose(flat(two - one), [3, 4])
    step = comparisons(model, "Days", {"Days": [0, 1]}, offset=[3, 4])
    assert np.allclose(flat(step.draws), scalar(model.idata["posterior"], "Days").reshape(8, 1))


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: predictions(m, "z"),
        lambda m: predictions(m, "g"),
        lambda m: predictions(m, "x", average_by="f"),
        lambda m: predictions(m, "x", prob=1.5),
        lambda m: comparisons(m, "nothing"),
        lambda m: comparisons(m, {"x": 1, "f": None}),
        lambda m: comparisons(m, {"x": [1]}),
        lambda m: comparisons(m, {"f": 1}),
        lambda m: comparisons(m, {"x": "iqr"}),
        lambda m: comparisons(m, "x", comparison="difference"),
        lambda m: comparisons(m, "f", pairs="all"),
        lambda m: comparisons(m, "f", kind="response"),
        lambda m: slopes(m, "f"),
        lambda m: slopes(m, "x", slope="dxdy"),
        lambda m: plot_predictions(m),
        lambda m: plot_predictions(m, {"x": [0, 1]}, average_by=True),
    ],
)
def test_questions_that_mean_nothing(curved, ask):
    with pytest.raises(ArgumentError):
        ask(curved[0])


def test_plots_show_the_summary(curved):
    import matplotlib.pyplot as plt

    model, _ = curved
    figure = plot_predictions(model, {"x": [0.0, 1.0, 2.0], "f": ["A", "B"]})
    (axis,) = figure.axes
    summary = predictions(model, {"x": [0.0, 1.0, 2.0], "f": ["A", "B"]}).summary
    for line, f in zip(axis.lines, "AB", strict=True):
        assert line.get_label() == f
        assert np.allclose(line.get_ydata(), summary.loc[summary["f"] == f, "estimate"])
    assert axis.get_xlabel() == "x"
    assert axis.get_ylabel() == "y"

    (axis,) = plot_predictions(model, "f").axes
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["A", "B", "C"]

    panels = plot_comparisons(model, "f", {"x": [0.0, 1.0]})
    assert len(panels.axes) == 1
    (legend,) = panels.legends
    assert [text.get_text() for text in legend.get_texts()] == ["B vs A", "C vs A"]
    (axis,) = plot_comparisons(model, "f", average_by=True).axes
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["B vs A", "C vs A"]
    figure = plot_slopes(model, "x", {"x": [0.0, 1.0], "f": ["A", "B"]}, kind="linpred")
    assert figure.axes[0].get_ylabel() == "slope in x (linear predictor)"
    three = plot_predictions(model, {"x": [0.0, 1.0], "f": ["A"], "g": ["a", "b"]}, groups="all")
    assert [axis.get_title() for axis in three.axes] == ["g = a", "g = b"]
    plt.close("all")
