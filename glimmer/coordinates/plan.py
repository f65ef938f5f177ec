"""Plans the model that is sampled for another: its coefficients integrated out, or whitened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from glimmer.assemble.outcome import register_auxiliary
from glimmer.coordinates.as_data import numbers_as_data
from glimmer.coordinates.coefficient_draws import draw_coefficients, rest_places
from glimmer.coordinates.fused import is_conjugate
from glimmer.coordinates.layout import Layout
from glimmer.interpreter.replay import replay
from glimmer.kernels import CrossProducts, IntegratedGaussian, ShiftedGaussian, cross_products

if TYPE_CHECKING:
    import xarray as xr
    from pytensor.tensor.variable import TensorVariable

    from glimmer.spec import Design

type Positions = slice | np.ndarray

CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class Plan:
    """A model to sample in place of another, and the way back.

    Attributes
    ----------
    name : {"integrated", "whitened"}
    model : pymc.Model
        What is sampled.
    layout : Layout
    products : CrossProducts
    triangles, scales, sigma : tensors
        Expressions of the sampled model that coefficients depend on.
    shift : tensor, shape (m,), or None
        The coefficients of terms that are not normal, where the others are integrated out.
    """

    name: str
    model: pm.Model
    layout: Layout
    products: CrossProducts
    triangles: TensorVariable
    scales: TensorVariable
    sigma: TensorVariable
    shift: TensorVariable | None = None

    @property
    def correlated(self) -> bool:
        """Whether what is sampled is correlated: sds and correlations of one block, say."""
        return self.name == "integrated" and any(b.size > 1 for b in self.layout.spec.groups)

    def recover(
        self, posterior: xr.Dataset, seed: int, wanted: Mapping[str, Positions]
    ) -> dict[str, np.ndarray]:
        """Draws of the original model's coefficients, by name, each (chain, draw, ...).

        Some draws at a time, so that memory beside what is returned stays bounded. Which
        coefficients are wanted does not change their draws.

        Parameters
        ----------
        posterior : xarray.Dataset
            Draws of the sampled model.
        seed : int
        wanted : mapping of str to positions
            Names, and which of their levels (a slice, or an array of positions).
        """
        needed = [self.triangles, self.scales, self.sigma]
        needed += [] if self.shift is None else [self.shift]
        values = replay(self.model, needed, posterior)
        shape = values[2].shape
        parameters = [v.reshape(shape[0] * shape[1], *v.shape[2:]) for v in values]
        every = self._beyond_rest(wanted)
        normals = self._normals(posterior, seed, every)
        out: dict[str, np.ndarray] = {}
        size = max(1, CHUNK_BYTES // (8 * max(self.layout.blocks.size, 1)))
        for start in range(0, len(parameters[2]), size):
            rows = slice(start, start + size)
            own = [v[rows] for v in parameters]
            drawn = self._draw(own, normals, every)
            for name, v in self.layout.free(drawn, own[0]).items():
                if name in wanted:
                    kept = v[:, wanted[name]] if v.ndim > 1 else v
                    if name not in out:
                        out[name] = np.empty((len(parameters[2]), *kept.shape[1:]))
                    out[name][rows] = kept
        return {name: v.reshape(*shape, *v.shape[1:]) for name, v in out.items()}

    def _draw(
        self, parameters: list[np.ndarray], normals: Callable[[int], np.ndarray], every: bool
    ) -> np.ndarray:
        laid, (triangles, scales, sigma, *shift) = self.layout, parameters
        return draw_coefficients(
            self.products,
            triangles,
            scales,
            sigma,
            laid.mean,
            laid.precision,
            normals(len(sigma)),
            every=every,
            shift=shift[0] if shift else None,
        )

    def _beyond_rest(self, wanted: Mapping[str, Positions]) -> bool:
        """Whether effects of the largest factor are wanted; the others can be drawn without."""
        places = self.layout.placed(np.arange(self.layout.blocks.size))
        rest = rest_places(self.products)
        return any(not np.isin(at, rest).all() for name, at in places.items() if name in wanted)

    def _normals(
        self, posterior: xr.Dataset, seed: int, every: bool
    ) -> Callable[[int], np.ndarray]:
        """A source of standard normal coordinates, so many draws at each call.

        The largest factor has a stream of its own, so that the others do not depend on it.
        """
        size = self.layout.blocks.size
        if Z in posterior:
            given = iter(posterior[Z].values.reshape(-1, size))
            return lambda count: np.stack(list(islice(given, count)))
        first, second = (np.random.default_rng([seed, i]) for i in range(2))
        rest = rest_places(self.products)
        largest = np.ones(size, dtype=bool)
        largest[rest] = False

        def draw(count: int) -> np.ndarray:
            z = np.zeros((count, size))
            z[:, rest] = first.standard_normal((count, len(rest)))
            if every:
                z[:, largest] = second.standard_normal((count, size - len(rest)))
            return z

        return draw


Z = "coordinates"


def prior_data(laid: Layout) -> list[TensorVariable]:
    """The normal priors of the common coefficients as data of the current model."""
    return [pm.Data(name, getattr(laid, name)) for name in ("mean", "precision")]


def data(products: CrossProducts) -> list[TensorVariable]:
    """Cross-products as data of the current model."""
    return [pm.Data(name, getattr(products, name)) for name in ("integers", "floats")]


def integrated(laid: Layout, design: Design) -> Plan | None:
    """Integrate the coefficients out of a normal model with normal priors."""
    spec = laid.spec
    if not is_conjugate(spec) or not laid.normal:
        return None
    assert design.y is not None  # noqa: S101
    logarithmic = spec.family.unit == "log y"
    y = np.log(design.y) if logarithmic else design.y
    products = cross_products(laid.blocks, y, design.weights, shifts=laid.shift_columns)
    with pm.Model(coords=spec.coords) as model:
        _, sigma = register_auxiliary(spec)
        triangles, scales = laid.hyperparameters(sigma)
        shift = laid.shift_weights()
        numbers_as_data(model)
        value = _integrated_density(
            triangles, scales, sigma, *prior_data(laid), shift, *data(products)
        )
        if spec.weights == "likelihood" and design.weights is not None:
            # a power w of a normal density is one of variance sigma^2 / w, times
            # (2 pi sigma^2)^((1 - w) / 2) w^(-1/2)
            seen = design.weights[design.weights > 0]
            excess = float(seen.sum() - len(seen))
            value = value - excess * pt.log(np.sqrt(2 * np.pi) * sigma) - np.log(seen).sum() / 2
        if logarithmic:
            exponents = design.weights if spec.weights == "likelihood" else None
            value = value - (y.sum() if exponents is None else exponents @ y)
        pm.Potential("likelihood", value)
    return Plan("integrated", model, laid, products, triangles, scales, sigma, shift)


def _integrated_density(
    triangles: Any, scales: Any, sigma: Any, mean: Any, precision: Any, shift: Any, *products: Any
) -> Any:
    """Log marginal likelihood, of a response that terms which are not normal have shifted."""
    own = triangles, scales, sigma, mean, precision
    if shift is None:
        return IntegratedGaussian()(*own, *products)[0]
    return ShiftedGaussian()(*own, shift, *products)[0]
