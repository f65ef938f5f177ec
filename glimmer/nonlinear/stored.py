"""Writes and reads mean functions in saved models, by name or by text."""

from __future__ import annotations

from glimmer.errors import StoreError, UnknownFunction
from glimmer.nonlinear.parameters import Parameter
from glimmer.nonlinear.protocol import MeanFunction
from glimmer.nonlinear.registry import find_mean_function
from glimmer.record import record, register, stands_for

REGISTER = "call register_mean_function(function) before building the model, and before loading it"
register(Parameter)


@record
class NamedFunction:
    """A mean function by its name."""

    name: str

    def restored(self) -> MeanFunction:
        """Look the function up; raise `StoreError` if it has not been registered."""
        try:
            return find_mean_function(self.name)
        except UnknownFunction as error:
            raise StoreError(
                f"The mean function {self.name!r} of the saved model is not registered.",
                fix=REGISTER,
            ) from error


@record
class InlineFunction:
    """A curve that was written out in a formula."""

    name: str
    source: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    def restored(self) -> MeanFunction:
        """Read the text again."""
        from glimmer.formula import parse
        from glimmer.nonlinear.inline import inline_function

        formula = parse(f"~ {self.source}")
        return inline_function(
            formula.parts[0],
            formula=formula.text,
            parameters={p.name: p for p in self.parameters},
            columns=self.inputs,
            name=self.name,
        )


def stored_function(function: MeanFunction) -> NamedFunction | InlineFunction:
    """The record of a mean function; raise `StoreError` if there is none."""
    if function.source is not None:
        return InlineFunction(
            function.name, function.source, function.input_names, function.parameters
        )
    try:
        known = find_mean_function(function.name)
    except UnknownFunction:
        known = None
    if known is not function:
        raise StoreError(
            f"The mean function {function.name!r} is not registered, so it cannot be saved.",
            fix=REGISTER,
        )
    return NamedFunction(function.name)


for _stand_in in (NamedFunction, InlineFunction):
    stands_for(MeanFunction, _stand_in, stored_function, _stand_in.restored)
