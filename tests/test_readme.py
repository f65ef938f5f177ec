"""What the README says runs; fits are replaced by draws from the prior."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pymc as pm
import pytest
from fake_fit import fake_fit

import glimmer as gl
from glimmer.builders import ModelBuilder
from glimmer.errors import UnknownColumn
from glimmer.interpreter.modes import PLAIN

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = [
    block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "(new" not in block
]
TABLES = {
    name.lower(): gl.load_data(name)
    for name in ("sleepstudy", "cbpp", "Penicillin", "roaches", "Orange", "CO2")
}


def fit(self: ModelBuilder, model: pm.Model | None = None, **arguments: Any) -> Any:
    """Draws from the prior, if sampling could start."""
    built = model or self.build()
    assert np.isfinite(built.compile_logp(mode=PLAIN)(built.initial_point()))
    self.idata = fake_fit(self, draws=4).idata
    return self.idata


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
@pytest.mark.filterwarnings("ignore::glimmer.errors.DesignWarning")  # roaches have two groups
def test_block(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelBuilder, "fit", fit)
    monkeypatch.setattr(gl.NlmerBuilder, "fit", fit)
    matplotlib.use("agg")
    exec(block, {"gl": gl, "pm": pm, **TABLES})  # noqa: S102


def test_the_error_that_is_shown() -> None:
    shown = re.search(r">>> (gl\.GlmerBuilder.*)\nUnknownColumn: (.*?)```", README, re.S)
    assert shown is not None
    with pytest.raises(UnknownColumn) as raised:
        eval(shown[1], {"gl": gl, **TABLES})  # noqa: S307
    assert str(raised.value) == shown[2].rstrip("\n")
