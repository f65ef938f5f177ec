"""Kernels are compiled by another process, in any order, and bound when they are needed."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest

from glimmer.families import get_family
from glimmer.kernels import row_kernel
from glimmer.kernels.compile import ahead
from glimmer.kernels.compile.ahead import INTEGRATED, cached, compile_ahead, whitened_with
from glimmer.kernels.compile.native import (
    addresses,
    bind,
    binding_last,
    f8,
    floats_at,
    kernel,
    need,
    void,
    with_callees,
)
from glimmer.kernels.vectors.algebra import dot, log_diagonal, solve_lower

SMALL = ("vectors.algebra:solve_lower", "vectors.algebra:log_diagonal")


@kernel(f8(f8))
def half(x):
    return x / 2


@kernel(void(floats_at))
def quarter(x):
    x[0] = half(half(x[0]))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(ahead, "_processes", [])


def test_another_process_fills_the_cache(empty):
    kernels = [solve_lower, log_diagonal, dot]
    assert not any(map(cached, kernels))
    compile_ahead(SMALL)
    (process,) = ahead._processes
    assert process.wait(timeout=120) == 0
    assert all(map(cached, kernels))
    compile_ahead(SMALL)
    assert len(ahead._processes) == 1


@pytest.mark.parametrize("executable", ["/nowhere/python", "/usr/bin/app", "", None])
def test_no_other_process(empty, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    compile_ahead(SMALL)
    assert not ahead._processes


def test_the_other_process_needs_numba_alone():
    code = f"""
import sys
from glimmer.kernels.compile.ahead import _kernel
for place in {INTEGRATED + whitened_with(get_family("poisson").row_kernel.kernels)}:
    _kernel(place)
print(sorted({{"pytensor", "pymc", "pandas"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_familys_functions_are_compiled_ahead():
    places = whitened_with(get_family("poisson").row_kernel.kernels)
    assert places[-2:] == ("rows.densities:poisson", "rows.densities:constant")
    assert "rows.row_density:row_density" in places
    users = whitened_with(row_kernel(lambda eta, y: (y, eta)).kernels)
    assert set(users) < set(places)
    assert "rows.row_density:row_density" not in whitened_with(None)


def test_callers_are_compiled_before_callees():
    assert with_callees([quarter]) == [quarter, half]
    quarter.compile()
    assert half.machine_code is None
    x = np.array([3.0])
    quarter.python(*addresses(x))
    assert x == [0.75]


def test_kernels_are_bound_last():
    late = kernel(void(floats_at))(lambda x: None)
    with binding_last():
        need(late)
        assert not late.slot.value
    assert late.slot.value == late.compile()


def test_binding_again_changes_nothing():
    bind([half])
    address = half.slot.value
    bind([half, quarter])
    assert half.slot.value == address
