"""The anchors that families with three a cell publish, and where a spec has others.

Width, height in pixels of the model input, a list a map, the finest map first. Sources: the `.cfg`
files of https://github.com/pjreddie/darknet and https://github.com/AlexeyAB/darknet. Of the tiny
one `mask = 1,2,3` is what its weights were trained with; YOLOv5's P5 networks have YOLOv3's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilecat.spec.values import Spec

Anchors = Sequence[Sequence[Sequence[float]]]
YOLOV3 = (
    ((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    ((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
    ((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
)
YOLOV3_TINY = (
    ((23.0, 27.0), (37.0, 58.0), (81.0, 82.0)),
    ((81.0, 82.0), (135.0, 169.0), (344.0, 319.0)),
)
YOLOV4 = (
    ((12.0, 16.0), (19.0, 36.0), (40.0, 28.0)),
    ((36.0, 75.0), (76.0, 55.0), (72.0, 146.0)),
    ((142.0, 110.0), (192.0, 243.0), (459.0, 401.0)),
)
_KNOWN: dict[str, tuple[tuple[str, Anchors], ...]] = {
    "yolov3": (("YOLOv3", YOLOV3), ("YOLOv4", YOLOV4), ("YOLOv3-tiny", YOLOV3_TINY)),
    "yolov5": (("YOLOv5", YOLOV3),),
}


def anchors_words(spec: Spec) -> Iterator[str]:
    """Say what looks wrong with `head.anchors`; nothing where a family published them."""
    own = getattr(spec.head, "anchors", None)
    known = [(f, a) for f, a in _KNOWN.get(spec.head.kind, ()) if own and len(a) == len(own)]
    if not own or not known or any(_same(own, a) for _, a in known):
        return
    for family, published in known:
        if what := _mixed_up(own, published):
            yield (
                f"warning: head.anchors are those of {family}, {what}: write "
                f"anchors = {_toml(published)}, the finest map first"
            )
            return
    if [_area(m) for m in own] != sorted(_area(m) for m in own):
        yield (
            "warning: head.anchors become smaller from one map to the next, and a coarser map "
            "finds larger objects: are the lists exchanged? The finest map comes first"
        )
        return
    theirs = " or ".join(f"{f} publishes ({_toml(a)})" for f, a in known)
    yield (
        f"note: head.anchors are not those that {theirs}. They are right where your network was "
        "trained with them (its .cfg has them)"
    )


def _mixed_up(own: Anchors, published: Anchors) -> str:
    """Say what was done to published anchors, where that is all."""
    maps = sorted(_plain(own))
    if maps == sorted(_plain(published)):
        return "with the lists of its maps exchanged"
    turned = [[(h, w) for w, h in pairs] for pairs in published]
    if maps == sorted(_plain(turned)):
        return "with width and height exchanged"
    every = sorted(pair for pairs in _plain(own) for pair in pairs)
    if every == sorted(pair for pairs in _plain(published) for pair in pairs):
        return "in another order"
    return ""


def _same(a: Anchors, b: Anchors) -> bool:
    return _plain(a) == _plain(b)


def _plain(anchors: Anchors) -> list[list[tuple[float, ...]]]:
    return [[tuple(map(float, pair)) for pair in pairs] for pairs in anchors]


def _area(pairs: Sequence[Sequence[float]]) -> float:
    return sum(w * h for w, h in pairs) / len(pairs)


def _toml(anchors: Anchors) -> str:
    maps = (", ".join(f"[{w:g}, {h:g}]" for w, h in pairs) for pairs in anchors)
    return f"[{', '.join(f'[{m}]' for m in maps)}]"
