"""Formulas against the terms they stand for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from glimmer import GlmerBuilder
from glimmer.data import Frame
from glimmer.errors import DesignWarning, DuplicateName, FormulaError, SyntaxProblem
from glimmer.formula import GroupTerm, Terms, expand, learn, parse, register_special, specials

COLUMNS = ["a", "b", "c"]


def terms_of(formula: str, part: int = -1, names: list[str] | None = COLUMNS) -> Terms:
    parsed = parse(formula)
    return expand(formula, parsed.parts[part], names)


def written(terms: Terms) -> list[str]:
    """The terms as one list of texts; `0` or `1` is the intercept."""
    return [
        str(int(terms.intercept)),
        *map(str, terms.common),
        *map(written_group, terms.groups),
        *(f"offset {node}" for node in terms.offsets),
        *map(str, terms.smooths),
    ]


def written_group(group: GroupTerm) -> str:
    bar = "|" if group.correlated else "||"
    label = f"|{group.label}" if group.label else ""
    effects = "+".join(written(group.effects))
    return f"({effects}{label}{bar}{':'.join(map(str, group.factor))})"


FORMULA_TO_TERMS = {
    # the intercept
    "y ~ 1": ["1"],
    "y ~ 0": ["0"],
    "y ~ -1": ["0"],
    "~ a": ["1", "a"],
    "y ~ a": ["1", "a"],
    "y ~ 0 + a": ["0", "a"],
    "y ~ a + 0": ["0", "a"],
    "y ~ a - 1": ["0", "a"],
    "y ~ -1 + a": ["0", "a"],
    "y ~ a - 0": ["1", "a"],
    "y ~ (a - 1)": ["0", "a"],
    "y ~ a + b - (b - 1)": ["1", "a"],
    # sums and differences
    "y ~ a + b": ["1", "a", "b"],
    "y ~ a + b + a": ["1", "a", "b"],
    "y ~ a + b - a": ["1", "b"],
    "y ~ (a + b) - (b + a)": ["1"],
    "y ~ +a": ["1", "a"],
    "y ~ a + (b + c)": ["1", "a", "b", "c"],
    # interactions
    "y ~ a:b": ["1", "a:b"],
    "y ~ b:a": ["1", "b:a"],
    "y ~ a + b + b:a": ["1", "a", "b", "a:b"],
    "y ~ b + a:b": ["1", "b", "b:a"],
    "y ~ a:b + b:a": ["1", "a:b"],
    "y ~ a:a": ["1", "a"],
    "y ~ a*b": ["1", "a", "b", "a:b"],
    "y ~ a*a": ["1", "a"],
    "y ~ a*b + c": ["1", "a", "b", "c", "a:b"],
    "y ~ a*b*c": ["1", "a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"],
    "y ~ a*b - a:b": ["1", "a", "b"],
    "y ~ a*b - a": ["1", "b", "a:b"],
    "y ~ a:(b + c)": ["1", "a:b", "a:c"],
    "y ~ (a + b):(a + c)": ["1", "a", "a:c", "a:b", "b:c"],
    "y ~ a:b:c - a:b:c + a": ["1", "a"],
    "y ~ a*(b + c)": ["1", "a", "b", "c", "a:b", "a:c"],
    # powers, nesting
    "y ~ a^2": ["1", "a"],
    "y ~ (a + b)^1": ["1", "a", "b"],
    "y ~ (a + b + c)^2": ["1", "a", "b", "c", "a:b", "a:c", "b:c"],
    "y ~ (a + b + c)**2": ["1", "a", "b", "c", "a:b", "a:c", "b:c"],
    "y ~ (a + b + c)^3": ["1", "a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"],
    "y ~ (a + b)^1000000": ["1", "a", "b", "a:b"],
    "y ~ (a + b)^2 - 1": ["0", "a", "b", "a:b"],
    "y ~ a/b": ["1", "a", "a:b"],
    "y ~ a/b/c": ["1", "a", "a:b", "a:b:c"],
    "y ~ a/(b + c)": ["1", "a", "a:b", "a:c"],
    "y ~ (a + b)/c": ["1", "a", "b", "a:b:c"],
    "y ~ a %in% b": ["1", "a:b"],
    "y ~ a + b %in% a": ["1", "a", "a:b"],
    "y ~ a %in% (b + c)": ["1", "a:b:c"],
    # the dot
    "y ~ .": ["1", "a", "b", "c"],
    "y ~ . - b": ["1", "a", "c"],
    "y ~ a + .": ["1", "a", "b", "c"],
    "y ~ .^2": ["1", "a", "b", "c", "a:b", "a:c", "b:c"],
    "y ~ .:d": ["1", "a:d", "b:d", "c:d"],
    # calls
    "y ~ log(a) + I(a^2)": ["1", "log(a)", "I(a^2)"],
    "y ~ {a + 1}": ["1", "I(a + 1)"],
    "y ~ np.log(a):b": ["1", "log(a):b"],
    "y ~ poly(a, 2, raw=TRUE)*b": ["1", "poly(a, 2, raw=TRUE)", "b", "poly(a, 2, raw=TRUE):b"],
    "y ~ C(a, levels=c('u', \"v\"))": ["1", 'C(a, levels=c("u", "v"))'],
    "y ~ `my col` + Sepal.Length": ["1", "`my col`", "Sepal.Length"],
    "y ~ `a`": ["1", "a"],
    "y ~ log": ["1", "log"],
    # offsets and smooths
    "y ~ a + offset(log(b))": ["1", "a", "offset log(b)"],
    "y ~ offset(a) + offset(b)": ["1", "offset a", "offset b"],
    "y ~ s(a) + b": ["1", "b", "s(a)"],
    "y ~ s(a, k=5, bs='cr') + te(a, b) + ti(a) + t2(b)": [
        *("1", 's(a, k=5, bs="cr")', "te(a, b)", "ti(a)", "t2(b)")
    ],
    # groups
    "y ~ (1 | g)": ["1", "(1|g)"],
    "y ~ (a | g)": ["1", "(1+a|g)"],
    "y ~ (1 + a | g)": ["1", "(1+a|g)"],
    "y ~ (0 + a | g)": ["1", "(0+a|g)"],
    "y ~ (a - 1 | g)": ["1", "(0+a|g)"],
    "y ~ 0 + (1 | g)": ["0", "(1|g)"],
    "y ~ (a || g)": ["1", "(1+a||g)"],
    "y ~ (a * b | g)": ["1", "(1+a+b+a:b|g)"],
    "y ~ (a + b || g)": ["1", "(1+a+b||g)"],
    "y ~ a + (1 | g) + (0 + a | g)": ["1", "a", "(1|g)", "(0+a|g)"],
    "y ~ (1 | g) + (1 | h)": ["1", "(1|g)", "(1|h)"],
    "y ~ (1 | g/h)": ["1", "(1|g)", "(1|g:h)"],
    "y ~ (1 | g/h/k)": ["1", "(1|g)", "(1|g:h)", "(1|g:h:k)"],
    "y ~ (a | g/h)": ["1", "(1+a|g)", "(1+a|g:h)"],
    "y ~ (1 | g:h)": ["1", "(1|g:h)"],
    "y ~ (1 | g:h/k)": ["1", "(1|g:h)", "(1|g:h:k)"],
    "y ~ (1 | g) + (1 | g:h)": ["1", "(1|g)", "(1|g:h)"],
    "y ~ (1 | factor(g))": ["1", "(1|factor(g))"],
    "y ~ (1 | p | g) + (1 | p | h)": ["1", "(1|p|g)", "(1|p|h)"],
    "y ~ (. | a)": ["1", "(1+b+c|a)"],
    "cbind(y, n) ~ a + (1 | g)": ["1", "a", "(1|g)"],
    "p(y, n) ~ a": ["1", "a"],
    "y ~ f(t, A, B) ~ A | g": ["1", "(1+A|g)"],
    "y ~ f(t, A, B) ~ A + B | g": ["1", "(1+A+B|g)"],
    "y ~ f(t, A, B) ~ (A | g) + (0 + B | h)": ["1", "(1+A|g)", "(0+B|h)"],
    "y ~ a * exp(-k * t) ~ a + k + (a | g)": ["1", "a", "k", "(1+a|g)"],
}

# What the oracle cannot read, or reads in its own way: `^`, `**`, `||`, labels, `.`, three parts,
# backquoted `a` under its quotes, offsets and smooths as common terms, `-` of sums, and 0 minus.
ORACLE = """
y ~ 1; y ~ 0; y ~ -1; y ~ a; y ~ 0 + a; y ~ a + 0; y ~ a - 1; y ~ -1 + a; y ~ a + b
y ~ a + b + a; y ~ a + b - a; y ~ a + (b + c); y ~ a:b; y ~ b:a; y ~ a*b; y ~ a*a; y ~ a*b + c
y ~ a*b*c; y ~ a*b - a:b; y ~ a*b - a; y ~ a:(b + c); y ~ a*(b + c); y ~ a/b; y ~ a/(b + c)
y ~ (1 | g); y ~ (a | g); y ~ (1 + a | g); y ~ (0 + a | g); y ~ 0 + (1 | g); y ~ (a * b | g)
y ~ a + (1 | g) + (0 + a | g); y ~ (1 | g) + (1 | h); y ~ (1 | g/h); y ~ (a | g/h); y ~ (1 | g:h)
y ~ (1 | g) + (1 | g:h); y ~ (a + b)/c
""".replace("\n", ";")


@pytest.mark.parametrize("formula", FORMULA_TO_TERMS)
def test_terms(formula: str) -> None:
    assert written(terms_of(formula)) == FORMULA_TO_TERMS[formula]


@pytest.mark.parametrize("formula", [text.strip() for text in ORACLE.split(";") if text.strip()])
def test_the_terms_are_those_of_formulae(formula: str) -> None:
    """Bambi's parser finds the same terms, factors in any order, group effects one by one."""
    import formulae

    theirs = {_unordered(term.name) for term in formulae.model_description(formula).terms}
    terms = terms_of(formula)
    ours = {_unordered(str(term)) for term in terms.common}
    ours |= {_unordered("Intercept")} if terms.intercept else set()
    for group in terms.groups:
        factor = ":".join(map(str, group.factor))
        effects = ["1"] * group.effects.intercept + [str(e) for e in group.effects.common]
        ours |= {_unordered(f"{effect}|{factor}") for effect in effects}
    assert ours == theirs


