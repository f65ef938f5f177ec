"""Puts a registered term into a model: its parameters, coefficients and contribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.terms.gaussian import Gaussian, Law
from glimmer.terms.naming import data_name, dim_name, new_name, standard_name

if TYPE_CHECKING:
    from glimmer.terms.protocol import Term, TermArrays, TermParameter


@dataclass(frozen=True)
class TermBlock:
    """A term of a predictor, with its names in the model.

    Attributes
    ----------
    term : Term
    target : str
        The predictor.
    """

    term: Term
    target: str

    @property
    def name(self) -> str:
        """The term's."""
        return self.term.name

    @property
    def normal(self) -> bool:
        """Whether its coefficients are normal given the other parameters."""
        return self.term.normal

    @property
    def free(self) -> str:
        """Name of the standard normal variable that normal coefficients are made of."""
        return standard_name(self.name)

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates of the dimensions of its variables."""
        own = {dim_name(self.name): list(self.term.labels)} if self.normal else {}
        named = {self._variable(p): p.labels for p in self.term.parameters() if p.labels}
        return own | {dim_name(name): list(labels) for name, labels in named.items()}

    @property
    def variables(self) -> dict[str, TermParameter]:
        """Its parameters by the names of their variables."""
        return {self._variable(p): p for p in self.term.parameters()}

    def _variable(self, parameter: TermParameter) -> str:
        return f"{self.name}_{parameter.name}" if parameter.name else self.name

    def values(self, priors: Any) -> dict[str, Any]:
        """Register the parameters in the current PyMC model; return them by their own names."""
        import pymc as pm
        from pymc.distributions.shape_utils import change_dist_size

        model, out = pm.modelcontext(None), {}
        for name, parameter in self.variables.items():
            rv = priors.terms[name].above(parameter.lower)
            if parameter.labels and rv.type.ndim == 0:
                rv = change_dist_size(rv, (len(parameter.labels),))
            dims = (dim_name(name),) if parameter.labels else None
            out[parameter.name] = model.register_rv(rv, name, dims=dims)
        return out

    def weights(self, priors: Any) -> Any:
        """Register the parameters of coefficients that are not normal; return these, shape (m,)."""
        return self.term.weights(self.values(priors))

    def gaussian(self, arrays: TermArrays) -> Gaussian:
        """The columns of normal coefficients."""
        targets = (self.target,) * arrays.columns.shape[1]
        return Gaussian(arrays.columns, targets, factor=self.name)

    def law(self, priors: Any, noise: Any) -> Law:
        """Register the parameters of normal coefficients in the current PyMC model."""
        values = self.values(priors)
        T = self.term.factor(values)
        return Law(T[np.tril_indices(len(self.term.labels))], (values, T))

    def contribution(self, priors: Any, noise: Any, arrays: TermArrays) -> Any:
        """Register everything in the current PyMC model; return what is added, shape (n,)."""
        import pymc as pm
        import pytensor.tensor as pt

        columns = pm.Data(data_name(self.name), arrays.columns)
        if not self.normal:
            return pt.dot(columns, self.weights(priors))
        values, T = self.law(priors, noise).parts
        dim = dim_name(self.name)
        z = pm.Normal(self.free, 0.0, 1.0, dims=dim)
        b = pm.Deterministic(self.name, pt.dot(T, z), dims=dim)
        if arrays.new:
            b = pt.concatenate([b, self._unseen(arrays.new, values, b)])
        return pt.dot(columns, b)

    def _unseen(self, new: tuple[Any, ...], values: dict[str, Any], b: Any) -> Any:
        """Register the coefficients at places that the training rows did not have."""
        import pymc as pm
        import pytensor.tensor as pt

        mean, T = self.term.unseen(new, values, b)
        dim = new_name(dim_name(self.name))
        pm.modelcontext(None).add_coord(dim, list(new))
        z = pm.Normal(new_name(self.free), 0.0, 1.0, dims=dim)
        return mean + pt.dot(T, z)

    @property
    def label(self) -> str:
        """The term's name."""
        return self.name

    def precision(self, values: Mapping[str, np.ndarray]) -> Any:
        """The prior precision of normal coefficients where parameters have some values."""
        from glimmer.interpreter.evaluate import number

        own = {p.name: values[name] for name, p in self.variables.items()}
        return np.linalg.inv(number(self.term.covariance(self.term.labels, self.term.labels, own)))

    def placed(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Coefficients by name, from an array of shape (..., 1, m)."""
        return {self.free: values[..., 0, :]}

    def free_values(self, values: np.ndarray, factor: np.ndarray) -> dict[str, np.ndarray]:
        """T^-1 b for each draw, shape (draws, m)."""
        b = values[..., 0, :]
        T = np.zeros((*b.shape, b.shape[-1]))
        T[:, *np.tril_indices(b.shape[-1])] = factor
        return {self.free: np.linalg.solve(T, b[..., None])[..., 0]}
