"""What lies on disk: the same bytes each time, names, taps, images, precision, refusals."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.errors import ModelError
from mobilecat.formats.coreml import ImageInput
from mobilecat.formats.coreml.names import Names, legal
from mobilecat.formats.coreml.runtime.package import read_package
from tests.formats.coreml.lower.graphs import graph
from tests.formats.coreml.lower.harness import FORMATS, assert_same, compiled, run_artifact, tensor

SMALL = """g (float[1,3,6,10] x) => (float[1,4,6,10] y, float[1,3] z) {
  c = Conv <pads = [1,1,1,1]> (x, w)
  y = Relu (c)
  z = ReduceMean <keepdims = 0> (x, spatial)
}"""
SMALL_WEIGHTS = {"w": tensor(4, 3, 3, 3), "spatial": np.array([2, 3])}

REPEAT = """
import hashlib, sys
from pathlib import Path
from mobilecat.formats.onnx.read import import_onnx
from mobilecat.formats.coreml import LOWERINGS, ImageInput, write_coreml
out = Path(sys.argv[2])
for format, target in (("mlpackage", "iOS15"), ("mlmodel", "iOS14")):
    for precision in ("float16", "float32"):
        path = out / f"{precision}.{format}"
        write_coreml(
            import_onnx(Path(sys.argv[1])), path, format=format, precision=precision,
            deployment_target=target, image=ImageInput("x", "BGR"),
            labels=["b", "a"], metadata={"z": "1", "author": "me", "a": "2"},
        )
"""


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    graph(SMALL, tmp_path, **SMALL_WEIGHTS)
    found = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        out.mkdir()
        subprocess.run(
            [sys.executable, "-c", REPEAT, str(tmp_path / "graph.onnx"), str(out)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        found.append(digests(out))
    assert len(found[0]) == 8  # two packages of three files, two models
    assert found[0] == found[1]


def test_a_second_model_in_one_process_is_named_alike(tmp_path: Path) -> None:
    model = graph(SMALL, tmp_path, **SMALL_WEIGHTS)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        compiled(model, tmp_path / name, "mlpackage")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_manifest(tmp_path: Path) -> None:
    artifact = compiled(graph(SMALL, tmp_path, **SMALL_WEIGHTS), tmp_path, "mlpackage")
    manifest = json.loads((artifact.path / "Manifest.json").read_text())
    paths = {k: v["path"] for k, v in manifest["itemInfoEntries"].items()}
    assert sorted(paths.values()) == ["com.apple.CoreML/model.mlmodel", "com.apple.CoreML/weights"]
    assert paths[manifest["rootModelIdentifier"]].endswith("model.mlmodel")
    assert all((artifact.path / "Data" / p).exists() for p in paths.values())


def test_coremltools_reads_the_package(tmp_path: Path) -> None:
    """Apple's own reader of packages finds the model, and the model its weights."""
    from coremltools.libmodelpackage import ModelPackage

    artifact = compiled(graph(SMALL, tmp_path, **SMALL_WEIGHTS), tmp_path, "mlpackage")
    root = ModelPackage(str(artifact.path)).getRootModel().path()
    assert (
        Path(root).read_bytes()
        == (artifact.path / "Data/com.apple.CoreML/model.mlmodel").read_bytes()
    )


def test_without_weights_there_is_no_weights_folder(tmp_path: Path) -> None:
    model = graph("g (float[2,3] x) => (float[2,3] y) { y = Relu (x) }", tmp_path)
    artifact = compiled(model, tmp_path, "mlpackage")
    assert not (artifact.path / "Data/com.apple.CoreML/weights").exists()
    assert len(json.loads((artifact.path / "Manifest.json").read_text())["itemInfoEntries"]) == 1


# Names.


@pytest.mark.parametrize(
    ("name", "fixed"),
    [("input", "input"), ("419", "_419"), ("a/b:0", "a_b_0"), ("", "_"), ("état", "_tat"),
     ("state", "state_"), ("fp16", "fp16_"), ("_x", "_x")],
)  # fmt: skip
def test_legal_names(name: str, fixed: str) -> None:
    assert legal(name) == fixed


def test_names_are_handed_out_once() -> None:
    names = Names()
    assert [names.claim(n) for n in ("a.b", "a_b", "a/b", "a_b_1")] == [
        "a_b", "a_b_1", "a_b_2", "a_b_1_1",
    ]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
def test_illegal_and_clashing_names_are_mapped(format: str, tmp_path: Path) -> None:
    model = graph(
        "g (float[2,3] in1, float[2,3] in2) => (float[2,3] out1, float[2,3] out2) {"
        "  mid = Relu (in1) out1 = Add (mid, in2) out2 = Sub (mid, in2) }",
        tmp_path,
    )
    renamed = {"in1": "1", "in2": "a.b", "mid": "a_b", "out1": "a/b", "out2": "int32"}
    for value in (*model.graph.inputs, *(o for n in model.graph for o in n.outputs)):
        value.name = renamed[value.name or ""]
    artifact = compiled(model, tmp_path, format, taps=["a_b"])
    assert artifact.inputs == {"1": "_1", "a.b": "a_b"}
    assert artifact.outputs == {"a/b": "a_b_1", "int32": "int32_"}
    assert artifact.taps == {"a_b": "a_b_2"}
    x, y = tensor(2, 3), tensor(2, 3, seed=1)
    got = run_artifact(artifact, {"1": x, "a.b": y})
    assert_same(got["a/b"], np.maximum(x, 0) + y)
    assert_same(got["int32"], np.maximum(x, 0) - y)
    assert_same(got["a_b"], np.maximum(x, 0))


