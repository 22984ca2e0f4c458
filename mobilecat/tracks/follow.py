"""Detections of one lane, frame after frame, as tracks: each frame's matched with the last by IoU.

Greedy, of one class, highest IoU first, as SORT without its motion model (Bewley et al., 2016).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mobilecat.pictures.detections import Detections, Floats, overlaps

MIN_IOU = 0.3
LONGEST_GAP = 2
"""Frames that a track may be lost for and still be the same."""


@dataclass
class Track:
    """One object over time. points: (P,2) of its last frames, newest last: corners, landmarks.

    squares: the sum over frames of squared second differences of each point, (P,2).
    """

    id: int
    first: int
    last: int
    points: list[Floats] = field(default_factory=list)
    squares: Floats = field(default_factory=lambda: np.zeros(0))
    triples: int = 0
    flickers: int = 0
    fragments: int = 0


class Follower:
    """Gives each detection the id of its track. What it keeps does not grow with the clip.

    done: totals of the tracks that have ended.
    """

    def __init__(self) -> None:
        self._live: dict[int, Track] = {}
        self._seen = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        self._ids: list[int] = []
        self._next = 0
        self.totals = Totals()

    def add(self, step: int, found: Detections) -> list[int]:
        """Return the track of each of `found`, in pixels of the model input; step: 0, 1, 2 …"""
        for track in [t for t in self._live.values() if step - t.last > LONGEST_GAP + 1]:
            self.totals.take(self._live.pop(track.id))
        known = [k for k, i in enumerate(self._ids) if i in self._live]
        before = rows_of(self._seen, known)
        before_ids = [self._ids[k] for k in known]
        pairs = paired(before, found, MIN_IOU)
        ids = []
        for j in range(len(found)):
            if j in pairs:
                track = self._live[before_ids[pairs[j]]]
                gap = step - track.last - 1
                track.flickers += gap == 1
                track.fragments += gap > 1
            else:
                track = Track(self._next, step, step)
                self._live[self._next] = track
                self._next += 1
                gap = 0
            _move(track, step, points_of(found, j), gap)
            ids.append(track.id)
        self._remember(found, ids, before, before_ids)
        return ids

    def _remember(
        self, found: Detections, ids: list[int], before: Detections, before_ids: list[int]
    ) -> None:
        """Keep where each live track was seen last: now, or before."""
        lost = [k for k, i in enumerate(before_ids) if i not in ids]
        parts = (found, rows_of(before, lost))
        self._seen = Detections(
            np.concatenate([p.boxes_xyxy for p in parts]),
            np.concatenate([p.scores for p in parts]),
            np.concatenate([p.class_ids for p in parts]),
        )
        self._ids = [*ids, *(before_ids[k] for k in lost)]

    def finish(self) -> Totals:
        """Return the totals of all tracks."""
        for track in self._live.values():
            self.totals.take(track)
        self._live = {}
        return self.totals


@dataclass
class Totals:
    """Of all tracks of a lane. flickers: lost for exactly one frame. fragments: for longer, and
    found again (CLEAR MOT's Frag)."""

    tracks: int = 0
    flickers: int = 0
    fragments: int = 0
    corner_squares: float = 0.0
    landmark_squares: float = 0.0
    corners: int = 0
    landmarks: int = 0

    def take(self, track: Track) -> None:
        self.tracks += 1
        self.flickers += track.flickers
        self.fragments += track.fragments
        if track.triples:
            self.corner_squares += float(track.squares[:2].sum())
            self.landmark_squares += float(track.squares[2:].sum())
            self.corners += 4 * track.triples
            self.landmarks += 2 * track.triples * (len(track.squares) - 2)

    @property
    def corner_jitter(self) -> float | None:
        """How much corners tremble, in pixels of the model input, one σ; None without three frames
        of a track in a row.

        Second differences of x with noise of σ have a mean square of 6 σ² (1 + 4 + 1), and even
        motion has none: a still subject gives σ itself.
        """
        return (self.corner_squares / self.corners / 6) ** 0.5 if self.corners else None

    @property
    def landmark_jitter(self) -> float | None:
        """The same of landmarks."""
        return (self.landmark_squares / self.landmarks / 6) ** 0.5 if self.landmarks else None


def _move(track: Track, step: int, points: Floats, gap: int) -> None:
    if gap or (track.points and track.points[-1].shape != points.shape):
        track.points = []
    track.last = step
    track.points = [*track.points[-2:], points]
    if len(track.points) == 3:
        a, b, c = track.points
        bend = (a - 2 * b + c) ** 2
        track.squares = bend if not track.triples else track.squares + bend
        track.triples += 1


def points_of(found: Detections, i: int) -> Floats:
    """Return detection i's two corners and its landmarks, (2+L,2)."""
    box = found.boxes_xyxy[i].reshape(2, 2)
    marks = found.landmarks_xy
    return box if marks is None else np.concatenate([box, marks[i]])


def rows_of(found: Detections, rows: list[int]) -> Detections:
    """Return some of the detections: their boxes, scores and classes."""
    return Detections(found.boxes_xyxy[rows], found.scores[rows], found.class_ids[rows])


def paired(a: Detections, b: Detections, least: float) -> dict[int, int]:
    """Return b's row → a's row: of one class, IoU at least `least`, highest first."""
    iou = np.where(a.class_ids[:, None] == b.class_ids[None], overlaps(a, b), 0.0)
    found: dict[int, int] = {}
    for i, j in sorted(np.argwhere(iou >= least).tolist(), key=lambda p: (-iou[p[0], p[1]], p)):
        if j not in found and i not in found.values():
            found[j] = i
    return found
