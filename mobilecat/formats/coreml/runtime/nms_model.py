"""The NonMaximumSuppression model: what a Vision detection pipeline ends in.

Source: NonMaximumSuppression.proto in apple/coremltools. Its comment on iouThreshold reads the
wrong way round; what goes is a box whose IoU with a better one is greater than the threshold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed
from mobilecat.formats.coreml.runtime.interface import Feature

Array = npt.NDArray[Any]


class NmsEngine:
    """Confidence [N,C] and boxes [N,4] (centre x, y, width, height) in; the kept rows out.

    A box's class is its best one, first on ties. Kept are confidences strictly above the threshold;
    best first, ties in the order given; a box whose IoU with a kept one is strictly above the
    threshold goes (`perClass`: with a kept one of the same class). Fixed output shapes are filled
    up with zero rows.
    """

    precision = "float32"

    def __init__(self, proto: Any, outputs: Sequence[Feature]) -> None:
        if proto.WhichOneof("SuppressionMethod") == "pickTop":
            self.per_class = bool(proto.pickTop.perClass)
        else:
            self.per_class = False
        self.iou_threshold = float(proto.iouThreshold)
        self.confidence_threshold = float(proto.confidenceThreshold)
        which = proto.WhichOneof("ClassLabels")
        self.labels: list[Any] = list(getattr(proto, which).vector) if which else []
        self._in = (
            proto.confidenceInputFeatureName,
            proto.coordinatesInputFeatureName,
            proto.iouThresholdInputFeatureName,
            proto.confidenceThresholdInputFeatureName,
        )
        self._out = (proto.confidenceOutputFeatureName, proto.coordinatesOutputFeatureName)
        declared = {f.name: f for f in outputs}
        if any(n not in declared for n in self._out):
            raise malformed("the suppression's outputs are not in the description")
        self._rows = _row_limits(declared[self._out[0]])

    @property
    def reads(self) -> tuple[str, str]:
        """The names of the confidence and the coordinates that it reads."""
        return self._in[0], self._in[1]

    @property
    def most(self) -> int | None:
        """How many rows it gives at most, None without a limit."""
        return self._rows[1]

    @property
    def ops(self) -> Counter[str]:
        return Counter({"NonMaximumSuppression": 1})

    def new_state(self) -> dict[str, Array]:
        return {}

    def run(
        self,
        values: Mapping[str, Any],
        taps: Sequence[str],
        state: dict[str, Array] | None,
        given: Mapping[str, Array],
    ) -> dict[str, Any]:
        confidence, boxes = (_matrix(values, n) for n in self._in[:2])
        if boxes.shape != (len(confidence), 4):
            raise malformed(f"coordinates are {boxes.shape}, confidence {confidence.shape}")
        if self.labels and confidence.shape[1] != len(self.labels):
            raise malformed(f"{confidence.shape[1]} classes meet {len(self.labels)} labels")
        least, most = self._rows
        kept = suppress(
            confidence,
            boxes,
            iou_threshold=_threshold(values, self._in[2], self.iou_threshold),
            confidence_threshold=_threshold(values, self._in[3], self.confidence_threshold),
            per_class=self.per_class,
            most=most,
        )
        pad = ((0, max(0, least - len(kept))), (0, 0))
        return {
            self._out[0]: np.pad(confidence[kept], pad),
            self._out[1]: np.pad(boxes[kept], pad),
        }


def suppress(
    confidence: Array,
    boxes: Array,
    *,
    iou_threshold: float,
    confidence_threshold: float,
    per_class: bool,
    most: int | None = None,
) -> Array:
    """Return the indices of the kept boxes, best first. boxes: [N,4], cx, cy, w, h."""
    if not confidence.size:
        return np.zeros(0, np.int64)
    score, label = confidence.max(axis=1), confidence.argmax(axis=1)
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > confidence_threshold]
    kept: list[int] = []
    while len(order) and (most is None or len(kept) < most):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        gone = iou(boxes[best], boxes[rest]) > iou_threshold
        if per_class:
            gone &= label[rest] == label[best]
        order = rest[~gone]
    return np.array(kept, np.int64)


def iou(box: Array, others: Array) -> Array:
    """Return the IoU of one box with each of `others`; all cx, cy, w, h."""
    low = np.maximum(box[:2] - box[2:] / 2, others[:, :2] - others[:, 2:] / 2)
    high = np.minimum(box[:2] + box[2:] / 2, others[:, :2] + others[:, 2:] / 2)
    common = np.prod(np.maximum(high - low, 0), axis=1)
    union = box[2] * box[3] + others[:, 2] * others[:, 3] - common
    ratio: Array = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return ratio


def _row_limits(f: Feature) -> tuple[int, int | None]:
    """Return how many rows come out at least, and at most (None: no limit)."""
    if f.bounds:
        low, high = f.bounds[0]
        return low, None if high < 0 else high
    if f.shape:
        return f.shape[0], f.shape[0]
    return 0, None


def _matrix(values: Mapping[str, Any], name: str) -> Array:
    array = np.asarray(values.get(name, ()), np.float64)
    if array.ndim != 2:
        array = array.reshape(array.shape[-2:]) if array.ndim > 2 else array
    if array.ndim != 2 or array.shape[1] < 1:
        raise malformed(f"{name!r} has shape {list(array.shape)}")
    return array


def _threshold(values: Mapping[str, Any], name: str, default: float) -> float:
    if name and name in values:
        return float(np.asarray(values[name]).reshape(-1)[0])
    return default
