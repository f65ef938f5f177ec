"""Makes functions of a fit methods of a builder, imported when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from types import MethodType
from typing import Any


class Method:
    """A function elsewhere as a method of a builder.

    Parameters
    ----------
    module : str
        Where the function is.
    name : str, optional
        The function's name, if it is not the method's.
    of : str or None
        The builder's attribute that the function takes first; None for the builder itself.
    """

    def __init__(
        self, module: str, name: str | None = None, *, of: str | None = "fitted_model"
    ) -> None:
        self.module, self.name, self.of = module, name, of

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself, of a builder."""
        function: Callable[..., Any] = vars(import_module(self.module))[str(self.name)]
        of = self.of
        if of is None:
            return function

        @wraps(function)
        def of_builder(model: Any, /, *args: Any, **keywords: Any) -> Any:
            return function(getattr(model, of), *args, **keywords)

        return of_builder

    def __get__(self, model: Any, owner: type) -> Any:
        """Bind the function to a builder; on the class, return it as a function of a builder."""
        return self.function if model is None else MethodType(self.function, model)
