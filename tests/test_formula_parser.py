"""Reading formulas: what is right has one canonical text, what is wrong is shown with a caret."""

from __future__ import annotations

import re

import pytest

from glimmer.errors import (
    DuplicateTerm,
    ForbiddenExpression,
    FormulaError,
    SyntaxProblem,
    TooComplex,
)
from glimmer.formula import Bar, Binary, Call, Name, Number, String, expand, parse, variables, walk

# Formula -> canonical text of its right-hand side.
CANONICAL = {
    "y~a+b": "a + b",
    "y ~ a-b-c": "a - b - c",
    "y ~ a-(b-c)": "a - (b - c)",
    "y ~ a*b:c^2": "a * b:c^2",
    "y ~ (a*b):c": "(a * b):c",
    "y ~ a %in%b/c": "a %in% b / c",
    "y ~ a/(b/c)": "a / (b / c)",
    "y ~ -x^2": "-x^2",
    "y ~ (-x)^2": "(-x)^2",
    "y ~ -x:z": "-x:z",
    "y ~ -(x:z)": "-(x:z)",
    "y ~ a^b^c": "a^b^c",
    "y ~ (a^b)^c": "(a^b)^c",
    "y ~ a**-b": "a^(-b)",
    "y ~ ((a))": "a",
    "y ~ {a+1}": "I(a + 1)",
    "y ~ f( a,b , k = 2 )": "f(a, b, k=2)",
    "y ~ f()": "f()",
    "y ~ f('it', \"is\")": 'f("it", "is")',
    "y ~ f('\"')": "f('\"')",
    "y ~ f(2.50, 1e3, .5, 1e-20)": "f(2.5, 1000, 0.5, 1e-20)",
    "y ~ `a b`+`a`": "`a b` + a",
    "y ~ `1x` + `log`": "`1x` + log",
    "y ~ Sepal.Length + .hidden": "Sepal.Length + .hidden",
    "y ~ β_x + возраст": "β_x + возраст",
    "y ~ _x + x_1 + class": "_x + x_1 + class",
    "y ~ (1|g)": "(1 | g)",
    "y ~ (x||g)": "(x || g)",
    "y ~ (1|`my id`|g)": "(1 | `my id` | g)",
    "y ~ np.log(x) + numpy.exp(x) + as.factor(x)": "log(x) + exp(x) + factor(x)",
    "y ~\n a +\n b": "a + b",
    "y\u00a0~ a": "a",
}

