"""Heads whose boxes are turned."""

from __future__ import annotations

from math import pi

from tests.heads.rows import Case, Worked, filled

ALL = slice(None)

SUPPRESSED = (
    Case(
        "obb",
        'kind = "obb"',
        (96, 64),
        {"out": ((1, 126, 8), (4, 4, 6, 3, 0, 0, 0, -0.78), (92, 60, 40, 24, 1, 1, 1, 2.35))},
        126,
        3,
        carries={"angles": 1},
    ),
    Case(
        "obb-rows-last-normalised",
        'kind = "obb"\nunits = "normalised"',
        (96, 64),
        {"out": ((1, 7, 126), -0.4, 0.9)},
        126,
        2,
        carries={"angles": 1},
    ),
    Case(
        "obb-fifth-degrees-counterclockwise-normalised",
        'kind = "obb"\nangle = "degrees"\ndirection = "counterclockwise"\nangle_column = "fifth"\n'
        'units = "normalised"',
        (96, 64),
        {"out": ((1, 126, 7), (0.1, 0.1, 0.02, 0.02, -90, 0, 0), (0.9, 0.9, 0.3, 0.3, 90, 1, 1))},
        126,
        2,
        carries={"angles": 1},
    ),
)

WORKED = (
    Worked(
        "obb",
        'kind = "obb"',
        (50, 30),
        lambda: {"out": filled((1, 7, 13), ((0, ALL, 4), (20, 10, 8, 6, 0.3, 0.6, 0.75)))},
        4,
        (16, 7, 24, 13),
        (0.3, 0.6),
        carries={"angles": (0.75,)},
    ),
    # .5·50, .5·30 with sides .2·50, .4·30; −30° the other way round is π/6
    Worked(
        "obb-fifth-degrees",
        'kind = "obb"\nangle = "degrees"\ndirection = "counterclockwise"\nangle_column = "fifth"\n'
        'units = "normalised"\nlayout = "rows-first"',
        (50, 30),
        lambda: {"out": filled((1, 3, 7), ((0, 1), (0.5, 0.5, 0.2, 0.4, -30, 0.7, 0.1)))},
        1,
        (20, 9, 30, 21),
        (0.7, 0.1),
        carries={"angles": (pi / 6,)},
    ),
    # a negative side becomes 0
    Worked(
        "obb-without-width",
        'kind = "obb"',
        (50, 30),
        lambda: {"out": filled((1, 6, 13), ((0, ALL, 7), (20, 10, -8, 6, 0.5, -0.25)))},
        7,
        (20, 7, 20, 13),
        (0.5,),
        carries={"angles": (-0.25,)},
    ),
)

SETTLED = {
    "obb of DOTA": (
        'kind = "obb"',
        (1024, 1024),
        {"output0": (1, 20, 21504)},
        "obb, 15 classes, 21504 candidates, rows-last, boxes in pixels, angles last in a row, in "
        "radians, clockwise",
    ),
}

ASKED = {
    "obb columns": (
        'kind = "obb"\nlayout = "rows-last"',
        (96, 64),
        {"out": (1, 5, 126)},
        {"head.layout": "output 'out' has 5 columns, expected 4+C+1"},
    ),
    "obb square": (
        'kind = "obb"',
        (96, 64),
        {"out": (1, 56, 56)},
        {"head.layout": "output 'out' has as many rows as columns"},
    ),
}
