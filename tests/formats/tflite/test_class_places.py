"""One suppression for all classes: boxes scaled by class. Where it is exact, and what guards it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mobilecat.formats.tflite import class_places, tflite_from_graph
from mobilecat.formats.tflite.class_places import groups_of, keeps_apart, places_of
from mobilecat.formats.tflite.nms import written
from mobilecat.spec import NmsSpec
from tests.formats.tflite.lower.engines import Array, run_lite, run_ort
from tests.formats.tflite.lower.test_nms import _greedy, nms_model, spec

F32 = np.float32


def _calls(data: bytes) -> int:
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    model = Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    codes = [
        model.OperatorCodes(graph.Operators(i).OpcodeIndex()).BuiltinCode()
        for i in range(graph.OperatorsLength())
    ]
    return codes.count(BuiltinOperator.NON_MAX_SUPPRESSION_V4)


def run(boxes: Array, scores: Array, nms: NmsSpec) -> tuple[list[int], int]:
    """Return the indices kept by LiteRT, held to onnxruntime's, and how many calls it took."""
    model = nms_model(boxes.shape[0], scores.shape[1], nms)
    feeds = {"boxes_in": boxes[None].astype(F32), "scores_in": scores[None].astype(F32)}
    data = tflite_from_graph(model)
    have, want = run_lite(data, feeds), run_ort(model, feeds)
    for name, expected in want.items():
        np.testing.assert_array_equal(have[name], expected, err_msg=name)
    return have["nms/indices"][0, : int(have["count"][0])].tolist(), _calls(data)


