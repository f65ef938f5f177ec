"""Orders a curve's parameters where two sets of them give the same curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from glimmer.learn.population import Placement
from glimmer.nonlinear import MeanFunction
from glimmer.spec.stage import CurveParameter, Ordering
from glimmer.spec.transforms import attainable


def orderings(
    function: MeanFunction,
    parameters: tuple[CurveParameter, ...],
    estimates: Mapping[str, float],
    intercepts: Mapping[str, bool],
) -> tuple[Ordering, ...]:
    """Linear forms to keep positive, one for each symmetry that nothing else removes.

    A symmetry is removed already when a parameter that it would change is fixed, or has a
    transform without the changed value.

    Parameters
    ----------
    function : MeanFunction
    parameters : tuple of CurveParameter
    estimates : mapping of str to float
        Of the self-start, by parameter.
    intercepts : mapping of str to bool
        Whether a parameter has an intercept; of those that are not known.
    """
    own = dict(zip(function.names, parameters, strict=True))
    values = {p: estimates[q.name] for p, q in own.items()}
    out = []
    for symmetry in function.symmetries:
        changed = symmetry.mirror(values)
        free = all(
            own[n].value is None and attainable(own[n].transform, float(changed[n]))
            for n in symmetry.image
        )
        weights = sorted(symmetry.positive.items(), key=lambda item: item[1])
        members = [own[n] for n, _ in weights]
        plain = all(intercepts.get(p.name, False) and p.transform.identity for p in members)
        if free and plain and bool(symmetry.is_canonical(values)):
            names = tuple(p.name for p in members)
            out.append(Ordering(symmetry.name, names, np.array([w for _, w in weights], float)))
    return tuple(out)


def between(
    function: MeanFunction,
    parameters: tuple[CurveParameter, ...],
    ordered: tuple[Ordering, ...],
    placed: Mapping[str, Placement],
) -> dict[str, Placement]:
    """Where two sets of parameters give the same curve, let chains start between them."""
    own = dict(zip(function.names, parameters, strict=True))
    names = {symmetry.name: symmetry for symmetry in function.symmetries}
    origins = {
        n: float(placed[p.name].start or 0.0) if p.name in placed else 0.0 for n, p in own.items()
    }
    moved = dict(placed)
    for ordering in ordered:
        symmetry = names[ordering.symmetry]
        mirrored = symmetry.mirror(origins)
        for n in symmetry.image:
            at = placed[own[n].name]
            middle, half = (origins[n] + mirrored[n]) / 2, abs(origins[n] - mirrored[n]) / 2
            moved[own[n].name] = replace(at, start=middle, reach=half or at.reach)
    return moved
