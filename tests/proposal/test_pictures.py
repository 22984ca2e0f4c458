"""`init` on networks of one result a picture: points, classes, class maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import mobilecat as mc
from mobilecat.proposal.whole import propose
from tests.heads.networks import save_network

P = (0.05, 0.95)
SUMMED = np.full(10, 0.1) + np.linspace(-0.05, 0.05, 10)

FAMILIES: dict[str, tuple[tuple[int, int], dict[str, Any], dict[str, Any], list[str]]] = {
    "simcc": (
        (192, 256),
        {"simcc_x": ((1, 17, 384), *P), "simcc_y": ((1, 17, 512), *P)},
        {"kind": "simcc", "x": "simcc_x", "y": "simcc_y"},
        [],
    ),
    "simcc of a square": (
        (64, 64),
        {"a": ((1, 5, 128), *P), "b": ((1, 5, 128), *P)},
        {"kind": "simcc", "x": "a"},
        ["head.x"],
    ),
    "heat maps": (
        (96, 128),
        {"maps": ((1, 17, 32, 24), 0, 0.9)},
        {"kind": "heatmap", "method": "quarter"},
        ["head.kind", "head.method"],
    ),
    "scores of a class map": (
        (128, 96),
        {"scores": ((1, 21, 12, 16), -5, 5)},
        {"kind": "segments"},
        ["head.kind"],
    ),
    "MediaPipe's hand": (
        (224, 224),
        {
            "Identity": ((1, 63), 10, 200),
            "Identity_1": ((1, 1), *P),
            "Identity_2": ((1, 1), *P),
            "Identity_3": ((1, 63), -0.1, 0.1),
        },
        {"kind": "landmarks", "output": "Identity", "columns": 3, "units": "pixels"},
        ["head.score"],
    ),
    "a classifier": (
        (64, 48),
        {"probabilities": ((1, 10), SUMMED, SUMMED)},
        {"kind": "classify", "activation": "none"},
        [],
    ),
}


@pytest.mark.parametrize(
    ("count", "others"), [(4, {"box"}), (10, {"landmarks"}), (7, set())], ids=str
)
def test_a_row_of_logits_may_be_a_classifiers(count: int, others: set[str], tmp_path: Path) -> None:
    """Four numbers may be a box, ten may be points: which one it is, no shape tells."""
    outputs: dict[str, Any] = {"y": ((1, count), -5, 5)}
    network = save_network(tmp_path / "net.onnx", (64, 64), outputs)
    first = propose(network, tmp_path / "net.toml")
    assert first.spec.head.kind == "classify"  # some are far below 0
    asks = first.asks
    kinds = [set(a.options) for a in asks if a.key == "head.kind"]
    assert kinds == [{*(others or {"landmarks", "raw"}), "classify"}]
    found = propose(network, tmp_path / "net.toml", answers={"head.kind": "classify"})
    head = dict(found.spec.head)
    assert (head["kind"], head["activation"]) == ("classify", "softmax")
    assert [a.key for a in found.asks] == ["head.activation", "input.mean"]


@pytest.mark.parametrize(("count", "kind"), [(4, "box"), (10, "landmarks")])
def test_a_row_that_may_lie_in_the_picture_is_first_taken_to(
    count: int, kind: str, tmp_path: Path
) -> None:
    outputs: dict[str, Any] = {"y": ((1, count), 1, 60)}
    found = propose(save_network(tmp_path / "net.onnx", (64, 64), outputs), tmp_path / "net.toml")
    assert found.spec.head.kind == kind
    assert [set(a.options) for a in found.asks if a.key == "head.kind"] == [{kind, "classify"}]


def test_points_beside_a_score(tmp_path: Path) -> None:
    """Ten numbers and one in 0..1; an answer that they are no points is taken."""
    outputs: dict[str, Any] = {"points": ((1, 10), 0.1, 0.9), "there": ((1, 1), 0.1, 0.9)}
    network = save_network(tmp_path / "net.onnx", (64, 64), outputs)
    found = propose(network, tmp_path / "net.toml")
    head = dict(found.spec.head)
    assert head["kind"] == "landmarks" and (head["output"], head["score"]) == ("points", "there")
    asked = {a.key: a.options for a in found.asks}
    assert asked["head.kind"] == ("landmarks", "raw")
    assert {"head.order", "head.units", "input.range"} <= asked.keys()
    raw = propose(network, tmp_path / "net.toml", answers={"head.kind": "raw"})
    assert raw.spec.head.kind == "raw" and "is head yolov8's" in str(raw)


@pytest.mark.parametrize(("kind", "range_"), [(None, (0, 255)), ("pt2", (0, 1))], ids=str)
def test_the_range_of_a_detector_of_one_s_own_is_asked_about(
    kind: str | None, range_: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 rows of 4 + 2 of one stride are no family's. What PyTorch trains is mostly in 0..1."""
    monkeypatch.setattr("mobilecat.proposal.whole.torch_kind", lambda _: kind)
    network = save_network(tmp_path / "net.onnx", (64, 64), {"y": ((1, 6, 64), *P)})
    answers: dict[str, Any] = {"head.kind": "yolov8"}
    found = propose(network, tmp_path / "net.toml", answers=answers)
    assert found.spec.input is not None and found.spec.input.range == range_
    asked = {a.key: a for a in found.asks}
    assert "ToTensor gives 0 to 1" in asked["input.range"].said
    assert next(tuple(o) for o in asked["input.range"].options) == range_
    assert "# CHECK: the values that pictures had in training" in found.text
    told = propose(network, tmp_path / "net.toml", answers=answers | {"input.range": [0, 255]})
    assert "input.range" not in {a.key for a in told.asks}


