"""RetinaFace, SCRFD, YOLO5Face, and MediaPipe's palm and pose detectors."""

from __future__ import annotations

from math import log

import numpy as np

from tests.heads.rows import LOGIT, Case, P, Worked, filled

LN2, LN3 = log(2), log(3)  # e^LN2 = 2, σ(LN3) = ¾
ALL = slice(None)
# 96×64 at strides 8, 16, 32: 12×8, 6×4, 3×2 cells
CELLS = {8: 96, 16: 24, 32: 6}
N2 = 2 * sum(CELLS.values())
P7 = (8, 16, 32, 64, 128)

SUPPRESSED = (
    Case(
        "retinaface-raw",
        'kind = "retinaface"\nform = "raw"',
        (96, 64),
        {"loc": ((1, N2, 4), -2, 2), "conf": ((1, N2, 2), *P), "landms": ((1, N2, 10), -2, 2)},
        N2,
        1,
        5,
    ),
    Case(
        "retinaface-maps-logits",
        'kind = "retinaface"\nform = "raw"\nactivation = "softmax"\nvariances = [0.2, 0.1]',
        # not a multiple of 32: 13×9, 7×5, 4×3 cells
        (100, 70),
        {
            f"{k}{s}": ((1, 2 * d, -(-70 // s), -(-100 // s)), *r)
            for k, d, r in (("b", 4, (-2, 2)), ("c", 2, LOGIT), ("l", 10, (-2, 2)))
            for s in (32, 16, 8)
        },
        2 * (117 + 35 + 12),
        1,
        5,
    ),
    Case(
        "retinaface-one-output",
        'kind = "retinaface"\nform = "raw"\ncolumns = "boxes-scores-points"',
        (96, 64),
        {
            "out": (
                (1, N2, 12),
                (*[-2] * 4, *[P[0]] * 2, *[-2] * 6),
                (*[2] * 4, *[P[1]] * 2, *[2] * 6),
            )
        },
        N2,
        1,
        3,
    ),
    Case(
        "retinaface-decoded-points-first",
        'kind = "retinaface"\nform = "decoded"\ncolumns = "boxes-points-scores"\noutput = "out"',
        (96, 64),
        {"out": ((1, N2, 16), (0, 0, 0.5, 0.5, *[0] * 12), (0.6, 0.6, 1, 1, *[1] * 12))},
        N2,
        1,
        5,
    ),
    Case(
        "scrfd",
        'kind = "scrfd"',
        (96, 64),
        {
            f"{k}{s}": ((1, 2 * n, d), *r)
            for k, d, r in (("s", 1, P), ("b", 4, (-0.5, 3)), ("k", 10, (-2, 2)))
            for s, n in CELLS.items()
        },
        N2,
        1,
        5,
    ),
    Case(
        "scrfd-five-strides-unbatched-no-points",
        'kind = "scrfd"\nactivation = "sigmoid"',
        (96, 64),
        {
            f"{k}{s}": ((n, d), *r)
            for k, d, r in (("s", 1, LOGIT), ("b", 4, (0.1, 3)))
            for s, n in {**CELLS, 64: 2, 128: 1}.items()
        },
        129,
        1,
    ),
    Case(
        "scrfd-named-maps-two-classes",
        'kind = "scrfd"\nstrides = [8, 16]\nanchors = 3\nboxes = ["b8", "b16"]\n'
        'scores = ["s8", "s16"]',
        (96, 64),
        {
            "s16": ((1, 6, 4, 6), *P),
            "b16": ((1, 12, 4, 6), 0.1, 3),
            "s8": ((1, 6, 8, 12), *P),
            "b8": ((1, 12, 8, 12), 0.1, 3),
        },
        360,
        2,
    ),
    Case(
        "yolo5face-decoded",
        'kind = "yolo5face"\nunits = "pixels"',
        (96, 64),
        {"out": ((1, 77, 17), 0.1, 0.9)},
        77,
        2,
        5,
    ),
    Case(
        "yolo5face-normalised-three-points",
        'kind = "yolo5face"\nunits = "normalised"\npoints = 3',
        (96, 64),
        {"out": ((1, 77, 12), 0.1, 0.9)},
        77,
        1,
        3,
    ),
    Case(
        "yolo5face-maps",
        'kind = "yolo5face"',
        (96, 64),
        {f"stride_{s}": ((1, 3, 64 // s, 96 // s, 16), *LOGIT) for s in (8, 16, 32)},
        378,
        1,
        5,
    ),
    Case(
        "yolo5face-maps-channels-last",
        'kind = "yolo5face"\npoints = 2\nanchors = [[[12, 9], [20, 31]], [[40, 28], [33, 60]]]',
        (96, 64),
        {"coarse": ((1, 4, 6, 22), -2, 2), "fine": ((1, 8, 12, 22), -2, 2)},
        240,
        2,
        2,
    ),
    Case(
        "blazeface-palm",
        'kind = "blazeface"',
        (192, 96),
        # 24×12·2 + 12×6·6
        {"r": ((1, 1008, 18), (-20, -20, 2, 2, *[-20] * 14), 20), "c": ((1, 1008, 1), -6, 6)},
        1008,
        1,
        7,
    ),
    Case(
        "blazeface-pose",
        'kind = "blazeface"',
        (224, 96),
        # 28×12·2 + 14×6·2 + 7×3·6
        {"r": ((1, 966, 12), (-20, -20, 2, 2, *[-20] * 8), 20), "c": ((1, 966, 1), -6, 6)},
        966,
        1,
        4,
    ),
)

WORKED = (
    # second prior of cell 2, 1 at stride 32, side 512: centre (80 + .1·512, 48 − .1·512·.5), size
    # (512·e^(.2·5·ln2), 512); point (80 + .1·512·.5, 48 + .1·512·−1); background comes first
    Worked(
        "retinaface",
        'kind = "retinaface"\nform = "raw"',
        (96, 64),
        lambda: {
            "loc": filled((1, N2, 4), ((0, N2 - 1), (1, -0.5, 5 * LN2, 0))),
            "conf": filled((1, N2, 2), ((0, N2 - 1), (0.3, 0.7))),
            "landms": filled((1, N2, 10), ((0, N2 - 1), (0.5, -1, *[0] * 8))),
        },
        N2 - 1,
        (80 + 51.2 - 512, 48 - 25.6 - 256, 80 + 51.2 + 512, 48 - 25.6 + 256),
        (0.7,),
        (80 + 25.6, 48 - 51.2, *[80, 48] * 4),
    ),
    # first prior of cell 1, 0 at stride 16, side 64, of a map: row 2·96 + 2·1; channel order is
    # prior, then column, so the first prior has channels 0–3
    Worked(
        "retinaface-maps",
        'kind = "retinaface"\nform = "raw"\nactivation = "softmax"',
        (96, 64),
        lambda: {
            **{
                f"{k}{s}": np.zeros((1, 2 * d, 64 // s, 96 // s))
                for k, d in (("b", 4), ("c", 2), ("l", 6))
                for s in (8, 32)
            },
            "b16": filled((1, 8, 4, 6), ((0, slice(0, 4), 0, 1), (1, 0, 0, 5 * LN2))),
            "c16": filled((1, 4, 4, 6), ((0, slice(0, 2), 0, 1), (0, LN3))),
            "l16": filled((1, 12, 4, 6), ((0, slice(0, 6), 0, 1), (0, 1, 0, 0, 0, 0))),
        },
        194,
        (24 + 6.4 - 32, 8 - 64, 24 + 6.4 + 32, 8 + 64),
        (0.75,),
        (24, 8 + 6.4, 24, 8, 24, 8),
    ),
    Worked(
        "retinaface-decoded",
        'kind = "retinaface"\nform = "decoded"\ncolumns = "boxes-scores-points"',
        (96, 64),
        lambda: {
            "out": filled((1, N2, 12), ((0, 7), (0.25, 0.5, 0.5, 1, 0.4, 0.6, 0, 0.25, 1, 0, 0, 1)))
        },
        7,
        (24, 32, 48, 64),
        (0.6,),
        (0, 16, 96, 0, 0, 64),
    ),
    # second anchor of cell 2, 1 at stride 16 (x 32, y 16): row 2·96 + 2·8 + 1
    Worked(
        "scrfd",
        'kind = "scrfd"',
        (96, 64),
        lambda: {
            **{
                f"{k}{s}": np.zeros((1, 2 * n, d))
                for k, d in (("s", 1), ("b", 4), ("k", 6))
                for s, n in CELLS.items()
                if s != 16
            },
            "s16": filled((1, 48, 1), ((0, 17), 0.9)),
            "b16": filled((1, 48, 4), ((0, 17), (1, 0.5, 2, 0.25))),
            "k16": filled((1, 48, 6), ((0, 17), (0.5, -0.5, 1, 0, 0, 1))),
        },
        209,
        (16, 8, 64, 20),
        (0.9,),
        (40, 8, 48, 16, 32, 32),
    ),
    # a box turned inside out keeps its first corner, and has no width
    Worked(
        "scrfd-inverted",
        'kind = "scrfd"\nstrides = [32]\nanchors = 1',
        (96, 64),
        lambda: {
            "s": filled((6, 1), (4, 0.9)),
            "b": filled((6, 4), (4, (0.5, 0.5, -0.75, 0.5))),
        },
        4,
        (16, 16, 16, 48),
        (0.9,),
    ),
    # third row: centre (20, 10), size (8, 6); .5·(.6, .8)
    Worked(
        "yolo5face-decoded",
        'kind = "yolo5face"\nunits = "pixels"\npoints = 2',
        (96, 64),
        lambda: {"out": filled((1, 9, 11), ((0, 2), (20, 10, 8, 6, 0.5, 1, 2, 3, 4, 0.6, 0.8)))},
        2,
        (16, 7, 24, 13),
        (0.3, 0.4),
        (1, 2, 3, 4),
    ),
    # centre ((2·¾−½+2)·32, (2·½−½+1)·32), size ((2·¾)²·10, 20); ½·¾; points (½·10 + 2·32, −½·20 +
    # 1·32): with the anchor, without the half cell and without the sigmoid
    Worked(
        "yolo5face-maps",
        'kind = "yolo5face"\npoints = 1\nanchors = [[[10, 20]]]',
        (96, 64),
        lambda: {"m": filled((1, 1, 2, 3, 8), ((0, 0, 1, 2), (LN3, 0, LN3, 0, 0, 0.5, -0.5, LN3)))},
        5,
        (96 - 11.25, 38, 96 + 11.25, 58),
        (0.375,),
        (69, 22),
    ),
    # MediaPipe's pose detector: last of the six anchors of the last cell of stride 32, centre (208,
    # 208); the box is 20×10 about (209, 206), the first point (210, 209)
    Worked(
        "blazeface-pose",
        'kind = "blazeface"',
        (224, 224),
        lambda: {
            "r": filled((1, 2254, 12), ((0, 2253), (1, -2, 20, 10, 2, 1, *[0] * 6))),
            "c": filled((1, 2254, 1), ((0, 2253), LN3)),
        },
        2253,
        (199, 201, 219, 211),
        (0.75,),
        (210, 209, *[208, 208] * 3),
    ),
)

INVERTED = (
    Case(
        "retinaface-decoded",
        'kind = "retinaface"\nform = "decoded"\nstrides = [8]\npriors = [[16]]',
        (96, 64),
        {"b": ((1, 96, 4), 0, 1), "c": ((1, 96, 2), 0, 0.6), "l": ((1, 96, 6), 0, 1)},
        96,
        1,
        3,
    ),
    Case(
        "scrfd",
        'kind = "scrfd"\nstrides = [8]\nanchors = 1',
        (96, 64),
        {"s": ((1, 96, 1), 0, 1), "b": ((1, 96, 4), -1.5, 2)},
        96,
        1,
    ),
    Case(
        "yolo5face-pixels",
        'kind = "yolo5face"\nunits = "pixels"\npoints = 1',
        (96, 64),
        {"out": ((1, 77, 8), (0, 0, -40, -40, 0.5, 0, 0, 0), (96, 64, 40, 40, 1, 96, 64, 1))},
        77,
        1,
        1,
    ),
)

SETTLED = {
    "retinaface": (
        'kind = "retinaface"\nform = "raw"',
        (640, 640),
        {"585": (1, 16800, 4), "586": (1, 16800, 2), "584": (1, 16800, 10)},
        "retinaface, raw, 16800 candidates (strides 8, 16, 32, 2 priors a cell), 5 landmarks; "
        "an output each, none on the scores",
    ),
    "retinaface in one output": (
        'kind = "retinaface"\nform = "decoded"\ncolumns = "boxes-points-scores"',
        (640, 640),
        {"out": (1, 16800, 16)},
        "retinaface, decoded, 16800 candidates (strides 8, 16, 32, 2 priors a cell), 5 landmarks; "
        "all columns in 'out', boxes-points-scores, none on the scores",
    ),
    "scrfd's nine outputs, not batched": (
        'kind = "scrfd"',
        (640, 640),
        {
            name: (2 * (640 // s) ** 2, d)
            for d, names in ((1, "448 471 494"), (4, "451 474 497"), (10, "454 477 500"))
            for name, s in zip(names.split(), (8, 16, 32), strict=True)
        },
        "scrfd, 1 class, 16800 candidates (strides 8, 16, 32, 2 anchors a cell), 5 landmarks; "
        "boxes '451', '474', '497', none on the scores",
    ),
    "scrfd's ten outputs": (
        'kind = "scrfd"',
        (640, 640),
        {f"{k}{s}": (1, (640 // s) ** 2, d) for k, d in (("s", 1), ("b", 4)) for s in P7},
        "scrfd, 1 class, 8525 candidates (strides 8, 16, 32, 64, 128, 1 anchor a cell), "
        "0 landmarks; boxes 'b8', 'b16', 'b32', 'b64', 'b128', none on the scores",
    ),
    "yolo5face rows": (
        'kind = "yolo5face"\nunits = "pixels"',
        (640, 640),
        {"output": (1, 25200, 16)},
        "yolo5face, decoded, 1 class, 25200 candidates, 5 landmarks, boxes and points in pixels",
    ),
    "yolo5face maps": (
        'kind = "yolo5face"',
        (640, 640),
        {f"stride_{s}": (1, 3, 640 // s, 640 // s, 16) for s in (8, 16, 32)},
        "yolo5face, 1 class, 25200 candidates from 3 maps ('stride_8' at stride 8, 'stride_16' at "
        "stride 16, 'stride_32' at stride 32), 5 landmarks, yolo5face's own anchors",
    ),
    "mediapipe palm": (
        'kind = "blazeface"',
        (192, 192),
        {"r": (1, 2016, 18), "c": (1, 2016, 1)},
        "blazeface, 2016 candidates (2 a cell of 8 px + 6 a cell of 16 px), 7 landmarks",
    ),
    "mediapipe palm of 256": (
        'kind = "blazeface"',
        (256, 256),
        {"r": (1, 2944, 18), "c": (1, 2944, 1)},
        "blazeface, 2944 candidates (2 a cell of 8 px + 2 a cell of 16 px + 6 a cell of 32 px), "
        "7 landmarks",
    ),
    "mediapipe pose": (
        'kind = "blazeface"',
        (224, 224),
        {"r": (1, 2254, 12), "c": (1, 2254, 1)},
        "blazeface, 2254 candidates (2 a cell of 8 px + 2 a cell of 16 px + 6 a cell of 32 px), "
        "4 landmarks",
    ),
}

ASKED = {
    "retinaface's order of columns": (
        'kind = "retinaface"\nform = "raw"',
        (640, 640),
        {"out": (1, 16800, 16)},
        {"head.columns": "boxes, scores and points are in one output, and no shape tells"},
    ),
    "retinaface of another size": (
        'kind = "retinaface"\nform = "raw"',
        (320, 320),
        {"b": (1, 16800, 4), "c": (1, 16800, 2), "l": (1, 16800, 10)},
        {
            "head.boxes": "no output is [1, N, 4] for strides 8, 16, 32",
            "head.scores": "no output is [1, N, 2] for strides 8, 16, 32",
            "head.points": "no output is [1, N, 2L] for strides 8, 16, 32",
        },
    ),
    "two outputs of four columns": (
        'kind = "retinaface"\nform = "raw"\nscores = "c"',
        (96, 64),
        {"a": (1, N2, 4), "b": (1, N2, 4), "c": (1, N2, 2), "l": (1, N2, 10)},
        {"head.boxes": "2 quantities are [1, N, 4]"},
    ),
    "a stride of another": (
        'kind = "scrfd"\nboxes = ["b8", "b8", "b32"]\nscores = ["s8", "s16"]',
        (96, 64),
        {f"{k}{s}": (1, 2 * n, d) for k, d in (("s", 1), ("b", 4)) for s, n in CELLS.items()},
        {
            "head.boxes": "output 'b8' is read as something else",
            "head.scores": "'s8' [1, 192, 1], 's16' [1, 48, 1]: expected [N, 1]",
        },
    ),
    "a map that could lie both ways": (
        'kind = "scrfd"\nstrides = [16]\nanchors = 2',
        (128, 128),
        {"b": (1, 8, 8, 8), "s": (1, 2, 8, 8)},
        {"head.layout": "'b' can be read with the channels first or last"},
    ),
    "yolo5face's units": (
        'kind = "yolo5face"',
        (96, 64),
        {"out": (1, 378, 16)},
        {"head.units": "decoded boxes and points are in pixels or normalised"},
    ),
    "yolo5face with too few channels": (
        'kind = "yolo5face"',
        (96, 64),
        {f"s{s}": (1, 3, 64 // s, 96 // s, 15) for s in (8, 16, 32)},
        {"head.anchors": "15 channels an anchor in output 's32', expected 15+C"},
    ),
}
