"""Landmark networks: rows of more columns than x and y, and the units that they come in."""

from __future__ import annotations

from tests.heads.rows import Case, P, Worked, filled

SINGLE = (
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

WORKED = (
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
    "columns that make no whole points": (
        'kind = "landmarks"\nunits = "pixels"\ncolumns = 3',
        (224, 224),
        {"out": (1, 64), "presence": (1, 1)},
        {"head.output": "no output is [1, 3L]"},
    ),
}
