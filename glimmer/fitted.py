"""Holds one fit as a value: the model on its rows, how it was sampled, and its draws.

Results are functions of a `Fitted`; builders make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from glimmer.errors import SamplingError, alternatives, check_whole, suggestion

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from glimmer.data import Frame
    from glimmer.spec import Design, ModelSpec

JAX = ("numpyro", "blackjax")
SAMPLERS = ("nutpie", "pymc", *JAX)
ALGORITHMS = ("sampling", "meanfield", "fullrank")
WHOLE = {"draws": 1, "tune": 0, "chains": 1, "cores": 1, "random_seed": 0}
"""Arguments that are whole numbers, and the least they can be."""


@dataclass(frozen=True)
class Settings:
    """How to sample; the arguments of `ModelBuilder.fit`."""

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    cores: int | None = None
    sampler: str = "nutpie"
    algorithm: str = "sampling"
    target_accept: float = 0.8
    random_seed: int | None = None
    progressbar: bool = True
    coordinates: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise SamplingError(
                f"sampler must be {alternatives(SAMPLERS)}, not {self.sampler!r}.",
                fix=suggestion(self.sampler, SAMPLERS),
            )
        if self.sampler in JAX and self.coordinates not in (None, "plain"):
            raise SamplingError(
                f"coordinates={self.coordinates!r} cannot be used with the sampler "
                f"{self.sampler!r}: JAX cannot call their kernels.",
                fix='leave out coordinates=, or use sampler="nutpie"',
            )
        if self.algorithm not in ALGORITHMS:
            raise SamplingError(
                f"algorithm must be {alternatives(ALGORITHMS)}, not {self.algorithm!r}.",
                fix=suggestion(self.algorithm, ALGORITHMS),
            )
        for name, least in WHOLE.items():
            value = vars(self)[name]
            if value is not None or name not in ("cores", "random_seed"):
                check_whole(name, value, least, SamplingError)
        if not 0 < self.target_accept < 1:
            raise SamplingError(f"target_accept must be between 0 and 1, not {self.target_accept}.")


@dataclass(frozen=True, eq=False)
class Model:
    """A model on the rows it is to be fitted to.

    Attributes
    ----------
    spec : ModelSpec
    design : Design
        Its arrays for the rows.
    frame : Frame
        The rows.
    functions : mapping of str to callable, or None
        The user's own functions that the formula uses.
    verb : str
        What made the model, in print: ``"glmer"``.
    """

    spec: ModelSpec
    design: Design
    frame: Frame
    functions: Mapping[str, Any] | None = None
    verb: str = "model"

    def on_rows(self, rows: np.ndarray) -> Self:
        """Return the same model on some of its rows (a mask or positions).

        Terms, levels, knots and priors stay as they were learned on all rows.
        """
        return replace(self, design=self.design.take(rows), frame=self.frame.take(rows))


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted(Model):
    """A model and the draws of a fit.

    Attributes
    ----------
    draws : InferenceData (an xarray.DataTree)
    settings : Settings or None
        How it was fitted, for refits.
    """

    draws: xr.DataTree
    settings: Settings | None = None

    @property
    def posterior(self) -> xr.Dataset:
        """Draws of parameters and effects, dimensions (chain, draw, ...)."""
        return self.draws["posterior"].to_dataset()

    @property
    def model(self) -> Model:
        """The model, without the draws."""
        return Model(self.spec, self.design, self.frame, self.functions, self.verb)


def fit_of(model: Any) -> Any:
    """Return the fit of a builder; anything else as it is.

    Raises
    ------
    NotFitted
        The builder has not been fitted.
    """
    return model.fitted_model if hasattr(type(model), "fitted_model") else model
