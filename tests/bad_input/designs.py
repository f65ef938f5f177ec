"""Rows 93-109: the design, groups and priors."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pymc as pm

import glimmer as gl
from glimmer import errors as e
from tests.bad_input import N, Row, counts, given, levels, numbers, on, positive, table


def combined(noise: float) -> pd.DataFrame:
    data = table()
    return data.assign(v=data.x + 2 * data.z + noise * data.w)


def prior(number: int, what: str, expected: type[Exception] | None, **more: object) -> Row:
    """Priors are made when the row is tried, since making some is the error."""
    made = {name: more.pop(name) for name in tuple(more) if name.startswith("prior")}
    return Row(number, what, expected, arguments=given(**made), **more)


THREE = np.tile(["low", "mid", "top"], N // 3)
ROWS_OF_GROUPS = np.arange(N).astype(str)
GROUPED = "y ~ x + (1 | g)"
BAD_PRIOR = partial(prior, expected=e.PriorError)

# fmt: off
ROWS = [
    Row(93, "a constant column", e.Constant, data=on(x=2.5), column="x", says="constant (2.5)",
        fix="intercept is there"),
    Row(93, "a constant column as intercept", None, "y ~ 0 + x", on(x=2.5)),
    Row(93, "a factor of one level", e.DesignError, "y ~ f", on(f="low"), column="f", says="'low'",
        fix="leave it out"),
    Row(93, "a constant slope", e.Constant, "y ~ 1 + (x | g)", on(x=2.5), column="x|g",
        says="constant (2.5)", fix="leave the effect out"),
    Row(94, "exact collinearity", e.Collinear, "y ~ x + z + v", partial(combined, 0), column="v",
        says="x, z, v", fix="leave one of them out, e.g. v",
        decided="no action drop: the message says what to leave out"),
    Row(94, "exact collinearity, wanted", e.DesignWarning, "y ~ x + z + v", partial(combined, 0),
        given(checks={"collinear": "warn"}), check="collinear", says="x, z, v", fix="leave one"),
    Row(94, "a factor and its dummy", e.Collinear, "y ~ f + b",
        lambda: table(b=(table().f == "mid") * 1), column="b", says="f[mid], b", fix="leave one"),
    Row(93, "levels that never meet", e.Constant, "y ~ f:x + f:u",
        on(u=np.repeat([0.0, 1.0], 12) * (THREE == "low"), f=THREE), column="f:u[mid]",
        says="0 in every row", fix="merge some"),
    Row(94, "parts that sum to one", e.Collinear, "y ~ p + q", lambda: table(q=1 - table().p),
        column="q", says="and the intercept: p, q", fix="leave one"),
    Row(94, "years, squared", None, "y ~ x + I(x^2)", on(x=2000 + np.arange(N))),
    Row(95, "near collinearity", e.DesignWarning, "y ~ x + z + v", partial(combined, 1e-11),
        check="near_collinear", says="x, z, v", fix="leave one",
        decided="warned of from a condition number of 1e5 on: sampling suffers long before 1e10"),
    Row(95, "near collinearity, QR", e.DesignWarning, "y ~ x + z + v", partial(combined, 1e-6),
        given(QR=True), check="near_collinear", says="condition number"),
    Row(96, "more columns than rows", e.DesignWarning, "y ~ poly(x, 5) + z + w",
        lambda: table().iloc[:7], check="more_columns_than_rows", says="8 coefficients for 7 rows",
        fix="gl.hs()"),
    Row(96, "more columns than rows, shrunk", None, "y ~ poly(x, 5) + z + w",
        lambda: table().iloc[:7], given(prior=gl.hs)),
    Row(96, "QR with more columns than rows", e.DesignError, "y ~ poly(x, 5) + z + w",
        lambda: table().iloc[:7], given(QR=True), says="7 rows for 8", fix="QR=False"),
    Row(96, "QR of one column", e.DesignError, arguments=given(QR=True), says="two common columns",
        fix="QR=False"),
    Row(97, "a single group", e.TooFewGroups, GROUPED, on(g="a"), column="g", says="single level",
        fix="leave out"),
    Row(98, "three groups", e.DesignWarning, GROUPED, on(g=np.tile(list("abc"), 8)),
        check="few_levels", says="prior, decov(", fix="prior_covariance="),
    Row(99, "a row for each group", e.DesignError, GROUPED, on(g=ROWS_OF_GROUPS), column="g",
        says="residuals", fix="coarser"),
    Row(99, "a row for each group, counts", None, "k ~ x + (1 | g)", on(g=ROWS_OF_GROUPS),
        given(family="poisson")),
    Row(99, "a row for each group, wanted", e.DesignWarning, GROUPED, on(g=ROWS_OF_GROUPS),
        given(checks={"one_row_a_level": "warn"}), check="one_row_a_level", says="residuals",
        fix="coarser"),
    Row(100, "integer codes", None, GROUPED, on(g=np.repeat([10, -1, 7, 9, 2, 900], 4)),
        holds=lambda m: levels(m) == ("-1", "2", "7", "9", "10", "900")),
    Row(101, "fractional codes", e.WrongType, GROUPED, on(g=numbers()), column="g", under="g",
        says="non-integer", fix="bin"),
    Row(101, "whole numbers as floats", None, GROUPED, on(g=np.repeat(np.arange(6.0), 4)),
        holds=lambda m: levels(m) == tuple("012345")),
    Row(102, "labels reused in each parent", None, "y ~ x + (1 | u/v)",
        on(u=np.repeat(list("ABCDE"), 5)[:N], v=np.tile([1, 2], 12)),
        holds=lambda m: levels(m)[:3] == ("A:1", "A:2", "B:1")),
    BAD_PRIOR(103, "a prior of no term", prior={"xx": gl.normal(0, 1)}, says="'xx'", fix="'x'"),
    BAD_PRIOR(103, "a covariance of no group", formula=GROUPED, prior_covariance={"gg": gl.decov()},
        says="'gg'", fix="'g'"),
    BAD_PRIOR(103, "a prior of no parameter", prior_aux={"sigm": gl.exponential(1)}, says="'sigm'",
        fix="'sigma'"),
    BAD_PRIOR(103, "a number as a prior", prior=3, says="not 3", fix="gl.normal(0, 3)"),
    BAD_PRIOR(103, "a covariance prior for coefficients", prior=gl.decov(),
        says="a prior of the covariance",
        fix="prior_covariance="),
    BAD_PRIOR(104, "an unknown distribution", prior=lambda: gl.prior("Nomal", mu=0), says="'Nomal'",
        fix="'Normal'"),
    BAD_PRIOR(105, "unknown arguments", prior=lambda: gl.prior("Normal", mean=50, sd=9),
        says="'mean'", fix="mu"),
    BAD_PRIOR(105, "unknown arguments of ours", prior=lambda: gl.normal(mean=50, sd=9),
        says="'mean'", fix="location"),
    BAD_PRIOR(105, "unknown arguments of bambi's",
        prior=SimpleNamespace(name="Normal", args={"mean": 50, "sd": 9}), says="'mean'", fix="mu",
        decided="pm.Normal.dist(mean=50) is pm.Normal.dist() already: PyMC drops the name"),
    *(
        BAD_PRIOR(106, f"a scale of {scale}", prior=lambda scale=scale: gl.normal(0, scale),
            says="scale must be positive and finite, not")
        for scale in (-1, 0, np.nan, np.inf)
    ),
    BAD_PRIOR(106, "a negative rate", prior_aux=lambda: gl.exponential(-1),
        says="rate must be positive and finite, not -1"),
    BAD_PRIOR(106, "an infinite location", prior=lambda: gl.normal(np.inf, 1),
        says="location must be finite, not inf"),
    *(
        BAD_PRIOR(106, f"a {where} of PyMC with a negative sigma", formula=GROUPED,
            **{where: lambda: pm.Normal.dist(0, -1)},
            says="Normal(0, -1) is impossible: it needs sigma > 0")
        for where in ("prior", "prior_intercept")
    ),
    BAD_PRIOR(106, "a half-normal of PyMC with sigma NaN", formula=GROUPED,
        prior_covariance=lambda: pm.HalfNormal.dist(np.nan),
        says="HalfNormal(0, nan) is impossible"),
    BAD_PRIOR(107, "two values for three coefficients", formula="y ~ x + f",
        prior=gl.normal([0, 1], 1), says="2 values", fix="one for each column"),
    BAD_PRIOR(107, "a level too few", formula="y ~ x + f", prior={"f": gl.normal(0, [1, 2, 3])},
        says="3 values", fix="one for each column"),
    BAD_PRIOR(107, "a vector for the intercept", prior_intercept=gl.normal([0, 1], 1),
        says="not for a vector: the intercept is one number"),
    BAD_PRIOR(107, "a matrix", prior=lambda: pm.Normal.dist(0, 1, shape=(2, 2)),
        says="for a number or for a vector"),
    BAD_PRIOR(107, "a vector of PyMC for one coefficient", prior=lambda: pm.Normal.dist([0, 1], 1),
        says="2 values", fix="one for each column"),
    prior(107, "a value for each coefficient", None, formula="y ~ x + f",
        prior=gl.normal([0, 1, 2], [1, 2, 3])),
    BAD_PRIOR(108, "a real prior on a scale", prior_aux=lambda: pm.Normal.dist(0, 1),
        says="negative values", fix="half-distribution"),
    BAD_PRIOR(108, "a real prior on a group's sd", formula=GROUPED,
        prior_covariance=lambda: pm.Normal.dist(0, 1), says="negative values",
        fix="half-distribution"),
    BAD_PRIOR(108, "a discrete prior", prior=lambda: pm.Poisson.dist(3), says="discrete",
        fix="continuous"),
    prior(108, "a prior of ours on a scale", None, prior_aux=gl.normal(0, 1),
        decided="it is cut at zero, as rstanarm cuts it"),
    prior(108, "a positive prior on the intercept", None, data=on(y=lambda: -5 + numbers()()),
        prior_intercept=lambda: pm.HalfNormal.dist(3)),
    BAD_PRIOR(109, "a flat prior on a group's sd", formula=GROUPED,
        prior_covariance=lambda: gl.lkj(sd=gl.flat()), says="improper", fix="gl.exponential()"),
    BAD_PRIOR(109, "no prior of groups", formula=GROUPED, prior_covariance=None, says="improper",
        fix="gl.decov()"),
    BAD_PRIOR(109, "PyMC's flat prior on a group's sd", formula=GROUPED,
        prior_covariance=lambda: pm.HalfFlat.dist(), says="improper", fix="gl.exponential()"),
    *(
        prior(109, f"a flat {where}", e.PriorWarning, **{where: gl.flat}, check="flat_prior",
            says="flat", fix="gl.normal(0, 10")
        for where in ("prior", "prior_intercept", "prior_aux")
    ),
    prior(109, "PyMC's flat prior", e.PriorWarning, prior=lambda: pm.Flat.dist(),
        check="flat_prior", says="flat", fix="gl.normal(0, 10"),
]
# fmt: on

STARTS = [
    Row(0, "a log link and negative outcomes", arguments=given(link="log")),
    Row(
        0,
        "an inverse link and a mean of zero",
        data=on(y=lambda: numbers()() - numbers()().mean()),
        arguments=given(link="inverse"),
    ),
    Row(
        0,
        "an inverse link without an intercept",
        e.NotFinite,
        "y ~ 0 + x",
        arguments=given(link="inverse"),
        says="impossible mean",
        fix="add an intercept",
    ),
    Row(
        0,
        "an exposure instead of its logarithm",
        e.NotFinite,
        "k ~ x",
        arguments=given(family="poisson", offset=counts(_0=1e6)),
        says="impossible mean",
        fix="log(exposure)",
    ),
    Row(
        0,
        "an offset under the identity link",
        None,
        "k ~ x",
        arguments=given(family="poisson", link="identity", offset=numbers()),
    ),
    Row(
        0,
        "large exposures",
        None,
        "k ~ x + offset(log(m))",
        on(m=np.full(N, 1e9)),
        given(family="poisson"),
    ),
    Row(
        0,
        "tiny positive outcomes",
        None,
        data=on(y=lambda: positive()() * 1e-30),
        arguments=given(family="inverse_gaussian"),
    ),
]
