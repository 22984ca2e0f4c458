"""Faults of the dense families: what an author's convention, taken for another's, does to boxes.

A clamp of log sizes left out is none of them: e^4.1 · 32 pixels reach beyond every input here, and
boxes are cut there. It is worked by hand, in tests/heads/families/dense.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mobilecat.graph import Array
from tools.plant_faults.changes import columns, graph, head, image, plus, times, unary
from tools.plant_faults.edit import Editor
from tools.plant_faults.kinds import Fault
from tools.plant_faults.workshop import Mutant

Plant = Callable[[Mutant], object]
YX = (1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12)


def const(node: str, index: int, change: Callable[[Array], Array]) -> Plant:
    return graph(lambda e: e.set_const(f"decode/{node}", index, change))


def skip(node: str) -> Plant:
    return graph(lambda e: e.skip(f"decode/{node}"))


def points_yx(count: int) -> Plant:
    """Each landmark's x and y exchanged."""
    order = columns(YX[: 2 * count])
    return graph(lambda e: e.through("decode/candidate_landmarks", order))


def neighbours_stride(a: Array) -> Array:
    """8 becomes 16, 16 becomes 32, …, the last stays."""
    return np.where(a == a.max(), a, 2 * a)


def other_sign(e: Editor) -> None:
    """Left and top are added to the point."""
    e.feed("decode/candidate_boxes.low", 1, times(-1))


def first_columns(e: Editor) -> None:
    """The background's score for the face's."""
    e.set_const("decode/candidate_scores", 1, lambda a: a - 1)
    e.set_const("decode/candidate_scores", 2, lambda a: a - 1)


def no_objectness(e: Editor) -> None:
    for stride in (8, 16, 32):
        name = f"decode/stride_{stride}.score"
        e.node(name).replace_input_with(0, e.value(f"decode/stride_{stride}.cls"))
        e.node(name).replace_input_with(1, e.const(np.array(1, np.float32)))


def one_for(e: Editor, node: str) -> None:
    """1 for a product's second factor, which is still read."""
    e.feed(node, 1, lambda e, v: plus(1)(e, times(0)(e, v)))


def every_stride(make: Callable[[Editor, str], object]) -> Plant:
    def edit(e: Editor) -> None:
        for stride in (8, 16, 32):
            make(e, f"decode/stride_{stride}")

    return graph(edit)


def _candidates(model: str, plants: dict[str, Plant]) -> tuple[Fault, ...]:
    return tuple(Fault(name, "candidates", (model,), plant) for name, plant in plants.items())


ANCHORS: Sequence[Sequence[tuple[float, float]]] = (
    ((23, 29), (43, 55), (73, 105)),
    ((4, 5), (8, 10), (13, 16)),
    ((146, 217), (231, 300), (335, 433)),
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "retinaface": _candidates(
        "retinaface",
        {
            "variances of place and size exchanged": head(variances=(0.2, 0.1)),
            "priors of a neighbouring stride": head(priors=((64, 128), (16, 32), (256, 512))),
            "the two priors of a cell exchanged": head(priors=((32, 16), (128, 64), (512, 256))),
            "priors at the cells' corners": const("centre", 1, lambda a: a - 4),
            "landmarks as y, x": points_yx(5),
            "the background's score": graph(first_columns),
            "exp of the size missing": skip("growth"),
        },
    ),
    "scrfd": _candidates(
        "scrfd",
        {
            "distances not multiplied by the stride": skip("sides_px"),
            "distances multiplied by a neighbour's stride": const("sides_px", 1, neighbours_stride),
            "points not multiplied by the stride": skip("kps_px"),
            "sign of left and top": graph(other_sign),
            "points of the anchors half a cell off": const(
                "candidate_boxes.low", 0, lambda a: a + 4
            ),
            "landmarks as y, x": points_yx(5),
            "top and left exchanged": graph(
                lambda e: e.feed("decode/sides_px", 0, columns((1, 0, 2, 3)))
            ),
        },
    ),
    "yolo5face": _candidates(
        "yolo5face",
        {
            "sigmoid on the points": every_stride(
                lambda e, at: e.feed(f"{at}.pairs", 0, unary("Sigmoid"))
            ),
            "points without the anchor": every_stride(lambda e, at: e.skip(f"{at}.pairs_px")),
            "points half a cell off": every_stride(
                lambda e, at: e.set_const(f"{at}.pairs_at", 1, lambda a: a + 4)
            ),
            "objectness left out": graph(no_objectness),
            "anchors of a neighbouring map": head(anchors=ANCHORS),
            "landmarks as y, x": points_yx(5),
        },
    ),
    "nanodet_plus": _candidates(
        "nanodet_plus",
        {
            "bins off by one": const("sides.weighed", 1, lambda a: a + 1),
            "bins from the last": const("sides.weighed", 1, lambda a: a[::-1]),
            "softmax over the sides": graph(lambda e: e.set_attr("decode/sides.shares", "axis", 2)),
            "points at the cells' centres": head(offset=0.5),
            "boxes not cut at the input": head(clip=False),
            "distances not multiplied by the stride": skip("sides_px"),
        },
    ),
    "picodet": _candidates(
        "picodet",
        {
            "points at the cells' corners": head(offset=0.0),
            "sigmoid twice": graph(lambda e: e.through("decode/cls", unary("Sigmoid"))),
        },
    ),
    "gfl": _candidates(
        "gfl",
        {
            "sigmoid missing in the decode": skip("candidate_scores"),
            "bins off by one": const("sides.weighed", 1, lambda a: a + 1),
            "points at the cells' centres": head(offset=0.5),
        },
    ),
    "rtmdet": _candidates(
        "rtmdet",
        {
            "distances multiplied by the stride again": head(distances="strides"),
            "right and left exchanged": graph(
                lambda e: e.feed("decode/candidate_boxes.low", 1, columns((1, 0)))
            ),
        },
    ),
    "fcos_torchvision": _candidates(
        "fcos_torchvision",
        {
            "centreness left out": graph(lambda e: one_for(e, "decode/odds")),
            "class · centreness without its root": skip("root"),
            "points at the cells' centres": head(offset=0.5),
            "distances in pixels": head(distances="pixels"),
        },
    ),
    "fcos_mmdet": _candidates(
        "fcos_mmdet",
        {
            "centreness left out": graph(lambda e: one_for(e, "decode/candidate_scores")),
            "root of class · centreness": graph(
                lambda e: e.through("decode/candidate_scores", unary("Sqrt"))
            ),
            "points at the cells' corners": head(offset=0.0),
        },
    ),
    "retinanet_torchvision": _candidates(
        "retinanet_torchvision",
        {
            "anchors of the opposite ratio": head(ratios=(2.0, 1.0, 0.5)),
            "ratios before sizes": head(order="sizes-then-ratios"),
            "anchors not rounded": head(rounded=False),
        },
    ),
    "retinanet_mmdet": _candidates(
        "retinanet_mmdet",
        {
            "anchors at the cells' centres": head(offset=0.5),
            "sizes as torchvision rounds them": head(rounded=True),
        },
    ),
    "palm": (
        Fault("the pose detector's range", "raw", ("palm",), image(range=(-1.0, 1.0))),
        *_candidates("palm", {"landmarks as y, x": points_yx(7)}),
    ),
    "pose": _candidates(
        "pose", {"anchors at the cells' corners": const("centre", 1, lambda a: a - 4)}
    ),
}
