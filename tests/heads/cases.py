"""One network for every kind of head and each of its forms: never square, never one class only."""

from __future__ import annotations

from tests.heads.rows import LOGIT, Case, P, of_families

ANCHOR_ROWS = "[[[12, 9], [20, 31]], [[40, 28], [33, 60]]]"

SUPPRESSED = (
    Case(
        "yunet-2023",
        'kind = "yunet"',
        (96, 64),
        {
            f"{k}_{s}": ((1, (96 // s) * (64 // s), d), *r)
            for k, d, r in (
                ("cls", 1, P),
                ("obj", 1, P),
                ("bbox", 4, (-1, 1)),
                ("kps", 10, (-2, 2)),
            )
            for s in (8, 16, 32)
        },
        96 + 24 + 6,
        1,
        5,
    ),
    Case(
        "yunet-2022",
        'kind = "yunet"',
        (160, 120),
        {"loc": ((1076, 14), -2, 2), "conf": ((1076, 2), *P), "iou": ((1076, 1), -0.5, 1.5)},
        1076,
        1,
        5,
    ),
    Case(
        "ssd-generated",
        'kind = "ssd"',
        (300, 200),
        # 19×13·3 + 6·(10×7 + 5×4 + 3×2 + 2×1 + 1×1)
        {"enc": ((1, 1335, 4), -3, 3), "cls": ((1, 1335, 5), *LOGIT)},
        1335,
        4,
    ),
    Case(
        "ssd-settings-xywh-softmax",
        'kind = "ssd"\norder = "xywh"\nactivation = "softmax"\nscales = [10.0, 9.0, 5.0, 4.0]\n'
        "[head.anchors]\nlayers = 2\ngrids = [[5, 3], [2, 2]]\nreduce_lowest = false\n"
        "aspect_ratios = [1.0, 2.0]\nmin_scale = 0.3\nmax_scale = 0.6",
        (50, 30),
        {"cls": ((1, 57, 3), *LOGIT), "enc": ((1, 57, 1, 4), -3, 3)},
        57,
        2,
    ),
    Case(
        "ssd-rows-no-background",
        'kind = "ssd"\nbackground = false\nactivation = "none"\n'
        "anchors = [[0.5, 0.25, 0.3, 0.2], [0.1, 0.9, 0.05, 0.4], [0.7, 0.3, 1.0, 1.0]]",
        (50, 30),
        {"cls": ((1, 3, 2), *P), "enc": ((1, 3, 4), -3, 3)},
        3,
        2,
    ),
    Case(
        "yolov1-nhwc",
        'kind = "yolov1"',
        (160, 96),
        {"out": ((1, 3, 5, 13), *P)},
        30,
        3,
    ),
    Case(
        "yolov1-nchw",
        'kind = "yolov1"\nboxes = 3',
        (160, 96),
        {"out": ((1, 17, 3, 5), *P)},
        45,
        2,
    ),
    Case(
        "yolov3-channels-first",
        f'kind = "yolov3"\nanchors = {ANCHOR_ROWS}',
        (96, 64),
        {"coarse": ((1, 16, 4, 6), -2, 2), "fine": ((1, 16, 8, 12), -2, 2)},
        240,
        3,
    ),
    Case(
        "yolov3-own-anchors-channels-last",
        'kind = "yolov3"',
        (96, 64),
        {f"s{s}": ((1, 64 // s, 96 // s, 21), -2, 2) for s in (32, 16, 8)},
        378,
        2,
    ),
    Case(
        "yolov3-anchor-dimension-last",
        f'kind = "yolov3"\nanchors = {ANCHOR_ROWS}',
        (96, 64),
        {"coarse": ((1, 4, 6, 2, 8), -2, 2), "fine": ((1, 8, 12, 2, 8), -2, 2)},
        240,
        3,
    ),
    Case(
        "yolov3-no-batch",
        'kind = "yolov3"\nanchors = [[[12, 9], [20, 31], [50, 7]]]',
        (96, 64),
        {"out": ((3, 4, 6, 7), -2, 2)},
        72,
        2,
    ),
    Case(
        "yolov5-maps",
        'kind = "yolov5"',
        (96, 64),
        {f"s{s}": ((1, 3, 64 // s, 96 // s, 7), *LOGIT) for s in (8, 16, 32)},
        378,
        2,
    ),
    Case(
        "yolov5-maps-channels-first",
        'kind = "yolov5"\nform = "maps"',
        (96, 64),
        {f"s{s}": ((1, 24, 64 // s, 96 // s), *LOGIT) for s in (8, 16, 32)},
        378,
        3,
    ),
    Case(
        "yolov5-decoded-pixels",
        'kind = "yolov5"\nunits = "pixels"',
        (96, 64),
        {"out": ((1, 77, 8), 0.1, 0.9)},
        77,
        3,
    ),
    Case(
        "yolov5-decoded-normalised",
        'kind = "yolov5"\nunits = "normalised"',
        (96, 64),
        {"out": ((1, 77, 8), 0.1, 0.9)},
        77,
        3,
    ),
    Case("yolov8", 'kind = "yolov8"', (96, 64), {"out": ((1, 7, 126), 0.1, 0.9)}, 126, 3),
    Case(
        "yolov8-rows-first-normalised",
        'kind = "yolov8"\nunits = "normalised"',
        (96, 64),
        {"out": ((1, 126, 7), 0.1, 0.9)},
        126,
        3,
    ),
    Case(
        "yolov8-layout-given",
        'kind = "yolov8"\nlayout = "rows-last"',
        (96, 64),
        {"out": ((1, 9, 6), 0.1, 0.9)},
        6,
        5,
    ),
    Case("yolox", 'kind = "yolox"', (96, 64), {"out": ((1, 126, 8), 0.1, 0.9)}, 126, 3),
    Case(
        "yolox-strides",
        'kind = "yolox"\nstrides = [16, 32]',
        (96, 64),
        {"out": ((1, 30, 7), 0.1, 0.9)},
        30,
        2,
    ),
    Case(
        "ultraface-raw",
        'kind = "ultraface"\nform = "raw"',
        # 21×15·3 + 11×8·2 + 6×4·2 + 3×2·3
        (168, 120),
        {"boxes": ((1, 1187, 4), -2, 2), "scores": ((1, 1187, 2), *P)},
        1187,
        1,
    ),
    Case(
        "ultraface-decoded",
        'kind = "ultraface"\nform = "decoded"',
        (168, 120),
        {"boxes": ((1, 1187, 4), (0, 0, 0.6, 0.6), (0.5, 0.5, 1, 1)), "scores": ((1, 1187, 2), *P)},
        1187,
        1,
    ),
    Case(
        "blazeface-inferred",
        'kind = "blazeface"',
        (128, 64),
        {"r": ((1, 448, 16), (-20, -20, 2, 2, *[-20] * 12), 20), "c": ((1, 448, 1), -6, 6)},
        448,
        1,
        6,
    ),
    Case(
        "blazeface-layers",
        'kind = "blazeface"\nlayers = [[32, 3]]',
        (96, 64),
        {"r": ((1, 18, 10), (-20, -20, 2, 2, *[-20] * 6), 20), "c": ((1, 18, 1), *LOGIT)},
        18,
        1,
        3,
    ),
    Case(
        "centernet",
        'kind = "centernet"',
        (96, 64),
        {
            "heat": ((1, 1, 16, 24), *P),
            "size": ((1, 2, 16, 24), -1, 2),
            "offset": ((1, 2, 16, 24), -0.5, 0.5),
            "points": ((1, 10, 16, 24), 0, 1),
        },
        384,
        1,
        5,
    ),
    Case(
        "centernet-two-classes-no-landmarks",
        'kind = "centernet"\nheatmap = "a"\nsize = "c"\noffset = "b"',
        (96, 64),
        {
            "a": ((1, 2, 8, 12), *P),
            "b": ((1, 2, 8, 12), -0.5, 0.5),
            "c": ((1, 2, 8, 12), -1, 2),
        },
        96,
        2,
    ),
    *of_families("SUPPRESSED"),
)

SINGLE = (
    *(
        Case(
            f"box-{format}-{units}",
            f'kind = "box"\nformat = "{format}"\nunits = "{units}"',
            (50, 30),
            {"out": ((1, 4), *((0, 1) if units == "normalised" else (3, 25)))},
            1,
            1,
        )
        for format in ("xyxy", "xywh", "cxcywh")
        for units in ("pixels", "normalised")
    ),
    Case(
        "box-columns-and-score",
        'kind = "box"\nformat = "xyxy"\nunits = "pixels"\nstart = 2\nscore = "s"\noutput = "o"',
        (50, 30),
        {"o": ((1, 14), 0, 20), "s": ((1, 2), *P)},
        1,
        1,
    ),
    Case(
        "box+class",
        'kind = "box+class"\nformat = "xywh"\nunits = "normalised"',
        (50, 30),
        {"p": ((1, 3), *P), "b": ((1, 4), 0, 1)},
        1,
        3,
    ),
    Case(
        "box+class-softmax-four-classes",
        'kind = "box+class"\nformat = "xyxy"\nunits = "pixels"\nactivation = "softmax"\n'
        'boxes = "b"',
        (50, 30),
        {"p": ((1, 4), *LOGIT), "b": ((1, 4), 0, 30)},
        1,
        4,
    ),
    *(
        Case(
            f"landmarks-{order}",
            f'kind = "landmarks"\nunits = "{units}"\norder = "{order}"',
            (50, 30),
            {"out": ((1, 10), 0, 1)},
            1,
            1,
            5,
        )
        for order, units in (("xy", "normalised"), ("yx", "pixels"), ("x-then-y", "normalised"))
    ),
    Case(
        "landmarks-score-columns",
        'kind = "landmarks"\nunits = "normalised"\nscore = "s"\nstart = 4\ncount = 3\n'
        'output = "out"',
        (50, 30),
        {"s": ((1, 1), *P), "out": ((1, 14), 0, 1)},
        1,
        1,
        3,
    ),
    *of_families("SINGLE"),
)
