"""What an .onnx file says of its NMS; read from the file alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx

from mobilecat.formats.base.nms import Found, nothing
from mobilecat.formats.onnx.read import read_onnx

_PLACES = ((2, "max_detections"), (3, "iou_threshold"), (4, "score_threshold"))


def written(path: Path) -> Found:
    proto, found = read_onnx(path), nothing()
    bodies: list[Any] = [proto.graph, *proto.functions]
    consts = {i.name: onnx.numpy_helper.to_array(i) for i in proto.graph.initializer}
    for body in bodies:
        inner = {**consts, **dict(_constants(body.node))}
        for node in body.node:
            if node.op_type != "NonMaxSuppression":
                continue
            for place, name in _PLACES:
                if len(node.input) > place and node.input[place] in inner:
                    found[name].add(float(inner[node.input[place]].reshape(-1)[0]))
            # Classes leave each other alone where a box's score is put in its own class's row.
            maker = next((n for n in body.node if node.input[1] in n.output), None)
            found["per_class"].add(float(maker is not None and maker.op_type == "Where"))
    return found


def _constants(nodes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for node in nodes:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], onnx.numpy_helper.to_array(node.attribute[0].t)
