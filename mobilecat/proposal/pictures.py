"""Networks of one result a picture or crop: points by maps, bins or rows; classes; a class map."""

from __future__ import annotations

import numpy as np

from mobilecat.proposal.facts import Facts, Shape
from mobilecat.proposal.guess import Ask, Certain, Guess
from mobilecat.spec.otherwise import IMAGENET

_SUM = 1e-3
_PREPROCESSING = (
    "no classifier's file says what it was trained on: written are ImageNet's mean and std, as "
    "PyTorch's models take them; many of Keras take -1 to 1: --set 'input.range=[-1, 1]' "
    "--set input.mean=0 --set input.std=1"
)
_BELOW = 0.1
"""Of the largest value: a box or point may lie a little outside its picture."""
_LEFT_TO_APPLY = "what is still to be applied"
_OF_A_GRID = 8
_GRID = (
    "the undecoded grid of a detector, which has boxes only where the network decodes itself "
    "(docs/torch.md)"
)
_IMAGENET_CLASSES = (1000, 1001)
"""1001 with a background, as TensorFlow's have. Their networks are trained with a softmax."""
_LEAST_CLASSES = 3
HAND = (
    "wrist",
    *(
        f"{finger}_{joint}"
        for finger, joints in (
            ("thumb", ("cmc", "mcp", "ip", "tip")),
            *((f, ("mcp", "pip", "dip", "tip")) for f in ("index", "middle", "ring", "little")),
        )
        for joint in joints
    ),
)


def simcc(facts: Facts) -> Guess | None:
    """Two outputs [1,L,W·k] and [1,L,H·k]."""
    if len(facts.outputs) != 2 or any(len(s) != 3 or s[0] != 1 for s in facts.outputs.values()):
        return None
    (first, a), (second, b) = facts.outputs.items()
    width, height = facts.size_wh
    ratios = {(a[2] / width, b[2] / height), (b[2] / width, a[2] / height)}
    alike = [x for x, y in ratios if x == y and x >= 1]
    if a[1] != b[1] or not alike:
        return None
    named = {first, second} == {"simcc_x", "simcc_y"}
    head: dict[str, object] = {"x": "simcc_x", "y": "simcc_y"} if named else {}
    because = f"two outputs of {a[1]} rows with {alike[0]:g} bins a pixel along x and along y"
    asks: tuple[Ask, ...] = ()
    if width == height and not named:
        what = "which output is along x: a square input does not tell"
        asks, head = (Ask("head.x", what, (first, second)),), {"x": first}
    return Guess("SimCC", "simcc", 2, because, head, IMAGENET, asks)


def maps_of_the_input(facts: Facts) -> Guess | None:
    """One output whose sides are as the input's: heat maps of points, or scores of classes."""
    if len(facts.outputs) != 1:
        return None
    ((name, shape),) = facts.outputs.items()
    found = _map(shape, facts)
    if found is None or found[0] < 2:
        return None
    depth, stride = found
    task = facts.said("task")
    values = facts.values[name]
    grey = float(values.min()) >= 0 and float(values.max()) <= 1
    kinds: tuple[str, ...] = ("segments", "heatmap")
    if stride == 4 and grey:
        kinds = ("heatmap", "segments")
    if task in ("semantic", "segment"):
        kinds = ("segments",)
    if task == "pose":
        kinds = ("heatmap",)
    because = f"one output of {depth} maps, one cell for {stride} pixels"
    asks: tuple[Ask, ...] = ()
    if len(kinds) > 1:
        what = "points by heat maps, or the scores of a class map"
        if stride >= _OF_A_GRID:
            what, kinds = f"{what}, or {_GRID}", (*kinds, "raw")
        asks = (Ask("head.kind", what, kinds),)
    head: dict[str, object] = {}
    if kinds[0] == "heatmap":
        methods = ("quarter", "dark", "argmax", "soft-argmax")
        asks += (Ask("head.method", "how a map becomes a point", methods),)
        head = {"method": methods[0]}
    certain: Certain = 3 if len(kinds) == 1 else 1
    title = "heat maps" if kinds[0] == "heatmap" else "semantic segmentation"
    return Guess(title, kinds[0], certain, because, head, IMAGENET, asks)


