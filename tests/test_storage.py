"""Saved models: the same numbers in another process, and clear errors for anything else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import arviz as az
import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_fit import fake_fit
from methods import log_lik, posterior_epred, posterior_predict, save

import glimmer as gl
from glimmer import record
from glimmer.builders.gamm4 import Gamm4Builder
from glimmer.builders.nlmer import NlmerBuilder
from glimmer.builders.saved import load
from glimmer.errors import NotFitted, StoreError
from glimmer.families import FAMILIES, Family, Link, get_family, register_family
from glimmer.fitted import Settings
from glimmer.store.files import (
    ARRAYS,
    CONTENTS,
    DRAWS,
    SUMS,
    TEXT,
    Stored,
    _digest,
    read_store,
    write_store,
)

rng = np.random.default_rng(5)
DATA = pd.DataFrame(
    {
        "y": rng.normal(size=40),
        "n": rng.integers(3, 9, 40),
        "x": rng.normal(size=40),
        "f": pd.Categorical(rng.choice(["lo", "mid", "hi"], 40), ["lo", "mid", "hi"], ordered=True),
        "g": np.repeat(["a/b", "..", "ü|%2F", " ", "e"], 8),
        "h": np.tile(range(5), 8),
        "w": rng.uniform(1, 2, 40),
        "unused": rng.normal(size=40),
    }
)
DATA["k"] = rng.binomial(DATA.n, 0.4)


def _model(name):
    if name == "curve":
        formula = "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"
        return fake_fit(NlmerBuilder(formula, gl.load_data("Orange")))
    if name == "smooth":
        return fake_fit(Gamm4Builder("y ~ s(x, k=6)", DATA, random="~ (1 | g)"))
    arguments = {
        "slopes": {"formula": "y ~ f + poly(x, 2) + (x | g) + (1 | h)"},
        "binomial": {
            "formula": "cbind(k, n - k) ~ x + offset(log(w)) + (1 | h)",
            "family": "binomial",
            "link": "cloglog",
        },
        "weighted": {"formula": "y ~ 0 + f + (0 + x || h)", "weights": gl.precision_weights("w")},
        "offset": {"formula": "y ~ x", "offset": DATA.w.values, "prior": gl.hs()},
    }[name]
    return fake_fit(gl.GlmerBuilder(data=DATA, **arguments))


MODELS = ("slopes", "binomial", "weighted", "offset", "smooth", "curve")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = _model("slopes")
    model.settings = Settings(draws=7, random_seed=3, extra={"maxdepth": 5, "callback": print})
    return model, save(model, tmp_path_factory.mktemp("store") / "model")


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_gives_the_same_numbers(name, tmp_path):
    model = _model(name)
    other = load(save(model, tmp_path / "m"))
    assert type(other) is type(model) and record.same(model.spec, other.spec)
    for group in model.idata.children:
        one, two = (m.idata[group].to_dataset() for m in (model, other))
        xr.testing.assert_identical(one, two)
        assert all(one[v].dtype == two[v].dtype for v in one.variables)
    for function in (posterior_epred, posterior_predict, log_lik):
        one, two = (function(m, random_seed=1).values for m in (model, other))
        np.testing.assert_array_equal(one, two)


def test_the_training_rows_come_back(saved):
    model, path = saved
    other = load(path)
    for name in ("y", "x", "f", "g", "h"):
        one, two = model.frame[name], other.frame[name]
        assert type(one) is type(two)
        values = "codes" if hasattr(one, "codes") else "values"
        np.testing.assert_array_equal(getattr(one, values), getattr(two, values))
    assert other.frame["f"].levels == ("lo", "mid", "hi") and other.frame["f"].ordered
    assert "unused" not in other.frame.names and other.frame["h"].kind == "int"
    np.testing.assert_array_equal(other.design.rows, model.design.rows)
    half = other.on_rows(np.arange(20))
    assert half.design.n == 20 and [v.name for v in half.build().free_RVs]
    assert other.settings == Settings(draws=7, random_seed=3, extra={"maxdepth": 5})


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_does_not_depend_on_what_was_looked_at(name, tmp_path):
    model = _model(name)
    first = save(model, tmp_path / "first")
    for column in model.frame.names:
        assert len(model.frame[column].missing)
    second = save(model, tmp_path / "second")
    assert (first / TEXT).read_bytes() == (second / TEXT).read_bytes()
    assert (first / ARRAYS).read_bytes() == (second / ARRAYS).read_bytes()
    assert set(load(first).frame.names) == READ[name]


READ = {
    "slopes": {"y", "f", "x", "g", "h"},
    "binomial": {"k", "n", "x", "w", "h"},
    "weighted": {"y", "f", "x", "h", "w"},
    "offset": {"y", "x"},
    "smooth": {"y", "x", "g"},
    "curve": {"circumference", "age", "Tree"},
}
"""The columns that each model reads."""


SCRIPT = """
import sys, numpy, glimmer
from glimmer.builders.saved import load
model = load(sys.argv[1])
new = {"x": [0.3, -1.0], "f": ["hi", "lo"], "g": ["..", "unseen"], "h": [4, 99]}
drawn = [model.posterior_predict(random_seed=8), model.posterior_predict(new, random_seed=8)]
numpy.savez(sys.argv[2], *drawn)
"""


def test_the_same_numbers_in_another_process(saved, tmp_path):
    model, path = saved
    out = tmp_path / "drawn.npz"
    subprocess.run([sys.executable, "-c", SCRIPT, str(path), str(out)], check=True)
    new = {"x": [0.3, -1.0], "f": ["hi", "lo"], "g": ["..", "unseen"], "h": [4, 99]}
    with np.load(out, allow_pickle=False) as there:
        here = [
            posterior_predict(model, random_seed=8),
            posterior_predict(model, new, random_seed=8),
        ]
        for i, drawn in enumerate(here):
            np.testing.assert_array_equal(there[f"arr_{i}"], drawn)


def test_the_files(saved):
    model, path = saved
    assert {file.name for file in path.iterdir()} == {*CONTENTS, SUMS}
    text = json.loads((path / TEXT).read_text())
    assert text["format"] == 2 and text["model"]["#"] == "dict"
    draws = az.from_netcdf(path / DRAWS)
    np.testing.assert_array_equal(draws["posterior"]["1|h"], model.idata["posterior"]["1|h"])
    assert "glimmer_spec" not in draws.attrs
    assert not any(b"pickle" in (path / name).read_bytes() for name in CONTENTS)


def test_any_name_is_a_name(tmp_path):
    names = ["1|../x", "a/b", ".", "..", "%2F", " ", "ü\n", "x" * 300, "/etc/passwd", "C:\\", "\0"]
    dataset = xr.Dataset(
        {"v": (("chain", "dim/../é"), np.arange(6.0).reshape(2, 3))},
        coords={"dim/../é": ["a/b", "", "ü"]},
    )
    from glimmer.store.files import _quoted, unquote

    for name in names:
        assert unquote(_quoted(name)) == name and "/" not in _quoted(name)
    assert len({_quoted(name) for name in names}) == len(names)
    safe = {n for n in names if "/" not in n}
    for i, name in enumerate(safe):
        dataset[name] = (("chain",), np.array([i, -i]))
    tree = xr.DataTree.from_dict({"posterior": dataset.rename({"dim/../é": "dim .. é"})})
    write_store(tmp_path / "m", Stored("{}", [], tree))
    read = read_store(tmp_path / "m").draws
    xr.testing.assert_identical(read["posterior"].to_dataset(), tree["posterior"].to_dataset())
    assert sorted(file.name for file in tmp_path.rglob("*")) == sorted(["m", *CONTENTS, SUMS])


def test_arrays_of_any_shape(tmp_path):
    arrays = [
        np.empty((4, 0)),
        np.array(2.5),
        np.array([True, False]),
        np.arange(3, dtype=np.int32),
    ]
    arrays.append(np.array([np.nan, -0.0, np.inf, 5e-324]))
    write_store(tmp_path / "m", Stored("{}", arrays, xr.DataTree()))
    for one, two in zip(arrays, read_store(tmp_path / "m").arrays, strict=True):
        assert one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()


def test_nothing_is_overwritten_unasked(saved, tmp_path):
    model, path = saved
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    before = (copy / SUMS).read_text()
    with pytest.raises(StoreError, match="already exists"):
        save(model, copy)
    assert (copy / SUMS).read_text() == before
    other = _model("binomial")
    save(other, copy, overwrite=True)
    assert load(copy).spec.formula == other.spec.formula
    assert [file.name for file in tmp_path.iterdir()] == ["copy"]
    (copy / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match="not a saved model"):
        save(model, copy, overwrite=True)
    assert (copy / "thesis.tex").read_text() == "precious"


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"x": ("d", [object()])})})
    with pytest.raises(StoreError, match="cannot be written"):
        write_store(tmp_path / "m", Stored("{}", [], tree))
    assert list(tmp_path.iterdir()) == []


def test_random_damage(saved, tmp_path):
    """Truncated, emptied, lengthened, with a bit flipped: `StoreError`, which names the file."""
    _, path = saved
    random = np.random.default_rng(11)
    for trial in range(60):
        copy = tmp_path / str(trial)
        shutil.copytree(path, copy)
        file = copy / str(random.choice([*CONTENTS, SUMS]))
        body = bytearray(file.read_bytes())
        kind = random.choice(["flip", "flip", "cut", "empty", "longer", "gone"])
        if kind == "flip":
            at = int(random.integers(len(body)))
            body[at] ^= 1 << int(random.integers(8))
        elif kind == "cut":
            body = body[: int(random.integers(len(body)))]
        elif kind == "empty":
            body = bytearray()
        elif kind == "longer":
            body += b"\0" * 9
        file.write_bytes(body)
        if kind == "gone":
            file.unlink()
        with pytest.raises(StoreError, match=str(copy)):
            load(copy)


def _resigned(path: Path) -> None:
    lines = [f"{_digest(path / name)}  {name}\n" for name in CONTENTS]
    (path / SUMS).write_text("".join(lines))


def test_damage_with_matching_checksums(saved, tmp_path):
    """As by a program that writes another thing: still `StoreError` and nothing else."""
    _, path = saved
    random = np.random.default_rng(12)
    text = (path / TEXT).read_text()
    failures = 0
    for trial in range(25):
        copy = tmp_path / str(trial)
        shutil.copytree(path, copy)
        at = int(random.integers(len(text)))
        replaced = text[:at] + str(random.choice(list('{}[]",:#0a-'))) + text[at + 1 :]
        (copy / TEXT).write_text(replaced)
        _resigned(copy)
        try:
            load(copy)
        except StoreError:
            failures += 1
    assert failures > 15


def test_other_versions(saved, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(saved[1], copy)
    text = json.loads((copy / TEXT).read_text())
    (copy / TEXT).write_text(json.dumps({**text, "format": 3, "package": "9.9"}))
    _resigned(copy)
    with pytest.raises(StoreError, match=r"format 3.*'9.9'") as caught:
        load(copy)
    assert "pymc-glimmer 9.9" in caught.value.fix
    text["model"]["items"][0][1] = "OtherBuilder"
    (copy / TEXT).write_text(json.dumps(text))
    _resigned(copy)
    with pytest.raises(StoreError, match="OtherBuilder"):
        load(copy)


def _huge(file):
    file.create_dataset("0", shape=(10**15,), dtype="f8", chunks=(1000,))


def _external(file):
    file.create_dataset("0", shape=(8,), dtype="f8", external=[("/etc/passwd", 0, 64)])


def _linked(file):
    file["0"] = h5py.ExternalLink("elsewhere.h5", "/")


def _soft(file):
    file["0"] = h5py.SoftLink("/")


def _cyclic(file):
    file["0"] = file["/"]


REACHING = {
    _huge: "declares",
    _external: "other files",
    _linked: "other places",
    _soft: "other places",
    _cyclic: "too deep",
}


@pytest.mark.parametrize("make", REACHING)
@pytest.mark.parametrize("name", [ARRAYS, DRAWS])
def test_files_that_reach_too_far(saved, tmp_path, make, name):
    copy = tmp_path / "copy"
    shutil.copytree(saved[1], copy)
    with h5py.File(copy / name, "w") as file:
        make(file)
    _resigned(copy)
    with pytest.raises(StoreError, match=REACHING[make]):
        load(copy)


def test_nothing_there(tmp_path):
    with pytest.raises(StoreError, match="no saved model"):
        load(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=SUMS):
        load(tmp_path)
    with pytest.raises(NotFitted):
        save(gl.GlmerBuilder("y ~ x", DATA), tmp_path / "m")


def test_what_cannot_be_saved(tmp_path):
    import pymc as pm

    model = _model("offset")
    parts = [pm.Normal.dist(-1, 1), pm.Normal.dist(1, 1)]
    prior = pm.Mixture.dist([0.5, 0.5], parts)
    other = gl.GlmerBuilder("y ~ x", DATA, prior=prior)
    other.idata = model.idata
    with pytest.raises(StoreError, match="VariablePrior"):
        save(other, tmp_path / "m")
    assert not (tmp_path / "m").exists()
    model.functions = {"double": lambda x: 2 * x}
    save(model, tmp_path / "f")
    with pytest.raises(StoreError, match="double"):
        load(tmp_path / "f")
    assert load(tmp_path / "f", functions=model.functions).functions is model.functions


def test_families_are_saved_by_name():
    for name, family in FAMILIES.items():
        for link in family.links:
            read = record.loads(record.dumps(get_family(name, link)))
            assert (read.name, read.link_name) == (name, link)


def test_families_of_ones_own(monkeypatch):
    import pymc as pm

    monkeypatch.setattr("glimmer.families.registry.FAMILIES", dict(FAMILIES))
    own = Family(
        "laplace",
        dist=lambda mu, b: pm.Laplace.dist(mu, b),
        link=Link("half", lambda mu: mu / 2, lambda eta: 2 * eta),
        aux={"b": gl.exponential(1)},
    )
    with pytest.raises(StoreError, match="register_family"):
        record.dumps(own)
    register_family(own)
    text = record.dumps(get_family("laplace"))
    assert record.loads(text).link_name == "half"
    with pytest.raises(StoreError, match="link 'half'"):
        record.dumps(get_family("gaussian").with_link(own.link))
    with pytest.raises(StoreError, match="link 'log'"):
        record.dumps(get_family("poisson", Link("log", lambda m: m, lambda e: e)))
    monkeypatch.undo()
    with pytest.raises(StoreError, match="'laplace'"):
        record.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[",
        '{"#": "Nothing"}',
        '{"#": "ModelSpec"}',
        '{"#": "float", "value": "2"}',
        '{"#": ["x"]}',
        '{"#": "aside", "at": 0}',
        '{"#": "aside", "at": "0"}',
        '{"#": "array", "dtype": "object", "shape": [1], "value": [1]}',
        '{"#": "array", "dtype": "int64", "shape": [3], "value": [1]}',
        '{"#": "array", "dtype": "int64", "shape": [1], "value": [1e400]}',
        '{"#": "dict", "items": [[{"#": "array", "dtype": "bool", "shape": [0], "value": []}, 1]]}',
        "[" * 100_000,
    ],
)
def test_damaged_specifications(text):
    with pytest.raises(StoreError):
        record.loads(text)
