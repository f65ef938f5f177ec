"""The models of the golden record are what they were: their names, priors and log densities."""

from __future__ import annotations

import json

import pytest

from tests.golden.adapter import rewritten, written
from tests.golden.cases import CASES
from tests.golden.record import FOLDER, built, differences, path_of, read, record_of

PLAIN, SAMPLED = 1e-12, 1e-8
UNWRITTEN = ("callable",)  # with functions that have no name in a register


def tolerance(place: str) -> float:
    return SAMPLED if place.startswith("/sampled") else PLAIN


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_what_it_was(case: str) -> None:
    assert not list(differences(read(case), record_of(case), tolerance))


@pytest.mark.parametrize("case", [case for case in CASES if case not in UNWRITTEN])
def test_the_specification_travels_as_json(case: str) -> None:
    text = written(built(case))
    assert json.loads(rewritten(text)) == json.loads(text)


def test_every_case_has_one_record() -> None:
    assert {path_of(case) for case in CASES} == set(FOLDER.glob("*.json"))
    assert len({path_of(case) for case in CASES}) == len(CASES)