# Formula -> class of the error, and the text below which the carets stand.
BROKEN: dict[str, tuple[type[FormulaError], str]] = {
    # nothing, or not enough
    "": (SyntaxProblem, ""),
    "   ": (SyntaxProblem, ""),
    "y": (SyntaxProblem, "y"),
    "y + x": (SyntaxProblem, "y + x"),
    "y ~": (SyntaxProblem, "~"),
    "~": (SyntaxProblem, "~"),
    "y ~ ~ x": (SyntaxProblem, "~"),
    "y ~ x ~": (SyntaxProblem, "~"),
    "y ~ a ~ b ~ c": (SyntaxProblem, "~"),
    "~ a ~ b": (SyntaxProblem, "~"),
    "y ~ ()": (SyntaxProblem, "()"),
    "y ~ x + (z ~ w)": (SyntaxProblem, "~"),
    # operators
    "y ~ x +": (SyntaxProblem, "+"),
    "y ~ x + + ": (SyntaxProblem, "+"),
    "y ~ * x": (SyntaxProblem, "*"),
    "y ~ x *: z": (SyntaxProblem, ":"),
    "y ~ (x + )": (SyntaxProblem, "+"),
    "y ~ x < 3 + z": (SyntaxProblem, "<"),
    "y ~ x == 3": (SyntaxProblem, "="),
    "y ~ x = z": (SyntaxProblem, "="),
    "y ~ x & z": (SyntaxProblem, "&"),
    "y ~ !x": (SyntaxProblem, "!"),
    "y ~ x % z": (SyntaxProblem, "%"),
    # left over
    "y ~ x z": (SyntaxProblem, "z"),
    "y ~ x ) + z": (SyntaxProblem, ")"),
    "y ~ x , z": (SyntaxProblem, ","),
    "y ~ x if x else z": (SyntaxProblem, "if"),
    "y ~ 1x": (SyntaxProblem, "x"),
    "y ~ x (1 | g)": (SyntaxProblem, "|"),
    "y ~ `f`(x)": (SyntaxProblem, "("),
    "y x ~ z": (SyntaxProblem, "x"),
    "y ~ x 'z'": (SyntaxProblem, "'z'"),
    # brackets, quotes, arguments
    "y ~ (x + z": (SyntaxProblem, "("),
    "y ~ f(x, (z)": (SyntaxProblem, "("),
    "y ~ {x + z)": (SyntaxProblem, ")"),
    "y ~ x)": (SyntaxProblem, ")"),
    "y ~ f('x)": (SyntaxProblem, "'"),
    "y ~ `x": (SyntaxProblem, "`"),
    "y ~ ``": (SyntaxProblem, "``"),
    "y ~ f(x,)": (SyntaxProblem, ","),
    "y ~ f(,x)": (SyntaxProblem, ","),
    "y ~ f(x z)": (SyntaxProblem, "z"),
    "y ~ f(k=)": (SyntaxProblem, "="),
    "y ~ f(k=1, k=2)": (SyntaxProblem, "k"),
    "y ~ f(x ~ z)": (SyntaxProblem, "~"),
    # bars
    "y ~ x | g": (SyntaxProblem, "x | g"),
    "y ~ z + x || g": (SyntaxProblem, "z + x || g"),
    "y ~ (| g)": (SyntaxProblem, "|"),
    "y ~ (x |)": (SyntaxProblem, "|"),
    "y ~ (1 | a | b | c)": (SyntaxProblem, "|"),
    "y ~ (1 | a:b | g)": (SyntaxProblem, "a:b"),
    "y ~ (1 || p | g)": (SyntaxProblem, "|"),
    "y ~ f((1 | g))": (SyntaxProblem, "|"),
    "y ~ f(1 | g)": (SyntaxProblem, "|"),
    "y ~ (1 | x + g)": (SyntaxProblem, "x + g"),
    "y ~ (1 | a * b)": (SyntaxProblem, "a * b"),
    "y ~ (1 | a/(b/c))": (SyntaxProblem, "a/(b/c)"),
    "y ~ (1 | 2)": (SyntaxProblem, "2"),
    "y ~ (1 | 'g')": (SyntaxProblem, "'g'"),
    "y ~ (1 | (x | g))": (SyntaxProblem, "(x | g)"),
    "y ~ ((1 | h) | g)": (SyntaxProblem, "(1 | h)"),
    "y ~ (s(x) | g)": (SyntaxProblem, "s(x)"),
    "y ~ (0 | g)": (SyntaxProblem, "0"),
    "y ~ (g | g)": (SyntaxProblem, "(g | g)"),
    "y ~ (log(x) | x:g)": (SyntaxProblem, "(log(x) | x:g)"),
    "y ~ x - (1 | g)": (SyntaxProblem, "(1 | g)"),
    "y ~ x * (1 | g)": (SyntaxProblem, "(1 | g)"),
    "y ~ (1 | g)^2 + (x + (1 | h))^2": (SyntaxProblem, "(1 | h)"),
    "(1 | g) ~ x": (SyntaxProblem, "(1 | g)"),
    "y | g ~ x": (SyntaxProblem, "|"),
    "y ~ (1 | g) + (1 | g)": (DuplicateTerm, "(1 | g)"),
    "y ~ (1 | g) + (x | g)": (DuplicateTerm, "(x | g)"),
    "y ~ (x:z | g:h) + (0 + z:x | h:g)": (DuplicateTerm, "(0 + z:x | h:g)"),
    "y ~ (1 | g/h) + (1 | g:h)": (DuplicateTerm, "(1 | g:h)"),
    # terms that are none
    "1 ~ x": (SyntaxProblem, "1"),
    "'y' ~ x": (SyntaxProblem, "'y'"),
    "y ~ 2 + x": (SyntaxProblem, "2"),
    "y ~ x + 0.5": (SyntaxProblem, "0.5"),
    "y ~ x:1": (SyntaxProblem, "1"),
    "y ~ 2*x": (SyntaxProblem, "2"),
    "y ~ x/2": (SyntaxProblem, "2"),
    "y ~ (x + z)^w": (SyntaxProblem, "w"),
    "y ~ (x + z)^1.5": (SyntaxProblem, "1.5"),
    "y ~ (x + z)^0": (SyntaxProblem, "0"),
    "y ~ x + 'z'": (SyntaxProblem, "'z'"),
    "y ~ s(x):z": (SyntaxProblem, "s(x)"),
    "y ~ offset(x)*z": (SyntaxProblem, "offset(x)"),
    "y ~ offset(x, z)": (SyntaxProblem, "offset(x, z)"),
    "y ~ 1e999": (SyntaxProblem, "1e999"),
    # code
    "y ~ x[0]": (ForbiddenExpression, "["),
    "y ~ [x for x in z]": (ForbiddenExpression, "["),
    "y ~ x$z": (ForbiddenExpression, "$"),
    "y ~ x@z": (ForbiddenExpression, "@"),
    "y ~ x; z": (ForbiddenExpression, ";"),
    "y ~ x\\z": (ForbiddenExpression, "\\"),
    "y ~ x.mean()": (ForbiddenExpression, "x.mean"),
    "y ~ os.system('true')": (ForbiddenExpression, "os.system"),
    "y ~ np.save('f', x)": (ForbiddenExpression, "np.save"),
    "y ~ stats::poly(x, 2)": (SyntaxProblem, ":"),
    "y ~ __import__('os')": (ForbiddenExpression, "__import__"),
    "y ~ x.__class__": (ForbiddenExpression, "x.__class__"),
    "y ~ lambda x: x": (SyntaxProblem, "x"),
    "y ~ (x := 3)": (SyntaxProblem, ":"),
    "y ~ f'{x}'": (SyntaxProblem, "'{x}'"),
    # letters that are not what they seem
    "y ~ x\x00": (SyntaxProblem, "\x00"),
    "y ~ x\u202ez": (SyntaxProblem, "\u202e"),
    "y ~ x\u200b": (SyntaxProblem, "\u200b"),
    "y ~ `x\u2066`": (SyntaxProblem, "\u2066"),
    "y ~ s\u0430lary": (SyntaxProblem, "\u0430"),
    "y ~ \u0391ge": (SyntaxProblem, "\u0391"),
    "y ~ \uff58": (SyntaxProblem, "\uff58"),
    "y ~ x → z": (SyntaxProblem, "→"),
}

