"""A formula runs nothing: exploits, an audit of the interpreter, and random text."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glimmer
from glimmer.data import Frame
from glimmer.errors import FormulaError
from glimmer.formula import expand, learn, parse

EXPLOITS = [
    "y ~ np.save('{path}', x)",
    "y ~ np.testing._private.utils.os.system('touch {path}')",
    "y ~ pd.io.common.os.system('touch {path}')",
    "y ~ pd.read_pickle('{path}')",
    "y ~ os.system('touch {path}')",
    "y ~ (1 | os.system('touch {path}'))",
    'y ~ pd.eval(\'__import__("os").system("touch {path}")\')',
    "y ~ sys.modules.get('os')",
    "y ~ __import__('os').getcwd()",
    "y ~ __import__('os')",
    'y ~ eval(\'open("{path}", "w")\')',
    "y ~ exec('import os')",
    "y ~ open('{path}', 'w')",
    "y ~ I(__import__('os').system('touch {path}') + x*0)",
    "y ~ x.__class__.__mro__",
    "y ~ x.__class__()",
    "y ~ log.__globals__",
    "y ~ log.__class__(x)",
    "y ~ `os.system`('touch {path}')",
    "y ~ `__import__`",
    "y ~ `../../{path}`",
    "y ~ (lambda: open('{path}', 'w'))()",
    "y ~ [open('{path}', 'w') for i in x]",
    "y ~ f'{{open(\"{path}\")}}'",
    "y ~ {{open('{path}', 'w')}}",
    "y ~ (x := open('{path}', 'w'))",
    "y ~ globals()",
    "y ~ getattr(x, 'tofile')('{path}')",
    "y ~ x.tofile('{path}')",
    "y ~ C(g, __import__('os'))",
    "y ~ C(g, open('{path}', 'w'))",
    "y ~ poly(x, open('{path}', 'w'))",
    "y ~ poly(x, degree=os.system)",
    "y ~ scale(x, center='{path}')",
    "y ~ I(x) + compile('1', '{path}', 'exec')",
    "y ~ breakpoint()",
    "y ~ subprocess.run('touch {path}', shell=True)",
    "y ~ numpy.ctypeslib.load_library('{path}', '.')",
    "y ~ factor('{path}')",
    "y ~ s(x, bs='{path}')",
    "y ~ offset(open('{path}', 'w'))",
    "open('{path}', 'w') ~ x",
    "y ~ f(open('{path}', 'w')) ~ a | g",
    "y ~ x\n__import__('os').system('touch {path}')",
    "y ~ x # comment\nimport os",
    "y ~ %timeit x",
    "y ~ $(touch {path})",
    "y ~ `touch {path}`",
]

AUDITED = """
    import json, sys, warnings
    import numpy as np, os, pandas as pd
    from glimmer.data import Frame
    from glimmer.errors import ModelError
    from glimmer.formula import expand, learn, parse
    warnings.simplefilter("ignore")

    frame = Frame({"y": np.arange(6.0), "x": np.arange(6.0), "g": list("aabbcc")})
    FORBIDDEN = ("open", "exec", "compile", "import", "os.", "subprocess.", "socket.", "ctypes.",
                 "pickle.", "marshal.", "shutil.", "sys._getframe", "code.", "builtins.")
    events, watching = [], False

    def hook(event, args):
        if watching and event.startswith(FORBIDDEN):
            events.append(event)

    def atoms(formula):
        yield from [] if formula.response is None else [formula.response]
        for part in formula.parts:
            terms = expand(formula.text, part, ["x", "g"])
            yield from (f for term in terms.common for f in term.factors)
            yield from (f for group in terms.groups for f in group.factor)
            yield from (*terms.offsets, *terms.smooths)

    def read(text):
        try:
            nodes = list(atoms(parse(text)))
        except ModelError as error:
            return str(error)
        for node in nodes:
            try:
                learn(node, frame, formula=text).values(frame)
            except ModelError as error:
                str(error)

    read("y ~ x + C(g, Sum) + log(x + 1) + nothing(y)")
    sys.addaudithook(hook)
    watching = True
    for text in json.loads(sys.argv[1]):
        read(text)
    if sys.argv[2] == "canary":
        open(os.devnull).close()
    watching = False
    print(json.dumps(events))
