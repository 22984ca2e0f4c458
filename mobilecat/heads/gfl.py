"""NanoDet, PicoDet, GFL and RTMDet in the graph: distances to the four sides, often as bins.

What differs between them, and where it is written:

- NanoDet (https://github.com/RangiLyu/nanodet, `nanodet/model/head/gfl_head.py`): points at
  (cell + ½) · stride, 8 bins, sigmoid in the export, boxes cut at the input before NMS.
- NanoDet-Plus (`nanodet_plus_head.py`): points at cell · stride, without the half; one output.
- PicoDet (https://github.com/PaddlePaddle/PaddleDetection, `ppdet/modeling/heads/pico_head.py`, its
  configurations set `cell_offset: 0.5`): points at (cell + ½) · stride, 8 bins, sigmoid inside.
- GFL (https://github.com/open-mmlab/mmdetection, `mmdet/models/dense_heads/gfl_head.py` with its
  anchor generator's `center_offset` 0): points at cell · stride, 17 bins, logits. It cuts boxes at
  the picture without its padding, which the graph does not know: they stay as they are.
- RTMDet (`rtmdet_head.py`, `MlvlPointGenerator` with offset 0): points at cell · stride, distances
  as numbers, logits. Whether the stride is multiplied inside differs between its exports: it is
  asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.distances import clipped, expected, from_distances
from mobilecat.heads.fit import Fit, classes_of
from mobilecat.heads.levels import Levels, Quantity, grids_of, places, rows_of
from mobilecat.spec.heads import GflHead


@dataclass(frozen=True)
class Family:
    """What a family's authors do. distances: None where their exports differ."""

    offset: float
    activation: str
    strides: tuple[int, ...]
    bins: int
    clip: bool


FAMILIES = {
    "nanodet": Family(0.5, "none", (8, 16, 32), 8, True),
    "nanodet-plus": Family(0.0, "none", (8, 16, 32, 64), 8, True),
    "picodet": Family(0.5, "none", (8, 16, 32, 64), 8, False),
    "gfl": Family(0.0, "sigmoid", (8, 16, 32, 64, 128), 17, False),
    "rtmdet": Family(0.0, "sigmoid", (8, 16, 32), 1, False),
}
STRIDES = tuple(dict.fromkeys(f.strides for f in FAMILIES.values()))


@dataclass(frozen=True)
class _Found:
    """bins: 1 for numbers. whole: scores and bins in one quantity."""

    levels: Levels
    classes: int
    bins: int
    scores: Quantity
    boxes: Quantity | None

    @property
    def raw(self) -> tuple[str, ...]:
        return (*self.scores.names, *(self.boxes.names if self.boxes else ()))


def settle(spec: GflHead, network: Network) -> Head:
    """Find the quantities, and ask for what no shape tells and no family says."""
    fit = Fit(spec.kind, network)
    family = FAMILIES[spec.family] if spec.family else None
    found = _found(spec, network, fit, family)
    offset = spec.offset if spec.offset is not None else family.offset if family else None
    activation = spec.activation or (family.activation if family else None)
    clip = spec.clip if spec.clip is not None else bool(family and family.clip)
    untold = [k for k, v in (("offset", offset), ("activation", activation)) if v is None]
    if untold:
        fit.ask(
            "family",
            f"{' and '.join(untold)} differ between the families, which no shape tells",
            f"set head.family to one of {', '.join(FAMILIES)}, or head.{' and head.'.join(untold)}",
        )
    if found is not None and found.bins == 1 and spec.distances is None:
        fit.ask(
            "distances",
            "boxes are distances in strides or in pixels, which no shape tells",
            'set head.distances = "pixels" where the network multiplies them by the stride itself, '
            'else "strides"',
        )
    if found is not None and found.bins > 1 and spec.distances == "pixels":
        fit.ask("distances", f"{found.bins} bins a side count strides", "take it out")
    fit.require()
    assert found is not None and offset is not None and activation is not None
    levels, bins, c = found.levels, found.bins, found.classes
    in_strides = bins > 1 or spec.distances == "strides"

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        scores = rows_of(build, "cls", raw, found.scores, levels)
        if found.boxes is None:
            scores, sides = ops.split(build, "row", scores, c, 4 * bins)
        else:
            sides = rows_of(build, "reg", raw, found.boxes, levels)
        at, stride = places(levels.grids, offset)
        if bins > 1:
            sides = expected(build, "sides", sides, levels.total, bins)
        if in_strides:
            sides = build.op("Mul", "sides_px", sides, ops.f32(stride[None]))
        name = "uncut_boxes" if clip else "candidate_boxes"
        boxes = from_distances(build, name, sides, at, sound=bins > 1)
        if clip:
            boxes = clipped(build, "candidate_boxes", boxes, network.size_wh)
        return Candidates(boxes, ops.activated(build, "candidate_scores", scores, activation))

    counted = f"{bins} bins a side" if bins > 1 else f"distances in {spec.distances}"
    whose = f"family {spec.family}" if spec.family else "no family"
    said = (
        f"gfl, {whose}: {classes_of(c)}, {levels.total} candidates ({levels.words}), {counted}, "
        f"points at (cell + {offset:g}) · stride, {activation} on the scores, "
        f"boxes {'cut at the input' if clip else 'not cut'}"
    )
    return Head(found.raw, c, 0, said, decode)


def _found(spec: GflHead, network: Network, fit: Fit, family: Family | None) -> _Found | None:
    levels = _levels(spec, network, fit, family)
    one = spec.output is not None or (
        not spec.scores and not spec.boxes and len(levels.depths()) == 1
    )
    if one:
        bins = spec.bins or (family.bins if family else None)
        if bins is None:
            fit.ask("bins", "scores and bins are in one output, and no shape tells how many bins")
            return None
        rows = levels.quantity(
            "output", spec.output, f"[1, N, C+{4 * bins}]", lambda d: d > 4 * bins
        )
        return None if rows is None else _Found(levels, rows.depth - 4 * bins, bins, rows, None)
    depth = _box_depth(spec, levels, family)
    wanted = f"[1, N, {depth}]" if depth else "[1, N, 4·bins]"
    boxes = levels.quantity(
        "boxes", spec.boxes, wanted, lambda d: d == depth if depth else d % 4 == 0
    )
    scores = levels.quantity("scores", spec.scores, "[1, N, C]", lambda d: d > 0)
    if boxes is None or scores is None:
        return None
    return _Found(levels, scores.depth, boxes.depth // 4, scores, boxes)


def _box_depth(spec: GflHead, levels: Levels, family: Family | None) -> int | None:
    """Return the columns of the boxes: of the bins that are said, else of the family's where they
    are there; None where only the depth itself can tell."""
    if spec.bins is not None:
        return 4 * spec.bins
    usual = 4 * family.bins if family else 0
    return usual if spec.boxes is None and usual in levels.depths() else None


def _levels(spec: GflHead, network: Network, fit: Fit, family: Family | None) -> Levels:
    """Return the levels of the spec's strides, the family's, or the first that the outputs fit."""
    given = spec.strides or (family.strides if family else None)
    made = [
        Levels(fit, grids_of(network.size_wh, strides), 1, spec.layout)
        for strides in ((given,) if given else STRIDES)
    ]
    # Fewer strides fit the maps of more: the most that are all there.
    fitting = [m for m in made if m.depths()]
    return max(fitting, key=lambda m: len(m.grids), default=made[0])
