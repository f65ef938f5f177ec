"""Reads the package's source: which file imports which, and what the house rules forbid."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

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
    ("errors", "kernels", "interpreter", "naming"),
)
HEIGHT = {room: -i for i, floor in enumerate(FLOORS) for room in floor}
DOORS = {"__init__", "__main__", "demo"}
"""The files of the package that may import from every room; nothing imports them."""
DECLARING = ("terms", "smooths", "families")
"""The rooms whose classes only they may tell apart."""
CURVE = {"nonlinear", "curve", "stage.linear"}
"""What may be None, or be asked whether it is linear, in a model without a curve."""
STAGES = {"Curve", "Direct"}
"""The classes of what lies between the predictors and the outcome: with and without a curve."""

type Arrows = dict[str, set[str]]


@cache
def trees() -> dict[str, ast.Module]:
    """The parsed files of the rooms, by module: ``glimmer.priors.base``, ``glimmer.priors``."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] not in DOORS:
            module = ".".join(("glimmer", *parts)).removesuffix(".__init__")
            found[module] = ast.parse(path.read_text())
    return found


def file_arrows() -> Arrows:
    """Which files each file imports: above, in functions, for types alone, or by a string."""
    return {module: set(targets(module)) - {module} for module in trees()}


def targets(module: str) -> Iterator[str]:
    """The files of the rooms that one file names as modules."""
    for node in ast.walk(trees()[module]):
        match node:
            case ast.Import():
                named = [alias.name for alias in node.names]
            case ast.ImportFrom():
                assert not node.level, f"{module}: a relative import"
                inside = [f"{node.module}.{alias.name}" for alias in node.names]
                # `from glimmer.formula import factors` is a file, `... import parse` is a name
                named = [name if name in trees() else str(node.module) for name in inside]
            case ast.Constant(value=str(text)) if text != own_package(module):
                named = [text]
            case _:
                named = []
        yield from (name for name in named if name in trees())


def lost() -> list[str]:
    """Imports of files that are not there, such as those in functions that no test has called."""
    return [
        f"{module}: {node.module}"
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and str(node.module).startswith("glimmer.")
        and node.module not in trees()
    ]


def own_package(module: str) -> str:
    """The folder that a file stands in, whose name it may use for what it reads there."""
    return module.rpartition(".")[0]


def room_arrows() -> Arrows:
    """Which rooms the files of each room import."""
    rooms: Arrows = {room: set() for room in HEIGHT}
    for module, imported in file_arrows().items():
        rooms[room_of(module)] |= {room_of(name) for name in imported} - {room_of(module)}
    return rooms


def room_of(module: str) -> str:
    """The room of ``glimmer.room.file``."""
    return module.split(".")[1]


def circles(arrows: Arrows) -> list[str]:
    """The sets of nodes that lead to each other (strongly connected components), as texts."""
    reached = {node: reachable(node, arrows) for node in arrows}
    sets = {frozenset(m for m in reached[n] if n in reached[m]) for n in arrows}
    return sorted(" <-> ".join(sorted(nodes)) for nodes in sets if nodes)


def reachable(start: str, arrows: Arrows) -> set[str]:
    """All nodes that some path of one arrow or more leads to."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for node in arrows[waiting.pop()] - seen:
            seen.add(node)
            waiting.append(node)
    return seen


def upward() -> list[str]:
    """The files that import from a higher floor."""
    return sorted(
        f"{module} -> {name}"
        for module, imported in file_arrows().items()
        for name in imported
        if HEIGHT[room_of(name)] > HEIGHT[room_of(module)]
    )


def class_questions() -> dict[str, list[str]]:
    """By file, where it asks for classes of terms, smooths or families outside their rooms."""
    declared = {
        (module, node.name)
        for module, tree in trees().items()
        if room_of(module) in DECLARING
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    names = {name for _, name in declared}
    found = {}
    for module, tree in trees().items():
        known = {name for name in imported_names(tree) if name in names}
        if room_of(module) not in DECLARING and known:
            lines = [
                f"line {node.lineno}: {ast.unparse(node)}"
                for node in ast.walk(tree)
                if known & set(classes_asked_for(node))
            ]
            found |= {module: lines} if lines else {}
    return found


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Names that a file imports from the rooms of terms, smooths and families."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("glimmer."):
            if room_of(str(node.module)) in DECLARING:
                yield from (alias.name for alias in node.names)


def classes_asked_for(node: ast.AST) -> Iterable[str]:
    """Names in the second argument of ``isinstance``, or of a class pattern of ``match``."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
            return names_in(kinds)
        case ast.Compare(left=ast.Call(func=ast.Name(id="type"))):
            return names_in(*node.comparators)
        case ast.MatchClass():
            return names_in(node.cls)
    return ()


def names_in(*nodes: ast.AST) -> Iterator[str]:
    for node in nodes:
        for below in ast.walk(node):
            if isinstance(below, ast.Name):
                yield below.id
            if isinstance(below, ast.Attribute):
                yield below.attr


def curve_questions() -> dict[str, list[str]]:
    """By file, where it asks whether there is a curve: by None, as a condition, or by its class."""
    found = {}
    for module, tree in trees().items():
        asserted = {
            below
            for node in ast.walk(tree)
            if isinstance(node, ast.Assert)  # told to the type checker: no branch
            for below in ast.walk(node)
        }
        asking = [n for n in ast.walk(tree) if n not in asserted and asks_for_curve(n)]
        lines = [f"line {getattr(n, 'lineno', '?')}: {ast.unparse(n)}" for n in asking]
        found |= {module: lines} if lines else {}
    return found


def asks_for_curve(node: ast.AST) -> bool:
    """Whether a node compares a curve with None, takes it as true or false, or asks its class."""
    if STAGES & set(classes_asked_for(node)):
        return True
    match node:
        case ast.Compare(left=left, comparators=[ast.Constant(value=None)]):
            return is_curve(left)
        case ast.If() | ast.IfExp() | ast.While():
            return is_curve(node.test)
        case ast.BoolOp():
            return any(map(is_curve, node.values))
        case ast.UnaryOp(op=ast.Not()):
            return is_curve(node.operand)
        case ast.Call(func=ast.Name(id="bool"), args=[value]):
            return is_curve(value)
        case ast.comprehension():
            return any(map(is_curve, node.ifs))
    return False


def is_curve(node: ast.AST) -> bool:
    """Whether an expression is, or names on the way, ``nonlinear`` or ``curve``."""
    if isinstance(node, ast.NamedExpr):
        return is_curve(node.value) or is_curve(node.target)
    if not isinstance(node, ast.Name | ast.Attribute):
        return False
    name = ast.unparse(node)
    return any(name == curve or name.endswith(f".{curve}") for curve in CURVE)


def long_files(most: int) -> list[str]:
    """The files of the package with more lines than ``most``."""
    lengths = {path: len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")}
    return [f"{p.relative_to(ROOT)}: {n}" for p, n in sorted(lengths.items()) if n > most]


def listed(found: dict[str, list[str]]) -> str:
    """Offenders for people to read: a file, and below it its lines."""
    return "\n".join(f"{file}\n  " + "\n  ".join(lines) for file, lines in sorted(found.items()))


def rooms_on_disk() -> set[str]:
    """The folders and files of the package."""
    rooms = {p.stem for p in ROOT.glob("*.py")}
    rooms |= {p.parent.name for p in ROOT.glob("*/__init__.py")}
    return {room for room in rooms if re.fullmatch(r"\w+", room)}
