"""Values that no trained detector gives: a spec may be right with itself and wrong with the world.

Every lane of a bundle agrees where the spec says the wrong range or units: all of them do the same.
What comes out is then seldom what a detector gives.
"""

from __future__ import annotations

import numpy as np

from mobilecat.geometry.affine import Affine
from mobilecat.pictures.detections import Detections
from mobilecat.spec import ImageSpec, Spec
from mobilecat.spec.published import differences

_ALIKE = 0.001
_VAST, _SOME = 10, 0.1
"""A box so many times as large as the picture, and the share of boxes that are."""
FEW = 5
"""Of fewer detections nothing is concluded, but that they lie outside."""


def odd_values(
    spec: Spec, found: Detections, model_from_image: Affine, holder: str = "spec"
) -> list[str]:
    """Return a sentence for each oddity; none where detections look like detections.

    found: in pixels of the picture, of which `model_from_image` makes pixels of the model input.
    holder: what says the spec's keys: `spec`, or `bundle`, whose spec may be older than the file.
    """
    n = len(found)
    if spec.input is None or not n:
        return []
    if spec.head.whole_picture:
        return _odd_classes(found)
    said = []
    width, height = spec.input.size
    boxes = model_from_image.boxes_xyxy(found.boxes_xyxy)
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    outside = ((centre < 0) | (centre > (width, height))).any(axis=1)
    full = found.scores > 0.9995
    nms = spec.effective_nms
    if n >= FEW and full.mean() >= 0.5:
        said.append(
            f"{int(full.sum())} of {n} scores are 1.000, as no trained detector's are: "
            f"{_of_values(spec)}"
        )
    elif (vast := int((boxes[:, 2:] - boxes[:, :2] > _VAST * max(width, height)).any(1).sum())) >= (
        _SOME * n
    ):
        said.append(
            f"{vast} of {n} boxes are more than {_VAST} times as large as the picture, as no "
            f"trained detector's are: {_of_values(spec)}"
        )
    if nms is not None and n == nms.max_detections and n >= 4 * FEW:
        said.append(
            f"{n} detections, all that max_detections allows, as of a network that takes other "
            f"values than it gets: {_of_values(spec)}"
        )
    if (sides < 1).mean() >= 0.5:
        many = f"{int((sides < 1).sum())} of {n} boxes"
        said.append(
            f"{many} are under a pixel of the model input: {_of_boxes(spec, 'pixels', holder)}"
        )
    elif outside.mean() >= 0.5:
        many = f"{int(outside.sum())} of {n} boxes"
        said.append(f"{many} lie outside the picture: {_of_boxes(spec, 'normalised', holder)}")
    return said


UNITS = {
    "pixels": "boxes look normalised (0 to 1), and the {holder} says pixels: write "
    'units = "normalised" in [head]',
    "normalised": "boxes look like pixels, and the {holder} says that they are normalised "
    '(0 to 1): write units = "pixels" in [head]',
}
"""What is wrong, by the units that a spec has. holder: of the units: the spec, or the bundle."""


def _of_boxes(spec: Spec, having: str, holder: str) -> str:
    """Say what may be wrong of a head's boxes. having: the units that would explain it."""
    if getattr(spec.head, "units", None) == having:
        return UNITS[having].format(holder=holder)
    keys = [k for k in ("units", "format", "order") if hasattr(spec.head, k)]
    of = f" ({', '.join(f'{k} = {_toml(getattr(spec.head, k))}' for k in keys)})" if keys else ""
    return f'is head "{spec.head.kind}"{of} right for this network?'


def _of_values(spec: Spec) -> str:
    """Say what may be wrong of the values that a network is fed."""
    known = next((d for d in differences(spec) if d.key == "range"), None)
    if known is not None:
        return known.said
    assert spec.input is not None
    low, high = spec.input.range
    also = [k for k in ("mean", "std") if getattr(spec.input, k) != (0 if k == "mean" else 1)]
    besides = f" (with its {' and '.join(also)})" if also else ""
    return (
        f"is range = [{low:g}, {high:g}]{besides} of [input] what it was trained on, and is head "
        f'"{spec.head.kind}" right?'
    )


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _odd_classes(found: Detections) -> list[str]:
    low, high = float(found.scores.min()), float(found.scores.max())
    if len(found) < FEW or high - low >= _ALIKE:
        return []
    return [
        f"the best {len(found)} classes score alike ({high:.3f}): is the network trained, and are "
        "`range`, `mean` and `std` right?"
    ]


def assumed(image: ImageSpec) -> str:
    """Return the preprocessing that a spec stands for, in one line."""
    low, high = image.range
    parts = [f"{image.color}, 0..255 becomes {low:g}..{high:g}"]
    if any(image.per_channel(image.mean)):
        parts.append(f"minus {_numbers(image.per_channel(image.mean))}")
    if any(v != 1 for v in image.per_channel(image.std)):
        parts.append(f"divided by {_numbers(image.per_channel(image.std))}")
    return ", ".join([*parts, f"{image.resize} to {image.size[0]}×{image.size[1]}"])


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in dict.fromkeys(values))
