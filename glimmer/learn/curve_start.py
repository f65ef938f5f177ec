"""Finds the least squares estimates of a curve, where a nonlinear model starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import NotFinite
from glimmer.families import Family
from glimmer.formula import Learned
from glimmer.interpreter.evaluate import evaluate
from glimmer.learn.start import possible
from glimmer.learn.units import Units
from glimmer.nonlinear import MeanFunction
from glimmer.spec.residual_models import find_residual
from glimmer.spec.stage import Curve
from glimmer.terms import Outcome

if TYPE_CHECKING:
    from glimmer.spec.design import Design
    from glimmer.spec.model import ModelSpec


@dataclass(frozen=True, eq=False)
class CurveStart:
    """The self-start of a model's curve.

    Attributes
    ----------
    estimates : dict of str to float
        By the name of the parameter in the formula, known ones included.
    units : Units
        sd of the outcome on the scale of the curve, range of the last input.
    learned : tuple of tuple of Learned
        The inputs.
    inputs : tuple of ndarray
        Their arrays.
    y : ndarray, shape (n,)
        The outcome on the scale of the curve.
    """

    estimates: dict[str, float]
    units: Units
    learned: tuple[tuple[Learned, ...], ...]
    inputs: tuple[np.ndarray, ...]
    y: np.ndarray


def curve_start(
    free: MeanFunction,
    inputs: Sequence[np.ndarray],
    y: np.ndarray,
    known: Mapping[str, float],
    names: Sequence[str],
    function: MeanFunction,
    learned: tuple[tuple[Learned, ...], ...],
) -> CurveStart:
    """Estimate the free parameters and measure the data."""
    estimates = {**known, **free.self_start(*inputs, y)}
    spread = float(y.std(ddof=1)) if len(y) > 1 else 1.0
    span = float(np.ptp(inputs[-1]))
    by_name = {own: float(estimates[p]) for p, own in zip(function.names, names, strict=True)}
    return CurveStart(by_name, Units(spread or 1.0, span or 1.0), learned, tuple(inputs), y)


def free_function(function: MeanFunction, known: Mapping[str, float]) -> MeanFunction:
    """The curve as a function of its free parameters."""
    if not known:
        return function
    free = tuple(p for p in function.parameters if p.name not in known)

    def expression(*arguments: Any) -> Any:
        k = len(function.inputs)
        given = dict(zip((p.name for p in free), arguments[k:], strict=True))
        values = [given.get(name, known.get(name)) for name in function.names]
        return function.expression(*arguments[:k], *values)

    kept = tuple(s for s in function.symmetries if not set(s.image) & set(known))
    return replace(function, parameters=free, expression=expression, symmetries=kept, start=None)


def start_values(family: Family, scale: str, outcome: Outcome) -> np.ndarray:
    """The outcome on the scale of the curve: pulled inside where a link is not finite."""
    y = outcome.y / outcome.trials if outcome.trials is not None else outcome.y
    if scale == "response":
        return y
    if family.unit == "log y":
        return np.log(y)
    y = family.response.pulled_inside(y, family.support)
    return evaluate(family.link_function.forward, y)


def check_possible(spec: ModelSpec, design: Design, estimates: Mapping[str, float]) -> None:
    """Raise `NotFinite` where the outcome has no distribution at the self-start."""
    own = spec.stage
    assert isinstance(own, Curve)  # noqa: S101
    curve = np.asarray(own.function(*design.inputs, *(estimates[p.name] for p in own.parameters)))
    eta = evaluate(lambda f: own.eta(spec.family, f), curve)
    eta = eta if design.offset is None else eta + design.offset
    bad = [i for i in range(design.n) if not possible(spec.family, eta[i : i + 1])]
    if bad:
        more = f" (and impossible in {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise NotFinite(
            f"At the self-start the curve is {curve[bad[0]]:.4g} in row {design.rows[bad[0]]}"
            f"{more}, which cannot be a mean of the {spec.family.name} family.",
            fix="choose another family, or leave these rows out with subset=",
        )
    if find_residual(own.residual).vanishes and np.any(curve == 0):
        row = design.rows[int(np.argmax(curve == 0))]
        raise NotFinite(
            f"The curve is 0 in row {row}, so the residual sd with residual={own.residual!r} is 0.",
            fix='use residual="additive+proportional", or leave these rows out with subset=',
        )
