"""Rows 43-74: the formula."""

from __future__ import annotations

from functools import partial

from glimmer import errors as e
from tests.bad_input import Row, given, levels, names, on


def formula(number: int, text: object, expected: type[Exception] | None, **more: object) -> Row:
    return Row(number, f"the formula {text!r:.40}", expected, text, **more)


SYNTAX = partial(formula, expected=e.SyntaxProblem)
SMOOTH = partial(formula, expected=e.SmoothError)
secret = "a variable of the caller's"

# fmt: off
ROWS = [
    SYNTAX(43, "", says="empty", fix="y ~ x"),
    SYNTAX(43, "  \n ", says="empty", fix="y ~ x"),
    SYNTAX(44, None, says="NoneType", fix='write "y ~ x'),
    SYNTAX(44, b"y ~ x", says="bytes", fix='write "y ~ x'),
    SYNTAX(44, 3, says="int", fix='write "y ~ x'),
    SYNTAX(45, "y + x", under="y + x", says="~", fix="write y ~"),
    SYNTAX(46, "y ~ x ~ z ~ g", under="~", says="more ~", fix="nonlinear"),
    formula(46, "y ~ SSlogis(x, a, b, c) ~ a | g", e.FormulaError, under="a | g", says="two parts", fix="NlmerBuilder"),
    SYNTAX(47, "y ~ (x + z", under="(", says="never closed"),
    SYNTAX(47, "y ~ x) + z", under=")", says="closes nothing"),
    SYNTAX(48, "y ~ x +", under="+", says="Nothing stands after"),
    SYNTAX(48, "y ~ + * x", under="*"),
    SYNTAX(49, "y ~ x z", under="z", says="nothing joins", fix="join terms by +"),
    SYNTAX(49, "y ~ x ) + z", under=")"),
    SYNTAX(49, "y ~ x , z", under=","),
    SYNTAX(50, "y ~ x | g", under="x | g", fix="(x | g)"),
    formula(51, "y ~ (x || g)", None, holds=lambda m: [b.columns for b in m.spec.groups] == [("1",), ("x",)]),
    formula(52, "y ~ (1 | g) + (x | g)", e.DuplicateTerm, under="(x | g)", says="varies by g", fix="(0 + x | g)", decided="the intercept would vary twice by g: (1 + x || g) says what is meant"),
    formula(52, "y ~ (1 | g) + (1 | g)", e.DuplicateTerm, under="(1 | g)", says="varies by g", fix="leave it out"),
    formula(52, "y ~ (1 | g) + (0 + x | g)", None, holds=lambda m: len(m.spec.groups) == 2),
    SYNTAX(53, "y ~ (1 | x + g)", under="x + g", fix="(1 | x) + (1 | g)"),
    SYNTAX(53, "y ~ (| g)", under="|"),
    SYNTAX(53, "y ~ (x |)", under="|"),
    SYNTAX(54, "y ~ (g | g)", under="(g | g)", fix="(1 | g)"),
    formula(55, "y ~ y", e.OutcomeError, column="y", under="y", says="both sides", fix="leave it out"),
    formula(55, "log(p) ~ x + p", e.OutcomeError, column="p", under="p", says="both sides", fix="leave it out"),
    formula(55, "y ~ x + offset(y)", e.OutcomeError, column="y", under="y", says="both sides", fix="leave it out"),
    formula(56, "y ~ x + (1 | y)", e.OutcomeError, column="y", under="y", says="both sides", fix="leave it out"),
    formula(56, "y ~ x + (y | g)", e.OutcomeError, column="y", under="y", says="both sides", fix="leave it out"),
    formula(57, "y ~ xx", e.UnknownColumn, column="xx", under="xx", fix="'x'"),
    formula(57, "y ~ x + (1 | gg)", e.UnknownColumn, column="gg", under="gg", fix="'g'"),
    formula(57, "yy ~ x", e.UnknownColumn, column="yy", under="yy", fix="'y'"),
    formula(58, "y ~ lgo(x)", e.UnknownFunction, under="lgo", fix="'log'"),
    formula(58, "y ~ zzzz(x)", e.UnknownFunction, under="zzzz", fix="known: "),
    formula(56, "y ~ s(y)", e.OutcomeError, column="y", under="y", says="both sides", fix="leave it out"),
    SMOOTH(59, "y ~ s(x, kk=10)", under="s(x, kk=10)", says="no argument 'kk'", fix="'k'"),
    SMOOTH(59, "y ~ s(x, bs='tps')", under="s(x, bs='tps')", says="no basis 'tps'", fix="'tp'"),
    SMOOTH(59, "y ~ s(x, k=25)", column="x", under="s(x, k=25)", says="24 different values", fix="k=24"),
    SMOOTH(59, "y ~ te(x)", under="te(x)", says="two margins"),
    formula(59, "y ~ s(x, k=2)", e.DesignWarning, check="smooths", says="k=2 is too small", decided="the smallest k is used, as mgcv does"),
    SMOOTH(60, "y ~ s(f)", column="f", under="s(f)", says="holds labels", fix="by=f"),
    SMOOTH(60, "y ~ s(x)", data=on(x=2.5), column="x", under="s(x)", says="constant"),
    SMOOTH(60, "y ~ te(x, z)", data=on(x=2.5), column="x", under="te(x, z)", says="constant"),
    formula(61, "y ~ poly(b, 2)", e.DesignError, under="poly(b, 2)", says="there are 2", fix="degree below 2"),
    SYNTAX(62, "y ~ C(f, 'sum)", under="'", says="not closed", fix="add a '"),
    SYNTAX(62, "y ~ `x", under="`", says="not closed", fix="add a `"),
    SYNTAX(63, "y ~ x + 2", under="2", says="only 0 and 1", fix="I(2)"),
    SYNTAX(63, "y ~ x:2", under="2", fix="I(x:2)"),
    formula(64, "y ~ 0 + x + 1", e.DesignWarning, check="formula", says="the last one wins: an intercept", fix="keep one", holds=lambda m: m.spec.predictor.intercept),
    formula(64, "y ~ 1 + x - 1", e.DesignWarning, check="formula", says="the last one wins: no intercept", fix="keep one", holds=lambda m: not m.spec.predictor.intercept),
    formula(64, "y ~ x - z", e.DesignWarning, check="formula", says="Taking away z changes nothing", holds=lambda m: names(m) == ["x"]),
    formula(65, "y ~ " + "(" * 400 + "x" + ")" * 400, e.TooComplex, says="deeper than 50"),
    formula(65, "y ~ " + "x + " * 250_000 + "x", e.TooComplex, says="1,000,005 characters", fix="put columns together"),
    formula(65, "y ~ (" + " + ".join(f"x{i}" for i in range(40)) + ")^20", e.TooComplex, says="5,000 terms", fix="lower degree"),
    SYNTAX(66, "y ~ x\x07", under="\x07", says="U+0007", fix="type the formula anew"),
    SYNTAX(66, "y ~ \u202ex", under="\u202e", says="U+202E", fix="type the formula anew"),
    SYNTAX(66, "y ~ m\u0430x", under="\u0430", says="U+0430 (cyrillic", fix="type the letter anew"),
    formula(67, "y ~ __import__('os')", e.ForbiddenExpression, under="__import__", fix="column"),
    formula(67, "y ~ lambda: x", e.UnknownColumn, column="lambda", under="lambda", fix="known", decided="an interaction with a column of that name"),
    SYNTAX(67, "y ~ lambda x: z", under="x", says="nothing joins"),
    formula(67, "y ~ [x for x in z]", e.ForbiddenExpression, under="[", fix="c(...)"),
    SYNTAX(67, "y ~ f'{x}'", under="'{x}'"),
    SYNTAX(67, "y ~ (x := 3)", under=":"),
    formula(68, "y ~ os.system('ls')", e.ForbiddenExpression, under="os.system", fix="functions={...}"),
    formula(68, "y ~ np.linalg.log(p)", e.ForbiddenExpression, under="np.linalg.log", fix="log(...)"),
    formula(68, "y ~ np.log(p) + numpy.exp(x)", None, holds=lambda m: names(m) == ["log(p)", "exp(x)"]),
    formula(69, "y ~ x[0]", e.ForbiddenExpression, under="[", fix="c(...)"),
    formula(69, "y ~ x.values", e.UnknownColumn, column="x.values", under="x.values", fix="x"),
    formula(69, "y ~ x$values", e.ForbiddenExpression, under="$", fix="name the column alone"),
    SYNTAX(70, "y ~ x + '/etc/passwd'", under="'/etc/passwd'", says="is not a term"),
    SYNTAX(70, "y ~ log('{x}')", under="'{x}'", says="not a number"),
    Row(71, "a formula for each parameter", e.SyntaxProblem, {"y": "x", "sigma": "x"}, says="dict", fix='write "y ~ x', decided="formulas for other parameters are not part of this builder"),
    Row(71, "a prior for a parameter the family lacks", e.PriorError, "k ~ x", arguments=lambda: {"family": "neg_binomial_2", "prior_aux": {"sigma": 1}}, says="no parameter 'sigma'", fix="'alpha'"),
    formula(74, "y ~ secret", e.UnknownColumn, column="secret", under="secret", fix="known: 'y'"),
    Row(74, "a formula without an outcome", e.OutcomeError, "~ x", says="no outcome", fix="y ~"),
    Row(74, "a misspelt contrast", e.DesignError, "y ~ f", arguments=given(contrasts={"f": "summ"}), says="'summ'", fix="sum"),
    Row(74, "contrasts of no factor", e.DesignError, "y ~ f", arguments=given(contrasts={"ff": "sum"}), says="'ff'", fix="'f'"),
    Row(74, "a misspelt check", e.DesignError, arguments=given(checks={"colinear": "warn"}), says="'colinear'", fix="'collinear'"),
    Row(74, "a check without meaning", e.DesignError, arguments=given(checks={"collinear": "stop"}), says="'stop'", fix="error"),
    Row(74, "centring of no group", e.DesignError, "y ~ x + (1 | g)", arguments=given(centered={"gg": True}), says="'gg'", fix="'g'"),
]
# fmt: on
