"""A quantised .tflite as floats: its own operators, on what its numbers were rounded from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.formats.base.originals import Originals
from mobilecat.formats.tflite.flatbuffer import bytes_from_program
from mobilecat.formats.tflite.floats import as_floats, floats_in, front_of
from mobilecat.formats.tflite.program import Op, Program, Quant, Tensor
from mobilecat.formats.tflite.quantised import quantised_facts
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.run import quiet_stderr
from mobilecat.graph import Array
from mobilecat.spec import spec_from_text
from tools.plant_faults.files import edit_tflite, tflite_ops

PRECISIONS = ("float16", "int8-weights", "int8-dynamic", "int8", "int16x8")
STORED = ("float16", "int8", "float32")
"""Of the first layer's weights, where it stays float and the others do not."""
SPEC = """
name = "net"
source = "net.onnx"
[input]
size = [16, 16]
mean = 127.5
std = 127.5
[head]
kind = "raw"
[quantize]
calibration = "pictures"
number = 2
[[targets.tflite]]
name = "float32"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolutions with padding, depthwise, a sum, a pooling and a matrix product, seeded."""
    home = tmp_path_factory.mktemp("net")
    rng = np.random.default_rng(4)

    def held(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(rng.normal(0, 0.2, shape).astype(np.float32), name)

    node, pads = helper.make_node, {"pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["x", "a.w", "a.b"], ["a"], "a", **pads),
        node("Relu", ["a"], ["ra"], "ra"),
        node("Conv", ["ra", "d.w", "d.b"], ["d"], "d", group=24, **pads),
        node("Conv", ["d", "c.w", "c.b"], ["c"], "c", **pads),
        node("Add", ["ra", "c"], ["s"], "s"),
        node("MaxPool", ["s"], ["p"], "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", ["p"], ["m"], "m"),
        node("Flatten", ["m"], ["f"], "f"),
        node("Gemm", ["f", "g.w", "g.b"], ["y"], "y", transB=1),
    ]
    weights = [
        held("a.w", 24, 3, 3, 3),
        held("d.w", 24, 1, 3, 3),
        held("c.w", 24, 24, 3, 3),
        held("g.w", 40, 24),
        *(held(f"{n}.b", 40 if n == "g" else 24) for n in "adcg"),
    ]
    takes = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])
    gives = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 40])
    graph = helper.make_graph(nodes, "net", [takes], [gives], weights)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), home / "net.onnx")
    (home / "pictures").mkdir()
    for i in range(2):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / "pictures" / f"{i}.png")
    more = "".join(f'[[targets.tflite]]\nname = "{p}"\nprecision = "{p}"\n' for p in PRECISIONS)
    more += "".join(
        f'[[targets.tflite]]\nname = "first-{w}"\nprecision = "int8"\n'
        f'keep_float = ["a", "ra"]\nfloat_weights = "{w}"\n'
        for w in STORED
    )
    spec = spec_from_text(SPEC + more)
    export(spec, home / "bundle", source=home / "net.onnx", spec_folder=home)
    return home


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder / "bundle")


def _file(folder: Path, name: str) -> Path:
    return folder / "bundle" / f"{name}.tflite"


def _run(data: bytes, given: Array) -> Array:
    from ai_edge_litert.interpreter import Interpreter

    with quiet_stderr():
        engine = Interpreter(model_content=data, num_threads=1)
        engine.allocate_tensors()
    taken, made = engine.get_input_details()[0], engine.get_output_details()[0]
    engine.set_tensor(taken["index"], given.reshape(taken["shape"]).astype(taken["dtype"]))
    engine.invoke()
    return np.asarray(engine.get_tensor(made["index"]))


def _originals(folder: Path) -> Originals:
    return Originals(floats_in(read_tflite(_file(folder, "float32").read_bytes(), "")))


def _picture() -> Array:
    return np.random.default_rng(8).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("precision", [*PRECISIONS, *(f"first-{w}" for w in STORED)])
