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
from mobilecat.geometry.bilinear import bilinear
from mobilecat.geometry.crops import CropPlan, Rect, plan_crop
from mobilecat.graph import Array
from mobilecat.lanes.base import Lane, open_lane
from mobilecat.lanes.detect import detect
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import Pixels, fit_picture
from mobilecat.spec import ImageSpec
from mobilecat.spec.cascade import CropContract

if TYPE_CHECKING:
    from PIL.Image import Image


def crop_of(
    picture: Image,
    box_xyxy: Array,
    crop: CropContract,
    spec: ImageSpec,
    points_xy: Array | None = None,
) -> tuple[Pixels, CropPlan] | None:
    """Return (the landmark model's input [H,W,C], the map to it); None where nothing is left.

    What lies outside of the picture is `spec.pad` grey. points_xy: (L, 2), the detector's landmarks
    in picture pixels, for a crop that they turn.
    """
    try:
        plan = plan_crop(
            box_xyxy, picture.size, spec.size, crop.rule, spec.resize, spec.rounding, points_xy
        )
    except GeometryError:
        return None
    if crop.rotation is not None:
        return _turned_pixels(picture, plan, spec), plan
    return _pixels(picture, plan.rect, spec), plan


def _turned_pixels(picture: Image, plan: CropPlan, spec: ImageSpec) -> Pixels:
    mode = "L" if spec.color == "GRAY" else "RGB"
    pixels = np.asarray(picture.convert(mode), dtype=np.uint8)
    pixels = pixels.reshape(picture.height, picture.width, spec.channels)
    return bilinear(pixels, plan.image_from_model, spec.size, spec.pad)


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
        """Return boxes, scores, class_ids, landmarks, count, in pixels of the picture; and
        landmark_scores where the landmark model gives them.

        inputs: `image` uint8 [H,W,3], the whole upright picture; where boxes are given, `boxes`
        (n,4) xyxy in its pixels, `scores`, `class_ids`, best first, and `points` (n,L,2) where they
        turn the crop. A box of which no crop is left is not in the result.
        """
        from PIL import Image

        bundle, model = self._bundle, self._bundle.landmark_model
        picture = Image.fromarray(inputs["image"])
        found = self._boxes(inputs, picture)
        rows = bundle.chain.max_crops
        shapes = {t.name: (t.shape, t.dtype) for t in bundle.outputs}
        out = {name: np.zeros(shape, dtype) for name, (shape, dtype) in shapes.items()}
        assert model.spec.input is not None
        n = 0
        for i in range(min(rows, len(found))):
            marks = None if found.landmarks_xy is None else found.landmarks_xy[i]
            box = found.boxes_xyxy[i]
            cut = crop_of(picture, box, bundle.file.crop, model.spec.input, marks)
            if cut is None:
                continue
            pixels, plan = cut
            given = self._landmarks.infer({"image": pixels})
            points = np.asarray(given["landmarks"], dtype=np.float64).reshape(-1, 2)
            if len(points) != out["landmarks"].shape[2]:
                what = f"{len(points)} points, expected {out['landmarks'].shape[2]}"
                raise ArtifactError("The landmark model breaks its contract", [Problem(what)])
            out["boxes"][0, n], out["scores"][0, n] = box, found.scores[i]
            out["class_ids"][0, n] = found.class_ids[i]
            out["landmarks"][0, n] = plan.image_from_model.points(points)
            if "landmark_scores" in out:
                out["landmark_scores"][0, n] = np.ravel(given["landmark_scores"])
            n += 1
        out["count"][0] = n
        return out

    def _boxes(self, inputs: Mapping[str, Array], picture: Image) -> Detections:
        if self._detector is None:
            rows = {"landmarks": inputs["points"]} if "points" in inputs else {}
            return Detections(inputs["boxes"], inputs["scores"], inputs["class_ids"], rows)
        assert self._bundle.detector is not None
        return detect(self._detector, self._bundle.detector, picture)


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
