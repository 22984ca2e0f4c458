"""`mobilecat::NMS` without a loop, with the meaning of `mobilecat.bake.nms`, and a flag of that.

    keys     the scores of boxes above the threshold, in falling order, ties by rising index; the
             first K of them
    beats    K × K: i comes before j, overlaps it, and is of its class
    kept₀    all that are above the threshold;  keptₜ₊₁ = those of them that no box of keptₜ beats

Where two rounds are equal, kept is what greedy suppression keeps: the first box is right from the
start, and each round settles at least the next one.

The flag, `settled`, is 1 where the last two rounds were equal, and where no box beyond the first K
could have counted; else 0, and the result may hold boxes that should have been suppressed.

No loop, no argmax, no float16: docs/coreai.md says what is reported of those on devices. The order
of ranks comes from a scan, since two constant ranges would be compared beforehand and lie in the
file as K × K bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.build import Build, Var
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, lowers
from mobilecat.graph import attr, shape_of

CANDIDATES = 1000
"""K: how many boxes above the threshold can compete; more, where a spec asks for more results."""
ROUNDS = 24
"""The longest chain of boxes, each suppressing the next, that settles."""
_TINY = np.finfo(np.float32).tiny


def _problem(node: ir.Node) -> str | None:
    iou, count = attr(node, "iou_threshold", 0.5), attr(node, "max_detections", 1)
    if not 0 <= iou <= 1:
        return f"iou_threshold {iou} is not within 0 and 1"
    if count < 1:
        return f"max_detections {count} is below 1"
    boxes = node.inputs[0]
    assert boxes is not None
    rivals = _rivals(shape_of(boxes)[1], count)
    return None if rivals <= 4 * CANDIDATES else f"a table of {rivals} × {rivals} overlaps"


def _rivals(boxes: int, wanted: int) -> int:
    return min(boxes, max(CANDIDATES, wanted))


@lowers("mobilecat::NMS", types=NUMBERS, check=_problem)
def lower_nms(n: Node) -> list[Var]:
    """boxes [1,N,4] xyxy, scores [1,N,C] → boxes [1,M,4], scores, class_ids, indices [1,M], count
    [1]; rows ≥ count are zero. `Build.settled` becomes the flag."""
    b = n.build
    _, count, classes = n.shape(1)
    wanted = n.attr("max_detections", 1)
    rivals = _rivals(count, wanted)
    threshold = np.float32(n.attr("score_threshold", 0.0))

    boxes = b.reshape(n.x(0), (count, 4))
    best, ids = _best_class(b, b.reshape(n.x(1), (count, classes)))
    above = b.greater(best, threshold)
    order = b.first(b.falling(b.where(above, best, threshold)), rivals)
    rows = b.gather(boxes, order)
    valid = b.cast(b.greater(b.gather(best, order), threshold), np.float32)
    beats = _overlaps(b, rows, np.float32(n.attr("iou_threshold", 0.5)))
    beats = b.both(beats, _before(b, rivals))
    if ids is not None and n.attr("per_class", 0):
        beats = b.both(beats, _pairs(b, b.equal, b.gather(ids, order)))
    kept, stable = _greedy(b, valid, b.cast(beats, np.float32))

    total = b.reduce("sum", kept, [0])
    b.settled = _settled(b, stable, above, total, rivals, wanted)
    places = b.falling(kept)
    if wanted < rivals:
        places = b.first(places, wanted)
    found = b.greater(b.gather(kept, places), np.float32(0))
    indices = b.where(found, b.gather(order, places), np.int32(0))
    missing = wanted - min(wanted, rivals)
    found, indices = (b.pad(v, [(0, missing)]) for v in (found, indices))

    kept_boxes = b.where(b.reshape(found, (wanted, 1)), b.gather(boxes, indices), np.float32(0))
    kept_ids = b.mul(indices, np.int32(0)) if ids is None else b.gather(ids, indices)
    return [
        b.reshape(kept_boxes, (1, wanted, 4)),
        b.reshape(b.where(found, b.gather(best, indices), np.float32(0)), (1, wanted)),
        b.reshape(b.where(found, kept_ids, np.int32(0)), (1, wanted)),
        b.reshape(indices, (1, wanted)),
        b.minimum(b.cast(total, np.int32), np.int32(wanted)),
    ]


def _best_class(b: Build, scores: Var) -> tuple[Var, Var | None]:
    """Return each box's score and class, the first of equals; no class where there is only one."""
    count, classes = (int(d) for d in scores.type.shape)
    if classes == 1:
        return b.reshape(scores, (count,)), None
    best = b.reduce("max", scores, [1])
    countdown = np.arange(classes, 0, -1, dtype=np.float32)
    left = b.reduce(
        "max", b.where(b.equal(scores, best), countdown, np.float32(1)), [1], keep=False
    )
    ids = b.cast(b.sub(np.float32(classes), left), np.int32)
    return b.reshape(best, (count,)), ids


def _pairs(b: Build, op: Callable[[Var, Var], Var], x: Var) -> Var:
    """Return op(x[i], x[j]) for every row i and column j."""
    size = int(x.type.shape[0])
    return op(b.reshape(x, (size, 1)), b.reshape(x, (1, size)))


def _before(b: Build, count: int) -> Var:
    """Return whether i < j."""
    ranks = b.op("scan", np.ones(count, np.float32), np.uint32(0), np.False_)
    return _pairs(b, b.less, ranks)


def _overlaps(b: Build, boxes: Var, iou_threshold: np.float32) -> Var:
    """Return whether the IoU of boxes i and j is above the threshold, in the order of operations of
    heads/reference/nms.py; boxes without area overlap nothing."""
    count = int(boxes.type.shape[0])
    x1, y1, x2, y2 = (b.reshape(b.take(boxes, 1, range(k, k + 1)), (count,)) for k in range(4))
    zero = np.float32(0)
    width = b.maximum(b.sub(_pairs(b, b.minimum, x2), _pairs(b, b.maximum, x1)), zero)
    height = b.maximum(b.sub(_pairs(b, b.minimum, y2), _pairs(b, b.maximum, y1)), zero)
    inter = b.mul(width, height)
    area = b.mul(b.sub(x2, x1), b.sub(y2, y1))
    union = b.sub(_pairs(b, b.add, area), inter)
    return b.greater(b.div(inter, b.maximum(union, _TINY)), iou_threshold)


def _greedy(b: Build, valid: Var, beats: Var) -> tuple[Var, Var]:
    """Return which rows are kept [K], 1 or 0, and whether the last round changed nothing [1]."""
    count = int(valid.type.shape[0])
    kept, before = valid, valid
    for _ in range(min(ROUNDS, count)):
        before = kept
        hits = b.reshape(b.matmul(b.reshape(kept, (1, count)), beats), (count,))
        kept = b.where(b.greater(hits, np.float32(0)), np.float32(0), valid)
    changed = b.reduce("max", b.op("abs_", b.sub(kept, before)), [0])
    return kept, b.less(changed, np.float32(0.5))


def _settled(b: Build, stable: Var, above: Var, total: Var, rivals: int, wanted: int) -> Var:
    """Return 1 or 0: the rounds came to rest, and there are enough results or no boxes left out."""
    whole = stable
    if rivals < int(above.type.shape[0]):
        number = b.reduce("sum", b.cast(above, np.float32), [0])
        enough = b.greater(total, np.float32(wanted - 0.5))
        whole = b.both(stable, b.either(enough, b.less(number, np.float32(rivals + 0.5))))
    return b.cast(whole, np.int32)
