"""FCOS in the graph: distances to the four sides, and scores weighed by centreness.

What differs, and where it is written:

- torchvision (https://github.com/pytorch/vision, `torchvision/models/detection/fcos.py` and
  `anchor_utils.py`): points at cell · (side // cells), distances in nominal strides (the anchors'
  sizes), √(class · centreness), boxes cut at the input. Its COCO weights have 91 classes, the first
  of them never used.
- mmdetection (https://github.com/open-mmlab/mmdetection, `mmdet/models/dense_heads/fcos_head.py`):
  points at cell · stride + stride // 2, distances in pixels (with `norm_on_bbox` the head
  multiplies them itself outside of training), class · centreness.
- the authors' own (https://github.com/tianzhi0549/FCOS, `fcos_core/modeling/rpn/fcos`): the same
  points and pixels, √(class · centreness).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.distances import clipped, from_distances
from mobilecat.heads.fit import Fit, classes_of
from mobilecat.heads.levels import Levels, grids_of, places, rows_of
from mobilecat.spec.heads import FcosHead


@dataclass(frozen=True)
class Family:
    """whole_cells: whether cells are as far apart as they divide the input, in whole pixels."""

    offset: float
    distances: str
    score: str
    clip: bool
    whole_cells: bool = False


FAMILIES = {
    "torchvision": Family(0.0, "strides", "sqrt", True, True),
    "mmdet": Family(0.5, "pixels", "product", False),
    "original": Family(0.5, "pixels", "sqrt", False),
}
ASKED = ("offset", "distances", "score")


def settle(spec: FcosHead, network: Network) -> Head:
    """Find the quantities by their columns, and ask for what no family says."""
    fit = Fit(spec.kind, network)
    levels = Levels(fit, grids_of(network.size_wh, spec.strides), 1, spec.layout)
    family = FAMILIES[spec.family] if spec.family else None
    said_by = {
        key: value if (value := getattr(spec, key)) is not None else getattr(family, key, None)
        for key in ASKED
    }
    untold = [key for key, value in said_by.items() if value is None]
    if untold:
        fit.ask(
            "family",
            f"{', '.join(untold)} differ between the families, which no shape tells",
            f"set head.family to one of {', '.join(FAMILIES)}, or head.{', head.'.join(untold)}",
        )
    boxes = levels.quantity("boxes", spec.boxes, "[1, N, 4]", lambda d: d == 4)
    centre = None
    if said_by["score"] != "class":
        centre = levels.quantity("centerness", spec.centerness, "[1, N, 1]", lambda d: d == 1)
    scores = levels.quantity("scores", spec.scores, "[1, N, C]", lambda d: d > 0)
    fit.require()
    assert boxes is not None and scores is not None
    offset, score = float(said_by["offset"] or 0), str(said_by["score"])
    in_strides = said_by["distances"] == "strides"
    clip = spec.clip if spec.clip is not None else bool(family and family.clip)
    apart = network.size_wh if family and family.whole_cells else None

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        at, stride = places(levels.grids, offset, size_wh=apart)
        sides = rows_of(build, "reg", raw, boxes, levels)
        if in_strides:
            sides = build.op("Mul", "sides_px", sides, ops.f32(stride[None]))
        name = "uncut_boxes" if clip else "candidate_boxes"
        xyxy = from_distances(build, name, sides, at, sound=False)
        if clip:
            xyxy = clipped(build, "candidate_boxes", xyxy, network.size_wh)
        cls = rows_of(build, "cls", raw, scores, levels)
        central = None if centre is None else rows_of(build, "ctr", raw, centre, levels)
        return Candidates(xyxy, _scores(build, cls, central, spec.activation, score))

    words = {"sqrt": "√(class · centreness)", "product": "class · centreness", "class": "class"}
    said = (
        f"fcos, family {spec.family or 'none'}: {classes_of(scores.depth)}, {levels.total} "
        f"candidates ({levels.words}), score {words[score]}, points at (cell + {offset:g}) · "
        f"stride, distances in {said_by['distances']}, {spec.activation} on the scores, "
        f"boxes {'cut at the input' if clip else 'not cut'}"
    )
    raw = (*scores.names, *boxes.names, *(centre.names if centre else ()))
    return Head(raw, scores.depth, 0, said, decode)


def _scores(
    build: Builder, cls: ir.Value, central: ir.Value | None, activation: str, score: str
) -> ir.Value:
    """Return √(σ(class) · σ(centreness)), or the product, or the class alone.

    The root makes much of little: a sigmoid that is off by 5e-8, as onnxruntime's is below -16,
    would be off by 2e-4 under it. So the root is taken of (1 + e^-class) · (1 + e^-centreness).
    """
    if central is not None and score == "sqrt" and activation == "sigmoid":
        both = build.op(
            "Mul", "odds", _one_more(build, "cls", cls), _one_more(build, "ctr", central)
        )
        return build.op("Div", "candidate_scores", ops.f32(1), build.op("Sqrt", "root", both))
    alone = "cls_score" if central is not None else "candidate_scores"
    found = ops.activated(build, alone, cls, activation)
    if central is None:
        return found
    central = ops.activated(build, "centreness", central, activation)
    if score == "product":
        return build.op("Mul", "candidate_scores", found, central)
    return build.op("Sqrt", "candidate_scores", build.op("Mul", "weighed", found, central))


def _one_more(build: Builder, name: str, logits: ir.Value) -> ir.Value:
    """Return 1 + e^-x, which is one over the sigmoid."""
    turned = build.op("Mul", f"{name}_turned", logits, ops.f32(-1))
    grown = build.op("Exp", f"{name}_odds", turned)
    return build.op("Add", f"{name}_over_sigmoid", grown, ops.f32(1))
