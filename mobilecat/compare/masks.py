"""The masks of matched detections, by their IoU."""

from __future__ import annotations

from collections.abc import Sequence

from mobilecat.compare.compare import Check, passed
from mobilecat.compare.tolerances import Limits
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.masks import off_by


def compare_masks(
    expected: Detections,
    got: Detections,
    pairs: Sequence[tuple[int, int]],
    limits: Limits,
    against: str,
) -> list[Check]:
    """Return the check `masks`: 1 − IoU of the pair that is worst; none where neither has masks.

    Pixels that are within the score tolerance of 0.5 are rounding's, as borderline scores are.
    """
    e, g = expected.masks, got.masks
    if e is None and g is None:
        return []
    if e is None or g is None or e.grid_wh != g.grid_wh:
        said = " and ".join("none" if m is None else "{}×{}".format(*m.grid_wh) for m in (g, e))
        detail = f"masks of {said}: got and expected"
        return [Check("detections", "masks", "FAIL", None, limits.masks, detail, against)]
    if not e.image_from_mask.isclose(g.image_from_mask, 1e-6):
        detail = f"{g.image_from_mask}, expected {e.image_from_mask}"
        return [Check("detections", "masks", "FAIL", None, limits.masks, detail, against)]
    values = [off_by(e, g, i, j, limits.scores) for i, j in pairs]
    worst = max(range(len(values)), key=values.__getitem__)
    value, row = values[worst], pairs[worst][0]
    box = " ".join(f"{v:.1f}" for v in expected.boxes_xyxy[row])
    detail = f"IoU {1 - value:.6f} of class {expected.class_ids[row]} at {box}"
    held = passed(value <= limits.masks)
    return [Check("detections", "masks", held, value, limits.masks, detail, against, value)]
