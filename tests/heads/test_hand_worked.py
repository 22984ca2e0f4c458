"""One candidate of every head worked by hand, for both forms. The formulas stand beside it."""

from __future__ import annotations

from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bake import bake
from mobilecat.heads import reference_decode
from mobilecat.rows import kinds_of
from mobilecat.spec import spec_from_text
from mobilecat.spec.heads import HEAD_KINDS
from tests.heads.networks import Array, frozen, run_graph, save_constant_network
from tests.heads.rows import Case, Worked, filled, of_families, toml

LN2, LN3 = log(2), log(3)  # e^LN2 = 2, σ(LN3) = ¾
ONE_ANCHOR = "anchors = [[[10, 20]]]"
ALL = slice(None)

WORKED = (
    # √(.9·.4) = .6; centre ((2+.5)·32, (1+.25)·32), size (2·32, 1·32); point ((2+1)·32, (1−.5)·32)
    Worked(
        "yunet-2023",
        'kind = "yunet"',
        (96, 64),
        lambda: {
            **{
                f"{k}_{s}": np.zeros((1, (96 // s) * (64 // s), d))
                for k, d in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
                for s in (8, 16)
            },
            "cls_32": filled((1, 6, 1), ((0, 5), 0.9)),
            "obj_32": filled((1, 6, 1), ((0, 5), 0.4)),
            "bbox_32": filled((1, 6, 4), ((0, 5), (0.5, 0.25, LN2, 0))),
            "kps_32": filled((1, 6, 10), ((0, 5), (1, -0.5, *[0] * 8))),
        },
        96 + 24 + 5,
        (48, 24, 112, 56),
        (0.6,),
        (96, 16, *[64, 32] * 4),
    ),
    # anchor cy .5, cx .25, h .4, w .2 of 100×50: cy = (1/10·.4+.5)·50 = 27, cx = (−2/10·.2+.25)·100
    # = 21, h = e^(5·ln2/5)·.4·50 = 40, w = .2·100; the background's logit 9 is dropped
    Worked(
        "ssd",
        'kind = "ssd"\nanchors = [[0.5, 0.5, 1.0, 1.0], [0.5, 0.25, 0.4, 0.2]]',
        (100, 50),
        lambda: {
            "enc": filled((1, 2, 4), ((0, 1), (1, -2, 5 * LN2, 0))),
            "cls": filled((1, 2, 3), ((0, 1), (9, 0, LN3))),
        },
        1,
        (11, 7, 31, 47),
        (0.5, 0.75),
    ),
    # the same by x first: cx = (1/10·.2+.25)·100 = 27, cy = (−2/10·.4+.5)·50 = 21, w = 40, h = 20
    Worked(
        "ssd-xywh",
        'kind = "ssd"\norder = "xywh"\nactivation = "none"\nbackground = false\n'
        "anchors = [[0.5, 0.25, 0.4, 0.2]]",
        (100, 50),
        lambda: {
            "enc": filled((1, 1, 4), ((0, 0), (1, -2, 5 * LN2, 0))),
            "cls": filled((1, 1, 2), ((0, 0), (0.1, 0.7))),
        },
        0,
        (7, 11, 47, 31),
        (0.1, 0.7),
    ),
    # cx = (3+.5)/4·140, cy = (1+.2)/2·70, w = .1·140, h = .4·70; .5·(.6, .8)
    Worked(
        "yolov1",
        'kind = "yolov1"\nboxes = 1',
        (140, 70),
        lambda: {"out": filled((1, 2, 4, 7), ((0, 1, 3), (0.5, 0.2, 0.1, 0.4, 0.5, 0.6, 0.8)))},
        7,
        (115.5, 28, 129.5, 56),
        (0.3, 0.4),
    ),
    # centre ((2+¾)·32, (1+½)·32), size (2·10, 1·20); ½·(¾, ½)
    Worked(
        "yolov3",
        f'kind = "yolov3"\n{ONE_ANCHOR}',
        (96, 64),
        lambda: {"m": filled((1, 7, 2, 3), ((0, ALL, 1, 2), (LN3, 0, LN2, 0, 0, LN3, 0)))},
        5,
        (78, 38, 98, 58),
        (0.375, 0.25),
    ),
    # centre ((2·¾−½+2)·32, (2·½−½+1)·32), size ((2·¾)²·10, 20); ½·(¾, ½)
    Worked(
        "yolov5-maps",
        f'kind = "yolov5"\n{ONE_ANCHOR}',
        (96, 64),
        lambda: {"m": filled((1, 2, 3, 7), ((0, 1, 2), (LN3, 0, LN3, 0, 0, LN3, 0)))},
        5,
        (96 - 11.25, 38, 96 + 11.25, 58),
        (0.375, 0.25),
    ),
    Worked(
        "yolov5-decoded",
        'kind = "yolov5"\nunits = "normalised"',
        (50, 30),
        lambda: {"out": filled((1, 9, 7), ((0, 4), (0.5, 0.5, 0.2, 0.4, 0.5, 0.5, 0.25)))},
        4,
        (20, 9, 30, 21),
        (0.25, 0.125),
    ),
    Worked(
        "yolov8",
        'kind = "yolov8"',
        (50, 30),
        lambda: {"out": filled((1, 6, 9), ((0, ALL, 4), (20, 10, 8, 6, 0.3, 0.6)))},
        4,
        (16, 7, 24, 13),
        (0.3, 0.6),
    ),
    # centre ((2+.25)·32, (1+.5)·32), size (2·32, ½·32); .5·(.4, .8)
    Worked(
        "yolox",
        'kind = "yolox"\nstrides = [32]',
        (96, 64),
        lambda: {"out": filled((1, 6, 7), ((0, 5), (0.25, 0.5, LN2, -LN2, 0.5, 0.4, 0.8)))},
        5,
        (40, 40, 104, 56),
        (0.2, 0.4),
    ),
    # prior 0: cell 0, 0 of 40×30, side 10: centre (4+.1·10, 4−.1·10), size (10, 10·e^(.2·5·LN2))
    Worked(
        "ultraface",
        'kind = "ultraface"\nform = "raw"',
        (320, 240),
        lambda: {
            "boxes": filled((1, 4420, 4), ((0, 0), (1, -1, 0, 5 * LN2))),
            "scores": filled((1, 4420, 2), ((0, 0), (0.25, 0.75))),
        },
        0,
        (0, -7, 10, 13),
        (0.75,),
    ),
    # last prior: cell 4, 3 of 5×4, side 256, no higher than the picture: centre (288, 210)
    Worked(
        "ultraface-prior-cut-at-the-picture",
        'kind = "ultraface"\nform = "raw"',
        (320, 240),
        lambda: {"boxes": np.zeros((1, 4420, 4)), "scores": np.zeros((1, 4420, 2))},
        4419,
        (160, 90, 416, 330),
        (0,),
    ),
    Worked(
        "ultraface-decoded",
        'kind = "ultraface"\nform = "decoded"',
        (320, 240),
        lambda: {
            "boxes": filled((1, 4420, 4), ((0, 7), (0.25, 0.5, 0.5, 1))),
            "scores": filled((1, 4420, 2), ((0, 7), (0.1, 0.9))),
        },
        7,
        (80, 120, 160, 240),
        (0.9,),
    ),
    # second row of the second layer's first cell: stride 16, centre (8, 8); the logit is clipped
    Worked(
        "blazeface",
        'kind = "blazeface"',
        (128, 128),
        lambda: {
            "r": filled((1, 896, 8), ((0, 513), (2, -1, 10, 6, 3, 5, -4, 0))),
            "c": filled((1, 896, 1), ((0, 513), 1000)),
        },
        513,
        (5, 4, 15, 10),
        (1,),
        (11, 13, 4, 8),
    ),
    # h = 2·4, w = 3·4; cy = (3+.25+.5)·4, cx = (5−.5+.5)·4; point x1+.25·w, y1+.5·h
    Worked(
        "centernet",
        'kind = "centernet"',
        (96, 64),
        lambda: {
            "heat": filled((1, 1, 16, 24), ((0, 0, 3, 5), 0.8)),
            "size": filled((1, 2, 16, 24), ((0, ALL, 3, 5), (LN2, LN3))),
            "offset": filled((1, 2, 16, 24), ((0, ALL, 3, 5), (0.25, -0.5))),
            "points": filled((1, 4, 16, 24), ((0, ALL, 3, 5), (0.5, 0.25, 1, 0))),
        },
        3 * 24 + 5,
        (14, 11, 26, 19),
        (0.8,),
        (17, 15, 14, 19),
    ),
    Worked(
        "box-xywh",
        'kind = "box"\nformat = "xywh"\nunits = "normalised"',
        (50, 30),
        lambda: {"out": np.array([[0.1, 0.2, 0.5, 0.4]])},
        0,
        (5, 6, 30, 18),
        (1,),
    ),
    Worked(
        "box-cxcywh",
        'kind = "box"\nformat = "cxcywh"\nunits = "pixels"\nscore = "s"',
        (50, 30),
        lambda: {"out": np.array([[20.0, 10, 8, 6]]), "s": np.array([[0.25, 0.75]])},
        0,
        (16, 7, 24, 13),
        (0.75,),
    ),
    Worked(
        "box-xyxy",
        'kind = "box"\nformat = "xyxy"\nunits = "pixels"',
        (50, 30),
        lambda: {"out": np.array([[20.0, 10, 28, 16]])},
        0,
        (20, 10, 28, 16),
        (1,),
    ),
    # softmax of (0, ln3) = ¼, ¾
    Worked(
        "box+class",
        'kind = "box+class"\nformat = "xywh"\nunits = "pixels"\nactivation = "softmax"',
        (244, 200),
        lambda: {"mask": np.array([[0, LN3]]), "box": np.array([[20.0, 10, 28, 16]])},
        0,
        (20, 10, 48, 26),
        (0.25, 0.75),
    ),
    Worked(
        "landmarks-xy",
        'kind = "landmarks"\nunits = "normalised"',
        (50, 30),
        lambda: {"out": np.array([[0.5, 0.1, 0.2, 0.9]])},
        0,
        (10, 3, 25, 27),
        (1,),
        (25, 3, 10, 27),
    ),
    Worked(
        "landmarks-yx",
        'kind = "landmarks"\nunits = "pixels"\norder = "yx"',
        (50, 30),
        lambda: {"out": np.array([[3.0, 25, 27, 10]])},
        0,
        (10, 3, 25, 27),
        (1,),
        (25, 3, 10, 27),
    ),
    Worked(
        "landmarks-x-then-y",
        'kind = "landmarks"\nunits = "normalised"\norder = "x-then-y"\nscore = "p"',
        (50, 30),
        lambda: {"out": np.array([[0.5, 0.2, 0.1, 0.9]]), "p": np.array([[0.4, 0.6]])},
        0,
        (10, 3, 25, 27),
        (0.6,),
        (25, 3, 10, 27),
    ),
    *of_families("WORKED"),
)


def test_every_kind_is_worked() -> None:
    assert {w.head.split('"')[1] for w in WORKED} == set(HEAD_KINDS) - {"raw"}


@pytest.mark.parametrize("worked", WORKED, ids=lambda w: w.name)
def test_numpy_form(worked: Worked) -> None:
    spec = spec_from_text(toml(_case(worked), "net.onnx"))
    outputs = {k: v.astype(np.float32) for k, v in worked.outputs().items()}
    _judge(worked, reference_decode(spec.head, outputs, worked.size_wh).all)


@pytest.mark.parametrize("worked", WORKED, ids=lambda w: w.name)
def test_graph_form(worked: Worked, tmp_path: Path) -> None:
    path = save_constant_network(tmp_path / "net.onnx", worked.size_wh, worked.outputs())
    baked = bake(frozen(path), spec_from_text(toml(_case(worked), path)), "uint8")
    width, height = worked.size_wh
    picture = np.full((1, height, width, 3), 128, np.uint8)
    got = run_graph(baked.model, {"image": picture}, baked.candidates)
    kinds = kinds_of(v.name or "" for v in baked.model.graph.outputs)
    _judge(worked, {k: got[n] for k, n in zip(kinds, baked.candidates, strict=True)})


def _case(worked: Worked) -> Case:
    return Case(worked.name, worked.head, worked.size_wh, {}, 0, 0)


def _judge(worked: Worked, got: dict[str, Array]) -> None:
    points = {"landmarks": worked.points} if worked.points else {}
    want = {"boxes": worked.box, "scores": worked.scores, **points, **worked.carries}
    assert list(got) == list(want)
    for name, values in want.items():
        tight = 1e-6 if name == "scores" else 1e-4
        np.testing.assert_allclose(
            got[name][0, worked.row], values, rtol=1e-5, atol=tight, err_msg=name
        )


def test_anchors_of_the_tf_api() -> None:
    """Scales .2, .35, .5, .65, .8, .95, then 1; the first layer has three."""
    from mobilecat.heads.reference.ssd import _tf_anchors
    from mobilecat.heads.ssd import generated
    from mobilecat.spec.heads import AnchorGenerator

    for make in (generated, _tf_anchors):
        rows = make(AnchorGenerator(), (300, 300))
        assert len(rows) == 1917
        at = (0.5 / 19, 0.5 / 19)
        np.testing.assert_allclose(rows[0], (*at, 0.1, 0.1))
        np.testing.assert_allclose(rows[1], (*at, 0.2 / sqrt(2), 0.2 * sqrt(2)))
        np.testing.assert_allclose(rows[2], (*at, 0.2 * sqrt(2), 0.2 / sqrt(2)))
        np.testing.assert_allclose(rows[3][:2], (0.5 / 19, 1.5 / 19))
        first = 19 * 19 * 3
        at = (0.05, 0.05)
        np.testing.assert_allclose(rows[first], (*at, 0.35, 0.35))
        np.testing.assert_allclose(rows[first + 5], (*at, sqrt(0.35 * 0.5), sqrt(0.35 * 0.5)))
        np.testing.assert_allclose(rows[-1], (0.5, 0.5, sqrt(0.95), sqrt(0.95)))
        # Twice as wide as high: a square of the shorter side is half as wide, in 0..1.
        wide = make(AnchorGenerator(layers=2, grids=((2, 1), (1, 1))), (200, 100))
        np.testing.assert_allclose(wide[3], (0.5, 0.75, 0.1, 0.05))
