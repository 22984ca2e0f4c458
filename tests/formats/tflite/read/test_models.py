"""Whole files: detectors of the shared data, our own .tflite with its suppression, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.demo import FOLDER
from mobilecat.errors import MobileCatError, ModelError
from mobilecat.formats.base.notes import notes_from_metadata
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.source import Source
from mobilecat.formats.importing import format_of, import_model, open_reference
from mobilecat.formats.tflite.flatbuffer import bytes_from_program
from mobilecat.formats.tflite.program import Program, Tensor, constant
from mobilecat.formats.tflite.read import translate
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.source import read, reference
from mobilecat.graph import shape_of
from mobilecat.graph.anchors import anchors_from_metadata
from mobilecat.graph.told import told_in
from mobilecat.proposal.whole import propose
from mobilecat.spec import load_spec, spec_from_model_file
from tests.formats.tflite.lower.engines import Array, assert_agrees, run_ort
from tests.formats.tflite.read.back import graph_of_file
from tests.formats.tflite.read.quantised import one, packed, told

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
MODELS = DATA / "models"
_STEPS = {"Squeeze": 0.07902, "concat_1": 0.04974}
"""Of the COCO SSD's outputs, as the file has them."""


def _model(name: str) -> Path:
    if not (MODELS / name).exists():
        pytest.skip(f"NOT_RUN: {name} is not here")
    return MODELS / name


def _picture(side: int) -> Array:
    picture = Image.open(FOLDER / "chelsea.png").convert("RGB").resize((side, side))
    return np.asarray(picture)[None]


@pytest.mark.parametrize(
    ("name", "side"),
    [("blazeface_short_range.tflite", 128), ("ssd_mobilenetv2_oidv4_fp16.tflite", 300)],
)
def test_detectors_in_half_floats(name: str, side: int) -> None:
    path = _model(name)
    model = graph_of_file(path)
    feeds = {model.graph.inputs[0].name or "": (_picture(side) / 127.5 - 1).astype(np.float32)}
    want = reference(Source(path, "tflite"), {}).network.run(feeds)
    assert_agrees(run_ort(model, feeds), want, 1e-5)
    assert sum(n.op_type == "Transpose" for n in model.graph) <= 12


def test_the_coco_ssd() -> None:
    """Whole numbers: two steps of them in the mean, and the best box's score within 0.05."""
    path = _model("coco_ssd_mobilenet_v1_quant.tflite")
    model = graph_of_file(path)
    name = model.graph.inputs[0].name or ""
    feeds = {name: _picture(300)}
    want = reference(Source(path, "tflite"), {}).network.run(feeds)
    have = run_ort(model, feeds)
    for output, values in want.items():
        assert np.abs(have[output] - values).mean() < 2 * _STEPS[output]
    scores = [1 / (1 + np.exp(-found["concat_1"][..., 1:])) for found in (have, want)]
    assert abs(scores[0].max() - scores[1].max()) < 0.05
    assert scores[0].argmax() == scores[1].argmax()
    anchors = anchors_from_metadata(model.metadata_props)
    assert anchors is not None and anchors.shape == (1917, 4)
    said = told_in(model.metadata_props)
    assert said.head == {"activation": "sigmoid", "background": True, "scales": [10, 10, 5, 5]}
    assert said.nms["iou_threshold"] == 0.6 and said.nms["max_detections"] == 10
    notes = " ".join(notes_from_metadata(model.metadata_props))
    assert "1,917 anchors" in notes and "iou_threshold 0.6" in notes


def test_rounded_as_litert_rounds_it_is_the_coco_ssd(monkeypatch: pytest.MonkeyPatch) -> None:
    """What parts the graph from LiteRT is the rounding of each value to its steps, and no more."""
    path = _model("coco_ssd_mobilenet_v1_quant.tflite")

    def rounded(self: Any, op: Any, i: int, name: str) -> str:
        tensor = self._graph.tensors[i]
        if not tensor.quantised or tensor.dtype == "int32":
            return name
        scale, zero = np.float32(tensor.scale[0]), np.float32(tensor.zero[0])
        steps = self._g.op("Round", self._g.op("Div", name, np.array(scale)))
        ends = (np.array(e - zero, np.float32) for e in (0, 255))
        return str(self._g.op("Mul", self._g.op("Clip", steps, *ends), np.array(scale)))

    monkeypatch.setattr(translate._Walk, "_held", rounded)
    model = graph_of_file(path)
    feeds = {model.graph.inputs[0].name or "": _picture(300)}
    want = reference(Source(path, "tflite"), {}).network.run(feeds)
    have = run_ort(model, feeds)
    for output, values in want.items():
        steps = np.abs(have[output] - values) / _STEPS[output]
        assert steps.max() < 4 and steps.mean() < 0.3


