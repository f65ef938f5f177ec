"""The models of the golden record are what they were: their names, priors and log densities."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.golden.adapter import rewritten, written
from tests.golden.cases import CASES, CURVES, TURNING
from tests.golden.record import FOLDER, built, differences, path_of, read, record_of

UNWRITTEN = ("callable",)  # with functions that have no name in a register

EXACT, SAMPLED, SEARCHED = 1e-12, 1e-8, 1e-6
"""How far numbers may differ on any machine, relative to max(1, |number|). With OpenBLAS's kernels
for Prescott, Nehalem, Haswell, Zen and SkylakeX in turn, those of curves, which come from a least
squares search, differed by up to 7e-8; all others by less than 1e-12. On one machine
``python -m tests.golden compare`` finds no difference above 1e-12."""
TURNED = 1e-2
"""Whitened coordinates of smooths whose columns are eigenvectors turn with these, so that the same
point is another one: its density differed by up to 5e-4."""


def tolerance(case: str, golden: dict[str, Any]) -> Callable[[str], float]:
    """From a place in the record of a case to how far numbers there may differ."""
    plain, sampled = (SEARCHED, SEARCHED) if case in CURVES else (EXACT, SAMPLED)
    turned = golden["coordinates"] == "whitened" and case in TURNING

    def at(place: str) -> float:
        if turned and place.startswith("/sampled/density/point"):
            return TURNED
        return sampled if place.startswith("/sampled") else plain

    return at


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_what_it_was(case: str) -> None:
    golden = read(case)
    found = list(differences(golden, record_of(case), tolerance(case, golden)))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("case", [case for case in CASES if case not in UNWRITTEN])
def test_the_specification_travels_as_json(case: str) -> None:
    text = written(built(case))
    assert json.loads(rewritten(text)) == json.loads(text)


def test_every_case_has_one_record() -> None:
    assert {path_of(case) for case in CASES} == set(FOLDER.glob("*.json"))
    assert len({path_of(case) for case in CASES}) == len(CASES)
