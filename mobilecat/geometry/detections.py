"""From an artifact's output tensors to detections in the image: an app's work after predict()."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, SizeLike
from mobilecat.geometry.boxes import (
    pixels_from_norm,
    xyxy_from_cxcywh,
    xyxy_from_yxyx,
)


@dataclass(frozen=True)
class Detection:
    """One object, in image pixels with top-left origin."""

    box_xyxy: tuple[float, float, float, float]
    score: float
    class_id: int
    landmarks_xy: tuple[tuple[float, float], ...] = ()


def _array(values: npt.ArrayLike, name: str, problems: list[Problem]) -> F64:
    """Return float64; what is no array of numbers is added to `problems` and becomes empty."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        problems.append(Problem(f"{name}: no array of numbers"))
        return np.zeros(0)


def _rows(values: npt.ArrayLike, tail: int | None, name: str, problems: list[Problem]) -> F64:
    """Return (K, …) from [1, K, …] or [K, …]; a wrong shape is added to `problems`."""
    array = _array(values, name, problems)
    shape = list(array.shape)
    ndim = 1 if tail is None else 2
    if array.ndim == ndim + 1 and array.shape[0] == 1:
        array = array[0]
    if array.size == 0:
        array = array.reshape((0,) if tail is None else (0, tail))
    if array.ndim != ndim or (tail and array.shape[-1] != tail):
        wanted = "[1, K]" if tail is None else f"[1, K, {tail}]"
        problems.append(Problem(f"{name} has shape {shape}", fix=f"expected {wanted}"))
    return array


def _landmark_rows(landmarks: npt.ArrayLike | None, k: int, problems: list[Problem]) -> F64:
    """Return (k, L, 2) from [1, k, 2·L], [1, k, L, 2], or either without the 1."""
    if landmarks is None or k == 0:
        return np.zeros((k, 0, 2))
    marks = _array(landmarks, "landmarks", problems)
    batched = marks.shape[:2] == (1, k) and marks.ndim > 2
    tail = marks.shape[2:] if batched else marks.shape[1:]
    if not (batched or marks.shape[:1] == (k,)) or not tail or math.prod(tail) % 2:
        problems.append(
            Problem(f"landmarks have shape {list(marks.shape)}", fix=f"[1, {k}, 2·L], x before y")
        )
        return np.zeros((k, 0, 2))
    return marks.reshape(k, -1, 2)


def _count(value: npt.ArrayLike, rows: int, problems: list[Problem]) -> int:
    """Return the number of valid rows: one whole number, 0 to `rows`."""
    given = _array(value, "count", problems).reshape(-1)
    if given.size != 1 or given[0] not in range(rows + 1):
        problems.append(Problem(f"count is {given.tolist()}, but there are {rows} rows"))
        return 0
    return int(given[0])


def detections_from_tensors(
    boxes_xyxy: npt.ArrayLike,
    scores: npt.ArrayLike,
    class_ids: npt.ArrayLike,
    count: npt.ArrayLike,
    landmarks: npt.ArrayLike | None = None,
    image_from_model: Affine | None = None,
    score_threshold: float = 0.0,
) -> tuple[Detection, ...]:
    """Decode the tensor contract: the first `count` rows, in their order; the rest is padding.

    Shapes: boxes [1,K,4] xyxy, scores [1,K], class_ids [1,K], count [1], landmarks [1,K,2·L] or
    [1,K,L,2] xy; a leading 1 may be missing. Units: model-input pixels → image pixels.
    Scores at or below `score_threshold` are dropped, as the artifact's own NMS does.
    Errors: GeometryError for shapes that contradict each other, or a count beyond the rows.
    """
    problems: list[Problem] = []
    boxes = _rows(boxes_xyxy, 4, "boxes", problems)
    score = _rows(scores, None, "scores", problems)
    ids = _rows(class_ids, None, "class_ids", problems)
    n = _count(count, len(boxes), problems)
    points = _landmark_rows(landmarks, len(boxes), problems)
    rows = {"boxes": len(boxes), "scores": len(score), "class_ids": len(ids)}
    if len(set(rows.values())) > 1:
        problems.append(Problem(f"row counts differ: {rows}"))
    elif not problems:
        valid = np.isfinite(boxes).all(1) & np.isfinite(score) & np.isfinite(ids)
        valid &= np.isfinite(points).all((1, 2))
        bad = np.flatnonzero(~valid[:n])
        problems += [Problem(f"row {i} holds NaN or infinity") for i in bad]
    if problems:
        raise GeometryError("These outputs are not the tensor contract", problems)
    back = image_from_model or Affine.identity()
    mapped, marked = back.boxes_xyxy(boxes[:n]), back.points(points[:n])
    return tuple(
        Detection(
            (float(b[0]), float(b[1]), float(b[2]), float(b[3])),
            float(s),
            int(c),
            tuple((float(x), float(y)) for x, y in p),
        )
        for b, s, c, p in zip(mapped, score[:n], ids[:n], marked, strict=True)
        if s > score_threshold
    )


def detections_from_tflite(
    boxes_yxyx_norm: npt.ArrayLike,
    class_ids: npt.ArrayLike,
    scores: npt.ArrayLike,
    count: npt.ArrayLike,
    model_wh: SizeLike,
    image_from_model: Affine | None = None,
    score_threshold: float = 0.0,
) -> tuple[Detection, ...]:
    """Decode TFLite_Detection_PostProcess: [ymin, xmin, ymax, xmax] normalised, classes as floats.

    Map the four outputs by name before calling: their order is no contract.
    """
    problems: list[Problem] = []
    boxes = _rows(boxes_yxyx_norm, 4, "boxes", problems)
    if problems:
        raise GeometryError("These outputs are not TFLite_Detection_PostProcess'", problems)
    xyxy = pixels_from_norm(xyxy_from_yxyx(boxes), "xyxy", model_wh)
    return detections_from_tensors(
        xyxy, scores, class_ids, count, None, image_from_model, score_threshold
    )


def detections_from_coreml_nms(
    confidence: npt.ArrayLike,
    coordinates: npt.ArrayLike,
    model_wh: SizeLike,
    image_from_model: Affine | None = None,
    score_threshold: float = 0.0,
) -> tuple[Detection, ...]:
    """Decode a Core ML pipeline's `confidence` [N, C] and `coordinates` [N, 4].

    Coordinates are centre x, y, w, h, normalised to the model's input, top-left origin. A row's
    class is its largest confidence, the first on ties; all-zero rows are padding.
    """
    problems: list[Problem] = []
    boxes = _rows(coordinates, 4, "coordinates", problems)
    conf = _array(confidence, "confidence", problems)
    conf = conf[0] if conf.ndim == 3 and len(conf) == 1 else conf
    if conf.size == 0 and len(boxes) == 0 and not problems:
        return ()
    if conf.ndim != 2 or len(conf) != len(boxes) or conf.shape[1] == 0:
        problems.append(
            Problem(f"confidence has shape {list(conf.shape)}", fix=f"[{len(boxes)}, classes]")
        )
    if problems:
        raise GeometryError("These outputs are not confidence and coordinates", problems)
    xyxy = pixels_from_norm(xyxy_from_cxcywh(boxes), "xyxy", model_wh)
    best = conf.argmax(axis=1)
    scores = conf[np.arange(len(boxes)), best]
    return detections_from_tensors(
        xyxy, scores, best, len(boxes), None, image_from_model, max(0.0, score_threshold)
    )
