"""A picture through any runner, and its tensors as detections in the picture's pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture
from mobilecat.rows import SHOWN
from mobilecat.spec import RawHead

if TYPE_CHECKING:
    from PIL.Image import Image


def detect(runner: Runner, bundle: Bundle, picture: Image) -> Detections:
    """Return what `runner` finds in `picture`, in the picture's pixels.

    Errors: MobileCatError for a bundle without picture input or decoded head.
    """
    spec = bundle.spec
    if spec.input is None or isinstance(spec.head, RawHead):
        raise MobileCatError(
            "This bundle gives tensors, not detections",
            [Problem("its head is raw", bundle.name, "name a head in the spec and export again")],
        )
    pixels, plan = fit_picture(picture, spec.input)
    return decode_outputs(runner.infer({"image": pixels}), plan)


def decode_outputs(outputs: Mapping[str, Array], plan: ResizePlan) -> Detections:
    """Return the tensor contract's outputs as detections in source-picture pixels.

    Rows from `count` on are padding and never read. ArtifactError where `count` is no row number.
    """
    count = int(np.asarray(outputs["count"]).reshape(-1)[0])
    rows = outputs["scores"].reshape(-1).shape[0]
    if not 0 <= count <= rows:
        raise ArtifactError(
            "The outputs contradict each other",
            [Problem(f"count is {count}, but there are {rows} rows")],
        )
    boxes = np.asarray(outputs["boxes"], dtype=np.float64).reshape(rows, 4)[:count]
    image_from_model = plan.image_from_model
    carried = {
        row.name: row.placed(image_from_model, row.rows(outputs[row.name], rows)[:count])
        for row in SHOWN
        if row.name in outputs
    }
    return Detections(
        image_from_model.boxes_xyxy(boxes),
        np.asarray(outputs["scores"], dtype=np.float64).reshape(-1)[:count],
        np.asarray(outputs["class_ids"], dtype=np.int64).reshape(-1)[:count],
        carried,
    )
