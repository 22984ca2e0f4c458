"""A lane through a simulated phone: do its boxes come back where the plain ones are?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.clips.clip import Frame, Pixels
from mobilecat.compare.match import corner_distances, match
from mobilecat.compare.tolerances import Limits
from mobilecat.formats.base.runner import Runner
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.resize import plan_resize
from mobilecat.geometry.vision import CropAndScale
from mobilecat.lanes.detect import decode_outputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture
from mobilecat.playback.phones import Setup
from mobilecat.spec import ImageSpec

SLACK_PX = 1.0
"""Pixels of the model input beyond the lane's limit: 4:2:0 halves the colour, and the simulation
averages where Pillow weighs a triangle (`coordinates.chains`)."""
MARGIN = 0.1
"""Above the threshold: a box whose score is nearer may come and go by that alone."""
STEADY = 0.9
"""Of the boxes, so many must come back: one that another drawing moves is no fault of a set-up."""


@dataclass(frozen=True)
class Agreement:
    """Boxes that went in, how many came back, and how far off the worst is, in model pixels."""

    boxes: int = 0
    back: int = 0
    worst_px: float = 0.0
    limit_px: float = 0.0
    first: str = ""

    def faults(self, name: str) -> list[str]:
        """Return why the set-up is wrong, a sentence each."""
        if self.boxes and self.back < STEADY * self.boxes:
            lost = f"{self.boxes - self.back} of {self.boxes} boxes"
            return [f"through {name} {lost} do not come back where they were; first {self.first}"]
        return []


@dataclass
class Through:
    """Runs a lane on what a phone hands over, and compares with the plain run."""

    setup: Setup
    limits: Limits
    agreement: Agreement = field(default_factory=Agreement)

    def run(
        self, engine: Runner, bundle: Bundle, frame: Frame, plain: Detections, to_model: Affine
    ) -> Detections:
        """Return what the app draws, back in pixels of the upright frame.

        plain: what the lane finds in the frame itself, which is what belongs there, but where the
        phone mirrors or crops: then the model runs on Pillow's drawing of that.
        """
        spec = bundle.spec.input
        assert spec is not None
        request = self.setup.request(frame.wh, spec.size)
        seen = request.model_input(self.setup.buffer(frame.pixels))
        same = plan_resize(spec.size, spec.size, "stretch")

        def found_in(rgb: Pixels) -> Detections:
            return decode_outputs(engine.infer({"image": channels_of(rgb, spec)}), same)

        back = self.setup.frame_from_view(request) @ request.view_from_model
        found = found_in(seen).placed(back)
        cropped = self.setup.fit is CropAndScale.CENTER_CROP
        if cropped or self.setup.phone.mirrored:
            drawn, frame_from_drawn = _drawn(frame, spec, self.setup.phone.mirrored, cropped)
            plain = found_in(drawn).placed(frame_from_drawn)
        self._hold(bundle, frame, plain, found, to_model)
        return found

    def _hold(
        self, bundle: Bundle, frame: Frame, plain: Detections, found: Detections, to_model: Affine
    ) -> None:
        nms = bundle.spec.effective_nms
        sure = (nms.score_threshold if nms else 0.0) + MARGIN
        limit = max(0.5, self.limits.boxes_px) + SLACK_PX
        want, got = plain.placed(to_model), found.placed(to_model)
        pairs = dict(match(want, got, limit).pairs)
        a = self.agreement
        boxes, back, worst, first = a.boxes, a.back, a.worst_px, a.first
        for i in range(len(plain)):
            if plain.scores[i] < sure:
                continue
            boxes += 1
            if i not in pairs:
                first = first or f"in frame {frame.index}, which is not found"
                continue
            off = float(corner_distances(want.boxes_xyxy[i], got.boxes_xyxy[pairs[i]]))
            worst = max(worst, off)
            if off <= limit:
                back += 1
            else:
                first = first or f"in frame {frame.index}, off by {off:.1f} px"
        self.agreement = Agreement(boxes, back, worst, limit, first)


def channels_of(rgb: Pixels, spec: ImageSpec) -> Pixels:
    """Return RGB, or one grey channel where the model takes that. Shapes: (H, W, 3) → (H, W, C)."""
    if spec.channels == 3:
        return rgb
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.uint8)[..., None]


def _drawn(frame: Frame, spec: ImageSpec, mirrored: bool, cropped: bool) -> tuple[Pixels, Affine]:
    """Return the model's input as Pillow draws it, and the way back to the frame, by hand."""
    from PIL import Image

    w, h = frame.wh
    picture = Image.fromarray(frame.pixels[:, ::-1] if mirrored else frame.pixels)
    way = Affine.scale_then_move(-1, 1, w, 0) if mirrored else Affine.identity()
    if not cropped:
        pixels, plan = fit_picture(picture, spec.model_copy(update={"color": "RGB"}))
        return pixels, way @ plan.image_from_model
    mw, mh = spec.size
    cw = min(w, h * mw / mh)
    ch = cw * mh / mw
    x, y = (w - cw) / 2, (h - ch) / 2
    drawn = picture.resize((mw, mh), Image.Resampling.BILINEAR, box=(x, y, x + cw, y + ch))
    return np.asarray(drawn, np.uint8), way @ Affine.scale_then_move(cw / mw, ch / mh, x, y)
