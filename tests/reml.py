"""Normal models at given standard deviations: their restricted likelihood, its maximum, and fits.

Everything but the standard deviations is integrated out, as REML does; nothing is sampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import xarray as xr
from agreement import seed as moved
from natural import PLAIN
from pytensor.graph.replace import clone_replace
from scipy.optimize import minimize
from scipy.special import expit, logit

import glimmer as gl
from glimmer.coordinates.choose import choose
from glimmer.coordinates.plan import Z
from glimmer.sampling.fit import derived

FLAT = {"prior": gl.normal(0, 1e5), "prior_intercept": gl.normal(0, 1e5)}
Point = dict[str, float]


class Restricted:
    """The restricted likelihood of a normal model's standard deviations and correlation.

    Parameters
    ----------
    builder : GlmerBuilder
        With priors of unpenalized coefficients so wide that they are flat.
    """

    def __init__(self, builder: Any) -> None:
        plan = choose(builder.spec, builder.design, "integrated")
        assert plan is not None
        self.builder, self.plan = builder, plan
        inputs = {rv: rv.type() for rv in plan.model.free_RVs}
        (value,) = clone_replace(list(plan.model.potentials), inputs)
        self.shapes = {rv.name: (1,) * rv.ndim for rv in inputs}
        self.function = pytensor.function([*inputs.values()], value, mode=PLAIN)

    def __call__(self, point: Point) -> float:
        """log p(y | point), up to a constant."""
        values = (np.full(shape, point[name]) for name, shape in self.shapes.items())
        return float(self.function(*values))

    def maximum(self, start: Point) -> Point:
        """The point of largest likelihood."""
        names = list(start)

        def point(z: np.ndarray) -> Point:
            pairs = zip(names, z, strict=True)
            return {k: float(expit(v) if "partial" in k else np.exp(v)) for k, v in pairs}

        z = np.array([logit(v) if "partial" in k else np.log(v) for k, v in start.items()])
        options = {"xatol": 1e-6, "fatol": 1e-10, "maxiter": 5000, "adaptive": True}
        for _ in range(4):
            z = minimize(lambda z: -self(point(z)), z, method="Nelder-Mead", options=options).x
        return point(z)

    def fitted(self, point: Point, draws: int = 1, seed: int = 1) -> Any:
        """The builder with draws of its coefficients at a point; their mean, if it is one draw."""
        size = self.plan.layout.blocks.size
        normals = np.random.default_rng(moved(seed)).normal(size=(1, draws, size)) * (draws > 1)
        arrays = {
            name: (("chain", "draw", *(f"{name}_{i}" for i in range(len(shape)))), value)
            for name, shape in self.shapes.items()
            for value in [np.full((1, draws, *shape), point[name])]
        }
        posterior = xr.Dataset(
            {**arrays, Z: (("chain", "draw", "z"), normals)},
            coords={"chain": [0], "draw": np.arange(draws)},
        )
        model = self.builder.build()
        wanted = {v.name: slice(None) for v in model.free_RVs if v.name not in self.shapes}
        found = {
            name: (("chain", "draw", *(f"{name}_{i}" for i in range(v.ndim - 2))), v)
            for name, v in self.plan.recover(posterior, moved(seed), wanted).items()
        }
        whole = derived(model, posterior.drop_vars(Z).assign(found))
        self.builder.idata = xr.DataTree.from_dict({"posterior": whole})
        return self.builder
