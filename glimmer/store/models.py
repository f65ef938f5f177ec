"""Saving fitted models, and loading them in another process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.builders.base import ModelBuilder
from glimmer.data import Factor, Frame, Numeric
from glimmer.errors import StoreError
from glimmer.record import dumps, loads, register

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.sampling.run import Settings

SPEC = "glimmer_spec"
PLAIN = (bool, int, float, str, type(None))


def save(model: ModelBuilder, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Save a fitted model in a directory of its own.

    The directory holds the specification, the draws (``posterior.nc``, which
    ``arviz.from_netcdf`` reads too), and the columns of the training rows that the model uses.

    Parameters
    ----------
    model : ModelBuilder
        Fitted.
    path : path
        The directory to make.
    overwrite : bool
        Replace a model that was saved there.

    Returns
    -------
    Path

    Raises
    ------
    NotFitted
        The model has no draws.
    StoreError
        Something is at ``path`` already, or a part of the model cannot be saved: a prior that is a
        PyMC variable with other variables in it, or a family that is not registered.

    Examples
    --------
    >>> save(model, "sleep")  # doctest: +SKIP
    """
    from glimmer.store.files import Stored, write_store

    _register()
    content = {
        "builder": type(model).__name__,
        "verb": model.verb,
        "spec": model.spec,
        "design": model.design,
        "columns": _columns(model.frame),
        "settings": _settings(getattr(model, "settings", None)),
        "functions": tuple(model.functions or ()),
    }
    arrays: list[np.ndarray] = []
    text = dumps(content, arrays)
    return write_store(path, Stored(text, arrays, _without_spec(model.fitted)), overwrite=overwrite)


def load(
    path: str | os.PathLike[str], *, functions: Mapping[str, Any] | None = None
) -> ModelBuilder:
    """Load a model that `save` wrote; it needs neither the table nor a new fit.

    Parameters
    ----------
    path : path
    functions : dict, optional
        The functions of your own that the formula uses: code is not saved.

    Returns
    -------
    ModelBuilder
        Of the kind that was saved, with its draws.

    Raises
    ------
    StoreError
        There is no saved model, it is damaged or of another version, or it needs ``functions`` or a
        family that has not been registered.

    Examples
    --------
    >>> load("sleep").predict()  # doctest: +SKIP
    """
    from glimmer.sampling.run import Settings
    from glimmer.store.files import read_store

    _register()
    stored = read_store(path)
    content = loads(stored.text, stored.arrays)
    try:
        model = object.__new__(_kind(content["builder"]))
        model.verb, model.spec, model.design = (content[k] for k in ("verb", "spec", "design"))
        model.frame = _frame(content["columns"])
        model.functions = _functions(content["functions"], functions)
        if content["settings"] is not None:
            model.settings = Settings(**content["settings"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{str(path)!r} does not hold a model: {error}") from error
    model.idata = stored.draws
    model.idata.attrs[SPEC] = dumps(model.spec)
    return model


def _register() -> None:
    """Make known what is saved besides the specification."""
    from glimmer.smooths import Grouped
    from glimmer.spec import Design
    from glimmer.terms import GroupDesign

    for kind in (Design, GroupDesign, Grouped, Numeric, Factor):
        register(kind)


def _kind(name: str) -> type[ModelBuilder]:
    """The builder of that name."""
    kinds = {kind.__name__: kind for kind in _kinds(ModelBuilder)}
    if name not in kinds:
        raise StoreError(
            f"The model was made by {name!r}, which is not known.",
            fix="import the module that defines it before loading",
        )
    return kinds[name]


def _kinds(kind: type[ModelBuilder]) -> Iterator[type[ModelBuilder]]:
    yield kind
    for other in kind.__subclasses__():
        yield from _kinds(other)


def _columns(frame: Frame) -> tuple[Numeric | Factor, ...]:
    """The columns that the model has looked at."""
    return tuple(frame._columns.values())


def _frame(columns: tuple[Numeric | Factor, ...]) -> Frame:
    """A table of saved columns."""
    import pandas as pd

    table: dict[str, Any] = {}
    for column in columns:
        if isinstance(column, Factor):
            table[column.name] = pd.Series(
                pd.Categorical.from_codes(column.codes, column.levels, ordered=column.ordered)
            )
        elif column.kind == "float" or column.missing.any():
            table[column.name] = column.values
        else:
            table[column.name] = column.values.astype(column.kind)
    return Frame(table)


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
