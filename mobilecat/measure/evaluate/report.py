"""What an evaluation found, as values; whether it held; its JSON form."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mobilecat.bundle import Bundle
from mobilecat.lanes import Lane
from mobilecat.measure.datasets import Dataset
from mobilecat.measure.evaluate.coco import MOST
from mobilecat.measure.evaluate.confusion import Confusion
from mobilecat.measure.evaluate.metrics import IOU
from mobilecat.measure.evaluate.moved import SCORE_LOSS, Moved
from mobilecat.measure.evaluate.preprocessing import Preprocessing
from mobilecat.measure.evaluate.scores import LandmarkScore, Scores
from mobilecat.pictures.chart import Chart, write_chart
from mobilecat.shown import Drawn, Line, Shown, Table

SCHEMA = 1


def rounds(lane: Lane) -> bool:
    """Whether a lane's artifact has less than float32's and float16's numbers."""
    return lane.artifact is not None and not lane.artifact.precision.startswith("float")


@dataclass(frozen=True)
class LaneScores:
    """A lane that was asked for. scores: None with `not_run`, the reason. seconds: of an inference,
    the median over the pictures. moved: how far a quantised one's boxes are from the
    source's; None of the others, and where the source found nothing."""

    lane: Lane
    engine: str
    scores: Scores | None
    not_run: str = ""
    inferred: int = 0
    kept: int = 0
    confusion: Confusion | None = None
    seconds: float | None = None
    moved: Moved | None = None

    @property
    def rounds(self) -> bool:
        """Whether the artifact has less than float32's and float16's numbers."""
        return rounds(self.lane)


@dataclass(frozen=True)
class Loss:
    """What a lane loses against the source, in points (100 = all); below 0: it gains.

    ap, ap50: of mAP@[.5:.95] and mAP@.5; of a classifier of top-1 and top-5; of a class map both of
    mIoU.
    """

    ap: float
    ap50: float
    of: tuple[str, str] = ("mAP@[.5:.95]", "mAP@.5")

    @property
    def worst(self) -> float:
        return max(self.ap, self.ap50)


