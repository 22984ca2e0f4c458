"""Landmark networks: rows of more columns than x and y, and the units that they come in."""

from __future__ import annotations

import numpy as np

from tests.heads.networks import Array
from tests.heads.rows import Case, P, Worked, filled


def hills(tops: tuple[tuple[float, float], ...], rows: int, columns: int, sigma: float) -> Array:
    """Return [1,L,rows,columns]: a Gaussian about each x, y in cells."""
    y, x = np.mgrid[0:rows, 0:columns]
    return np.stack([np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * sigma**2)) for a, b in tops])[
        None
    ]


# Inside, near the right and at the upper edge: where nothing is refined.
TOPS = ((4.3, 5.8), (9.6, 3.2), (13.9, 6.4), (6.7, 0.4))
HILLS = hills(TOPS, 12, 16, 1.5)
AROUND = ((1, 4, 12, 16), HILLS - 0.02, HILLS + 0.02)

SINGLE = (
    *(
        Case(
            f"heatmap-{method}-{grid}",
            f'kind = "heatmap"\nmethod = "{method}"\ngrid = "{grid}"{more}',
            (64, 48),
            {"out": AROUND},
            1,
            1,
            4,
            carries={"landmark_scores": 4},
        )
        for method, grid, more in (
            ("argmax", "stride", ""),
            ("quarter", "half-pixel", ""),
            ("dark", "align-corners", "\nkernel = 9"),
            ("dark", "stride", "\nkernel = 5"),
            ("soft-argmax", "stride", "\nbeta = 12.0"),
        )
    ),
    Case(
        "heatmap-channels-last-sigmoid",
        'kind = "heatmap"\nmethod = "quarter"\nactivation = "sigmoid"',
        (64, 48),
        {"out": ((1, 12, 16, 4), *(np.moveaxis(HILLS * 6 - 3 + d, 1, -1) for d in (-0.1, 0.1)))},
        1,
        1,
        4,
        carries={"landmark_scores": 4},
    ),
    Case(
        "simcc",
        'kind = "simcc"',
        (24, 32),
        {"a": ((1, 5, 64), *P), "b": ((1, 5, 48), *P)},
        1,
        1,
        5,
        carries={"landmark_scores": 5},
    ),
    Case(
        "simcc-softmax",
        'kind = "simcc"\nactivation = "softmax"\nx = "a"\nsplit = 3.0',
        (20, 20),
        {"b": ((1, 3, 60), -3, 3), "a": ((1, 3, 60), -3, 3)},
        1,
        1,
        3,
        carries={"landmark_scores": 3},
    ),
    Case(
        "landmarks-visibility",
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 5\nvisibility = 3',
        (50, 30),
        {"out": ((1, 15), -3, 25)},
        1,
        1,
        3,
        carries={"landmark_scores": 3},
    ),
    Case(
        "landmarks-xyz",
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 3\nscore = "s"',
        (50, 30),
        {"out": ((1, 1, 1, 12), 3, 25), "s": ((1, 1), *P)},
        1,
        1,
        4,
    ),
    Case(
        "landmarks-signed-yx-from-column-2",
        'kind = "landmarks"\nunits = "signed"\norder = "yx"\ncolumns = 4\nstart = 2\ncount = 3\n'
        'output = "out"',
        (50, 30),
        {"out": ((1, 17), -1, 1)},
        1,
        1,
        3,
    ),
)


def peak(*cells: tuple[int, int, float], rows: int = 6, columns: int = 8) -> Array:
    """Return [1,1,rows,columns] with values at x, y."""
    return filled((1, 1, rows, columns), *(((0, 0, y, x), v) for x, y, v in cells))


def dark_map() -> Array:
    """The highest at (5, 4); along x .1 .3 1 .5 .2 about it, along y the same backwards."""
    along = np.array([0.1, 0.3, 1, 0.5, 0.2])
    return filled((1, 1, 9, 12), ((0, 0, slice(2, 7), slice(3, 8)), np.outer(along[::-1], along)))


# Blurred by ¼ ½ ¼ the five are .125 .425 .7 .55 .225. The slope of their logarithms is
# ½ ln(.55/.425), the curvature ¼ ln(.125·.225/.7²); along y the slope is the other way round.
OFFSET = -(0.5 * np.log(0.55 / 0.425)) / (0.25 * np.log(0.125 * 0.225 / 0.49))

