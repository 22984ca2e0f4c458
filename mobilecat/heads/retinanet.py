"""RetinaNet in the graph: deltas of anchors of several sizes and ratios.

What differs, and where it is written:

- torchvision (https://github.com/pytorch/vision, `torchvision/models/detection/retinanet.py`,
  `anchor_utils.py`, `_utils.py`): sides x, int(x·2^⅓), int(x·2^⅔) of x = 32 … 512, all sizes of
  the first ratio first, corners rounded, cells as far apart as they divide the input, log sizes
  kept below log(1000/16), boxes cut at the input. Its COCO weights have 91 classes, the first of
  them never used.
- detectron2 (https://github.com/facebookresearch/detectron2, `modeling/anchor_generator.py`,
  `modeling/box_regression.py`): the same sides without rounding, all ratios of the first size
  first.
- mmdetection (https://github.com/open-mmlab/mmdetection, `AnchorGenerator` and
  `DeltaXYWHBBoxCoder`): 4, 4·2^⅓, 4·2^⅔ strides, all sizes of the first ratio first, log sizes
  within ±log(1000/16); it cuts boxes at the picture without its padding, which the graph does not
  know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.distances import clipped
from mobilecat.heads.fit import Fit, classes_of
from mobilecat.heads.levels import Levels, grids_of, places, rows_of
from mobilecat.heads.priors import centre_and_size
from mobilecat.spec.heads import RetinanetHead

LIMIT = math.log(1000 / 16)
OCTAVE = tuple(2 ** (k / 3) for k in range(3))


@dataclass(frozen=True)
class Family:
    """whole_sizes: whether anchors' sides are whole pixels."""

    order: str
    rounded: bool
    clamp: str
    clip: bool
    whole_sizes: bool = False
    whole_cells: bool = False
    offset: float = 0.0


FAMILIES = {
    "torchvision": Family("ratios-then-sizes", True, "above", True, True, True),
    "detectron2": Family("sizes-then-ratios", False, "above", True),
    "mmdet": Family("ratios-then-sizes", False, "both", False),
}
ASKED = ("order", "offset", "clamp")


def settle(spec: RetinanetHead, network: Network) -> Head:
    """Take the family's anchors, or those that the spec says key by key."""
    fit = Fit(spec.kind, network)
    family = FAMILIES[spec.family] if spec.family else None
    rule = {
        key: value if (value := getattr(spec, key)) is not None else getattr(family, key, None)
        for key in (*ASKED, "rounded", "clip")
    }
    untold = [key for key in ASKED if rule[key] is None]
    if family is None and spec.sizes is None and spec.scales is None:
        untold.insert(0, "sizes or head.scales")
    if untold:
        fit.ask(
            "family",
            f"{', '.join(untold).replace('head.', '')} differ between libraries, which no shape "
            "tells",
            f"set head.family to one of {', '.join(FAMILIES)}, or head.{', head.'.join(untold)}",
        )
    sizes = _sizes(spec, family)
    a = len(next(iter(sizes.values()))) * len(spec.ratios)
    levels = Levels(fit, grids_of(network.size_wh, spec.strides), a, spec.layout)
    boxes = levels.quantity("boxes", spec.boxes, f"[1, {levels.total}, 4]", lambda d: d == 4)
    scores = levels.quantity("scores", spec.scores, f"[1, {levels.total}, C]", lambda d: d > 0)
    fit.require()
    assert boxes is not None and scores is not None
    apart = network.size_wh if family and family.whole_cells else None

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        at, _ = places(levels.grids, float(rule["offset"] or 0), a, apart)
        shapes = [
            np.tile(_shapes(sizes[g.stride], spec.ratios, rule), (g.cells, 1)) for g in levels.grids
        ]
        deltas = rows_of(build, "deltas", raw, boxes, levels)
        offset, log_size = ops.split(build, "delta", deltas, 2, 2)
        priors = np.concatenate([at, np.concatenate(shapes)], axis=1)
        centre, size = centre_and_size(
            build, offset, log_size, priors, _pairs(spec), _limits(str(rule["clamp"]))
        )
        xyxy = ops.corners(
            build, "uncut_boxes" if rule["clip"] else "candidate_boxes", centre, size
        )
        if rule["clip"]:
            xyxy = clipped(build, "candidate_boxes", xyxy, network.size_wh)
        logits = rows_of(build, "cls", raw, scores, levels)
        return Candidates(xyxy, ops.activated(build, "candidate_scores", logits, spec.activation))

    said = (
        f"retinanet, family {spec.family or 'none'}: {classes_of(scores.depth)}, {levels.total} "
        f"candidates ({levels.words}, {a} anchors a cell, {rule['order']}), "
        f"log sizes {_CLAMPED[str(rule['clamp'])]}, {spec.activation} on the scores, "
        f"boxes {'cut at the input' if rule['clip'] else 'not cut'}"
    )
    return Head((*scores.names, *boxes.names), scores.depth, 0, said, decode)


_CLAMPED = {
    "above": "at most log(1000/16)",
    "both": "within ±log(1000/16)",
    "none": "as they are",
}


def _pairs(spec: RetinanetHead) -> tuple[tuple[float, float], tuple[float, float]]:
    xy, wh = spec.variances
    return (xy, xy), (wh, wh)


def _limits(clamp: str) -> tuple[float | None, float | None]:
    low = -LIMIT if clamp == "both" else None
    return low, None if clamp == "none" else LIMIT


def _sizes(spec: RetinanetHead, family: Family | None) -> dict[int, tuple[float, ...]]:
    """Return the sides of the square anchors of each stride in pixels."""
    if spec.sizes is not None:
        return dict(zip(spec.strides, spec.sizes, strict=True))
    if spec.scales is not None:
        return {s: tuple(s * k for k in spec.scales) for s in spec.strides}
    whole = family is not None and family.whole_sizes
    return {
        s: tuple(float(int(4 * s * k)) if whole else 4 * s * k for k in OCTAVE)
        for s in spec.strides
    }


def _shapes(
    sizes: tuple[float, ...], ratios: tuple[float, ...], rule: Mapping[str, object]
) -> Array:
    """Return [A,4]: the anchors of a cell at 0, as centre x, y, width, height less the point."""
    root = np.sqrt(np.array(ratios, dtype=np.float64))
    side = np.array(sizes, dtype=np.float64)
    if rule["order"] == "ratios-then-sizes":
        w, h = (side[None] / root[:, None]).ravel(), (side[None] * root[:, None]).ravel()
    else:
        w, h = (side[:, None] / root[None]).ravel(), (side[:, None] * root[None]).ravel()
    if rule["rounded"]:
        # Half to even, as torch rounds: both corners of a centred box round alike.
        w, h = 2 * np.round(w / 2), 2 * np.round(h / 2)
    return np.stack([w, h], axis=1)
