"""What TFLite_Detection_PostProcess does in LiteRT, held to the definition of `mobilecat::NMS`."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.formats.tflite.detection import CODE
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.read.flexbuffer import packed, unpacked
from mobilecat.heads.reference.nms import suppress
from mobilecat.spec import NmsSpec
from tests.formats.tflite.detection.networks import Array, operator, run


def nms(**said: object) -> NmsSpec:
    common: dict[str, object] = {
        "score_threshold": 0.25,
        "iou_threshold": 0.5,
        "max_detections": 5,
        "per_class": False,
    }
    return NmsSpec.model_validate({**common, **said})


def found(n: NmsSpec, boxes: list[list[float]], scores: list[list[float]]) -> list[tuple[int, int]]:
    """Return row and class of each detection; rows are told apart by their boxes."""
    rows, values = np.array(boxes), np.array(scores, np.float32)
    got = run(operator(len(rows), values.shape[1], n), rows, values)
    count = int(got["count"][0])
    yxyx = got["boxes"][0, :count]
    at = [int(np.abs(rows[:, [1, 0, 3, 2]] - box).max(axis=1).argmin()) for box in yxyx]
    return list(zip(at, got["class_ids"][0, :count].astype(int).tolist(), strict=True))


APART = [[0.0, 0.0, 0.1, 0.2], [0.2, 0.0, 0.5, 0.2], [0.6, 0.1, 0.9, 0.2]]
# 0.5 × 0.25 and its left half: IoU 0.5 exactly, in floats too
HALF = [[0.0, 0.0, 0.5, 0.25], [0.0, 0.0, 0.25, 0.25], [0.75, 0.5, 1.0, 0.75]]


def above(x: float) -> float:
    return float(np.nextafter(np.float32(x), np.float32(2)))


def below(x: float) -> float:
    return float(np.nextafter(np.float32(x), np.float32(-1)))


CASES = {
    "a score at the threshold is out": (
        nms(), APART, [[0.25], [above(0.25)], [below(0.25)]], [(1, 0)],
    ),
    "nothing scores above 0": (nms(score_threshold=0.0), APART, [[0.0], [-1.0], [0.0]], []),
    "0 is not above 0, a little is": (
        nms(score_threshold=0.0), APART, [[0.0], [1e-30], [0.5]], [(2, 0), (1, 0)],
    ),
    "an IoU at the threshold stays": (nms(), HALF, [[0.9], [0.8], [0.7]], [(0, 0), (1, 0), (2, 0)]),
    "an IoU above it goes": (
        nms(iou_threshold=below(0.5)), HALF, [[0.9], [0.8], [0.7]], [(0, 0), (2, 0)],
    ),
    "threshold 0: any overlap goes": (
        nms(iou_threshold=0.0), HALF, [[0.8], [0.9], [0.7]], [(1, 0), (2, 0)],
    ),
    "threshold 1: nothing goes": (
        nms(iou_threshold=1.0), [HALF[0], HALF[0], HALF[2]], [[0.8], [0.9], [0.7]],
        [(0, 0), (0, 0), (2, 0)],
    ),
    "equal scores in the order of rows": (
        nms(), APART, [[0.5], [0.5], [0.5]], [(0, 0), (1, 0), (2, 0)],
    ),
    "of two that overlap and tie, the first": (
        nms(iou_threshold=0.4), HALF, [[0.5], [0.5], [0.4]], [(0, 0), (2, 0)],
    ),
    "the first of equal classes": (
        nms(), APART, [[0.2, 0.6, 0.6], [0.9, 0.9, 0.9], [0.1, 0.2, 0.3]], [(1, 0), (0, 1), (2, 2)],
    ),
    "classes do suppress each other": (
        nms(iou_threshold=0.4), HALF, [[0.9, 0.1], [0.1, 0.8], [0.2, 0.7]], [(0, 0), (2, 1)],
    ),
    "at most so many, the best": (
        nms(max_detections=2), APART, [[0.5], [0.7], [0.6]], [(1, 0), (2, 0)],
    ),
    "one row too few for the ties": (
        nms(max_detections=2), APART, [[0.5], [0.5], [0.5]], [(0, 0), (1, 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("n", "boxes", "scores", "expected"), CASES.values(), ids=CASES)
def test_thresholds_and_ties(
    n: NmsSpec,
    boxes: list[list[float]],
    scores: list[list[float]],
    expected: list[tuple[int, int]],
) -> None:
    assert found(n, boxes, scores) == expected


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("classes", [1, 7])
def test_many_boxes(classes: int, threads: int) -> None:
    rng = np.random.default_rng(classes)
    low = rng.integers(0, 48, (150, 2)) / 64
    boxes = np.concatenate([low, low + rng.integers(1, 17, (150, 2)) / 64], axis=1)
    scores = rng.integers(0, 40, (150, classes)) / 64  # ties everywhere
    n = nms(iou_threshold=0.33, max_detections=60)
    got = run(operator(150, classes, n), boxes, scores, threads)
    kept = suppress(boxes, scores, n.score_threshold, n.iou_threshold, 60, False)
    assert 10 < len(kept) <= 60
    assert got["count"].tolist() == [len(kept)]
    np.testing.assert_array_equal(got["scores"][0, : len(kept)], scores.max(axis=1)[kept])
    np.testing.assert_array_equal(got["class_ids"][0, : len(kept)], scores.argmax(axis=1)[kept])
    np.testing.assert_allclose(
        got["boxes"][0, : len(kept)], boxes[kept][:, [1, 0, 3, 2]], atol=2e-7
    )


def regular(n: int, classes: int, *, threads: int) -> list[int]:
    """Return which classes regular NMS never finds: one box of each, all apart."""
    patched = with_regular_nms(operator(n, classes, nms(max_detections=n, iou_threshold=0.5)))
    boxes = np.array([[i, 0.1, i + 0.5, 0.6] for i in range(n)])
    scores = np.zeros((n, classes), np.float32)
    scores[np.arange(n), np.arange(n) % classes] = 0.9 - np.arange(n) / 1000
    got = run(patched, boxes, scores, threads)
    ids = got["class_ids"][0, : int(got["count"][0])].astype(int)
    return sorted(set(range(classes)) - set(ids.tolist()))


def with_regular_nms(data: bytes) -> bytes:
    import flatbuffers

    model = read_tflite(data, "")
    op = model.subgraphs[0].operators[-1]
    assert model.operatorCodes[op.opcodeIndex].customCode == CODE.encode()
    said = unpacked(bytes(op.customOptions))
    assert said["use_regular_nms"] is False
    said = {k: np.float32(v) if isinstance(v, float) else v for k, v in said.items()}
    op.customOptions = list(packed({**said, "use_regular_nms": True}))
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(("threads", "lost"), [(1, []), (2, [2]), (3, [3]), (4, [4]), (8, [])])
def test_why_regular_nms_is_not_used(threads: int, lost: list[int]) -> None:
    """LiteRT 2.3 with T threads never looks at class T; once it does, regular NMS may be used."""
    assert regular(14, 7, threads=threads) == lost


def test_rows_that_hold_nothing_are_for_the_reader_to_leave_out() -> None:
    got: dict[str, Array] = run(
        operator(3, 1, nms()), np.array(APART), np.array([[0.9], [0.1], [0.1]])
    )
    assert got["count"].tolist() == [1.0]
    assert got["boxes"].shape == (1, 5, 4)


OPTIONS: dict[str, bool | int | np.float32] = {
    "b": 3, "a": True, "long_key_of_a_threshold": np.float32(0.1), "neg": -70000,
    "tiny": np.finfo(np.float32).tiny, "no": False,
}  # fmt: skip


def test_options_go_through_a_flexbuffer() -> None:
    data = packed(OPTIONS)
    assert unpacked(data) == OPTIONS
    assert data == packed(OPTIONS)
    for end in range(len(data)):
        unpacked(data[:end])  # damaged options are no options, not a traceback
