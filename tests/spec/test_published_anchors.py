"""What an export says of anchors that are not as a family published them."""

from __future__ import annotations

import pytest

from mobilecat.spec import Spec, spec_from_text
from mobilecat.spec.published_anchors import anchors_words

# github.com/pjreddie/darknet, cfg/yolov3-tiny.cfg: 10,14, 23,27, 37,58, 81,82, 135,169, 344,319
FINE, COARSE = "[[23, 27], [37, 58], [81, 82]]", "[[81, 82], [135, 169], [344, 319]]"


def spec(anchors: str, kind: str = "yolov3") -> Spec:
    line = f"anchors = {anchors}\n" if anchors else ""
    return spec_from_text(
        'source = "n.onnx"\n[input]\nsize = [416, 416]\nresize = "letterbox"\n'
        f'[head]\nkind = "{kind}"\n{line}[targets.onnx]\n'
    )


@pytest.mark.parametrize(
    "anchors",
    [
        "",
        f"[{FINE}, {COARSE}]",
        # Three maps: cfg/yolov3.cfg, and YOLOv4's.
        "[[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], "
        "[[116, 90], [156, 198], [373, 326]]]",
        "[[[12, 16], [19, 36], [40, 28]], [[36, 75], [76, 55], [72, 146]], "
        "[[142, 110], [192, 243], [459, 401]]]",
        "[[[12, 16], [19, 36]]]",  # of no family that is known here
    ],
)
def test_published_ones_and_unknown_forms_are_no_news(anchors: str) -> None:
    assert list(anchors_words(spec(anchors))) == []


@pytest.mark.parametrize(
    ("anchors", "said"),
    [
        (f"[{COARSE}, {FINE}]", "those of YOLOv3-tiny, with the lists of its maps exchanged"),
        (
            "[[[27, 23], [58, 37], [82, 81]], [[82, 81], [169, 135], [319, 344]]]",
            "those of YOLOv3-tiny, with width and height exchanged",
        ),
        (
            "[[[23, 27], [81, 82], [37, 58]], [[81, 82], [135, 169], [344, 319]]]",
            "those of YOLOv3-tiny, in another order",
        ),
    ],
)
def test_published_ones_that_were_mixed_up_are_a_warning(anchors: str, said: str) -> None:
    (line,) = anchors_words(spec(anchors))
    assert line.startswith("warning: ") and said in line
    assert line.endswith(f"write anchors = [{FINE}, {COARSE}], the finest map first")


def test_ones_own_are_a_note_and_falling_ones_a_warning() -> None:
    (line,) = anchors_words(
        spec("[[[9, 9], [20, 30], [40, 50]], [[60, 70], [90, 99], [200, 300]]]")
    )
    assert line.startswith(
        "note: head.anchors are not those that YOLOv3-tiny publishes ([[[23, 27]"
    )
    (line,) = anchors_words(
        spec("[[[60, 70], [90, 99], [200, 300]], [[9, 9], [20, 30], [40, 50]]]")
    )
    assert line.startswith("warning: head.anchors become smaller")