def _map(shape: Shape, facts: Facts) -> tuple[int, int] | None:
    """Return how many maps there are, and pixels a cell; None where it is no such output."""
    if len(shape) != 4 or shape[0] != 1:
        return None
    width, height = facts.size_wh
    for depth, rows, columns in (shape[1:], (shape[3], shape[1], shape[2])):
        stride = width / columns if columns else 0
        if stride in (1, 2, 4, 8, 16) and rows * stride == height:
            return depth, int(stride)
    return None


def mediapipe_points(facts: Facts) -> Guess | None:
    """MediaPipe's hand: 21 points of x, y, z in pixels and in metres, presence, handedness."""
    wide = {name: max(s) for name, s in facts.outputs.items() if max(s) == int(np.prod(s))}
    rows = [name for name, n in wide.items() if n == 3 * len(HAND)]
    single = [name for name, n in wide.items() if n == 1]
    if len(rows) != 2 or len(single) != 2:
        return None
    pixels = max(rows, key=lambda name: float(np.abs(facts.values[name]).max()))
    head = {"output": pixels, "units": "pixels", "columns": 3, "score": single[0]}
    what = "which output says that a hand is there; the other says which hand it is"
    asks = (Ask("head.score", what, tuple(single)),)
    because = "two outputs of 21 points of x, y, z and two scores"
    image = {"range": [0, 1]}
    return Guess("MediaPipe hand", "landmarks", 2, because, head, image, asks, (), HAND)


def _row(facts: Facts) -> tuple[str, int] | None:
    """Return the only output and how many numbers it has, where they are one row."""
    if len(facts.outputs) != 1:
        return None
    ((name, shape),) = facts.outputs.items()
    count = max(shape, default=0)
    return (name, count) if count == int(np.prod(shape)) >= _LEAST_CLASSES else None


def logits(facts: Facts) -> Guess | None:
    """One row of numbers of which some are far below 0, as no box or point in a picture is."""
    row = _row(facts)
    return _perhaps_classifier(facts, row[1]) if row and _far_below_0(facts, row[0]) else None


def perhaps_classifier(facts: Facts) -> Guess | None:
    """One row of numbers that nothing calls scores: of a classifier, a box, or points."""
    row = _row(facts)
    return _perhaps_classifier(facts, row[1]) if row and not _far_below_0(facts, row[0]) else None


def _far_below_0(facts: Facts, name: str) -> bool:
    values = facts.values[name]
    return bool(values.min() < -_BELOW * np.abs(values).max())


def _perhaps_classifier(facts: Facts, count: int) -> Guess:
    kinds = ("classify", "landmarks", "raw")
    asks: tuple[Ask, ...] = (
        Ask("head.kind", "scores of a classifier, points, or what no head knows", kinds),
        Ask("head.activation", _LEFT_TO_APPLY, ("softmax", "sigmoid")),
    )
    if facts.whole is None and not facts.told.image:
        asks += (Ask("input.mean", _PREPROCESSING, (IMAGENET["mean"],)),)
    because = f"one row of {count} numbers, perhaps scores"
    return Guess("a classifier", "classify", 1, because, {"activation": "softmax"}, IMAGENET, asks)


def classifier(facts: Facts) -> Guess | None:
    """One row of scores."""
    if (row := _row(facts)) is None:
        return None
    name, count = row
    said = facts.said("task") == "classify" or len(facts.names) == count
    values = facts.values[name].ravel()
    summed = bool(values.min() >= 0 and abs(float(values.sum()) - 1) < _SUM)
    imagenet = count in _IMAGENET_CLASSES
    if not (said or summed or imagenet):
        return None  # `perhaps_classifier`
    because = f"one row of {count} numbers" + ", which sum to 1" * summed
    because += "; the file's metadata names classes" * said
    because += ", as many as ImageNet has classes" * imagenet
    head = {"activation": "none" if summed else "softmax"}
    asks: tuple[Ask, ...] = ()
    if not summed and not imagenet:
        asks = (Ask("head.activation", _LEFT_TO_APPLY, ("softmax", "sigmoid")),)
    if facts.whole is None and not facts.told.image:  # else the file itself takes the picture
        asks += (Ask("input.mean", _PREPROCESSING, (IMAGENET["mean"],)),)
    certain: Certain = 3 if facts.said("task") == "classify" else 2
    return Guess("a classifier", "classify", certain, because, head, IMAGENET, asks)
