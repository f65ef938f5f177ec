"""Imports packages at a better time: when they are used, or while nothing else needs Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread
from types import ModuleType
from typing import Any


@contextmanager
def imported_later(name: str) -> Iterator[None]:
    """Give what is imported meanwhile a stand-in for a package, which imports it at its first use.

    Nothing changes for those who import the package afterwards, or have imported it.
    """
    if name in sys.modules:
        yield
        return

    def put_away() -> None:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]

    def attribute(wanted: str) -> Any:
        put_away()
        return getattr(import_module(name), wanted)

    stand_in = ModuleType(name)
    stand_in.__dict__["__getattr__"] = attribute
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        put_away()


def import_meanwhile(name: str) -> None:
    """Import a package in a thread, while this one waits for something that is not Python."""

    def work() -> None:
        with suppress(ImportError):  # which is raised where the package is used
            import_module(name)

    if name not in sys.modules:
        Thread(target=work, daemon=True).start()
