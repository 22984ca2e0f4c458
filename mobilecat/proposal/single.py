"""Networks of one box or one set of points a picture or crop, by how many numbers they give."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.proposal.facts import Facts, Shape
from mobilecat.proposal.guess import Ask, Guess

PIXELS = 2.0
"""Boxes in 0..1 of the input stay below, whatever the picture; boxes in pixels do not."""
_LEAST_POINTS = 6
"""Numbers: four may be a box."""
_TORCH = (".pt2", ".pt", ".torchscript")
_FORMATS = ("xyxy", "cxcywh", "xywh")


def landmarks_on_a_crop(facts: Facts) -> Guess | None:
    """MTCNN's O-net: a box's correction, five points and two scores, of a crop of 48 × 48."""
    columns = {_flat(s): n for n, s in facts.outputs.items()}
    if set(columns) != {2, 4, 10} or facts.size_wh != (48, 48):
        return None
    head = {"output": columns[10], "units": "normalised", "order": "x-then-y", "score": columns[2]}
    image = {"mean": 127.5, "std": 128, "transposed": True}
    names = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
    asks = (Ask("input.transposed", "trained in MATLAB's order, rows as columns?", (True, False)),)
    because = "outputs of 2, 4 and 10 for a crop of 48 × 48: MTCNN's O-net"
    return Guess("MTCNN O-net", "landmarks", 2, because, head, image, asks, (), names)


def box_and_class(facts: Facts) -> Guess | None:
    columns = {n: _flat(s) for n, s in facts.outputs.items()}
    if len(columns) != 2 or 4 not in columns.values() or min(columns.values()) < 2:
        return None
    box = next(n for n, d in columns.items() if d == 4)
    scores = next(n for n in columns if n != box)
    given = facts.values[scores].reshape(-1)
    finished = given.min() >= 0 and given.max() <= 1
    summed = finished and abs(given.sum() - 1) < 1e-3
    asks = [_asked_format(), *_asked_units(facts.values[box])]
    if not finished:
        what = "what is still to be applied to the scores"
        asks.append(Ask("head.activation", what, ("softmax", "sigmoid")))
    because = f"one box and {columns[scores]} scores a picture" + ", which sum to 1" * bool(summed)
    head = {a.key.partition(".")[2]: a.options[0] for a in asks}
    head |= {"units": units_of(facts.values[box])} if "units" not in head else {}
    image, more = _asked_range(facts)
    return Guess("one box and its class", "box+class", 1, because, head, image, (*asks, *more))


def one_box(facts: Facts) -> Guess | None:
    columns = {n: _flat(s) for n, s in facts.outputs.items()}
    if list(columns.values()) != [4]:
        return None
    values = next(iter(facts.values.values()))
    asks = (_asked_format(), *_asked_units(values))
    head = {"format": "xyxy", "units": units_of(values)}
    image, more = _asked_range(facts)
    because = "one output of four numbers a picture"
    return Guess("one box", "box", 1, because, head, image, (*asks, *more))


def points(facts: Facts) -> Guess | None:
    columns = [_flat(s) for s in facts.outputs.values()]
    if len(columns) != 1 or columns[0] < 10 or columns[0] % 2:
        return None
    values = next(iter(facts.values.values()))
    because = f"one output of {columns[0]} numbers a picture"
    asks = (
        Ask("head.order", "the order of the numbers", ("xy", "yx", "x-then-y")),
        *_asked_units(values),
    )
    head = {"units": units_of(values), "order": "xy"}
    image, more = _asked_range(facts)
    return Guess("landmarks", "landmarks", 1, because, head, image, (*asks, *more))


def points_and_score(facts: Facts) -> Guess | None:
    """A row of points, and one number that may say how surely they are there."""
    columns = {n: _flat(s) for n, s in facts.outputs.items()}
    if len(columns) != 2 or 1 not in columns.values():
        return None
    single = next(n for n, d in columns.items() if d == 1)
    rows = next(n for n in columns if n != single)
    each = [k for k in (2, 3) if columns[rows] % k == 0]
    if columns[rows] < _LEAST_POINTS or not each:
        return None
    values, score = facts.values[rows], float(facts.values[single].reshape(-1)[0])
    what = f"are the {columns[rows]} numbers of {rows!r} points? No shape tells"
    asks = [Ask("head.kind", what, ("landmarks", "raw"))]
    head: dict[str, object] = {"output": rows, "units": units_of(values), "columns": each[-1]}
    if len(each) == 2:
        what = "numbers a point: x and y, or x, y and another, such as z"
        asks.append(Ask("head.columns", what, tuple(reversed(each))))
    else:
        asks.append(Ask("head.order", "the order of the numbers", ("xy", "yx", "x-then-y")))
    asks += _asked_units(values)
    because = f"two outputs, of {columns[rows]} numbers and of one"
    if 0 <= score <= 1:
        head["score"] = single
    else:
        because += f"; {single!r} is no score in 0..1, and is left out"
    image, more = _asked_range(facts)
    return Guess("landmarks", "landmarks", 1, because, head, image, (*asks, *more))


def _asked_range(facts: Facts) -> tuple[dict[str, object], tuple[Ask, ...]]:
    """Return [input] and what is asked of it: PyTorch's networks take 0 to 1, others what they do.

    Nothing is asked where the file says it, or its first layer.
    """
    if facts.wants is not None or facts.whole is not None or facts.told.image:
        return {}, ()
    ends = ([0, 1], [0, 255])
    options = ends if facts.path.suffix in _TORCH else ends[::-1]
    what = (
        "nothing tells what values it was trained on; with a mean and std too, say --set "
        "input.mean=… --set input.std=…"
    )
    return {"range": options[0]}, (Ask("input.range", what, options),)


def _asked_format() -> Ask:
    return Ask("head.format", "what the four numbers are", _FORMATS)


def _asked_units(values: Array) -> tuple[Ask, ...]:
    """Ask where one picture's values could be either."""
    largest = float(np.abs(values).max())
    units = ("normalised", "pixels") if largest <= PIXELS else ("pixels", "normalised")
    return () if largest > 2 * PIXELS else (Ask("head.units", "what the numbers count", units),)


def units_of(boxes: Array) -> str:
    return "pixels" if float(np.abs(boxes).max()) > PIXELS else "normalised"


def _flat(shape: Shape) -> int:
    return shape[-1] if shape and all(d == 1 for d in shape[:-1]) else 0
