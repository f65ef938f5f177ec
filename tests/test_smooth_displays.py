"""Tables, derivatives, checks and plots of smooths, on fake draws."""

import numpy as np
import pandas as pd
import pytest
from fake_fit import fake_fit
from gamm4_cases import TABLE, fitted
from methods import (
    concurvity,
    derivatives,
    edf,
    k_check,
    plot_nonlinear,
    plot_smooths,
    smooth_estimates,
)

import glimmer as gl
from glimmer.errors import ArgumentError
from glimmer.results.checks.working_weights import working
from glimmer.results.smooths.estimates import chosen_smooths, grid, smooth_draws
from glimmer.results.smooths.plots import far_from

# smooth_estimates


def test_estimates_are_quantiles_of_draws():
    model = fitted("dense")
    table = smooth_estimates(model, "s(x)", n=7, prob=0.8)
    assert list(table) == ["smooth", "x", "estimate", "sd", "lower", "upper"]
    assert np.allclose(table["x"], np.linspace(TABLE["x"].min(), TABLE["x"].max(), 7))
    (block,) = gl.smooth_con("s(x, k=6)", TABLE)
    posterior = model.idata["posterior"]
    f = 0
    for part, name in zip(block.blocks, ("s(x)_null", "s(x)"), strict=True):
        f = f + posterior[name].values.reshape(24, -1) @ part.design({"x": table["x"]}).T
    assert np.allclose(table["estimate"], np.median(f, axis=0))
    assert np.allclose(table["sd"], f.std(axis=0, ddof=1))
    assert np.allclose(table[["lower", "upper"]].T, np.quantile(f, [0.1, 0.9], axis=0))


def test_one_table_for_all_smooths():
    table = smooth_estimates(fitted("fx, ti"), n=4)
    assert table.groupby("smooth", sort=False).size().to_dict() == {
        "s(x)": 4,
        "s(z)": 4,
        "ti(x,z)": 16,
    }
    assert list(table)[1:3] == ["x", "z"]
    default = smooth_estimates(fitted("diagonal"))
    assert len(default) == 40**2


def test_levels():
    by = smooth_estimates(fitted("by factor"), "s(x)", n=3)
    assert by["f"].tolist() == ["hi"] * 3 + ["lo"] * 3 + ["mid"] * 3
    one = smooth_estimates(fitted("by factor"), "s(x):flo", n=3)
    assert one.equals(by[by.f == "lo"].reset_index(drop=True))
    curves = smooth_estimates(fitted("fs"), n=2)
    assert len(curves) == 12 and curves["g"].nunique() == 6
    slopes = smooth_estimates(fitted("by number"), n=2)
    assert slopes["w"].tolist() == [1, 1]
    effects = smooth_estimates(fitted("re"), "s(g)")
    expected = fitted("re").idata["posterior"]["s(g)"].median(("chain", "draw")).values
    assert np.allclose(effects["estimate"], expected.ravel())


def test_estimates_at_rows_of_a_table():
    model = fitted("by factor")
    table = smooth_estimates(model, data=TABLE)
    assert len(table) == len(TABLE)
    lo = table[table.smooth == "s(x):flo"]
    assert np.array_equal(lo["x"], TABLE["x"][TABLE["f"] == "lo"])


def test_overall_uncertainty_is_that_of_the_intercept():
    model = fitted("dense")
    narrow, wide = (
        smooth_estimates(model, n=1, overall_uncertainty=flag)["sd"][0] for flag in (False, True)
    )
    posterior = model.idata["posterior"]
    (smooth,) = chosen_smooths(model.fitted_model, None)
    f = smooth_draws(model.fitted_model, smooth, grid(model.fitted_model, smooth, 1))[:, 0]
    level = posterior["Intercept_centered"].values.ravel()
    assert narrow == pytest.approx(f.std(ddof=1))
    assert wide == pytest.approx((f + level).std(ddof=1))


@pytest.mark.parametrize(
    "arguments",
    [{"smooth": "s(q)"}, {"n": 0}, {"n": 2.5}, {"prob": 1.0}],
)
def test_impossible_arguments(arguments):
    with pytest.raises(ArgumentError):
        smooth_estimates(fitted("dense"), **arguments)


def test_a_model_without_smooths():
    model = fake_fit(gl.GlmerBuilder("y ~ x", TABLE), draws=3)
    for function in (smooth_estimates, edf, k_check, concurvity, plot_nonlinear):
        with pytest.raises(ArgumentError, match="no smooth terms"):
            function(model)


# derivatives


