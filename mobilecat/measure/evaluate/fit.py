"""Which fit the pictures speak for without their labels, where these leave it open.

The test is that of `init` (`mobilecat.pictures.cutouts`), on the sample that the labels had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.geometry.affine import Affine
from mobilecat.pictures.cutouts import cut_around, decides, nearer, overlap_margin, pair_of
from mobilecat.pictures.detections import Detections

MOST = 16
"""Pictures tried, as many as `init` takes."""

Cut = tuple[int, int, int, int]
FindIn = Callable[[int, Cut], Detections | None]


@dataclass(frozen=True)
class FitByCutOuts:
    """kept, other: the spec's fit and the other, in words. gains: of each picture that could tell,
    by how much IoU the other's box is nearer to that of the undistorted cut-out."""

    kept: str
    other: str
    gains: tuple[float, ...]

    @property
    def speaks_for(self) -> str | None:
        """The fit that the pictures speak for; None where they do not tell."""
        mean = decides(self.gains)
        return None if mean is None else self.other if mean > 0 else self.kept

    @property
    def said(self) -> str:
        """What the pictures say, with the figures; not what to write."""
        n = len(self.gains)
        if not n:
            return "without labels, no wide or high picture has a box that tells the fit"
        of = f"{n} wide or high picture{'s' * (n != 1)}"
        mean = float(np.mean(self.gains))
        if self.speaks_for is None:
            ahead, behind = (self.other, self.kept) if mean > 0 else (self.kept, self.other)
            return (
                f"without labels, {of} do{'es' * (n == 1)} not tell the fit either: IoU with boxes "
                f"of an undistorted cut-out is {abs(mean):.2f} higher with {ahead} than with "
                f"{behind}, and {overlap_margin(n):.2f} would tell"
            )
        right = self.speaks_for
        wrong = self.kept if right == self.other else self.other
        return (
            f"without labels, {of} speak{'s' * (n == 1)} for {right}: boxes agree better with "
            "those found in a cut-out that neither way distorts "
            f"(IoU {abs(mean):.2f} higher than with {wrong})"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "pictures": len(self.gains),
            "overlap_gain": float(np.mean(self.gains)) if self.gains else None,
            "speaks_for": self.speaks_for,
        }


def gains_of(
    sizes_wh: Sequence[tuple[int, int]],
    kept: Sequence[Detections],
    other: Sequence[Detections],
    input_wh: tuple[int, int],
    threshold: float,
    find_in: FindIn,
) -> tuple[float, ...]:
    """Return what `nearer` says of each picture that can tell, of MOST at most, spread evenly.

    sizes_wh: of the pictures, px. kept, other: what each fit finds in them, picture px. find_in:
    gives what is found in a cut-out of a picture, in the cut-out's px; None where nothing runs.
    threshold: the score from which on a box is believed.
    """
    width, height = input_wh
    there = [i for i, (w, h) in enumerate(sizes_wh) if w * height != h * width]
    many = min(len(there), MOST)
    gains = []
    for i in (there[k * len(there) // many] for k in range(many)):
        pair = pair_of(kept[i], other[i], threshold)
        cut = None if pair is None else cut_around(*pair, sizes_wh[i], input_wh)
        found = None if cut is None else find_in(i, cut)
        if pair is None or cut is None or found is None:
            continue
        gain = nearer(*pair, found.placed(Affine.move(cut[0], cut[1])), threshold)
        if gain is not None:
            gains.append(gain)
    return tuple(gains)