TOO_COMPLEX = {
    "brackets": "y ~ " + "(" * 400 + "x" + ")" * 400,
    "51 brackets": "y ~ " + "(" * 51 + "x" + ")" * 51,
    "calls": "y ~ " + "f(" * 60 + "x" + ")" * 60,
    "signs": "y ~ " + "-" * 500 + "x",
    "powers": "y ~ " + "^".join("x" * 400),
    "length": "y ~ " + "x" * 1_000_000,
    "power of a sum": "y ~ (" + " + ".join("abcdefghijklmnop") + ")^50",
    "product of sums": "y ~ (" + "+".join(f"v{i}" for i in range(900)) + ")^2",
    "long product": "y ~ " + "*".join(f"v{i}" for i in range(900)),
    "much work": "y ~ (" + "+".join(f"v{i}" for i in range(65)) + ")^2" + "*b" * 3000,
    "deep nesting of groups": "y ~ (1 | " + "/".join(f"v{i}" for i in range(900)) + ")",
}


@pytest.mark.parametrize("formula", CANONICAL)
def test_canonical_text(formula: str) -> None:
    parsed = parse(formula)
    assert str(parsed.parts[0]) == CANONICAL[formula]
    assert parse(f"~ {parsed.parts[0]}").parts[0] == parsed.parts[0]


@pytest.mark.parametrize("formula", BROKEN)
def test_broken_formulas_point_at_the_culprit(formula: str) -> None:
    expected, culprit = BROKEN[formula]
    with pytest.raises(FormulaError) as caught:
        parsed = parse(formula)
        expand(formula, parsed.parts[-1])
    error = caught.value
    assert type(error) is expected
    assert error.formula == formula
    assert error.span is not None
    assert formula[slice(*error.span)] == culprit


@pytest.mark.parametrize("name", TOO_COMPLEX)
def test_what_is_too_complex_is_refused_at_once(name: str, stopwatch) -> None:
    with stopwatch(1.0), pytest.raises(TooComplex):
        formula = TOO_COMPLEX[name]
        expand(formula, parse(formula).parts[0])


def test_what_is_within_the_limits_is_read(stopwatch) -> None:
    with stopwatch(1.0):
        deep = parse("y ~ " + "(" * 50 + "x" + ")" * 50)
        long = "y ~ " + " + ".join(f"v{i}" for i in range(1200))
        assert len(expand(long, parse(long).parts[0]).common) == 1200
        chain = "y ~ " + ":".join("a" * 4000)
        assert [str(term) for term in expand(chain, parse(chain).parts[0]).common] == ["a"]
    assert str(deep.parts[0]) == "x"


def test_the_deepest_mixture_of_operators_is_read() -> None:
    level = "a+b*c%in%d:-e^("
    formula = "y ~ " + level * 12 + "x" + ")" * 12
    assert parse(f"~ {parse(formula).parts[0]}").parts == parse(formula).parts


@pytest.fixture
def stopwatch():
    import time
    from contextlib import contextmanager

    @contextmanager
    def limit(seconds: float):
        start = time.process_time()
        yield
        assert time.process_time() - start < seconds

    return limit