"""


def audited(formulas: list[str], *, canary: bool = False) -> list[str]:
    """Read formulas in a fresh interpreter; return the audit events that they set off."""
    command = [sys.executable, "-c", textwrap.dedent(AUDITED), json.dumps(formulas)]
    done = subprocess.run(
        [*command, "canary" if canary else ""],
        cwd=Path(glimmer.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_exploits_run_nothing(tmp_path) -> None:
    path = tmp_path / "ran"
    formulas = [text.format(path=path) for text in EXPLOITS]
    assert audited([*formulas, "y ~ x + poly(x, 2)*g + (1 + x | g)"]) == []
    assert not path.exists()


def test_the_audit_would_notice() -> None:
    assert audited([], canary=True) == ["open"]


def test_the_callers_names_are_not_seen() -> None:
    hidden = np.arange(3.0)
    frame = Frame({"x": hidden})
    for text in ("~ hidden", "~ log(hidden)", "~ frame", "~ audited(x)", "~ np.arange"):
        with pytest.raises(FormulaError):
            learn(parse(text).parts[0], frame, formula=text)


TOKENS = (
    "x g y a z `a b` _x .x Sepal.Length np.log os.system __x 0 1 2 1.5 1e400 .5 'u' \"v\" + - * / "
    ": ^ ** %in% ~ | || ( ) ( ) ( ) { } , = . [ ] ; $ < ! \\ TRUE c( log( poly( s( offset( C( "
    "factor( (1|g) (x|g) +(1|g) ~x y~ \u202e \u0430x β"
).split()
token_soup = st.lists(st.sampled_from([*TOKENS, " "]), max_size=25).map(" ".join)
dense_soup = st.lists(st.sampled_from([*TOKENS, " "]), max_size=25).map("".join)
likely = st.recursive(
    st.sampled_from("x g z 1 0 2 . `a` log(x) s(x) 'u' np.exp(x)".split()),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/:^|"), inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", ":", "^", "%in%", "||"]), inner).map(
            " ".join
        ),
        inner.map(lambda t: f"-{t}"),
        inner.map(lambda t: f"poly({t}, 2)"),
        inner.map(lambda t: f"(1 | {t})"),
    ),
    max_leaves=12,
).map(lambda t: f"y ~ {t}")
any_text = st.one_of(st.text(max_size=60), st.text(max_size=40).map(lambda t: f"y ~ {t}"))


def reads_or_refuses(text: str) -> None:
    """Parse and expand; a parsed formula's canonical text must read back as itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            formula = parse(text)
        except FormulaError as error:
            assert_points(error, text)
            return
        for part in formula.parts:
            try:
                expand(text, part, ["x", "g"])
            except FormulaError as error:
                assert_points(error, text)
            if len(str(part)) < 5000:
                again = parse(f"y ~ f ~ {part}").parts[1]
                assert str(again) == str(part)


def assert_points(error: FormulaError, text: str) -> None:
    assert str(error)
    if error.span is not None:
        start, stop = error.span
        assert error.formula == text
        assert 0 <= start <= stop <= len(text)


@settings(max_examples=400, deadline=None)
@given(any_text)
def test_random_text_is_read_or_refused(text: str) -> None:
    reads_or_refuses(text)


@settings(max_examples=600, deadline=None)
@given(st.one_of(token_soup, dense_soup, dense_soup.map(lambda t: f"y ~ {t}")))
def test_token_soup_is_read_or_refused(text: str) -> None:
    reads_or_refuses(text)


@settings(max_examples=400, deadline=None)
@given(likely)
def test_likely_formulas_are_read_or_refused(text: str) -> None:
    reads_or_refuses(text)
