"""SSD in numpy, its anchors one by one."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import ANCHORS, Candidates
from mobilecat.heads.reference.arrays import Arrays, activate, from_centres, pick, table
from mobilecat.spec.heads import AnchorGenerator, SsdHead


def decode(spec: SsdHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    """cy = ty / 10 · ha + ya, h = e^(th / 5) · ha, and the same for x and w."""
    width, height = size_wh
    boxes = pick(
        {k: v for k, v in outputs.items() if k != spec.scores},
        spec.boxes,
        lambda a: a.ndim > 2 and a.shape[-1] == 4,
    )
    others = {k: v for k, v in outputs.items() if k != boxes}
    scores = pick(
        others, spec.scores, lambda a: a.ndim > 2 and a.shape[1] == outputs[boxes].shape[1]
    )
    t = table(outputs[boxes]) / spec.scales
    ty, tx, th, tw = t.T if spec.order == "yxhw" else t[:, [1, 0, 3, 2]].T
    ya, xa, ha, wa = _anchors(spec, outputs, size_wh).T
    found = from_centres(
        (tx * wa + xa) * width,
        (ty * ha + ya) * height,
        np.exp(tw) * wa * width,
        np.exp(th) * ha * height,
    )
    probabilities = activate(table(outputs[scores]), spec.activation)
    return Candidates(found, probabilities[None, :, int(spec.background) :])


def _anchors(spec: SsdHead, outputs: Arrays, size_wh: tuple[int, int]) -> Array:
    if isinstance(spec.anchors, tuple):
        return np.array(spec.anchors, dtype=np.float64)
    if spec.anchors is None and ANCHORS in outputs:
        return outputs[ANCHORS].astype(np.float64).reshape(-1, 4)
    return _tf_anchors(spec.anchors or AnchorGenerator(), size_wh)


def _tf_anchors(settings: AnchorGenerator, size_wh: tuple[int, int]) -> Array:
    """Return rows centre y, x, height, width: layer, row, column, then scale and aspect ratio."""
    last = settings.layers - 1
    scales = [
        settings.min_scale + (settings.max_scale - settings.min_scale) * k / last
        for k in range(settings.layers)
    ]
    scales.append(1.0)
    grids = list(settings.grids or ())
    if not grids:
        cols, rows = -(-size_wh[0] // 16), -(-size_wh[1] // 16)
        for _ in range(settings.layers):
            grids.append((cols, rows))
            cols, rows = (cols + 1) // 2, (rows + 1) // 2
    # base_anchor_size of the API: a square in pixels, of the shorter side.
    unit_h, unit_w = min(size_wh) / size_wh[1], min(size_wh) / size_wh[0]
    anchors = []
    for k, (cols, rows) in enumerate(grids):
        kinds = [(scales[k], ar) for ar in settings.aspect_ratios]
        kinds += [((scales[k] * scales[k + 1]) ** 0.5, 1.0)]
        if k == 0 and settings.reduce_lowest:
            kinds = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        for i in range(rows):
            for j in range(cols):
                for s, ar in kinds:
                    h, w = s / ar**0.5 * unit_h, s * ar**0.5 * unit_w
                    anchors.append(((i + 0.5) / rows, (j + 0.5) / cols, h, w))
    return np.array(anchors)
