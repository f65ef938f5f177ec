"""The scripts of docs/extending, imported once; what they register is forgotten outside `added`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glimmer.families import FAMILIES, LINKS
from glimmer.formula import specials
from glimmer.nonlinear import registry as curves
from glimmer.smooths import basis
from glimmer.terms import protocol

FOLDER = Path(__file__).parents[1] / "docs" / "extending"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
REGISTERS: tuple[dict[str, Any], ...] = (
    FAMILIES,
    LINKS,
    specials._REGISTERED,
    curves._REGISTERED,
    basis._BASES,
    protocol._TERMS,
)


def _imported() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The modules, and what they added to each register, from which it is taken again."""
    before = [dict(register) for register in REGISTERS]
    sys.path.insert(0, str(FOLDER))
    modules = {name: importlib.import_module(name) for name in NAMES}
    sys.path.remove(str(FOLDER))
    added = []
    for register, old in zip(REGISTERS, before, strict=True):
        added.append({name: value for name, value in register.items() if name not in old})
        register.clear()
        register.update(old)
    return modules, added


MODULES, _ADDED = _imported()


@contextmanager
def restored() -> Iterator[None]:
    """Forget at the end what was registered meanwhile."""
    before = [dict(register) for register in REGISTERS]
    try:
        yield
    finally:
        for register, old in zip(REGISTERS, before, strict=True):
            register.clear()
            register.update(old)


@contextmanager
def added() -> Iterator[None]:
    """Let the extensions be known by their names."""
    with restored():
        for register, own in zip(REGISTERS, _ADDED, strict=True):
            register.update(own)
        yield
