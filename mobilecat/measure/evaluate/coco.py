"""COCO's average precision, from pycocotools, the reference implementation."""

from __future__ import annotations

import contextlib
import io
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.disk.spill import Spill
from mobilecat.errors import MobileCatError, Problem
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


class Parts:
    """What precision follows from, of pictures that come some at a time, in their order.

    Each picture is matched by itself, so that of a class and size no more is held than scores and
    whether each is right, on disk where they are many. sigmas: of the points, (L,), where precision
    is by their similarity.
    """

    def __init__(self, classes: int, sigmas: Floats | None = None) -> None:
        self._classes, self._sigmas = classes, sigmas
        self._held = Spill()
        self._scores: dict[int, array[int]] = {}
        """Of a class, where they are held: in each of its sizes they are the same."""
        self._flags: dict[int, array[int]] = {}
        """Of a class and size: whether each detection is right and whether it counts, a bit for
        each IoU."""
        self._objects: dict[int, int] = {}
        """Of a class and size: how many are to be found."""
        self._wanted = False
        self._params: Any = None

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
        self._params = evaluation.params
        count, each = len(evaluation.params.imgIds), evaluation.evalImgs
        for k in range(0, len(each), count):  # class, then size, then picture
            if there := [told for told in each[k : k + count] if told is not None]:
                self._hold(k // count, there)

    def _hold(self, row: int, told: Sequence[Mapping[str, Any]]) -> None:
        """Hold what pycocotools says of one class and size of some pictures."""
        flags = tuple(
            b"".join(np.packbits(one[key].T, axis=1).tobytes() for one in told)
            for key in ("dtMatches", "dtIgnore")
        )
        self._flags.setdefault(row, array("q")).append(self._held.put(flags))
        objects = sum(int(np.count_nonzero(~one["gtIgnore"])) for one in told)
        self._objects[row] = self._objects.get(row, 0) + objects
        kind, size = divmod(row, len(self._params.areaRng))
        if size == 0:
            scores = b"".join(one["dtScores"].tobytes() for one in told)
            self._scores.setdefault(kind, array("q")).append(self._held.put(scores))

    def _precision(self) -> Floats:
        """Return [IoU, recall, class, size], −1 where there is nothing, as pycocotools' own
        `accumulate` does of all pictures at once, to the last bit, in a fraction of the memory."""
        given = self._params
        sizes = len(given.areaRng)
        shape = (len(given.iouThrs), len(given.recThrs), self._classes, sizes)
        precision: Floats = np.full(shape, -1.0)
        order: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        for row in sorted(self._flags):
            kind, size = divmod(row, sizes)
            if size == 0:
                held = b"".join(self._held.get(at) for at in self._scores[kind])
                order = np.argsort(-np.frombuffer(held, np.float64), kind="mergesort")
                del held
            if (objects := self._objects[row]) == 0:
                continue
            parts = [self._held.get(at) for at in self._flags[row]]
            wide = -(-len(given.iouThrs) // 8)
            right, left_out = (
                np.frombuffer(b"".join(part[k] for part in parts), np.uint8).reshape(-1, wide)[
                    order
                ]
                for k in (0, 1)
            )
            del parts
            for t in range(len(given.iouThrs)):
                counts = ~_bits(left_out, t)
                hits = _bits(right, t)
                precision[t, :, kind, size] = _at_recalls(hits, counts, objects, given.recThrs)
        return precision

    def scores(self) -> CocoScores:
        """Return COCO's scores of all that was added."""
        n = self._classes
        if not self._wanted:
            return CocoScores(None, None, ((None, None),) * n, (None,) * len(SIZES), None)
        precision = self._precision()
        every = precision[..., 0]
        at50 = every[0]
        known = [k for k in range(n) if at50[0, k] > -1]
        return CocoScores(
            ap=mean_of(every),
            ap50=mean_of(at50),
            by_class=tuple((mean_of(every[..., k]), mean_of(at50[..., k])) for k in range(n)),
            by_size=tuple(mean_of(precision[..., 1 + i]) for i in range(len(SIZES))),
            curve=Curve(tuple(float(v) for v in at50[:, known].mean(axis=1))),
        )

    def by_keypoints(self) -> tuple[float | None, float | None]:
        """Return average precision by the points' similarity: (mean over OKS .5 to .95, at .5)."""
        if not self._wanted:
            return None, None
        every = self._precision()[..., 0]
        return mean_of(every), mean_of(every[0])


def _bits(packed: npt.NDArray[np.uint8], at: int) -> npt.NDArray[np.bool_]:
    """Return bit `at` of each row, as `np.packbits` has them."""
    return (packed[:, at // 8] & (128 >> at % 8)).astype(np.bool_)


def _at_recalls(
    hits: npt.NDArray[np.bool_], counts: npt.NDArray[np.bool_], objects: int, recalls: Floats
) -> Floats:
    """Return the best precision from each recall on, 0 where it is not reached.

    hits, counts: of detections by falling score, whether each found an object, and whether it is
    one that counts. objects: how many are to be found.
    """
    right = np.cumsum(hits & counts, dtype=np.int32)
    wrong = np.cumsum(~hits & counts, dtype=np.int32)
    best = right / (wrong + right + np.spacing(1))
    best = np.maximum.accumulate(best[::-1])[::-1]
    at = np.searchsorted(right / objects, recalls, side="left")
    found: Floats = np.zeros(len(recalls))
    reached = at < len(best)
    found[reached] = best[at[reached]]
    return found


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


@cache
def _evaluations() -> tuple[Any, Any]:
    """Return pycocotools' evaluation, of upright boxes and of turned ones. Made once: a class is
    garbage that only Python's collector finds, with all that it refers to."""
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
        """The same, with the IoU of turned boxes, of which COCO knows none. overlaps: gives that of
        a picture, [detections, objects]."""

        def computeIoU(self, picture: int, class_id: int) -> Any:
            gt, dt = self._gts[picture, class_id], self._dts[picture, class_id]
            if not gt or not dt:
                return []
            best = sorted(range(len(dt)), key=lambda i: -dt[i]["score"])[: self.params.maxDets[-1]]
            rows = np.array([dt[i]["row"] for i in best])
            return self.overlaps(picture)[np.ix_(rows, [g["row"] for g in gt])]

    return Lean, ByPolygons


def _evaluation(
    truths: Sequence[Truth], found: Sequence[Detections], classes: int, by: str = "bbox"
) -> Any:
    upright, by_polygons = _evaluations()
    turned = any(t.angles is not None for t in truths) or any("angles" in d.rows for d in found)
    sizes = [t.size_wh or (1, 1) for t in truths]
    marked = by == "keypoints"  # else they are left out, as they are most of a row
    rows = [r for k, t in enumerate(truths) for r in _truth_rows(k, t, marked)]
    theirs = [r for k, d in enumerate(found) for r in _found_rows(k, d, marked)]
    given = Tables(sizes, classes, rows, theirs)
    made = evaluation_of(given, by, by_polygons if turned and by == "bbox" else upright)
    made.overlaps = lambda picture: overlaps(truths[picture], found[picture])
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
