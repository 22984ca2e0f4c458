"""How far a lane's detections are from the source's, box by box, on the same pictures.

mAP ranks scores and asks where they are only by that: where a picture has one object, a file whose
scores all fell ranks it first still, and loses nothing. So each of the source's boxes is held to
the lane's own.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mobilecat.pictures.detections import Detections, overlaps

FROM = 0.5
"""The IoU from which on a box of the lane is the source's. Lower would take another object's."""
FEWEST = 5
"""The source's boxes, below which nothing is said to be much."""
SCORE_LOSS, LEAST_LOST, OVERLAP = 0.05, 2, 0.9
"""From which on a change is much: of the median score; twice that of the lowest tenth, and of the
share of boxes that are lost, two or more; and below which of the median IoU. Measured on six
networks as .tflite: docs/evaluate.md, "Scores that fall"."""
_TOLD = 0.005
"""The least fall that two digits show."""


@dataclass(frozen=True)
class Moved:
    """boxes: those of the source. lost: of them those that the lane has not. score: the median
    change of the score of the others, falling below 0; fell: the tenth of them that falls most,
    at its upper end. overlap: the median IoU with the source's box, 0 to 1. new: boxes of the lane
    that are none of the source's."""

    boxes: int
    lost: int
    score: float
    fell: float
    overlap: float
    new: int = 0

    @property
    def found(self) -> int:
        """The source's boxes that the lane has, too."""
        return self.boxes - self.lost

    def far(self, limit: float = SCORE_LOSS) -> list[str]:
        """Return what is much further than a quantised network that was calibrated well moves; []
        where nothing is, or where there are too few boxes to say (docs/evaluate.md).

        limit: how far the median score may fall.
        """
        return [*self.fallen(limit), *self.away]

    @property
    def away(self) -> list[str]:
        """Return the part of `far` that is of places: boxes that lie elsewhere."""
        if self.boxes < FEWEST or not self.found or self.overlap >= OVERLAP:
            return []
        return [f"boxes overlap the source's by {self.overlap:.2f}, the median"]

    def fallen(self, limit: float = SCORE_LOSS) -> list[str]:
        """Return the part of `far` that is of scores: those that fell, and boxes that are lost."""
        if self.boxes < FEWEST:
            return []
        said = []
        if -self.score >= limit or -self.fell >= 2 * limit:
            middle = f"{-self.score:.2f} in the median and by "
            said.append(
                "scores are lower than the source's on the same boxes, by "
                f"{middle if -self.score >= _TOLD else ''}{-self.fell:.2f} or more for a tenth of "
                "them"
            )
        if self.lost >= LEAST_LOST and self.lost >= 2 * limit * self.boxes:
            said.append(f"{self.lost} of the source's {self.boxes} boxes are lost")
        return said

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def moved(source: Iterable[Detections], lane: Iterable[Detections]) -> Moved | None:
    """Return how far a lane's boxes are from the source's; None where the source found nothing.

    source, lane: what each found in the same pictures, in order, each at the spec's own threshold.
    """
    boxes, mine_too = 0, 0
    changes, overlaps = array("d"), array("d")  # 16 bytes a box, however many pictures
    for theirs, mine in zip(source, lane, strict=True):
        boxes, mine_too = boxes + len(theirs), mine_too + len(mine)
        for i, j, value in _pairs(theirs, mine):
            changes.append(float(mine.scores[j] - theirs.scores[i]))
            overlaps.append(value)
    if not boxes:
        return None
    if not changes:
        return Moved(boxes, boxes, 0.0, 0.0, 0.0, mine_too)
    return Moved(
        boxes,
        boxes - len(changes),
        float(np.median(changes)),
        float(np.quantile(changes, 0.1)),
        float(np.median(overlaps)),
        mine_too - len(changes),
    )


def _pairs(theirs: Detections, mine: Detections) -> list[tuple[int, int, float]]:
    """Return (source's, lane's, IoU) of pairs of one class, what overlaps most first."""
    values = np.where(
        theirs.class_ids[:, None] == mine.class_ids[None], overlaps(theirs, mine), -1.0
    )
    found = []
    while values.size and values.max() >= FROM:
        i, j = divmod(int(values.argmax()), values.shape[1])
        found.append((i, j, float(values[i, j])))
        values[i, :] = values[:, j] = -1.0
    return found