def fixed(model, coefficients):
    """The model with every draw of its coefficients at the same values."""
    posterior = model.idata["posterior"].to_dataset().copy(deep=True)
    for name, value in coefficients.items():
        posterior[name][:] = value
    model.idata["posterior"] = posterior
    return model


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_a_spline(order):
    """Against a polynomial that the basis holds: B-splines of degree 3 hold every cubic."""
    model = fake_fit(gl.Gamm4Builder("y ~ s(x, bs='bs', k=8)", TABLE), draws=2)
    columns = np.hstack([b.X for b in gl.smooth_con("s(x, bs='bs', k=8)", TABLE)[0].blocks])
    x = TABLE["x"].to_numpy()
    cubic = np.polynomial.Polynomial([0, 2.0, -0.7, 0.05])
    b = np.linalg.lstsq(np.column_stack([np.ones(len(x)), columns]), cubic(x))[0][1:]
    fixed(model, {"s(x)_null": b[:1], "s(x)": b[1:]})
    table = derivatives(model, order=order, n=9)
    assert table["covariate"].unique().tolist() == ["x"]
    assert np.allclose(table["estimate"], cubic.deriv(order)(table["x"]), rtol=1e-5, atol=1e-5)


def test_partial_derivatives():
    model = fitted("diagonal")
    along_z = derivatives(model, "te(x,z)", covariate="z", n=3)
    (smooth,) = chosen_smooths(model.fitted_model, "te(x,z)")
    h = 1e-3
    z = along_z["z"].to_numpy()
    ends = [
        smooth_draws(model.fitted_model, smooth, {"x": along_z["x"], "z": z + s * h})
        for s in (-1, 1)
    ]
    expected = np.median((ends[1] - ends[0]) / (2 * h), axis=0)
    assert np.allclose(along_z["estimate"], expected, rtol=1e-3, atol=1e-3)
    with pytest.raises(ArgumentError, match="covariates"):
        derivatives(model, "te(x,z)")
    with pytest.raises(ArgumentError, match="order"):
        derivatives(model, "te(x,z)", order=3, covariate="z")
    with pytest.raises(ArgumentError, match="no numeric covariate"):
        derivatives(fitted("re"), "s(g)")
    only = derivatives(fitted("re"), n=2)
    assert only["smooth"].unique().tolist() == ["s(x)"]


# edf

PENALIZED = {
    "dense": ("s(x, k=6)", ["s(x)_sigma"]),
    "diagonal": ("te(x, z, k=4)", ["te(x,z)_x_sigma", "te(x,z)_z_sigma"]),
    "two penalties": ("s(x, bs='bs', m=c(3,2,1), k=8)", ["s(x)_1_sigma", "s(x)_2_sigma"]),
    "Cholesky": ("s(x, bs='bs', m=c(3,2,1,0), k=8)", [f"s(x)_{i}_sigma" for i in (1, 2, 3)]),
    "cyclic, group": ("s(x, bs='cc', k=6)", ["s(x)_sigma"]),
}


@pytest.mark.parametrize("name", PENALIZED)
def test_edf_is_the_trace_of_F_with_mgcvs_penalties(name):
    """tr (X'VX + S)^-1 X'VX, where V has the group effects integrated out, as in gamm4."""
    model = fitted(name)
    term, sds = PENALIZED[name]
    (smooth,) = gl.smooth_con(term, TABLE)
    posterior = model.idata["posterior"]
    geometric = {sd: np.exp(np.log(posterior[sd]).mean().item()) for sd in sds}
    scale = next(block.block.scale for block in smooth.blocks if block.penalized)
    S = sum(S * (scale / geometric[sd]) ** 2 for S, sd in zip(smooth.S, sds, strict=True))
    X = np.column_stack([np.ones(len(TABLE)), smooth.X])
    if name == "dense":
        X = np.column_stack([X, TABLE["z"]])
    V = np.diag(1 / working(model.fitted_model).weights)
    if name == "cyclic, group":
        V = V + group_covariance(posterior)
    information = X.T @ np.linalg.solve(V, X)
    full = np.zeros_like(information)
    at = slice(1, 1 + smooth.X.shape[1])
    full[at, at] = S
    F = np.linalg.solve(information + full, information)
    assert edf(model)[smooth.label] == pytest.approx(np.trace(F[at, at]), rel=1e-6)


def group_covariance(posterior):
    """Z Psi Z' of (1 + z | g) at the point where the edf is computed."""
    names = ("1|g_sigma", "z|g_sigma")
    sds = np.array([np.exp(np.log(posterior[name]).mean().item()) for name in names])
    corr = posterior["g_corr"].mean(("chain", "draw")).values
    rows = np.column_stack([np.ones(len(TABLE)), TABLE["z"]])
    same = TABLE["g"].to_numpy()[:, None] == TABLE["g"].to_numpy()
    return same * (rows @ (corr * np.outer(sds, sds)) @ rows.T)