def test_a_box_beside_a_score_is_not_taken_for_points(tmp_path: Path) -> None:
    outputs: dict[str, Any] = {"box": ((1, 4), 0.1, 0.9), "score": ((1, 1), 0.1, 0.9)}
    network = save_network(tmp_path / "net.onnx", (64, 64), outputs)
    assert propose(network, tmp_path / "net.toml").spec.head.kind == "raw"


@pytest.mark.parametrize(("size_wh", "outputs", "head", "asked"), FAMILIES.values(), ids=FAMILIES)
def test_what_is_proposed(
    tmp_path: Path,
    size_wh: tuple[int, int],
    outputs: dict[str, Any],
    head: dict[str, Any],
    asked: list[str],
) -> None:
    network = save_network(tmp_path / "net.onnx", size_wh, outputs)
    found = propose(network, tmp_path / "net.toml")
    said = dict(found.spec.head)
    assert {k: said.get(k) for k in head} == head, found.because
    assert [a.key for a in found.asks if a.key.startswith("head.")] == asked


def test_a_classifier_that_takes_the_picture_itself_is_not_asked_about_its_values(
    tmp_path: Path,
) -> None:
    """A Core ML file with an image input, say: bytes go in, and what follows is in the file."""
    network = ir.from_proto(
        onnx.parser.parse_model("""<ir_version: 9, opset_import: ["" : 18]>
        g (uint8[1,3,48,64] image) => (float[1,1000] y) {
          x = Cast <to = 1> (image)
          m = ReduceMean <keepdims = 0> (x)
          n = Constant <value_ints = [1, 1000]> ()
          y = Expand (m, n)
        }""")
    )
    path = tmp_path / "net.onnx"
    ir.save(network, path)
    found = propose(path, tmp_path / "net.toml")
    assert found.spec.head.kind == "classify" and not found.asks
    assert found.spec.input is not None and found.spec.input.mean == 0


def test_a_grey_classifier_s_head_is_tried_on_a_grey_picture_at_export(tmp_path: Path) -> None:
    network = ir.from_proto(
        onnx.parser.parse_model("""<ir_version: 9, opset_import: ["" : 18]>
        g (float[1,1,48,64] image) => (float[1,7] y) {
          m = ReduceMean <keepdims = 0> (image)
          n = Constant <value_ints = [1, 7]> ()
          e = Expand (m, n)
          y = Softmax <axis = -1> (e)
        }""")
    )
    ir.save(network, tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text(
        'name = "net"\nsource = "net.onnx"\n[input]\nsize = [64, 48]\ncolor = "GRAY"\n'
        '[head]\nkind = "classify"\nactivation = "none"\n[targets.onnx]\n'
    )
    notes = mc.export(tmp_path / "net.toml", tmp_path / "bundle").notes
    assert not [n for n in notes if "not tried on a picture" in n], notes
