"""What a candidate carries besides box and score: the table, and every name's way through it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest

from mobilecat.bake.endings import candidates, one_result, suppressed
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import KEYS, LIMITS, Limits
from mobilecat.geometry.affine import Affine
from mobilecat.graph.builder import Builder, infer_shapes
from mobilecat.heads import Candidates
from mobilecat.heads.reference.tensors import tensors_from_candidates
from mobilecat.pictures.detections import Detections
from mobilecat.rows import ROWS, SHOWN, kinds_of
from mobilecat.spec import NmsSpec, Tolerance
from tests.heads.networks import frozen, run_graph

N, SAME = 5, Affine.identity()
WIDTHS = {"landmarks": 6, "landmark_scores": 3, "angles": 1, "mask_coefficients": 4}
NMS = NmsSpec(score_threshold=0.3, iou_threshold=0.5, max_detections=3)


def test_the_table_is_whole() -> None:
    assert set(WIDTHS) == set(ROWS), "a new row value is tried here, too"
    fields = {f for f in Limits.__dataclass_fields__ if f in Tolerance.model_fields}
    assert set(LIMITS) == fields - {"outputs"}
    assert {row.limit for row in ROWS.values()} <= set(KEYS.values())
    assert set(LIMITS) == {*KEYS.values(), "masks"}
    assert len({row.key for row in SHOWN}) == len(SHOWN)


def _given() -> Candidates:
    rng = np.random.default_rng(4)
    low = np.array([[0, 0], [1, 1], [40, 0], [80, 80], [120, 0]], float)
    boxes = np.concatenate([low, low + 20], axis=1)[None]
    scores = np.array([[[0.6], [0.9], [0.2], [0.5], [0.7]]])  # 1 drops 0; 2 is below
    rows = {name: rng.uniform(-2, 2, (1, N, width)) for name, width in WIDTHS.items()}
    return Candidates(boxes, scores, rows)


def _network(path: Path, found: Candidates) -> Path:
    """Return a network whose outputs are what was found, kept apart from its input."""
    made = []
    nodes = []
    for name, value in found.all.items():
        made.append(onnx.helper.make_tensor_value_info(f"net_{name}", 1, value.shape))
        value_ = onnx.numpy_helper.from_array(value.astype(np.float32), f"c_{name}")
        nodes.append(onnx.helper.make_node("Constant", [], [f"k_{name}"], value=value_))
        nodes.append(onnx.helper.make_node("Add", [f"k_{name}", "zero"], [f"net_{name}"]))
    zero = onnx.helper.make_tensor_value_info("zero", 1, [1])
    graph = onnx.helper.make_graph(nodes, "g", [zero], made)
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize("ending", ["tensor", "candidates", "one"])
def test_every_row_value_goes_through_every_ending(ending: str, tmp_path: Path) -> None:
    found = _given()
    rows = dict(found.rows)
    if ending == "tensor":
        del rows["angles"]  # turned boxes are suppressed by the app: tests/heads/families/turned.py
        found = Candidates(found.boxes, found.scores, rows)
    if ending == "one":
        rows = {k: v[:, :1] for k, v in rows.items()}
        found = Candidates(found.boxes[:, :1], found.scores[:, :1], rows)
    model = frozen(_network(tmp_path / "net.onnx", found))
    values = {(v.name or "").removeprefix("net_"): v for v in model.graph.outputs}
    decoded = Candidates(values["boxes"], values["scores"], {name: values[name] for name in rows})
    model.graph.outputs.clear()
    end = Builder(model, "end")
    if ending == "tensor":
        model.graph.outputs.extend(suppressed(end, decoded, NMS))
    elif ending == "one":
        model.graph.outputs.extend(one_result(end, decoded))
    else:
        model.graph.outputs.extend(candidates(end, decoded))
    model = infer_shapes(model)
    got = run_graph(model, {"zero": np.zeros(1, np.float32)}, [])
    if ending == "candidates":
        assert set(got) == {f"candidate_{k}" for k in found.all}
        for name, value in found.all.items():
            np.testing.assert_allclose(got[f"candidate_{name}"], value, rtol=1e-6)
        return
    assert kinds_of(got)[2:] == tuple(rows)
    kept = [0] if ending == "one" else [1, 4, 3]  # by falling score
    k = len(kept)
    shapes = {"landmarks": (3, 2), "landmark_scores": (3,), "angles": (), "mask_coefficients": (4,)}
    shapes = {name: item for name, item in shapes.items() if name in rows}
    for name, item in shapes.items():
        want = found.rows[name][0, kept].reshape(1, k, *item)
        assert got[name].shape == want.shape
        np.testing.assert_allclose(got[name], want, rtol=1e-6, err_msg=name)
    if ending == "tensor":
        again = tensors_from_candidates(found, NMS)
        for name in (*shapes, "boxes", "scores", "class_ids"):
            np.testing.assert_allclose(got[name], again[name], rtol=1e-6, err_msg=name)


def _found(by: dict[str, float] | None = None) -> Detections:
    moved = by or {}
    rows = {
        "landmarks": np.array([[[1, 2], [3, 4], [5, 6]]]) + moved.get("landmarks", 0.0),
        "landmark_scores": np.array([[0.25, 0.5, 1]]) - moved.get("landmark_scores", 0.0),
        "angles": np.array([math.pi / 4]) + moved.get("angles", 0.0),
    }
    return Detections(np.array([[0, 0, 9, 9]], float), np.ones(1), np.zeros(1, np.int64), rows)


def test_json_there_and_back() -> None:
    told = _found().to_json((), ("a", "b"))
    assert told[0]["landmarks"] == {"a": [1, 2], "b": [3, 4], "2": [5, 6]}
    assert told[0]["landmark_scores"] == {"a": 0.25, "b": 0.5, "2": 1}
    assert told[0]["angle"] == 0.785398
    back = Detections.from_json(told)
    assert back.rows.keys() == _found().rows.keys()
    for name, values in _found().rows.items():
        np.testing.assert_allclose(back.rows[name], values, atol=1e-6)


# A point and an angle by hand: x' = 2x + 1, y' = −2y: π/4 becomes −π/4. Scores stay.
def test_another_frame() -> None:
    placed = _found().placed(Affine(2, 0, 1, 0, -2, 0))
    assert placed.rows["landmarks"].tolist() == [[[3, -4], [7, -8], [11, -12]]]
    assert placed.rows["landmark_scores"].tolist() == [[0.25, 0.5, 1]]
    np.testing.assert_allclose(placed.rows["angles"], [-math.pi / 4])


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("landmarks", 0.3, 0.4),  # √2 times as far
        ("landmark_scores", 9e-4, 2e-3),
        ("angles", 9e-4, 2e-3),
        ("angles", math.pi - 9e-4, math.pi - 2e-3),  # half a turn is the same box
    ],
)
def test_each_is_held_to_its_limit(name: str, within: float, beyond: float) -> None:
    limits = Limits(boxes_px=0.5, landmarks_px=0.5, scores=1e-3, tensors=1e-4)
    for by, verdict in ((within, "PASS"), (beyond, "FAIL")):
        checks = compare_detections(_found(), _found({name: by}), limits, SAME, 0.3)
        assert {c.name: c.verdict for c in checks}[name] == verdict
        assert [c.name for c in checks if c.verdict == "FAIL"] == [name] * (verdict == "FAIL")


def test_a_row_value_on_one_side_alone_fails() -> None:
    e, g = _found(), _found()
    less = Detections(
        g.boxes_xyxy, g.scores, g.class_ids, {k: v for k, v in g.rows.items() if k != "angles"}
    )
    limits = Limits(boxes_px=0.5, landmarks_px=0.5, scores=1e-3, tensors=1e-4)
    for a, b in ((e, less), (less, e)):
        verdicts = {c.name: c.verdict for c in compare_detections(a, b, limits, SAME, 0.3)}
        assert verdicts["angles"] == "FAIL" and verdicts["landmarks"] == "PASS"


def test_rows_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="landmarks"):
        Detections(
            np.zeros((1, 4)), np.ones(1), np.zeros(1, np.int64), {"landmarks": np.zeros((2, 3, 2))}
        )
    with pytest.raises(ValueError, match="multiple of 2"):
        ROWS["landmarks"].item(5)
    with pytest.raises(ValueError, match="angles"):
        ROWS["angles"].item(2)
