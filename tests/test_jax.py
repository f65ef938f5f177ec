"""Samplers that run on JAX, where it is installed."""

from __future__ import annotations

from typing import Any

import pytest
from agreement import seed
from test_reference_posteriors import differences, quantities, reference

import glimmer as gl
from glimmer.errors import SamplingError

SLEEP = gl.load_data("sleepstudy")
QUICK: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 2, "random_seed": seed(1)}


@pytest.fixture(scope="module")
def model() -> gl.GlmerBuilder:
    return gl.GlmerBuilder("Reaction ~ Days + (Days | Subject)", SLEEP)


@pytest.mark.parametrize("sampler", ["numpyro", "blackjax"])
@pytest.mark.filterwarnings("default")  # JAX and its samplers warn of themselves
def test_the_posterior_is_the_same(model: gl.GlmerBuilder, sampler: str) -> None:
    pytest.importorskip("jax", reason="needs JAX: the extra [jax]")
    pytest.importorskip(sampler, reason="needs the extra [jax]")
    idata = model.fit(sampler=sampler, progressbar=False, **QUICK)
    assert idata.attrs["coordinates"] == "plain"
    assert idata.attrs["inference_library"] == sampler
    assert idata["sample_stats"]["reached_max_treedepth"].dtype == bool
    stan, ours = reference("sleepstudy")["rstanarm"], quantities(model)
    found = []
    for name in ("(Intercept)", "Days", "sigma"):
        found += differences(stan, stan["names"].index(name), ours[name])
    assert not found


@pytest.mark.parametrize("coordinates", ["integrated", "whitened"])
def test_other_coordinates_are_refused(model: gl.GlmerBuilder, coordinates: str) -> None:
    with pytest.raises(SamplingError, match="cannot be used with the sampler") as raised:
        model.fit(sampler="numpyro", coordinates=coordinates)
    assert 'sampler="nutpie"' in raised.value.fix
