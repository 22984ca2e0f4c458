"""Selection without suppression: `best` and `pairs`, in every target, against lists by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.compile import export
from mobilecat.errors import SpecError
from mobilecat.formats.coreai.dialect import missing
from mobilecat.heads.reference.selection import select
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.spec import NmsSpec, spec_from_text
from tests.heads.networks import Array, save_constant_network, save_network

TARGETS = """
[[targets.onnx]]
[[targets.tflite]]
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
precision = "float32"
deployment_target = "iOS17"
name = "newer"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
"""
if not missing():
    TARGETS += "[[targets.coreai]]\n"
SPEC = """
name = "case"
source = "{source}"
nms = {{ {nms} }}
[input]
size = [100, 50]
[head]
{head}
{targets}
"""
RAW = 'kind = "detr"\nactivation = "none"\nunits = "pixels"\nformat = "xyxy"\nlogits = "s"'
BOXES = [[10.0 * i, 5, 10.0 * i + 8, 20] for i in range(6)]
# Three classes. Equal: .5 of row 0 (classes 1, 2) and row 3 (class 0); .7 of rows 1 and 4.
SCORES = [
    [0.1, 0.5, 0.5],
    [0.7, 0.6, 0.2],
    [0.2, 0.2, 0.2],
    [0.5, 0.375, 0.1],
    [0.1, 0.7, 0.4],
    [0.9, 0.1, 0.8],
]
PAIRS = [(5, 0), (5, 2), (1, 0), (4, 1), (1, 1), (0, 1), (0, 2), (3, 0), (4, 2)]
"""Above 0.375, best first; of equals row by row and class by class. Row 3's 0.375 is not above."""
BEST = [(5, 0), (1, 0), (4, 1), (0, 1), (3, 0)]


def ran(text: str, folder: Path) -> dict[str, dict[str, Array]]:
    bundle = export(spec_from_text(text), folder).bundle
    picture = np.random.default_rng(5).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    found: dict[str, dict[str, Array]] = {}
    for lane in lanes_of(bundle):
        if lane.runner == "coreai-apple":
            continue  # slow
        try:
            found[lane.name] = dict(open_lane(folder, bundle, lane).infer({"image": picture}))
        except NotRun:
            assert lane.runner in ("coreml-native", "coreai-native")
    assert len(found) == (6 if missing() else 7)
    return found


@pytest.mark.parametrize("most", [4, 9, 30])
@pytest.mark.parametrize("selection", ["pairs", "best"])
def test_by_hand(selection: str, most: int, tmp_path: Path) -> None:
    """4: fewer than rows, so that pairs are sought in the best rows alone; 30: more than pairs."""
    wanted = (PAIRS if selection == "pairs" else BEST)[:most]
    path = save_constant_network(
        tmp_path / "net.onnx", (100, 50), {"boxes": np.array([BOXES]), "s": np.array([SCORES])}
    )
    nms = f'selection = "{selection}", score_threshold = 0.375, max_detections = {most}'
    text = SPEC.format(source=path, nms=nms, head=RAW, targets=TARGETS)
    rows, ids = (np.array(v) for v in zip(*wanted, strict=True))
    n = len(rows)
    for name, got in ran(text, tmp_path / "b").items():
        assert got["boxes"].size == 4 * most, name
        assert np.ravel(got["count"]).tolist() == [n], name
        assert np.ravel(got["class_ids"])[:n].tolist() == ids.tolist(), name
        np.testing.assert_allclose(
            np.ravel(got["scores"])[:n], np.array(SCORES)[rows, ids], atol=1e-6, err_msg=name
        )
        boxes = got["boxes"].reshape(most, 4)
        np.testing.assert_allclose(boxes[:n], np.array(BOXES)[rows], atol=1e-4, err_msg=name)
        for rest in (boxes[n:], np.ravel(got["scores"])[n:], np.ravel(got["class_ids"])[n:]):
            assert not rest.any(), name


def test_many_candidates_in_every_target(tmp_path: Path) -> None:
    """Of 2000 rows and 7 classes, 50 pairs, among them equal ones across the end of the list."""
    size = (1, 2000, 7)
    path = save_network(
        tmp_path / "net.onnx",
        (100, 50),
        {"boxes": ((1, 2000, 4), (0, 0, 50, 25), (50, 25, 100, 50)), "s": (size, 0, 1)},
    )
    nms = 'selection = "pairs", score_threshold = 0.3, max_detections = 50'
    text = SPEC.format(source=path, nms=nms, head=RAW, targets=TARGETS)
    found = ran(text, tmp_path / "b")
    source = found.pop("source")
    assert np.ravel(source["count"]).tolist() == [50]
    assert len({tuple(b) for b in source["boxes"][0]}) < 50  # one row with two classes
    for name, got in found.items():
        for key, value in source.items():
            np.testing.assert_allclose(
                got[key].reshape(value.shape), value, atol=1e-4, err_msg=f"{name} {key}"
            )


