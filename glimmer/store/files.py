"""Writes and reads the files of a saved model: text, draws and arrays, with checksums.

``model.json`` is the specification, ``posterior.nc`` is its InferenceData in netCDF,
``arrays.h5`` holds the arrays that the text refers to, ``SHA256SUMS`` has the checksums of all
three, as ``sha256sum --check`` reads them. Nothing is pickled, nothing is evaluated, and no name
from data becomes a path. Checksums and declared sizes are judged before memory is taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
import xarray as xr

from glimmer.errors import StoreError

if TYPE_CHECKING:
    import h5py

FORMAT = 2
TEXT, DRAWS, ARRAYS, SUMS = "model.json", "posterior.nc", "arrays.h5", "SHA256SUMS"
CONTENTS = (TEXT, DRAWS, ARRAYS)
LARGEST_TEXT = 2**28
DEEPEST = 2
SLACK = 2**20
READABLE = " !$&'()*+,:;<=>?@[]^{|}~"


@dataclass(frozen=True, eq=False)
class Stored:
    """What a saved model is made of.

    Attributes
    ----------
    text : str
        JSON.
    arrays : sequence of ndarray
        What the text refers to by number.
    draws : InferenceData (an xarray.DataTree)
    """

    text: str
    arrays: Sequence[np.ndarray]
    draws: xr.DataTree


def write_store(path: str | os.PathLike[str], stored: Stored, *, overwrite: bool = False) -> Path:
    """Write a saved model: all of it, or nothing.

    Raises
    ------
    StoreError
        Something is at ``path`` already, or cannot be written.
    """
    target = Path(path)
    _check_target(target, overwrite)
    with _failing(target, "written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".glimmer-", dir=target.parent))
        try:
            _write(draft, stored)
            _put(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def read_store(path: str | os.PathLike[str]) -> Stored:
    """Read what `write_store` wrote.

    Raises
    ------
    StoreError
        There is no saved model, it is damaged, or it is of another version.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise StoreError(f"There is no saved model at {str(folder)!r}.", fix="check the path")
    _check_sums(folder)
    text = _read_text(folder / TEXT)
    with _failing(folder / ARRAYS, "read"):
        arrays = _read_arrays(folder / ARRAYS)
    with _failing(folder / DRAWS, "read"):
        draws = _read_draws(folder / DRAWS)
    return Stored(text, arrays, draws)


def _write(folder: Path, stored: Stored) -> None:
    import h5py

    head = {"format": FORMAT, "package": version("pymc-glimmer"), "model": json.loads(stored.text)}
    (folder / TEXT).write_text(json.dumps(head, indent=1), encoding="utf-8")
    with h5py.File(folder / ARRAYS, "w") as file:
        for i, array in enumerate(stored.arrays):
            file.create_dataset(str(i), data=array)
    quoted = {
        name: _rename(group.to_dataset(), _quoted) for name, group in stored.draws.children.items()
    }
    tree = xr.DataTree.from_dict(quoted)
    tree.attrs.update(stored.draws.attrs)
    tree.to_netcdf(folder / DRAWS, engine="h5netcdf")
    lines = [f"{_digest(folder / name)}  {name}\n" for name in CONTENTS]
    (folder / SUMS).write_text("".join(lines), encoding="ascii")
    for name in (*CONTENTS, SUMS, "."):
        _flush(folder / name)


