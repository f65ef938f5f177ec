"""Writes a fit to disk, and reads it in another process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.data import Factor, Frame, Numeric
from glimmer.errors import StoreError
from glimmer.fitted import Fitted, Settings
from glimmer.record import dumps, loads, register

if TYPE_CHECKING:
    import xarray as xr

SPEC = "glimmer_spec"
PLAIN = (bool, int, float, str, type(None))


def write_fit(
    fit: Fitted, path: str | os.PathLike[str], builder: str, *, overwrite: bool = False
) -> Path:
    """Write a fit to a directory of its own, with all columns of its frame.

    Parameters
    ----------
    fit : Fitted
    path : path
        The directory to make.
    builder : str
        What made the model, for `read_fit` to return.
    overwrite : bool
        Replace a fit that was saved there.

    Returns
    -------
    Path

    Raises
    ------
    StoreError
        Something is at ``path`` already, or a part of the model cannot be saved: a prior that is a
        PyMC variable with other variables in it, or a family that is not registered.
    """
    from glimmer.store.files import Stored, write_store

    _register()
    content = {
        "builder": builder,
        "verb": fit.verb,
        "spec": fit.spec,
        "design": fit.design,
        "columns": tuple(fit.frame[name] for name in fit.frame.names),
        "settings": _settings(fit.settings),
        "functions": tuple(fit.functions or ()),
    }
    arrays: list[np.ndarray] = []
    text = dumps(content, arrays)
    return write_store(path, Stored(text, arrays, _without_spec(fit.draws)), overwrite=overwrite)


def read_fit(
    path: str | os.PathLike[str], functions: Mapping[str, Any] | None = None
) -> tuple[str, Fitted]:
    """Read what `write_fit` wrote.

    Parameters
    ----------
    path : path
    functions : dict, optional
        The functions of the user's own that the formula uses: code is not saved.

    Returns
    -------
    str
        What made the model.
    Fitted

    Raises
    ------
    StoreError
        There is no saved fit, it is damaged or of another version, or it needs ``functions`` or a
        family that has not been registered.
    """
    from glimmer.store.files import read_store

    _register()
    stored = read_store(path)
    content = loads(stored.text, stored.arrays)
    try:
        settings, design = content["settings"], content["design"]
        fit = Fitted(
            content["spec"],
            design,
            Frame.of(content["columns"], design.n),
            _functions(content["functions"], functions),
            content["verb"],
            draws=stored.draws,
            settings=None if settings is None else Settings(**settings),
        )
        builder = str(content["builder"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{str(path)!r} does not contain a model: {error}") from error
    fit.draws.attrs[SPEC] = dumps(fit.spec)
    return builder, fit


def _register() -> None:
    """Register what is saved besides the specification."""
    from glimmer.smooths import Grouped
    from glimmer.spec import Design
    from glimmer.terms import GroupDesign, TermArrays

    for kind in (Design, GroupDesign, TermArrays, Grouped, Numeric, Factor):
        register(kind)


def _functions(names: tuple[str, ...], given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    absent = [name for name in names if name not in (given or {})]
    if absent:
        raise StoreError(
            f"The formula uses functions of your own: {', '.join(map(repr, absent))}.",
            fix=f"load(path, functions={{{absent[0]!r}: ...}})",
        )
    return given


def _settings(settings: Settings | None) -> dict[str, Any] | None:
    """Arguments of the fit, for refits; those of the sampler's own that are plain values."""
    if settings is None:
        return None
    extra = {key: value for key, value in settings.extra.items() if isinstance(value, PLAIN)}
    return {**vars(settings), "extra": extra}


def _without_spec(idata: xr.DataTree) -> xr.DataTree:
    """The InferenceData without the specification, which is saved as text of its own."""
    other = idata.copy()
    other.attrs.pop(SPEC, None)
    return other
