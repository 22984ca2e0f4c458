"""GFL and its relatives, FCOS, RetinaNet: distances, bins and anchors of several strides."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from tests.heads.rows import LOGIT, Array, Case, P, Worked, filled

LN2, LN3, LN4 = log(2), log(3), log(4)  # e^LN2 = 2, σ(LN3) = ¾, softmax(0, LN3) = ¼, ¾
ALL = slice(None)
P5, P6, P7 = (8, 16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 128)
# 96×64: 12×8, 6×4, 3×2, 2×1 (the second of them reaches beyond the picture), 1×1 cells
CELLS = {8: 96, 16: 24, 32: 6, 64: 2, 128: 1}
ONE_SIZE = 'sizes = [[30]]\nratios = [1]\norder = "sizes-then-ratios"\noffset = 0\nclamp = "above"'


def rows(strides: tuple[int, ...], a: int = 1) -> int:
    return a * sum(CELLS[s] for s in strides)


def maps(name: str, strides: tuple[int, ...], depth: int, *span: float) -> dict[str, object]:
    """Return a map a stride, the largest stride first."""
    return {f"{name}{s}": ((1, depth, -(-64 // s), -(-96 // s)), *span) for s in reversed(strides)}


def zeros(name: str, strides: tuple[int, ...], depth: int) -> dict[str, Array]:
    return {f"{name}{s}": np.zeros((1, depth, -(-64 // s), -(-96 // s))) for s in strides}


SUPPRESSED = (
    Case(
        "gfl-nanodet-plus",
        'kind = "gfl"\nfamily = "nanodet-plus"',
        (96, 64),
        {"output": ((1, rows(P6), 3 + 32), (*[P[0]] * 3, *[-4] * 32), (*[P[1]] * 3, *[4] * 32))},
        rows(P6),
        3,
    ),
    Case(
        "gfl-nanodet-rows-a-stride",
        'kind = "gfl"\nfamily = "nanodet"',
        (96, 64),
        {
            f"{k}_pred_stride_{s}": ((1, CELLS[s], d), *r)
            for k, d, r in (("cls", 2, P), ("dis", 32, (-4, 4)))
            for s in P5
        },
        rows(P5),
        2,
    ),
    Case(
        "gfl-picodet",
        'kind = "gfl"\nfamily = "picodet"',
        (96, 64),
        {
            f"{k}{s}": ((1, CELLS[s], d), *r)
            for k, d, r in (("s", 3, P), ("b", 32, (-4, 4)))
            for s in P6
        },
        rows(P6),
        3,
    ),
    Case(
        # 12 classes and 17 bins: both quantities' depths are fours
        "gfl-mmdet-maps",
        'kind = "gfl"\nfamily = "gfl"',
        (96, 64),
        {**maps("cls", P7, 12, *LOGIT), **maps("reg", P7, 68, -4, 4)},
        rows(P7),
        12,
    ),
    Case(
        "gfl-rtmdet-pixels",
        'kind = "gfl"\nfamily = "rtmdet"\ndistances = "pixels"',
        (96, 64),
        {**maps("cls", P5, 3, *LOGIT), **maps("reg", P5, 4, -4, 40)},
        rows(P5),
        3,
    ),
    Case(
        "gfl-no-family-strides-channels-last",
        'kind = "gfl"\noffset = 0.5\nactivation = "sigmoid"\ndistances = "strides"\nclip = true\n'
        'layout = "NHWC"\nstrides = [16, 8]\nscores = ["c8", "c16"]\nboxes = ["r8", "r16"]',
        (96, 64),
        {
            f"{k}{s}": ((1, 64 // s, 96 // s, 4), *r)
            for k, r in (("c", LOGIT), ("r", (-0.5, 4)))
            for s in (8, 16)
        },
        rows((8, 16)),
        4,
    ),
    Case(
        "fcos-torchvision",
        'kind = "fcos"\nfamily = "torchvision"',
        (96, 64),
        {
            "cls_logits": ((1, rows(P7), 3), *LOGIT),
            "bbox_regression": ((1, rows(P7), 4), 0, 4),
            "bbox_ctrness": ((1, rows(P7), 1), *LOGIT),
        },
        rows(P7),
        3,
    ),
    Case(
        "fcos-mmdet",
        'kind = "fcos"\nfamily = "mmdet"',
        (96, 64),
        {
            **maps("cls", P7, 2, *LOGIT),
            **maps("reg", P7, 4, 0, 50),
            **maps("ctr", P7, 1, *LOGIT),
        },
        rows(P7),
        2,
    ),
    Case(
        # one class: scores and centreness have one column each, and are named
        "fcos-original-one-class",
        'kind = "fcos"\nfamily = "original"\nstrides = [8, 16]\nclip = true\n'
        'scores = ["cls8", "cls16"]\ncenterness = ["ctr8", "ctr16"]',
        (96, 64),
        {
            **maps("ctr", (8, 16), 1, *LOGIT),
            **maps("cls", (8, 16), 1, *LOGIT),
            **maps("reg", (8, 16), 4, -4, 50),
        },
        rows((8, 16)),
        1,
    ),
    Case(
        "fcos-no-centreness",
        'kind = "fcos"\nscore = "class"\noffset = 0.5\ndistances = "strides"\n'
        'activation = "none"\nstrides = [16]',
        (96, 64),
        {"cls": ((1, 24, 2), *P), "reg": ((1, 24, 4), 0, 3)},
        24,
        2,
    ),
    Case(
        # 104×72: 13×9, 7×5, 4×3, 2×2, 1×1 cells; torchvision's are 104 // 7 = 14 pixels apart
        "retinanet-torchvision",
        'kind = "retinanet"\nfamily = "torchvision"',
        (104, 72),
        {
            "cls_logits": ((1, 9 * (117 + 35 + 12 + 4 + 1), 2), *LOGIT),
            "bbox_regression": ((1, 9 * (117 + 35 + 12 + 4 + 1), 4), -1, 1),
        },
        9 * 169,
        2,
    ),
    Case(
        "retinanet-detectron2",
        'kind = "retinanet"\nfamily = "detectron2"\nclip = false',
        (96, 64),
        {**maps("cls", P7, 27, *LOGIT), **maps("reg", P7, 36, (-1), 6)},
        rows(P7, 9),
        3,
    ),
    Case(
        "retinanet-mmdet",
        'kind = "retinanet"\nfamily = "mmdet"',
        (96, 64),
        {**maps("reg", P7, 36, -6, 6), **maps("cls", P7, 18, *LOGIT)},
        rows(P7, 9),
        2,
    ),
    Case(
        "retinanet-scales-and-ratios",
        'kind = "retinanet"\nstrides = [16, 32]\nscales = [2, 3]\nratios = [0.25, 4, 1]\n'
        'order = "ratios-then-sizes"\noffset = 0.5\nclamp = "none"\nrounded = true\n'
        'variances = [0.1, 0.2]\nactivation = "none"',
        (96, 64),
        {"b": ((1, rows((16, 32), 6), 4), -2, 2), "s": ((1, rows((16, 32), 6), 2), *P)},
        rows((16, 32), 6),
        2,
    ),
)

WORKED = (
    # stride 16, cell 2, 1: the point is (32, 16), without the half. Of 8 bins, left has ¼ on the
    # first and ¾ on the second (¾ strides), top all on the third (2 strides), right on the eighth
    # (7), bottom on the first (0): x1 = 32 − 12, y1 = 16 − 32 → 0, x2 = 32 + 112 → 96, y2 = 16
    Worked(
        "gfl-nanodet-plus",
        'kind = "gfl"\nfamily = "nanodet-plus"',
        (96, 64),
        lambda: {"out": filled((1, 128, 34), ((0, 96 + 8), (0.2, 0.7, *bins())))},
        96 + 8,
        (20, 0, 96, 16),
        (0.2, 0.7),
    ),
    # the same with the half, and not cut: (40, 24)
    Worked(
        "gfl-picodet",
        'kind = "gfl"\nfamily = "picodet"',
        (96, 64),
        lambda: {
            **{f"s{s}": np.zeros((1, CELLS[s], 2)) for s in (8, 32, 64)},
            **{f"b{s}": np.zeros((1, CELLS[s], 32)) for s in (8, 32, 64)},
            "s16": filled((1, 24, 2), ((0, 8), (0.2, 0.7))),
            "b16": filled((1, 24, 32), ((0, 8), bins())),
        },
        96 + 8,
        (28, -8, 152, 24),
        (0.2, 0.7),
    ),
    # RTMDet: distances as they are, of (32, 16); logits
    Worked(
        "gfl-rtmdet-pixels",
        'kind = "gfl"\nfamily = "rtmdet"\ndistances = "pixels"',
        (96, 64),
        lambda: {
            **zeros("c", (8, 32), 2),
            **zeros("r", (8, 32), 4),
            "c16": filled((1, 2, 4, 6), ((0, ALL, 1, 2), (LN3, 0))),
            "r16": filled((1, 4, 4, 6), ((0, ALL, 1, 2), (1, 2, 3, 4))),
        },
        96 + 8,
        (31, 14, 35, 20),
        (0.75, 0.5),
    ),
    Worked(
        "gfl-rtmdet-strides",
        'kind = "gfl"\nfamily = "rtmdet"\ndistances = "strides"',
        (96, 64),
        lambda: {
            **zeros("c", (8, 32), 2),
            **zeros("r", (8, 32), 4),
            "c16": filled((1, 2, 4, 6), ((0, ALL, 1, 2), (LN3, 0))),
            "r16": filled((1, 4, 4, 6), ((0, ALL, 1, 2), (1, 0.5, 3, 2))),
        },
        96 + 8,
        (16, 8, 80, 48),
        (0.75, 0.5),
    ),
    # torchvision: cell 1, 0 of stride 64 on 96×64, two cells: 96 // 2 = 48 apart, so (48, 0);
    # distances times the nominal stride: x1 = 48 − 32, y1 = 0 − 64 → 0, x2 = 48 + 64 → 96, y2 = 16;
    # √(¾ · ¾) and √(½ · ¾)
    Worked(
        "fcos-torchvision",
        'kind = "fcos"\nfamily = "torchvision"',
        (96, 64),
        lambda: {
            "cls": filled((1, 129, 2), ((0, 127), (LN3, 0))),
            "reg": filled((1, 129, 4), ((0, 127), (0.5, 1, 1, 0.25))),
            "ctr": filled((1, 129, 1), ((0, 127), LN3)),
        },
        127,
        (16, 0, 96, 16),
        (0.75, sqrt(0.375)),
    ),
    # mmdetection: the centre of cell 2, 1 at stride 16 is (40, 24); pixels, and no root
    Worked(
        "fcos-mmdet",
        'kind = "fcos"\nfamily = "mmdet"',
        (96, 64),
        lambda: {
            **zeros("cls", P7, 2),
            **zeros("reg", P7, 4),
            **zeros("ctr", P7, 1),
            "cls16": filled((1, 2, 4, 6), ((0, ALL, 1, 2), (LN3, 0))),
            "reg16": filled((1, 4, 4, 6), ((0, ALL, 1, 2), (1, 2, 3, 4))),
            "ctr16": filled((1, 1, 4, 6), ((0, ALL, 1, 2), LN3)),
        },
        96 + 8,
        (39, 22, 43, 28),
        (0.5625, 0.375),
    ),
    # torchvision, 96×64, stride 64: two cells 48 apart, the second at (48, 0). Its anchors are of
    # 256, 322 and 406 (int(256·2^⅓), int(256·2^⅔)), ratios ½, 1, 2; the fifth is 322×322, of ratio
    # 1: w = h = 322. dx = ½: x = 48 + 161; dw = ln 4: 1288; dy = 0; dh clamped at 1000/16. Cut.
    Worked(
        "retinanet-torchvision",
        'kind = "retinanet"\nfamily = "torchvision"\nclip = false',
        (96, 64),
        lambda: {
            "cls": filled((1, 9 * 129, 2), ((0, 9 * 127 + 4), (0, LN3))),
            "reg": filled((1, 9 * 129, 4), ((0, 9 * 127 + 4), (0.5, 0, LN4, 9))),
        },
        9 * 127 + 4,
        (209 - 644, -322 * 31.25, 209 + 644, 322 * 31.25),
        (0.5, 0.75),
    ),
    # its second anchor of the first cell of stride 8: 40 (int(40.3)) of ratio ½: w = 40·√2 = 56.57,
    # h = 28.28, corners rounded to ±28 and ±14; its centre is (0, 0)
    Worked(
        "retinanet-torchvision-rounds-and-cuts",
        'kind = "retinanet"\nfamily = "torchvision"',
        (96, 64),
        lambda: {
            "cls": np.zeros((1, 9 * 129, 2)),
            "reg": filled((1, 9 * 129, 4), ((0, 1), (0.25, 0.5, 0, 0))),
        },
        1,
        (0, 0, 14 + 28, 14 + 14),
        (0.5, 0.5),
    ),
    # detectron2: all ratios of the first size first, so the second anchor is 32×32
    Worked(
        "retinanet-detectron2",
        'kind = "retinanet"\nfamily = "detectron2"\nclip = false',
        (96, 64),
        lambda: {
            "cls": np.zeros((1, 9 * 129, 1)),
            "reg": filled((1, 9 * 129, 4), ((0, 1), (0.5, 0, 0, LN2))),
        },
        1,
        (0, -32, 32, 32),
        (0.5,),
    ),
    # mmdetection: the fourth anchor (ratio 1, 4 strides) of cell 5, 3 at stride 16, in the map's
    # order anchor, column: 64×64 at (80, 48); dw below −log(1000/16) is kept at it: 64·.016
    Worked(
        "retinanet-mmdet",
        'kind = "retinanet"\nfamily = "mmdet"',
        (96, 64),
        lambda: {
            **zeros("c", P7, 9),
            **zeros("r", P7, 36),
            "c16": filled((1, 9, 4, 6), ((0, 3, 3, 5), LN3)),
            "r16": filled((1, 36, 4, 6), ((0, slice(12, 16), 3, 5), (0.25, 0, -9, 0))),
        },
        9 * (96 + 23) + 3,
        (96 - 0.512, 16, 96 + 0.512, 80),
        (0.75,),
    ),
    Worked(
        "retinanet-one-size",
        f'kind = "retinanet"\nstrides = [32]\n{ONE_SIZE}',
        (96, 64),
        lambda: {
            "c": filled((1, 6, 2), ((0, 4), (LN3, 0))),
            "r": filled((1, 6, 4), ((0, 4), (0.1, 0.2, 0, LN2))),
        },
        4,
        (32 + 3 - 15, 32 + 6 - 30, 32 + 3 + 15, 32 + 6 + 30),
        (0.75, 0.5),
    ),
)


def bins() -> tuple[float, ...]:
    """Return logits of 8 bins a side: left ¼, ¾ on 0 and 1, top on 2, right on 7, bottom on 0."""
    left = (0, LN3, *[-90] * 6)
    return (*left, *one_hot(2), *one_hot(7), *one_hot(0))


def one_hot(k: int) -> tuple[float, ...]:
    return tuple(0 if i == k else -90 for i in range(8))


INVERTED = (
    Case(
        "gfl-distances",
        'kind = "gfl"\nfamily = "rtmdet"\ndistances = "strides"\nstrides = [8, 16]',
        (96, 64),
        {"c": ((1, 120, 2), -1, 3), "r": ((1, 120, 4), -1.5, 2)},
        120,
        2,
    ),
    Case(
        "fcos-distances",
        'kind = "fcos"\nfamily = "mmdet"\nstrides = [8]',
        (96, 64),
        {"c": ((1, 96, 2), 0, 4), "r": ((1, 96, 4), -15, 20), "t": ((1, 96, 1), 0, 4)},
        96,
        2,
    ),
)

SETTLED = {
    "nanodet-plus": (
        'kind = "gfl"\nfamily = "nanodet-plus"',
        (416, 416),
        {"output": (1, 3598, 112)},  # 52² + 26² + 13² + 7²
        "gfl, family nanodet-plus: 80 classes, 3598 candidates (strides 8, 16, 32, 64), 8 bins a "
        "side, points at (cell + 0) · stride, none on the scores, boxes cut at the input",
    ),
    "picodet": (
        'kind = "gfl"\nfamily = "picodet"',
        (320, 320),
        {f"{k}{s}": (1, (320 // s) ** 2, d) for k, d in (("s", 80), ("b", 32)) for s in P6},
        "gfl, family picodet: 80 classes, 2125 candidates (strides 8, 16, 32, 64), 8 bins a side, "
        "points at (cell + 0.5) · stride, none on the scores, boxes not cut",
    ),
    "bins that are not the family's": (
        'kind = "gfl"\nfamily = "gfl"',
        (256, 256),
        {f"{k}{s}": (1, d, 256 // s, 256 // s) for k, d in (("c", 3), ("b", 32)) for s in P7},
        "gfl, family gfl: 3 classes, 1364 candidates (strides 8, 16, 32, 64, 128), 8 bins a side, "
        "points at (cell + 0) · stride, sigmoid on the scores, boxes not cut",
    ),
    "rtmdet": (
        'kind = "gfl"\nfamily = "rtmdet"\ndistances = "strides"',
        (64, 64),
        {f"{k}{s}": (1, d, 64 // s, 64 // s) for k, d in (("c", 3), ("b", 4)) for s in P5},
        "gfl, family rtmdet: 3 classes, 84 candidates (strides 8, 16, 32), distances in strides, "
        "points at (cell + 0) · stride, sigmoid on the scores, boxes not cut",
    ),
    "fcos of mmdetection": (
        'kind = "fcos"\nfamily = "mmdet"',
        (256, 256),
        {
            f"{k}{s}": (1, d, 256 // s, 256 // s)
            for k, d in (("c", 80), ("b", 4), ("t", 1))
            for s in P7
        },
        "fcos, family mmdet: 80 classes, 1364 candidates (strides 8, 16, 32, 64, 128), score class "
        "· centreness, points at (cell + 0.5) · stride, distances in pixels, sigmoid on the "
        "scores, boxes not cut",
    ),
    "retinanet of torchvision": (
        'kind = "retinanet"\nfamily = "torchvision"',
        (256, 256),
        {"cls_logits": (1, 9 * 1364, 91), "bbox_regression": (1, 9 * 1364, 4)},
        "retinanet, family torchvision: 91 classes, 12276 candidates (strides 8, 16, 32, 64, 128, "
        "9 anchors a cell, ratios-then-sizes), log sizes at most log(1000/16), sigmoid on the "
        "scores, boxes cut at the input",
    ),
}

ASKED = {
    "gfl without a family": (
        'kind = "gfl"',
        (96, 64),
        {"c": (1, 126, 3), "b": (1, 126, 32)},
        {"head.family": "offset and activation differ between the families"},
    ),
    "rtmdet's distances": (
        'kind = "gfl"\nfamily = "rtmdet"',
        (96, 64),
        {"c": (1, 126, 3), "b": (1, 126, 4)},
        {"head.distances": "boxes are distances in strides or in pixels, which no shape tells"},
    ),
    "bins of one output": (
        'kind = "gfl"\noffset = 0\nactivation = "none"\nstrides = [8, 16, 32]',
        (96, 64),
        {"out": (1, 126, 35)},
        {"head.bins": "scores and bins are in one output"},
    ),
    "32 classes and 8 bins": (
        'kind = "gfl"\nfamily = "nanodet"',
        (96, 64),
        {"c": (1, 126, 32), "b": (1, 126, 32)},
        {
            "head.boxes": "2 quantities are [1, N, 32]",
            "head.scores": "2 quantities are [1, N, C]",
        },
    ),
    "bins in pixels": (
        'kind = "gfl"\nfamily = "nanodet"\ndistances = "pixels"',
        (96, 64),
        {"c": (1, 126, 3), "b": (1, 126, 32)},
        {"head.distances": "8 bins a side count strides"},
    ),
    "fcos without a family, of one class": (
        'kind = "fcos"\nstrides = [8, 16, 32]',
        (96, 64),
        {"c": (1, 126, 1), "b": (1, 126, 4), "t": (1, 126, 1)},
        {
            "head.family": "offset, distances, score differ between the families",
            "head.centerness": "2 quantities are [1, N, 1]",
            "head.scores": "2 quantities are [1, N, C]",
        },
    ),
    "retinanet without anchors": (
        'kind = "retinanet"\nstrides = [8, 16, 32]',
        (96, 64),
        {"c": (1, 9 * 126, 2), "b": (1, 9 * 126, 4)},
        {"head.family": "sizes or scales, order, offset, clamp differ between libraries"},
    ),
    "retinanet with another number of anchors": (
        'kind = "retinanet"\nfamily = "torchvision"\nratios = [1]',
        (96, 64),
        {"c": (1, 9 * 129, 2), "b": (1, 9 * 129, 4)},
        {
            "head.boxes": "no output is [1, 387, 4]",
            "head.scores": "no output is [1, 387, C]",
        },
    ),
}
