"""From a suppression back to the tables that its boxes and scores come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import const_of, opt_input, shape_of

_BY_DATA = ("NonMaxSuppression", "NonZero", "Loop", "If", "Scan", "Unique", "Compress")
_MOVES = ("Identity", "Unsqueeze", "Squeeze", "Transpose", "Cast", "Reshape", "Flatten")
_PICKS = ("Gather", "Slice", "Split")
_COMPARES = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
_BEST = ("ReduceMax", "ArgMax", "Max")
_USUAL_MOST = 100
_MOST = 1000


@dataclass(frozen=True)
class Whole:
    """boxes, scores: the tables, None where there is not one of each. columns: of the scores that
    are read, none where all are. fringe: what enters the part whose sizes depend on data.
    thresholds: that scores are compared with. swapped: whether x and y change places on the way,
    as they do where boxes with x first are given to a suppression in TensorFlow's order."""

    boxes: ir.Value | None
    scores: ir.Value | None
    columns: tuple[int, ...]
    fringe: tuple[ir.Value, ...]
    thresholds: tuple[float, ...]
    swapped: bool = False


@dataclass(frozen=True)
class Suppression:
    """What a spec calls [nms]."""

    iou_threshold: float
    score_threshold: float
    max_detections: int
    per_class: bool


def suppressing(model: ir.Model) -> list[ir.Node]:
    """Return the suppressions of a network, those inside branches too."""
    nodes = ir.traversal.RecursiveGraphIterator(model.graph)
    return [n for n in nodes if n.op_type == "NonMaxSuppression" and not n.domain]


def boxes_and_scores(model: ir.Model, nodes: Sequence[ir.Node]) -> Whole:
    """Return where boxes and scores are whole, before the suppressing nodes."""
    fringe = _fringe(model)
    picked: dict[ir.Value, set[int]] = {}
    thresholds: list[float] = []
    for value in fringe:
        table, column = _back(value, thresholds)
        picked.setdefault(table, set()).update(column)
    tables = {v: c for v, c in picked.items() if _rows(v) > 1}
    boxes = [v for v in tables if shape_of(v)[-1:] == (4,)]
    scores = [v for v in tables if v not in boxes]
    if len(boxes) == 2 and not scores:  # four classes: the suppression tells them apart
        last = _back(nodes[0].inputs[1], [])[0]  # type: ignore[arg-type]
        scores = [v for v in boxes if v is last]
        boxes = [v for v in boxes if v is not last]
    swapped = [v for v in boxes if _swapped(v) in boxes]
    boxes = [v for v in boxes if v not in swapped]
    fits = len(boxes) == len(scores) == 1 and _table(scores[0], _count(boxes[0]))
    if not fits or not all(_unchanged(n, [*boxes, *swapped], scores, fringe) for n in nodes):
        return Whole(None, None, (), tuple(fringe), ())
    columns = tuple(sorted(tables[scores[0]]))
    found = boxes[0], scores[0], columns, tuple(fringe), tuple(thresholds)
    return Whole(*found, swapped=bool(swapped))


def _unchanged(
    node: ir.Node,
    boxes: Sequence[ir.Value],
    scores: Sequence[ir.Value],
    fringe: Sequence[ir.Value],
) -> bool:
    """Whether what a suppression is given is those boxes and scores, only chosen among and moved.

    Some decode boxes after they have chosen: what enters is then no boxes, though it looks so.
    """
    for index, tables in ((0, boxes), (1, scores)):
        ends = {v for v in fringe if _back(v, [])[0] in tables}
        if not _leads(opt_input(node, index), ends, {}):
            return False
    return True


