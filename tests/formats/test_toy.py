"""A new format is one folder and one line: `tests/formats/toy`, and its line in the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tiny import save_yunet_like

ROOT = Path(__file__).resolve().parents[2]
WITH_TOY = (
    "import mobilecat.formats.table as table\n"
    "from tests.formats.toy.format import TOY\n"
    "table.FORMATS['toy'] = TOY\n"  # the one line
    "from mobilecat.cli.main import main\n"
    "main()\n"
)
SPEC = """source = "net.onnx"
[input]
size = [96, 64]
color = "BGR"
[head]
kind = "yunet"
[nms]
score_threshold = 0.3
[targets.toy]
[targets.onnx]
"""


def mobilecat(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("CI", None)
    command = [sys.executable, "-c", WITH_TOY, *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    save_yunet_like(folder / "net.onnx")
    (folder / "spec.toml").write_text(SPEC)
    pixels = np.random.default_rng(1).integers(0, 256, (70, 90, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    done = mobilecat(folder, "export", "spec.toml", "-o", "b")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_export_and_inspect(work: Path) -> None:
    bundle = json.loads((work / "b" / "bundle.json").read_text())
    assert [a["kind"] for a in bundle["artifacts"]] == ["onnx", "toy"]
    done = mobilecat(work, "inspect", "b/spec.toy", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["format"] == "Toy", done.stderr


def test_run_and_hold_to_a_golden(work: Path) -> None:
    done = mobilecat(work, "run", "b", "--runner", "toy", "--image", "photo.png")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        ("golden", "record", "b", "--golden", "g", "--image", "photo.png"),
        ("golden", "approve", "b", "photo", "--golden", "g"),
    ):
        done = mobilecat(work, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    done = mobilecat(work, "validate", "b", "--golden", "g")
    assert done.returncode == 0 and "toy:spec.toy" in done.stdout, done.stdout + done.stderr


def test_bisect(work: Path) -> None:
    done = mobilecat(work, "bisect", "b", "--runner", "toy", "--image", "photo.png", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["first"] is None and len(found["layers"]) > 20


def test_a_bare_model_is_compiled_to_it_too(work: Path) -> None:
    done = mobilecat(work, "export", "net.onnx", "-o", "bare")
    assert done.returncode == 0 and (work / "bare" / "net.toy").is_file(), done.stderr


def test_a_fault_in_it_alone_is_noticed(work: Path) -> None:
    import onnx

    from mobilecat.bundle.seal import sealed
    from mobilecat.disk import sha256_of

    file, contract = work / "b" / "spec.toy", work / "b" / "bundle.json"
    right, said = file.read_bytes(), contract.read_text()
    proto = onnx.load_from_string(right[4:])
    for init in proto.graph.initializer:
        if init.name.endswith("bbox_8.w"):
            init.raw_data = (onnx.numpy_helper.to_array(init) * 1.5).tobytes()
    file.write_bytes(right[:4] + proto.SerializeToString())
    data = json.loads(said)
    for record in data["artifacts"]:
        if record["kind"] == "toy":
            record["sha256"] = sha256_of(file)
    contract.write_text(json.dumps(sealed(data)))
    try:
        done = mobilecat(work, "validate", "b", "--golden", "g", "--no-write")
        assert done.returncode == 1 and "toy:spec.toy" in done.stdout
    finally:
        file.write_bytes(right)
        contract.write_text(said)
