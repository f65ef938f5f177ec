"""Loads a model that `ModelBuilder.save` wrote, in another process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from glimmer.builders.base import ModelBuilder
from glimmer.errors import StoreError


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
            f"The model was saved by an unknown builder, {name!r}.",
            fix="import the module that defines it before loading",
        )
    return kinds[name]


def _kinds(kind: type[ModelBuilder]) -> Iterator[type[ModelBuilder]]:
    yield kind
    for other in kind.__subclasses__():
        yield from _kinds(other)
