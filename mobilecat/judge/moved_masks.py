"""How far rounding moves the masks of a network's own detections."""

from __future__ import annotations

from mobilecat.bundle import Bundle
from mobilecat.compare.match import match
from mobilecat.geometry.resize import plan_resize
from mobilecat.judge.observe import Observed
from mobilecat.lanes import decode_outputs
from mobilecat.pictures.masks import off_by


def masks_moved(bundle: Bundle, reference: Observed, shaken: Observed, near: float) -> float | None:
    """Return 1 − IoU of the mask that moves most between the two; None where there are none.

    As a golden holds masks: each detection against the same one of the other, pixels that are
    `near` to 0.5 left out.
    """
    image = bundle.spec.input
    if image is None or not {"masks", "mask_prototypes"} & set(reference.tensors):
        return None
    same = plan_resize(image.size, image.size, "stretch")
    e, s = (decode_outputs(o.tensors, same) for o in (reference, shaken))
    if e.masks is None or s.masks is None:
        return None
    pairs = match(e, s, near=1.0).pairs
    return max((off_by(e.masks, s.masks, i, j, near) for i, j in pairs), default=0.0)
