"""The folder that is written: its bytes, what is refused before it exists, pictures, odd graphs."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

from mobilecat.bake import bake
from mobilecat.errors import MobileCatError, UnsupportedError
from mobilecat.formats.coreai import dialect, write_coreai
from mobilecat.formats.coreai.lower.nms import CANDIDATES
from mobilecat.formats.coreai.read.bindings import read_module
from mobilecat.formats.coreai.read.translate import count_ops
from mobilecat.formats.coreai.write import PROGRAM
from mobilecat.spec import ImageSpec, Spec
from tests.formats.coreai.apple import Apple
from tests.formats.tflite.lower.engines import assert_agrees, drawn, graph, run_ort

TEXT = """(float[1,3,8,9] x) => (float[1,4,8,9] y, float[1,36] t) {
    a = Conv<pads=[1,1,1,1], kernel_shape=[3,3]>(x, w, b) c = Relu(a) m = Mul(c, k)
    h = HardSwish(m) y = Mul(h, large) p = GlobalMaxPool(c) q = Reshape(p, s) 
    t = Concat<axis=1>(q, q, q, q, q, q, q, q, q) }"""
CONSTANTS = {
    "w": drawn("w", (4, 3, 3, 3)),
    "b": drawn("b", (4,)),
    "k": np.float32(2),
    "large": drawn("large", (1, 4, 8, 9)),
    "s": np.array([1, 4]),
}
CHILD = """
import importlib.machinery, sys
SHIFT = int(sys.argv[2])
class Shifted(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        path = self.get_filename(name)
        return self.source_to_code(b"\\n" * SHIFT + self.get_data(path), path)
class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        found = super().find_spec(name, path, target)
        if found is not None and name.startswith("mobilecat.formats.coreai"):
            found.loader = Shifted(name, found.origin)
        return found
sys.meta_path.insert(0, Finder)
from pathlib import Path
from tests.formats.coreai.test_write import model
from mobilecat.formats.coreai.write import write_coreai
write_coreai(model(), Path(sys.argv[1]), taps=("q",), name="two")
"""


@pytest.fixture(autouse=True)
def package() -> None:
    if (reason := dialect.missing()) is not None:
        pytest.skip(f"NOT_RUN: {reason}")


def model() -> ir.Model:
    return graph(TEXT, **CONSTANTS)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_two_processes_and_moved_lines_give_the_same_bytes(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    for name, shift in (("a", 0), ("b", 7)):
        path = tmp_path / f"{name}.aimodel"
        subprocess.run([sys.executable, "-c", CHILD, str(path), str(shift)], cwd=root, check=True)
    first, second = files(tmp_path / "a.aimodel"), files(tmp_path / "b.aimodel")
    assert first == second
    assert set(first) == {"main.mlirb", "main.hash", "metadata.json"}
    assert first["main.hash"] == hashlib.sha256(first["main.mlirb"]).digest()
    assert b".py" not in first["main.mlirb"]
    assert b"weights_" in first["main.mlirb"]  # Apple's own names differ from process to process
    assert json.loads(first["metadata.json"]) == {
        "assetVersion": "2.0",
        "creatorDefinedMetadata": {"mobilecat": {"name": "two", "version": "0.1.0"}},
        "description": "two, made by mobilecat",
        "producer": "coreai-core 1.0.0b3",
    }


def test_the_ops_bear_the_names_of_the_values(tmp_path: Path) -> None:
    """`q` is a reshape before a concat: Apple's rewrite leaves no reshape that it can merge."""
    path = tmp_path / "m.aimodel"
    made = write_coreai(model(), path, taps=("a", "q", "nowhere"))
    assert made.taps == ("a", "q")
    assert made.outputs == ("y", "t")
    text = (path / "main.mlirb").read_bytes()
    assert all(name in text for name in (b"mobilecat", b"\0a\0", b"\0q\0", b"\0c\0"))
    assert b"fused" not in text


def test_all_gaps_come_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    text = """(float[2,2] x, double[3] d, int64[2] k) => (double[3] z, float[2,2] u) {
        z = Sqrt(d) h = Det(x) v = Add(x, h) i = Cast<to=12>(k) w = Cast<to=1>(i) p = Reshape(w, s)
        u = Add(v, p) }"""
    bad = graph(text, s=np.array([1, 2]))
    path = tmp_path / "m.aimodel"
    with pytest.raises(UnsupportedError) as e:
        write_coreai(bad, path)
    assert sorted(p.what for p in e.value.problems) == [
        "Cast from int64 to uint32, which wraps around; cast to int32 instead",
        "float64 values, which neither Apple's GPUs nor its Neural Engine compute",
        "op not supported for Core AI",
    ]
    assert not path.exists()


@pytest.mark.parametrize(
    ("found", "words"),
    [(None, "coreai-core 1.0.0b3 is not installed"), ("1.0.0b4", "coreai-core is 1.0.0b4")],
)
def test_without_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str | None, words: str
) -> None:
    def version(package: str) -> str:
        if found is None:
            raise PackageNotFoundError(package)
        return found

    monkeypatch.setattr("mobilecat.formats.coreai.read.package.version", version)
    with pytest.raises(MobileCatError) as e:
        write_coreai(model(), tmp_path / "m.aimodel")
    assert e.value.problems[0].what.startswith(words)
    assert "leave [targets.coreai] out" in e.value.problems[0].fix
    assert not list(tmp_path.iterdir())


def _pictured(color: str, tmp_path: Path) -> Path:
    """Write a network that gives its picture back, in the network's colour order."""
    channels = 1 if color == "GRAY" else 3
    network = graph(f"(float[1,{channels},5,7] x) => (float[1,{channels},5,7] y) {{ y = Neg(x) }}")
    spec = Spec(name="p", source="p.onnx", input=ImageSpec(size=(7, 5), color=color))  # type: ignore[arg-type]
    baked = bake(network, spec, "uint8")
    path = tmp_path / "p.aimodel"
    write_coreai(baked.model, path, image=baked.image)
    return path


