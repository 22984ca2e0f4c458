"""What a head infers and says, and what it asks for: every gap at once, by the spec's key."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.errors import ModelError
from mobilecat.heads import graph_head, reference_decode
from mobilecat.spec import spec_from_text
from tests.heads.rows import Case, said_by_families, toml

Shapes = dict[str, tuple[int, ...]]


def head_spec(head: str, size_wh: tuple[int, int]):  # type: ignore[no-untyped-def]
    return spec_from_text(toml(Case("", head, size_wh, {}, 0, 0), "net.onnx")).head


SETTLED: dict[str, tuple[str, tuple[int, int], Shapes, str]] = {
    "yolov3 anchors": (
        'kind = "yolov3"',
        (96, 64),
        {f"s{s}": (1, 21, 64 // s, 96 // s) for s in (32, 16, 8)},
        "yolov3, 2 classes, 378 candidates from 3 maps ('s8' at stride 8, 's16' at stride 16, "
        "'s32' at stride 32), yolov3's own anchors",
    ),
    "yolov5 form": (
        'kind = "yolov5"\nunits = "pixels"',
        (96, 64),
        {"output0": (1, 378, 9), "aux": (1, 3, 8, 12, 9)},
        "yolov5, decoded, 4 classes, 378 candidates, boxes in pixels",
    ),
    "yolov8 layout": (
        'kind = "yolov8"',
        (96, 64),
        {"out": (1, 7, 126)},
        "yolov8, 3 classes, 126 candidates, rows-last, boxes in pixels",
    ),
    "yolov1 layout": (
        'kind = "yolov1"',
        (160, 96),
        {"out": (1, 13, 3, 5)},
        "yolov1, 5×3 cells of 2 boxes, 3 classes, NCHW",
    ),
    "ssd anchors": (
        'kind = "ssd"',
        (300, 300),
        {"box_encodings": (1, 1917, 4), "class_predictions": (1, 1917, 91)},
        "ssd, 90 classes (without the background), 1917 anchors from the TF API's generator with "
        "its defaults, sigmoid on the scores, encodings yxhw / [10.0, 10.0, 5.0, 5.0]",
    ),
    "blazeface short range": (
        'kind = "blazeface"',
        (128, 128),
        {"r": (1, 896, 16), "c": (1, 896, 1)},
        "blazeface, 896 candidates (2 a cell of 8 px + 6 a cell of 16 px), 6 landmarks",
    ),
    "blazeface back camera": (
        'kind = "blazeface"',
        (256, 256),
        {"r": (1, 896, 16), "c": (1, 896, 1)},
        "blazeface, 896 candidates (2 a cell of 16 px + 6 a cell of 32 px), 6 landmarks",
    ),
    "blazeface full range": (
        'kind = "blazeface"',
        (192, 192),
        {"r": (1, 2304, 16), "c": (1, 2304, 1)},
        "blazeface, 2304 candidates (1 a cell of 4 px), 6 landmarks",
    ),
    "centernet by the order of export": (
        'kind = "centernet"',
        (96, 64),
        {
            "537": (1, 1, 16, 24),
            "538": (1, 2, 16, 24),
            "539": (1, 2, 16, 24),
            "540": (1, 10, 16, 24),
        },
        "centernet, stride 4, 384 candidates, 1 class, 5 landmarks; "
        "heat map '537', size '538', offset '539', landmarks '540'",
    ),
    "box": (
        'kind = "box"\nformat = "xyxy"\nunits = "pixels"',
        (50, 30),
        {"out": (1, 4), "other": (1, 7)},
        "box, xyxy in pixels from 'out', score 1 (the network gives none)",
    ),
    "box+class": (
        'kind = "box+class"\nformat = "xywh"\nunits = "pixels"',
        (50, 30),
        {"mask": (1, 2), "box": (1, 4)},
        "box+class, xywh in pixels from 'box', 2 classes from 'mask', activation none",
    ),
    **said_by_families("SETTLED"),
}


@pytest.mark.parametrize(("head", "size_wh", "shapes", "said"), SETTLED.values(), ids=SETTLED)
def test_what_is_inferred_is_said(
    head: str, size_wh: tuple[int, int], shapes: Shapes, said: str
) -> None:
    assert graph_head(head_spec(head, size_wh), shapes, size_wh).settled == said


ASKED: dict[str, tuple[str, tuple[int, int], Shapes, dict[str, str]]] = {
    "two maps have no anchors of their own": (
        'kind = "yolov3"',
        (416, 416),
        {"head_13": (1, 255, 13, 13), "head_26": (1, 255, 26, 26)},
        {"head.anchors": "2 maps ('head_26' at stride 16, 'head_13' at stride 32) have no anchors"},
    ),
    "as many lists as maps": (
        'kind = "yolov3"\nanchors = [[[1, 2]]]',
        (96, 64),
        {"a": (1, 21, 8, 12), "b": (1, 21, 4, 6)},
        {"head.anchors": "1 lists for 2 maps"},
    ),
    "anchors that do not divide the channels": (
        'kind = "yolov3"\nanchors = [[[1, 2], [3, 4]]]',
        (96, 64),
        {"a": (1, 21, 8, 12)},
        {"head.anchors": "2 do not divide the 21 channels of output 'a'"},
    ),
    "no map at all": (
        'kind = "yolov3"',
        (96, 64),
        {"a": (1, 21, 9, 12)},
        {"head.kind": "no output is a map; the network has 'a' [1, 21, 9, 12]"},
    ),
    "decoded boxes without units, and two of them": (
        'kind = "yolov5"',
        (96, 64),
        {"a": (1, 378, 9), "b": (1, 100, 7)},
        {
            "head.output": "2 outputs are [1, N, 5+C]",
            "head.units": "decoded boxes are in pixels or normalised, which no shape tells",
        },
    ),
    "units for maps": (
        'kind = "yolov5"\nunits = "pixels"',
        (96, 64),
        {f"s{s}": (1, 21, 64 // s, 96 // s) for s in (32, 16, 8)},
        {"head.units": "is set, but the network has raw maps, not rows"},
    ),
    "a square yolov8": (
        'kind = "yolov8"',
        (96, 64),
        {"out": (1, 7, 7)},
        {"head.layout": "output 'out' has as many rows as columns"},
    ),
    "rows for another size": (
        'kind = "yolox"',
        (96, 64),
        {"out": (1, 3549, 85)},
        {"head.output": "no output is [1, 126, 5+C] (strides 8, 16, 32)"},
    ),
    "a map on which both sides could be channels": (
        'kind = "yolov1"',
        (96, 96),
        {"out": (1, 16, 16, 16)},
        {"head.layout": "output 'out' [1, 16, 16, 16] does not tell which side is channels"},
    ),
    "anchors of another grid": (
        'kind = "ssd"',
        (320, 320),
        {"enc": (1, 1917, 4), "cls": (1, 1917, 2)},
        {
            "head.anchors": "the TF API's generator with its defaults makes 2034 anchors, "
            "output 'enc' has 1917"
        },
    ),
    "a file of too few anchors, and no scores": (
        'kind = "ssd"\nanchors = [[0.5, 0.5, 1.0, 1.0]]',
        (50, 30),
        {"enc": (1, 2, 4), "cls": (1, 3, 2)},
        {
            "head.scores": "no output is [1, 2, C]",
            "head.anchors": "the spec's file makes 1 anchors, output 'enc' has 2",
        },
    ),
    "three classes and the background are four columns too": (
        'kind = "ssd"\nanchors = [[0.5, 0.5, 1.0, 1.0]]',
        (50, 30),
        {"enc": (1, 1, 4), "cls": (1, 1, 4)},
        {"head.boxes": "2 outputs are [1, N, 4]", "head.scores": "2 outputs are [1, N, C]"},
    ),
    "an output that is not there": (
        'kind = "ultraface"\nform = "raw"\nboxes = "bxs"',
        (320, 240),
        {"boxes": (1, 4420, 4), "scores": (1, 4420, 2)},
        {"head.boxes": "there is no output 'bxs'"},
    ),
    "another size's priors": (
        'kind = "ultraface"\nform = "raw"',
        (640, 480),
        {"boxes": (1, 4420, 4), "scores": (1, 4420, 2)},
        {
            "head.boxes": "no output is [1, 17640, 4]",
            "head.scores": "no output is [1, 17640, 2]",
        },
    ),
    "an unknown number of anchors": (
        'kind = "blazeface"',
        (128, 128),
        {"r": (1, 900, 16), "c": (1, 900, 1)},
        {"head.layers": "900 rows are none of the known"},
    ),
    "layers that make another number": (
        'kind = "blazeface"\nlayers = [[8, 2]]',
        (128, 128),
        {"r": (1, 896, 16), "c": (1, 896, 1)},
        {"head.layers": "they make 512 anchors, output 'c' has 896"},
    ),
    "maps of different sizes": (
        'kind = "centernet"',
        (96, 64),
        {"h": (1, 1, 8, 12), "s": (1, 2, 16, 24), "o": (1, 2, 16, 24)},
        {"head.heatmap": "the maps differ in size: [[8, 12], [16, 24]]"},
    ),
    "three pairs of maps": (
        'kind = "centernet"',
        (96, 64),
        {"h": (1, 2, 16, 24), "s": (1, 2, 16, 24), "o": (1, 2, 16, 24)},
        {
            "head.size": "3 outputs are [1, 2, h, w]",
            "head.offset": "3 outputs are [1, 2, h, w]",
            "head.heatmap": "3 outputs are [1, C, h, w]",
        },
    ),
    "two boxes": (
        'kind = "box"\nformat = "xyxy"\nunits = "pixels"\nscore = "s"',
        (50, 30),
        {"a": (1, 4), "b": (1, 4), "s": (1, 5)},
        {
            "head.output": "2 outputs are [1, 4]",
            "head.score": "output 's' is [1, 5], expected [1, 1] or [1, 2]",
        },
    ),
    "more columns than a box": (
        'kind = "box"\nformat = "xyxy"\nunits = "pixels"',
        (50, 30),
        {"a": (1, 14)},
        {"head.output": "no output is [1, 4]"},
    ),
    "four classes beside four columns": (
        'kind = "box+class"\nformat = "xywh"\nunits = "pixels"',
        (50, 30),
        {"mask": (1, 4), "box": (1, 4)},
        {"head.boxes": "2 outputs are [1, 4]", "head.scores": "2 outputs are [1, C]"},
    ),
    "box and class from one output": (
        'kind = "box+class"\nformat = "xywh"\nunits = "pixels"\nboxes = "box"\nscores = "box"',
        (50, 30),
        {"mask": (1, 4), "box": (1, 4)},
        {"head.boxes": "output 'box' is read as something else"},
    ),
    "several vectors for landmarks": (
        'kind = "landmarks"\nunits = "pixels"',
        (48, 40),
        {"reg": (1, 4), "points": (1, 10), "prob": (1, 2)},
        {"head.output": "3 outputs are [1, 2L]"},
    ),
    **said_by_families("ASKED"),
}


@pytest.mark.parametrize(("head", "size_wh", "shapes", "asked"), ASKED.values(), ids=ASKED)
def test_what_cannot_be_inferred_is_asked_for(
    head: str, size_wh: tuple[int, int], shapes: Shapes, asked: dict[str, str]
) -> None:
    with pytest.raises(ModelError) as caught:
        graph_head(head_spec(head, size_wh), shapes, size_wh)
    found = {p.where: p.what for p in caught.value.problems}
    assert list(found) == list(asked)
    for where, what in asked.items():
        assert found[where].startswith(what), found[where]
    assert all(p.fix for p in caught.value.problems)


def test_anchors_that_came_with_the_graph() -> None:
    """A third anchor source: neither generator nor file."""
    shapes = {"enc": (1, 2, 4), "cls": (1, 2, 3)}
    anchors = np.array([[0.5, 0.25, 0.4, 0.2], [0.5, 0.5, 1, 1]], np.float32)
    spec = head_spec('kind = "ssd"', (100, 50))
    head = graph_head(spec, shapes, (100, 50), anchors)
    assert "2 anchors from the graph" in head.settled
    outputs = {k: np.zeros(v, np.float32) for k, v in shapes.items()}
    found = reference_decode(spec, {**outputs, "mobilecat.anchors": anchors}, (100, 50))
    # zero encodings are the anchors themselves
    np.testing.assert_allclose(found.boxes[0], [[15, 15, 35, 35], [0, 0, 100, 50]], atol=1e-5)