def crowd(rng: np.random.Generator, classes: int, count: int) -> tuple[Array, Array]:
    """Boxes of one size or another around a few places: many pairs near any threshold. Some are
    clipped to the edges, some lie across them, some are alike but for their class."""
    places = rng.uniform(0, 640, (4, 2))
    centre = places[rng.integers(0, 4, count)] + rng.normal(0, 4, (count, 2))
    size = rng.uniform(8, 30, (count, 2)) * rng.choice([0.01, 1, 20], (count, 1), p=[0.1, 0.6, 0.3])
    boxes = np.concatenate([centre - size / 2, centre + size / 2], 1)
    clipped = rng.random(count) < 0.3
    boxes[clipped] = np.clip(boxes[clipped], 0, 640)
    boxes[: count // 4] = boxes[-(count // 4) :]
    scores = rng.random((count, classes)) * 0.2
    scores[np.arange(count), rng.integers(0, classes, count)] = rng.integers(1, 90, count) / 91
    return boxes.astype(F32), scores.astype(F32)


@pytest.mark.parametrize(("classes", "calls"), [(2, 1), (20, 1), (80, 1), (91, 1), (365, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_class_by_class(classes: int, calls: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, scores = crowd(rng, classes, 220)
    nms = spec(score=0.25, iou=0.45, kept=100, per_class=True)
    kept, called = run(boxes, scores, nms)
    assert kept == _greedy(boxes, scores, nms)
    assert called == calls
    assert len(kept) > 30


@pytest.mark.parametrize("iou", [0.0, 0.001, 0.1, 0.9, 1.0])
def test_other_thresholds(iou: float) -> None:
    boxes, scores = crowd(np.random.default_rng(5), 80, 120)
    nms = spec(score=0.25, iou=iou, kept=100, per_class=True)
    kept, called = run(boxes, scores, nms)
    assert kept == _greedy(boxes, scores, nms)
    assert called == {0.0: 80, 0.001: 2, 1.0: 0}.get(iou, 1)


def test_an_iou_of_the_threshold_to_the_last_bit_in_every_place() -> None:
    """Boxes of IoU 1/2 to the bit, and the next float above, for each of 80 classes, at 4000 px."""
    base = np.array([4000, 0, 4001, 1], F32)
    half = np.array([4000.5, 0, 4001, 1], F32)
    more = np.array([np.nextafter(F32(4000.5), F32(0)), 0, 4001, 1], F32)
    for other, count in ((half, 160), (more, 80)):
        boxes = np.stack([base, other] * 80)
        scores = np.zeros((160, 80))
        scores[np.arange(160), np.repeat(np.arange(80), 2)] = np.linspace(0.9, 0.5, 160)
        kept, _ = run(boxes, scores, spec(iou=0.5, kept=200, per_class=True))
        assert len(kept) == count


def test_boxes_of_two_classes_across_the_origin_leave_each_other_alone() -> None:
    """Scaling keeps 0 where it is: what lies across it is what could meet."""
    same = np.array([[-20, -30, 40, 50], [0, 0, 60, 60], [-1, 0, 1, 640], [0, 0, 0.05, 0.05]], F32)
    boxes = np.repeat(same, 80, 0)
    scores = np.zeros((320, 80))
    scores[np.arange(320), np.tile(np.arange(80), 4)] = np.linspace(0.9, 0.5, 320)
    kept, _ = run(boxes, scores, spec(iou=0.6, kept=400, per_class=True))
    assert kept == list(range(320))


def _iou(a: Array, b: Array) -> float:
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    inter = float(sides.prod())
    return inter / float((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inter)


def test_where_equality_could_break_and_what_guards_it() -> None:
    """A splinter at the left edge, scaled, lies over the whole box of a class of smaller scale."""
    places = places_of(80, 0.45)
    assert places is not None
    a, b = next(
        (i, j)
        for i, j in combinations(range(80), 2)
        if places.scales[i, 1] == places.scales[j, 1] and places.scales[j, 0] > places.scales[i, 0]
    )
    ratio = float(places.scales[b, 0] / places.scales[a, 0])
    large = np.array([0, 0, 640, 100], np.float64)
    splinter = np.array([0, 0, 640 / ratio, 100], np.float64)
    scaled = [box * np.tile(places.scales[c], 2) for box, c in ((large, a), (splinter, b))]
    assert _iou(*scaled) == 1.0  # the unguarded trick would drop it
    assert splinter[2] < 640 * places.margin < 0.01
    scores = np.zeros((2, 80))
    scores[0, a], scores[1, b] = 0.9, 0.8
    kept, _ = run(np.stack([large, splinter]), scores, spec(iou=0.45, per_class=True))
    assert kept == [0, 1]
    # Just wider than the margin it is no splinter: its bits count, and nothing has to guard it.
    wide = np.array([0, 0, 640 * places.margin * 1.01, 100])
    scaled[1] = wide * np.tile(places.scales[b], 2)
    assert _iou(*scaled) < 0.45 / 2


def test_a_box_far_outside_costs_the_others_nothing() -> None:
    """Random networks give e^20: such a box overlaps nothing, and no finite one is lost by it."""
    boxes = np.array([[0, 0, 3e8, 3e8], [0, 0, 50, 50], [0, 0, 50, 49]], F32)
    scores = np.zeros((3, 80))
    scores[:, 7] = 0.9, 0.8, 0.7
    kept, _ = run(boxes, scores, spec(iou=0.5, per_class=True))
    assert kept == [0, 1]


def test_many_without_area_are_kept_once_each() -> None:
    boxes = np.tile(np.array([[5, 5, 5, 9]], F32), (20, 1))
    scores = np.zeros((20, 80))
    scores[np.arange(20), np.arange(20) % 3] = 0.9
    kept, _ = run(boxes, scores, spec(kept=30, per_class=True))
    assert kept == list(range(20))


@pytest.mark.parametrize("classes", [1, 2, 13, 40, 80, 91])
def test_places_by_their_definition(classes: int) -> None:
    """Powers of two; any two classes far apart in x or in y; room for every area and coordinate."""
    places = places_of(classes, 0.45)
    assert places is not None and places.scales.shape == (classes, 2)
    exponents = np.log2(places.scales.astype(np.float64))
    assert (exponents == np.rint(exponents)).all()
    for one, other in combinations(exponents, 2):
        assert 2.0 ** (2 - abs(one - other).max()) / 0.45 <= places.margin <= 2.0**-14
    area = exponents.sum(1)
    assert (np.abs(exponents) + 20 < 127).all() and (area + 2 * 21 < 127).all()
    assert (np.exp2(area) * places.least_area >= 2.0**-120).all() and places.least_area <= 2.0**-16
    above = np.array([places.aside > tuple(s) for s in places.scales.astype(float)])
    assert above.all()


def test_a_table_that_does_not_keep_classes_apart_is_seen() -> None:
    places = places_of(80, 0.45)
    assert places is not None and keeps_apart(places.scales, 0.45)
    assert not keeps_apart(np.sqrt(places.scales), 0.45)  # half as far apart
    assert not keeps_apart(np.ones_like(places.scales), 0.45)
    assert not keeps_apart(places.scales * 1.5, 0.45)  # which no longer changes no bit
    close = places.scales.copy()
    close[3] = close[4]
    assert not keeps_apart(close, 0.45)


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("classes", [80, 365])
def test_the_file_says_whether_classes_leave_each_other_alone(
    classes: int, per_class: bool, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    nms = spec(iou=0.45, per_class=per_class)
    path.write_bytes(tflite_from_graph(nms_model(30, classes, nms)))
    assert written(path)["per_class"] == {float(per_class)}
    assert written(path)["iou_threshold"] == {float(np.nextafter(F32(0.45), F32(1)))}


def test_scales_too_close_are_no_per_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: classes 2^4 apart instead of 2^20, which lets some suppress others."""
    right = places_of(80, 0.45)
    assert right is not None
    exponents = np.rint(np.log2(right.scales.astype(np.float64)) / 5)
    wrong = class_places.Places(
        np.exp2(exponents).astype(F32), right.aside, right.margin, right.least_area
    )
    monkeypatch.setattr(class_places, "places_of", lambda *_: wrong)
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite_from_graph(nms_model(30, 80, spec(iou=0.45, per_class=True))))
    assert written(path)["per_class"] == {0.0}


def test_as_few_calls_as_there_can_be() -> None:
    assert [len(groups_of(c, 0.45)) for c in (2, 80, 90, 91, 365, 1203)] == [1, 1, 1, 1, 4, 13]
    assert [len(groups_of(80, t)) for t in (0.7, 0.1, 0.01, 0.0)] == [1, 1, 2, 80]
    for classes, iou in ((365, 0.45), (80, 0.0)):
        numbers = [c for group, _ in groups_of(classes, iou) for c in group]
        assert numbers == list(range(classes))