@pytest.mark.parametrize("color", ["RGB", "BGR", "GRAY"])
def test_picture(apple: Apple, color: str, tmp_path: Path) -> None:
    """Colours all different, by Pillow; alpha is looked past."""
    rng = np.random.default_rng(3)
    rgba = rng.integers(0, 256, (5, 7, 4), dtype=np.uint8)
    bgra = np.ascontiguousarray(rgba[:, :, [2, 1, 0, 3]])
    picture = Image.fromarray(rgba[:, :, :3])
    if color == "GRAY":
        wanted = np.asarray(picture.convert("L"))[None]
    else:
        order = [0, 1, 2] if color == "RGB" else [2, 1, 0]
        wanted = np.asarray(picture)[:, :, order].transpose(2, 0, 1)
    found = apple.run(_pictured(color, tmp_path), {"image": bgra})["y"]
    np.testing.assert_array_equal(found, -wanted[None].astype(np.float32))


def test_every_grey_is_itself(apple: Apple, tmp_path: Path) -> None:
    """A grey picture in a BGRA buffer comes through to the last step."""
    grey = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7
    bgra = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    found = apple.run(_pictured("GRAY", tmp_path), {"image": bgra})["y"]
    np.testing.assert_array_equal(found[0, 0], -grey.astype(np.float32))


def test_odd_graphs(apple: Apple, tmp_path: Path) -> None:
    """An input that is an output, one that nobody reads, a constant output, names of all kinds."""
    given = [ir.Value(name=n, shape=ir.Shape([2, 3]), type=ir.TensorType(ir.DataType.FLOAT))
             for n in ("in/put:0 é", "unused")]  # fmt: skip
    node = ir.node("Relu", [given[0]], name="r", outputs=[ir.Value(name='out "1"/b')])
    twice = ir.node("Identity", [node.outputs[0]], name="i", outputs=[ir.Value(name="same")])
    fixed = ir.Value(name="fixed", const_value=ir.tensor(np.float32([1, 2]), name="fixed"),
                     shape=ir.Shape([2]), type=ir.TensorType(ir.DataType.FLOAT))  # fmt: skip
    whole = ir.Graph(given, [node.outputs[0], twice.outputs[0], given[0]], nodes=[node, twice],
                     initializers=[fixed], opset_imports={"": 18}, name="odd")  # fmt: skip
    odd = ir.Model(whole, ir_version=10)
    for value in (node.outputs[0], twice.outputs[0]):
        value.shape, value.dtype = given[0].shape, ir.DataType.FLOAT
    whole.outputs.append(fixed)
    path = tmp_path / "odd.aimodel"
    write_coreai(odd, path)
    x = np.float32([[-1, 2, -3], [4, -5, 6]])
    found = apple.run(path, {"in/put:0 é": x, "unused": x})
    relu = np.maximum(x, 0)
    wanted = {'out "1"/b': relu, "same": relu, "in/put:0 é": x, "fixed": np.float32([1, 2])}
    assert_agrees(found, wanted)


def test_bool_inputs_are_told(tmp_path: Path) -> None:
    m = graph("(bool[3] b) => (float[3] y) { y = Cast<to=1>(b) }")
    (lint,) = write_coreai(m, tmp_path / "m.aimodel").lints
    assert lint.startswith("input 'b' is bool")


def test_one_big_matrix(apple: Apple, tmp_path: Path) -> None:
    """Weights beyond the inline size lie in the file once."""
    w = drawn("big", (700, 300))
    m = graph("(float[1,700] x) => (float[1,300] y) { y = MatMul(x, w) }", w=w)
    path = tmp_path / "m.aimodel"
    write_coreai(m, path)
    assert w.nbytes < (path / "main.mlirb").stat().st_size < w.nbytes + 10_000
    x = drawn("x", (1, 700))
    assert_agrees(apple.run(path, {"x": x}), run_ort(m, {"x": x}), 1e-5)


def test_the_limit_of_candidates_is_in_the_documentation() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "coreai.md"
    assert f"{CANDIDATES:,}" in page.read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "y = LeakyRelu<alpha=0.1>(c)",
        "y = PRelu(c, p)",
        "y = HardSwish(c)",
        "y = Swish<alpha=1.5>(c)",
        "n = Neg(c) r = Relu(n) y = Add(c, r)",
        "m = Mul(c, k) g = Sigmoid(m) y = Mul(c, g)",
        "m = BatchNormalization(c, p, p, p, p) y = Relu(m)",
    ],
)
def test_no_convolution_is_made_twice(apple: Apple, text: str, tmp_path: Path) -> None:
    """Apple's compiler moves a factor into the weights, of a copy where there are other readers."""
    given = {**CONSTANTS, "p": np.abs(drawn("p", (4,) if "Batch" in text else (4, 1, 1)))}
    body = f"c = Conv<pads=[1,1,1,1]>(x, w, b) {text}"
    constants = {k: v for k, v in given.items() if re.search(rf"[ (]{k}[,)]", body)}
    m = graph(f"(float[1,3,8,9] x) => (float[1,4,8,9] y) {{ {body} }}", 24, **constants)
    path = tmp_path / "m.aimodel"
    write_coreai(m, path)
    read = read_module(path / PROGRAM)
    assert count_ops(read, read.graphs["main"])["coreai.conv2d"] == 1
    x = drawn("x", (1, 3, 8, 9))
    assert_agrees(apple.run(path, {"x": x}), run_ort(m, {"x": x}), 1e-5)
