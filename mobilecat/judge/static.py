"""What an artifact's file says of its NMS, held to the contract: thresholds that no picture tries.

A picture shows a wrong threshold only where a box lies between the two; the file always does.
"""

from __future__ import annotations

from pathlib import Path

from mobilecat.bundle import ArtifactRecord
from mobilecat.compare.compare import Check, passed
from mobilecat.errors import MobileCatError
from mobilecat.formats.base.nms import PER_CLASS_FLAG, Found
from mobilecat.formats.table import FORMATS
from mobilecat.spec import NmsSpec

NAME = "nms as written"
LINT = "lint"
"""In front of what is written otherwise than in the contract, and equal in effect."""
_CLOSE = 1e-6  # float32 rounds, and TFLite's IoU is the next float above


def check_nms(
    path: Path, record: ArtifactRecord, nms: NmsSpec | None, classes: int = 1
) -> list[Check]:
    """Return a check of what the artifact's file says of its NMS; none where it is not to have one.

    classes: how many there are; with one or none named, `per_class` is not held.
    """
    if nms is None or not _suppresses(record):
        return []
    try:
        found = _written(path, record)
    except (MobileCatError, KeyError, IndexError, AttributeError, TypeError, ValueError) as e:
        reason = e.summary if isinstance(e, MobileCatError) else f"{type(e).__name__}: {e}"
        return [Check("detections", NAME, "NOT_RUN", detail=f"cannot be read: {reason}")]
    wanted = {
        "iou_threshold": nms.iou_threshold,
        "score_threshold": nms.score_threshold,
        "max_detections": float(nms.max_detections),
        "per_class": float(nms.per_class),
    }
    flag = found.pop(PER_CLASS_FLAG)
    lint = ""
    if classes <= 1:
        found["per_class"].clear()
        if flag and flag != {float(nms.per_class)}:
            off = "off" if nms.per_class else "on"
            lint = f"; {LINT}: per_class is {off} in the file, which is the same with one class"
    if nms.selection != "nms":
        found["per_class"].clear()  # at an IoU of 1 it changes nothing
        lint = ""
    if not any(found.values()):
        # At an IoU of 1 nothing is suppressed, and TFLite does without the op.
        ok = nms.iou_threshold >= 1
        return [Check("detections", NAME, passed(ok), detail="the file has no NMS")]
    wrong = [
        f"{name} is {value:.6g}, the contract says {wanted[name]:g}"
        for name, values in found.items()
        for value in sorted(values)
        if abs(value - wanted[name]) > _CLOSE
    ]
    said = ", ".join(
        f"{name} {', '.join(f'{v:.6g}' for v in sorted(values))}"
        for name, values in found.items()
        if values
    )
    detail = ("; ".join(wrong) if wrong else said) + lint
    return [Check("detections", NAME, passed(not wrong), detail=detail)]


def _suppresses(record: ArtifactRecord) -> bool:
    contracts = FORMATS[record.kind].contracts
    return all(c.suppressed for c in contracts if c.name == record.contract)


def _written(path: Path, record: ArtifactRecord) -> Found:
    found: Found = FORMATS[record.kind].nms(path)
    return found