@dataclass(frozen=True, repr=False)
class Evaluation(Shown):
    """pictures: how many were evaluated, of the data set's. max_drop: points, None: not held to.

    preprocessing: what the labels say of it; None where nothing was tried. few: of `notes`, what
    says how little the figures rest on. shortfalls: a sentence for everything that keeps it from
    being held.
    """

    bundle: Bundle
    folder: Path
    data: Dataset
    pictures: int
    classes: tuple[str, ...]
    lanes: tuple[LaneScores, ...]
    max_drop: float | None
    runner: str | None
    notes: tuple[str, ...]
    preprocessing: Preprocessing | None = None
    few: tuple[str, ...] = ()
    shortfalls: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shortfalls", tuple(_shortfalls(self)))

    @property
    def source(self) -> LaneScores | None:
        """The source's lane, where it ran."""
        return next((r for r in self.lanes if r.lane.artifact is None and r.scores), None)

    @property
    def exit_code(self) -> int:
        return 1 if self.shortfalls else 0

    @property
    def doubts(self) -> list[str]:
        """A sentence for each quantised lane whose boxes are far from the source's."""
        from mobilecat.measure.evaluate.words import doubts_of

        return doubts_of(self)

    def score_loss(self, row: LaneScores) -> float:
        """How far the spec lets the scores of a lane's file fall, in the median."""
        given = self.bundle.spec.tolerances.get(row.lane.artifact.file if row.lane.artifact else "")
        stated = None if given is None else given.score_loss
        return SCORE_LOSS if stated is None else stated

    @property
    def unmeasured(self) -> list[str]:
        """Files of the bundle of which no lane was measured here, such as with `runner`."""
        measured = {r.lane.artifact.file for r in self.lanes if r.lane.artifact and r.scores}
        return [a.file for a in self.bundle.artifacts if a.file not in measured]

    def loss(self, lane: LaneScores) -> Loss | None:
        """Return what `lane` loses against the source; None where either has no AP."""
        there = self.source.scores if self.source else None
        mine = lane.scores
        if mine is None or there is None or lane.lane.artifact is None:
            return None
        if mine.classifier is not None and there.classifier is not None:
            ours, theirs = mine.classifier, there.classifier
            if None in (ours.top1, theirs.top1, ours.top5, theirs.top5):
                return None
            first = 100 * ((theirs.top1 or 0) - (ours.top1 or 0))
            five = 100 * ((theirs.top5 or 0) - (ours.top5 or 0))
            return Loss(first, five, ("top-1", "top-5"))
        if mine.class_map is not None and there.class_map is not None:
            if mine.class_map.miou is None or there.class_map.miou is None:
                return None
            lost = 100 * (there.class_map.miou - mine.class_map.miou)
            return Loss(lost, lost, ("mIoU", "mIoU"))
        if mine.ap is None or there.ap is None or mine.ap50 is None or there.ap50 is None:
            return None
        return Loss(100 * (there.ap - mine.ap), 100 * (there.ap50 - mine.ap50))

    def words(self) -> Iterable[Line | Table]:
        from mobilecat.measure.evaluate.words import said

        return said(self)

    @property
    def chart(self) -> Chart:
        """Precision over recall. MobileCatError where no lane has a curve."""
        from mobilecat.measure.evaluate.plot import chart_of

        return chart_of(self)

    def drawings(self) -> Iterator[Drawn]:
        if any(r.scores and r.scores.curve for r in self.lanes):
            yield self.chart.drawn

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write `chart` as an SVG."""
        write_chart(self.chart, Path(path))

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; docs/evaluate.md describes every key."""
        nms = self.bundle.spec.effective_nms
        return {
            "schema": SCHEMA,
            "exit_code": self.exit_code,
            "shortfalls": list(self.shortfalls),
            "max_drop_points": self.max_drop,
            "bundle": {
                "name": self.bundle.name,
                "folder": str(self.folder),
                "spec_sha256": self.bundle.spec_sha256,
                "source_sha256": self.bundle.source.sha256,
                "nms": nms.model_dump(mode="json") if nms else None,
            },
            "data": {
                "path": str(self.data.path),
                "format": self.data.format,
                "pictures": self.pictures,
                "of_pictures": len(self.data),
                "classes": list(self.classes),
            },
            "protocol": {
                "iou": IOU,
                "coco_max_detections": MOST,
                "sizes_px2": {"small": [0, 1024], "medium": [1024, 9216], "large": [9216, None]},
            },
            "lanes": [self._lane(r) for r in self.lanes],
            "doubts": self.doubts,
            "notes": list(self.notes),
            "preprocessing": self.preprocessing.to_json() if self.preprocessing else None,
            "platform": platform.platform(),
        }

    def _lane(self, row: LaneScores) -> dict[str, Any]:
        lane, loss = row.lane, self.loss(row)
        told: dict[str, Any] = {
            "lane": lane.name,
            "runner": lane.runner,
            "artifact": lane.artifact.file if lane.artifact else None,
            "artifact_precision": lane.artifact.precision if lane.artifact else "float32",
            "engine": row.engine,
            "bytes": lane.artifact.bytes if lane.artifact else None,
            "inference_seconds": row.seconds,
            "not_run": row.not_run,
            "inferred": row.inferred,
            "kept": row.kept,
        }
        if row.scores is not None:
            told |= _scores(row.scores)
        told["confusion"] = None if row.confusion is None else row.confusion.to_json()
        told["moved"] = None if row.moved is None else row.moved.to_json()
        told["loss_points"] = None if loss is None else {"map": loss.ap, "map50": loss.ap50}
        return told


