"""What geometry refuses, and what it says: values are checked where they are made."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mobilecat.geometry.affine import Affine, GeometryError, Size, as_size, whole_size
from mobilecat.geometry.assumptions import UNMEASURED, Assumptions
from mobilecat.geometry.boxes import Boxes, Landmarks, boxes_around, convert_boxes
from mobilecat.geometry.crops import CropRule, crop_rect, plan_crop
from mobilecat.geometry.detections import detections_from_tensors
from mobilecat.geometry.frames import Frame, frame_from_frame
from mobilecat.geometry.orientation import (
    orientation,
    orientation_for_buffer,
    orientation_for_rotation,
    rotation_angle,
)
from mobilecat.geometry.resize import plan_resize, round_side
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale, Region, crop_and_scale


def _decode(**changed: Any) -> Any:
    given = {"boxes": [[1, 2, 3, 4]], "scores": [0.5], "class_ids": [0], "count": 1, **changed}
    return detections_from_tensors(
        given["boxes"], given["scores"], given["class_ids"], given["count"]
    )


IMAGE = Frame("image", Size(3, 5))
REFUSED: list[tuple[str, Callable[[], Any], str]] = [
    ("size zero", lambda: Size(0, 5), "0 × 5"),
    ("size NaN", lambda: Size(3, float("nan")), "nan"),
    ("size negative", lambda: as_size((3, -5)), "-5"),
    ("half a pixel", lambda: whole_size((3.5, 5)), "3.5"),
    ("flat map", lambda: Affine(1, 2, 0, 2, 4, 0).inverse(), "collapses"),
    ("points of three", lambda: Affine.identity().points([[1, 2, 3]]), "(1, 3)"),
    ("boxes of words", lambda: convert_boxes([["a", "b", "c", "d"]], "xyxy", "xywh"), "boxes"),
    ("boxes of truth", lambda: Affine.identity().boxes_xyxy([[True] * 4]), "bool"),
    ("box NaN", lambda: Boxes(np.array([[1, 2, 3, np.nan]]), "xyxy", IMAGE), "row 0"),
    ("boxes cube", lambda: Boxes(np.zeros((1, 1, 4)), "xyxy", IMAGE), "(1, 1, 4)"),
    ("box format", lambda: Boxes(np.zeros((1, 4)), "whxy", IMAGE), "xyxy, xywh"),  # type: ignore[arg-type]
    ("landmarks flat", lambda: Landmarks(np.zeros((3, 2)), IMAGE), "(N, K, 2)"),
    ("landmark inf", lambda: Landmarks(np.full((2, 1, 2), np.inf), IMAGE), "row 1"),
    ("no landmarks", lambda: boxes_around(np.zeros((0, 2))), "without a landmark"),
    (
        "two pictures",
        lambda: frame_from_frame(IMAGE, Frame("model", Size(3, 5))),
        "compose with the map",
    ),
    ("two sizes", lambda: frame_from_frame(IMAGE, Frame("image", Size(5, 3))), "not of one"),
    ("orientation 0", lambda: orientation(0), "translated, not cast"),
    ("face up", lambda: orientation_for_buffer("faceUp", "back"), "landscapeLeft"),  # type: ignore[arg-type]
    ("side camera", lambda: rotation_angle("portrait", "side"), "back or front"),  # type: ignore[arg-type]
    ("45 degrees", lambda: orientation_for_rotation(45), "0, 90, 180 or 270"),
    ("region outside", lambda: Region(0.5, 0, 0.6, 1), "not inside"),
    ("option", lambda: crop_and_scale("fit"), "centerCrop"),
    ("option raw", lambda: crop_and_scale(3), "centerCrop"),
    ("mode", lambda: plan_resize((3, 5), (7, 4), "fit"), "letterbox-topleft"),  # type: ignore[arg-type]
    ("rounding", lambda: round_side(1.5, "up"), "half-even"),  # type: ignore[arg-type]
    ("view", lambda: View(Size(3, 5), "cover"), "resizeAspectFill"),
    ("ragged", lambda: Affine.identity().points([[1, 2], [3]]), "rows differ"),
    ("crop NaN", lambda: crop_rect((0, 0, float("nan"), 3), (9, 9), CropRule()), "NaN"),
    (
        "crop inverted but grown",
        lambda: crop_rect((5, 0, 3, 40), (90, 90), CropRule(grow=1)),
        "inverted",
    ),
    ("detections NaN", lambda: _decode(boxes=[[1, 2, 3, float("nan")]]), "row 0 holds NaN"),
    ("detections of words", lambda: _decode(scores=["high"]), "scores: no array of numbers"),
    ("detections ragged", lambda: _decode(boxes=[[1, 2, 3, 4], [1]]), "boxes: no array"),
    ("half a detection", lambda: _decode(count=0.5), "count is [0.5]"),
    ("no count", lambda: _decode(count=[]), "count is []"),
    (
        "fractional letterbox",
        lambda: plan_crop((0.5, 0, 3, 4), (9, 9), (5, 7), CropRule(), "letterbox"),
        "whole pixels",
    ),
]


@pytest.mark.parametrize(("make", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refused_with_the_reason(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(GeometryError) as refusal:
        make()
    assert says in str(refusal.value)


def test_a_crop_rule_lists_everything_wrong() -> None:
    with pytest.raises(GeometryError) as refusal:
        CropRule(grow_by="x", rounding="y", edge="z")  # type: ignore[arg-type]
    assert len(refusal.value.problems) == 3


def test_boxes_carry_their_format_and_frame_and_cannot_be_written() -> None:
    boxes = Boxes(np.array([[1, 2, 3, 5]], dtype=np.int32), "xywh", IMAGE)
    assert boxes.xyxy.tolist() == [[1, 2, 4, 7]]
    assert boxes.to("cxcywh").values.tolist() == [[2.5, 4.5, 3, 5]]
    turned = boxes.mapped(Affine(0, -1, 5, 1, 0, 0), Frame("turned", Size(5, 3)))
    # a quarter turn: (x, y) → (5 − y, x), so x runs −2…3 and y runs 1…4
    assert (turned.format, turned.values.tolist()) == ("xywh", [[-2, 1, 5, 3]])
    assert turned.frame.picture == "turned"
    with pytest.raises(ValueError, match="read-only"):
        boxes.values[0, 0] = 9
    assert len(Boxes(np.zeros((0, 4)), "yxyx", IMAGE)) == 0
    marks = Landmarks(np.array([[[1, 2]]]), IMAGE).mapped(Affine.move(1, -1), IMAGE)
    assert marks.values.tolist() == [[[2, 1]]]


def test_the_swift_action_names_and_raw_values_are_read() -> None:
    assert crop_and_scale("scaleToFitPlus90CCWRotation") is CropAndScale.SCALE_FIT_ROTATE_90_CCW
    assert crop_and_scale(0x102) is CropAndScale.SCALE_FILL_ROTATE_90_CCW
    assert crop_and_scale("scaleToFill") is crop_and_scale(2)


def test_every_assumption_says_why_it_is_one() -> None:
    assert [u.field for u in UNMEASURED] == [f.name for f in dataclasses.fields(Assumptions)]
    assert all(u.why and u.measure for u in UNMEASURED)


def test_geometry_is_a_leaf() -> None:
    code = (
        "import sys, pkgutil, importlib, mobilecat.geometry as g\n"
        "for m in pkgutil.iter_modules(g.__path__):\n"
        "    importlib.import_module('mobilecat.geometry.' + m.name)\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names))\n"
        "print(*sorted(m for m in sys.modules if m.startswith('mobilecat.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    packages, modules = done.stdout.splitlines()
    assert {"mobilecat", "numpy"} <= set(packages.split())
    assert not {"onnx", "onnxruntime", "coremltools", "cv2", "PIL", "pydantic"} & set(
        packages.split()
    )
    assert all(
        m == "mobilecat.errors" or m.startswith("mobilecat.geometry") for m in modules.split()
    )
