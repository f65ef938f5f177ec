"""Methods of builders as functions: ``from methods import loo``, then ``loo(model)``."""

from __future__ import annotations

from typing import Any

from glimmer.builders import NlmerBuilder


def __getattr__(name: str) -> Any:
    return getattr(NlmerBuilder, name)