# Taps.


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_taps_hold_what_they_name(precision: str, tmp_path: Path) -> None:
    text = """g (float[2,5] x) => (float[2,5] y) {
      a = Relu (x)
      b = Identity (a)
      c = Add (one, one)
      y = Mul (b, c)
    }"""
    model = graph(text, tmp_path, one=np.float32(1))
    taps = ["a", "b", "y", "nowhere"]
    artifact = compiled(model, tmp_path, "mlpackage", taps=taps, precision=precision)
    assert "nowhere" not in artifact.taps
    x = np.float32([[1, -2, 3, 0.5, -0.25]] * 2)  # exact in float16
    got = run_artifact(artifact, {"x": x})
    assert_same(got["a"], np.maximum(x, 0))
    assert_same(got["y"], 2 * np.maximum(x, 0))


# Outputs and inputs at their edges.

EDGES = [  # graph, what it computes
    ("g (float[2,3] x) => (float[2,3] y) { y = Identity (x) }", lambda x: {"y": x}),
    ("g (float[2,3] x) => (float[2,3] y, float[2,3] z) { y = Relu (x) z = Identity (y) }",
     lambda x: {"y": np.maximum(x, 0), "z": np.maximum(x, 0)}),
    ("g (float[2,3] x, float[4] unused) => (float[2,3] y) { y = Relu (x) }",
     lambda x: {"y": np.maximum(x, 0)}),
    ("g (float[2,3] x) => (float y) { y = ReduceSum <keepdims = 0> (x) }",
     lambda x: {"y": x.sum()}),
    ("g (float[2,3] x) => (bool[2,3] y) { y = Greater (x, zero) }", lambda x: {"y": x > 0}),
    ("g (float[2,3] x) => (int64[2] y) { y = ArgMax <axis = 1, keepdims = 0> (x) }",
     lambda x: {"y": x.argmax(axis=1)}),
]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("text", "expected"), EDGES, ids=[t.split("{")[1] for t, _ in EDGES])
def test_edges(text: str, expected: object, format: str, tmp_path: Path) -> None:
    weights = {"zero": np.float32(0)} if "zero" in text else {}
    model = graph(text, tmp_path, **weights)
    artifact = compiled(model, tmp_path, format)
    x = tensor(2, 3)
    inputs = {"x": x} | ({"unused": tensor(4)} if "unused" in text else {})
    got = run_artifact(artifact, inputs)
    for name, want in expected(x).items():  # type: ignore[operator]
        assert_same(got[name], want)
    changed = "bool" in text or "int64" in text or "(float y)" in text
    assert bool(artifact.lints) == changed


def test_a_constant_output(tmp_path: Path) -> None:
    model = graph(
        "g (float[2] x) => (float[2] y, float[3] k) { y = Relu (x) k = Identity (fixed) }",
        tmp_path,
        fixed=np.float32([1, 2, 3]),
    )
    for format in FORMATS:
        got = run_artifact(compiled(model, tmp_path, format), {"x": tensor(2)})
        assert_same(got["k"], np.float32([1, 2, 3]))


# Images.


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("color", "channels"), [("RGB", 3), ("BGR", 3), ("GRAY", 1)])
def test_images(color: str, channels: int, format: str, tmp_path: Path) -> None:
    """The graph sees 0–255 in its own channel order; 5 rows, 7 columns, so a swap would show."""
    from mobilecat.formats.coreml import runtime

    text = f"g (float[1,{channels},5,7] x) => (float[1,{channels},5,7] y) {{ y = Add (x, half) }}"
    model = graph(text, tmp_path, half=np.float32(0.5))
    artifact = compiled(model, tmp_path, format, image=ImageInput("x", color))  # type: ignore[arg-type]
    loaded = runtime.load(artifact.path)
    (feature,) = loaded.inputs
    assert (feature.kind, feature.size_wh) == ("image", (7, 5))
    assert feature.color == ("GRAYSCALE" if color == "GRAY" else color)
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (5, 7, 3) if channels == 3 else (5, 7), np.uint8)
    got = loaded.predict({"x": Image.fromarray(pixels)})["y"]
    planes = pixels[None, None] if channels == 1 else pixels.transpose(2, 0, 1)[None]
    planes = planes[:, ::-1] if color == "BGR" else planes
    assert_same(got, planes + np.float32(0.5))


