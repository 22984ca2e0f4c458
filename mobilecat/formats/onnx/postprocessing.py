"""A network that suppresses its own boxes: cut where boxes and scores are whole.

What a `NonMaxSuppression` gives is as long as the picture wills, which no target has a form of. The
values that enter that part of the graph, `fringe`, are followed back through what only moves or
selects them; where they come from one table of boxes and one of scores, the graph ends there, in
rows as YOLOv8 has them: [1,N,4+C], centre x and y, width, height, scores.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.notes import CUT_KEY, add_notes
from mobilecat.formats.onnx.back import (
    Suppression,
    boxes_and_scores,
    suppressing,
    suppression,
)
from mobilecat.formats.onnx.input_shapes import Shapes
from mobilecat.graph import shape_of
from mobilecat.graph.passes.fold import fold_constants, fold_shapes
from mobilecat.graph.passes.shapes import infer_shapes

ROWS = "boxes_and_scores"
_MOST_ROUNDS = 12
_SHOWN = 12


@dataclass(frozen=True)
class Cut:
    """boxes, scores: where the graph was cut. form: xyxy, yxyx or cxcywh. The rest is [nms]'s."""

    boxes: str
    scores: str
    form: str
    classes: int
    iou_threshold: float
    score_threshold: float
    max_detections: int
    per_class: bool


def without_postprocessing(proto: onnx.ModelProto, shapes: Shapes, path: Path) -> onnx.ModelProto:
    """Return the model cut before its suppression, its rows as one output `rows`, and a note.

    A picture without a leading dimension, [3,H,W], is given one. Sizes must be known: where they
    are not, the model is returned as it is.
    Errors: ModelError naming the values between which it may be cut by hand.
    """
    held = proto.SerializeToString()
    made = _cut_of(held, tuple(sorted((k, tuple(v)) for k, v in shapes.items())), path)
    return proto if made is None else onnx.ModelProto.FromString(made)


@lru_cache(maxsize=2)
def _cut_of(
    data: bytes, shapes: tuple[tuple[str, tuple[int, ...]], ...], path: Path
) -> bytes | None:
    """Return the cut model, kept for the next who asks: it is read for its inputs, its graph and
    its own engine."""
    model = _folded(onnx.ModelProto.FromString(data), dict(shapes))
    if model is None:
        return None
    nodes = suppressing(model)
    if not nodes:
        return None
    found = boxes_and_scores(model, nodes)
    if found.boxes is None or found.scores is None:
        raise _by_hand(found.fringe, path)
    said = suppression(model, nodes, found)
    form = "xyxy" if found.swapped else _form(nodes[0], model.producer_name or "")
    cut = _cut(model, found.boxes, found.scores, found.columns, form, said)
    entry = json.dumps(asdict(cut))
    _batched(model)
    add_notes(model.metadata_props, [_note(cut)])
    model.metadata_props[CUT_KEY] = entry
    return bytes(ir.to_proto(model).SerializeToString())


def _folded(proto: onnx.ModelProto, shapes: Shapes) -> ir.Model | None:
    """Return the model with sizes fixed and all that follows from them folded; None where open."""
    model = ir.from_proto(proto)
    for value in model.graph.inputs:
        given = shapes.get(value.name or "")
        if given is not None:
            single = value.shape is not None and len(value.shape) == len(given) - 1
            value.shape = ir.Shape(given[1:] if single else given)
        elif value.shape is not None and len(value.shape) and not isinstance(value.shape[0], int):
            value.shape = ir.Shape([1, *value.shape[1:]])
        if value.shape is None or not value.shape.is_static():
            return None
    for value in (v for node in model.graph for v in node.outputs):
        value.shape = None
    for _ in range(_MOST_ROUNDS):
        infer_shapes(model)
        if not any([fold_shapes(model), fold_constants(model)]):
            break
    return model


def _form(node: ir.Node, producer: str) -> str:
    """Return how boxes are written: NonMaxSuppression takes corners in any order, TensorFlow's
    exporters write y first, all others x."""
    centre = node.attributes.get("center_point_box")
    if centre is not None and centre.as_int():
        return "cxcywh"
    return "yxyx" if producer.startswith(("tf2onnx", "tensorflow")) else "xyxy"


_TO_CENTRES = {
    "xyxy": [[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]],
    "yxyx": [[0, 0.5, 0, -1], [0.5, 0, -1, 0], [0, 0.5, 0, 1], [0.5, 0, 1, 0]],
    "cxcywh": np.eye(4).tolist(),
}


