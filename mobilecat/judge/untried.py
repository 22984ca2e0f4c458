"""What the goldens and inputs of a validation do not try, in sentences; and the picture that would.

A golden vouches for what is in it: a class that no picture shows may have no weights at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import as_floats, unit_scale
from mobilecat.compare.peaks import peaks
from mobilecat.golden.store import Expected
from mobilecat.graph import Array
from mobilecat.judge.observe import Observed, gives_detections, watched
from mobilecat.judge.rounding import near_rows

STILL = 1e-3
"""An output that moves less between inputs, against its own size, says little of any of them."""


@dataclass
class Moved:
    """How far each output of the source moves between the inputs that were tried."""

    first: dict[str, Array] = field(default_factory=dict)
    moved: dict[str, Array] = field(default_factory=dict)
    most: int = 0
    _scales: dict[str, Array] = field(default_factory=dict)

    def add(self, bundle: Bundle, found: Observed) -> None:
        near = near_rows(bundle, found.tensors, 0.0)
        self.most = max(self.most, 0 if near is None else int(near.sum()))
        for name, w in watched(bundle).items():
            array = found.tensors.get(name)
            if w.stage != "raw" or array is None or array.dtype.kind != "f" or not array.size:
                continue
            if name not in self.first:
                self.first[name] = array
                continue
            before = self.first[name]
            if before.shape != array.shape or before.dtype != array.dtype:
                continue
            if name not in self._scales:
                self._scales[name] = unit_scale(np.abs(np.nan_to_num(as_floats(before))))
            scale = self._scales[name]
            axes = tuple(i for i in range(before.ndim) if scale.shape[i] == 1)
            with np.errstate(over="ignore", invalid="ignore"):
                off = np.abs(array - before)
                most = as_floats(peaks(off, axes))
                if not np.isfinite(most).all():
                    most = as_floats(peaks(np.nan_to_num(off), axes))
            share = most / scale
            self.moved[name] = np.maximum(self.moved.get(name, np.zeros(1)), share)

    def join(self, other: Moved) -> None:
        """Take over what another process saw, whose first input was the same one."""
        self.most = max(self.most, other.most)
        for name, share in other.moved.items():
            self.moved[name] = np.maximum(self.moved.get(name, np.zeros(1)), share)

    @property
    def sentences(self) -> list[str]:
        """Return a sentence for each output, or channels of it, that hardly moves."""
        said = []
        for name, share in self.moved.items():
            still = int((share < STILL).sum())
            if not still:
                continue
            what = (
                f"{still} of {share.size} channels of {name!r}" if share.size > 1 else f"{name!r}"
            )
            moves = "move" if share.size > 1 else "moves"
            said.append(
                f"untested: {what} hardly {moves} between the inputs tried "
                f"({float(share.min()):.0e} of its size)"
            )
        return said


def untried(bundle: Bundle, goldens: Sequence[Expected], most: int = 0) -> list[str]:
    """Return what the goldens of a detector do not try. most: candidates above the threshold."""
    found = [e for e in goldens if e.found is not None]
    if not gives_detections(bundle) or not found:
        return []
    nms, labels = bundle.spec.effective_nms, bundle.spec.labels
    said = []
    seen = {int(i) for e in found for i in e.found.class_ids}  # type: ignore[union-attr]
    missing = [label for k, label in enumerate(labels) if k not in seen]
    if missing and len(labels) > 1:
        listed = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if missing[4:] else "")
        said.append(f"{len(missing)} of {len(labels)} classes are in no golden: {listed}")
    if bundle.spec.head.whole_picture:
        return said  # a class of the whole picture has no border to cross, and comes in no crowd
    if not any(_crosses(e) for e in found):
        said.append("no box of a golden crosses the picture's border")
    if nms is not None:
        counts = max(len(e.found) for e in found)  # type: ignore[arg-type]
        if counts < nms.max_detections:
            said.append(f"max_detections ({nms.max_detections}) is never reached: {counts} at most")
        if most:
            said.append(f"at most {most} candidates of a golden reach the suppression")
    return said


def _crosses(expected: Expected) -> bool:
    if expected.found is None or expected.plan is None or not len(expected.found):
        return False
    width, height = expected.plan.src_wh
    boxes = expected.found.boxes_xyxy
    return bool((boxes[:, :2] < 0).any() or (boxes[:, 2:] > (width, height)).any())


def advice(bundle: Bundle, goldens: Sequence[Expected]) -> str:
    """Return which picture the goldens lack most, for `golden record`; "" where none is."""
    said = untried(bundle, goldens)
    pictures: Mapping[str, str] = {
        "crosses": "one in which an object is cut off by the border",
        "classes": "one with classes that no golden shows yet",
        "reached": "a crowd: many objects, close together",
    }
    wanted = [text for word, text in pictures.items() if any(word in s for s in said)]
    return f"still missing among the goldens: {'; '.join(wanted)}" if wanted else ""
