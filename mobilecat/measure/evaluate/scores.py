"""All figures of one lane over all pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.coco import SIZES, Curve, coco_scores, keypoint_scores
from mobilecat.measure.evaluate.metrics import (
    Matched,
    Truth,
    interpolated_ap,
    landmark_error,
    match,
    mean,
    overlaps,
    voc_flags,
)
from mobilecat.measure.evaluate.names import ClassMap, PointMap
from mobilecat.measure.evaluate.outlines import (
    MaskScore,
    RegionScore,
    mask_scores,
    outlines_of,
    region_scores,
)
from mobilecat.pictures.detections import Detections, Floats
from mobilecat.pictures.similarity import oks

_Picture = tuple[Truth, Detections, Matched]
_AREAS = (0.0, 32.0**2, 96.0**2, float("inf"))


@dataclass(frozen=True)
class ClassScore:
    """One class. objects: to be found. ap, ap50: COCO's; voc07: 11-point at IoU .5; 0..1 or None.

    found, wrong: detections at the bundle's own thresholds that are right, that are not.
    """

    name: str
    objects: int
    ap: float | None
    ap50: float | None
    voc07: float | None
    found: int
    wrong: int


@dataclass(frozen=True)
class SizeScore:
    """One of COCO's sizes; see `ClassScore`."""

    name: str
    objects: int
    ap: float | None
    found: int


@dataclass(frozen=True)
class LandmarkScore:
    """nme: mean over objects; see `landmark_error`. measured, objects: of how many, of all that are
    labelled. unit: what it is divided by. oks: mean object keypoint similarity of the same objects;
    oks_ap, oks_ap50: COCO's average precision by it; None where no σ is known."""

    nme: float | None
    median: float | None
    measured: int
    objects: int
    points: int
    unit: str
    oks: float | None = None
    oks_ap: float | None = None
    oks_ap50: float | None = None


@dataclass(frozen=True)
class ClassifierScore:
    """top1, top5: shares of the pictures with a label whose best class, or one of whose best five,
    is one of the picture's. pictures: how many have a label."""

    top1: float | None
    top5: float | None
    pictures: int


@dataclass(frozen=True)
class Scores:
    """What one lane reaches. ap, ap50, voc07: in 0..1, None where the labels have no object, or
    where the boxes are the labels' own.

    objects, found, wrong: to be found; of those, found; detections that are wrong, in all pictures
    and in those without objects. mean_iou: of what was found. single_iou: of heads of one box a
    picture, over the pictures with one object, whatever the overlap. not_finite: detections with
    NaN or infinity, left out. classifier: of heads that say what the whole picture shows; they have
    no AP, as they place nothing. class_map: of heads that say what each pixel belongs to, which
    have none either.
    """

    ap: float | None
    ap50: float | None
    voc07: float | None
    by_class: tuple[ClassScore, ...]
    by_size: tuple[SizeScore, ...]
    pictures: int
    empty_pictures: int
    objects: int
    found: int
    wrong: int
    wrong_in_empty: int
    mean_iou: float | None
    single_iou: float | None
    single_pictures: int
    landmarks: LandmarkScore | None
    masks: MaskScore | None
    curve: Curve | None
    not_finite: int
    classifier: ClassifierScore | None = None
    class_map: RegionScore | None = None

    @property
    def recall(self) -> float | None:
        return self.found / self.objects if self.objects else None

    @property
    def precision(self) -> float | None:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else None

    @property
    def wrong_a_picture(self) -> float:
        return self.wrong / self.pictures


