"""Faults that only an SSD can have: anchors, encodings, the background class."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from tools.plant_faults.changes import graph, head
from tools.plant_faults.edit import Editor
from tools.plant_faults.kinds import Fault
from tools.plant_faults.models import SSD

SIDE = 300
RELU6 = "FeatureExtractor/MobilenetV2/expanded_conv_9/expand/Relu6"
GRIDS = ((19, 3), (10, 6), (5, 6), (3, 6), (2, 6), (1, 6))
"""Cells a side and anchors a cell, in the order of the 1917 anchors."""


def half_cells() -> Array:
    """Return half of each anchor's cell in pixels. Shapes: (1917, 1)."""
    return np.concatenate([np.full((n * n * k, 1), SIDE / n / 2) for n, k in GRIDS])


def other_layers_first(e: Editor) -> None:
    """The coarsest map's anchors come first; within a map all is as it was."""
    ends = np.cumsum([n * n * k for n, k in GRIDS])
    blocks = np.split(np.arange(ends[-1]), ends[:-1])
    order = np.concatenate(blocks[::-1])
    for name in ("decode/centre", "decode/offset_px", "decode/size"):
        e.set_const(name, 1, lambda a: a[:, order])


def background_for_class(e: Editor) -> None:
    """The first column, of the background, is read for the first class."""
    e.set_const("decode/foreground", 1, lambda a: a - 1)
    e.set_const("decode/foreground", 2, lambda a: a - 1)


def softmax_over_anchors(e: Editor) -> None:
    before = e.node("decode/candidate_scores").inputs[0]
    assert before is not None
    flat, shape = np.array([1, -1]), np.array([1, -1, 1])

    def over_all(e: Editor, _: ir.Value) -> ir.Value:
        soft = e.op("Softmax", e.op("Reshape", before, flat), axis=1)
        one = np.array(1, dtype=np.float32)  # a Reshape that comes last would lose its name
        return e.op("Mul", e.op("Reshape", soft, shape), one)

    e.through("decode/candidate_scores", over_all)


def softmax_over_classes(e: Editor) -> None:
    both = e.node("decode/foreground").inputs[0]
    assert both is not None
    first, end, axis = (np.array([k]) for k in (1, 2, 2))
    e.through(
        "decode/candidate_scores",
        lambda e, _: e.op("Slice", e.op("Softmax", both, axis=2), first, end, axis),
    )


def shifted_anchors(e: Editor) -> None:
    e.set_const("decode/centre", 1, lambda a: a + half_cells())


def unclipped(e: Editor) -> None:
    """ReLU for ReLU6."""
    e.set_const(RELU6, 2, lambda a: a * 1e6)


def ssd_faults() -> list[Fault]:
    """Return faults of the network first, then of the decode."""
    skipped = {
        "an activation missing": RELU6,
        "a skip connection missing": "FeatureExtractor/MobilenetV2/expanded_conv_2/add",
    }
    network = [
        *((name, graph(lambda e, n=node: e.skip(n))) for name, node in skipped.items()),
        ("ReLU for ReLU6", graph(unclipped)),
    ]
    decode = [
        ("anchors shifted by half a cell", graph(shifted_anchors)),
        ("anchors of the coarsest map first", graph(other_layers_first)),
        (
            "height and width of the anchors exchanged",
            graph(lambda e: e.set_const("decode/size", 1, lambda a: a[..., ::-1])),
        ),
        ("encodings read as x, y, w, h", head(order="xywh")),
        ("variances missing", head(scales=(1.0, 1.0, 1.0, 1.0))),
        ("variances of place and size exchanged", head(scales=(5.0, 5.0, 10.0, 10.0))),
        ("exp of the size missing", graph(lambda e: e.skip("decode/growth"))),
        ("sigmoid missing in the decode", graph(lambda e: e.skip("decode/candidate_scores"))),
        ("softmax over the anchors for sigmoid", graph(softmax_over_anchors)),
        ("softmax over the classes for sigmoid", graph(softmax_over_classes)),
        ("class index off by one: the background's score", graph(background_for_class)),
    ]
    found = [Fault(name, "raw", (SSD,), plant) for name, plant in network]
    return found + [Fault(name, "candidates", (SSD,), plant) for name, plant in decode]
