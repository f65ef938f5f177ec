"""Evaluates PyTensor expressions at numbers, without compiling anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimmer.interpreter.modes import PLAIN


def log_density(rv: Any, value: Any) -> np.ndarray:
    """The log density of a random variable, without compiling anything."""
    import pymc as pm

    return number(pm.logp(rv, np.asarray(value, float)))


def support_point(rv: Any) -> np.ndarray:
    """Where PyMC starts a random variable, without compiling anything."""
    from pymc.distributions.distribution import support_point

    return number(support_point(rv))


def evaluate(function: Any, values: np.ndarray) -> np.ndarray:
    """A function of a tensor at some numbers, without compiling anything."""
    from pytensor.tensor import as_tensor

    with np.errstate(all="ignore"):
        return number(as_tensor(function(as_tensor(values))))


def number(expression: Any) -> np.ndarray:
    """The value of an expression without inputs, without compiling anything."""
    return np.asarray(expression.eval(mode=PLAIN))