def truth_of(
    picture: Labelled, classes: ClassMap, points: PointMap | None, masks: bool = False
) -> Truth:
    """Return the objects of the evaluated classes, with the landmarks that both have.

    masks: whether outlines are wanted, too.
    """
    known = [i for i, c in enumerate(picture.class_ids) if int(c) in classes.data]
    marks = None
    if points is not None and picture.landmarks_xy is not None:
        marks = picture.landmarks_xy[known][:, [i for i, _ in points.pairs]]
    ids = [classes.data[int(c)] for c in picture.class_ids[known]]
    return Truth(
        picture.boxes_xyxy[known],
        np.array(ids, dtype=np.int64),
        picture.areas[known],
        picture.ignore[known],
        picture.crowd[known],
        marks,
        None if picture.angles is None else picture.angles[known],
        outlines_of((picture.outlines[i] for i in known), picture.size_wh)
        if masks and picture.outlines
        else None,
        picture.size_wh,
    )


def detections_of(
    found: Detections, classes: ClassMap, points: PointMap | None
) -> tuple[Detections, int]:
    """Return the detections of evaluated classes that are finite; how many were not."""
    finite = np.isfinite(found.boxes_xyxy).all(axis=1) & np.isfinite(found.scores)
    for values in found.rows.values():
        finite &= np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    mine = [i for i in np.flatnonzero(finite) if int(found.class_ids[i]) in classes.model]
    marks = {}
    if points is not None and found.landmarks_xy is not None:
        marks["landmarks"] = found.landmarks_xy[mine][:, [j for _, j in points.pairs]]
    if "angles" in found.rows:
        marks["angles"] = found.rows["angles"][mine]
    ids = [classes.model[int(c)] for c in found.class_ids[mine]]
    kept = Detections(
        found.boxes_xyxy[mine],
        found.scores[mine],
        np.array(ids, np.int64),
        marks,
        None if found.masks is None else found.masks[mine],
    )
    return kept, int(np.count_nonzero(~finite))


def score(
    truths: Sequence[Truth],
    given: Sequence[Detections],
    classes: ClassMap,
    points: PointMap | None,
    *,
    single: bool,
    own_boxes: bool,
    sigmas: Floats | None = None,
    whole: bool = False,
    class_map: bool = False,
) -> Scores:
    """Return a lane's figures. single: its head gives one result a picture. own_boxes: its boxes
    are the labels'. sigmas: of the model's landmarks, for their similarity. whole: its classes are
    the whole picture's. class_map: its rows are the classes of a class map."""
    own_boxes = own_boxes or whole or class_map
    cleaned = [detections_of(d, classes, points) for d in given]
    found = [d for d, _ in cleaned]
    matches = [match(t, d) for t, d in zip(truths, found, strict=True)]
    both = list(zip(truths, found, matches, strict=True))
    n = len(classes.names)
    hits, wrong = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for truth, there, matched in both:
        np.add.at(hits, truth.class_ids[[j for j, _, _ in matched.pairs]], 1)
        np.add.at(wrong, there.class_ids[list(matched.extra)], 1)
    coco = None if own_boxes else coco_scores(truths, found, n)
    by_class = []
    for c, name in enumerate(classes.names):
        _, right, wanted = voc_flags(zip(truths, found, strict=True), c)
        ap, ap50 = coco.by_class[c] if coco else (None, None)
        voc = None if own_boxes else interpolated_ap(right, wanted)
        by_class.append(ClassScore(name, wanted, ap, ap50, voc, int(hits[c]), int(wrong[c])))
    empty = [len(m.extra) for t, _, m in both if t.wanted == 0]
    alone = _single_ious(truths, found) if single else []
    marks = None
    if points is not None:
        known = None if sigmas is None else sigmas[[j for _, j in points.pairs]]
        marks = _landmarks(both, points, single, known)
        if known is not None:
            ap, ap50 = keypoint_scores(truths, found, n, known)
            marks = replace(marks, oks_ap=ap, oks_ap50=ap50)
    return Scores(
        ap=coco.ap if coco else None,
        ap50=coco.ap50 if coco else None,
        voc07=mean([c.voc07 for c in by_class if c.voc07 is not None]),
        by_class=tuple(by_class),
        by_size=_by_size(both, coco.by_size if coco else (None,) * len(SIZES)),
        pictures=len(truths),
        empty_pictures=len(empty),
        objects=sum(t.wanted for t in truths),
        found=int(hits.sum()),
        wrong=int(wrong.sum()),
        wrong_in_empty=sum(empty),
        mean_iou=mean([v for _, _, m in both for _, _, v in m.pairs]),
        single_iou=mean(alone),
        single_pictures=len(alone),
        landmarks=marks,
        masks=None if class_map else mask_scores(both, n),
        curve=coco.curve if coco else None,
        not_finite=sum(bad for _, bad in cleaned),
        classifier=_classified(truths, given, classes) if whole else None,
        class_map=region_scores(both, n) if class_map else None,
    )


