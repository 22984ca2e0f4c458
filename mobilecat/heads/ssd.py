"""SSD in the graph: encodings against anchors, class scores.

Source: https://github.com/tensorflow/models/tree/master/research/object_detection
(`box_coders/faster_rcnn_box_coder.py`, `anchor_generators/multiple_grid_anchor_generator.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, EncodedAnchors, Head, Native, Network
from mobilecat.heads.fit import Fit, classes_of, rows_of
from mobilecat.heads.priors import from_priors
from mobilecat.spec.heads import AnchorGenerator, SsdHead


def settle(spec: SsdHead, network: Network) -> Head:
    """Find encodings and scores by their last dimension, and the anchors that they stand for."""
    fit = Fit(spec.kind, network)
    boxes = fit.output("boxes", spec.boxes, "[1, N, 4]", rows_of(4), but=spec.scores)
    n = network.outputs[boxes][1] if boxes else None
    least = 2 if spec.background else 1
    scores = fit.output(
        "scores",
        spec.scores,
        f"[1, {n or 'N'}, C]",
        lambda shape: rows_of(rows=n)(shape) and shape[-1] >= least,
        but=boxes,
    )
    anchors, source = _anchors(spec, network)
    if n is not None and len(anchors) != n:
        fit.ask(
            "anchors",
            f"{source} makes {len(anchors)} anchors, output {boxes!r} has {n}",
            "give input.size the size that the network was made for, head.anchors a file, or "
            "[head.anchors] the generator's settings",
        )
    fit.require()
    assert n is not None
    columns = network.outputs[scores][-1]
    classes = columns - spec.background
    width, height = network.size_wh
    yxhw = anchors.astype(np.float64)
    priors = yxhw[:, [1, 0, 3, 2]] * np.array([width, height, width, height])
    a, b, c, d = (1 / s for s in spec.scales)
    variances = ((b, a), (d, c)) if spec.order == "yxhw" else ((a, b), (c, d))

    def plain(build: Builder, raw: Mapping[str, ir.Value]) -> tuple[ir.Value, ir.Value]:
        encoded, cls = raw[boxes], raw[scores]
        if len(network.outputs[boxes]) != 3:
            encoded = ops.reshape(build, "encodings", encoded, 1, n, 4)
        if len(network.outputs[scores]) != 3:
            cls = ops.reshape(build, "cls", cls, 1, n, columns)
        return encoded, _scores(build, cls, spec, columns)

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        encoded, probabilities = plain(build, raw)
        offset, log_size = _xy_first(build, encoded, spec.order)
        xyxy = from_priors(build, offset, log_size, priors, variances)
        return Candidates(xyxy, probabilities)

    def write(build: Builder, raw: Mapping[str, ir.Value]) -> tuple[ir.Value, ir.Value]:
        encoded, probabilities = plain(build, raw)
        if spec.order == "xywh":
            tx, ty, tw, th = ops.split(build, "encoding", encoded, 1, 1, 1, 1)
            encoded = build.op("Concat", "yxhw", ty, tx, th, tw, axis=-1)
        return encoded, probabilities

    background = "without the background" if spec.background else "no background"
    said = (
        f"ssd, {classes_of(classes)} ({background}), {n} anchors from {source}, "
        f"{spec.activation} on the scores, encodings {spec.order} / {list(spec.scales)}"
    )
    e, f, g, h = spec.scales
    in_yxhw = (e, f, g, h) if spec.order == "yxhw" else (f, e, h, g)
    native = Native(EncodedAnchors(ops.f32(anchors), in_yxhw), write)
    return Head((boxes, scores), classes, 0, said, decode, native)


def _xy_first(build: Builder, encoded: ir.Value, order: str) -> tuple[ir.Value, ir.Value]:
    if order == "xywh":
        offset, log_size = ops.split(build, "encoding", encoded, 2, 2)
        return offset, log_size
    # Slices and Concat rather than Gather, which the TFLite GPU delegate does not have.
    ty, tx, th, tw = ops.split(build, "encoding", encoded, 1, 1, 1, 1)
    offset = build.op("Concat", "offset", tx, ty, axis=-1)
    return offset, build.op("Concat", "side", tw, th, axis=-1)


def _scores(build: Builder, cls: ir.Value, spec: SsdHead, columns: int) -> ir.Value:
    if spec.activation == "softmax":
        cls = ops.activated(build, "probabilities", cls, "softmax")
    if spec.background:
        cls = ops.columns(build, "foreground", cls, 1, columns)
    if spec.activation == "sigmoid":
        cls = ops.activated(build, "candidate_scores", cls, "sigmoid")
    return cls


def _anchors(spec: SsdHead, network: Network) -> tuple[Array, str]:
    """Return [N,4] centre y, x, height, width in 0..1, and where they come from."""
    if isinstance(spec.anchors, tuple):
        return np.array(spec.anchors, dtype=np.float64), "the spec's file"
    if isinstance(spec.anchors, AnchorGenerator):
        return generated(spec.anchors, network.size_wh), "the spec's generator"
    if network.anchors is not None:
        return np.asarray(network.anchors).reshape(-1, 4), "the graph"
    settings = AnchorGenerator()
    return generated(settings, network.size_wh), "the TF API's generator with its defaults"


def generated(settings: AnchorGenerator, size_wh: tuple[int, int]) -> Array:
    """Return the TF API's anchors [N,4]: layer, row, column, then shape.

    Shapes are relative to the shorter side of the picture.
    """
    scales = [*np.linspace(settings.min_scale, settings.max_scale, settings.layers), 1.0]
    width, height = size_wh
    short = min(size_wh)
    rows = []
    for k, (cols, lines) in enumerate(settings.grids or default_grids(size_wh, settings.layers)):
        if k == 0 and settings.reduce_lowest:
            shapes = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        else:
            shapes = [(scales[k], ratio) for ratio in settings.aspect_ratios]
            shapes.append((math.sqrt(scales[k] * scales[k + 1]), 1.0))
        scale, ratio = np.array(shapes).T
        sides = np.stack(
            [scale / np.sqrt(ratio) * short / height, scale * np.sqrt(ratio) * short / width]
        )
        line, col = np.divmod(np.arange(lines * cols), cols)
        centres = np.stack([(line + 0.5) / lines, (col + 0.5) / cols], axis=1)
        block = np.empty((lines * cols, len(shapes), 4))
        block[..., :2] = centres[:, None]
        block[..., 2:] = sides.T
        rows.append(block.reshape(-1, 4))
    return np.concatenate(rows)


def default_grids(size_wh: tuple[int, int], layers: int) -> list[tuple[int, int]]:
    """Return columns, rows a layer: ceil(side / 16), then halved, rounding up (SAME, stride 2)."""
    grids = [(math.ceil(size_wh[0] / 16), math.ceil(size_wh[1] / 16))]
    for _ in range(layers - 1):
        grids.append((math.ceil(grids[-1][0] / 2), math.ceil(grids[-1][1] / 2)))
    return grids
