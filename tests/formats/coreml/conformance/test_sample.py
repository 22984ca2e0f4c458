"""A fixed sample of coremltools' own op tests, predicting with this runtime: it may not get worse.

The whole is `python -m tools.conformance.run`, its table docs/conformance.md.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tools.conformance.report import passed, predicting
from tools.conformance.run import coremltools_folder

BASELINE: dict[str, Any] = json.loads((Path(__file__).parent / "baseline.json").read_text())
_FILES = [
    f"converters/mil/mil/ops/tests/{opset}/test_{name}.py"
    for opset, names in {
        "iOS14": "activation conv elementwise_unary image_resizing linear normalization pool "
        "reduction scatter_gather tensor_operation tensor_transformation",
        "iOS16": "constexpr_ops scatter_gather",
        "iOS17": "image_resizing scatter_gather tensor_transformation",
        "iOS18": "compression",
    }.items()
    for name in names.split()
]


def run_sample(target: Path, backend: str) -> dict[str, Any]:
    """Run 1 test in BASELINE[backend]["sample"]; return the records of those that predict."""
    files = [f for f in _FILES if backend == "mlprogram" or "/iOS14/" in f]
    base = coremltools_folder()
    command = [
        *(sys.executable, "-m", "pytest", *(str(base / f) for f in files), "-c", os.devnull),
        *("--rootdir", str(base), "-p", "tools.conformance.plugin", "-p", "no:cacheprovider"),
        *("-q", "--tb=no", "--disable-warnings", "--backend", backend),
        *("--records", str(target), "--sample", str(BASELINE[backend]["sample"])),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("INCLUDE_MIL_FP32_UNIT_TESTS", None)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900)
    assert target.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    return predicting(json.loads(target.read_text())["records"])


@pytest.mark.parametrize("backend", ["mlprogram", "neuralnetwork"])
def test_no_test_of_the_sample_is_lost(tmp_path: Path, backend: str) -> None:
    baseline = BASELINE[backend]
    version = importlib.metadata.version("coremltools")
    if version != BASELINE["coremltools"]:
        pytest.skip(f"NOT_RUN: the sample was taken from coremltools {BASELINE['coremltools']}")
    records = run_sample(tmp_path / "records.json", backend)
    failed = {k: f"{r['outcome']}: {r['why']}" for k, r in records.items() if not passed(r)}
    good = len(records) - len(failed)
    assert good >= baseline["passed"], "\n".join(f"{k}\n    {v}" for k, v in failed.items())
    assert set(failed) <= set(baseline["failing"])
