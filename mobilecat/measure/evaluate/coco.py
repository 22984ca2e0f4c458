"""COCO's average precision, from pycocotools, the reference implementation."""

from __future__ import annotations

import contextlib
import copy
import io
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import MobileCatError, Problem
from mobilecat.measure.datasets.packed import Each
from mobilecat.measure.evaluate.metrics import Truth, overlaps
from mobilecat.pictures.detections import Detections

Floats = npt.NDArray[np.float64]

SIZES = ("small", "medium", "large")
"""Areas below 32² px², below 96², and above: COCO's."""
MOST = 100
"""Detections a picture and class that count: COCO's."""
INSTALL = 'pip install "pycocotools>=2.0.10" (or mobilecat with its extra: "mobilecat[evaluate]")'


@dataclass(frozen=True)
class Curve:
    """Precision at recall 0, 0.01, … 1 at IoU 0.5, the mean over classes."""

    precision: tuple[float, ...]


@dataclass(frozen=True)
class CocoScores:
    """Average precision in 0..1; None where there is no object.

    ap: mean over IoU .5, .55, … .95. ap50: at IoU .5. by_class: (ap, ap50) of each class. by_size:
    ap of small, medium and large objects. objects_by_size: how many there are.
    """

    ap: float | None
    ap50: float | None
    by_class: tuple[tuple[float | None, float | None], ...]
    by_size: tuple[float | None, ...]
    curve: Curve | None


def require_library() -> None:
    """Raise MobileCatError, with the command to type, where pycocotools is not installed."""
    if find_spec("pycocotools") is None:
        problem = Problem("not installed: pycocotools", fix=INSTALL)
        raise MobileCatError("Average precision needs the extra `evaluate`", [problem])