@pytest.mark.parametrize("name", ["fs", "re", "t2", "by factor", "by number", "select, id"])
def test_edf_lies_between_the_unpenalized_and_all_coefficients(name):
    model = fitted(name)
    used = edf(model)
    for smooth in chosen_smooths(model.fitted_model, None):
        free = sum(block.size for block in smooth.blocks if not block.sds)
        assert free <= used[smooth.label] < sum(block.size for block in smooth.blocks)


def test_unpenalized_smooths_use_every_coefficient():
    assert edf(fitted("fx, ti"))["s(x)"] == pytest.approx(3)


def test_working_weights_are_those_of_the_family():
    model = fitted("by number")
    posterior = model.idata["posterior"].mean(("chain", "draw"))
    (smooth,) = gl.smooth_con("s(x, by=w, k=5)", TABLE)
    eta = posterior["Intercept"].item()
    for block, name in zip(smooth.blocks, ("s(x):w_null", "s(x):w"), strict=True):
        eta = eta + block.X @ posterior[name].values
    found = working(model.fitted_model)
    assert np.allclose(found.weights, np.exp(eta))
    assert np.allclose(found.residuals, (TABLE["count"] - np.exp(eta)) / np.exp(eta))
    gaussian = working(fitted("dense").fitted_model).weights
    sigma = fitted("dense").idata["posterior"]["sigma"]
    assert np.allclose(gaussian, sigma.mean().item() ** -2)


# k_check and concurvity


def wave(k):
    """A curve that the model has not followed: its coefficients are all zero."""
    x = np.linspace(0, 1, 150)
    rng = np.random.default_rng(4)
    data = {"x": x, "u": rng.uniform(size=150), "y": np.sin(12 * x) + rng.normal(0, 0.2, 150)}
    model = fake_fit(gl.Gamm4Builder(f"y ~ s(x, k={k}) + s(u, k=4) + te(x, u, k=3)", data), draws=4)
    names = [v for v in model.idata["posterior"].data_vars if "sigma" not in v]
    return data, fixed(model, dict.fromkeys(names, 0.0))


@pytest.mark.filterwarnings("ignore:The unpenalized part")
def test_k_check_sees_what_a_curve_has_missed():
    data, model = wave(4)
    table = k_check(model, "response", permutations=200)
    r = data["y"]
    assert table.loc["s(x)", "k_index"] == pytest.approx(
        np.mean(np.diff(r) ** 2) / 2 / np.mean(r**2)
    )
    assert table.loc["s(x)", "k_index"] < 0.3
    assert table.loc["s(x)", "p_value"] == 0
    order = np.argsort(data["u"])
    assert table.loc["s(u)", "k_index"] == pytest.approx(
        np.mean(np.diff(r[order]) ** 2) / 2 / np.mean(r**2)
    )
    assert table.loc["s(u)", "p_value"] > 0.05
    assert table["k"].tolist() == [3, 3, 8]
    assert k_check(model, "response", permutations=200).equals(table)


def test_k_check_looks_at_the_three_nearest_rows_in_several_dimensions():
    model = fake_fit(gl.Gamm4Builder("y ~ s(x, z, k=8) + s(g, bs='re')", TABLE), draws=3)
    table = k_check(model, "response", permutations=20)
    from methods import residuals

    r = residuals(model).values
    xz = TABLE[["x", "z"]].to_numpy()
    distance = np.linalg.norm(xz[:, None] - xz, axis=2)
    near = np.argsort(distance, axis=1)[:, 1:4]
    expected = np.mean((r[:, None] - r[near]) ** 2) / 2 / np.mean(r**2)
    assert table.loc["s(x,z)", "k_index"] == pytest.approx(expected)
    assert table.loc["s(g)", ["k_index", "p_value"]].isna().all()


def test_concurvity_is_a_share_explained_by_regression():
    model = fitted("fx, ti")
    table = concurvity(model)
    assert list(table) == ["para", "s(x)", "s(z)", "ti(x,z)"]
    terms = ["s(x, fx=TRUE, k=4)", "s(z, bs='cr', k=4)", "ti(x, z, k=4)"]
    spaces = [gl.smooth_con(term, TABLE)[0].X for term in terms]
    others = np.column_stack([np.ones(len(TABLE)), spaces[0], spaces[2]])
    X = spaces[1]
    explained = others @ np.linalg.lstsq(others, X)[0]
    assert table.loc["estimate", "s(z)"] == pytest.approx(np.sum(explained**2) / np.sum(X**2))
    values = np.linalg.eigvals(np.linalg.solve(X.T @ X, explained.T @ explained)).real
    assert table.loc["worst", "s(z)"] == pytest.approx(values.max())
    (smooth,) = chosen_smooths(model.fitted_model, "s(z)")
    f = smooth_draws(model.fitted_model, smooth, {"z": TABLE["z"]}).mean(axis=0)
    g = others @ np.linalg.lstsq(others, f)[0]
    assert table.loc["observed", "s(z)"] == pytest.approx(np.sum(g**2) / np.sum(f**2))
    pairs = concurvity(model, full=False)
    assert set(pairs) == {"worst", "observed", "estimate"}
    assert np.allclose(np.diag(pairs["worst"]), 1)
    assert pairs["worst"].loc["s(x)", "s(z)"] <= table.loc["worst", "s(z)"] + 1e-12