def test_image_refusals(tmp_path: Path) -> None:
    model = graph("g (float[1,3,5,7] x) => (float[1,3,5,7] y) { y = Relu (x) }", tmp_path)
    with pytest.raises(ModelError, match="'picture'; it has 'x'"):
        compiled(model, tmp_path, "mlpackage", image=ImageInput("picture", "RGB"))
    with pytest.raises(ModelError, match=r"GRAY image needs float32 \[1, 1, H, W\]"):
        compiled(model, tmp_path, "mlpackage", image=ImageInput("x", "GRAY"))


# Precision.

DECODE = """g (float[1,8] p) => (float[1,8] x) {
  cell = Add (p, column)
  x = Mul (cell, stride)
}"""
COLUMNS = {"column": np.arange(72, 80, dtype=np.float32)[None], "stride": np.float32(8)}


def test_decode_stays_in_float32_where_asked(tmp_path: Path) -> None:
    """Near x = 600 float16 is 0.5 px apart: asked for by name, the decode keeps its fractions."""
    model = graph(DECODE, tmp_path, **COLUMNS)
    p = np.float32([[0.11, 0.23, 0.37, 0.49, 0.53, 0.67, 0.71, 0.87]])
    want = (p + COLUMNS["column"]) * 8
    errors = {}
    for name, kept in (("half", frozenset()), ("kept", frozenset({"Add_0", "Mul_1"}))):
        (tmp_path / name).mkdir()
        artifact = compiled(
            model, tmp_path / name, "mlpackage", precision="float16", float32_names=kept
        )
        got = run_artifact(artifact, {"p": p}, precision="float16-exact")
        errors[name] = float(np.abs(got["x"] - want).max())
    assert errors["half"] > 0.1  # so the next line can fail
    assert errors["kept"] < 1e-4


def test_constants_past_float16_compute_in_float32(tmp_path: Path) -> None:
    model = graph(
        "g (float[4] x) => (float[4] y) { a = Mul (x, big) y = Mul (a, small) }",
        tmp_path,
        big=np.float32(1e6),
        small=np.float32(1e-3),
    )
    artifact = compiled(model, tmp_path, "mlpackage", precision="float16")
    assert any("does not fit float16" in lint and "Mul_0" in lint for lint in artifact.lints)


def test_half_precision_halves_the_weights(tmp_path: Path) -> None:
    text = "g (float[1,4,5,7] x) => (float[1,64,3,5] y) { y = Conv (x, w, b) }"
    model = graph(text, tmp_path, w=tensor(64, 4, 3, 3), b=tensor(64))
    x = tensor(1, 4, 5, 7)
    for format in FORMATS:
        sizes, results = [], []
        for precision in ("float32", "float16"):
            folder = tmp_path / precision / format
            folder.mkdir(parents=True)
            artifact = compiled(model, folder, format, precision=precision)
            files = [p for p in folder.rglob("*") if p.is_file()]
            sizes.append(sum(p.stat().st_size for p in files))
            results.append(run_artifact(artifact, {"x": x})["y"])
        assert sizes[0] - sizes[1] > 0.9 * 2 * 64 * (4 * 9 + 1)
        # 36 products with weights rounded to 11 bits
        np.testing.assert_allclose(results[1], results[0], atol=36 * 4 * 2.0**-11)
        assert np.abs(results[1] - results[0]).max() > 0


def test_float32_layers_of_an_mlmodel_keep_their_weights(tmp_path: Path) -> None:
    text = "g (float[1,4] x) => (float[1,6] y) { y = Gemm (x, w) }"
    model = graph(text, tmp_path, w=tensor(4, 6))
    kinds = []
    for k, kept in enumerate((frozenset(), frozenset({"Gemm_0"}))):
        (tmp_path / str(k)).mkdir()
        artifact = compiled(
            model, tmp_path / str(k), "mlmodel", precision="float16", float32_names=kept
        )
        weights = read_package(artifact.path).spec.neuralNetwork.layers[0].innerProduct.weights
        kinds.append(bool(weights.float16Value))
    assert kinds == [True, False]


# Description.


def test_metadata_and_versions(tmp_path: Path) -> None:
    model = graph(SMALL, tmp_path, **SMALL_WEIGHTS)
    for format, target, version in (
        ("mlpackage", "iOS15", 6), ("mlpackage", "iOS17", 8), ("mlpackage", "iOS18", 9),
        ("mlmodel", "iOS13", 4), ("mlmodel", "iOS14", 5),
    ):  # fmt: skip
        (tmp_path / target).mkdir()
        artifact = compiled(
            model, tmp_path / target, format, deployment_target=target,
            labels=["cat", "dog"], metadata={"author": "me", "source": "s.onnx"},
        )  # fmt: skip
        spec = read_package(artifact.path).spec
        assert spec.specificationVersion == artifact.spec_version == version
        assert spec.description.metadata.author == "me"
        assert dict(spec.description.metadata.userDefined) == {
            "classes": "cat,dog", "source": "s.onnx",
        }  # fmt: skip
        assert [list(f.type.multiArrayType.shape) for f in spec.description.output] == [
            [1, 4, 6, 10], [1, 3],
        ]  # fmt: skip