def _unordered(name: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(part.split(":")) for part in name.split("|"))


@pytest.mark.parametrize(
    ("formula", "intercept"),
    [("y ~ 0 + 1", True), ("y ~ -1 + 1", True), ("y ~ 1 - 1", False), ("y ~ 1 + a + 0", False)],
)
def test_the_last_word_on_the_intercept_wins(formula: str, intercept: bool) -> None:
    with pytest.warns(DesignWarning, match="last one wins"):
        assert terms_of(formula).intercept is intercept


@pytest.mark.parametrize("formula", ["y ~ a - b", "y ~ -a", "y ~ a*b - a:b:c"])
def test_taking_away_what_is_not_there_is_told(formula: str) -> None:
    with pytest.warns(DesignWarning, match="has no effect"):
        terms_of(formula)


def test_agreeing_words_on_the_intercept_are_no_conflict() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert terms_of("y ~ 0 + a - 1").intercept is False


def test_terms_point_to_their_text() -> None:
    formula = "y ~ a*b + (1 + c | g) + s(x)"
    terms = terms_of(formula)
    spans = [term.span for term in (*terms.common, *terms.groups, *terms.smooths)]
    texts = [formula[start:stop] for start, stop in spans]
    assert texts == ["a", "b", "a*b", "(1 + c | g)", "s(x)"]
    inner = terms.groups[0].effects.common[0].span
    assert formula[inner[0] : inner[1]] == "c"


