"""Which of two sets of parameters is meant, where both give the same curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glimmer.learn.curve_start import CurveStart
from glimmer.spec.curve import Nonlinear, NonlinearParameter, Ordering
from glimmer.spec.transforms import attainable


def decided(nonlinear: Nonlinear, start: CurveStart, ordering: bool) -> Nonlinear:
    """The curve with orderings of its parameters; without, chains start between the two sets."""
    orderings = _orderings(nonlinear, start)
    if ordering:
        return replace(nonlinear, orderings=orderings)  # type: ignore[type-var]
    return _undecided(nonlinear, orderings)


def _orderings(nonlinear: Nonlinear, start: CurveStart) -> tuple[Ordering, ...]:
    """Linear forms to keep positive, one for each symmetry that nothing else removes.

    A symmetry is removed already when a parameter that it would change is known, or has a
    transform without the changed value.
    """
    own = dict(zip(nonlinear.function.names, nonlinear.parameters, strict=True))
    values = {p: start.estimates[q.name] for p, q in own.items()}
    out = []
    for symmetry in nonlinear.function.symmetries:
        changed = symmetry.mirror(values)
        free = all(
            own[n].predictor is not None and attainable(own[n].transform, float(changed[n]))
            for n in symmetry.image
        )
        weights = sorted(symmetry.positive.items(), key=lambda item: item[1])
        members = [own[n] for n, _ in weights]
        plain = all(
            p.predictor is not None and p.predictor.intercept and p.transform.identity
            for p in members
        )
        if free and plain and bool(symmetry.is_canonical(values)):
            names = tuple(p.name for p in members)
            out.append(Ordering(symmetry.name, names, np.array([w for _, w in weights], float)))
    return tuple(out)


def _undecided(nonlinear: Nonlinear, orderings: tuple[Ordering, ...]) -> Nonlinear:
    """Where two sets of parameters give the same curve, let chains start between them."""
    own = dict(zip(nonlinear.function.names, nonlinear.parameters, strict=True))
    names = {symmetry.name: symmetry for symmetry in nonlinear.function.symmetries}
    moved: dict[str, NonlinearParameter] = {}
    for ordering in orderings:
        symmetry = names[ordering.symmetry]
        mirrored = symmetry.mirror({n: p.origin for n, p in own.items()})
        for n in symmetry.image:
            middle, half = (own[n].origin + mirrored[n]) / 2, abs(own[n].origin - mirrored[n]) / 2
            parameter = replace(own[n], origin=middle, reach=half or own[n].reach)  # type: ignore[type-var]
            moved[parameter.name] = parameter
    parameters = tuple(moved.get(p.name, p) for p in nonlinear.parameters)
    return replace(nonlinear, parameters=parameters)  # type: ignore[type-var]
