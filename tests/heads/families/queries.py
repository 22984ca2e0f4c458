"""End-to-end YOLOs and transformers with queries."""

from __future__ import annotations

from math import log

from tests.heads.rows import LOGIT, Case, P, Worked, filled

LN2, LN3 = log(2), log(3)  # softmax of (LN2, 0) is (⅔, ⅓); σ(LN3) = ¾
ALL = slice(None)

SUPPRESSED = (
    Case(
        "detr-sigmoid",
        'kind = "detr"\nactivation = "sigmoid"',
        (50, 30),
        {"logits": ((1, 40, 5), *LOGIT), "boxes": ((1, 40, 4), 0.05, 0.6)},
        40,
        5,
    ),
    Case(
        "detr-softmax",
        'kind = "detr"\nactivation = "softmax"',
        (50, 30),
        {"pred_boxes": ((1, 40, 4), -0.1, 0.6), "pred_logits": ((1, 40, 5), *LOGIT)},
        40,
        4,
    ),
    Case(
        "detr-first-column-xyxy-pixels",
        'kind = "detr"\nactivation = "none"\nno_object = "first"\nformat = "xyxy"\n'
        'units = "pixels"\nboxes = "b"\nlogits = "a"',
        (50, 30),
        {"a": ((1, 40, 4), *P), "b": ((1, 40, 4), (0, 0, 5, 5), (20, 20, 50, 30))},
        40,
        3,
    ),
    Case(
        "end2end-decoded-corners",
        'kind = "end2end"\nform = "decoded"\nformat = "xyxy"\nunits = "normalised"',
        (96, 64),
        {"out": ((1, 126, 6), (0, 0, 0.3, 0.3, 0, 0), (0.5, 0.5, 1, 1, 1, 1))},
        126,
        2,
    ),
    Case(
        "end2end-decoded-centres",
        'kind = "end2end"\nformat = "cxcywh"\nactivation = "sigmoid"',
        (96, 64),
        {"out": ((1, 7, 126), -3, 3)},
        126,
        3,
    ),
    Case(
        "end2end-maps",
        'kind = "end2end"\nbins = 4',
        (96, 64),
        {f"s{s}": ((1, 19, 64 // s, 96 // s), *LOGIT) for s in (8, 16, 32)},
        126,
        3,
    ),
    Case(
        "end2end-maps-of-two-outputs",
        'kind = "end2end"',
        (96, 64),
        {
            f"{k}{s}": ((1, d, 64 // s, 96 // s), *r)
            for s in (16, 32)
            for k, d, r in (("box", 4, (0.1, 3)), ("cls", 2, LOGIT))
        },
        30,
        2,
    ),
)

WORKED = (
    # centre (½·100, ¼·50), size (.2·100, .4·50); σ(0, ln 3)
    Worked(
        "detr-sigmoid",
        'kind = "detr"\nactivation = "sigmoid"',
        (100, 50),
        lambda: {
            "logits": filled((1, 3, 2), ((0, 1), (0, LN3))),
            "boxes": filled((1, 3, 4), ((0, 1), (0.5, 0.25, 0.2, 0.4))),
        },
        1,
        (40, 2.5, 60, 22.5),
        (0.5, 0.75),
    ),
    # softmax of ln 2, ln 3, 0 is ⅓, ½, ⅙; the last is no object
    Worked(
        "detr-softmax",
        'kind = "detr"\nactivation = "softmax"',
        (100, 50),
        lambda: {
            "logits": filled((1, 3, 3), ((0, 2), (LN2, LN3, 0))),
            "boxes": filled((1, 3, 4), ((0, 2), (0.5, 0.5, 1, 1))),
        },
        2,
        (0, 0, 100, 50),
        (1 / 3, 1 / 2),
    ),
    # the score stands in the column of the row's class, 2
    Worked(
        "end2end-rows",
        'kind = "end2end"\nclasses = 3',
        (100, 50),
        lambda: {"out": filled((1, 7, 6), ((0, 4), (10, 5, 60, 45, 0.8, 2)))},
        4,
        (10, 5, 60, 45),
        (0, 0, 0.8),
    ),
    # two points behind the class, x, y, visibility each; in 0..1 of 100×50
    Worked(
        "end2end-rows-with-points",
        'kind = "end2end"\nform = "rows"\nclasses = 2\npoints = 2\nunits = "normalised"',
        (100, 50),
        lambda: {
            "out": filled(
                (1, 5, 12), ((0, 3), (0.1, 0.2, 0.5, 0.6, 0.7, 1, 0.2, 0.4, 0.9, 0.3, 0.5, 0.1))
            )
        },
        3,
        (10, 10, 50, 30),
        (0, 0.7),
        (20, 20, 30, 25),
        carries={"landmark_scores": (0.9, 0.1)},
    ),
    Worked(
        "end2end-decoded",
        'kind = "end2end"\nformat = "xyxy"',
        (100, 50),
        lambda: {"out": filled((1, 6, 9), ((0, ALL, 7), (10, 5, 60, 45, 0.25, 0.75)))},
        7,
        (10, 5, 60, 45),
        (0.25, 0.75),
    ),
    # cell (2, 1) of stride 32, centre (80, 48); left, top, right, bottom of 1, ½, 2, 0 cells
    Worked(
        "end2end-distances",
        'kind = "end2end"\nbins = 1',
        (96, 64),
        lambda: {"m": filled((1, 6, 2, 3), ((0, ALL, 1, 2), (1, 0.5, 2, 0, LN3, 0)))},
        5,
        (48, 32, 144, 48),
        (0.75, 0.5),
    ),
    # bins 0, 1, 2 of weights ⅓, ½, ⅙ are 5/6 cells; alike they are 1; nearly all on the last, 2
    Worked(
        "end2end-bins",
        'kind = "end2end"\nbins = 3',
        (96, 64),
        lambda: {
            "m": filled(
                (1, 14, 2, 3), ((0, ALL, 1, 0), (LN2, LN3, 0, *[1] * 3, 0, 0, 99, 99, 0, 0, LN3, 0))
            )
        },
        3,
        (16 - 32 * 5 / 6, 48 - 32, 16 + 64, 48),
        (0.75, 0.5),
    ),
)

SETTLED = {
    "end2end by six columns": (
        'kind = "end2end"\nclasses = 80',
        (640, 640),
        {"output0": (1, 300, 6)},
        "end2end, 80 classes, 300 rows x1,y1,x2,y2,score,class in pixels; a row of a class from 80 "
        "on counts as nothing",
    ),
    "end2end with more columns": (
        'kind = "end2end"\nform = "rows"\nclasses = 2',
        (640, 640),
        {"output0": (1, 300, 38)},
        "end2end, 2 classes, 300 rows x1,y1,x2,y2,score,class in pixels, 32 columns behind them "
        "not read; a row of a class from 2 on counts as nothing",
    ),
    "end2end with points": (
        'kind = "end2end"\nform = "rows"\nclasses = 1\npoints = 17',
        (640, 640),
        {"output0": (1, 300, 57)},
        "end2end, 1 class, 300 rows x1,y1,x2,y2,score,class in pixels, 17 points (x, y, "
        "visibility); a row of a class from 1 on counts as nothing",
    ),
    "end2end's maps by the number of classes": (
        'kind = "end2end"\nclasses = 80',
        (640, 640),
        {f"m{s}": (1, 144, 640 // s, 640 // s) for s in (8, 16, 32)},
        "end2end, 80 classes, 8400 candidates from 3 maps ('m8' at stride 8, 'm16' at stride 16, "
        "'m32' at stride 32), distances of 16 bins",
    ),
    "detr by the boxes' four columns": (
        'kind = "detr"\nactivation = "sigmoid"',
        (640, 640),
        {"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)},
        "detr, 80 classes, 300 queries, sigmoid of 'logits', no column of none, boxes 'pred_boxes' "
        "cxcywh in 0..1 of the input",
    ),
    "detr with one column more than labels": (
        'kind = "detr"\nactivation = "softmax"\nclasses = 91',
        (800, 800),
        {"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)},
        "detr, 91 classes, 100 queries, softmax of 'logits', the last column is no object, boxes "
        "'pred_boxes' cxcywh in 0..1 of the input",
    ),
}

ASKED = {
    "rows of how many classes": (
        'kind = "end2end"',
        (640, 640),
        {"output0": (1, 300, 6)},
        {"head.classes": "rows hold a class number, and no shape tells how many there are"},
    ),
    "rows or two classes of every cell": (
        'kind = "end2end"',
        (640, 640),
        {"output0": (1, 8400, 6)},
        {"head.form": "the shapes do not tell what the outputs are: 'output0' [1, 8400, 6]"},
    ),
    "columns that are not so many points": (
        'kind = "end2end"\nform = "rows"\nclasses = 1\npoints = 17',
        (640, 640),
        {"output0": (1, 300, 56)},
        {"head.points": "50 columns follow the class, which are not 17 times x, y or x, y, vis"},
    ),
    "rows with points or decoded": (
        'kind = "end2end"',
        (640, 640),
        {"output0": (1, 300, 57)},
        {"head.form": "the shapes do not tell what the outputs are: 'output0' [1, 300, 57]"},
    ),
    "corners or centres": (
        'kind = "end2end"\nclasses = 7',
        (640, 640),
        {"output0": (1, 84, 8400)},
        {
            "head.format": "no shape tells corners from centre and size",
            "head.classes": "output 'output0' has 84 columns, 80 classes, not 7",
        },
    ),
    "bins or classes": (
        'kind = "end2end"',
        (96, 64),
        {"m": (1, 68, 8, 12)},
        {"head.bins": "68 channels are 4·bins + classes, and no shape tells which"},
    ),
    "bins that leave no class": (
        'kind = "end2end"\nbins = 16',
        (96, 64),
        {"m": (1, 64, 8, 12)},
        {"head.bins": "64 channels do not hold 4·16"},
    ),
    "maps unlike each other": (
        'kind = "end2end"\nbins = 1',
        (96, 64),
        {"a": (1, 7, 8, 12), "b": (1, 8, 4, 6)},
        {"head.form": "the maps should have the same channels: 'a' [1, 7, 8, 12], 'b' [1, 8, 4"},
    ),
    "four classes beside four sides": (
        'kind = "detr"\nactivation = "sigmoid"',
        (640, 640),
        {"a": (1, 300, 4), "b": (1, 300, 4)},
        {"head.boxes": "2 outputs are [1, Q, 4]", "head.logits": "2 outputs are [1, Q, C]"},
    ),
    "no column for no object": (
        'kind = "detr"\nactivation = "softmax"\nclasses = 91',
        (640, 640),
        {"logits": (1, 300, 91), "boxes": (1, 300, 4)},
        {"head.no_object": "91 columns for as many labels leave none for no object"},
    ),
    "neither as many columns nor one more": (
        'kind = "detr"\nactivation = "sigmoid"\nclasses = 80',
        (640, 640),
        {"logits": (1, 300, 91), "boxes": (1, 300, 4)},
        {"head.no_object": "output 'logits' has 91 columns, 91 classes with no_object = \"none\""},
    ),
}

INVERTED = (
    Case(
        "end2end-xyxy",
        'kind = "end2end"\nformat = "xyxy"\nform = "decoded"',
        (96, 64),
        {"out": ((1, 126, 6), 0, (96, 64, 96, 64, 1, 1))},
        126,
        2,
    ),
    Case(
        "detr",
        'kind = "detr"\nactivation = "none"',
        (96, 64),
        {"boxes": ((1, 70, 4), (0, 0, -0.4, -0.4), (1, 1, 0.4, 0.4)), "s": ((1, 70, 2), 0, 1)},
        70,
        2,
    ),
)
