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
from mobilecat.heads.reference.masks import assembled
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.masks import Masks, model_from_mask
from mobilecat.pictures.reading import fit_picture
from mobilecat.rows import ROWS, SHOWN
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
        _masks(outputs, boxes, plan),
    )


def _masks(outputs: Mapping[str, Array], boxes: Array, plan: ResizePlan) -> Masks | None:
    """Return the masks of the first rows; made here where an artifact leaves them to the app.

    boxes: (n,4) of these rows, in pixels of the model input.
    """
    n = len(boxes)
    if "masks" in outputs:
        made = np.asarray(outputs["masks"])
        made = made.reshape(-1, *made.shape[-2:])[:n]
    elif "mask_prototypes" in outputs and "mask_coefficients" in outputs:
        factors = ROWS["mask_coefficients"].rows(
            outputs["mask_coefficients"], outputs["scores"].reshape(-1).shape[0]
        )
        prototypes = np.asarray(outputs["mask_prototypes"])
        made = assembled(factors[:n], prototypes.reshape(prototypes.shape[-3:]), boxes, plan.dst_wh)
    elif "class_map" in outputs:
        found = np.asarray(outputs["class_map"])
        ids = np.asarray(outputs["class_ids"]).reshape(-1)[:n]
        made = found.reshape(-1, *found.shape[-2:]) == ids[:, None, None]
    else:
        return None
    in_model = model_from_mask(plan.dst_wh, (made.shape[2], made.shape[1]))
    return Masks(made.astype(np.float32), plan.image_from_model @ in_model)
