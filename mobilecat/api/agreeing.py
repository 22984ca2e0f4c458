"""`mc.agreement`: how far the lanes of one picture are apart."""

from __future__ import annotations

from dataclasses import dataclass

from mobilecat.compare.match import Matches, corner_distances, match
from mobilecat.lanes.picture import LaneRun, PictureRun
from mobilecat.pictures.detections import Detections
from mobilecat.rows import ROWS

LANDMARKS = "landmarks"
_TIED = 0.001
_NEAR = 2.0
"""px; boxes of one class that do not overlap are one object where all corners lie as near."""


@dataclass(frozen=True)
class Agreement:
    """lanes: how many were held to the first. apart: those whose number of detections, or a class,
    is another. box_px: the corner that is farthest off, in pixels of the picture. score: the same.
    points_px: the landmark that is farthest off; None where there are none. classes: whether the
    classes are of the picture as a whole, which has no objects.
    """

    first: str
    lanes: int
    apart: tuple[str, ...]
    box_px: float
    score: float
    points_px: float | None = None
    classes: bool = False

    def words(self) -> str:
        """Say it in one line."""
        if not self.lanes:
            return "no other lane to compare with"
        if not self.apart:
            lanes = f"{self.lanes} other lane{'s' * (self.lanes != 1)}"
            if self.classes:
                return f"{lanes} within {self.score:.2g} of {self.first}"
            points = "" if self.points_px is None else f" (points: {self.points_px:.2g} px)"
            return f"{lanes} within {self.box_px:.2g} px{points}, {self.score:.2g} of {self.first}"
        names, one = ", ".join(self.apart), len(self.apart) == 1
        if self.classes:
            return f"{names} name{'s' * one} other classes than {self.first}"
        return f"{names} find{'s' * one} other objects than {self.first}"


def agreement(found: PictureRun) -> Agreement:
    """Return how far each lane is from the first that ran, by detections.

    >>> agreed = mc.agreement(mc.run("cat_faces", PICTURES / "two_on_a_sofa.png"))
    >>> agreed.apart, agreed.box_px < 1
    ((), True)
    """
    ran = [r for r in found if r.detections is not None]
    if not ran:
        return Agreement("", 0, (), 0.0, 0.0)
    first, *others = ran
    apart, box, score = [], 0.0, 0.0
    points: list[float] = []
    for lane in others:
        off = _apart(first, lane)
        if off is None:
            apart.append(lane.lane.name)
        else:
            box, score = max(box, off[0]), max(score, off[1])
            points += off[2]
    far = max(points, default=None)
    whole = found.bundle.spec.head.whole_picture
    return Agreement(first.lane.name, len(others), tuple(apart), box, score, far, whole)


def _apart(a: LaneRun, b: LaneRun) -> tuple[float, float, list[float]] | None:
    assert a.detections is not None and b.detections is not None
    found = match(a.detections, b.detections, _NEAR)
    if found.missing or found.extra:
        if not a.bundle.spec.head.whole_picture or not _tied(a.detections, b.detections, found):
            return None
        return 0.0, float(abs(a.detections.scores - b.detections.scores).max()), []
    if not found.pairs:
        return 0.0, 0.0, []
    i, j = (list(x) for x in zip(*found.pairs, strict=True))
    box = corner_distances(a.detections.boxes_xyxy[i], b.detections.boxes_xyxy[j])
    score = abs(a.detections.scores[i] - b.detections.scores[j])
    points = [d.rows[LANDMARKS] for d in (a.detections, b.detections) if LANDMARKS in d.rows]
    off = ROWS[LANDMARKS].apart(points[0][i], points[1][j]).tolist() if len(points) == 2 else []
    return float(box.max()), float(score.max()), off


def _tied(a: Detections, b: Detections, found: Matches) -> bool:
    """Whether classes are missing only since others score as the last of those that are named."""
    if len(a) != len(b):
        return False
    last = min(a.scores.min(), b.scores.min())
    others = [*a.scores[list(found.missing)], *b.scores[list(found.extra)]]
    return all(score - last <= _TIED for score in others)