@pytest.mark.parametrize("formula", [None, b"y ~ x", 3, ["y", "x"]])
def test_a_formula_is_a_text(formula: object) -> None:
    with pytest.raises(SyntaxProblem, match=f"not of type {type(formula).__name__}"):
        parse(formula)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("formula", "fix"),
    [
        ("y ~ x | g", "write (x | g)"),
        ("y ~ (1 | x + g)", "write (1 | x) + (1 | g)"),
        ("y ~ np.polyfit(x)", "functions={...}"),
        ("y ~ numpy.linalg.log(x)", "write log(...)"),
        ("y ~ x*2", "write I(x * 2)"),
        ("y ~ (1|g) + (x|g)", "(0 + x | g)"),
        ("y ~ x (1 | g)", "x + (1 | g)"),
        ("y + x", "write y ~ y + x"),
        ("y ~ s\u0430lary", "write `s\u0430lary`"),
    ],
)
def test_errors_say_what_to_do(formula: str, fix: str) -> None:
    with pytest.raises(FormulaError) as caught:
        expand(formula, parse(formula).parts[-1])
    assert fix in str(caught.value)


def test_the_error_shows_the_formula_with_carets() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse("y ~ x zoo")
    assert str(caught.value).splitlines()[1:3] == ["  y ~ x zoo", "        ^^^"]


def test_spans_are_those_of_the_text() -> None:
    formula = "log(y) ~ poly(x, 2, raw=TRUE)*`a b` + (1 + z || g/h)"
    parsed = parse(formula)
    assert parsed.response is not None
    nodes = [*walk(parsed.response), *walk(parsed.parts[0])]
    found = {type(node).__name__: formula[slice(*node.span)] for node in reversed(nodes)}
    assert found == {
        "Name": "y",
        "Number": "2",
        "Binary": "poly(x, 2, raw=TRUE)*`a b` + (1 + z || g/h)",
        "Bar": "(1 + z || g/h)",
        "Call": "log(y)",
    }


def test_nodes_are_equal_when_they_read_the_same() -> None:
    assert Name("x", (0, 1)) == Name("x", (5, 6))
    assert hash(Name("x", (0, 1))) == hash(Name("x", (5, 6)))
    assert Name("1") != Number(1.0)
    assert String("x") != Name("x")
    assert Call("f", (Name("x"),)) != Call("f", (), (("x", Name("x")),))
    assert Binary("+", Name("a"), Name("b")) != Binary("-", Name("a"), Name("b"))
    assert Bar(Number(1.0), Name("g")) != Bar(Number(1.0), Name("g"), correlated=False)
    assert Name("a") != "a"


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("~ log(x) + poly(z, 2, raw=TRUE)", ["x", "z"]),
        ("~ a*b + a:c", ["a", "b", "c"]),
        ("~ (x | g/h) + offset(log(w))", ["x", "g", "h", "w"]),
        ("~ C(f, Sum) + C(g, contr=Helmert)", ["f", "g"]),
        ('~ s(x, by=g, bs="cr", k=10, m=c(2, 1))', ["x", "g"]),
        ("~ a * exp(-k * t)", ["a", "k", "t"]),
        ("~ 1", []),
    ],
)
def test_variables(formula: str, names: list[str]) -> None:
    found = variables(parse(formula).parts[0])
    assert [name.name for name in found] == names
    assert all(formula[slice(*name.span)] == name.name for name in found)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("(1|g)", "write ~ (1 | g), or y ~ (1 | g) with an outcome"),
        (
            "(1|g)+(0+x|h)",
            "write ~ (1 | g) + (0 + x | h), or y ~ (1 | g) + (0 + x | h) with an outcome",
        ),
        ("x + (1|g)", "write y ~ x + (1 | g)"),
        ("1", "write y ~ 1"),
        ("y = x", "write y ~ x + (1 | g)"),
        ("x +", "write y ~ x + (1 | g)"),
        ("y ~ x ~ z ~ g", "write y ~ x, or y ~ f(x, a) ~ a | g for a nonlinear model"),
        ("y ~ x (1 | g)", "put + before a group-specific term, as in y ~ x + (1 | g)"),
    ],
)
def test_a_formula_in_a_fix_can_be_read(text: str, fix: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert caught.value.fix == fix
    formulas = re.findall(r"(?:write |or (?=[y~])|as in )(.*?)(?:, or| with| for|$)", fix)
    assert formulas
    for formula in formulas:
        parse(formula)


def test_a_bar_without_parentheses_is_answered_with_one_in_them() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse("y ~ 1 + x|g")
    assert caught.value.fix == "write (1 + x | g)"
    parse("~ (1 + x | g)")
