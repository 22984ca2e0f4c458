"""All figures of one lane over all pictures."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobilecat.measure.datasets import Labelled
from mobilecat.measure.evaluate.coco import AT_ONCE, SIZES, Curve, Parts
from mobilecat.measure.evaluate.metrics import (
    Ints,
    Matched,
    Truth,
    VocRows,
    interpolated_ap,
    landmark_error,
    match,
    mean,
    overlaps,
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
    asked = _Asked(
        classes, points, single, own_boxes or whole or class_map, sigmas, whole, class_map
    )
    tally = _Tally(asked)
    for start in range(0, len(truths), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        tally.add(truths[some], given[some])
    return tally.scores()


@dataclass(frozen=True)
class _Asked:
    """See `score`. own_boxes: no box is placed, so that there is no AP."""

    classes: ClassMap
    points: PointMap | None
    single: bool
    own_boxes: bool
    sigmas: Floats | None
    whole: bool
    class_map: bool

    @property
    def known(self) -> Floats | None:
        """The σ of the points that both have."""
        if self.points is None or self.sigmas is None:
            return None
        return self.sigmas[[j for _, j in self.points.pairs]]


class _Tally:
    """Figures under way: pictures come some at a time, and none is held."""

    def __init__(self, asked: _Asked) -> None:
        n = len(asked.classes.names)
        self._asked = asked
        self._hits, self._wrong = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._coco = None if asked.own_boxes else Parts(n)
        self._poses = None if asked.known is None else Parts(n, asked.known)
        self._voc = VocRows()
        self._of_size, self._hit_of_size = np.zeros(3, np.int64), np.zeros(3, np.int64)
        self._pictures = self._objects = self._empty = self._wrong_in_empty = 0
        self._not_finite = self._labelled = 0
        self._ious, self._alone = array("d"), array("d")
        self._errors, self._alike = array("d"), array("d")
        self._first, self._five = array("d"), array("d")
        self._outlined: list[_Picture] = []

    def add(self, truths: Sequence[Truth], given: Sequence[Detections]) -> None:
        """Take some more pictures in."""
        asked = self._asked
        cleaned = [detections_of(d, asked.classes, asked.points) for d in given]
        found = [d for d, _ in cleaned]
        matches = [match(t, d) for t, d in zip(truths, found, strict=True)]
        both = list(zip(truths, found, matches, strict=True))
        self._not_finite += sum(bad for _, bad in cleaned)
        self._pictures += len(both)
        for truth, there, matched in both:
            np.add.at(self._hits, truth.class_ids[[j for j, _, _ in matched.pairs]], 1)
            np.add.at(self._wrong, there.class_ids[list(matched.extra)], 1)
            self._objects += truth.wanted
            self._ious.extend(v for _, _, v in matched.pairs)
            if truth.wanted == 0:
                self._empty += 1
                self._wrong_in_empty += len(matched.extra)
            self._voc.add(truth, there)
        _add_sizes(both, self._of_size, self._hit_of_size)
        for parts in (self._coco, self._poses):
            if parts is not None:
                parts.add(truths, found)
        if asked.single:
            self._alone.extend(_single_ious(truths, found))
        if asked.points is not None:
            errors, alike, labelled = _landmarks(both, asked.points, asked.single, asked.known)
            self._errors.extend(errors)
            self._alike.extend(alike)
            self._labelled += labelled
        if asked.whole:
            first, five = _classified(truths, given, asked.classes)
            self._first.extend(first)
            self._five.extend(five)
        self._outlined += [b for b in both if b[0].outlines is not None]

    def scores(self) -> Scores:
        asked, n = self._asked, len(self._asked.classes.names)
        coco = None if self._coco is None else self._coco.scores()
        by_class = []
        for c, name in enumerate(asked.classes.names):
            _, right, wanted = self._voc.flags(c)
            ap, ap50 = coco.by_class[c] if coco else (None, None)
            voc = None if asked.own_boxes else interpolated_ap(right, wanted)
            hits, wrong = int(self._hits[c]), int(self._wrong[c])
            by_class.append(ClassScore(name, wanted, ap, ap50, voc, hits, wrong))
        by_size = coco.by_size if coco else (None,) * len(SIZES)
        sizes = zip(SIZES, self._of_size.tolist(), by_size, self._hit_of_size.tolist(), strict=True)
        return Scores(
            ap=coco.ap if coco else None,
            ap50=coco.ap50 if coco else None,
            voc07=mean([c.voc07 for c in by_class if c.voc07 is not None]),
            by_class=tuple(by_class),
            by_size=tuple(SizeScore(*each) for each in sizes),
            pictures=self._pictures,
            empty_pictures=self._empty,
            objects=self._objects,
            found=int(self._hits.sum()),
            wrong=int(self._wrong.sum()),
            wrong_in_empty=self._wrong_in_empty,
            mean_iou=mean(self._ious),
            single_iou=mean(self._alone),
            single_pictures=len(self._alone),
            landmarks=self._marks(),
            masks=None if asked.class_map else mask_scores(self._outlined, n),
            curve=coco.curve if coco else None,
            not_finite=self._not_finite,
            classifier=ClassifierScore(mean(self._first), mean(self._five), len(self._first))
            if asked.whole
            else None,
            class_map=region_scores(self._outlined, n) if asked.class_map else None,
        )

    def _marks(self) -> LandmarkScore | None:
        points = self._asked.points
        if points is None:
            return None
        ap, ap50 = self._poses.by_keypoints() if self._poses is not None else (None, None)
        return LandmarkScore(
            nme=mean(self._errors),
            median=float(np.median(self._errors)) if self._errors else None,
            measured=len(self._errors),
            objects=self._labelled,
            points=len(points.pairs),
            oks=mean([v for v in self._alike if v == v]),
            unit="√ of the box's area (no eyes are known)"
            if points.eyes is None
            else "inter-ocular distance",
            oks_ap=ap,
            oks_ap50=ap50,
        )


def _classified(
    truths: Sequence[Truth], given: Sequence[Detections], classes: ClassMap
) -> tuple[list[float], list[float]]:
    """Rank all classes of the model: one that no label names is wrong where it comes first."""
    first, five = list[float](), list[float]()
    for truth, there in zip(truths, given, strict=True):
        wanted = set(truth.class_ids[~truth.ignore].tolist())
        if wanted:
            order = np.argsort(-there.scores, kind="stable")
            ranked = [classes.model.get(int(i), -1) for i in there.class_ids[order]]
            first.append(float(bool(wanted & set(ranked[:1]))))
            five.append(float(bool(wanted & set(ranked[:5]))))
    return first, five


def _add_sizes(both: Sequence[_Picture], objects: Ints, hit: Ints) -> None:
    for k, (low, high) in enumerate(itertools.pairwise(_AREAS)):
        for truth, _, matched in both:
            fits = (truth.areas >= low) & (truth.areas <= high) & ~truth.ignore
            objects[k] += int(fits.sum())
            hit[k] += sum(int(fits[j]) for j, _, _ in matched.pairs)


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
) -> tuple[list[float], list[float], int]:
    """Return errors, similarities, and how many objects are labelled.

    Measure each object that was found; with a head of one result, each picture's only object."""
    order = [i for i, _ in points.pairs]
    eyes = None
    if points.eyes is not None:
        eyes = (order.index(points.eyes[0]), order.index(points.eyes[1]))
    errors, alike, labelled = list[float](), list[float](), 0
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
    return errors, alike, labelled
