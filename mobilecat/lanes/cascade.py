"""Both models of a cascade in one runner: detect, crop, find landmarks, bring them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import DETECTOR, LANDMARKS, CascadeBundle
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.geometry.affine import GeometryError
from mobilecat.geometry.crops import CropPlan, Rect, plan_crop
from mobilecat.graph import Array
from mobilecat.lanes.base import Lane, open_lane
from mobilecat.lanes.detect import detect
from mobilecat.pictures.reading import Pixels, fit_picture
from mobilecat.spec import ImageSpec
from mobilecat.spec.cascade import CropContract

if TYPE_CHECKING:
    from PIL.Image import Image


def crop_of(
    picture: Image, box_xyxy: Array, crop: CropContract, spec: ImageSpec
) -> tuple[Pixels, CropPlan] | None:
    """Return (the landmark model's input [H,W,C], the map to it); None where nothing is left.

    What lies outside of the picture is `spec.pad` grey.
    """
    try:
        plan = plan_crop(box_xyxy, picture.size, spec.size, crop.rule, spec.resize, spec.rounding)
    except GeometryError:
        return None
    return _pixels(picture, plan.rect, spec), plan


def _pixels(picture: Image, rect: Rect, spec: ImageSpec) -> Pixels:
    from PIL import Image

    whole = tuple(int(np.floor(v)) for v in rect[:2]) + tuple(int(np.ceil(v)) for v in rect[2:])
    x1, y1, x2, y2 = whole
    inside = (max(x1, 0), max(y1, 0), min(x2, picture.width), min(y2, picture.height))
    if inside == whole:
        crop = picture.crop(whole)
    else:
        crop = Image.new("RGB", (x2 - x1, y2 - y1), (spec.pad,) * 3)
        if inside[0] < inside[2] and inside[1] < inside[3]:
            crop.paste(picture.crop(inside), (inside[0] - x1, inside[1] - y1))
    if whole == rect:
        return fit_picture(crop, spec)[0]
    # A fractional crop is stretched (the spec is held to that): Pillow resamples from the fraction.
    mode = "L" if spec.color == "GRAY" else "RGB"
    box = (rect[0] - x1, rect[1] - y1, rect[2] - x1, rect[3] - y1)
    method = Image.Resampling[spec.resample.upper()]
    pixels = np.asarray(crop.convert(mode).resize(spec.size, method, box=box), dtype=np.uint8)
    return pixels.reshape(spec.size[1], spec.size[0], spec.channels)


class CascadeRunner:
    """A detector's runner (None: boxes are given) and a landmark model's, with the crop between."""

    def __init__(self, detector: Runner | None, landmarks: Runner, bundle: CascadeBundle) -> None:
        notes = [landmarks.note] if detector is None else [detector.note, landmarks.note]
        self.note = " → ".join(dict.fromkeys(notes))
        self._detector = detector
        self._landmarks = landmarks
        self._bundle = bundle

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        """Return boxes, scores, class_ids, landmarks, count, in pixels of the picture.

        inputs: `image` uint8 [H,W,3], the whole upright picture; where boxes are given, `boxes`
        (n,4) xyxy in its pixels, `scores`, `class_ids`, best first. A box of which no crop is left
        is not in the result.
        """
        from PIL import Image

        bundle, model = self._bundle, self._bundle.landmark_model
        picture = Image.fromarray(inputs["image"])
        boxes, scores, class_ids = self._boxes(inputs, picture)
        rows = bundle.chain.max_crops
        shapes = {t.name: (t.shape, t.dtype) for t in bundle.outputs}
        out = {name: np.zeros(shape, dtype) for name, (shape, dtype) in shapes.items()}
        assert model.spec.input is not None
        n = 0
        for box, score, class_id in zip(boxes[:rows], scores[:rows], class_ids[:rows], strict=True):
            cut = crop_of(picture, box, bundle.file.crop, model.spec.input)
            if cut is None:
                continue
            pixels, plan = cut
            found = self._landmarks.infer({"image": pixels})
            points = np.asarray(found["landmarks"], dtype=np.float64).reshape(-1, 2)
            if len(points) != out["landmarks"].shape[2]:
                what = f"{len(points)} points, expected {out['landmarks'].shape[2]}"
                raise ArtifactError("The landmark model breaks its contract", [Problem(what)])
            out["boxes"][0, n], out["scores"][0, n] = box, score
            out["class_ids"][0, n] = class_id
            out["landmarks"][0, n] = plan.image_from_model.points(points)
            n += 1
        out["count"][0] = n
        return out

    def _boxes(self, inputs: Mapping[str, Array], picture: Image) -> tuple[Array, Array, Array]:
        if self._detector is None:
            return inputs["boxes"], inputs["scores"], inputs["class_ids"]
        assert self._bundle.detector is not None
        found = detect(self._detector, self._bundle.detector, picture)
        return found.boxes_xyxy, found.scores, found.class_ids


def open_cascade(folder: Path, bundle: CascadeBundle, lane: Lane, source: Path | None) -> Runner:
    """Load both models of `lane`; NotRun with the reason where this machine cannot."""
    if source is not None and bundle.detector is not None:
        raise MobileCatError(
            "A cascade has two source models",
            [Problem(f"--source names one, {source}", fix="put both where bundle.json has them")],
        )
    pair = bundle.pair(lane.artifact.file) if lane.artifact else None

    def part(home: str, model: Bundle, file: str | None) -> Runner:
        chosen = Lane(lane.runner, model.artifact(file) if file is not None else None)
        return open_lane(folder / home, model, chosen, source)

    detector = None
    if bundle.detector is not None:
        detector = part(DETECTOR, bundle.detector, pair.detector if pair else None)
    landmarks = part(LANDMARKS, bundle.landmark_model, pair.landmarks if pair else None)
    return CascadeRunner(detector, landmarks, bundle)
