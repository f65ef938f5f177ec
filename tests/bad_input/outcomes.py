"""Rows 75-92: the outcome, its family, and weights."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from glimmer import errors as e
from tests.bad_input import N, Row, counts, given, numbers, on, positive

TWO = np.tile(["no", "yes"], N // 2)


def outcome(number: int, family: str, what: str, y: object, **more: object) -> Row:
    """A gaussian formula with another outcome and family; the outcome is at fault."""
    arguments = given(family=family, **more.pop("given", {}))
    more = {"expected": e.OutcomeError, "column": "y", "data": on(y=y), **more}
    return Row(number, f"{family}: {what}", arguments=arguments, **more)


BERNOULLI = partial(outcome, 77, "bernoulli")
BINOMIAL = partial(Row, expected=e.OutcomeError, arguments=given(family="binomial"))
GOOD = {"expected": None, "column": None}

# fmt: off
ROWS = [
    Row(75, "an unknown family", e.FamilyError, arguments=given(family="gausian"), says="'gausian'",
        fix="'gaussian'"),
    Row(75, "a number as family", e.FamilyError, arguments=given(family=3), says="int",
        fix="gaussian"),
    Row(76, "an unknown link", e.FamilyError, arguments=given(link="logg"), says="'logg'",
        fix="'log'"),
    Row(76, "a link of other families", e.FamilyError, arguments=given(link="probit"),
        says="'probit'", fix="identity"),
    BERNOULLI("a half", positive(_0=0.5), says="0.5 in row 0", fix="correct"),
    BERNOULLI("a two", lambda: np.arange(N) % 2 + (np.arange(N) == 7), says="2 in row 7",
        fix="correct"),
    BERNOULLI("three labels", np.tile(["a", "b", "c"], N // 3), under="y",
        says="two levels; it has 3 ('a', 'b', 'c')", fix="1 for a success"),
    BERNOULLI("three labels in a subset", np.tile(["a", "b", "c"], N // 3),
        given={"subset": np.arange(N) % 3 > 0}, **GOOD,
        holds=lambda m: m.spec.response.success == "c"),
    outcome(78, "bernoulli", "two labels", TWO, **GOOD,
        holds=lambda m: "success:      'yes'" in str(m) and m.design.y.sum() == 12),
    outcome(78, "bernoulli", "booleans", TWO == "yes", **GOOD,
        holds=lambda m: m.design.y.sum() == 12),
    outcome(78, "binomial", "two categories", lambda: pd.Categorical(TWO, ["yes", "no"]), **GOOD,
        holds=lambda m: m.spec.response.success == "no" and m.spec.family.name == "bernoulli"),
    outcome(79, "bernoulli", "nothing but 1", np.ones(N), expected=e.DataWarning, column=None,
        check="one_class", says="1 in every row", fix="check the outcome"),
    outcome(79, "bernoulli", "a single label", np.full(N, "yes"), says="two levels; it has 1",
        fix="1 for a success", decided="nothing says whether the label is a success"),
    outcome(80, "bernoulli", "complete separation", lambda: (numbers()() > 0) * 1,
        data=lambda: on(x=numbers(), y=(numbers()() > 0) * 1)(), expected=e.DesignWarning,
        column=None, check="separation", says="'x' separates", fix="proper prior"),
    outcome(80, "bernoulli", "a level of successes", np.arange(N) % 3 // 2 + np.eye(N)[0],
        formula="y ~ f", expected=e.DesignWarning, column=None, check="separation",
        says="separates", fix="proper prior"),
    BINOMIAL(81, "more successes than trials", formula="p(k, m) ~ x",
        data=on(m=lambda: 9 + counts(_4=-10)(), k=2), column="p(k, m)",
        says="Row 4 has 2 successes in -1 trials", fix="at least as many"),
    BINOMIAL(81, "negative failures", formula="cbind(k, m) ~ x", data=on(m=counts(_4=-1), k=2),
        column="cbind(k, m)", says="Row 4 has 2 successes and -1 failures", fix="at least as many"),
    BINOMIAL(81, "negative successes", formula="p(k, m) ~ x", data=on(k=counts(_4=-1)),
        column="p(k, m)", says="-1 in row 4", fix="correct"),
    BINOMIAL(81, "fractional trials", formula="p(k, m) ~ x", data=on(m=counts(_4=10.5), k=0),
        column="p(k, m)", says="in 10.5 trials", fix="whole"),
    BINOMIAL(81, "fractional successes", formula="p(k, m) ~ x", data=on(k=counts(_4=1.5)),
        column="p(k, m)", says="1.5 in row 4", fix="correct"),
    BINOMIAL(81, "counts without trials", formula="k ~ x", column="k", under="k",
        says="needs the number of trials", fix="cbind(successes, failures)"),
    BINOMIAL(81, "proportions without trials", formula="p ~ x", column="p", under="p",
        says="needs the number of trials", fix="weights="),
    BINOMIAL(81, "one count in cbind", formula="cbind(k) ~ x", under="cbind(k)", says="two columns",
        fix="cbind(successes, failures)"),
    Row(81, "trials of a family without", e.OutcomeError, "cbind(k, m) ~ x",
        arguments=given(family="poisson"), under="cbind(k, m)", says="no trials",
        fix="family='binomial'"),
    BINOMIAL(81, "rows without trials", expected=None, formula="p(k, m) ~ x",
        data=on(k=0 + (np.arange(N) > 3), m=2 * (np.arange(N) > 3)),
        holds=lambda m: m.design.trials[0] == 0),
    Row(81, "proportions with trials as weights", None, "p ~ x",
        on(p=np.tile([1 / 3, 0.5, 1.0], 8), w=np.tile([3, 2, 4], 8)),
        given(family="binomial", weights="w"), holds=lambda m: list(m.design.y[:3]) == [1, 1, 4]),
    outcome(82, "poisson", "a negative count", counts(_9=-2), says="-2 in row 9", fix="correct"),
    outcome(82, "poisson", "fractional counts", counts(_9=2.5), says="2.5 in row 9",
        fix="another family"),
    outcome(82, "neg_binomial_2", "a count beyond 1e15", counts(_9=1e16), says="1e+16 in row 9",
        fix="correct"),
    outcome(82, "poisson", "fractional counts in a subset", counts(_9=2.5),
        given={"subset": np.arange(5, N)}, says="2.5 in row 9", fix="correct"),
    *(
        outcome(83, family, "zero and less", positive(_2=0, _5=-1), says="0 in row 2, -1 in row 5",
            fix="correct")
        for family in ("Gamma", "inverse_gaussian", "lognormal")
    ),
    outcome(84, "beta", "0 and 1", positive(_2=0, _5=1), says="0 in row 2, 1 in row 5",
        fix="correct"),
    outcome(84, "beta", "1.2", positive(_2=1.2), says="1.2 in row 2", fix="correct"),
    outcome(87, "gaussian", "labels", TWO, under="y", says="is categorical",
        fix="family='bernoulli'"),
    outcome(87, "poisson", "labels", TWO, under="y", says="is categorical", fix="numeric outcome"),
    outcome(88, "gaussian", "a constant", np.full(N, 2.5), expected=e.Constant,
        says="constant (2.5)", fix="check"),
    outcome(88, "lognormal", "a constant", np.full(N, 2.5), expected=e.Constant,
        says="constant (2.5)", fix="check"),
    outcome(88, "Gamma", "a constant", np.full(N, 2.5), **GOOD,
        decided="its shape has a proper prior of no scale"),
    outcome(89, "poisson", "nothing but 0", np.zeros(N), expected=e.DataWarning, column=None,
        check="all_zero", says="0 in every row", fix="check the outcome"),
    outcome(89, "neg_binomial_2", "nothing but 0", np.zeros(N), expected=e.DataWarning, column=None,
        check="all_zero", says="0 in every row", fix="check the outcome"),
    Row(90, "negative weights", e.DataError, arguments=given(weights=numbers(_0=-1)),
        column="weights", says="the smallest is -2.44", fix=">= 0"),
    Row(90, "weights of zero", e.DataError, arguments=given(weights=np.zeros(N)), column="weights",
        says="zero", fix="leave weights= out"),
    Row(90, "a huge weight", e.DataError, arguments=given(weights=counts(_0=1e20)),
        column="weights", says="1e+20", fix="mean is 1"),
    Row(90, "infinite weights", e.DataError, arguments=given(weights=counts(_0=np.inf)),
        column="weights", says="inf", fix="mean is 1"),
    Row(90, "some weights of zero", None, arguments=given(weights=counts(_0=0, _1=1))),
]
# fmt: on