def test_init_asks_nothing_but_a_threshold_of_the_coco_ssd(tmp_path: Path) -> None:
    found = propose(_model("coco_ssd_mobilenet_v1_quant.tflite"), tmp_path / "mobilecat.toml")
    assert [a.key for a in found.asks] == ["nms.score_threshold"]  # the file's own is 1e-8
    assert found.spec.head.kind == "ssd"
    assert found.spec.input is not None and found.spec.input.range == (0, 255)
    assert found.spec.nms is not None and not found.spec.nms.per_class


def test_our_own_file_to_another_target_and_back(tmp_path: Path) -> None:
    """Cat faces: .tflite → .mlpackage → .tflite, suppression inside, the same boxes."""
    spec = load_spec(FOLDER / "cat_faces.toml")
    first = spec.model_copy(update={"targets": _only(spec, "tflite")})
    done = export(first, tmp_path / "a", spec_folder=FOLDER)
    path = done.folder / open_bundle(done.folder).artifacts[0].file
    picture = Image.open(FOLDER / "pictures" / "three_in_a_meadow.png").convert("RGB")
    found = []
    for i, kind in enumerate(("", "mlpackage", "tflite")):
        if kind:
            bare = spec_from_model_file(path)
            family = "coreml" if kind == "mlpackage" else kind
            bare = bare.model_copy(update={"targets": _only(bare, family)})
            done = export(bare, tmp_path / f"b{i}")
            made = open_bundle(done.folder).artifacts
            path = next(done.folder / a.file for a in made if a.format == kind)
        model = import_model(path, {})
        value = model.graph.inputs[0]
        _, rows, columns, _ = shape_of(value)
        pixels = np.asarray(picture.resize((columns, rows)))[None]
        network = open_reference(Source(path, format_of(path)), {}).network
        dtype: Any = value.dtype and value.dtype.numpy()
        found.append(network.run({value.name or "": pixels.astype(dtype)}))
    assert int(found[0]["count"].reshape(-1)[0]) > 0
    for other in found[1:]:
        for name, values in found[0].items():
            atol = 0.01 if name in ("boxes", "landmarks") else 1e-5
            np.testing.assert_allclose(other[name].reshape(values.shape), values, atol=atol)


def _only(spec: Any, kept: str) -> Any:
    empty = {name: () for name in type(spec.targets).model_fields if name != kept}
    return spec.targets.model_copy(update=empty)


# --- made files -----------------------------------------------------------------------------------


def _chain(tmp_path: Path, code: str = "FANCY") -> Path:
    """x → ABS → a → a custom operator → c → EXP → y."""
    x, a, c, y = (Tensor(n, (2, 3), np.dtype("float32")) for n in ("x", "a", "c", "y"))
    program = Program([x], [y])
    program.add("ABS", [x], [a])
    program.add(code, [a], [c]).custom = b"\x00"
    program.add("EXP", [c], [y])
    (tmp_path / "m.tflite").write_bytes(bytes_from_program(program))
    return tmp_path / "m.tflite"


def test_a_custom_operator_is_named_with_where_to_cut(tmp_path: Path) -> None:
    path = _chain(tmp_path)
    with pytest.raises(ModelError) as caught:
        graph_of_file(path)
    text = str(caught.value)
    assert "FANCY: a custom operator" in text and 'outputs = ["a"]' in text
    source = Source(path, "tflite", ImportOptions(outputs=("a",)))
    x = {"x": np.array([[-1, 2, -3], [4, -5, 6]], np.float32)}
    have = run_ort(read(source, {}, lambda _: None), x)
    np.testing.assert_array_equal(have["a"], np.abs(x["x"]))
    assert_agrees(reference(source, {}).network.run(x), have)  # LiteRT runs the part alone


def test_between_two_tensors(tmp_path: Path) -> None:
    source = Source(_chain(tmp_path), "tflite", ImportOptions(inputs=("c",)))
    c = {"c": np.zeros((2, 3), np.float32)}
    np.testing.assert_array_equal(run_ort(read(source, {}, lambda _: None), c)["y"], 1)
    np.testing.assert_array_equal(reference(source, {}).network.run(c)["y"], 1)
    with pytest.raises(ModelError, match="no tensor 'b'"):
        read(Source(source.path, "tflite", ImportOptions(outputs=("b",))), {}, lambda _: None)


