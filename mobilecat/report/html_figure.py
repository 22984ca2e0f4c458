"""One golden picture for a page: the picture, what each result has on it, and how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mobilecat.compare.match import distances, match
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.affine import Affine
from mobilecat.pictures.detections import Detections, class_name
from mobilecat.pictures.drawing import bones_of, seen_points
from mobilecat.rows import ROWS, SHOWN, RowValue

GOLDEN = "golden"
# Okabe and Ito's palette without yellow, which skin and paper hide; the golden is white on black.
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2")


@dataclass(frozen=True)
class Box:
    """Image pixels: left, top, width, height; points (x, y, name); bones (x1, y1, x2, y2) between
    them. index: of the detection. tag: what is written on it, without the class where there is but
    one.

    turn: SVG's transform of a turned box.
    over, points_over: box or score, and row values, differ from the golden's by more than a limit,
    so that they are drawn to be seen.
    """

    index: int
    xywh: tuple[float, float, float, float]
    text: str
    tag: str
    points: tuple[tuple[float, float, str], ...]
    bones: tuple[tuple[float, float, float, float], ...] = ()
    over: bool = False
    points_over: bool = False
    turn: str = ""

    @property
    def tag_xy(self) -> tuple[float, float]:
        """Where its label is written: the box's top left corner, on the picture in any case."""
        return max(self.xywh[0], 0.0), max(self.xywh[1], 0.0)


@dataclass(frozen=True)
class Layer:
    """What one result drew.

    number: of the layer on the whole page, 0 for the golden. slot: its place among the lanes of
    this picture, so that lines of one place can share it. tagged: class and score are written on
    each of its boxes, as on the golden's.
    """

    number: int
    name: str
    boxes: tuple[Box, ...]
    slot: int = 0
    tagged: bool = False


@dataclass(frozen=True)
class Difference:
    """One detection of the golden, or of a lane alone, and how far the lane's is from it.

    kind: pair, missing, extra. moved, points: image pixels. off: of the score. wrong: which of
    `box`, `score`, and row values by name, is over its limit. frame: where to look, left, top,
    width, height. golden, index: number of the golden's and of the lane's detection, None where
    there is none.
    """

    lane: str
    what: str
    kind: str
    moved: float | None
    points: float | None
    off: float | None
    wrong: frozenset[str]
    frame: tuple[float, float, float, float]
    golden: int | None
    index: int | None

    @property
    def over(self) -> bool:
        return self.kind != "pair" or bool(self.wrong)


@dataclass(frozen=True)
class Detection:
    """One detection, of the golden or beside it, and what each lane makes of it."""

    what: str
    frame: tuple[float, float, float, float]
    cells: tuple[Difference | None, ...]

    @property
    def over(self) -> bool:
        return any(d is not None and d.over for d in self.cells)


@dataclass(frozen=True)
class Figure:
    """size_wh: of the picture. href: the picture as a data URL, "" where it is left out."""

    case: str
    size_wh: tuple[int, int]
    href: str
    layers: tuple[Layer, ...]
    rows: tuple[Detection, ...]

    @property
    def lanes(self) -> list[str]:
        """The columns of `rows`."""
        return [x.name for x in self.layers if x.number]


def layer_of(
    number: int,
    name: str,
    found: Detections,
    labels: Sequence[str],
    names: Sequence[str],
    skeleton: Sequence[tuple[str, str]] = (),
) -> Layer:
    """Return a result's boxes and landmarks for drawing; rows that are not finite are left out."""
    boxes = []
    for i in range(len(found)):
        points = () if found.landmarks_xy is None else found.landmarks_xy[i]
        if not (np.isfinite(found.boxes_xyxy[i]).all() and np.isfinite(points).all()):
            continue
        label, score = class_name(int(found.class_ids[i]), labels), found.scores[i]
        tag = f"{score:.2f}" if len(labels) == 1 else f"{label} {score:.2f}"
        named = tuple(
            (_px(x), _px(y), names[k] if k < len(names) else str(k))
            for k, (x, y) in enumerate(points)
        )
        text = f"{label} {score:.3f}"
        bones = _bones(found, i, skeleton, names)
        boxes.append(Box(i, _frame(found, i), text, tag, named, bones, turn=_turn(found, i)))
    return Layer(number, name, tuple(boxes), tagged=number == 0)


def _bones(
    found: Detections, i: int, skeleton: Sequence[tuple[str, str]], names: Sequence[str]
) -> tuple[tuple[float, float, float, float], ...]:
    if found.landmarks_xy is None:
        return ()
    at, seen = found.landmarks_xy[i], seen_points(found, i)
    pairs = [p for p in bones_of(skeleton, names) if max(p) < len(seen)]
    return tuple(
        (_px(at[a][0]), _px(at[a][1]), _px(at[b][0]), _px(at[b][1]))
        for a, b in pairs
        if seen[a] and seen[b]
    )


