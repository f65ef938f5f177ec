"""Smooth terms in models: names, priors, densities."""

import numpy as np
import pytest
from gamm4_cases import TABLE, build
from natural import evaluator, log_densities, random_point
from scipy import stats

import glimmer as gl
from glimmer import record
from glimmer.errors import PriorError, SmoothError

SD_Y = TABLE["y"].std()

# case: free variables of smooths, with their shapes
VARIABLES = {
    "dense": {"s(x)_sigma": (), "s(x)_null": (1,), "s(x)": (4,)},
    "cyclic, group": {"s(x)_sigma": (), "s(x)": (4,)},
    "diagonal": {
        "te(x,z)_x_sigma": (),
        "te(x,z)_z_sigma": (),
        "te(x,z)_null": (3,),
        "te(x,z)": (12,),
    },
    "two penalties": {"s(x)_1_sigma": (), "s(x)_2_sigma": (), "s(x)": (7,)},
    "Cholesky": {**{f"s(x)_{i}_sigma": () for i in (1, 2, 3)}, "s(x)_z": (7,)},
    "t2": {
        **{f"t2(x,z)_{part}_sigma": () for part in ("rr", "nr", "rn")},
        "t2(x,z)_null": (3,),
        "t2(x,z)_rr": (4,),
        "t2(x,z)_nr": (4,),
        "t2(x,z)_rn": (4,),
    },
    "fs": {
        **{f"s(x,g)_{i}_sigma": () for i in (1, 2, 3)},
        "s(x,g)_1": (6, 2),
        "s(x,g)_2": (6, 1),
        "s(x,g)_3": (6, 1),
    },
    "re": {"s(x)_sigma": (), "s(x)_null": (1,), "s(x)": (3,), "s(g)_sigma": (), "s(g)": (6, 1)},
    "by factor": {
        name: shape
        for level in ("hi", "lo", "mid")
        for name, shape in (
            (f"s(x):f{level}_sigma", ()),
            (f"s(x):f{level}_null", (1,)),
            (f"s(x):f{level}", (3,)),
        )
    },
    "by number": {"s(x):w_sigma": (), "s(x):w_null": (2,), "s(x):w": (3,)},
    "select, id": {
        "s(x)_sigma": (),
        "s(x)_null_sigma": (),
        "s(x)": (3,),
        "s(x)_null": (1,),
        "s(z)": (3,),
        "s(z)_null": (1,),
    },
    "fx, ti": {
        "s(x)_null": (3,),
        "s(z)_sigma": (),
        "s(z)_null": (1,),
        "s(z)": (2,),
        "ti(x,z)_x_sigma": (),
        "ti(x,z)_z_sigma": (),
        "ti(x,z)_null": (1,),
        "ti(x,z)": (8,),
    },
    "rstanarm": {
        "s(x)_sigma_ratio": (),
        "s(x)_null_sigma_ratio": (),
        "s(x)": (4,),
        "s(x)_null": (1,),
        "s(z)_sigma_ratio": (),
        "s(z)": (4,),
    },
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_and_specification(name):
    builder = build(name)
    model = builder.build()
    start = model.initial_point()
    found = {
        rv.name: start[model.rvs_to_values[rv].name].shape
        for rv in model.free_RVs
        if rv.name.startswith(("s(", "t2(", "te(", "ti("))
    }
    assert found == VARIABLES[name]
    for variable, shape in found.items():
        assert len(model.named_vars_to_dims.get(variable, ())) == len(shape)
    text = record.dumps(builder.spec)
    assert record.dumps(record.loads(text)) == text


def test_smooths_stand_in_every_builders_formula():
    text = "y ~ s(x, k=6) + z + (1 | g)"
    one = gl.GlmerBuilder(text, TABLE).build()
    two = gl.Gamm4Builder("y ~ s(x, k=6) + z", TABLE, random="~ (1 | g)").build()
    assert [v.name for v in one.free_RVs] == [v.name for v in two.free_RVs]
    with pytest.raises(SmoothError, match="must have a smooth term"):
        gl.Gamm4Builder("y ~ x", TABLE)


# Priors


def prior_of(builder, parameter):
    (line,) = [line for line in builder.prior_summary().lines if line.parameter == parameter]
    return line.specified, line.adjusted


@pytest.mark.parametrize("name", [n for n in VARIABLES if n != "rstanarm"])
def test_a_standard_deviation_is_the_typical_size_of_its_curve(name):
    """At sd 1 the prior variance of each penalized part has mean 1 over the training rows."""
    builder = build(name)
    columns = builder.design.smooths
    sizes: dict[str, list[float]] = {}
    for named in builder.spec.smooth_blocks:
        if not named.sds:
            continue
        part = columns[named.name]
        rows = part if isinstance(part, np.ndarray) else part.rows
        rows = rows[np.any(rows != 0, axis=1)] if ":f" in named.name else rows
        sizes.setdefault(str(named.sds), []).append(np.mean(np.sum(rows**2, axis=1)))
    for values in sizes.values():
        assert np.mean(values) == pytest.approx(1, rel=0.25 if name == "by factor" else 1e-9)


def test_default_priors():
    builder = build("dense")
    rate = f"exponential(rate = {1 / SD_Y:.4g})"
    assert prior_of(builder, "s(x)_sigma") == ("exponential(rate = 1, autoscale = True)", rate)
    null = f"normal(location = 0, scale = {2.5 * SD_Y:.4g})"
    assert prior_of(builder, "s(x)_null")[1] == null
    counts = build("diagonal")
    assert prior_of(counts, "te(x,z)_x_sigma")[1] == "exponential(rate = 1)"
    assert prior_of(counts, "te(x,z)_null")[1] == "normal(location = 0, scale = 2.5)"


def test_priors_by_name():
    priors = {"s(x)": gl.student_t(3, 0, 2), "s(x)_null": gl.normal(1, 2)}
    builder = gl.Gamm4Builder("y ~ s(x) + s(z)", TABLE, prior_smooth=priors)
    assert prior_of(builder, "s(x)_sigma")[0] == "student_t(df = 3, location = 0, scale = 2)"
    assert prior_of(builder, "s(x)_null")[0] == "normal(location = 1, scale = 2)"
    assert prior_of(builder, "s(z)_sigma")[0] == "exponential(rate = 1, autoscale = True)"
    with pytest.raises(PriorError, match="'s\\(u\\)' in prior_smooth is not a smooth"):
        gl.Gamm4Builder("y ~ s(x)", TABLE, prior_smooth={"s(u)": gl.exponential(1)})


def test_priors_of_two_sds_of_one_block():
    priors = {"te(x,z)_z_sigma": gl.exponential(3), "te(x,z)": gl.exponential(2)}
    builder = gl.Gamm4Builder("y ~ te(x, z, k=4)", TABLE, prior_smooth=priors)
    assert prior_of(builder, "te(x,z)_x_sigma")[0] == "exponential(rate = 2)"
    assert prior_of(builder, "te(x,z)_z_sigma")[0] == "exponential(rate = 3)"


def test_rstanarms_prior_is_on_ratios_to_sigma():
    builder = build("rstanarm")
    assert prior_of(builder, "s(x)_null_sigma") == ("exponential(rate = 1)",) * 2
    model = builder.build()
    point = random_point(model)
    found = evaluator(model, ["s(x)_sigma"])(point)["s(x)_sigma"]
    assert found == pytest.approx(point["sigma"] * point["s(x)_sigma_ratio"])
    density = log_densities(model)(point)
    assert density["s(x)_sigma_ratio"] == pytest.approx(-point["s(x)_sigma_ratio"])
    expected = stats.norm.logpdf(point["s(x)"], 0, found).sum()
    assert density["s(x)"] == pytest.approx(expected)
    counts = build("fs", prior_smooth=gl.rstanarm_smooth_prior()).build()
    assert "s(x,g)_1_sigma" in [v.name for v in counts.free_RVs]


def test_unpenalized_smooths_have_the_prior_of_coefficients():
    builder = build("fx, ti")
    assert prior_of(builder, "s(x)_null")[1] == "normal(location = 0, scale = 1)"
    model = builder.build()
    point = random_point(model)
    found = log_densities(model)(point)["s(x)_null"]
    assert found == pytest.approx(stats.norm.logpdf(point["s(x)_null"], 0, 1).sum())


# Densities

# case: the term; what mgcv's penalties have as standard deviations
TERMS = {
    "dense": ("s(x, k=6)", ["s(x)_sigma"]),
    "diagonal": ("te(x, z, k=4)", ["te(x,z)_x_sigma", "te(x,z)_z_sigma"]),
    "two penalties": ("s(x, bs='bs', m=c(3,2,1), k=8)", ["s(x)_1_sigma", "s(x)_2_sigma"]),
    "Cholesky": ("s(x, bs='bs', m=c(3,2,1,0), k=8)", [f"s(x)_{i}_sigma" for i in (1, 2, 3)]),
    "fs": ("s(x, g, bs='fs', k=4)", [f"s(x,g)_{i}_sigma" for i in (1, 2, 3)]),
    "re": ("s(g, bs='re')", ["s(g)_sigma"]),
    "t2": ("t2(x, z, k=4)", [f"t2(x,z)_{part}_sigma" for part in ("rr", "nr", "rn")]),
}


def penalty(name, point, f):
    """b' S_lambda b and log |S_lambda|+ by mgcv's design and penalties, for the curve f."""
    term, sds = TERMS[name]
    (smooth,) = gl.smooth_con(term, TABLE)
    blocks = [block.block for block in smooth.blocks if block.penalized]
    scale = {sd: block.scale for block in blocks for sd in sds_of(name, block, sds)}
    S = sum(S_j * (scale[sd] / point[sd]) ** 2 for S_j, sd in zip(smooth.S, sds, strict=True))
    b = np.linalg.lstsq(smooth.X, f)[0]
    assert np.allclose(smooth.X @ b, f, atol=1e-8)
    values = np.linalg.eigvalsh(S)
    rank = smooth.X.shape[1] - smooth.null_dim
    return b @ S @ b, np.log(values[-rank:]).sum()


def sds_of(name, block, sds):
    """The sds of a block among all of the term."""
    if len(block.sds) == len(sds):
        return sds
    return [sd for sd in sds if sd.endswith(f"_{block.sds[0]}_sigma")]


def curve(builder, model, label):
    """The value of one smooth at the training rows, as a function of the free variables."""
    from glimmer.assemble import assemble

    assembly = assemble(builder.spec, builder.design)
    with assembly.model:
        import pymc as pm

        pm.Deterministic("curve", assembly.smooths[label])
    return evaluator(assembly.model, ["curve"])


@pytest.mark.parametrize("name", TERMS)
def test_the_coefficients_density_is_that_of_mgcvs_penalty(name):
    """log p(b | sds) differs between points by -b'Sb / 2 and, in b itself, by log |S|+ / 2."""
    builder = build(name)
    model = builder.build()
    term, sds = TERMS[name]
    label = term.split(",")[0] + ")" if name == "dense" else sds[0].split("_")[0]
    blocks = [
        b.free
        for b in builder.spec.smooth_blocks
        if b.smooth.label == label.replace(" ", "") and b.sds
    ]
    densities, curves = log_densities(model), curve(builder, model, label)
    found, expected = [], []
    for seed in (1, 2, 3):
        point = random_point(model, seed)
        ours = sum(densities(point)[block] for block in blocks)
        quadratic, log_det = penalty(name, point, curves(point)["curve"])
        # the coordinates z of a Cholesky block are standard normal whatever the sds are
        found.append(ours)
        expected.append(-quadratic / 2 + (0 if name == "Cholesky" else log_det / 2))
    assert np.diff(found) == pytest.approx(np.diff(expected), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["dense", "by factor", "t2", "re"])
def test_the_linear_predictor_is_the_sum_of_its_terms(name):
    builder = build(name)
    model = builder.build()
    point = random_point(model)
    point["sigma"] = np.array(1.3)
    names = [v.name for v in model.free_RVs if "Intercept" in v.name]
    eta = np.full(len(TABLE), float(point[names[0]]))
    for smooth in gl.smooth_con(CALLS[name], TABLE):
        for block in smooth.blocks:
            eta += block.X @ point[joined(smooth.label, block)].ravel()
    if name == "re":
        levels = sorted(set(TABLE["g"]))
        eta += point["s(g)"][[levels.index(g) for g in TABLE["g"]], 0]
    if name == "dense":
        eta += point["z"] * (TABLE["z"] - TABLE["z"].mean())
    if name == "by factor":
        dummies = np.column_stack([TABLE["f"] == level for level in ("lo", "mid")]).astype(float)
        eta += (dummies - dummies.mean(axis=0)) @ point["f"]
    if name == "t2":
        eta += TABLE["w"]
    expected = stats.norm.logpdf(TABLE["y"], eta, 1.3).sum()
    assert log_densities(model)(point)["y"] == pytest.approx(expected, rel=1e-9)


CALLS = {
    "dense": "s(x, k=6)",
    "by factor": "s(x, by=f, k=5)",
    "t2": "t2(x, z, k=4)",
    "re": "s(x, k=5)",
}


def joined(label, block):
    if not block.penalized:
        return f"{label}_null"
    return f"{label}_{block.block.name}" if block.block.name else label


def test_a_knot_and_select_reach_the_basis():
    knots = {"x": np.linspace(0, 10, 5)}
    builder = gl.Gamm4Builder("y ~ s(x, bs='cr', k=5)", TABLE, knots=knots, select=True)
    basis = builder.spec.predictors["mu"].smooths[0].basis
    assert np.allclose(basis.knots, knots["x"])
    assert "s(x)_null_sigma" in [v.name for v in builder.build().free_RVs]
