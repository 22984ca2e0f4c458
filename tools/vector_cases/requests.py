"""Decoding of output tensors, and whole requests: each stage is solved from its corners."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np

from vector_cases.boxes import _plan
from vector_cases.form import Cases, case, from_corners, off_centre_points, refused, through
from vector_cases.frames import OPTIONS, crop_matrix, region_matrix, view_matrix

# where the upright picture's (left, top), (right, top), (left, bottom) lie in the stored w × h one
STORED_CORNERS = {
    1: ((0, 0), (1, 0), (0, 1)), 2: ((1, 0), (0, 0), (1, 1)), 3: ((1, 1), (0, 1), (1, 0)),
    4: ((0, 1), (1, 1), (0, 0)), 5: ((0, 0), (0, 1), (1, 0)), 6: ((0, 1), (0, 0), (1, 1)),
    7: ((1, 1), (1, 0), (0, 1)), 8: ((1, 0), (1, 1), (0, 0)),
}  # fmt: skip


def request_cases() -> Cases:
    """Every orientation × fit, with a region, a view and both readings of the region."""
    rng = random.Random(13)
    out: Cases = {"simulated_request": []}
    buffer, model, view = (640, 480), (320, 200), (390, 844)
    fits: list[Any] = [*OPTIONS, {"mode": "letterbox", "rounding": "half-even"},
                       {"mode": "letterbox-topleft", "rounding": "truncate"}]  # fmt: skip
    modes = itertools.cycle(["resizeAspectFill", "FIT_END", "resizeAspect", "FILL_START", "resize"])
    for orientation, fit in itertools.product(range(1, 9), fits):
        app = isinstance(fit, dict)
        region = [0, 0, 1, 1] if app else rng.choice([[0, 0, 1, 1], [0.25, 0.5, 0.5, 0.25]])
        args = {
            "buffer_wh": buffer, "model_wh": model, "orientation": orientation, "fit": fit,
            "region": region, "observations_relative_to_roi": rng.random() < 0.5,
            "view": {"size_wh": view, "mode": next(modes), "mirrored": rng.random() < 0.5,
                     "rtl": rng.random() < 0.5},
            "frame_points_xy": off_centre_points(*buffer, rng),
        }  # fmt: skip
        out["simulated_request"].append(
            case(f"exif {orientation} {fit['mode'] if app else fit}", args, _stages(args), 1e-6)
        )
    return out


def drawing_cases() -> Cases:
    """Every orientation × the app's own resizes, in Core Image's spaces: from solved corners."""
    rng = random.Random(27)
    out: Cases = {"drawing": []}
    (w, h), (sw, sh) = (640, 480), (200, 320)  # upright: what the picture leaves free lies below
    fits = [("letterbox", "half-even"), ("letterbox-topleft", "truncate"), ("stretch", "half-even")]
    for orientation, (mode, rounding) in itertools.product(range(1, 9), fits):
        image = (w, h) if orientation < 5 else (h, w)
        plan = _plan(image, (sw, sh), mode, rounding)
        (rw, rh), left, top = plan["resized_wh"], plan["left"], plan["top"]
        # The upright picture's three corners: where they lie in the buffer, where they are drawn.
        stored = [(x * w, h - y * h) for x, y in STORED_CORNERS[orientation]]
        drawn = [(left, sh - top), (left + rw, sh - top), (left, sh - top - rh)]
        args = {
            "buffer_wh": (w, h), "model_wh": (sw, sh), "orientation": orientation,
            "fit": {"mode": mode, "rounding": rounding},
            "frame_points_ci": off_centre_points(w, h, rng),
        }  # fmt: skip
        expect = {
            "model_points_ci": through(from_corners(stored, drawn), args["frame_points_ci"]),
            "picture_xyxy": [left, top, left + rw, top + rh],
            "picture_ci_xywh": [left, sh - top - rh, rw, rh],
        }
        out["drawing"].append(case(f"exif {orientation} {mode}", args, expect, 1e-6))
    return out


def _stages(args: dict[str, Any]) -> dict[str, Any]:
    w, h = args["buffer_wh"]
    image = (w, h) if args["orientation"] < 5 else (h, w)
    stored = [(x * w, y * h) for x, y in STORED_CORNERS[args["orientation"]]]
    upright = from_corners(stored, [(0, 0), (image[0], 0), (0, image[1])])
    if isinstance(args["fit"], dict):
        plan = _plan(image, args["model_wh"], args["fit"]["mode"], args["fit"]["rounding"])
        fitted = np.array([float(v) for v in plan["model_from_image"]] + [0, 0, 1]).reshape(3, 3)
    else:
        move, crop = region_matrix(args["region"], image)
        fitted = crop_matrix(args["fit"], crop, args["model_wh"], "center") @ move
    corners = [(0, 0), (image[0], 0), (0, image[1])]
    vision = from_corners(corners, [(0, 1), (1, 1), (0, 0)])
    observed = vision
    if args["observations_relative_to_roi"]:
        rx, ry, rw, rh = args["region"]
        observed = from_corners([(rx, ry), (rx + rw, ry), (rx, ry + rh)], [(0, 0), (1, 0), (0, 1)])
        observed = observed @ vision
    v = args["view"]
    shown = view_matrix(v["mode"], image, v["size_wh"], v["mirrored"], v["rtl"])
    points = through(upright, args["frame_points_xy"])
    return {
        "image_wh": image,
        "image_points_xy": points,
        "model_points_xy": through(fitted, points),
        "vision_points_xy": through(vision, points),
        "observed_points_xy": through(observed, points),
        "view_points_xy": through(shown, points),
    }


def decode_cases() -> Cases:
    """Outputs of two real rows and padding; model 320×200 of a 640×480 picture, by hand."""
    boxes = [[32, 20, 96, 120], [160.5, 50, 200, 199], [0, 0, 0, 0]]
    scores, ids = [0.9, 0.35, 0.0], [16, 0, 0]
    marks = [[40, 30, 80, 35, 60, 90], [170, 60, 190, 61, 180, 150], [0, 0, 0, 0, 0, 0]]
    back = [2, 0, 0, 0, 2.4, 0]  # stretched: 640/320 and 480/200
    first = {"box_xyxy": [64, 48, 192, 288], "score": 0.9, "class_id": 16,
             "landmarks_xy": [[80, 72], [160, 84], [120, 216]]}  # fmt: skip
    second = {"box_xyxy": [321, 120, 400, 477.6], "score": 0.35, "class_id": 0,
              "landmarks_xy": [[340, 144], [380, 146.4], [360, 360]]}  # fmt: skip
    base = {"boxes": [boxes], "scores": [scores], "class_ids": [ids], "count": [2],
            "landmarks": [marks], "image_from_model": back, "score_threshold": 0}  # fmt: skip
    bare = [{**d, "landmarks_xy": []} for d in (first, second)]
    paired = [[m[i : i + 2] for i in (0, 2, 4)] for m in marks]
    out: Cases = {"detections_from_tensors": [
        case("two rows and a padded one", base, [first, second]),
        case("no landmarks", {**base, "landmarks": None}, bare),
        case("count 0", {**base, "count": [0]}, []),
        case("count 1", {**base, "count": [1]}, [first]),
        case("landmarks in pairs", {**base, "landmarks": [paired]}, [first, second]),
        case("score at the threshold is dropped", {**base, "score_threshold": 0.35}, [first]),
        case("no batch", {**base, "boxes": boxes, "scores": scores, "class_ids": ids,
             "landmarks": marks}, [first, second]),
        case("nothing at all", {**base, "boxes": [], "scores": [], "class_ids": [],
             "landmarks": None, "count": [0]}, []),
        refused("count beyond the rows", {**base, "count": [4]}),
        refused("count below zero", {**base, "count": [-1]}),
        refused("a score too few", {**base, "scores": [scores[:2]]}),
        refused("three columns", {**base, "boxes": [[b[:3] for b in boxes]]}),
        refused("odd landmarks", {**base, "landmarks": [[m[:5] for m in marks]]}),
    ]}  # fmt: skip
    # letterboxed: 640×480 in 320×320 is half, 40 rows above; [ymin, xmin, ymax, xmax]
    tflite = {"boxes": [[[0.25, 0.1, 0.5, 0.3], [0.2, 0.5, 0.9, 0.75]]], "classes": [[16, 2]],
              "scores": [[0.8, 0.6]], "count": [2], "model_wh": [320, 320],
              "image_from_model": [2, 0, 0, 0, 2, -80], "score_threshold": 0.5}  # fmt: skip
    expect = [
        {"box_xyxy": [64, 80, 192, 240], "score": 0.8, "class_id": 16, "landmarks_xy": []},
        {"box_xyxy": [320, 48, 480, 496], "score": 0.6, "class_id": 2, "landmarks_xy": []},
    ]
    out["detections_from_tflite"] = [
        case("letterboxed", tflite, expect),
        case("count 1", {**tflite, "count": [1]}, expect[:1]),
        refused("count 3", {**tflite, "count": [3]}),
    ]
    coreml = {"confidence": [[0.1, 0.7, 0.2], [0.4, 0.4, 0.1], [0, 0, 0]],
              "coordinates": [[0.25, 0.5, 0.1, 0.4], [0.75, 0.25, 0.5, 0.3], [0, 0, 0, 0]],
              "model_wh": [320, 200], "image_from_model": [2, 0, 0, 0, 2.4, 0],
              "score_threshold": 0}  # fmt: skip
    # centre (80, 100), 32 × 80; centre (240, 50), 160 × 60
    expect = [
        {"box_xyxy": [128, 144, 192, 336], "score": 0.7, "class_id": 1, "landmarks_xy": []},
        {"box_xyxy": [320, 48, 640, 192], "score": 0.4, "class_id": 0, "landmarks_xy": []},
    ]
    out["detections_from_coreml_nms"] = [
        case("argmax, first on ties, zero rows out", coreml, expect),
        case("threshold", {**coreml, "score_threshold": 0.5}, expect[:1]),
        case("none", {**coreml, "confidence": [], "coordinates": []}, []),
        refused("rows differ", {**coreml, "coordinates": [[0.25, 0.5, 0.1, 0.4]]}),
    ]
    return out


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {**request_cases(), **drawing_cases(), **decode_cases()}