def _scores(s: Scores) -> dict[str, Any]:
    return {
        "map": s.ap,
        "map50": s.ap50,
        "voc07": s.voc07,
        "objects": s.objects,
        "found": s.found,
        "recall": s.recall,
        "detection_precision": s.precision,
        "false_positives": s.wrong,
        "false_positives_a_picture": s.wrong_a_picture,
        "empty_pictures": {"pictures": s.empty_pictures, "false_positives": s.wrong_in_empty},
        "mean_iou_of_found": s.mean_iou,
        "single_box": None
        if s.single_iou is None
        else {"mean_iou": s.single_iou, "pictures": s.single_pictures},
        "landmarks": _landmarks(s.landmarks),
        "masks": None if s.masks is None else asdict(s.masks),
        "class_map": None if s.class_map is None else asdict(s.class_map),
        "classifier": None
        if s.classifier is None
        else {
            "top1": s.classifier.top1,
            "top5": s.classifier.top5,
            "pictures": s.classifier.pictures,
        },
        "by_class": [
            {
                "class": c.name,
                "objects": c.objects,
                "map": c.ap,
                "map50": c.ap50,
                "voc07": c.voc07,
                "found": c.found,
                "false_positives": c.wrong,
            }
            for c in s.by_class
        ],
        "by_size": [
            {"size": z.name, "objects": z.objects, "map": z.ap, "found": z.found} for z in s.by_size
        ],
        "precision_at_recall": None if s.curve is None else list(s.curve.precision),
        "not_finite": s.not_finite,
    }


def _landmarks(marks: LandmarkScore | None) -> dict[str, Any] | None:
    if marks is None:
        return None
    return {
        "nme": marks.nme,
        "median": marks.median,
        "measured": marks.measured,
        "objects": marks.objects,
        "points": marks.points,
        "divided_by": marks.unit,
        "oks": {"mean": marks.oks, "map": marks.oks_ap, "map50": marks.oks_ap50},
    }


def _shortfalls(report: Evaluation) -> list[str]:
    """Return why the artifacts are not held to `max_drop`; nothing where it was not asked for.

    An artifact that one of its lanes ran is vouched for, unless the runner was named.
    """
    limit = report.max_drop
    if limit is None:
        return []
    if report.source is None:
        reason = next((r.not_run for r in report.lanes if r.lane.artifact is None), "")
        return [f"the source did not run, so no loss is known: {reason}"]
    said = []
    for rows in _by_artifact(report.lanes, report.runner):
        ran = [r for r in rows if r.scores is not None]
        name = rows[0].lane.name if rows[0].lane.artifact else "source"
        if not ran:
            said.append(f"{name} did not run: {rows[0].not_run}")
        for row in ran:
            loss = report.loss(row)
            if loss is None:
                said.append(f"{row.lane.name}: no loss is known, as there is no AP")
            elif loss.worst > limit:
                said.append(
                    f"{row.lane.name} loses {loss.ap:.2f} points of {loss.of[0]} and "
                    f"{loss.ap50:.2f} of {loss.of[1]}; at most {limit:g} were allowed"
                )
    if not any(r.lane.artifact for r in report.lanes):
        said.append("no artifact was compared")
    for row in report.lanes:
        allowed = report.score_loss(row)
        if row.rounds and row.moved is not None and (far := row.moved.fallen(allowed)):
            said.append(f"{row.lane.name}: {' and '.join(far)}; {allowed_words(allowed)}")
    return said


def allowed_words(score_loss: float) -> str:
    """Say how far scores may fall."""
    return f"{score_loss:g} and {2 * score_loss:g} are allowed (score_loss)"


def _by_artifact(lanes: Sequence[LaneScores], runner: str | None) -> list[list[LaneScores]]:
    groups: dict[str, list[LaneScores]] = {}
    for row in lanes:
        if row.lane.artifact is not None:
            key = row.lane.name if runner is not None else row.lane.artifact.file
            groups.setdefault(key, []).append(row)
    return list(groups.values())
