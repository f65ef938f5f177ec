"""Compiles kernels ahead in a process of its own, while this one prepares the model.

Compiling them takes seconds of one core. The other process only fills numba's cache: what is not
there when it is needed is compiled here.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, Popen

from numba.core.caching import FunctionCache

from glimmer.kernels.compile.native import Kernel, with_callees

INTEGRATED = "gaussian.integrated:integrated_gaussian", "gaussian.whitened:coefficients_of"
WHITENED = (
    "gaussian.whitened:coefficients_of",
    "gaussian.pullback:coefficients_pullback",
    "rows.row_density:row_density",
)
BY_PREDICTOR = *WHITENED[:2], "rows.row_density:all_rows", "rows.row_density:all_rows_pullback"
ROOM, LOOPS = "glimmer.kernels.", "rows.looped:"
CODE = "import sys; sys.path = {path}; from {module} import compile_all; compile_all({places})"
_processes: list[Popen[bytes]] = []


def compile_ahead(places: Sequence[str]) -> None:
    """Start a process that compiles kernels, if numba's cache does not have the first.

    Parameters
    ----------
    places : sequence of str
        Modules and names, in the order in which the kernels will be needed.
    """
    busy = any(process.poll() is None for process in _processes)
    if busy or cached(_kernel(places[0])) or not _is_python(sys.executable):
        return
    code = CODE.format(path=sys.path, module=__name__, places=tuple(places))
    try:
        process = Popen(  # noqa: S603  # our own code
            [sys.executable, "-c", code],
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            creationflags=0x08000000 if sys.platform == "win32" else 0,  # no window
        )
    except OSError:
        return
    _processes.append(process)
    atexit.register(_end, process)


def whitened_with(kernels: Iterable[Kernel] | None) -> tuple[str, ...]:
    """What a whitened model needs that has a family's functions of rows; or none, which is None.

    Functions of users are compiled where they are known, in their own process.
    """
    if kernels is None:
        return BY_PREDICTOR
    places = [f"{one.function.__module__}:{one.function.__name__}" for one in kernels]
    inside = [place.removeprefix(ROOM) for place in places if place.startswith(ROOM)]
    return *WHITENED, *(place for place in inside if not place.startswith(LOOPS))


def compile_all(places: Sequence[str]) -> None:
    """Compile kernels and what they call into numba's cache, those that are needed last first."""
    for kernel in reversed(with_callees(map(_kernel, places))):
        kernel.compile()


def cached(kernel: Kernel) -> bool:
    """Whether numba's cache has a kernel; true if there is no cache to fill."""
    try:
        folder = Path(FunctionCache(kernel.function).cache_path)
    except RuntimeError:
        return True
    return any(folder.glob(f"*.{kernel.function.__qualname__}-*.nbi"))


def _kernel(place: str) -> Kernel:
    module, name = place.split(":")
    kernel: Kernel = getattr(import_module(f"glimmer.kernels.{module}"), name)
    return kernel


def _is_python(executable: str | None) -> bool:
    """Whether this is Python, and no application that embeds it."""
    return Path(executable or "").name.startswith("python")


def _end(process: Popen[bytes]) -> None:
    process.kill()
    process.wait()
