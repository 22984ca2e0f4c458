"""What Linux lacks of iOS 27: Core Image, which draws a model's input, and the `.aimodel` itself.

For tools/simulated_phone.py. Core Image counts y upwards; here that is done by turning pictures
upside down, and OpenCV draws: no arithmetic is the app's, or MobileCatKit's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.formats.table import FORMATS
from mobilecat.lanes import Lane, open_lane
from mobilecat.rows import CANDIDATE, kinds_of

Pixels = NDArray[np.uint8]
KIND = "coreai"
FINE = 4  # each model pixel is the mean of so many by so many: shrinking must not alias


def drawn(stored: Image.Image, ask: Mapping[str, Any]) -> Pixels:
    """Return a model's input (h, w, 3), top row first, as `CIContext.render` is documented.

    core_image_from_frame: [a, b, tx, c, d, ty] between pixels that are counted from the lower left,
    picture_ci: x, y, w, h of what the picture covers, counted the same way; the rest is `pad`.
    """
    w, h = ask["model_wh"]
    a, b, tx, c, d, ty = ask["core_image_from_frame"]
    # OpenCV's pixels are centred at whole numbers, Core Image's at halves; FINE of them in one.
    moved = np.array([[a, b, tx + (a + b) / 2], [c, d, ty + (c + d) / 2]]) * FINE
    moved[:, 2] -= 0.5
    upwards = np.ascontiguousarray(np.asarray(stored)[::-1])
    fine = cv2.warpAffine(
        upwards,
        moved,
        (w * FINE, h * FINE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,  # clampedToExtent
    )
    shown = fine.reshape(h, FINE, w, FINE, 3).mean(axis=(1, 3))
    x, y, rw, rh = ask["picture_ci"]
    column, row = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    inside = (x < column) & (column < x + rw) & (y < row) & (row < y + rh)
    canvas = np.where(inside[..., None], np.rint(shown), ask["pad"]).astype(np.uint8)
    return np.ascontiguousarray(canvas[::-1])


class CoreAI:
    """A bundle's `.aimodel`; where it has none, its source model behind the same contract."""

    def __init__(self, folder: Path, bundle: Bundle) -> None:
        theirs = next((a for a in bundle.artifacts if a.kind == KIND), None)
        self.record = theirs or _stand_in(bundle)
        self.bundle_json = bundle.model_dump(mode="json", by_alias=True)
        self._candidates = [c.name for c in bundle.candidates]
        self._names = _names(bundle)
        self._taps: tuple[str, ...] = ()
        if theirs is not None:
            self._runner = FORMATS[KIND].engines[0].open(folder / theirs.file, theirs)
            return
        self.bundle_json["artifacts"].insert(0, self.record.model_dump(mode="json"))
        self._runner = open_lane(folder, bundle, Lane("source"))
        if self.record.contract == "candidates":
            self._taps = tuple(self._candidates)

    def look(self, stored: Image.Image, ask: Mapping[str, Any]) -> dict[str, Any]:
        """Return tensors by the file's own names. Without a map, `stored` is the input, drawn."""
        own = "core_image_from_frame" in ask
        picture = drawn(stored, ask) if own else np.asarray(stored)
        found = self._runner.infer({"image": picture}, self._taps)
        if self._taps:
            found = {n: found[t] for n, t in zip(self._names, self._candidates, strict=True)}
        return {
            "tensors": {
                theirs: {"shape": list(found[ours].shape), "values": np.ravel(found[ours])}
                for ours, theirs in self.record.outputs.items()
                if ours in found  # a lane judges `settled` itself, and does not hand it on
            }
        }


def _names(bundle: Bundle) -> list[str]:
    """Return what the `candidates` contract calls a bundle's candidates."""
    return [f"{CANDIDATE}{kind}" for kind in kinds_of(t.name for t in bundle.outputs)]


def _stand_in(bundle: Bundle) -> ArtifactRecord:
    """Return the record of an `.aimodel` that nobody has exported, with nms = "app"."""
    suppressed = bundle.spec.effective_nms is not None
    names = [t.name for t in bundle.outputs]
    if suppressed:
        names = _names(bundle)
    fields = {
        "file": f"{bundle.name}.aimodel",
        "kind": KIND,
        "format": "aimodel",
        "contract": "candidates" if suppressed else "tensor",
        "precision": "float32",
        "bytes": 0,
        "sha256": "",
        "image": "bgra",
        "inputs": {"image": "image"},
        # Names that are not the bundle's: whoever forgets the mapping finds nothing.
        "outputs": {n: f"{bundle.name}_{n}" for n in names},
    }
    return ArtifactRecord.model_construct(**fields)
