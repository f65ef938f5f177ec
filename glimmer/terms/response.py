"""Learns the outcome of a family from the left-hand side of a formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glimmer.data import Frame
from glimmer.families import Family, Outcome, Reading, Response
from glimmer.families.responses import arithmetic
from glimmer.formula import Node

__all__ = ["Outcome", "Response", "arithmetic", "check_outcome", "learn_response"]


def learn_response(
    node: Node,
    frame: Frame,
    family: Family,
    formula: str,
    weights: np.ndarray | None,
    functions: Mapping[str, Any] | None = None,
) -> tuple[Response, Family]:
    """Learn the left-hand side as the family's kind of response reads it.

    Returns
    -------
    Response, Family
        The family's form without trials, if it has one and each row is a single trial.

    Raises
    ------
    OutcomeError
        The outcome does not suit the family.
    """
    reading = Reading(node, frame, formula, weights, functions)
    response, single = family.response.learn(reading, family.name)
    return response, family.response.single.with_link(family.link_function) if single else family


def check_outcome(outcome: Outcome, response: Response, family: Family, rows: np.ndarray) -> None:
    """Raise `OutcomeError` if some outcome is impossible under the family.

    Parameters
    ----------
    outcome : Outcome
    response : Response
    family : Family
    rows : ndarray, shape (n,)
        What the rows are called in messages.
    """
    family.response.check(outcome, response, family.support, family.name, rows)
