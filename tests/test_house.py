"""The house: floors that import only from below, and a door that opens quickly."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import glimmer

ROOT = Path(glimmer.__file__).parent
FLOORS = (
    ("builders",),
    ("results", "store"),
    ("sampling",),
    ("coordinates",),
    ("assemble",),
    ("learn", "fitted"),
    ("spec",),
    ("terms",),
    ("smooths", "nonlinear", "families"),
    ("priors",),
    ("formula",),
    ("data",),
    ("record",),
    ("errors", "kernels", "interpreter"),
)
HEIGHT = {room: -i for i, floor in enumerate(FLOORS) for room in floor}
ABOVE = {"__init__", "__main__", "demo"}  # the doors to all rooms
HEAVY = ("pymc", "pytensor", "matplotlib", "pandas", "arviz", "scipy", "nutpie", "bambi")
SECONDS = 0.5


def room_of(module: str) -> str:
    """The room of ``glimmer.room.file``."""
    return module.split(".")[1] if "." in module else "__init__"


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports when it runs; what only types are imported for is left out."""
    tree = ast.parse(path.read_text())
    typing = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    typing = [node for node in typing if ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {below for node in typing for below in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and node not in skipped:
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and node not in skipped:
            assert not node.level, f"{path}: a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)


def arrows() -> set[tuple[str, str]]:
    """Which rooms import from which others."""
    found = set()
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        modules = [name for name in imported(path) if name.startswith("glimmer.")]
        targets = {room_of(name) for name in modules} & set(HEIGHT)
        found |= {(room, target) for target in targets if room != target}
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {p.stem for p in ROOT.glob("*.py")} | {
        p.parent.name for p in ROOT.glob("*/__init__.py")
    }
    assert rooms - ABOVE == set(HEIGHT)


def test_nothing_imports_from_above() -> None:
    inside = {arrow for arrow in arrows() if arrow[0] not in ABOVE}
    upward = {f"{a} -> {b}" for a, b in inside if HEIGHT[b] > HEIGHT[a]}
    assert not upward


def test_no_two_rooms_import_each_other() -> None:
    found = arrows()
    assert not {(a, b) for a, b in found if (b, a) in found}


@pytest.fixture(scope="module")
def first_import() -> tuple[float, list[str]]:
    """Seconds and modules that ``import glimmer`` takes in a process of its own, the best of 3."""
    code = (
        "import sys, time; start = time.perf_counter(); import glimmer; "
        "print(time.perf_counter() - start, *sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
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
