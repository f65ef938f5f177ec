"""Functions of a fitted model as its methods, imported when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import MethodType
from typing import Any


class Method:
    """A function elsewhere that takes the model first, as a method of it.

    Parameters
    ----------
    module : str
        Where the function is.
    name : str, optional
        The function's name, if it is not the method's.
    """

    def __init__(self, module: str, name: str | None = None) -> None:
        self.module, self.name = module, name

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = vars(import_module(self.module))[str(self.name)]
        return function

    def __get__(self, model: Any, owner: type) -> Any:
        """Bind the function to a model; on the class, return the function for its documentation."""
        return self.function if model is None else MethodType(self.function, model)
