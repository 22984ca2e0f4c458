"""YuNet in numpy, written from the formulas, float64."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.spec.heads import YunetHead


def decode(spec: YunetHead, outputs: Mapping[str, Array], size_wh: tuple[int, int]) -> Candidates:
    """Return boxes [1,N,4] xyxy, scores [1,N,1], landmarks [1,N,10] in model-input pixels."""
    if spec.version == "2022" or (spec.version is None and "loc" in outputs):
        rows = _rows_2022(outputs, size_wh)
    else:
        rows = [row for s in (8, 16, 32) for row in _rows_2023(outputs, s, size_wh[0])]
    table = np.concatenate(rows, axis=0)[None]
    return Candidates(table[..., :4], table[..., 4:5], {"landmarks": table[..., 5:]})


def _rows_2023(outputs: Mapping[str, Array], stride: int, width: int) -> list[Array]:
    cls, obj, bbox, kps = (
        outputs[f"{k}_{stride}"][0].astype(np.float64) for k in ("cls", "obj", "bbox", "kps")
    )
    cell = np.arange(len(cls))
    col, row = cell % (width // stride), cell // (width // stride)
    cx, cy = (bbox[:, 0] + col) * stride, (bbox[:, 1] + row) * stride
    w, h = np.exp(bbox[:, 2]) * stride, np.exp(bbox[:, 3]) * stride
    points = np.empty_like(kps)
    points[:, 0::2] = (kps[:, 0::2] + col[:, None]) * stride
    points[:, 1::2] = (kps[:, 1::2] + row[:, None]) * stride
    score = np.sqrt(cls[:, 0] * obj[:, 0])
    boxes = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score], axis=1)
    return [np.concatenate([boxes, points], axis=1)]


def _rows_2022(outputs: Mapping[str, Array], size_wh: tuple[int, int]) -> list[Array]:
    loc, conf, iou = (outputs[k].astype(np.float64) for k in ("loc", "conf", "iou"))
    x0, y0, side = _priors_2022(size_wh).T
    cx, cy = x0 + loc[:, 0] * 0.1 * side, y0 + loc[:, 1] * 0.1 * side
    w, h = side * np.exp(loc[:, 2] * 0.2), side * np.exp(loc[:, 3] * 0.2)
    score = np.sqrt(conf[:, 1] * iou[:, 0].clip(0, 1))
    points = [(x0, y0)[k % 2] + loc[:, 4 + k] * 0.1 * side for k in range(10)]
    return [np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, *points], axis=1)]


def _priors_2022(size_wh: tuple[int, int]) -> Array:
    """Return x, y, side of each prior: strides 8 to 64, rows, columns, then sides."""
    priors = []
    fw, fh = ((s + 1) // 2 // 2 for s in size_wh)
    for stride, sides in ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256))):
        fw, fh = fw // 2, fh // 2
        for row in range(fh):
            for col in range(fw):
                priors += [((col + 0.5) * stride, (row + 0.5) * stride, s) for s in sides]
    return np.array(priors, dtype=np.float64)
