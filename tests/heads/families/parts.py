"""Heads whose boxes come with parts: poses."""

from __future__ import annotations

from math import log

from tests.heads.rows import Case, Worked, filled

LN3 = log(3)  # σ(LN3) = ¾
ALL = slice(None)

SUPPRESSED = (
    # 4 + 2 classes + 4 coefficients; prototypes at stride 4
    Case(
        "masks",
        'kind = "masks"',
        (96, 64),
        {"out": ((1, 10, 126), 0.1, 0.9), "grid": ((1, 4, 16, 24), -3, 3)},
        126,
        2,
        0,
        {"mask_coefficients": 4},
    ),
    Case(
        "masks-larger-rows-first-channels-last",
        'kind = "masks"\nmask_size = [48, 32]\nunits = "normalised"',
        (96, 64),
        {"out": ((1, 126, 8), 0.1, 0.9), "grid": ((1, 16, 24, 3), -3, 3)},
        126,
        1,
        0,
        {"mask_coefficients": 3},
    ),
    Case(
        "masks-app",
        'kind = "masks"\nmasks = "app"',
        (96, 64),
        {"grid": ((1, 4, 8, 12), -3, 3), "out": ((1, 10, 126), 0.1, 0.9)},
        126,
        2,
        0,
        {"mask_coefficients": 4},
    ),
    # 4 + 2 classes + 3·4 points; a point's third column is what the row's scores are not
    Case(
        "pose",
        'kind = "pose"\nclasses = 2',
        (96, 64),
        {"out": ((1, 18, 126), 0.1, 0.9)},
        126,
        2,
        4,
        {"landmark_scores": 4},
    ),
    Case(
        "pose-rows-first-normalised-logits",
        'kind = "pose"\nunits = "normalised"\nvisibility = "logit"',
        (96, 64),
        {"out": ((1, 126, 14), (0.1,) * 14, (0.9,) * 14)},
        126,
        1,
        3,
        {"landmark_scores": 3},
    ),
    Case(
        "pose-points-alone",
        'kind = "pose"\nvisibility = "none"',
        (96, 64),
        {"out": ((1, 11, 126), 0.1, 0.9)},
        126,
        1,
        3,
    ),
    Case(
        "pose-objectness",
        'kind = "pose"\nobjectness = true\nclasses = 2',
        (96, 64),
        {"out": ((1, 126, 13), 0.1, 0.9)},
        126,
        2,
        2,
        {"landmark_scores": 2},
    ),
)

WORKED = (
    Worked(
        "masks",
        'kind = "masks"',
        (64, 32),
        lambda: {
            "out": filled((1, 9, 13), ((0, ALL, 4), (20, 10, 8, 6, 0.3, 0.6, 1.5, -2, 0.25))),
            "grid": filled((1, 3, 8, 16), ((0, 1, 2, 3), 1)),
        },
        4,
        (16, 7, 24, 13),
        (0.3, 0.6),
        (),
        {"mask_coefficients": (1.5, -2, 0.25)},
    ),
    Worked(
        "pose",
        'kind = "pose"\nclasses = 2',
        (50, 30),
        lambda: {
            "out": filled(
                (1, 12, 13), ((0, ALL, 4), (20, 10, 8, 6, 0.3, 0.6, 18, 9, 0.9, 22, 12, 0.2))
            )
        },
        4,
        (16, 7, 24, 13),
        (0.3, 0.6),
        (18, 9, 22, 12),
        {"landmark_scores": (0.9, 0.2)},
    ),
    # .5·50, .5·30 with sides .2·50, .4·30; points .25·50, .1·30 and .8·50, .9·30; σ(0), σ(ln3)
    Worked(
        "pose-normalised-logits",
        'kind = "pose"\nunits = "normalised"\nvisibility = "logit"\nlayout = "rows-first"',
        (50, 30),
        lambda: {
            "out": filled(
                (1, 3, 11), ((0, 1), (0.5, 0.5, 0.2, 0.4, 0.7, 0.25, 0.1, 0, 0.8, 0.9, LN3))
            )
        },
        1,
        (20, 9, 30, 21),
        (0.7,),
        (12.5, 3, 40, 27),
        {"landmark_scores": (0.5, 0.75)},
    ),
    # ½·.8 and ½·.4, and a negative width, which becomes 0
    Worked(
        "pose-objectness-no-visibility",
        'kind = "pose"\nobjectness = true\nclasses = 2\nvisibility = "none"',
        (50, 30),
        lambda: {"out": filled((1, 20, 11), ((0, 7), (20, 10, -8, 6, 0.5, 0.8, 0.4, 1, 2, 3, 4)))},
        7,
        (20, 7, 20, 13),
        (0.4, 0.2),
        (1, 2, 3, 4),
    ),
)

SETTLED = {
    "masks of COCO": (
        'kind = "masks"',
        (640, 640),
        {"output0": (1, 116, 8400), "output1": (1, 32, 160, 160)},
        "masks, 80 classes, 8400 candidates, rows-last, boxes in pixels, 32 coefficients for "
        "'output1', masks of 160×160 by the graph",
    ),
    "masks left to the app": (
        'kind = "masks"\nmasks = "app"\nunits = "normalised"',
        (96, 64),
        {"rows": (1, 126, 9), "grid": (1, 16, 24, 4)},
        "masks, 1 class, 126 candidates, rows-first, boxes in 0..1 of the input, 4 coefficients "
        "for 'grid', masks left to the app, prototypes of 24×16",
    ),
    "pose of COCO": (
        'kind = "pose"',
        (640, 640),
        {"output0": (1, 56, 8400)},
        "pose, 1 class, 17 points (x, y, visibility as probability), 8400 candidates, rows-last, "
        "in pixels",
    ),
    "pose with objectness, without visibility": (
        'kind = "pose"\nobjectness = true\nvisibility = "none"\nunits = "normalised"',
        (96, 64),
        {"rows": (1, 378, 16)},
        "pose, 1 class, 5 points (x, y), 378 candidates, rows-first, with objectness, in "
        "0..1 of the input",
    ),
}

ASKED = {
    "masks of too few columns": (
        'kind = "masks"\nlayout = "rows-last"',
        (96, 64),
        {"out": (1, 36, 126), "grid": (1, 32, 16, 24)},
        {"head.output": "output 'out' has 36 columns, fewer than 5 and 32 coefficients"},
    ),
    "masks without prototypes": (
        'kind = "masks"\nmask_size = [50, 32]',
        (96, 64),
        {"out": (1, 10, 126), "grid": (1, 4, 16, 20)},
        {"head.prototypes": "no output is [1, P, h, w]"},
    ),
    "masks of a size between": (
        'kind = "masks"\nmask_size = [50, 32]',
        (96, 64),
        {"out": (1, 10, 126), "grid": (1, 4, 16, 24)},
        {"head.mask_size": "[50, 32] is no whole multiple of [24, 16]"},
    ),
    "pose columns": (
        'kind = "pose"\nclasses = 2',
        (96, 64),
        {"out": (1, 56, 126)},
        {"head.visibility": "output 'out' has 56 columns, which are not 6 + 3·K"},
    ),
    "pose square": (
        'kind = "pose"',
        (96, 64),
        {"out": (1, 56, 56)},
        {"head.layout": "output 'out' has as many rows as columns"},
    ),
}
