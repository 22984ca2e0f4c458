"""Suppression as an operator: `mobilecat::NMS`, which every target has a form of.

The kernel keeps what scores above its threshold, best first, and lets a box go whose IoU with a
kept one is at its threshold or above; it knows no classes, and reads corners in any order.
Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/kernels/internal/reference/non_max_suppression.h
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.read.op import Call, Given, Refused, reads
from mobilecat.graph import MOBILECAT_DOMAIN

NMS = "NMS"


@reads("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def read_nms(call: Call) -> list[Given]:
    g, soft = call.g, call.op.code.endswith("V5")
    count = call.shape(0)[0] if call.rank(0) == 2 else 0
    most = call.ints(2, "count")[0]
    iou, least = (float(call.needs(i, "threshold").reshape(())) for i in (3, 4))
    if soft and float(call.needs(5, "sigma").reshape(())) != 0:
        raise Refused("soft suppression, which changes scores")
    if call.shape(0) != (count, 4) or call.shape(1) != (count,) or not 0 < most <= 1 << 16:
        raise Refused(f"boxes {list(call.shape(0))}, scores {list(call.shape(1))}, {most} at most")
    if not 0 < iou <= 1 + 1e-6:
        raise Refused(f"an IoU threshold of {iou}")
    rows = g.op("Reshape", call.x(0), np.array([1, count, 4], np.int64))
    one, other = g.ops("Split", 2, rows, np.array([2, 2], np.int64), axis=2)
    boxes = g.op("Concat", g.op("Min", one, other), g.op("Max", one, other), axis=2)
    scores = g.op("Reshape", call.x(1), np.array([1, count, 1], np.int64))
    _, best, _, indices, total = g.ops(
        NMS, 5, boxes, scores,
        domain=MOBILECAT_DOMAIN,
        score_threshold=least,
        iou_threshold=float(np.nextafter(np.float32(iou), np.float32(0))),
        max_detections=most,
        per_class=0,
    )  # fmt: skip
    kept = g.op("Reshape", indices, np.array([most], np.int64))
    found: list[Given] = [kept]
    if soft:
        found.append(g.op("Reshape", best, np.array([most], np.int64)))
    return [*found, g.op("Reshape", total, np.array([], np.int64))]