def test_equals_at_the_end_of_the_list(tmp_path: Path) -> None:
    """Every score is a multiple of an eighth: the list ends within equals, and the first stay."""
    rng = np.random.default_rng(8)
    scores = rng.integers(0, 9, (1, 400, 3)) / 8
    low = rng.uniform(0, 40, (1, 400, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 10, (1, 400, 2))], axis=2)
    path = save_constant_network(tmp_path / "net.onnx", (100, 50), {"boxes": boxes, "s": scores})
    for selection in ("pairs", "best"):
        nms = f'selection = "{selection}", score_threshold = 0.3, max_detections = 60'
        text = SPEC.format(source=path, nms=nms, head=RAW, targets=TARGETS)
        if selection == "pairs":
            order = sorted((-s, i) for i, s in enumerate(scores.ravel()) if s > 0.3)[:60]
            rows, ids = (np.array(v) for v in zip(*(divmod(i, 3) for _, i in order), strict=True))
        else:
            best = scores[0].max(axis=1)
            order = sorted((-s, i) for i, s in enumerate(best) if s > 0.3)[:60]
            rows = np.array([i for _, i in order])
            ids = scores[0][rows].argmax(axis=1)
        for name, got in ran(text, tmp_path / selection).items():
            found = got["boxes"].reshape(60, 4)
            np.testing.assert_allclose(found, boxes[0][rows], atol=1e-4, err_msg=name)
            assert np.ravel(got["class_ids"]).tolist() == ids.tolist(), name


def test_best_is_suppression_that_suppresses_nothing() -> None:
    rng = np.random.default_rng(3)
    boxes, scores = rng.uniform(0, 50, (90, 4)), rng.uniform(0, 1, (90, 4))
    boxes[:, 2:] += boxes[:, :2]
    best = select(boxes, scores, NmsSpec(selection="best", max_detections=40))
    none = NmsSpec(iou_threshold=1.0, per_class=False, max_detections=40)
    np.testing.assert_array_equal(best.rows, select(boxes, scores, none).rows)


@pytest.mark.parametrize(
    ("nms", "said"),
    [
        (
            'selection = "pairs", iou_threshold = 0.5',
            'iou_threshold is set, but selection = "pairs" compares no boxes with each other: take '
            'it out, or say selection = "nms"',
        ),
        ("per_class = true", 'per_class is set, but selection = "pairs" compares no boxes'),
        (
            'selection = "best", per_class = true, iou_threshold = 0.2',
            'iou_threshold and per_class are set, but selection = "best" compares no boxes',
        ),
        ('selection = "first"', "'first'"),
    ],
)
def test_keys_that_make_no_sense_are_refused(nms: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_from_text(SPEC.format(source="net.onnx", nms=nms, head=RAW, targets="[targets.onnx]"))
    assert said in str(caught.value)


def test_what_a_head_settles_by_itself() -> None:
    def nms(head: str, given: str = "max_detections = 7") -> NmsSpec | None:
        text = SPEC.format(source="net.onnx", nms=given, head=head, targets="[targets.onnx]")
        return spec_from_text(text).effective_nms

    detr = 'kind = "detr"\nactivation = '
    assert nms(f'{detr}"sigmoid"') == NmsSpec(selection="pairs", max_detections=7)
    assert nms(f'{detr}"softmax"') == NmsSpec(selection="best", max_detections=7)
    assert nms('kind = "end2end"', "") == NmsSpec(selection="pairs", max_detections=300)
    assert nms(f'{detr}"softmax"', 'selection = "nms", iou_threshold = 0.6') == NmsSpec(
        iou_threshold=0.6
    )
    assert nms('kind = "yolov8"', 'selection = "best"') == NmsSpec(selection="best")
    assert nms('kind = "yolov8"', "max_detections = 9") == NmsSpec(max_detections=9)


def test_labels_tell_how_many_classes_rows_have() -> None:
    text = SPEC.format(source="n.onnx", nms="", head='kind = "end2end"', targets="[targets.onnx]")
    labelled = f'labels = ["cat", "dog"]\n{text}'
    assert spec_from_text(labelled).head.classes == 2
    assert spec_from_text(text).head.classes is None


PLAIN = """
[[targets.tflite]]
[[targets.tflite]]
name = "four"
contract = "detection"
[[targets.coreml]]
name = "vision"
contract = "vision"
precision = "float32"
[[targets.coreml]]
name = "vision"
contract = "vision"
format = "mlmodel"
precision = "float32"
"""


@pytest.mark.parametrize("selection", ["pairs", "best"])
def test_contracts_that_end_in_an_nms_of_their_own(selection: str, tmp_path: Path) -> None:
    """It gets the rows selected, and an IoU of 1, at which it drops none of them."""
    wanted = PAIRS if selection == "pairs" else BEST
    path = save_constant_network(
        tmp_path / "net.onnx", (100, 50), {"boxes": np.array([BOXES]), "s": np.array([SCORES])}
    )
    nms = f'selection = "{selection}", score_threshold = 0.375, max_detections = 12'
    text = SPEC.format(source=path, nms=nms, head=RAW, targets=PLAIN)
    bundle = export(spec_from_text(f'labels = ["a", "b", "c"]\n{text}'), tmp_path / "b").bundle
    picture = np.random.default_rng(5).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    rows, ids = (np.array(v) for v in zip(*wanted, strict=True))
    ran = []
    for lane in lanes_of(bundle):
        try:
            got = open_lane(tmp_path / "b", bundle, lane).infer({"image": picture})
        except NotRun:
            continue
        n = int(np.ravel(got["count"])[0])
        assert n == len(wanted), lane.name
        assert np.ravel(got["class_ids"])[:n].tolist() == ids.tolist(), lane.name
        boxes = got["boxes"].reshape(-1, 4)[:n]
        np.testing.assert_allclose(boxes, np.array(BOXES)[rows], atol=1e-3, err_msg=lane.name)
        scores = np.ravel(got["scores"])[:n]
        np.testing.assert_allclose(scores, np.array(SCORES)[rows, ids], atol=1e-5)
        ran.append(lane.name)
    assert len(ran) == 5
