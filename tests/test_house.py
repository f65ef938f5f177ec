"""The house: floors that import only from below, no circles, and a door that opens quickly."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import glimmer
from tests import house
from tests.house import DOORS, HEIGHT, Arrows, room_of

HEAVY = ("pymc", "pytensor", "matplotlib", "pandas", "arviz", "scipy", "nutpie", "bambi")
SECONDS = 0.05
MOST_LINES = 400
MOST_CURVE_QUESTIONS = 6

# What is still wrong. The lists may only shrink: an entry that is mended has to be taken out.
UPWARD: set[str] = set()
CIRCLES: set[str] = set()
CLASS_QUESTIONS: set[str] = set()
CURVE_QUESTIONS: set[str] = set()

LONG_FILES: set[str] = set()


def by_rooms(arrow: str) -> str:
    """The rooms of an arrow between files: ``results -> builders``."""
    return " -> ".join(map(room_of, arrow.split(" -> ")))


def without_upward(arrows: Arrows) -> Arrows:
    """The arrows without those from the rooms that still import from above."""
    kept = {}
    for start, ends in arrows.items():
        from_room = start if start in HEIGHT else room_of(start)
        rooms = {end: end if end in HEIGHT else room_of(end) for end in ends}
        kept[start] = {end for end, to in rooms.items() if f"{from_room} -> {to}" not in UPWARD}
    return kept


def test_every_room_has_a_floor() -> None:
    assert house.rooms_on_disk() - DOORS == set(HEIGHT)


def test_what_is_imported_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not house.lost(), "\n".join(house.lost())
    made_up = ast.parse("def late():\n    from glimmer.priors.gone import prior")
    monkeypatch.setitem(house.trees(), "glimmer.data.made_up", made_up)
    assert house.lost() == ["glimmer.data.made_up: glimmer.priors.gone"]


def test_nothing_imports_from_above() -> None:
    found = [arrow for arrow in house.upward() if by_rooms(arrow) not in UPWARD]
    assert not found, "\n".join(found)


def test_no_circle_between_files() -> None:
    found = set(house.circles(without_upward(house.file_arrows()))) - CIRCLES
    assert not found, "\n".join(found)


def test_no_circle_between_rooms() -> None:
    found = house.circles(without_upward(house.room_arrows()))
    assert not found, "\n".join(found)


def test_no_room_asks_for_the_classes_of_terms_smooths_and_families() -> None:
    questions = house.class_questions()
    found = {file: lines for file, lines in questions.items() if file not in CLASS_QUESTIONS}
    assert not found, "let the class answer:\n" + house.listed(found)


def test_few_places_ask_whether_there_is_a_curve() -> None:
    questions = house.curve_questions()
    found = {file: lines for file, lines in questions.items() if file not in CURVE_QUESTIONS}
    assert sum(map(len, found.values())) <= MOST_CURVE_QUESTIONS, house.listed(found)


def test_no_file_is_long() -> None:
    found = [file for file in house.long_files(MOST_LINES) if file.split(":")[0] not in LONG_FILES]
    assert not found, "\n".join(found)


def test_what_is_mended_is_taken_off_the_lists() -> None:
    curves = house.curve_questions()
    few = sum(map(len, curves.values())) <= MOST_CURVE_QUESTIONS
    mended = {
        "UPWARD": UPWARD - set(map(by_rooms, house.upward())),
        "CIRCLES": CIRCLES - set(house.circles(without_upward(house.file_arrows()))),
        "CLASS_QUESTIONS": CLASS_QUESTIONS - set(house.class_questions()),
        "LONG_FILES": LONG_FILES - {file.split(":")[0] for file in house.long_files(MOST_LINES)},
        "CURVE_QUESTIONS": CURVE_QUESTIONS - (set() if few else set(curves)),
    }
    assert not any(mended.values()), f"take these out: { {k: v for k, v in mended.items() if v} }"


IMPORTS = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from glimmer.spec.model import ModelSpec
def late():
    from glimmer.formula import factors, parse
method = Method("glimmer.results.posterior.draws")
"""


def test_every_way_to_import_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(house.trees(), "glimmer.data.made_up", ast.parse(IMPORTS))
    assert set(house.targets("glimmer.data.made_up")) == {
        "glimmer.spec.model",
        "glimmer.formula",
        "glimmer.formula.factors",
        "glimmer.results.posterior.draws",
    }
    assert sum("made_up" in arrow for arrow in house.upward()) == 4


def test_circles_are_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"f"}, "f": {"e"}}
    assert house.circles(arrows) == ["a <-> b <-> c", "e <-> f"]


@pytest.mark.parametrize(
    "text",
    [
        "spec.curve is None",
        "design.curve is not None",
        "(c := spec.curve) is None",
        "1 if nonlinear else 2",
        "[1 for x in y if spec.curve]",
        "not spec.curve",
        "spec.curve and spec.curve.settled",
        "bool(nonlinear)",
        "f(x) if spec.stage.linear else g(x)",
        "spec.family.normal and spec.stage.linear",
        "isinstance(spec.stage, Curve)",
    ],
)
def test_questions_about_a_curve_are_found(text: str) -> None:
    found = [node for node in ast.walk(ast.parse(text)) if house.asks_for_curve(node)]
    assert len(found) == 1


@pytest.mark.parametrize("text", ["spec.curve.free", "curve > 0", "plot(curve)", "f(curve=1)"])
def test_other_uses_of_a_curve_are_not_questions(text: str) -> None:
    assert not any(house.asks_for_curve(node) for node in ast.walk(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "isinstance(block, CholeskyBlock)",
        "isinstance(block, CholeskyBlock | GroupedBlock)",
        "isinstance(block, (DenseBlock, smooths.CholeskyBlock))",
        "type(block) is CholeskyBlock",
        "match block:\n    case CholeskyBlock(): pass",
    ],
)
def test_questions_about_a_class_are_found(text: str) -> None:
    asked = [n for node in ast.walk(ast.parse(text)) for n in house.classes_asked_for(node)]
    assert "CholeskyBlock" in asked


@pytest.fixture(scope="module")
def first_import() -> tuple[float, list[str]]:
    """Seconds and modules that ``import glimmer`` takes in a process of its own, the best of 5."""
    code = (
        "import sys, time; start = time.perf_counter(); import glimmer; "
        "print(time.perf_counter() - start, *sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    seconds = min(float(run.stdout.split()[0]) for run in runs)
    return seconds, runs[0].stdout.split()[1:]


def test_the_package_opens_quickly(first_import: tuple[float, list[str]]) -> None:
    assert first_import[0] < SECONDS


def test_the_package_opens_without_its_heavy_parts(first_import: tuple[float, list[str]]) -> None:
    assert not set(first_import[1]) & set(HEAVY)


def test_every_public_name_is_there() -> None:
    for name in glimmer.__all__:
        assert getattr(glimmer, name) is not None
    assert set(glimmer.__all__) <= set(dir(glimmer))
