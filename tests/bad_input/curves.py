"""Rows 72-73: nonlinear formulas, their parameters and where they start; and their smooths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from glimmer import NlmerBuilder, flat, normal
from glimmer import errors as e
from tests.bad_input import Make, N, Row, given, table


def decay(**changes: Any) -> Make:
    """Make a table in which y falls in t to zero, with some columns changed."""

    def make() -> pd.DataFrame:
        t = np.tile(np.arange(6.0), N // 6)
        noise = np.random.default_rng(5).normal(size=N)
        columns = {"t": t, "y": 20 * np.exp(-0.4 * t) * np.exp(0.1 * noise)}
        return table(**{**columns, **changes})

    return make


def curve(
    number: int, what: str, formula: str, expected: type[Exception] | None, **more: Any
) -> Row:
    """A nonlinear formula at fault, or its parameters."""
    arguments = given(**more.pop("given", {}))
    more = {"data": decay(), **more}
    return Row(number, what, expected, formula, arguments=arguments, builder=NlmerBuilder, **more)


def inline(number: int, what: str, expected: type[Exception] | None, **more: Any) -> Row:
    """A curve that is written out, and arguments at fault."""
    more["given"] = {"params": ["a", "r"], **more.get("given", {})}
    return curve(number, what, more.pop("formula", "y ~ a * exp(-r * t)"), expected, **more)


def transform(what: str, asked: str, **more: Any) -> Row:
    """A transform that is impossible."""
    return inline(73, what, e.DesignError, given={"transforms": {"a": asked}}, column="a", **more)


MICMEN, MEAN = "y ~ SSmicmen(t, Vm, K)", e.MeanFunctionError
SELF = "y ~ SSlogis(t, Asym, xmid, scal)"


def line(t: Any, a: Any) -> Any:
    """A curve of the user's own."""
    return a * t


def starts(model: Any) -> list[bool]:
    """For each free parameter, whether it has a start and a prior."""
    free = model.spec.stage.free
    predictors, priors = model.spec.predictors, model.spec.priors.predictors
    return [np.isfinite(predictors[p.name].start) and p.name in priors for p in free]