def _classified(
    truths: Sequence[Truth], given: Sequence[Detections], classes: ClassMap
) -> ClassifierScore:
    """Rank all classes of the model: one that no label names is wrong where it comes first."""
    first, five = [], []
    for truth, there in zip(truths, given, strict=True):
        wanted = set(truth.class_ids[~truth.ignore].tolist())
        if wanted:
            order = np.argsort(-there.scores, kind="stable")
            ranked = [classes.model.get(int(i), -1) for i in there.class_ids[order]]
            first.append(float(bool(wanted & set(ranked[:1]))))
            five.append(float(bool(wanted & set(ranked[:5]))))
    return ClassifierScore(mean(first), mean(five), len(first))


def _by_size(both: Sequence[_Picture], ap: Sequence[float | None]) -> tuple[SizeScore, ...]:
    rows = []
    for name, low, high, value in zip(SIZES, _AREAS, _AREAS[1:], ap, strict=False):
        fits = [(t.areas >= low) & (t.areas <= high) & ~t.ignore for t, _, _ in both]
        hit = sum(
            int(mine[j]) for mine, (_, _, m) in zip(fits, both, strict=True) for j, _, _ in m.pairs
        )
        rows.append(SizeScore(name, sum(int(f.sum()) for f in fits), value, hit))
    return tuple(rows)


def _only(truth: Truth, found: Detections) -> bool:
    return len(truth) == truth.wanted == len(found) == 1


def _single_ious(truths: Sequence[Truth], found: Sequence[Detections]) -> list[float]:
    """Return the overlap in each picture with one object, 0 where nothing is found there."""
    values = []
    for truth, there in zip(truths, found, strict=True):
        if len(truth) == truth.wanted == 1:
            overlap = overlaps(truth, there)
            values.append(float(overlap.max()) if overlap.size else 0.0)
    return values


def _landmarks(
    both: Sequence[_Picture], points: PointMap, single: bool, sigmas: Floats | None
) -> LandmarkScore:
    """Measure each object that was found; with a head of one result, each picture's only object."""
    order = [i for i, _ in points.pairs]
    eyes = None
    if points.eyes is not None:
        eyes = (order.index(points.eyes[0]), order.index(points.eyes[1]))
    errors, alike, labelled = [], list[float](), 0
    for truth, there, matched in both:
        if truth.points is None:
            continue
        marked = ~np.isnan(truth.points).all(axis=(1, 2)) & ~truth.ignore
        labelled += int(np.count_nonzero(marked))
        if there.landmarks_xy is None:
            continue
        pairs = [(0, 0)] if single and _only(truth, there) else [p[:2] for p in matched.pairs]
        for j, i in pairs:
            error = landmark_error(
                truth.points[j], there.landmarks_xy[i], eyes, truth.boxes_xyxy[j]
            )
            if error is not None:
                errors.append(error)
            if sigmas is not None:
                both_points = truth.points[[j]], there.landmarks_xy[[i]]
                alike += oks(*both_points, truth.areas[[j]], sigmas).tolist()
    return LandmarkScore(
        nme=mean(errors),
        median=float(np.median(errors)) if errors else None,
        measured=len(errors),
        objects=labelled,
        points=len(order),
        oks=mean([v for v in alike if v == v]),
        unit="inter-ocular distance" if eyes else "√ of the box's area (no eyes are known)",
    )
