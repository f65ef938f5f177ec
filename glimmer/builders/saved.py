"""Save a fitted model, and load it in another process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from glimmer.builders.base import ModelBuilder
from glimmer.errors import StoreError


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
    >>> model.save("sleep")  # doctest: +SKIP
    """
    from glimmer.results.predict.newdata import every_column
    from glimmer.store.fits import write_fit

    fit = model.fitted_model
    fit = replace(fit, frame=fit.frame.used(every_column(fit.spec)))
    return write_fit(fit, path, type(model).__name__, overwrite=overwrite)


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
    from glimmer.store.fits import read_fit

    name, fit = read_fit(path, functions)
    model = object.__new__(_kind(name))
    model.spec, model.design, model.frame = fit.spec, fit.design, fit.frame
    model.functions, model.verb = fit.functions, fit.verb
    model.idata, model.settings = fit.draws, fit.settings
    return model


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