def _cut(
    model: ir.Model,
    boxes: ir.Value,
    scores: ir.Value,
    columns: Sequence[int],
    form: str,
    said: Suppression,
) -> Cut:
    """End the graph in rows [1,N,4+C].

    Given:   boxes [N,4], scores [N,C+1] of which columns 1 … C are read
    Result:  Concat(MatMul(Reshape(boxes), to centres), Gather(Reshape(scores), columns))
    """
    count = next(d for d in reversed(shape_of(boxes)[:-1]) if d != 1)
    names = boxes.name or "", scores.name or ""
    shape = [d for d in shape_of(scores) if d != 1]
    value = scores
    if len(shape) == 2 and shape[0] != count:
        value = _node(model, "Reshape", [value, _const(model, [1, *shape])], "scores_flat")
        value = _node(model, "Transpose", [value], "scores_rows", perm=[0, 2, 1])
        classes = shape[0]
    else:
        classes = shape[1] if len(shape) == 2 else 1
        value = _node(model, "Reshape", [value, _const(model, [1, count, classes])], "scores_rows")
    if columns and list(columns) != list(range(classes)):
        value = _node(model, "Gather", [value, _const(model, columns)], "scores_read", axis=2)
        classes = len(columns)
    corner = _node(model, "Reshape", [boxes, _const(model, [1, count, 4])], "boxes_rows")
    matrix = _const(model, np.array(_TO_CENTRES[form], np.float32))
    centres = _node(model, "MatMul", [corner, matrix], "boxes_centres")
    rows = _node(model, "Concat", [centres, value], ROWS, axis=2)
    rows.shape = ir.Shape([1, count, 4 + classes])
    rows.type = ir.TensorType(ir.DataType.FLOAT)
    model.graph.outputs.clear()
    model.graph.outputs.append(rows)
    _drop_unread(model)
    nms = asdict(said)
    return Cut(*names, form, classes, **nms)


def _node(
    model: ir.Model, op: str, inputs: Sequence[ir.Value], name: str, **attributes: object
) -> ir.Value:
    taken = {v.name for n in model.graph for v in n.outputs}
    free = name if name not in taken else f"{name}_cut"
    out = ir.Value(name=free)
    node = ir.node(op, inputs, attributes, outputs=[out], name=f"mobilecat_{free}")  # type: ignore[arg-type]
    model.graph.append(node)
    return out


def _const(model: ir.Model, values: Sequence[int] | np.ndarray) -> ir.Value:
    array = np.asarray(values, None if isinstance(values, np.ndarray) else np.int64)
    name = f"mobilecat_cut_{len(model.graph.initializers)}"
    value = ir.Value(
        name=name,
        const_value=ir.tensor(array, name=name),
        shape=ir.Shape(array.shape),
        type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
    )
    model.graph.register_initializer(value)
    return value


def _drop_unread(model: ir.Model) -> None:
    outputs = set(model.graph.outputs)
    for node in reversed(list(model.graph)):
        if all(v not in outputs and not v.uses() for v in node.outputs):
            model.graph.remove(node, safe=True)
    for name, value in list(model.graph.initializers.items()):
        if not value.uses() and value not in outputs:
            del model.graph.initializers[name]


def _batched(model: ir.Model) -> None:
    """Let a picture [3,H,W] be [1,3,H,W]: torchvision's detectors take a list of them."""
    for i, value in enumerate(tuple(model.graph.inputs)):
        dims = shape_of(value)
        if len(dims) != 3 or dims[0] not in (1, 3):
            continue
        name = value.name or "image"
        batched = ir.Value(name=name, shape=ir.Shape([1, *dims]), type=value.type)
        squeezed = ir.Value(name=f"{name}_single")
        axes = _const(model, [0])
        node = ir.node("Squeeze", [batched, axes], outputs=[squeezed], name="mobilecat_single")
        for user, index in tuple(value.uses()):
            user.replace_input_with(index, squeezed)
        model.graph.inputs[i] = batched
        model.graph.insert_before(model.graph[0], node)


def _note(cut: Cut) -> str:
    kind = "per class" if cut.per_class else "over all classes"
    return (
        f"the file's own suppression was cut off, at {cut.boxes!r} ({cut.form}) and "
        f"{cut.scores!r}: {cut.classes} classes; it has iou_threshold = {cut.iou_threshold:.4g}, "
        f"score_threshold = {cut.score_threshold:.4g}, max_detections = {cut.max_detections}, "
        f'{kind}. Its rows are those of [head] kind = "yolov8", layout = "rows-first"'
    )


def _by_hand(fringe: Sequence[ir.Value], path: Path) -> ModelError:
    listed = [f"{v.name} {list(shape_of(v))}" for v in fringe]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    names = json.dumps([v.name for v in fringe][:_SHOWN])
    what = f"what enters it is {', '.join(listed[:_SHOWN])}{more}"
    fix = f"cut there, or before: [import] outputs = {names}; and name the head of those outputs"
    return ModelError(
        f"{path.name} suppresses its own boxes, and boxes and scores are nowhere whole before that",
        [Problem(what, "NonMaxSuppression", fix)],
    )
