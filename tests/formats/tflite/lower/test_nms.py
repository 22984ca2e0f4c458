"""`mobilecat::NMS` in LiteRT: by hand, by brute force, and against its body in onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.bake.nms import bake_nms
from mobilecat.errors import UnsupportedError
from mobilecat.formats.tflite import tflite_from_graph
from mobilecat.graph.builder import Builder, typed
from mobilecat.spec import NmsSpec
from tests.formats.tflite.lower.engines import Array, run_lite, run_ort

K = 4
TALL, WIDE = (0, 0, 10, 20), (100, 0, 140, 30)
HALF = (0, 0, 10, 10)  # IoU with TALL: 100/200
POINT = (50, 50, 50, 50)


def nms_model(count: int, classes: int, nms: NmsSpec) -> ir.Model:
    boxes = typed("boxes_in", (1, count, 4), ir.DataType.FLOAT)
    scores = typed("scores_in", (1, count, classes), ir.DataType.FLOAT)
    empty = ir.Graph([boxes, scores], [], nodes=[], opset_imports={"": 18}, name="nms")
    model = ir.Model(empty, ir_version=10)
    results = bake_nms(Builder(model, "nms"), boxes, scores, nms)
    model.graph.outputs.extend(results.values())
    return model


def spec(score: float = 0.25, iou: float = 0.5, kept: int = K, per_class: bool = False) -> NmsSpec:
    return NmsSpec(
        score_threshold=score, iou_threshold=iou, max_detections=kept, per_class=per_class
    )


@dataclass(frozen=True)
class Case:
    """Boxes and scores in, the indices kept, in order, by hand."""

    name: str
    boxes: list[tuple[float, ...]]
    scores: list[tuple[float, ...]]
    kept: list[int]
    nms: NmsSpec = field(default_factory=spec)
    classes: tuple[int, ...] = ()


_JUST_BELOW_HALF = float(np.nextafter(np.float32(0.5), np.float32(0)))
CASES = [
    Case("best first", [WIDE, TALL], [(0.5,), (0.75,)], [1, 0]),
    Case("IoU at the threshold stays", [TALL, HALF], [(0.75,), (0.5,)], [0, 1]),
    Case("IoU a bit above it goes", [TALL, HALF], [(0.75,), (0.5,)], [0],
         spec(iou=_JUST_BELOW_HALF)),
    Case("score at the threshold goes", [TALL, WIDE], [(0.25,), (0.5,)], [1]),
    Case("score a bit above it stays", [TALL],
         [(float(np.nextafter(np.float32(0.25), np.float32(1))),)], [0]),
    Case("none survives", [TALL, WIDE], [(0.25,), (0.125,)], []),
    Case("ties keep their order", [WIDE, TALL, (200, 0, 210, 9)], [(0.5,)] * 3, [0, 1, 2]),
    Case("a tie goes to the lower index", [TALL, TALL], [(0.5,), (0.5,)], [0]),
    Case("no more than asked for", [WIDE, TALL, (200, 0, 210, 9)], [(0.5,), (0.75,), (0.6,)],
         [1, 2], spec(kept=2)),
    Case("more room than boxes", [TALL], [(0.5,)], [0], spec(kept=7)),
    Case("a suppressed box suppresses nobody", [(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)],
         [(0.9,), (0.8,), (0.7,)], [0, 2], spec(iou=0.4)),
    Case("at 1 nothing goes", [TALL, TALL, TALL], [(0.5,), (0.75,), (0.6,)], [1, 2, 0],
         spec(iou=1.0)),
    Case("at 0 whatever overlaps goes", [TALL, (9, 19, 30, 40), (10, 20, 30, 40)],
         [(0.9,), (0.8,), (0.7,)], [0, 2], spec(iou=0.0)),
    Case("threshold 0", [TALL, WIDE], [(0.0,), (0.001,)], [1], spec(score=0.0)),
    # The kernel alone would keep a box without area as often as there is room.
    Case("points are kept once", [POINT, POINT, TALL], [(0.9,), (0.8,), (0.7,)], [0, 1, 2]),
    Case("no box at all", [(0, 0, 0, 0)], [(0.0,)], []),
    Case("other classes suppress", [TALL, TALL], [(0.75, 0.0), (0.0, 0.5)], [0], spec(), (0,)),
    Case("unless per class", [TALL, TALL], [(0.75, 0.0), (0.0, 0.5)], [0, 1],
         spec(per_class=True), (0, 1)),
    Case("per class the same class does", [TALL, TALL, WIDE], [(0.1, 0.75), (0.2, 0.5), (0.0, 0.3)],
         [0, 2], spec(per_class=True), (1, 1)),
    Case("per class the best of all are kept", [TALL, WIDE, HALF, (200, 0, 210, 9)],
         [(0.5, 0.0), (0.0, 0.9), (0.0, 0.6), (0.7, 0.0)], [1, 3],
         spec(kept=2, per_class=True), (1, 0)),
    Case("first of equal classes", [TALL], [(0.1, 0.5, 0.5)], [0], spec(per_class=True), (1,)),
    Case("per class none survives", [TALL], [(0.1, 0.2)], [], spec(per_class=True)),
]  # fmt: skip


@pytest.mark.parametrize("xnnpack", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_by_hand(case: Case, xnnpack: bool) -> None:
    boxes, scores = np.float32([case.boxes]), np.float32([case.scores])
    model = nms_model(boxes.shape[1], scores.shape[2], case.nms)
    have = run_lite(tflite_from_graph(model), {"boxes_in": boxes, "scores_in": scores}, xnnpack)
    count, room = len(case.kept), case.nms.max_detections
    classes = case.classes or (0,) * count
    want = {
        "count": np.array([count], np.int32),
        "nms/indices": _padded(np.array([case.kept], np.int32), room),
        "class_ids": _padded(np.array([classes], np.int32), room),
        "scores": _padded(scores[:, case.kept].max(axis=2).reshape(1, count), room),
        "boxes": _padded(boxes[:, case.kept], room),
    }
    assert set(have) == set(want)
    for name, expected in want.items():
        assert have[name].dtype == expected.dtype
        np.testing.assert_array_equal(have[name], expected, err_msg=name)


def _padded(rows: Array, room: int) -> Array:
    full = np.zeros((1, room, *rows.shape[2:]), rows.dtype)
    full[:, : rows.shape[1]] = rows
    return full


def _greedy(boxes: Array, scores: Array, nms: NmsSpec) -> list[int]:
    """Return the indices kept, in float32 as the engines compute."""
    best, ids = scores.max(axis=1), scores.argmax(axis=1)
    kept: list[int] = []
    for i in np.argsort(-best, kind="stable"):
        rivals = [j for j in kept if not nms.per_class or ids[i] == ids[j]]
        over = any(_iou(boxes[i], boxes[j]) > np.float32(nms.iou_threshold) for j in rivals)
        if best[i] > np.float32(nms.score_threshold) and not over:
            kept.append(int(i))
    return kept[: nms.max_detections]


def _iou(a: Array, b: Array) -> np.float32:
    w = max(min(a[2], b[2]) - max(a[0], b[0]), np.float32(0))
    h = max(min(a[3], b[3]) - max(a[1], b[1]), np.float32(0))
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    if min(areas) <= 0:
        return np.float32(0)
    return np.float32(w * h / (areas[0] + areas[1] - w * h))


@pytest.mark.parametrize("seed", range(24))
def test_by_brute_force_and_in_onnxruntime(seed: int) -> None:
    """Boxes on a coarse grid, scores in eighths: ties, equal boxes, IoUs at the threshold."""
    rng = np.random.default_rng(seed)
    count, classes = int(rng.integers(1, 50)), int(rng.choice([1, 2, 5]))
    corner = rng.integers(0, 9, (1, count, 2))
    boxes = np.concatenate([corner, corner + rng.integers(0, 7, (1, count, 2))], 2).astype(
        np.float32
    )
    scores = (rng.integers(0, 9, (1, count, classes)) / 8).astype(np.float32)
    nms = spec(
        score=float(rng.choice([0.0, 0.25, 0.9])),
        iou=float(rng.choice([0.0, 0.25, 0.5, 1.0])),
        kept=int(rng.integers(1, 30)),
        per_class=bool(rng.integers(0, 2)),
    )
    model = nms_model(count, classes, nms)
    inputs = {"boxes_in": boxes, "scores_in": scores}
    have, want = run_lite(tflite_from_graph(model), inputs), run_ort(model, inputs)
    kept = _greedy(boxes[0], scores[0], nms)
    np.testing.assert_array_equal(have["nms/indices"][0, : len(kept)], kept)
    assert have["count"] == len(kept)
    for name, expected in want.items():
        np.testing.assert_array_equal(have[name], expected, err_msg=name)


def test_what_is_no_number_overlaps_nothing() -> None:
    """NaN and infinite boxes are kept once each; a score of NaN is above no threshold."""
    boxes = np.float32([[TALL, [np.nan] * 4, [0, 0, np.inf, 5], TALL, WIDE]])
    scores = np.float32([[[0.9], [0.8], [0.7], [0.6], [np.nan]]])
    model = nms_model(5, 1, spec(kept=6))
    have = run_lite(tflite_from_graph(model), {"boxes_in": boxes, "scores_in": scores})
    np.testing.assert_array_equal(have["nms/indices"][0], [0, 1, 2, 0, 0, 0])
    assert have["count"] == 3
    np.testing.assert_array_equal(have["boxes"][0, :3], boxes[0, :3])
    np.testing.assert_array_equal(have["boxes"][0, 3:], 0)


def test_large_coordinates_lose_nothing_per_class() -> None:
    """Boxes a pixel wide at 4000 px, 90 classes: shifted by class, their IoU would be off."""
    step = np.float32(1 / 256)
    boxes = np.float32([[[4000, 0, 4001, 1], [4000 + 128 * step, 0, 4001, 1]]])  # IoU 1/2
    scores = np.zeros((1, 2, 90), np.float32)
    scores[0, :, 89] = 0.9, 0.8
    for iou, count in ((0.5, 2), (_JUST_BELOW_HALF, 1)):
        model = nms_model(2, 90, spec(iou=iou, per_class=True))
        have = run_lite(tflite_from_graph(model), {"boxes_in": boxes, "scores_in": scores})
        assert have["count"] == count


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("iou_threshold", 1.5, "iou_threshold 1.5 is not within 0 and 1"),
        ("iou_threshold", -0.5, "iou_threshold -0.5 is not within 0 and 1"),
        ("max_detections", 0, "max_detections 0 is below 1"),
    ],
)
def test_refused(key: str, value: float, reason: str) -> None:
    model = nms_model(3, 1, spec())
    model.graph[0].attributes[key] = ir.convenience.convert_attribute(key, value)
    with pytest.raises(UnsupportedError) as e:
        tflite_from_graph(model)
    assert [p.what for p in e.value.problems] == [reason]


@pytest.mark.parametrize("classes", [1, 3])
def test_one_number_a_candidate_is_stored_and_no_more(classes: int) -> None:
    """Ranks, 4 bytes for each of 10,000; where boxes without area go is worked out."""
    few, many = (
        len(tflite_from_graph(nms_model(n, classes, spec(per_class=True)))) for n in (100, 10_100)
    )
    assert 40_000 <= many - few < 41_000


def test_a_thousand_points_each_overlap_nothing() -> None:
    """Each is moved to a place of its own; they are kept in the order of their scores."""
    boxes = np.tile(np.float32([50, 50, 50, 50]), (1, 1000, 1))
    scores = np.linspace(0.3, 0.9, 1000, dtype=np.float32).reshape(1, 1000, 1)
    model = nms_model(1000, 1, spec(kept=1000))
    found = run_lite(tflite_from_graph(model), {"boxes_in": boxes, "scores_in": scores})
    assert np.allclose(found["scores"][0], scores[0, ::-1, 0])