def marked(layer: Layer, rows: Sequence[Difference], slot: int) -> Layer:
    """Return a lane's layer at its slot, with the boxes that are over a limit marked."""
    at = {d.index: d for d in rows}
    boxes = tuple(_marked(b, at.get(b.index)) for b in layer.boxes)
    return replace(layer, boxes=boxes, slot=slot)


def _marked(box: Box, row: Difference | None) -> Box:
    if row is None:
        return box
    extra = row.kind == "extra"
    boxed = extra or bool(row.wrong & {"box", "score"})
    return replace(box, over=boxed, points_over=extra or bool(row.wrong & ROWS.keys()))


def rows_of(found: Sequence[Difference], lanes: Sequence[str]) -> tuple[Detection, ...]:
    """Return a row a detection, those over a limit first."""
    same: dict[tuple[object, ...], dict[str, Difference]] = {}
    for d in found:
        # A lane with a golden of its own has its own rows where that differs.
        own = (d.lane, d.index) if d.golden is None else ()
        same.setdefault((d.what, d.frame, d.golden, *own), {})[d.lane] = d
    rows = []
    for cells in same.values():
        first = next(iter(cells.values()))
        rows.append(Detection(first.what, first.frame, tuple(cells.get(n) for n in lanes)))
    return tuple(sorted(rows, key=lambda r: not r.over))


def differences_of(
    lane: str,
    golden: Detections,
    got: Detections,
    limits: Limits,
    model_from_image: Affine,
    labels: Sequence[str],
    approved_labels: Sequence[str] | None = None,
) -> list[Difference]:
    """Return a row a detection, those over a limit first, then the largest move.

    approved_labels: those of the golden, where they may be others.
    """
    old = labels if approved_labels is None else approved_labels
    if not all(np.isfinite(x).all() for x in (got.boxes_xyxy, got.scores)):
        return []
    e, g = golden.placed(model_from_image), got.placed(model_from_image)
    found = match(e, g, limits.boxes_px)
    rows = [_pair(lane, golden, got, (e, g), i, j, limits, (old, labels)) for i, j in found.pairs]
    rows += [_alone(lane, "missing", golden, i, old) for i in found.missing]
    rows += [_alone(lane, "extra", got, j, labels) for j in found.extra]
    return sorted(rows, key=lambda d: (not d.over, -(d.moved if d.moved is not None else 1e9)))


def _pair(
    lane: str,
    golden: Detections,
    got: Detections,
    model: tuple[Detections, Detections],
    i: int,
    j: int,
    limits: Limits,
    labels: tuple[Sequence[str], Sequence[str]],
) -> Difference:
    off = float(abs(golden.scores[i] - got.scores[j]))
    moved = float(distances(golden, got)[i, j])
    e, g = model
    points = _apart(ROWS["landmarks"], golden, got, i, j)
    held = {
        "box": float(distances(e, g)[i, j]) <= limits.boxes_px,
        "score": off <= limits.scores,
    }
    for row in SHOWN:
        apart = _apart(row, e, g, i, j)
        held[row.name] = apart is None or apart <= limits.of(row.limit)
    wrong = frozenset(name for name, holds in held.items() if not holds)
    was, now = (class_name(int(golden.class_ids[i]), names) for names in labels)
    what = f"{was if was == now else f'{was} → {now}'} {golden.scores[i]:.3f}"
    return Difference(lane, what, "pair", moved, points, off, wrong, _frame(golden, i), i, j)


def _apart(row: RowValue, a: Detections, b: Detections, i: int, j: int) -> float | None:
    p, q = a.rows.get(row.name), b.rows.get(row.name)
    if p is None or q is None or p.shape[1:] != q.shape[1:] or 0 in p.shape:
        return None
    return float(row.apart(p[i : i + 1], q[j : j + 1])[0])


def _alone(lane: str, kind: str, found: Detections, i: int, labels: Sequence[str]) -> Difference:
    what = f"{class_name(int(found.class_ids[i]), labels)} {found.scores[i]:.3f}"
    golden, index = (None, i) if kind == "extra" else (i, None)
    none = frozenset[str]()
    return Difference(lane, what, kind, None, None, None, none, _frame(found, i), golden, index)


def _turn(found: Detections, i: int) -> str:
    """Return SVG's transform of a turned box, "" for an upright one; both turn clockwise."""
    if "angles" not in found.rows:
        return ""
    x, y = (_px(v) for v in (found.boxes_xyxy[i, :2] + found.boxes_xyxy[i, 2:]) / 2)
    return f"rotate({np.degrees(found.rows['angles'][i]):.3f} {x} {y})"


def _frame(found: Detections, i: int) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (_px(v) for v in found.boxes_xyxy[i])
    return x1, y1, max(0.0, _px(x2 - x1)), max(0.0, _px(y2 - y1))


def _px(value: float) -> float:
    return round(float(value), 2)
