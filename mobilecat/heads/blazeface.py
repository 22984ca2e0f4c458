"""BlazeFace in the graph, and MediaPipe's palm and pose detectors, which are built alike: boxes and
points relative to their anchors' centres.

Source: https://github.com/google-ai-edge/mediapipe (`tensors_to_detections_calculator`,
`ssd_anchors_calculator`; the layers in `mediapipe/modules/*_detection/*.pbtxt`). MediaPipe blends
overlapping boxes; here the best one is kept. The pose detector's box is of the face: its points 0
and 1 say where the body is, and how large.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, rows_of
from mobilecat.spec.heads import BlazefaceHead

Layers = tuple[tuple[int, int], ...]
KNOWN: tuple[Layers, ...] = (
    ((8, 2), (16, 6)),
    ((16, 2), (32, 6)),
    ((4, 1),),
    ((8, 2), (16, 2), (32, 6)),
)
"""(stride, anchors a cell): faces at short range 128 and palms 192; back camera 256; full range
192; poses 224 and palms 256."""
LOGIT_LIMIT = 100.0


def settle(spec: BlazefaceHead, network: Network) -> Head:
    """Find the layers by the number of rows."""
    fit = Fit(spec.kind, network)
    scores = fit.output("scores", spec.scores, "[1, N, 1]", rows_of(1))
    n = network.outputs[scores][1] if scores else None
    boxes = fit.output(
        "boxes",
        spec.boxes,
        f"[1, {n or 'N'}, 4+2L]",
        lambda shape: rows_of(rows=n)(shape) and shape[-1] >= 6 and shape[-1] % 2 == 0,
        but=scores,
    )
    makes = {len(_centres(k, network.size_wh)): k for k in KNOWN}
    layers = spec.layers or makes.get(n or 0)
    if n is not None and layers is None:
        known = ", ".join(f"{count} of {list(map(list, k))}" for count, k in makes.items())
        fit.ask(
            "layers",
            f"{n} rows are none of the known: {known}",
            "set head.layers = [[stride, anchors a cell], …]",
        )
    elif n is not None and layers and len(_centres(layers, network.size_wh)) != n:
        made = len(_centres(layers, network.size_wh))
        fit.ask("layers", f"they make {made} anchors, output {scores!r} has {n}")
    fit.require()
    assert layers is not None and n is not None
    points = (network.outputs[boxes][-1] - 4) // 2
    centres = _centres(layers, network.size_wh)

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        # MediaPipe divides by the input's side and multiplies by it again: these are pixels.
        rows = ops.reshape(build, "pairs", raw[boxes], 1, n, points + 2, 2)
        at = ops.f32(centres[None])
        placed = build.op("Add", "placed", _pairs(build, rows, 2, points + 2), at[:, :, None])
        centre = build.op("Add", "centre", _flat(build, "offset", rows, 0, n), at)
        size = ops.no_less_than_0(build, "size", _flat(build, "side", rows, 1, n))
        logit = build.op("Clip", "logit", raw[scores], ops.f32(-LOGIT_LIMIT), ops.f32(LOGIT_LIMIT))
        return Candidates(
            ops.corners(build, "candidate_boxes", centre, size),
            build.op("Sigmoid", "candidate_scores", logit),
            {"landmarks": ops.reshape(build, "candidate_landmarks", placed, 1, n, 2 * points)},
        )

    told = " + ".join(f"{count} a cell of {stride} px" for stride, count in layers)
    said = f"blazeface, {n} candidates ({told}), {points} landmarks"
    return Head((boxes, scores), 1, points, said, decode)


def _pairs(build: Builder, rows: ir.Value, start: int, end: int) -> ir.Value:
    return build.op("Slice", f"pairs_{start}", rows, ops.ints(start), ops.ints(end), ops.ints(2))


def _flat(build: Builder, name: str, rows: ir.Value, pair: int, n: int) -> ir.Value:
    return ops.reshape(build, name, _pairs(build, rows, pair, pair + 1), 1, n, 2)


def _centres(layers: Layers, size_wh: tuple[int, int]) -> Array:
    """Return [N,2] x, y in pixels: layer, row, column, then anchor."""
    found = []
    for stride, count in layers:
        cols, rows = (-(-side // stride) for side in size_wh)
        row, col = np.divmod(np.arange(rows * cols), cols)
        centre = (np.stack([col, row], axis=1) + 0.5) / [cols, rows] * list(size_wh)
        found.append(np.repeat(centre, count, axis=0))
    return np.concatenate(found)