def test_concurvity_finds_a_copy():
    twin = TABLE.assign(x2=TABLE["x"] + 1e-3 * TABLE["z"])
    model = fake_fit(gl.Gamm4Builder("y ~ s(x, k=5) + s(x2, k=5)", twin), draws=3)
    assert concurvity(model).loc["worst", "s(x)"] > 0.99


# plots


@pytest.fixture
def plt():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_a_curve_with_band_rug_and_partial_residuals(plt):
    model = fitted("dense")
    (panel,) = plot_nonlinear(model, n=30).axes
    line, rug = panel.lines
    table = smooth_estimates(model, n=30)
    assert np.array_equal(line.get_ydata(), table["estimate"])
    assert np.array_equal(rug.get_xdata(), np.unique(TABLE["x"]))
    band = panel.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(table["lower"].min())
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("x", "partial effect")
    (panel,) = plot_smooths(model, residuals=True, rug=False).axes
    points = panel.lines[-1]
    (smooth,) = chosen_smooths(model.fitted_model, None)
    f = np.median(smooth_draws(model.fitted_model, smooth, {"x": TABLE["x"]}), axis=0)
    assert np.allclose(points.get_ydata(), f + working(model.fitted_model).residuals)


def test_panels_for_levels_and_kinds(plt):
    assert [p.get_title() for p in plot_nonlinear(fitted("by factor")).axes] == [
        "s(x):fhi",
        "s(x):flo",
        "s(x):fmid",
    ]
    (rug,) = [line for line in plt.gcf().axes[1].lines if line.get_marker() == "|"]
    assert len(rug.get_xdata()) == (TABLE["f"] == "lo").sum()
    (panel,) = plot_nonlinear(fitted("fs"), rug=False).axes
    assert [t.get_text() for t in panel.get_legend().get_texts()] == list("abcdef")
    panels = plot_nonlinear(fitted("re")).axes
    labels = [t.get_text() for t in panels[1].get_yticklabels()]
    assert sorted(labels) == list("abcdef")
    same = plot_nonlinear(fitted("by factor"), common_scale=True).axes
    assert len({p.get_ylim() for p in same}) == 1


def test_a_surface_is_blank_far_from_the_data(plt):
    model = fitted("diagonal")
    figure = plot_nonlinear(model, n=15, too_far=0.05)
    mesh = figure.axes[0].collections[0]
    shown = np.ma.masked_invalid(mesh.get_array()).mask
    scaled = [(TABLE[v] - TABLE[v].min()) / np.ptp(TABLE[v]) for v in ("x", "z")]
    u, v = np.meshgrid(np.linspace(0, 1, 15), np.linspace(0, 1, 15))
    near = [
        np.hypot(x - scaled[0], y - scaled[1]).min() for x, y in zip(u.flat, v.flat, strict=True)
    ]
    assert np.array_equal(np.asarray(shown).ravel(), np.array(near) > 0.05)
    assert 0 < shown.sum() < shown.size


def test_far_from():
    points = np.array([[0.0, 0.0], [5.0, 10.0], [10.0, 20.0]])
    assert far_from(points, np.array([[5.0, 11.0]]), 0.1).tolist() == [True, False, True]


def test_axes_of_ones_own(plt):
    _, axes = plt.subplots(1, 2)
    figure = plot_nonlinear(fitted("re"), axes=axes)
    assert figure is axes[0].figure and axes[1].get_title() == "s(g)"
    with pytest.raises(ArgumentError, match="at least 2 elements, one for each panel"):
        plot_nonlinear(fitted("re"), axes=axes[:1])


def test_too_many_covariates(plt):
    model = fake_fit(gl.Gamm4Builder("y ~ s(x, z, w, k=12) + s(g, bs='re')", TABLE), draws=2)
    assert [p.get_title() for p in plot_nonlinear(model).axes] == ["s(g)"]
    with pytest.raises(ArgumentError, match="too many covariates"):
        plot_nonlinear(model, "s(x,z,w)")


def test_labels_may_hold_blanks():
    assert chosen_smooths(fitted("diagonal").fitted_model, "te(x, z)")[0].label == "te(x,z)"
    table = smooth_estimates(
        fitted("diagonal"), "te(x, z)", data=pd.DataFrame({"x": [1.0], "z": 0})
    )
    assert len(table) == 1
