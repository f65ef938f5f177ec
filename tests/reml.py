"""The likelihood of standard deviations with all coefficients integrated out, and its maximum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
from natural import PLAIN
from pytensor.graph.replace import clone_replace
from scipy.optimize import minimize

import glimmer as gl
from glimmer.sampling.plan import choose

FLAT = {"prior": gl.normal(0, 1e5), "prior_intercept": gl.normal(0, 1e5)}


class Restricted:
    """log p(y | standard deviations) of a normal model, as REML has it.

    Parameters
    ----------
    builder : GlmerBuilder
        With priors of unpenalized coefficients so wide that they are flat.
    """

    def __init__(self, builder: Any) -> None:
        plan = choose(builder.spec, builder.design, "integrated")
        assert plan is not None
        inputs = {rv: rv.type() for rv in plan.model.free_RVs}
        (value,) = clone_replace(list(plan.model.potentials), inputs)
        self.names = [rv.name for rv in inputs]
        self.function = pytensor.function([*inputs.values()], value, mode=PLAIN)

    def __call__(self, point: dict[str, float]) -> float:
        return float(self.function(*(np.asarray(point[name]) for name in self.names)))

    def maximum(self, start: dict[str, float]) -> dict[str, float]:
        """The maximum over standard deviations, all of them free variables."""

        def loss(logs: np.ndarray) -> float:
            return -self(dict(zip(start, np.exp(logs), strict=True)))

        logs = np.log(list(start.values()))
        for _ in range(3):
            options = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000}
            logs = minimize(loss, logs, method="Nelder-Mead", options=options).x
        return dict(zip(start, np.exp(logs).tolist(), strict=True))
