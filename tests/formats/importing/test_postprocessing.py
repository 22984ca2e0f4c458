"""ONNX files that suppress their own boxes: cut, baked again, and held to the whole file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser
from PIL import Image

import mobilecat as mc
from mobilecat.errors import ModelError
from mobilecat.formats.base.notes import CUT_KEY
from mobilecat.formats.importing import dims_of, import_model

CLASSES, SIDE, CELLS = 3, 64, 8 * 8
SPEC = """
source = "net.onnx"
[input]
size = [64, 64]
range = [0, 1]
[head]
kind = "yolov8"
layout = "rows-first"
[nms]
iou_threshold = 0.4
score_threshold = 0.35
max_detections = 100
per_class = {per_class}
[targets.onnx]
[targets.tflite]
"""
HEAD = """
  raw = Conv <kernel_shape = [8, 8], strides = [8, 8]> (images, w, b)
  flat = Reshape (raw, shape_flat)
  rows = Transpose <perm = [0, 2, 1]> (flat)
  shift, logits = Split <axis = 2> (rows, sizes)
  moved = Tanh (shift)
  scaled = Mul (moved, eight)
  corners = Add (scaled, cells)
  scores = Sigmoid (logits)
"""
# The form of published exporters for onnxruntime ("end2end"): one suppression over boxes that are
# moved apart by class, rows [image, x1, y1, x2, y2, class, score] out.
BY_ROW = """
  best = ReduceMax <keepdims = 1> (scores, two)
  cat = ArgMax <axis = 2, keepdims = 1> (scores)
  cat_f = Cast <to = 1> (cat)
  far = Mul (cat_f, max_wh)
  apart = Add (corners, far)
  best_t = Transpose <perm = [0, 2, 1]> (best)
  kept = NonMaxSuppression (apart, best_t, most, iou, thr)
  row = Gather <axis = 1> (kept, two_i)
  corners0 = Squeeze (corners, zero_axis)
  cat0 = Squeeze (cat_f, zero_axis)
  best0 = Squeeze (best, zero_axis)
  boxes_kept = Gather <axis = 0> (corners0, row)
  cat_kept = Gather <axis = 0> (cat0, row)
  best_kept = Gather <axis = 0> (best0, row)
  found = Concat <axis = 1> (boxes_kept, cat_kept, best_kept)
"""
# TensorFlow's way: classes apart inside the suppression, y first.
BY_CLASS = """
  y1x1y2x2 = Gather <axis = 2> (corners, swapped)
  scores_t = Transpose <perm = [0, 2, 1]> (scores)
  kept = NonMaxSuppression (y1x1y2x2, scores_t, most, iou, thr)
  row = Gather <axis = 1> (kept, two_i)
  class = Gather <axis = 1> (kept, one_i)
  corners0 = Squeeze (corners, zero_axis)
  boxes_kept = Gather <axis = 0> (corners0, row)
"""
# Boxes are decoded only where scores are high: they are never all there.
LATE = """
  best = ReduceMax <keepdims = 0> (scores, two)
  best0 = Squeeze (best, zero_axis)
  high = Greater (best0, limit)
  where_high = NonZero (high)
  row_high = Squeeze (where_high, zero_axis)
  moved0 = Squeeze (moved, zero_axis)
  cells0 = Squeeze (cells, zero_axis)
  some = Gather <axis = 0> (moved0, row_high)
  some_cells = Gather <axis = 0> (cells0, row_high)
  some_scaled = Mul (some, eight)
  some_boxes = Add (some_scaled, some_cells)
  some_b = Unsqueeze (some_boxes, zero_axis)
  some_s = Gather <axis = 0> (best0, row_high)
  some_t = Unsqueeze (some_s, zero_one)
  kept = NonMaxSuppression (some_b, some_t, most, iou, thr)
  row = Gather <axis = 1> (kept, two_i)
  found = Gather <axis = 0> (some_boxes, row)
