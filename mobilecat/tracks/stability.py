"""How steady an artifact is over a clip, beside its source.

jitter      σ of corners and landmarks, pixels of the model input (`follow.Totals`)
flicker     a track lost for exactly one frame, that its source kept
IDSW        identity switches, Frag fragmentations: CLEAR MOT (Bernardin & Stiefelhagen, 2008),
            with the source's tracks as the reference
late        frames by which a track of the source is found later here
lag         whether this frame's boxes are those of the source's frame before
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from mobilecat.geometry.boxes import iou
from mobilecat.pictures.detections import Detections
from mobilecat.tracks.follow import LONGEST_GAP, Follower, Totals, paired

SAME_IOU = 0.5
JITTER_SHARE = 0.25
"""Of a lane's limit for boxes: so much more than its source an artifact may tremble. Its boxes may
be off by the whole limit, but in one direction."""
_LAG_MARGIN = 0.02
_BORDERLINE = 0.05
"""Above the threshold: a source's box nearer than that comes and goes by rounding alone."""


@dataclass(frozen=True)
class Stability:
    """One lane over a clip. source's: what is told against it is None for the source itself.

    lost: frames in which a track that its source keeps is gone for this one frame.
    """

    tracks: int
    corner_jitter_px: float | None
    landmark_jitter_px: float | None
    flickers: int
    fragments: int
    lost: int | None = None
    id_switches: int | None = None
    late_frames: int | None = None
    lag_frames: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        told = asdict(self)
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in told.items()}


@dataclass
class _Reference:
    """A track of the source. mine: this lane's track of it, once there is one. lost: frames in a
    row in which this lane has none."""

    began: int
    last: int
    mine: int | None = None
    lost: int = 0


class Steadiness:
    """Follows one lane, and compares it with its source, frame by frame.

    threshold: of the score. What it keeps does not grow with the clip.
    """

    def __init__(self, threshold: float | None) -> None:
        self._follower = Follower()
        self._threshold = threshold
        self._references: dict[int, _Reference] = {}
        self._compared = False
        self._switches = self._late = self._lost = 0
        self._before: Detections | None = None
        self._now_iou = self._before_iou = 0.0
        self._moved = 0

    def add(
        self,
        step: int,
        found: Detections,
        source: Detections | None = None,
        source_ids: list[int] | None = None,
    ) -> list[int]:
        """Take a frame's detections and its source's, in pixels of the model input; return the
        lane's tracks."""
        ids = self._follower.add(step, found)
        if source is None or source_ids is None:
            return ids
        self._compared = True
        pairs = {i: j for j, i in paired(source, found, SAME_IOU).items()}
        for i, track in enumerate(source_ids):
            known = self._references.setdefault(track, _Reference(step, step))
            known.last = step
            if i in pairs:
                self._found(known, ids[pairs[i]], step)
            elif not self._is_borderline(source.scores[i]):
                known.lost += 1
        over = [t for t, r in self._references.items() if step - r.last > LONGEST_GAP + 1]
        for track in over:
            self._end(self._references.pop(track))
        self._lag(found, source)
        return ids

    def _found(self, known: _Reference, mine: int, step: int) -> None:
        if known.mine is None:
            self._late = max(self._late, step - known.began)
        else:
            self._switches += known.mine != mine
            self._lost += known.lost == 1
        known.mine, known.lost = mine, 0

    def _end(self, known: _Reference) -> None:
        """A track that was never found is late by all of its frames."""
        if known.mine is None and known.lost:
            self._late = max(self._late, known.lost)

    def _is_borderline(self, score: float) -> bool:
        return self._threshold is not None and score - self._threshold < _BORDERLINE

    def _lag(self, found: Detections, source: Detections) -> None:
        """Weigh this frame's boxes against the source's of now and of the frame before."""
        before, self._before = self._before, source
        if before is None or not len(found) or not len(source) or not len(before):
            return
        moved = iou(source.boxes_xyxy, before.boxes_xyxy).max(1).mean()
        if moved > 1 - _LAG_MARGIN / 2:
            return  # a still subject says nothing
        self._moved += 1
        self._now_iou += float(iou(found.boxes_xyxy, source.boxes_xyxy).max(1).mean())
        self._before_iou += float(iou(found.boxes_xyxy, before.boxes_xyxy).max(1).mean())

    def finish(self) -> Stability:
        """Return the figures of the whole clip."""
        totals: Totals = self._follower.finish()
        own = Stability(
            totals.tracks,
            totals.corner_jitter,
            totals.landmark_jitter,
            totals.flickers,
            totals.fragments,
        )
        if not self._compared:
            return own
        for known in self._references.values():
            self._end(known)
        ahead = (self._before_iou - self._now_iou) / max(1, self._moved)
        return replace(
            own,
            lost=self._lost,
            id_switches=self._switches,
            late_frames=self._late,
            lag_frames=int(ahead > _LAG_MARGIN),
        )


def faults(found: Stability, source: Stability | None, boxes_px: float) -> list[str]:
    """Return why a lane is less steady than its source, a sentence each.

    boxes_px: the lane's limit for boxes.
    """
    said = []
    more = JITTER_SHARE * boxes_px
    for what in ("corner", "landmark"):
        mine, its = (getattr(s, f"{what}_jitter_px", None) for s in (found, source))
        if mine is not None and its is not None and mine > its + more:
            said.append(
                f"{what}s tremble by {mine:.2f} px of the model input, the source's by {its:.2f}; "
                f"at most {more:.3g} more"
            )
    if found.lost:
        said.append(f"{found.lost} times a box is gone for one frame that the source keeps")
    if found.id_switches:
        said.append(f"{found.id_switches} identity switches (IDSW) against the source's tracks")
    if found.lag_frames:
        said.append("boxes are those of the frame before")
    if found.late_frames:
        said.append(f"an object is found {found.late_frames} frames later than by the source")
    return said
