"""The only place where the golden record touches the inside of the package."""

from __future__ import annotations

from typing import Any

import pymc as pm

from glimmer.coordinates.choose import choose
from glimmer.record import dumps, loads


def sampled(builder: Any) -> tuple[str, pm.Model | None]:
    """The coordinates that `fit` would choose, and the model in them; None if it is `build`'s."""
    plan = choose(builder.spec, builder.design, None)
    return ("plain", None) if plan is None else (plan.name, plan.model)


def written(builder: Any) -> str:
    """The specification as JSON text."""
    return dumps(builder.spec)


def rewritten(text: str) -> str:
    """The JSON text of the specification that is read from a JSON text."""
    return dumps(loads(text))
