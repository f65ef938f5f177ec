"""Chooses the transform of each parameter of a curve: the user's, else that of its domain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glimmer.errors import DesignError, suggestion
from glimmer.families import Family
from glimmer.learn.curve_call import CurveCall
from glimmer.learn.curve_start import CurveStart
from glimmer.learn.options import CurveOptions
from glimmer.nonlinear import Parameter
from glimmer.spec.transforms import Transform, default_transform, read_transform

RSTANARM_LOGS = {"SSlogis": "scal", "SSfpl": "scal"}
"""The parameters that stan_nlmer samples as logs; all others as they are."""


def curve_transforms(
    called: CurveCall,
    start: CurveStart,
    options: CurveOptions,
    family: Family,
    *,
    link: bool,
) -> dict[str, Transform]:
    """Return the transform of each free parameter.

    Parameters
    ----------
    called : CurveCall
    start : CurveStart
    options : CurveOptions
    family : Family
    link : bool
        Whether the curve is the linear predictor of the outcome, and not its mean.

    Raises
    ------
    DesignError
        A transform cannot be read, or cannot have the value that the data suggest.
    """
    function, given = called.function, options.transforms or {}
    free = [name for name in called.names if name not in called.known]
    for name in given:
        if name not in free:
            raise DesignError(
                f"{name!r} in transforms is not a free parameter of the curve.",
                fix=suggestion(str(name), free),
            )
    out = {}
    for parameter, name in zip(function.parameters, called.names, strict=True):
        if name not in free:
            continue
        at = start.estimates[name]
        own = replace(parameter, name=name)
        own = own if link else _in_family(own, family, at)
        if name in given:
            out[name] = read_transform(given[name], own, at)
        elif options.rstanarm:
            log = RSTANARM_LOGS.get(function.name) == parameter.name
            out[name] = Transform("log") if log else Transform()
        else:
            out[name] = default_transform(own, at)
        if (other := out[name].other) not in ("", *free):
            raise DesignError(
                f"above({other}) cannot be used: {other!r} is not a free parameter of the curve.",
                column=name,
                fix=suggestion(other, free),
            )
        if not np.isfinite(out[name].forward(at, start.estimates)):
            raise DesignError(
                f"{out[name].label(name)} cannot be used: the least squares estimate of {name} "
                f"is {at:.4g}.",
                column=name,
                fix=f'choose another: transforms={{"{name}": ...}}',
            )
    return out


def _in_family(parameter: Parameter, family: Family, at: float) -> Parameter:
    """A level of the outcome lies where the family's means do."""
    lower, upper = family.response.levels(family.support)
    level = parameter.kind == "y-level" and parameter.domain() == (-np.inf, np.inf)
    if not level or not lower < at < upper:
        return parameter
    return replace(parameter, lower=lower, upper=upper)