WORKED = (
    # highest at (3, 2); right of it .5 > left .2, below .1 < above .3: (3.25, 1.75)·4
    Worked(
        "heatmap-quarter",
        'kind = "heatmap"\nmethod = "quarter"',
        (32, 24),
        lambda: {
            "m": peak((3, 2, 0.8), (4, 2, 0.5), (2, 2, 0.2), (3, 1, 0.3), (3, 3, 0.1)),
        },
        0,
        (13, 7, 13, 7),
        (0.8,),
        (13, 7),
        carries={"landmark_scores": (0.8,)},
    ),
    # column 1 is no inner one (1 < x): nothing is refined
    Worked(
        "heatmap-quarter-near-the-edge",
        'kind = "heatmap"\nmethod = "quarter"',
        (32, 24),
        lambda: {"m": peak((1, 2, 0.8), (2, 2, 0.5))},
        0,
        (4, 8, 4, 8),
        (0.8,),
        (4, 8),
        carries={"landmark_scores": (0.8,)},
    ),
    # (3 + ½, 2 + ½)·4; two points, whose mean score is the set's
    Worked(
        "heatmap-argmax",
        'kind = "heatmap"\nmethod = "argmax"\ngrid = "half-pixel"',
        (32, 24),
        lambda: {"m": np.concatenate([peak((3, 2, 0.75)), peak((7, 0, 0.25))], axis=1)},
        0,
        (14, 2, 30, 10),
        (0.5,),
        (14, 10, 30, 2),
        carries={"landmark_scores": (0.75, 0.25)},
    ),
    # two cells of ½ under the softmax, the others e⁻⁴⁰: x (1 + 5)/2, y 2; ·(32−1)/(8−1), (24−1)/5
    Worked(
        "heatmap-soft-argmax",
        'kind = "heatmap"\nmethod = "soft-argmax"\ngrid = "align-corners"\nbeta = 4.0',
        (32, 24),
        lambda: {"m": peak((1, 2, 10.0), (5, 2, 10.0))},
        0,
        (93 / 7, 9.2, 93 / 7, 9.2),
        (0.5,),
        (93 / 7, 9.2),
        carries={"landmark_scores": (0.5,)},
    ),
    Worked(
        "heatmap-dark",
        'kind = "heatmap"\nmethod = "dark"\nkernel = 3',
        (48, 36),
        lambda: {"m": dark_map()},
        0,
        (4 * (5 + OFFSET), 4 * (4 - OFFSET), 4 * (5 + OFFSET), 4 * (4 - OFFSET)),
        (1.0,),
        (4 * (5 + OFFSET), 4 * (4 - OFFSET)),
        carries={"landmark_scores": (1.0,)},
    ),
    # x: bin 20 of 48 for 24 px, y: bin 40 of 64 for 32: 10, 20; the lower of .9 and .6
    Worked(
        "simcc",
        'kind = "simcc"',
        (24, 32),
        lambda: {
            "y": filled((1, 1, 64), ((0, 0, 40), 0.6)),
            "x": filled((1, 1, 48), ((0, 0, 20), 0.9)),
        },
        0,
        (10, 20, 10, 20),
        (0.6,),
        (10, 20),
        carries={"landmark_scores": (0.6,)},
    ),
    # σ(ln 3) = ¾, σ(0) = ½
    Worked(
        "landmarks-visibility",
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 4\nvisibility = 3',
        (50, 30),
        lambda: {"out": filled((1, 8), (0, (10, 15, 9, np.log(3), 30, 3, 7, 0)))},
        0,
        (10, 3, 30, 15),
        (1.0,),
        (10, 15, 30, 3),
        carries={"landmark_scores": (0.75, 0.5)},
    ),
    # x, y, z, visibility: only the first two count
    Worked(
        "landmarks-xyz",
        'kind = "landmarks"\nunits = "normalised"\ncolumns = 4',
        (50, 30),
        lambda: {"out": filled((1, 8), (0, (0.2, 0.5, 9, 8, 0.6, 0.1, 7, 6)))},
        0,
        (10, 3, 30, 15),
        (1.0,),
        (10, 15, 30, 3),
    ),
    # (−1…1 + 1) / 2 of 50×30
    Worked(
        "landmarks-signed",
        'kind = "landmarks"\nunits = "signed"',
        (50, 30),
        lambda: {"out": filled((1, 4), (0, (-0.6, 0, 0.2, -0.8)))},
        0,
        (10, 3, 30, 15),
        (1.0,),
        (10, 15, 30, 3),
    ),
)

