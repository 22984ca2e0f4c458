"""Reading is safe: weights, manifests and specifications that are wrong, and a slice of fuzzing."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.runtime.weights import unpack
from tests.conftest import ROOT
from tests.formats.coreml.runtime.builders import layer, model, network, numbers, program, save


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from coremltools.converters.mil import Builder as mb

    weight = numbers(30, 20)
    return program(
        tmp_path_factory.mktemp("package") / "p.mlpackage",
        lambda x: mb.linear(x=x, weight=weight, name="y"),
        {"x": (2, 20)},
    )


def copied(package: Path, to: Path) -> Path:
    import shutil

    return Path(shutil.copytree(package, to / "copy.mlpackage"))


PACKED = (
    # two's complement; the lowest bits of a byte come first
    ("uint4", [0x21, 0x43], [1, 2, 3, 4]),
    ("int4", [0x8F, 0x07], [-1, -8, 7]),
    ("uint1", [0b00000101], [1, 0, 1]),
    ("uint2", [0b11_10_01_00], [0, 1, 2, 3]),
    ("uint3", [0b11_010_001, 0b0000_0001], [1, 2, 7]),
    ("uint6", [0b01_000001, 0b0000_0000], [1, 1]),
    ("int8", [0xFF, 0x7F], [-1, 127]),
    ("fp16", [0x00, 0x3C], [1.0]),
    ("bf16", [0x80, 0x3F], [1.0]),
)


@pytest.mark.parametrize(("kind", "data", "expected"), PACKED, ids=[p[0] for p in PACKED])
def test_elements_smaller_than_a_byte(kind: str, data: list[int], expected: list[float]) -> None:
    found = unpack(np.array(data, np.uint8), kind, len(expected))
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ArtifactError):
        unpack(np.array(data, np.uint8), kind, 100)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sentinel", 0, "no weight record"),
        ("type", 2**31, "no weight record"),
        ("type", 3, "the program declares"),
        ("size", 2**60, "outside"),
        ("size", 8, "do not hold"),
        ("start", 2**63, "outside"),
    ],
)
def test_damaged_weight_records(
    field: str, value: int, said: str, package: Path, tmp_path: Path
) -> None:
    copy = copied(package, tmp_path)
    file = next(copy.rglob("weight.bin"))
    data = bytearray(file.read_bytes())
    record = list(struct.unpack_from("<IIQQQ", data, 64))
    record[["sentinel", "type", "size", "start"].index(field)] = value
    struct.pack_into("<IIQQQ", data, 64, *record)
    file.write_bytes(data)
    with pytest.raises(ArtifactError, match=said):
        runtime.load(copy).predict({"x": numbers(2, 20)})


@pytest.mark.parametrize("length", [0, 63, 100, 200])
def test_truncated_weights(length: int, package: Path, tmp_path: Path) -> None:
    copy = copied(package, tmp_path)
    file = next(copy.rglob("weight.bin"))
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ArtifactError):
        runtime.load(copy).predict({"x": numbers(2, 20)})


@pytest.mark.parametrize(
    "path",
    [
        "../../../secret",
        "/etc/passwd",
        "com.apple.CoreML/../../../secret",
        "a\\..\\b",
        "",
        "\0",
        "nothing",
    ],
)
def test_manifest_tricks(path: str, package: Path, tmp_path: Path) -> None:
    copy = copied(package, tmp_path)
    (tmp_path / "secret").write_bytes(next(copy.rglob("model.mlmodel")).read_bytes())
    manifest = json.loads((copy / "Manifest.json").read_text())
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = path
    (copy / "Manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError):
        runtime.load(copy)


def test_a_link_out_of_the_package(package: Path, tmp_path: Path) -> None:
    copy = copied(package, tmp_path)
    file = next(copy.rglob("weight.bin"))
    file.rename(tmp_path / "elsewhere.bin")
    file.symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ArtifactError, match="leaves the package"):
        runtime.load(copy).predict({"x": numbers(2, 20)})


@pytest.mark.parametrize("manifest", ["", "[]", "{}", "null", '{"itemInfoEntries": {"a": 1}}'])
def test_broken_manifests(manifest: str, package: Path, tmp_path: Path) -> None:
    copy = copied(package, tmp_path)
    (copy / "Manifest.json").write_text(manifest)
    with pytest.raises(ArtifactError, match=r"Manifest\.json"):
        runtime.load(copy)


def test_what_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "m.mlmodel"
    with pytest.raises(ArtifactError, match="no such file"):
        runtime.load(file)
    for data in (b"", b"\xff" * 100, b"not a model"):
        file.write_bytes(data)
        with pytest.raises(ArtifactError):
            runtime.load(file)
    compiled = tmp_path / "m.mlmodelc"
    compiled.mkdir()
    with pytest.raises(ArtifactError, match="mlpackage"):
        runtime.load(compiled)


def test_absurd_shapes_cost_nothing(tmp_path: Path) -> None:
    spec = network({"x": (2,)}, {"y": (2,)})
    layer(spec.neuralNetwork, "fillStatic", [], ["y"]).targetShape.extend([1 << 20, 1 << 20])
    with pytest.raises(ArtifactError, match="absurdly large"):
        runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": np.float32([1, 2])})


def test_programs_that_contradict_themselves(package: Path, tmp_path: Path) -> None:
    def read_before_made(block: Any) -> None:
        op = next(o for o in block.operations if o.type == "linear")
        op.inputs["x"].arguments[0].name = op.outputs[0].name

    def given_twice(block: Any) -> None:
        last = block.operations[-1]
        block.operations.add().CopyFrom(last)

    def returned_from_nowhere(block: Any) -> None:
        block.outputs[0] = "ghost"

    for damage, said in (
        (read_before_made, "which nothing makes"),
        (given_twice, "given twice"),
        (returned_from_nowhere, "ghost"),
    ):
        copy = copied(package, tmp_path / damage.__name__)
        file = next(copy.rglob("model.mlmodel"))
        spec = model()
        spec.ParseFromString(file.read_bytes())
        function = spec.mlProgram.functions["main"]
        damage(function.block_specializations[function.opset])
        file.write_bytes(spec.SerializeToString())
        with pytest.raises(ArtifactError, match=said):
            runtime.load(copy)


def test_unknown_ops_are_listed_together(package: Path, tmp_path: Path) -> None:
    copy = copied(package, tmp_path)
    file = next(copy.rglob("model.mlmodel"))
    spec = model()
    spec.ParseFromString(file.read_bytes())
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    for name in ("mystery", "riddle"):
        op = block.operations.add()
        op.type = name
        op.outputs.add().name = f"{name}_out"
    file.write_bytes(spec.SerializeToString())
    with pytest.raises(runtime.UnsupportedOp, match="mystery, riddle") as caught:
        runtime.load(copy)
    assert len(caught.value.problems) == 2


def test_too_new_and_unknown_kinds(tmp_path: Path) -> None:
    spec = network({"x": (2,)}, {"y": (2,)}, spec=model(99))
    with pytest.raises(runtime.UnsupportedOp, match="99"):
        runtime.load(save(spec, tmp_path / "m.mlmodel"))
    trees = model(4)
    trees.treeEnsembleRegressor.SetInParent()
    with pytest.raises(runtime.UnsupportedOp, match="treeEnsembleRegressor"):
        runtime.load(save(trees, tmp_path / "m.mlmodel"))


def test_inputs_that_do_not_fit_are_listed_together(tmp_path: Path) -> None:
    spec = network({"x": (2, 3), "z": (1,)}, {"y": (2, 3)})
    layer(spec.neuralNetwork, "copy", ["x"], ["y"])
    loaded = runtime.load(save(spec, tmp_path / "m.mlmodel"))
    with pytest.raises(runtime.InputError) as caught:
        loaded.predict({"x": np.zeros((3, 2)), "w": 1})
    assert sorted(p.where for p in caught.value.problems) == ["w", "x", "z"]


def test_reading_imports_neither_coremltools_nor_a_lowering(package: Path) -> None:
    code = (
        "import sys, numpy as np; from mobilecat import runtime;"
        f"runtime.load({str(package)!r}).predict({{'x': np.zeros((2, 20), np.float32)}});"
        "doors = ['', '.runtime', '.errors', '.formats', '.formats.coreml'];"
        "ours = [m for m in sys.modules if m.startswith('mobilecat') and m[9:] not in doors];"
        "bad = [m for m in ours if not m.startswith('mobilecat.formats.coreml.runtime')];"
        "bad += ['coremltools'] if 'coremltools' in sys.modules else [];"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]


def test_a_slice_of_fuzzing() -> None:
    command = [sys.executable, str(ROOT / "tools" / "fuzz_runtime.py"), "--count", "300"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "300 damaged files" in done.stdout