def test_with_nothing_rounded_it_is_the_float_file(folder: Path, precision: str) -> None:
    """To float32's last digits, at padded borders too: 127.5 is no zero point of a picture."""
    wide = _run(_file(folder, "float32").read_bytes(), _picture())
    data = _file(folder, precision).read_bytes()
    originals = _originals(folder)
    found = as_floats(read_tflite(data, ""), originals, precision == "int8-weights")
    assert originals.kept == 0 < originals.exchanged
    assert np.allclose(_run(found.data, _picture()), wide, atol=1e-6)
    assert np.abs(_run(data, _picture()) - wide).max() > 1e-5


@pytest.mark.parametrize("precision", ["int8-weights", "int8-dynamic", "int8", "int16x8"])
def test_another_weight_is_not_taken_for_a_rounded_one(
    folder: Path, tmp_path: Path, precision: str
) -> None:
    path = tmp_path / "changed.tflite"
    path.write_bytes(_file(folder, precision).read_bytes())

    def negate(model: Any) -> None:
        tensors = model.subgraphs[0].tensors
        largest = max(
            (t for t in tensors if t.type == 9 and model.buffers[t.buffer].data is not None),
            key=lambda t: len(model.buffers[t.buffer].data),
        )
        values = np.array(model.buffers[largest.buffer].data, np.uint8).view(np.int8)
        values[np.abs(values.astype(int)).argmax()] *= -1
        model.buffers[largest.buffer].data = values.view(np.uint8)

    edit_tflite(path, negate)
    wide = _run(_file(folder, "float32").read_bytes(), _picture())
    originals = _originals(folder)
    found = as_floats(read_tflite(path.read_bytes(), ""), originals, precision == "int8-weights")
    assert originals.kept == 1
    assert np.abs(_run(found.data, _picture()) - wide).max() > 1e-3


def test_the_preprocessing_is_read_from_the_float_file(folder: Path) -> None:
    found = front_of(read_tflite(_file(folder, "float32").read_bytes(), ""))
    assert found == pytest.approx((1 / 127.5, -1.0), rel=1e-6)


def test_what_moves_numbers_as_they_lie_does_so_between_two_scales() -> None:
    """A RESHAPE from scale 0.5 and zero point 3 to scale 0.125 and zero point −2, in LiteRT."""
    int8, shape = np.dtype(np.int8), (1, 4)

    def quant(scale: float, zero: int) -> Quant:
        return Quant(np.array([scale], np.float32), np.array([zero], np.int64))

    x, y = (Tensor(n, shape, np.dtype(np.float32)) for n in "xy")
    q = Tensor("q", shape, int8, None, quant(0.5, 3))
    r = Tensor("r", shape, int8, None, quant(0.125, -2))
    target = Tensor("shape", (2,), np.dtype(np.int32), np.array(shape, np.int32))
    ops = [
        Op("QUANTIZE", [x], [q], {}),
        Op("RESHAPE", [q, target], [r], {"newShape": list(shape)}),
        Op("DEQUANTIZE", [r], [y], {}),
    ]
    data = bytes_from_program(Program([x], [y], ops))
    given = np.array([[1.0, -2.5, 4.0, 0.0]], np.float32)
    by_hand = (given / 0.5 + 3 + 2) * 0.125
    assert np.allclose(_run(data, given), by_hand)
    found = as_floats(read_tflite(data, ""), Originals([]))
    assert np.allclose(_run(found.data, given), by_hand)


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
def test_scales_and_zero_points_are_held_to_the_record(
    folder: Path, bundle: Bundle, tmp_path: Path, precision: str
) -> None:
    record = bundle.artifact(f"{precision}.tflite")
    assert len(record.ranges) > 4
    path = _file(folder, precision)
    good = list(quantised_facts(read_tflite(path.read_bytes(), ""), record))
    assert len(good) > 8
    assert all(f.holds for f in good), [str(f) for f in good if not f.holds]
    other = tmp_path / "other.tflite"
    other.write_bytes(path.read_bytes())

    def halve(model: Any) -> None:
        at = tflite_ops(model, "CONV_2D")[0].outputs[0]
        q = model.subgraphs[0].tensors[at].quantization
        q.scale = np.asarray(q.scale, np.float32) / 2

    edit_tflite(other, halve)
    found = list(quantised_facts(read_tflite(other.read_bytes(), ""), record))
    assert sum(not f.holds for f in found) >= 1
    assert "scale of" in str(next(f for f in found if not f.holds))