def _change(path: Path, change: Any) -> None:
    model = read_tflite(path.read_bytes(), "")
    change(model)
    path.write_bytes(packed(model))


def _abs(tmp_path: Path) -> Path:
    x, y = (Tensor(n, (2, 3), np.dtype("float32")) for n in "xy")
    program = Program([x], [y])
    program.add("ABS", [x], [y])
    (tmp_path / "m.tflite").write_bytes(bytes_from_program(program))
    return tmp_path / "m.tflite"


def _text(model: Any) -> None:
    model.subgraphs[0].tensors[0].type = 5


def _while(model: Any) -> None:
    model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = 119


def _variable(model: Any) -> None:
    model.subgraphs[0].inputs = np.array([], np.int32)
    model.subgraphs[0].tensors[0].isVariable = True


def _huge(model: Any) -> None:
    model.subgraphs[0].tensors[0].shape = np.array([2**15, 2**15], np.int32)


def _wrong(model: Any) -> None:
    model.subgraphs[0].tensors[1].shape = np.array([3, 2], np.int32)


def _nowhere(model: Any) -> None:
    model.subgraphs[0].operators[0].inputs = np.array([7], np.int32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_text, "a tensor of string"),
        (_while, "control flow"),
        (_variable, "keeps its value from one run to the next"),
        (_huge, "tensor 0 is"),
        (_wrong, "contradict each other"),
        (_nowhere, "a tensor that is not there"),
    ],
)
def test_what_is_no_network_of_ours(change: Any, words: str, tmp_path: Path) -> None:
    path = _abs(tmp_path)
    _change(path, change)
    with pytest.raises(MobileCatError, match=words):
        graph_of_file(path)


def test_many_tensors_of_one_buffer(tmp_path: Path) -> None:
    """Few bytes that unfold to many are refused before they are."""
    x, y = (Tensor(n, (1 << 20,), np.dtype("float32")) for n in "xy")
    program = Program([x], [y])
    program.add("ADD", [x, constant("w", np.ones(1 << 20, np.float32))], [y])
    (tmp_path / "m.tflite").write_bytes(bytes_from_program(program))

    def copied(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.tensors += [graph.tensors[int(graph.operators[0].inputs[1])]] * 100

    _change(tmp_path / "m.tflite", copied)
    with pytest.raises(MobileCatError, match="share a buffer"):
        graph_of_file(tmp_path / "m.tflite")


def test_another_size_where_the_file_leaves_it_open(tmp_path: Path) -> None:
    """A convolution of SAME padding, stride 2: LiteRT says what follows from the size."""
    x, y = Tensor("x", (1, 5, 5, 1), np.dtype("float32")), Tensor("y", (1, 3, 3, 1), np.dtype("f4"))
    program = Program([x], [y])
    w = constant("w", np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1))
    program.add(
        "CONV_2D", [x, w, constant("b", np.zeros(1, np.float32))], [y],
        padding=0, strideH=2, strideW=2, dilationHFactor=1, dilationWFactor=1,
    )  # fmt: skip
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes_from_program(program))

    def opened(model: Any) -> None:
        model.subgraphs[0].tensors[0].shapeSignature = np.array([1, -1, -1, 1], np.int32)

    _change(path, opened)
    with pytest.raises(ModelError, match="dynamic shape"):
        graph_of_file(path)
    model = graph_of_file(path, {"x": (1, 6, 6, 1)})
    feeds = {"x": np.arange(36, dtype=np.float32).reshape(1, 6, 6, 1)}
    want = reference(Source(path, "tflite"), {"x": (1, 6, 6, 1)}).network.run(feeds)
    assert_agrees(run_ort(model, feeds), want, 1e-6)


def test_a_scale_that_is_no_number(tmp_path: Path) -> None:
    path = _abs(tmp_path)
    path.write_bytes(packed(told(path.read_bytes(), {"x": one(float("nan"), 0)})))
    with pytest.raises(MobileCatError, match="no number"):
        graph_of_file(path)


def test_what_ends_litert_ends_its_child_and_not_us(tmp_path: Path) -> None:
    """SPLIT into no parts divides by zero in LiteRT's kernel: its process dies."""
    axis = constant("axis", np.array(1, np.int32))
    x, y = Tensor("x", (1, 4), np.dtype("f4")), Tensor("y", (1, 2), np.dtype("f4"))
    program = Program([x], [y])
    program.add("SPLIT", [axis, x], [y, Tensor("z", (1, 2), np.dtype("f4"))], numSplits=0)
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes_from_program(program))
    with pytest.raises(ModelError, match=r"stopped without an answer|refuses the model"):
        reference(Source(path, "tflite"), {})
