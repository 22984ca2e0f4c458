"""Right with itself and wrong with the world: what a first layer wants, what no detector gives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.cli.main import app
from mobilecat.compile import export
from mobilecat.compile.world import preprocessing_words
from mobilecat.demo import CASCADE
from mobilecat.errors import MobileCatError
from mobilecat.formats.importing import import_model
from mobilecat.geometry.affine import Affine
from mobilecat.graph.first_layer import first_layer
from mobilecat.judge.random import Range, random_inputs, range_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.odd import assumed, odd_values
from mobilecat.spec import load_spec, spec_from_model_file, spec_from_text

RUN = CliRunner()
FACES = CASCADE.parent / "cat_faces.toml"


def network(path: Path, weight: float, bias: float, scale: float | None = None) -> Path:
    """Write Conv 3×3, and a factor in front of it where `scale` is given."""
    weights = [
        numpy_helper.from_array(np.full((4, 3, 3, 3), weight, np.float32), "w"),
        numpy_helper.from_array(np.full(4, bias, np.float32), "b"),
    ]
    nodes, at = [], "x"
    if scale is not None:
        weights.append(numpy_helper.from_array(np.float32(scale), "s"))
        nodes, at = [helper.make_node("Mul", ["x", "s"], ["y"], "scale")], "y"
    nodes.append(helper.make_node("Conv", [at, "w", "b"], ["out"], "conv"))
    takes = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])]
    gives = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4, 6, 6])]
    graph = helper.make_graph(nodes, "n", takes, gives, weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize(
    "weight,bias,scale,wants",
    [
        (0.1, 0.1, None, (0.0, 1.0)),  # |bias| is 3.7 % of Σ|weights| = 2.7
        (0.001, 0.1, None, (0.0, 255.0)),  # 3.7 times as much as inputs up to 1 can make
        (0.1, 0.1, 1 / 255, (0.0, 255.0)),  # it says so itself
        (0.1, 0.0, None, (0.0, 1.0)),  # nothing is known
    ],
)
def test_the_first_layer_says_which_values_it_wants(
    tmp_path: Path, weight: float, bias: float, scale: float | None, wants: tuple[float, float]
) -> None:
    path = network(tmp_path / "n.onnx", weight, bias, scale)
    first = first_layer(import_model(path, {"x": (1, 3, 8, 8)}), "x")
    assert first is not None and first.wants == wants


def test_random_floats_of_a_bare_network_lie_in_the_range_it_wants(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 0.001, 0.1)
    spec = spec_from_model_file(path, {})
    bundle = export(spec, tmp_path / "b", source=path).bundle
    values = range_of(tmp_path / "b", bundle, None, path)
    assert (values.low, values.high) == (0.0, 255.0) and "first layer" in values.words
    x = random_inputs(bundle, 0, 0, values).tensors["x"]
    assert 200 < x.max() < 255 and x.min() >= 0
    asked = range_of(tmp_path / "b", bundle, (-1.0, 1.0), path)
    y = random_inputs(bundle, 0, 0, asked).tensors["x"]
    assert -1 <= y.min() < -0.5 and 0.5 < y.max() < 1
    assert Range().words == "[0, 1)"


@pytest.mark.parametrize("text", ["1", "a,b", "1,0", "0,inf", "0,1,2"])
def test_a_range_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    done = RUN.invoke(app, ["validate", str(tmp_path), "--random", "1", "--range", text])
    assert isinstance(done.exception, MobileCatError)
    assert done.exception.problems[0].where == "--range"


def test_an_export_says_what_it_assumes_and_where_the_first_layer_contradicts(
    tmp_path: Path,
) -> None:
    spec = load_spec(FACES)
    assert spec.input is not None
    right = export(spec, tmp_path / "right", spec_folder=FACES.parent)
    assert any(n.startswith("assumed preprocessing: RGB") for n in right.notes)
    assert not any(n.startswith("warning") for n in right.notes)
    image = spec.input.model_copy(update={"range": (0.0, 255.0), "mean": 0.0, "std": 1.0})
    wrong = export(
        spec.model_copy(update={"input": image}), tmp_path / "wrong", spec_folder=FACES.parent
    )
    assert any("trained on smaller values than up to 255" in n for n in wrong.notes)
    assert "0..255 becomes 0..255" in assumed(image)
    assert open_bundle(tmp_path / "wrong").spec.input == image


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"mean": 0.5, "std": 0.25}, True),
        ({"mean": 0.5, "std": 0.25, "range": (0, 1)}, False),
        ({"mean": 127.5, "std": 127.5}, False),
        ({}, False),
    ],
)
def test_a_forgotten_range_is_asked_about_where_no_first_layer_tells(
    image: dict[str, Any], said: bool
) -> None:
    spec = load_spec(FACES)
    assert spec.input is not None
    given = type(spec.input).model_validate({"size": (8, 8), **image})
    network = ir.from_proto(
        onnx.parser.parse_model("""<ir_version: 9, opset_import: ["" : 18]>
        g (float[1,3,8,8] image) => (float[1,3,8,8] y) { y = Relu(image) }""")
    )
    notes = preprocessing_words(spec.model_copy(update={"input": given}), network)
    asked = [n for n in notes if n.startswith("warning")]
    assert bool(asked) == said
    assert not said or "values up to 1018. Did you mean range = [0, 1]?" in asked[0]


def detections(boxes: list[list[float]], scores: list[float]) -> Detections:
    return Detections(np.array(boxes, float), np.array(scores), np.zeros(len(scores), np.int64))


def test_what_no_detector_gives_is_said() -> None:
    spec, same = load_spec(FACES), Affine.identity()
    box = [10.0, 10, 60, 60]
    assert odd_values(spec, detections([box] * 6, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), same) == []
    assert "6 of 6 scores are 1.000" in odd_values(spec, detections([box] * 6, [1.0] * 6), same)[0]
    most = spec.effective_nms.max_detections  # type: ignore[union-attr]
    full = odd_values(spec, detections([box] * most, [0.5] * most), same)
    assert "all that max_detections allows" in full[0]
    wide = [[10.0 - 9e8, 10, 60 + 9e8, 60]] + [box] * 6
    (vast,) = odd_values(spec, detections(wide, [0.9] * 7), same)
    assert "1 of 7 boxes are more than 10 times as large as the picture" in vast
    assert odd_values(spec, detections([*wide, *[box] * 4], [0.9] * 11), same) == []
    tiny = odd_values(spec, detections([[0.1, 0.1, 0.4, 0.5]], [0.9]), same)
    assert "under a pixel" in tiny[0]
    assert 'is head "' in tiny[0]  # whose boxes are in no units that a spec names
    out = odd_values(spec, detections([[-90.0, 10, -40, 60]], [0.9]), same)
    assert "outside the picture" in out[0]


@pytest.mark.parametrize(
    ("units", "box", "word"),
    [
        (
            "pixels",
            [0.1, 0.1, 0.4, 0.5],
            "look normalised (0 to 1), and the bundle says pixels: write",
        ),
        ("normalised", [9000.0, 100, 9400, 500], 'write units = "pixels" in [head]'),
        ("normalised", [0.1, 0.1, 0.4, 0.5], 'is head "yolov5" (units = "normalised") right'),
    ],
)
def test_units_that_explain_it_are_named(units: str, box: list[float], word: str) -> None:
    spec = spec_from_text(
        'source = "n.onnx"\n[input]\nsize = [640, 640]\n[head]\nkind = "yolov5"\n'
        f'units = "{units}"\n[targets.onnx]\n'
    )
    (said,) = odd_values(spec, detections([box], [0.9]), Affine.identity(), "bundle")
    assert word in said
    full = odd_values(spec, detections([[10.0, 10, 60, 60]] * 6, [1.0] * 6), Affine.identity())
    assert "[input] has range = [0, 255], but YOLOv5 is published with range = [0, 1]" in full[0]


def test_run_says_once_what_is_odd_in_every_lane(tmp_path: Path) -> None:
    right = mc.open(mc.export(FACES, tmp_path / "b", targets=["onnx"]))
    ran = right.run(FACES.parent / "pictures" / "two_on_a_sofa.png")
    rows = [replace(row, odd=("boxes are odd",)) for row in ran]
    assert len(rows) > 1
    said = [str(line) for line in replace(ran, lanes=tuple(rows)).words()]
    assert [s for s in said if "odd" in s] == ["warning: in all lanes, boxes are odd"]
    # One lane's own is said with that lane.
    rows[0] = replace(rows[0], odd=("boxes are odd", "its own"))
    said = [str(line) for line in replace(ran, lanes=tuple(rows)).words()]
    assert [s for s in said if "own" in s] == ["  warning: its own"]


def test_run_warns_of_it(tmp_path: Path) -> None:
    spec = load_spec(FACES)
    assert spec.input is not None and spec.nms is not None
    image = spec.input.model_copy(update={"mean": 0.0, "std": 0.001})
    targets = spec.targets.model_copy(update={"coreml": (), "tflite": ()})
    wrong = spec.model_copy(update={"input": image, "targets": targets})
    export(wrong, tmp_path / "b", spec_folder=FACES.parent)
    picture = FACES.parent / "pictures" / "two_on_a_sofa.png"
    done = RUN.invoke(app, ["run", str(tmp_path / "b"), "--image", str(picture), "--json"])
    lanes = json.loads(done.stdout)["results"]
    assert all("odd" in row for row in lanes if "detections" in row)