def coco_scores(truths: Sequence[Truth], found: Sequence[Detections], classes: int) -> CocoScores:
    """Return COCO's scores over all pictures. class_ids of both: 0 … classes − 1."""
    parts = Parts(classes)
    for start in range(0, len(truths), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        parts.add(truths[some], found[some])
    return parts.scores()


MOST_POSES = 20
"""The same of keypoints: COCO's."""


def keypoint_scores(
    truths: Sequence[Truth], found: Sequence[Detections], classes: int, sigmas: Floats
) -> tuple[float | None, float | None]:
    """Return average precision by object keypoint similarity: (mean over OKS .5 to .95, at .5).

    sigmas: of the points of truths and detections, (L,). Objects without a labelled point count as
    neither found nor missed. None where no object has one.
    """
    parts = Parts(classes, sigmas)
    for start in range(0, len(truths), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        parts.add(truths[some], found[some])
    return parts.by_keypoints()


AT_ONCE = 256
"""Pictures that pycocotools holds at a time: it makes some ten objects of every box."""
_FLAGS = 200_000
"""Detections × IoUs that it computes precision of at a time, some hundred bytes each."""


class Parts:
    """What precision follows from, of pictures that come some at a time, in their order.

    Each picture is matched by itself, so that of a class and size no more is held than scores and
    whether each is right. sigmas: of the points, (L,), where precision is by their similarity.
    """

    def __init__(self, classes: int, sigmas: Floats | None = None) -> None:
        self._classes, self._sigmas = classes, sigmas
        self._scores: dict[int, array[float]] = {}
        """Of a class: in each of its sizes they are the same."""
        self._rows: dict[int, _Row] = {}
        self._wanted = False
        self._last: Any = None

    def add(self, truths: Sequence[Truth], found: Sequence[Detections]) -> None:
        """Match some more pictures."""
        marked = self._sigmas is not None
        self._wanted |= any(t.wanted and (t.points is not None or not marked) for t in truths)
        if not truths:
            return
        by = "keypoints" if marked else "bbox"
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its timings
            evaluation = _evaluation(truths, found, self._classes, by)
            if marked:
                evaluation.params.kpt_oks_sigmas = self._sigmas
                evaluation.params.maxDets = [MOST_POSES]
            evaluation.evaluate()
        count, each = len(evaluation.params.imgIds), evaluation.evalImgs
        sizes = len(evaluation.params.areaRng)
        for k in range(0, len(each), count):  # class, then size, then picture
            row, of = k // count, each[k : k + count]
            if there := [told for told in of if told is not None]:
                self._rows.setdefault(row, _Row()).add(there)
                if row % sizes == 0:
                    held = self._scores.setdefault(row // sizes, array("d"))
                    held.extend(v for told in there for v in told["dtScores"])
        self._last = evaluation
        del evaluation.evalImgs, evaluation.cocoGt, evaluation.cocoDt
        for name in ("_gts", "_dts", "ious"):
            setattr(evaluation, name, {})

    def _precision(self) -> Floats:
        """Return [IoU, recall, class, size, most], −1 where there is nothing."""
        evaluation = self._last
        given = evaluation.params
        sizes, ious = len(given.areaRng), given.iouThrs
        most = max((len(s) for s in self._scores.values()), default=0)
        step = max(1, min(len(ious), _FLAGS // max(1, most)))
        found = []
        for at in range(0, len(ious), step):
            some = slice(at, at + step)

            def row(k: int, some: slice = some) -> dict[str, Any] | None:
                if k not in self._rows:
                    return None
                return self._rows[k].told(self._scores[k // sizes], some, len(ious))

            evaluation.evalImgs = Each(len(given.catIds) * sizes, row)
            evaluation.params = copy.copy(given)
            evaluation.params.iouThrs = ious[some]
            evaluation.params.imgIds = [0]  # all of them, as if they were one
            evaluation.params.maxDets = [sys.maxsize]  # each picture's own are counted already
            evaluation._paramsEval = evaluation.params
            with contextlib.redirect_stdout(io.StringIO()):
                evaluation.accumulate()
            found.append(evaluation.eval["precision"])
        evaluation.params = given
        precision: Floats = np.concatenate(found)
        return precision

    def scores(self) -> CocoScores:
        """Return COCO's scores of all that was added."""
        n = self._classes
        if not self._wanted:
            return CocoScores(None, None, ((None, None),) * n, (None,) * len(SIZES), None)
        precision = self._precision()
        every = precision[..., 0, 0]
        at50 = every[0]
        known = [k for k in range(n) if at50[0, k] > -1]
        return CocoScores(
            ap=mean_of(every),
            ap50=mean_of(at50),
            by_class=tuple((mean_of(every[..., k]), mean_of(at50[..., k])) for k in range(n)),
            by_size=tuple(mean_of(precision[..., 1 + i, 0]) for i in range(len(SIZES))),
            curve=Curve(tuple(float(v) for v in at50[:, known].mean(axis=1))),
        )

    def by_keypoints(self) -> tuple[float | None, float | None]:
        """Return average precision by the points' similarity: (mean over OKS .5 to .95, at .5)."""
        if not self._wanted:
            return None, None
        every = self._precision()[..., 0, 0]
        return mean_of(every), mean_of(every[0])


class _Row:
    """One class and size: of each detection whether it is right, and whether it counts, a bit for
    each IoU; of each object whether it counts."""

    def __init__(self) -> None:
        self._matched, self._ignored, self._objects = bytearray(), bytearray(), bytearray()

    def add(self, told: Sequence[Mapping[str, Any]]) -> None:
        """Hold what pycocotools says of some pictures."""
        for one in told:
            self._matched += np.packbits(one["dtMatches"].T, axis=1).tobytes()
            self._ignored += np.packbits(one["dtIgnore"].T, axis=1).tobytes()
            self._objects += one["gtIgnore"].tobytes()

    def told(self, scores: array[float], some: slice, ious: int) -> dict[str, Any]:
        """Return the same of all pictures, as if they were one, at some of so many IoUs."""
        shape = len(scores), -(-ious // 8)

        def flags(held: bytearray) -> Any:
            bits = np.frombuffer(held, np.uint8).reshape(shape)
            return np.unpackbits(bits, axis=1, count=ious).T[some].astype(bool)

        return {
            "dtScores": np.array(scores),
            "dtMatches": flags(self._matched),
            "dtIgnore": flags(self._ignored),
            "gtIgnore": np.frombuffer(self._objects, np.bool_),
        }


def mean_of(values: Floats) -> float | None:
    """Return the mean of what there is; pycocotools writes −1 where there is nothing."""
    there = values[values > -1]
    return float(there.mean()) if there.size else None


@dataclass(frozen=True)
class Tables:
    """sizes_wh: of each picture. truths, found: rows of COCO's annotations without their ids."""

    sizes_wh: Sequence[tuple[int, int]]
    classes: int
    truths: list[dict[str, Any]]
    found: list[dict[str, Any]]


def _evaluation(
    truths: Sequence[Truth], found: Sequence[Detections], classes: int, by: str = "bbox"
) -> Any:
    from pycocotools.cocoeval import COCOeval

    class Lean(COCOeval):  # type: ignore[misc]
        """The same, keeping of each picture, class and size what precision is computed from."""

        def evaluateImg(self, *of: Any) -> Any:
            told = super().evaluateImg(*of)
            if told is None:
                return None
            flags = {k: told[k].astype(bool) for k in ("dtMatches", "dtIgnore", "gtIgnore")}
            return {"dtScores": np.array(told["dtScores"], np.float64), **flags}

    class ByPolygons(Lean):
        """The same, with the IoU of turned boxes, of which COCO knows none."""

        def computeIoU(self, picture: int, class_id: int) -> Any:
            gt, dt = self._gts[picture, class_id], self._dts[picture, class_id]
            if not gt or not dt:
                return []
            best = sorted(range(len(dt)), key=lambda i: -dt[i]["score"])[: self.params.maxDets[-1]]
            rows = np.array([dt[i]["row"] for i in best])
            return overlaps(truths[picture], found[picture])[np.ix_(rows, [g["row"] for g in gt])]

    turned = any(t.angles is not None for t in truths) or any("angles" in d.rows for d in found)
    sizes = [t.size_wh or (1, 1) for t in truths]
    marked = by == "keypoints"  # else they are left out, as they are most of a row
    rows = [r for k, t in enumerate(truths) for r in _truth_rows(k, t, marked)]
    theirs = [r for k, d in enumerate(found) for r in _found_rows(k, d, marked)]
    given = Tables(sizes, classes, rows, theirs)
    made = evaluation_of(given, by, ByPolygons if turned and by == "bbox" else Lean)
    made.params.maxDets = [MOST]
    return made


def evaluation_of(given: Tables, by: str, evaluation: Any) -> Any:
    """Return pycocotools' evaluation of two tables. by: bbox, keypoints or segm. evaluation:
    COCOeval, or what is derived from it."""
    from pycocotools.coco import COCO

    sizes = enumerate(given.sizes_wh)
    images = [{"id": k, "width": wh[0], "height": wh[1]} for k, wh in sizes]
    categories = [{"id": c} for c in range(given.classes)]

    def tables(rows: list[dict[str, Any]]) -> Any:
        made = COCO()
        for number, row in enumerate(rows, start=1):  # 0 would mean: not matched
            row["id"] = number
        made.dataset = {"images": images, "categories": categories, "annotations": rows}
        made.createIndex()
        return made

    return evaluation(tables(given.truths), tables(given.found), by)


_BEYOND = 1e11
"""An area beyond all of COCO's ranges: it ignores such objects, and matches them as boxes. Its own
flag for that is overwritten with `iscrowd`, whose overlap is another."""


def _truth_rows(picture: int, truth: Truth, marked: bool) -> list[dict[str, Any]]:
    boxes = _xywh(truth.boxes_xyxy)
    known = truth.points if marked else None
    points = [None] * len(truth) if known is None else list(known)
    marks = [_keypoints(p) for p in points]
    return [
        {
            "keypoints": marks[i],
            "num_keypoints": 0 if truth.ignore[i] else sum(v > 0 for v in marks[i][2::3]),
            "image_id": picture,
            "category_id": int(truth.class_ids[i]),
            "bbox": boxes[i],
            "row": i,
            "area": _BEYOND if truth.ignore[i] and not truth.crowd[i] else float(truth.areas[i]),
            "iscrowd": int(truth.crowd[i]),
        }
        for i in range(len(truth))
    ]


def _found_rows(picture: int, found: Detections, marked: bool) -> list[dict[str, Any]]:
    boxes = _xywh(found.boxes_xyxy)
    marks = found.landmarks_xy if marked else None
    return [
        {
            "keypoints": _keypoints(None if marks is None else marks[i]),
            "image_id": picture,
            "category_id": int(found.class_ids[i]),
            "bbox": boxes[i],
            "row": i,
            "area": boxes[i][2] * boxes[i][3],
            "score": float(found.scores[i]),
            "iscrowd": 0,
        }
        for i in range(len(found))
    ]


def _keypoints(points: Floats | None) -> list[float]:
    """Return x, y, v a point, all 0 where it is not labelled."""
    rows = [] if points is None else points.tolist()
    return [v for x, y in rows for v in ((x, y, 2.0) if x == x and y == y else (0.0, 0.0, 0.0))]


def _xywh(boxes_xyxy: Floats) -> list[list[float]]:
    return [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in boxes_xyxy.tolist()]