def _put(draft: Path, target: Path) -> None:
    """Move the finished directory to its place; an earlier one goes only then."""
    if target.exists():
        aside = Path(tempfile.mkdtemp(prefix=".glimmer-", dir=target.parent))
        target.rename(aside / "old")
        draft.rename(target)
        shutil.rmtree(aside)
    else:
        draft.rename(target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    """Have the disk write a file or directory down."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not overwrite:
        raise StoreError(
            f"{str(target)!r} already exists.", fix="choose another path, or pass overwrite=True"
        )
    known = {*CONTENTS, SUMS}
    if not target.is_dir() or not {file.name for file in target.iterdir()} <= known:
        raise StoreError(f"{str(target)!r} is not a saved model.", fix="choose another path")


def _check_sums(folder: Path) -> None:
    """Raise `StoreError` unless each file is what was written."""
    sums = folder / SUMS
    try:
        if sums.stat().st_size > SLACK:
            raise StoreError(f"{str(sums)!r} is damaged: it is too long.")
        lines = [line.split("  ") for line in sums.read_text(encoding="ascii").splitlines()]
        known = {name: digest for digest, name in lines}
    except (OSError, ValueError) as error:
        raise StoreError(f"{str(sums)!r} is missing or damaged.", fix=_AGAIN) from error
    for name in CONTENTS:
        try:
            found = _digest(folder / name)
        except OSError as error:
            raise StoreError(f"{str(folder / name)!r} cannot be read.", fix=_AGAIN) from error
        if known.get(name) != found:
            raise StoreError(f"{str(folder / name)!r} is damaged.", fix=_AGAIN)


_AGAIN = "save the model again, or restore the directory from a copy"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_text(path: Path) -> str:
    """The model's own JSON text, if this version can read it."""
    if path.stat().st_size > LARGEST_TEXT:
        raise StoreError(f"{str(path)!r} is too large.")
    with _failing(path, "read"):
        head = json.loads(path.read_text(encoding="utf-8"))
        found, package = head["format"], head["package"]
        if found != FORMAT:
            raise StoreError(
                f"{str(path)!r} has format {found!r}, written by version {package!r}; "
                f"this version reads format {FORMAT}.",
                fix=f"load it with pymc-glimmer {package}",
            )
        return json.dumps(head["model"])


def _read_arrays(path: Path) -> list[np.ndarray]:
    import h5py

    with h5py.File(path, "r") as file:
        _check_sizes(file, path)
        return [file[str(i)][()] for i in range(len(file))]


def _read_draws(path: Path) -> xr.DataTree:
    import h5py

    with h5py.File(path, "r") as file:
        _check_sizes(file, path)
    plain = {"decode_times": False, "decode_timedelta": False}
    with xr.open_datatree(path, engine="h5netcdf", **plain) as tree:  # type: ignore[arg-type]
        groups = {
            name: _rename(group.to_dataset().load(), unquote)
            for name, group in tree.children.items()
        }
        attributes = dict(tree.attrs)
    read = xr.DataTree.from_dict(groups)
    read.attrs.update(attributes)
    return read


def _check_sizes(file: h5py.File, path: Path) -> None:
    """Everything declared must lie in the file itself, and so fit its size."""
    declared = sum(_sizes(file, path, 0))
    if declared > 2 * path.stat().st_size + SLACK:
        raise StoreError(f"{str(path)!r} is damaged: it declares {declared} bytes but is shorter.")


def _sizes(group: h5py.Group, path: Path, depth: int) -> Iterator[int]:
    """Bytes of each data set; whatever leads out of the file is an error."""
    import h5py

    if depth > DEEPEST:
        raise StoreError(f"{str(path)!r} is nested too deeply.")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise StoreError(f"{str(path)!r} has links to other places.")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _sizes(item, path, depth + 1)
        elif item.is_virtual or item.external:
            raise StoreError(f"{str(path)!r} keeps its data in other files.")
        else:
            yield item.size * item.dtype.itemsize


def _rename(dataset: xr.Dataset, change: Any) -> xr.Dataset:
    """Change the names of variables, coordinates and dimensions."""
    names = {str(name) for name in (*dataset.variables, *dataset.dims)}
    changed = {name: change(name) for name in names}
    return dataset.rename({name: new for name, new in changed.items() if new != name})


def _quoted(name: str) -> str:
    """A name that netCDF can hold: no slash, no lone dots, ASCII; `unquote` undoes it."""
    text = quote(name, safe=READABLE)
    return text.replace(".", "%2E") if not text.strip(".") else text


@contextmanager
def _failing(path: Path, what: str) -> Iterator[None]:
    """Let every failure to read or write be a `StoreError` that names the file."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise StoreError(f"{str(path)!r} cannot be {what}: {error}") from error
