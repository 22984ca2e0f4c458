"""Faults of order and time, and of boxes: what an app draws though the model sees the right frame.

Each says, from the right detections of every frame, what such an app draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mobilecat.geometry.affine import Affine
from mobilecat.pictures.detections import Detections

Right = Mapping[int, Detections]
"""Frame number → what is right there, in pixels of the upright frame."""


@dataclass(frozen=True)
class Shown:
    """What is right. model_from_image: how a frame is fitted. wh: of the upright frame."""

    right: Right
    model_from_image: Affine
    wh: tuple[int, int]

    @property
    def frames(self) -> list[int]:
        return sorted(self.right)


Predict = Callable[[Shown], "dict[int, Detections]"]


@dataclass(frozen=True)
class RowFault:
    """name: short. says: what happened and what to do."""

    name: str
    says: str
    predict: Predict


def _of(source: Callable[[int, Sequence[int]], int]) -> Predict:
    """Return what draws, in the frame at place k, the boxes of the frame at place source(k)."""

    def predict(shown: Shown) -> dict[int, Detections]:
        order = shown.frames
        return {f: shown.right[order[source(k, order)]] for k, f in enumerate(order)}

    return predict


def _placed(way: Callable[[Shown], Affine]) -> Predict:
    def predict(shown: Shown) -> dict[int, Detections]:
        to = way(shown)
        return {f: d.placed(to) for f, d in shown.right.items()}

    return predict


def _model_pixels(shown: Shown) -> Affine:
    return shown.model_from_image


def _bars_forgotten(shown: Shown) -> Affine:
    """The bars are left in: scaled back, but not moved back."""
    m = shown.model_from_image
    return Affine.scale_then_move(1 / m.a, 1 / m.d, 0, 0) @ m


def _stretched(shown: Shown) -> Affine:
    """Scaled back as if the frame had been stretched over all of the model's input."""
    m = shown.model_from_image
    w, h = shown.wh
    # The letterboxed input's size: the frame's, scaled, with a bar on both sides.
    mw, mh = m.a * w + 2 * m.tx, m.d * h + 2 * m.ty
    return Affine.scale_then_move(w / mw, h / mh, 0, 0) @ m


def _mirror(shown: Shown) -> Affine:
    return Affine.scale_then_move(-1, 1, shown.wh[0], 0)


def _rounded(step: int) -> Predict:
    def predict(shown: Shown) -> dict[int, Detections]:
        return {
            f: Detections(np.round(d.boxes_xyxy / step) * step, d.scores, d.class_ids)
            for f, d in shown.right.items()
        }

    return predict


def _lost(each: int, at: int) -> Predict:
    """Return what has no boxes in each N-th frame, of which `at` is the first."""

    def predict(shown: Shown) -> dict[int, Detections]:
        nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        return {
            f: nothing if k % each == at else shown.right[f] for k, f in enumerate(shown.frames)
        }

    return predict


def _swapped(k: int, order: Sequence[int]) -> int:
    other = k + 1 if k % 2 else k - 1  # 0, then 2 1, 4 3, …: two B frames' worth
    return other if 0 < other < len(order) and k else k


def stale(each: int, at: int) -> RowFault:
    """Return the fault that each N-th frame, of which `at` is the first, is the one before it."""
    name = _ORDINALS.get(each, f"{each}th")
    return RowFault(
        f"a stale frame every {name}",
        f"Every {name} frame is the one before it again: a buffer is used twice, or returned to "
        "its pool too early.",
        _of(lambda k, order: k - 1 if k % each == at and k else k),
    )


def stale_at(places: Sequence[int]) -> RowFault:
    """Return the fault that just these frames, by their places, are the one before them."""
    listed = ", ".join(map(str, places[:6])) + (" …" if places[6:] else "")
    return RowFault(
        "a stale frame now and then",
        f"{len(places)} frames are the one before them again (number {listed} of those compared, "
        "from 0): a buffer is used twice, or returned to its pool too early.",
        _of(lambda k, order: k - 1 if k in places else k),
    )


def emptied(each: int, at: int) -> RowFault:
    """Return the fault that each N-th frame, of which `at` is the first, has no boxes."""
    name = "3rd" if each == 3 else f"{each}th"
    return RowFault(
        f"no boxes in every {name} frame",
        f"In every {name} frame there are no boxes: they are cleared and not drawn again.",
        _lost(each, at),
    )


_ORDINALS = {3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 8: "eighth", 10: "tenth"}
PERIODS = range(3, 21)
"""Of what comes back every so many frames; what is rarer has not come often enough to be known."""


def rhythm(hits: Sequence[bool | None]) -> tuple[int, int] | None:
    """Return every how many frames something happens, and the first place; None where it has none.

    hits: of each frame in order, None where that cannot be told. At least twice, at no known place
    of the rhythm not, and no more than once in twenty elsewhere.
    """
    known = [(k, bool(h)) for k, h in enumerate(hits) if h is not None]
    all_hits = sum(h for _, h in known)
    for each in PERIODS:
        for at in range(each):
            on = [h for k, h in known if k % each == at and k]
            if len(on) >= 2 and all(on) and (all_hits - len(on)) * 20 <= len(known):
                return each, at
    return None


ROW_FAULTS = (
    RowFault(
        "boxes of the frame before",
        "Every frame shows the boxes of the frame before it: they are drawn before the new ones "
        "are there. Keep a frame's boxes with its time stamp.",
        _of(lambda k, order: max(0, k - 1)),
    ),
    RowFault(
        "boxes two frames late",
        "Every frame shows the boxes of two frames before: results wait in a queue.",
        _of(lambda k, order: max(0, k - 2)),
    ),
    RowFault(
        "every second frame twice",
        "Every second frame is the one before it again: the stream runs at half its rate.",
        _of(lambda k, order: k - k % 2),
    ),
    RowFault(
        "frames out of order",
        "Neighbouring frames are exchanged: they come in decoding order, not by their time stamps "
        "(pts).",
        _of(_swapped),
    ),
    RowFault(
        "a frozen stream",
        "Every frame is the first one again.",
        _of(lambda k, order: 0),
    ),
    *(
        RowFault(
            f"boxes rounded to {step} pixels",
            f"Boxes jump in steps of {step} pixels: coordinates are cut to whole cells, or were "
            "quantised.",
            _rounded(step),
        )
        for step in (4, 8, 16)
    ),
    RowFault(
        "boxes in pixels of the model's input",
        "Boxes count in pixels of the model's input, not of the frame: undo the fit.",
        _placed(_model_pixels),
    ),
    RowFault(
        "the bars are forgotten",
        "Boxes are scaled back, but not moved back by the letterbox's bars.",
        _placed(_bars_forgotten),
    ),
    RowFault(
        "scaled back as if stretched",
        "Boxes are scaled back as if the frame filled the model's input, which has bars.",
        _placed(_stretched),
    ),
    RowFault(
        "boxes mirrored",
        "The model sees the right picture, and the boxes are mirrored: the view or the layer is.",
        _placed(_mirror),
    ),
)  # fmt: skip