SETTLED = {
    "heat maps": (
        'kind = "heatmap"\nmethod = "dark"',
        (192, 256),
        {"out": (1, 17, 64, 48), "aux": (1, 34, 1)},
        "heatmap, 17 points from 'out', 48×64 cells NCHW, dark of 11 cells, grid stride; the score "
        "of a point is its map's highest value, the box their extent",
    ),
    "heat maps, channels last": (
        'kind = "heatmap"\nmethod = "argmax"',
        (192, 256),
        {"out": (1, 64, 48, 17)},
        "heatmap, 17 points from 'out', 48×64 cells NHWC, argmax, grid stride; the score "
        "of a point is its map's highest value, the box their extent",
    ),
    "bins by their number": (
        'kind = "simcc"',
        (192, 256),
        {"simcc_y": (1, 17, 512), "simcc_x": (1, 17, 384)},
        "simcc, 17 points, x from 'simcc_x', y from 'simcc_y', 2 bins a pixel, activation none; "
        "the score of a point is the lower of its highest bins, the box their extent",
    ),
    "bins of a square input": (
        'kind = "simcc"',
        (256, 256),
        {"simcc_x": (1, 21, 512), "simcc_y": (1, 21, 512)},
        "simcc, 21 points, x from 'simcc_x', y from 'simcc_y', x before y as they come, 2 bins a "
        "pixel, activation none; the score of a point is the lower of its highest bins, the box "
        "their extent",
    ),
    "visibility": (
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 5\nvisibility = 3\noutput = "l"\n'
        'score = "s"',
        (256, 256),
        {"l": (1, 195), "s": (1, 1), "mask": (1, 256, 256, 1), "world": (1, 117)},
        "landmarks, 39 points xy of 5 columns, visibility column 3 (sigmoid) in pixels from 'l', "
        "score from 's'; the box is their extent",
    ),
    "the hand landmarks of MediaPipe": (
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 3\noutput = "Identity"\n'
        'score = "Identity_1"',
        (224, 224),
        {"Identity": (1, 63), "Identity_1": (1, 1), "Identity_2": (1, 1), "Identity_3": (1, 63)},
        "landmarks, 21 points xy of 3 columns in pixels from 'Identity', score from 'Identity_1'; "
        "the box is their extent",
    ),
    "478 points of a mesh": (
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 3\nscore = "face"',
        (256, 256),
        {"mesh": (1, 1, 1, 1434), "face": (1, 1)},
        "landmarks, 478 points xy of 3 columns in pixels from 'mesh', score from 'face'; "
        "the box is their extent",
    ),
    "106 points from −1 to 1": (
        'kind = "landmarks"\nunits = "signed"',
        (192, 192),
        {"fc1": (1, 212)},
        "landmarks, 106 points xy in signed from 'fc1', score 1 (the network gives none); "
        "the box is their extent",
    ),
}

ASKED = {
    "maps of another shape than the input": (
        'kind = "heatmap"\nmethod = "argmax"',
        (192, 256),
        {"out": (1, 17, 48, 64)},
        {"head.output": "no output is [1, L, h, w] or [1, h, w, L], h and w as the input's sides"},
    ),
    "maps of which both sides could be points": (
        'kind = "heatmap"\nmethod = "argmax"',
        (64, 64),
        {"out": (1, 16, 16, 16)},
        {"head.layout": "output 'out' [1, 16, 16, 16] does not tell which side is the points'"},
    ),
    "bins that do not fit the input": (
        'kind = "simcc"\nx = "a"\ny = "b"',
        (192, 256),
        {"a": (1, 17, 384), "b": (1, 16, 384)},
        {
            "head.y": "x has 17 points, y has 16",
            "head.split": "2 bins a pixel along x, 1.5 along y",
        },
    ),
    "three outputs of bins": (
        'kind = "simcc"',
        (192, 256),
        {"a": (1, 17, 384), "b": (1, 17, 512), "c": (1, 17, 2)},
        {"head.x": "3 outputs are [1, L, W·k]", "head.y": "3 outputs are [1, L, H·k]"},
    ),
    "columns that make no whole points": (
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 3',
        (224, 224),
        {"out": (1, 64), "presence": (1, 1)},
        {"head.output": "no output is [1, 3L]"},
    ),
}
