"""A package that others import is imported at its first use."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from glimmer.sampling.deferred_imports import import_meanwhile, imported_later

NUTPIE = """
import sys
import glimmer.sampling.nutpie_compile

assert "arviz" not in sys.modules
later = sys.modules["nutpie.sample"].arviz
assert later.from_dict.__name__ == "from_dict"
import arviz
assert later.from_dict is arviz.from_dict
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "heavy_package.py").write_text("weight = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "heavy_package"
    sys.modules.pop("heavy_package", None)


def test_a_stand_in_imports_the_package_at_its_first_use(package):
    with imported_later(package):
        import heavy_package as stand_in
    assert package not in sys.modules
    assert stand_in.weight == 3
    assert sys.modules[package] is not stand_in


def test_a_package_that_is_used_meanwhile(package):
    with imported_later(package):
        from heavy_package import weight
    assert weight == 3
    assert sys.modules[package].weight == 3


def test_a_package_that_is_imported_already(package):
    import heavy_package as before

    with imported_later(package):
        import heavy_package as after
    assert after is before


def test_nutpie_does_without_arviz():
    subprocess.run([sys.executable, "-c", NUTPIE], check=True)


def test_a_package_is_imported_by_another_thread(package):
    import_meanwhile(package)
    deadline = time.monotonic() + 10
    while getattr(sys.modules.get(package), "weight", None) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_package_that_is_not_there_is_of_no_consequence(capsys):
    import_meanwhile("no_such_package")
    time.sleep(0.1)
    assert capsys.readouterr().err == ""