"""


def network(path: Path, ending: str, outputs: str, producer: str = "pytorch") -> Path:
    rng = np.random.default_rng(5)
    cells = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(1, CELLS, 2) * 8.0
    tables = {
        "w": rng.normal(0, 0.35, (4 + CLASSES, 3, 8, 8)).astype(np.float32),
        "b": np.array([0, 0, 0, 0, -1, -1, -1], np.float32),
        "shape_flat": np.array([1, 4 + CLASSES, CELLS], np.int64),
        "sizes": np.array([4, CLASSES], np.int64),
        "eight": np.array(6, np.float32),
        "cells": np.concatenate([cells, cells + 14], 2).astype(np.float32),
        "two": np.array([2], np.int64),
        "max_wh": np.array(640, np.float32),
        "most": np.array([100], np.int64),
        "iou": np.array([0.4], np.float32),
        "thr": np.array([0.35], np.float32),
        "limit": np.array(0.35, np.float32),
        "two_i": np.array(2, np.int64),
        "one_i": np.array(1, np.int64),
        "zero_axis": np.array([0], np.int64),
        "zero_one": np.array([0, 1], np.int64),
        "swapped": np.array([1, 0, 3, 2], np.int64),
    }
    text = f"""<ir_version: 8, opset_import: ["" : 18], producer_name: "{producer}">
    net (float[1, 3, {SIDE}, {SIDE}] images) => ({outputs}) {{ {HEAD} {ending} }}"""
    proto = parser.parse_model(text)
    read = {n for node in proto.graph.node for n in node.input}
    for name, array in tables.items():
        if name in read:
            proto.graph.initializer.append(numpy_helper.from_array(array, name))
    onnx.save(proto, path)
    return path


def picture() -> Image.Image:
    rng = np.random.default_rng(9)
    return Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def compare(path: Path, rows: np.ndarray, per_class: bool) -> None:
    """Hold every artifact's detections to `rows`: x1, y1, x2, y2, class, of the whole file."""
    spec = path.parent / "mobilecat.toml"
    spec.write_text(SPEC.format(per_class=str(per_class).lower()))
    done = mc.export(spec, path.parent / "bundle")
    assert any("suppression was cut off" in note for note in done.notes)
    assert len(rows) > 5
    opened = mc.open(done)
    for runner in ("onnx", "tflite"):
        found = opened.run(picture(), runner=runner).detections
        given = np.column_stack([found.boxes_xyxy, found.class_ids])
        assert len(given) == len(rows)
        assert np.abs(_sorted(given) - _sorted(rows)).max() < 1e-3


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(np.round(rows.T, 2))]


def whole(path: Path) -> list[np.ndarray]:
    session = ort.InferenceSession(path)
    feed = np.asarray(picture(), np.float32).transpose(2, 0, 1)[None] / 255
    return list(session.run(None, {"images": feed}))


def test_an_exporters_end2end_form(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", BY_ROW, "float[k, 6] found")
    (rows,) = whole(path)
    compare(path, rows[:, :5], per_class=True)
    cut = json.loads(import_model(path, {}).metadata_props[CUT_KEY])
    assert (cut["boxes"], cut["scores"], cut["form"]) == ("corners", "scores", "xyxy")
    assert (cut["iou_threshold"], cut["score_threshold"]) == (0.4, 0.35)
    assert (cut["max_detections"], cut["per_class"], cut["classes"]) == (100, True, CLASSES)


def test_classes_apart_and_y_first_for_the_suppression(tmp_path: Path) -> None:
    outputs = "float[k, 4] boxes_kept, int64[k] class"
    path = network(tmp_path / "net.onnx", BY_CLASS, outputs, producer="tf2onnx")
    cut = json.loads(import_model(path, {}).metadata_props[CUT_KEY])
    assert (cut["boxes"], cut["scores"], cut["form"]) == ("corners", "scores", "xyxy")
    assert cut["per_class"]


def test_boxes_of_tensorflow_have_y_first(tmp_path: Path) -> None:
    ending = BY_CLASS.replace("Squeeze (corners,", "Squeeze (y1x1y2x2,")
    path = network(tmp_path / "net.onnx", ending, "float[k, 4] boxes_kept", producer="tf2onnx")
    cut = json.loads(import_model(path, {}).metadata_props[CUT_KEY])
    assert (cut["boxes"], cut["form"]) == ("y1x1y2x2", "yxyx")


def test_boxes_that_are_never_whole_say_where_to_cut(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", LATE, "float[k, 4] found")
    with pytest.raises(ModelError) as caught:
        dims_of(path)
    text = str(caught.value)
    assert "boxes and scores are nowhere whole" in text
    assert "[import] outputs = [" in text and "moved" in text and "best0" in text


def test_a_file_without_suppression_is_left_as_it_is(tmp_path: Path) -> None:
    ending = "found = Identity (scores)"
    path = network(tmp_path / "net.onnx", ending, f"float[1, {CELLS}, {CLASSES}] found")
    assert CUT_KEY not in import_model(path, {}).metadata_props


def test_init_reads_what_was_cut(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", BY_ROW, "float[k, 6] found")
    found = mc.init(path, tmp_path / "mobilecat.toml")
    assert not found.asks and found.spec.head.kind == "yolov8"
    nms = found.spec.effective_nms
    assert nms is not None
    assert (nms.iou_threshold, nms.score_threshold, nms.max_detections) == (0.4, 0.35, 100)
