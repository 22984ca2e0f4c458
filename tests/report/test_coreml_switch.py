"""`mobilecat_coreml` in another project's pytest: coremltools predicts there, and only there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "coreml_testing.md"
SUITE = """
import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb


def test_exp(tmp_path):
    @mb.program(input_specs=[mb.TensorSpec((2, 3))], opset_version=ct.target.iOS16)
    def made(x):
        return mb.exp(x=x, name="y")

    model = ct.convert(made, minimum_deployment_target=ct.target.iOS16)
    model.save(str(tmp_path / "p.mlpackage"))
    loaded = ct.models.MLModel(str(tmp_path / "p.mlpackage"))
    x = np.arange(6, dtype=np.float32).reshape(2, 3) / 6
    np.testing.assert_allclose(loaded.predict({"x": x})["y"], np.exp(x), rtol=2e-3)
"""

GUARDS = """
import coremltools as ct
import pytest
import sys


@pytest.mark.skipif(sys.platform != "darwin", reason="predict needs macOS")
def test_guarded_by_the_platform():
    pass


@pytest.mark.skipif(not ct.utils._is_macos(), reason="predict needs macOS")
def test_guarded_by_coremltools():
    pass


@pytest.mark.skip(reason="slow: a machine with more memory")  # "machine" names no Mac
def test_of_something_else():
    pass
"""


def suite(folder: Path, ini: str, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a project of its own."""
    (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{ini}\n")
    (folder / "test_it.py").write_text(text)
    path = os.pathsep.join(filter(None, [str(ROOT), *sys.path]))
    env = {**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "mobilecat.pytest_plugin", "-q",
               "-p", "no:cacheprovider", *more]  # fmt: skip
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=200)


def test_one_line_of_the_ini_file_lets_coremltools_predict(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import coremltools\n")
    done = suite(tmp_path, "mobilecat_coreml = true", GUARDS + SUITE, "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Core ML: mobilecat.runtime; it is not Apple's" in done.stdout
    assert "Failed to load _ML" not in done.stdout + done.stderr
    if sys.platform != "darwin":
        assert "2 passed, 2 skipped" in done.stdout
        assert "1 test was skipped with a reason that names macOS" in done.stdout


@pytest.mark.skipif(sys.platform == "darwin", reason="NOT_RUN: here Core ML itself predicts")
def test_without_it_nothing_changes(tmp_path: Path) -> None:
    done = suite(tmp_path, "", SUITE)
    assert done.returncode == 1 and "macOS" in done.stdout
    assert "Core ML:" not in done.stdout


def test_a_precision_may_be_named(tmp_path: Path) -> None:
    """At the end of float16's range, its exact arithmetic overflows, and float32 does not."""
    suite_of_halves = SUITE.replace("np.arange(6, dtype=np.float32).reshape(2, 3) / 6",
                                    "np.full((2, 3), 11.5, np.float32)")  # fmt: skip
    exact = suite(tmp_path, 'mobilecat_coreml = "float16-exact"', suite_of_halves)
    assert exact.returncode == 1 and "inf" in exact.stdout, exact.stdout
    fast = suite(tmp_path, "", suite_of_halves, "--mobilecat-coreml", "float32", "-v")
    assert fast.returncode == 0 and "mobilecat.runtime, float32" in fast.stdout, fast.stdout
    wrong = suite(tmp_path, 'mobilecat_coreml = "half"', SUITE)
    assert wrong.returncode == 4 and "float16-exact" in wrong.stderr + wrong.stdout
    assert "Traceback" not in wrong.stderr


def test_the_example_of_the_page(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="NOT_RUN: no torch")
    (example,) = re.findall(r"```python\n(import coremltools.*?)```", PAGE.read_text(), re.DOTALL)
    done = suite(tmp_path, "mobilecat_coreml = true", example)
    assert done.returncode == 0, done.stdout + done.stderr