# fmt: off
ROWS = [
    curve(72, "undeclared parameters", "y ~ a * exp(-r * t)", MEAN, under="a * exp(-r * t)",
        says="not declared", fix='params={"a"'),
    inline(72, "an undeclared parameter", MEAN, given={"params": ["a"]}, under="r",
        says="'r' is neither", fix="params={'r'"),
    inline(72, "a parameter never used", MEAN, formula="y ~ a * exp(-t)", under="a * exp(-t)",
        says="'r' is not used", fix="leave it out"),
    inline(72, "a parameter named as a column", MEAN, formula="y ~ a * exp(-x * t)", column="x",
        given={"params": ["a", "x"]}, under="x", says="also a column", fix="another name"),
    curve(72, "a function's parameter named as a column", "y ~ SSmicmen(t, x, K)", MEAN,
        column="x", under="x", says="also a column", fix="rename the column"),
    curve(72, "data after parameters", "y ~ SSmicmen(Vm, t, K)", MEAN, column="t", under="t",
        says="also a column", fix="another name"),
    curve(72, "a parameter where data belong", "y ~ SSmicmen(Vm, Vm, K)", MEAN, under="Vm",
        says="must be data", fix="pass the data first"),
    curve(72, "a formula of no parameter", MICMEN, MEAN, given={"params": {"vm": "~ 1"}},
        under="SSmicmen(t, Vm, K)", says="'vm'", fix="'Vm'"),
    curve(72, "a parameter passed twice", "y ~ SSmicmen(t, Vm, Vm)", MEAN, under="Vm",
        says="passed twice", fix="a name of its own"),
    curve(72, "too few arguments", "y ~ SSmicmen(t, Vm)", MEAN, under="SSmicmen(t, Vm)",
        says="lacks 'K'", fix="then the parameters"),
    curve(72, "too many arguments", "y ~ SSmicmen(t, Vm, K, c)", MEAN,
        under="SSmicmen(t, Vm, K, c)", says="3 arguments, not 4", fix="then the parameters"),
    curve(72, "an unknown function", "y ~ SSlogistic(t, a, b, c)", e.UnknownFunction,
        under="SSlogistic", says="'SSlogistic'", fix="'SSlogis'"),
    curve(72, "a misspelt function=", "y ~ f(t, a)", e.UnknownFunction,
        given={"function": "SSlogi"}, says="'SSlogi'", fix="'SSlogis'"),
    curve(72, "a number as function=", "y ~ f(t, a)", MEAN, given={"function": 3},
        says="cannot be called", fix="PyTensor"),
    curve(72, "an unknown column", "y ~ SSmicmen(time, Vm, K)", e.UnknownColumn, column="time",
        under="time", fix="'t'"),
    curve(72, "labels as data", "y ~ SSmicmen(g, Vm, K)", e.DataError, column="g",
        says="must be one numeric column"),
    inline(72, "code", e.ForbiddenExpression, formula="y ~ a * __import__('os')",
        under="__import__", fix="column"),
    inline(72, "a group term in a curve", e.ForbiddenExpression, formula="y ~ a * t + (1 | g)",
        under="(1 | g)", says="A curve can only contain"),
    curve(72, "a text as params=", MICMEN, e.ArgumentError, given={"params": "Vm"}, says="a dict",
        fix="params={"),
    curve(72, "a formula with two sides", MICMEN, e.FormulaError, given={"params": {"Vm": "K ~ x"}},
        under="K ~ x", says="must be one-sided", fix='{"Vm": "~ x'),
    curve(72, "a known value that is no number", MICMEN, e.FormulaError, column="Vm",
        given={"params": {"Vm": np.nan}}, says="nan", fix="a number if it is known"),
    curve(72, "a literal 1", f"{MICMEN} ~ (1 | g)", e.FormulaError, under="(1 | g)",
        says="1 is not a parameter", fix="(Vm | g)"),
    curve(72, "a term without a parameter", f"{MICMEN} ~ x + (Vm | g)", e.FormulaError, under="x",
        says="must contain exactly one parameter", fix="Vm, K"),
    curve(72, "an effect twice", f"{MICMEN} ~ (Vm | g)", e.DuplicateTerm,
        given={"params": {"Vm": "~ (1 | g)"}}, under="(Vm | g)", says="Vm varies by g",
        fix="one term"),
    curve(72, "no outcome", "~ SSmicmen(t, Vm, K)", e.OutcomeError, under="~", fix="y ~"),
    curve(72, "the outcome in the curve", "y ~ SSmicmen(y, Vm, K)", e.OutcomeError, column="y",
        under="y", says="on the right-hand side", fix="leave it out"),
    curve(72, "the outcome in a parameter", MICMEN, e.OutcomeError, column="y",
        given={"params": {"K": "~ x + y"}}, under="y", says="on the right-hand side",
        fix="leave it out"),
    curve(72, "the outcome as a group", f"{MICMEN} ~ Vm | y", e.OutcomeError, column="y",
        under="y", says="on the right-hand side", fix="leave it out"),
    curve(40, "a parameter's integers beyond 2**53", MICMEN, e.DataWarning,
        data=decay(x=2**53 + 2 * np.arange(N)), given={"params": {"Vm": "~ x"}},
        check="large_integers", says="'x'", fix="subtract"),
    curve(40, "codes of a parameter's groups beyond 2**53", f"{MICMEN} ~ Vm | g", None,
        data=decay(g=2**60 + np.arange(N) // 4),
        holds=lambda m: m.spec.groups[0].levels[1] == str(2**60 + 1)),
    curve(59, "a parameter's smooth of k=2", MICMEN, e.DesignWarning, check="smooths",
        given={"params": {"Vm": "~ s(x, k=2)"}}, says="k=2 is too small"),
    curve(59, "a parameter's smooth of huge numbers", MICMEN, e.NotFinite, column="x",
        data=decay(x=np.linspace(1, 2, N) * 1e200), given={"params": {"Vm": "~ s(x)"}},
        says="too large", fix="rescale"),
    curve(73, "no start and no prior", SELF, None, holds=lambda m: starts(m) == [True] * 3,
        decided="the self-start finds the one and scales the other"),
    inline(73, "no start, no prior and no kinds", None, holds=lambda m: starts(m) == [True] * 2),
    curve(73, "too few distinct x", SELF, e.NotEnoughData, column="t",
        data=decay(t=np.tile([0.0, 1.0], N // 2)), says="distinct"),
    curve(73, "x outside the domain", "y ~ SSweibull(t, Asym, Drop, lrc, pwr)", e.DataError,
        column="t", data=decay(t=np.tile(np.arange(-1.0, 5.0), N // 6)), says="requires t >= 0"),
    curve(73, "everything known", MICMEN, MEAN, given={"params": {"Vm": 1, "K": 2}},
        under="SSmicmen(t, Vm, K)", says="must be free", fix="leave one"),
    transform("a transform that data contradict", "logit(0, 1)", says="from 0 to 1", fix="default"),
    transform("a bound above the data", "log(100)", says="from 100 to inf", fix="default"),
    transform("a transform without an inside", "logit(5, 1)",
        says="the lower bound must be below the upper", fix="default"),
    transform("an unknown transform", "sqrt", says="'sqrt'", fix="'logit'"),
    transform("half a transform", "log(", says="cannot be read", fix="default"),
    transform("above a stranger", "above(b)", says="'b' is not a free parameter", fix="'r'"),
    transform("above itself", "above(a)", says="the least squares estimate of a is",
        fix="choose another"),
    curve(73, "a transform out of the domain", MICMEN, e.DesignError, column="K",
        given={"transforms": {"K": "identity"}}, says="between 0 and inf", fix="default"),
    curve(73, "a transform of a stranger", MICMEN, e.DesignError,
        given={"transforms": {"k": "log"}}, says="'k'", fix="'K'"),
    inline(73, "an unknown kind", MEAN, given={"kinds": {"a": "level"}}, says="'level'",
        fix="'y-level'"),
    inline(73, "a kind of a stranger", MEAN, given={"kinds": {"b": "rate"}},
        under="a * exp(-r * t)", says="'b'", fix="'a'"),
    curve(73, "a kind of a stranger, of a registered curve", MICMEN, MEAN,
        given={"kinds": {"vm": "rate"}}, under="SSmicmen(t, Vm, K)", says="'vm'", fix="'Vm'"),
    curve(73, "a kind of a stranger, of a callable", "y ~ f(t, a)", MEAN,
        given={"function": lambda: line, "kinds": {"A": "rate"}}, under="f(t, a)",
        says="'A'", fix="'a'"),
    curve(73, "a kind of a registered curve", MICMEN, MEAN, given={"kinds": {"Vm": "rate"}},
        under="SSmicmen(t, Vm, K)", says="cannot be used", fix="leave kinds= out"),
    curve(73, "a prior of a stranger", MICMEN, e.PriorError,
        given={"prior": {"vm": normal(0, 1)}}, says="'vm'", fix="'Vm'"),
    curve(109, "a flat prior of a parameter, without the likelihood", MICMEN, e.PriorError,
        given={"prior": lambda: {"Vm": flat()}, "prior_PD": True}, says="Vm is flat",
        fix="gl.normal(0, 10"),
    curve(73, "an unknown preset", MICMEN, e.PriorError, given={"priors": "flat"}, says="'flat'",
        fix="'rstanarm'"),
    curve(73, "an unknown residual", MICMEN, e.DesignError, given={"residual": "linear"},
        says="'linear'", fix="'power'"),
    inline(73, "a residual sd of counts", e.DesignError, formula="k ~ a * exp(-r * t)",
        given={"family": "poisson", "residual": "power"},
        says="no residual sd", fix="constant"),
    curve(73, "a curve that is zero", MICMEN, e.NotFinite, given={"family": "lognormal"},
        says="the curve is 0 in row 0", fix="subset="),
    curve(73, "a residual sd of zero", MICMEN, e.NotFinite, given={"residual": "proportional"},
        says="residual='proportional' is 0", fix="additive+proportional"),
]
# fmt: on
