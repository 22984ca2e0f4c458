"""Classifiers and semantic segmentation."""

from __future__ import annotations

from math import log

import numpy as np

from tests.heads.networks import Array
from tests.heads.rows import LOGIT, Case, P, Worked, filled

LN2, LN3 = log(2), log(3)  # softmax of (LN3, 0, LN2) is (½, ⅙, ⅓)


def blobs(classes: int, rows: int, columns: int) -> Array:
    """Return [1,C,rows,columns]: each class highest in a place of its own."""
    rng = np.random.default_rng(classes)
    y, x = np.mgrid[0:rows, 0:columns]
    at = rng.uniform(0, 1, (classes, 2)) * (columns, rows)
    return np.stack([-((x - a) ** 2 + (y - b) ** 2) / 9.0 for a, b in at])[None]


BLOBS = blobs(5, 6, 8)

SUPPRESSED = (
    Case(
        "classify-softmax",
        'kind = "classify"\nactivation = "softmax"',
        (50, 30),
        {"logits": ((1, 9), *LOGIT), "embedding": ((1, 4, 3), *P)},
        1,
        9,
    ),
    Case(
        "classify-background-beside-another-head",
        'kind = "classify"\nactivation = "none"\nbackground = true\noutput = "probs"',
        (50, 30),
        {"box": ((1, 4), *P), "probs": ((1, 7, 1, 1), *P)},
        1,
        6,
    ),
    Case(
        "segments-drawn-out",
        'kind = "segments"',
        (32, 24),
        {"scores": ((1, 5, 6, 8), BLOBS - 0.01, BLOBS + 0.01)},
        5,
        5,
    ),
    Case(
        "segments-channels-last-align-corners",
        'kind = "segments"\nupsample = "align-corners"',
        (32, 24),
        {"scores": ((1, 6, 8, 5), *(np.moveaxis(BLOBS + d, 1, -1) for d in (-0.01, 0.01)))},
        5,
        5,
    ),
    Case(
        "segments-one-class",
        'kind = "segments"\nform = "scores"\nthreshold = -1.0',
        (16, 12),
        {"logit": ((1, 1, 12, 16), *(blobs(1, 12, 16) + d for d in (-0.01, 0.01)))},
        2,
        2,
    ),
)


def _scene() -> dict[str, Array]:
    """4×3 cells, classes 0, 1, 2: a 1 in the top right corner, a 2 below the middle."""
    return {
        "map": filled(
            (1, 3, 4),
            ((0, 0, 3), 1),
            ((0, 2, slice(1, 3)), 2),
        )
    }


WORKED = (
    Worked(
        "classify",
        'kind = "classify"\nactivation = "softmax"',
        (50, 30),
        lambda: {"out": filled((1, 3), (0, (LN3, 0, LN2)))},
        0,
        (0, 0, 50, 30),
        (1 / 2, 1 / 6, 1 / 3),
    ),
    # the softmax is over the background too
    Worked(
        "classify-background",
        'kind = "classify"\nactivation = "softmax"\nbackground = true',
        (50, 30),
        lambda: {"out": filled((1, 3), (0, (LN3, 0, LN2)))},
        0,
        (0, 0, 50, 30),
        (1 / 6, 1 / 3),
    ),
    # of 12 pixels 2 are class 2, in columns 1 and 2 of row 2
    Worked(
        "segments-map",
        'kind = "segments"\nclasses = 3',
        (4, 3),
        _scene,
        2,
        (1, 2, 3, 3),
        (0, 0, 2 / 12),
    ),
    # a class that is not there has no box and no share
    Worked(
        "segments-absent",
        'kind = "segments"\nclasses = 4',
        (4, 3),
        _scene,
        3,
        (0, 0, 0, 0),
        (0, 0, 0, 0),
    ),
    # 2 cells for 8 pixels: pixel i lies at cell (i + ½)/4 − ½. Class 1 less class 0 is −1 in the
    # first, 3 in the second: −1 −1 −½ ½ 1½ 2½ 3 3 along a row. Class 1 begins at pixel 3, of 8
    Worked(
        "segments-drawn-out",
        'kind = "segments"\nlayout = "NCHW"',
        (8, 8),
        lambda: {"s": np.array([[[[1.0, 0], [1, 0]], [[0, 3.0], [0, 3]]]])},
        1,
        (3, 0, 8, 8),
        (0, 5 / 8),
    ),
)

SETTLED = {
    "a classifier of torchvision": (
        'kind = "classify"\nactivation = "softmax"',
        (224, 224),
        {"output": (1, 1000)},
        "classify, 1000 classes from 'output', activation softmax",
    ),
    "a background class, and convolutions to the end": (
        'kind = "classify"\nactivation = "none"\nbackground = true',
        (224, 224),
        {"prob": (1, 1001, 1, 1)},
        "classify, 1000 classes (without the background) from 'prob', activation none",
    ),
    "DeepLab": (
        'kind = "segments"',
        (513, 513),
        {"ResizeBilinear_2:0": (1, 65, 65, 21)},
        "segments, 21 classes, scores 65×65 from 'ResizeBilinear_2:0', drawn out to 513×513 "
        "(half-pixel); a row a class that is there, the largest first",
    ),
    "a class map": (
        'kind = "segments"\nclasses = 19',
        (64, 32),
        {"out": (1, 32, 64)},
        "segments, 19 classes, map 64×32 from 'out', as it is; a row a class that is there, the "
        "largest first",
    ),
}

ASKED = {
    "two heads of classes": (
        'kind = "classify"\nactivation = "none"',
        (64, 64),
        {"age": (1, 8), "gender": (1, 2)},
        {"head.output": "2 outputs are [1, C]"},
    ),
    "a map of an unknown number of classes": (
        'kind = "segments"',
        (64, 32),
        {"out": (1, 32, 64)},
        {"head.classes": "a class map does not tell how many there are"},
    ),
    "one number a pixel": (
        'kind = "segments"',
        (64, 32),
        {"out": (1, 1, 32, 64)},
        {"head.form": "output 'out' [1, 1, 32, 64] has one number a pixel"},
    ),
    "one class alone": (
        'kind = "segments"\nform = "scores"',
        (64, 32),
        {"out": (1, 1, 32, 64)},
        {"head.threshold": "one class alone is set against the rest"},
    ),
    "other sides than the input's": (
        'kind = "segments"',
        (64, 32),
        {"out": (1, 21, 64, 32)},
        {"head.output": "no output is [1, C, h, w], [1, h, w, C] or [1, h, w]"},
    ),
}
