"""k_check and concurvity agree with mgcv's k.check and concurvity (smooth_checks.json).

The figures are of R 4.2.2 with mgcv 1.8-41. Covariates of the surfaces were spread over the unit
square without ties: rows equally far could be neighbours in any order, and mgcv's distances between
rows depend on the units of a tensor product's covariates, which ours do not.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agreement import critical, seed
from methods import concurvity, k_check
from reml import FLAT, Restricted

import glimmer as gl

ANSWERS = json.loads((Path(__file__).parent / "reference" / "smooth_checks.json").read_text())
CASES = [name for name in ANSWERS if name != "versions"]


def model_at_reml(name):
    """The model with one draw, that of its coefficients' mean at REML's standard deviations.

    Beside ti() the penalty of s() has another scale than mgcv's: REML's maximum is found anew.
    """
    known = ANSWERS[name]
    likelihood = Restricted(gl.Gamm4Builder(known["formula"], pd.DataFrame(known["data"]), **FLAT))
    blocks = likelihood.builder.spec.smooth_blocks
    scales = {sd: named.block.scale for named in blocks for sd in named.sds}
    sds = zip(scales.items(), known["sd_smooth"][: len(scales)], strict=True)
    point = {sd: value * scale for (sd, scale), value in sds}
    point["sigma"] = float(np.sqrt(known["sig2"]))
    return likelihood.fitted(likelihood.maximum(point) if "_ti" in name else point)


@pytest.mark.parametrize("name", CASES)
def test_k_check_is_mgcvs(name):
    """The index, and the p-value as far as random permutations allow."""
    known = {key: np.atleast_1d(value) for key, value in ANSWERS[name]["k_check"].items()}
    table = k_check(model_at_reml(name), "response", permutations=2000, random_seed=seed(1))
    assert table.index.tolist() == np.atleast_1d(ANSWERS[name]["smooths"]).tolist()
    assert table["k"].tolist() == known["k"].tolist()
    near = 1e-2 if "_ti" in name else 1e-4
    np.testing.assert_allclose(table["edf"], known["edf"], rtol=near)
    np.testing.assert_allclose(table["k_index"], known["index"], rtol=near)
    p = known["p"]
    error = np.sqrt(np.maximum(p * (1 - p), 0.002) * (1 / 2000 + 1 / 4000))
    assert (np.abs(table["p_value"] - p) < critical() * error).all()


@pytest.mark.parametrize("name", CASES)
def test_concurvity_is_mgcvs(name):
    """To rounding error; "observed" as nearly as the fit."""
    model, known = model_at_reml(name), ANSWERS[name]
    full, pairs = concurvity(model), concurvity(model, full=False)
    assert list(full) == known["terms"]
    for measure in full.index:
        near = 2e-2 if "_ti" in name and measure == "observed" else 1e-6
        np.testing.assert_allclose(full.loc[measure], known["full"][measure], rtol=near, atol=1e-9)
        pair = pairs[measure]
        np.testing.assert_allclose(pair, known["pairs"][measure], rtol=near, atol=1e-9)