def _leads(value: ir.Value | None, ends: set[ir.Value], known: dict[ir.Value, bool]) -> bool:
    """Whether a value is made of `ends` alone, by ops that choose and move."""
    if value is None or value in ends:
        return value is not None
    node = value.producer()
    if node is None:
        return False
    if value not in known:
        known[value] = False
        if node.op_type in (*_MOVES, *_PICKS, *_BEST, "GatherND", "GatherElements", "Clip", "TopK"):
            known[value] = _leads(opt_input(node, 0), ends, known)
        elif node.op_type == "Concat":
            known[value] = all(_leads(v, ends, known) for v in node.inputs)
        elif node.op_type == "Add":  # classes moved apart: by a column, not by boxes
            sides = [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
            known[value] = any(_is_column(b) and _leads(a, ends, known) for a, b in sides)
    return known[value]


def _is_column(value: ir.Value | None) -> bool:
    if value is None:
        return False
    if value.shape is not None and len(value.shape) and isinstance(value.shape[-1], int):
        return value.shape[-1] == 1
    maker = value.producer()
    return maker is not None and maker.op_type == "Unsqueeze"


def _swapped(value: ir.Value) -> ir.Value | None:
    """Return the boxes x1, y1, x2, y2 that a value has as y1, x1, y2, x2."""
    node = value.producer()
    if node is None or node.op_type != "Gather":
        return None
    order = const_of(opt_input(node, 1))
    if order is None or order.reshape(-1).tolist() != [1, 0, 3, 2] or node.inputs[0] is None:
        return None
    return _back(node.inputs[0], [])[0]


def _fringe(model: ir.Model) -> list[ir.Value]:
    """Return the values of known size that are read where sizes depend on data."""
    by_input: set[ir.Value] = set(model.graph.inputs)
    unknown: set[ir.Value] = set()
    found: dict[ir.Value, None] = {}
    for node in model.graph:
        read = [v for v in node.inputs if v is not None]
        loose = node.op_type in _BY_DATA or any(v in unknown for v in read)
        loose = loose or not all(_known(v) for v in node.outputs)
        if loose:
            entering = (v for v in read if v in by_input and v not in unknown and _known(v))
            found |= dict.fromkeys(entering)
            unknown.update(node.outputs)
        if any(v in by_input or v in unknown for v in read):
            by_input.update(node.outputs)
    return list(found)


def _back(value: ir.Value, thresholds: list[float]) -> tuple[ir.Value, set[int]]:
    """Return the table that a value is moved or picked from, and which of its columns it is."""
    columns: set[int] = set()
    while (node := value.producer()) is not None:
        source = node.inputs[0] if node.inputs else None
        if source is None or not _known(source):
            break
        if _is_boxes(value) and node.op_type not in ("Identity", "Cast", "Unsqueeze", "Squeeze"):
            before = _without_class_offset(node)
            if before is None:
                break
            value = before
        elif node.op_type in _MOVES or (node.op_type in _BEST and len(node.inputs) < 3):
            if node.op_type == "Reshape" and _sides(source) != _sides(value):
                break
            value = source
        elif node.op_type in _COMPARES:
            limit = const_of(opt_input(node, 1))
            if limit is None or limit.size != 1:
                break
            thresholds.append(float(limit.reshape(-1)[0]))
            value = source
        elif node.op_type in _PICKS and len(_sides(value)) == 1 and len(_sides(source)) == 2:
            columns |= _column(node, value)
            value = source
        else:
            break
    return value, columns


def _is_boxes(value: ir.Value) -> bool:
    return shape_of(value)[-1:] == (4,) and len(_sides(value)) == 2


def _without_class_offset(node: ir.Node) -> ir.Value | None:
    """Return the boxes of `boxes + class · far`, which keeps classes apart in one suppression."""
    if node.op_type != "Add" or len(node.inputs) != 2:
        return None
    for mine, other in ((0, 1), (1, 0)):
        boxes, offset = node.inputs[mine], node.inputs[other]
        if boxes is not None and offset is not None and _from_a_class(offset) and _is_boxes(boxes):
            return boxes
    return None


def _from_a_class(value: ir.Value) -> bool:
    """Whether a value is a class's number times a constant."""
    for _ in range(8):
        node = value.producer()
        if node is None or not node.inputs or node.inputs[0] is None:
            return False
        if node.op_type == "ArgMax":
            return True
        if node.op_type not in (*_MOVES, "Mul", "Expand", "Gather"):
            return False
        first = node.inputs[0]
        second = opt_input(node, 1)
        value = second if const_of(first) is not None and second is not None else first
    return False


def _column(node: ir.Node, value: ir.Value) -> set[int]:
    """Return which column of a table a node picks, where a constant says so."""
    if node.op_type == "Split":
        return {list(node.outputs).index(value)}
    index = const_of(opt_input(node, 1))
    return set() if index is None else {int(index.reshape(-1)[0])}


def _known(value: ir.Value) -> bool:
    return value.shape is not None and value.shape.is_static()


def _sides(value: ir.Value) -> tuple[int, ...]:
    return tuple(d for d in shape_of(value) if d != 1)


def _rows(value: ir.Value) -> int:
    return max(_sides(value), default=1)


def _count(boxes: ir.Value) -> int:
    return next((d for d in reversed(shape_of(boxes)[:-1]) if d != 1), 1)


def _table(scores: ir.Value, count: int) -> bool:
    """Whether scores are [N], [N,C] or [C,N]."""
    sides = _sides(scores)
    return count in sides and len(sides) in (1, 2)


def suppression(model: ir.Model, nodes: Sequence[ir.Node], whole: Whole) -> Suppression:
    """Return what the nodes say: IoU, the threshold of scores, how many, and whether by class."""
    iou = max(_number(n, 3, 0.0) for n in nodes)
    score = max([_number(n, 4, 0.0) for n in nodes] + [t for t in whole.thresholds if t < 1])
    each = int(max(_number(n, 2, 0.0) for n in nodes))
    most = _kept(model, nodes) or (each if 0 < each <= _MOST else _USUAL_MOST)
    apart = len(nodes) > 1 or any(_by_class(n) for n in nodes)
    iou, score = min(max(iou, 0.0), 1.0), min(max(score, 0.0), 1.0)
    return Suppression(round(iou, 6), round(score, 6), most, apart)


def _number(node: ir.Node, index: int, otherwise: float) -> float:
    """Return an input that is one number, also a branch's own constant, which nothing folded."""
    value = opt_input(node, index)
    while value is not None and (found := const_of(value)) is None:
        maker = value.producer()
        if maker is None or maker.op_type not in (*_MOVES, "Constant"):
            return otherwise
        if maker.op_type == "Constant":
            held = maker.attributes.get("value")
            found = held.as_tensor().numpy() if held is not None else None
            break
        value = opt_input(maker, 0)
    else:
        found = const_of(value)
    return float(np.asarray(found).reshape(-1)[0]) if found is not None else otherwise


def _by_class(node: ir.Node) -> bool:
    """Whether a suppression leaves classes alone: it has their scores, or moves them apart."""
    scores = opt_input(node, 1)
    shape = scores.shape if scores is not None else None
    if shape is not None and len(shape) == 3 and isinstance(shape[1], int) and shape[1] > 1:
        return True
    value = opt_input(node, 0)
    for _ in range(6):
        maker = value.producer() if value is not None else None
        if maker is None or maker.op_type == "Add":
            return maker is not None
        value = opt_input(maker, 0)
    return False


def _kept(model: ir.Model, nodes: Sequence[ir.Node]) -> int:
    """Return how many rows are kept at most behind the suppression: `kept[:300]`; 0 if unknown."""
    outer = [n for n in model.graph if n in nodes or _holds(n, nodes)]
    seen: set[ir.Value] = {v for n in outer for v in n.outputs}
    waiting = list(seen)
    while waiting:
        for user, _ in waiting.pop(0).uses():
            if user.op_type == "Slice" and user.inputs[0] in seen:
                start, end = (const_of(opt_input(user, i)) for i in (1, 2))
                if start is not None and end is not None and start.size == 1 and not start.any():
                    most = int(end.reshape(-1)[0])
                    if 3 < most <= _MOST:
                        return most
            fresh = [v for v in user.outputs if v not in seen]
            seen.update(fresh)
            waiting += fresh
    return 0


def _holds(node: ir.Node, inner: Sequence[ir.Node]) -> bool:
    """Whether a node's branches hold one of the nodes."""
    graphs = [a.as_graph() for a in node.attributes.values() if a.type == ir.AttributeType.GRAPH]
    return any(n in inner for g in graphs for n in ir.traversal.RecursiveGraphIterator(g))