def test_terms_are_values() -> None:
    first, again = terms_of("y ~ a + (1 | g)"), terms_of("y ~ a + (1 | g)")
    assert first == again
    assert hash(first) == hash(again)


@pytest.fixture
def mo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word ``mo`` as a term of its own, for one test."""
    monkeypatch.setattr(specials, "_REGISTERED", {})
    register_special("mo")


@pytest.mark.usefixtures("mo")
def test_a_registered_word_is_a_term_of_its_own() -> None:
    terms = terms_of("y ~ a + mo(b) + s(c) + mo(c, k=3) + (1 | g)")
    assert [str(call) for call in terms.specials] == ["mo(b)", "mo(c, k=3)"]
    assert [str(term) for term in terms.common] == ["a"]
    assert [str(call) for call in terms.smooths] == ["s(c)"]
    assert [call.span for call in terms.specials] == [(8, 13), (23, 33)]
    assert terms_of("y ~ a + mo(b) - mo(b)").specials == ()


def test_a_word_that_is_not_registered_is_a_factor() -> None:
    terms = terms_of("y ~ mo(a)")
    assert terms.specials == ()
    assert [str(term) for term in terms.common] == ["mo(a)"]


@pytest.mark.usefixtures("mo")
@pytest.mark.parametrize(
    ("formula", "at", "words"),
    [
        ("y ~ mo(a):b", "mo(a)", "can only be added"),
        ("y ~ a * mo(b)", "mo(b)", "can only be added"),
        ("y ~ (mo(a) | g)", "mo(a)", "Only common terms"),
        ("y ~ (1 | mo(g))", "mo(g)", "cannot be a grouping factor"),
        ("y ~ (1 | h:mo(g))", "mo(g)", "cannot be a grouping factor"),
        ("y ~ (1 | s(g))", "s(g)", "cannot be a grouping factor"),
    ],
)
def test_a_registered_word_stands_alone(formula: str, at: str, words: str) -> None:
    with pytest.raises(SyntaxProblem, match=words) as caught:
        terms_of(formula)
    assert caught.value.span is not None
    assert at in formula[slice(*caught.value.span)]


@pytest.mark.usefixtures("mo")
def test_a_word_without_a_class_of_terms_is_an_error() -> None:
    with pytest.raises(FormulaError, match="registered without a class") as caught:
        GlmerBuilder("y ~ mo(x)", {"y": [1.0, 2.0, 4.0], "x": [1.0, 2.0, 3.0]})
    assert "gl.register_term" in str(caught.value.fix)


@pytest.mark.usefixtures("mo")
@pytest.mark.parametrize("inside", ["log(mo(x))", "x + mo(x)", "log(s(x))"])
def test_a_term_of_its_own_is_no_argument(inside: str) -> None:
    formula = f"~ I({inside})"
    with pytest.raises(SyntaxProblem, match="a term of its own"):
        learn(parse(formula).parts[0], Frame({"x": [1.0, 2.0]}), formula=formula)


@pytest.mark.usefixtures("mo")
@pytest.mark.parametrize("name", ["s", "mo"])
def test_a_function_of_the_user_cannot_have_the_name_of_a_term(name: str) -> None:
    with pytest.raises(DuplicateName, match=name):
        learn(
            parse("~ x").parts[0], Frame({"x": [1.0]}), formula="~ x", functions={name: np.positive}
        )


@pytest.mark.parametrize("word", ["s", "offset", "log", "factor", "c", "I", "TRUE"])
def test_words_with_a_meaning_cannot_be_registered(word: str) -> None:
    with pytest.raises(FormulaError, match="has a meaning in formulas already"):
        register_special(word)


@pytest.mark.parametrize("word", ["", "a b", "1a", "np.log", "__x__", "+"])
def test_only_names_can_be_registered(word: str) -> None:
    with pytest.raises(FormulaError, match="must be a name"):
        register_special(word)
