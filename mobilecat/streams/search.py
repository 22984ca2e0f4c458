"""Which fault predicts what an app drew: each is worked out, and held to the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mobilecat.clips.clip import ClipFacts, Pixels
from mobilecat.clips.reading import ClipReader
from mobilecat.compare.match import corner_distances
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.boxes import iou
from mobilecat.pictures.detections import Detections
from mobilecat.streams.pictures import PICTURE_FAULTS, PictureFault, Seen
from mobilecat.streams.times import ROW_FAULTS, Shown, emptied, rhythm, stale, stale_at

NOISE = 0.02
"""Cost that engines and codecs leave: a box 0.2% of its size off and a score 0.01, on average."""
ENOUGH = 0.3
"""Of the cost of nothing: a model on a picture that lies on its side scatters."""
TIMES_BETTER = 1.6
"""So much more than the best another fault must cost, to be told apart from it."""
_SCORES = 2.0
_NEAR = 0.1
_DROPPED = 0.03
"""Of frames: with fewer rows than that, some were dropped on the way."""


@dataclass(frozen=True)
class Kept:
    """A clip as the model sees it. right: every sampled frame's detections. pixels: of a few of
    them. times: when each is shown."""

    facts: ClipFacts
    right: Mapping[int, Detections]
    pixels: Mapping[int, Pixels]
    times: Mapping[int, float | None]
    model_from_image: Affine
    wh: tuple[int, int]
    path: Path | None = None

    def seen(self, fault: PictureFault) -> dict[int, Pixels]:
        """Return the kept frames as an app with `fault` sees them; none where it sees no other.

        A colour fault of a clip is decoded again: RGB does not hold all that YCbCr did.
        """
        if fault.read_as is not None and self.path is not None:
            if not fault.applies(self.facts):
                return {}
            found = {}
            with ClipReader(self.path, read_as=fault.read_as) as clip:
                for frame in clip:
                    if frame.index in self.pixels:
                        found[frame.index] = frame.pixels
                    if frame.index >= max(self.pixels):
                        break
            return found
        changed = {f: fault.change(Seen(p, self.facts)) for f, p in self.pixels.items()}
        return {f: p for f, p in changed.items() if p is not None}


Rows = Mapping[int, tuple[float | None, Detections]]


@dataclass(frozen=True)
class Suspect:
    """A fault, and what it costs to believe it: 0 where it predicts every row, 1 where none.

    nothing: what it costs to believe that nothing is wrong, of the same frames.
    """

    name: str
    says: str
    cost: float
    nothing: float

    @property
    def explains(self) -> bool:
        """Whether it predicts the rows, and nothing wrong does not."""
        near = self.cost < max(4 * NOISE, ENOUGH * self.nothing)
        return self.nothing > NOISE / 5 and near and self.cost * TIMES_BETTER < self.nothing

    @property
    def share(self) -> float:
        return self.cost / max(self.nothing, 1e-9)


def suspects(
    kept: Kept, rows: Rows, run: Callable[[Pixels], Detections]
) -> tuple[list[Suspect], float]:
    """Return every fault, the likeliest first, and what it costs to believe that nothing is wrong.

    run: what the model finds in a picture. Faults of pixels are tried on `kept.pixels` alone.
    """
    observed = {f: d for f, (_, d) in rows.items()}
    nothing = _cost(kept.right, observed)
    found = [
        Suspect(f.name, f.says, _cost(f.predict(shown), observed), nothing)
        for shown in [Shown(kept.right, kept.model_from_image, kept.wh)]
        for f in ROW_FAULTS
    ]
    found += _rhythms(kept, observed, nothing)
    found += _seen(kept, observed, run)
    best: dict[str, Suspect] = {}
    for s in sorted(found, key=lambda s: s.share):
        best.setdefault(s.name, s)
    return list(best.values()), nothing


def _rhythms(kept: Kept, observed: Mapping[int, Detections], nothing: float) -> Iterator[Suspect]:
    """Yield the faults that come back every so many frames: which, the rows themselves say."""
    order = sorted(kept.right)
    shown = Shown(kept.right, kept.model_from_image, kept.wh)
    late: list[bool | None] = [None]
    gone: list[bool | None] = [None]
    for before, frame in pairwise(order):
        right, got = kept.right[frame], observed.get(frame)
        gap = len(right) and not _is_gap(frame, observed)
        gone.append(got is None if gap else None)
        if got is None:
            late.append(None)
            continue
        own, its = (float(np.mean(_of_frame(d, got) or [0])) for d in (right, kept.right[before]))
        late.append(None if max(own, its) < NOISE else its < own / 2)
    for hits, fault in ((late, stale), (gone, emptied)):
        if (found := rhythm(hits)) is not None:
            told = fault(*found)
            yield Suspect(told.name, told.says, _cost(told.predict(shown), observed), nothing)
    places = [k for k, hit in enumerate(late) if hit]
    if rhythm(late) is None and 0 < 4 * len(places) <= len(late):
        told = stale_at(places)
        yield Suspect(told.name, told.says, _cost(told.predict(shown), observed), nothing)


def _seen(
    kept: Kept, observed: Mapping[int, Detections], run: Callable[[Pixels], Detections]
) -> Iterator[Suspect]:
    for fault in PICTURE_FAULTS:
        predicted = {f: run(p) for f, p in kept.seen(fault).items()}
        if predicted:
            right = {f: kept.right[f] for f in predicted}
            costs = _cost(predicted, observed), _cost(right, observed)
            yield Suspect(fault.name, fault.says, *costs)


def _cost(predicted: Mapping[int, Detections], observed: Mapping[int, Detections]) -> float:
    """Return how badly rows are predicted: the mean over boxes of distance and score, 1 for a box
    that is on one side only. Frames without any row count as dropped, not as empty."""
    costs: list[float] = []
    for frame, want in predicted.items():
        got = observed.get(frame)
        if got is not None or frame in observed:
            assert got is not None
            costs += _of_frame(want, got)
        elif len(want) and not _is_gap(frame, observed):
            costs += [1.0] * len(want)
    return float(np.mean(costs)) if costs else 0.0


def _is_gap(frame: int, observed: Mapping[int, Detections]) -> bool:
    """Whether a frame without rows lies beyond all that was observed."""
    return bool(observed) and (frame > max(observed) or frame < min(observed))


def _of_frame(want: Detections, got: Detections) -> list[float]:
    if not len(want) or not len(got):
        return [1.0] * max(len(want), len(got))
    overlap = iou(want.boxes_xyxy, got.boxes_xyxy)
    costs, taken = [], set()
    for i in np.argsort(-overlap.max(1)):
        free = [j for j in np.argsort(-overlap[i]) if j not in taken]
        if not free:
            costs.append(1.0)
            continue
        j = free[0]
        taken.add(j)
        x1, y1, x2, y2 = want.boxes_xyxy[i]
        side = max(1.0, float(np.hypot(x2 - x1, y2 - y1)))
        off = float(corner_distances(want.boxes_xyxy[i], got.boxes_xyxy[j])) / side
        score = abs(float(want.scores[i] - got.scores[j]))
        costs.append(min(1.0, off / _NEAR + _SCORES * score))
    return costs + [1.0] * (len(got) - len(taken))


def time_fault(kept: Kept, rows: Rows) -> tuple[str, str] | None:
    """Return (name, sentence) where the rows' times are not the clip's; None where they are."""
    both = [
        (t, kept.times[f], f) for f, (t, _) in rows.items() if t is not None and f in kept.times
    ]
    pairs = [(t, right, f) for t, right, f in both if right is not None]
    if len(pairs) < 3 or max(abs(t - right) for t, right, _ in pairs) < 2e-3:
        return None
    got, want, frames = (np.array(v, float) for v in zip(*pairs, strict=True))
    step = np.median(np.diff(want))
    if np.allclose(got[1:], want[:-1], atol=2e-3):
        return (
            "one frame late",
            "The stream is one frame late: every frame is numbered as the next one. It waits in a "
            "queue, or the first frame is dropped in silence and counted.",
        )
    counted = np.polyfit(frames, got, 1)
    even = np.abs(np.polyval(counted, frames) - got).max() < 2e-3
    uneven = np.abs(np.polyval(np.polyfit(frames, want, 1), frames) - want).max() > 2e-3
    if even and uneven:
        return (
            "times are counted, not read",
            f"Times are frame number ÷ {1 / counted[0]:.4g}, but this clip's frames are shown at "
            "uneven times: read each frame's time stamp (pts).",
        )
    factor = float(np.polyfit(want - want[0], got - got[0], 1)[0])
    if abs(factor - 1) > 0.002:
        return (
            "wrong time base",
            f"Times run {factor:.4g} times as fast as the clip's: the time base of the stream is "
            "not the one that time stamps are multiplied by.",
        )
    offset = float(np.median(got - want))
    return (
        "times shifted",
        f"Times are {offset:+.3f} s from the clip's ({offset / step:+.1f} frames).",
    )


def dropped(kept: Kept, rows: Rows) -> list[int]:
    """Return frames with boxes that have no row, between the first and the last that have one."""
    inside = [f for f in kept.right if rows and min(rows) <= f <= max(rows)]
    missing = [f for f in inside if f not in rows and len(kept.right[f])]
    return missing if len(missing) > _DROPPED * max(1, len(inside)) else []
