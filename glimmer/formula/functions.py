"""Defines the functions that a formula can call, in one fixed table.

A *plain* function maps arrays to an array row by row. A *learned* one first takes a state from the
data that the model is fitted to (centres, knots, ...), and is evaluated with that state ever after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from glimmer.errors import Constant
from glimmer.formula.arguments import flag, number, whole
from glimmer.formula.polynomials import learn_poly, poly
from glimmer.formula.splines import bs, learn_bs, learn_ns, ns

type State = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """One function of the language.

    Attributes
    ----------
    name : str
    apply : callable
        ``apply(state, *values)``: one value per row, or a matrix with one row per row.
    learn : callable
        ``learn(*values, **options)``: the state, made of numbers, texts, tuples and arrays. That of
        a plain function is just its options, checked.
    options : mapping
        The options in their order after the values, with their defaults.
    least, most : int
        How many values it takes.
    plain : bool
        Whether nothing is learned from the values.
    """

    name: str
    apply: Callable[..., np.ndarray]
    learn: Callable[..., State]
    options: Mapping[str, Any] = MappingProxyType({})
    least: int = 1
    most: int = 1
    plain: bool = False


def elementwise(name: str, compute: Callable[..., np.ndarray], values: int = 1) -> Function:
    """Return a plain function without options, such as ``exp``."""

    def apply(_: State, *arrays: np.ndarray) -> np.ndarray:
        return compute(*arrays)

    return Function(name, apply, _nothing, least=values, most=values, plain=True)


def _nothing(*_: np.ndarray) -> State:
    return {}


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


def _choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    from scipy.special import binom

    return binom(n, k)


def _learn_log(*_: np.ndarray, base: Any) -> State:
    return {"base": None if base is None else number("base", base)}


def _log(state: State, x: np.ndarray) -> np.ndarray:
    return np.log(x) if state["base"] is None else np.log(x) / np.log(state["base"])


def _learn_round(*_: np.ndarray, digits: Any) -> State:
    return {"digits": whole("digits", digits, least=0)}


def _round(state: State, x: np.ndarray) -> np.ndarray:
    return np.round(x, state["digits"])


def _smallest(_: State, *values: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*values)))


def _largest(_: State, *values: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*values)))


def _learn_scale(x: np.ndarray, center: Any, scale: Any) -> State:
    """Return the mean and the standard deviation with n - 1, as R's ``scale``."""
    state = {"center": 0.0, "scale": 1.0}
    if flag("center", center):
        state["center"] = float(np.mean(x))
    if flag("scale", scale):
        state["scale"] = float(np.sqrt(np.sum((x - state["center"]) ** 2) / (len(x) - 1)))
        if not state["scale"] > 0:
            raise Constant(
                "A column that does not vary cannot be scaled.", fix="remove it from the formula"
            )
    return state


def _learn_center(x: np.ndarray) -> State:
    return {"center": float(np.mean(x)), "scale": 1.0}


def _scale(state: State, x: np.ndarray) -> np.ndarray:
    return (x - state["center"]) / state["scale"]


_ELEMENTWISE: dict[str, Callable[..., np.ndarray]] = {
    "I": np.positive,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "ceiling": np.ceil,
    **dict.fromkeys(("sigmoid", "expit", "plogis"), _logistic),
    **dict.fromkeys(("logit", "qlogis"), _logit),
}
_SCALING = {"center": True, "scale": True}
_KNOTS = {"df": None, "knots": None}

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {name: elementwise(name, compute) for name, compute in _ELEMENTWISE.items()}
    | {"choose": elementwise("choose", _choose, values=2)}
    | {
        function.name: function
        for function in (
            Function("log", _log, _learn_log, {"base": None}, plain=True),
            Function("round", _round, _learn_round, {"digits": 0.0}, plain=True),
            Function("pmin", _smallest, _nothing, least=2, most=20, plain=True),
            Function("pmax", _largest, _nothing, least=2, most=20, plain=True),
            Function("center", _scale, _learn_center),
            Function("scale", _scale, _learn_scale, _SCALING),
            Function("standardize", _scale, _learn_scale, _SCALING),
            Function("poly", poly, learn_poly, {"degree": 1.0, "raw": False}),
            Function("bs", bs, learn_bs, _KNOTS | {"degree": 3.0, "intercept": False}),
            Function("ns", ns, learn_ns, _KNOTS | {"intercept": False}),
        )
    }
)
