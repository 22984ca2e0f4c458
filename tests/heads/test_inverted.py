"""Boxes of negative width or height: the same results from every target and engine.

Engines differ over them (onnxruntime and LiteRT swap the corners, Core ML does not), so a decode
gives none: where a network's own numbers can be negative, the side becomes 0. Such a box lies on
its centre (or its first corner), has no area, suppresses nothing and is suppressed by nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.compile import export
from mobilecat.graph import Array
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network, save_network
from tests.heads.rows import Case, of_families, toml

NMS = "nms = { score_threshold = 0.3, iou_threshold = 0.4, max_detections = 60, per_class = false }"
TENSOR = """
[[targets.onnx]]
[[targets.tflite]]
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
"""
PLAIN = """
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

LOW, HIGH = (0.05, 0.05, -0.6, -0.6, 0.05), (0.95, 0.95, 0.6, 0.6, 0.95)
CASES = (
    Case(
        "yolov1",
        'kind = "yolov1"',
        (160, 96),
        {"out": ((1, 3, 5, 12), (*LOW, *LOW, 0.05, 0.05), (*HIGH, *HIGH, 1, 1))},
        30,
        2,
    ),
    Case(
        "yolov5-pixels",
        'kind = "yolov5"\nunits = "pixels"',
        (96, 64),
        {"out": ((1, 77, 7), (0, 0, -40, -40, 0.5, 0, 0), (96, 64, 40, 40, 1, 1, 1))},
        77,
        2,
    ),
    Case(
        "yolov8-normalised",
        'kind = "yolov8"\nunits = "normalised"',
        (96, 64),
        {"out": ((1, 126, 6), (0, 0, -0.5, -0.5, 0, 0), (1, 1, 0.5, 0.5, 1, 1))},
        126,
        2,
    ),
    Case(
        "blazeface",
        'kind = "blazeface"\nlayers = [[32, 12]]',
        (96, 64),
        {
            "r": ((1, 72, 10), (-20, -20, -40, -40, *[-20] * 6), (20, 20, 40, 40, *[20] * 6)),
            "c": ((1, 72, 1), -1, 6),
        },
        72,
        1,
        3,
    ),
    Case(
        "ultraface-decoded",
        'kind = "ultraface"\nform = "decoded"',
        (168, 120),
        {"boxes": ((1, 1187, 4), 0, 1), "scores": ((1, 1187, 2), 0, 0.4)},
        1187,
        1,
    ),
    *of_families("INVERTED"),
)


def spec(case: Case, source: Path) -> str:
    labels = [f"c{i}" for i in range(case.c)]
    targets = TENSOR + ("" if case.points else PLAIN)
    text = toml(case, source, f"labels = {labels}\n{NMS}")
    return text.replace("[targets.onnx]", targets)


def ran(text: str, folder: Path, size_wh: tuple[int, int]) -> dict[str, dict[str, Array]]:
    bundle = export(spec_from_text(text), folder).bundle
    width, height = size_wh
    picture = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found: dict[str, dict[str, Array]] = {}
    for lane in lanes_of(bundle):
        try:
            got = open_lane(folder, bundle, lane).infer({"image": picture}, ("candidate_boxes",))
        except NotRun:
            assert lane.runner == "coreml-native"
            continue
        found[lane.name] = dict(got)
    return found


def rows(got: dict[str, Array]) -> dict[str, Any]:
    n = int(np.ravel(got["count"])[0])
    shapes = {"boxes": (-1, 4), "scores": (-1,), "class_ids": (-1,)}
    return {k: got[k].reshape(shape)[:n] for k, shape in shapes.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_target_gives_the_sources(case: Case, tmp_path: Path) -> None:
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    found = ran(spec(case, path), tmp_path / "b", case.size_wh)
    assert len(found) == (5 if case.points else 8)
    source = rows(found.pop("source"))
    side = source["boxes"][:, 2:] - source["boxes"][:, :2]
    assert (side == 0).any(axis=1).sum() >= 3 and (side > 0).all(axis=1).sum() >= 3
    for name, got in found.items():
        mine = rows(got)
        assert len(mine["boxes"]) == len(source["boxes"]), name
        np.testing.assert_array_equal(mine["class_ids"], source["class_ids"], err_msg=name)
        np.testing.assert_allclose(mine["scores"], source["scores"], atol=1e-5, err_msg=name)
        # float32 in another order, on coordinates up to 168
        np.testing.assert_allclose(mine["boxes"], source["boxes"], atol=1e-3, err_msg=name)


WORKED = (
    # centre x, y, w, h, objectness, class: the second's corners swapped are the first's and third's
    (30, 20, 20, 10, 0.9, 1),
    (30, 20, -20, 10, 0.8, 1),
    (30, 21, 20, 10, 0.7, 1),
    (60, 40, 8, -6, 0.6, 1),
)
KEPT = [(20, 15, 40, 25), (30, 15, 30, 25), (56, 40, 64, 40)]
"""The first suppresses the third (IoU 9/11); the second and fourth are lines, and stay."""


def test_by_hand(tmp_path: Path) -> None:
    case = Case("worked", 'kind = "yolov5"\nunits = "pixels"', (96, 64), {}, 4, 1)
    path = save_constant_network(
        tmp_path / "net.onnx", case.size_wh, {"out": np.array([WORKED], np.float64)}
    )
    found = ran(spec(case, path), tmp_path / "b", case.size_wh)
    assert len(found) == 8
    for name, got in found.items():
        mine = rows(got)
        np.testing.assert_allclose(mine["boxes"], KEPT, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(mine["scores"], [0.9, 0.8, 0.6], atol=1e-6, err_msg=name)
