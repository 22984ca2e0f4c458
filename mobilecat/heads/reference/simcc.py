"""Bins along x and along y, in numpy, point by point."""

from __future__ import annotations

import numpy as np

from mobilecat.heads.base import ANCHORS, Candidates
from mobilecat.heads.reference.arrays import Arrays, activate
from mobilecat.heads.reference.landmarks import of_points
from mobilecat.spec.heads import SimccHead


def decode(spec: SimccHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    names = [n for n, v in outputs.items() if n != ANCHORS and v.ndim == 3]
    x_name, y_name = spec.x, spec.y
    if x_name is None and y_name is None:
        x_name, y_name = names
        aspect = outputs[x_name].shape[2] / outputs[y_name].shape[2]
        if abs(aspect - size_wh[0] / size_wh[1]) > 1e-9:
            x_name, y_name = y_name, x_name
    x_name = x_name or next(n for n in names if n != y_name)
    y_name = y_name or next(n for n in names if n != x_name)
    along_x, along_y = outputs[x_name][0].astype(float), outputs[y_name][0].astype(float)
    split = spec.split or along_x.shape[1] / size_wh[0]
    points, scores = [], []
    for x, y in zip(along_x, along_y, strict=True):
        points.append((int(x.argmax()) / split, int(y.argmax()) / split))
        heights = activate(x, spec.activation), activate(y, spec.activation)
        scores.append(min(float(h.max()) for h in heights))
    return of_points(np.array(points), np.array(scores))
