"""What the engines of a bundle take of one picture, cascades included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.resize import ResizePlan, plan_resize
from mobilecat.graph import Array
from mobilecat.lanes.boxes import read_boxes
from mobilecat.pictures.reading import fit_picture

if TYPE_CHECKING:
    from PIL.Image import Image


def picture_inputs(
    bundle: Bundle, picture: Image, boxes: Path | None = None
) -> tuple[Mapping[str, Array], ResizePlan]:
    """Return (tensors to infer on, how results come back to the picture).

    An ordinary bundle takes the fitted picture. A cascade takes all of it, as its results are in
    picture pixels already, and with it the boxes, where they come from elsewhere.
    Errors: MobileCatError for boxes that are missing, not asked for, or unusable, and for a network
    that has other inputs too.
    """
    space = bundle.chain.boxes if isinstance(bundle, CascadeBundle) else None
    if boxes is not None and space is None:
        raise MobileCatError(
            "Boxes that nobody asked for",
            [Problem(f"{bundle.name} finds its own", "--boxes", "leave --boxes out")],
        )
    if not isinstance(bundle, CascadeBundle):
        assert bundle.spec.input is not None
        _require_a_picture_alone(bundle)
        pixels, plan = fit_picture(picture, bundle.spec.input)
        return {"image": pixels}, plan
    whole = plan_resize(picture.size, picture.size, "stretch")
    tensors = {"image": np.asarray(picture.convert("RGB"), dtype=np.uint8)}
    if space is None:
        return tensors, whole
    if boxes is None:
        raise MobileCatError(
            "This cascade needs boxes",
            [Problem(f'its spec says boxes = "{space}"', bundle.name, "give --boxes FILE.json")],
        )
    turned = bundle.file.crop.rule.rotation
    by = (turned.start, turned.end) if turned else ()
    given = read_boxes(boxes, space, picture.size, bundle.labels, by)
    return {**tensors, **given.tensors()}, whole


def _require_a_picture_alone(bundle: Bundle) -> None:
    fix = "compare its tensors: mobilecat validate DIR --random 3"
    others = [
        Problem(f"input {i.name!r} {'×'.join(map(str, i.shape))} is no picture", bundle.name, fix)
        for i in bundle.inputs
        if i.name != "image"
    ]
    if others:
        raise MobileCatError("This bundle takes more than a picture", others)
