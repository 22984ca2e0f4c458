"""Buggy apps, in plain arithmetic: what tools/diagnose_figures.py and the tests diagnose.

Nothing here uses `mobilecat.diagnosis.maps`, nor the maps of `mobilecat.geometry`: each bug is the
closed form of the catalogue, written down a second time, so that a wrong formula shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.geometry.affine import Size
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.spaces import Extent
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale, Region

F64 = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class World:
    """The numbers a bug needs; W×H is the upright picture. k is drawn by the bug itself."""

    W: float
    H: float
    Sw: float
    Sh: float
    Vw: float
    Vh: float
    mode: str
    fit: str
    k: float
    roi: Box
    origin: tuple[float, float]
    row: float
    exif: int
    pick: float
    jitter: tuple[float, float]

    @property
    def swapped(self) -> World:
        return replace(self, W=self.H, H=self.W)


def _fit(w: World) -> tuple[float, float]:
    g = min(w.Sw / w.W, w.Sh / w.H)
    return g * w.W / w.Sw, g * w.H / w.Sh


def _crop(w: World) -> tuple[float, float]:
    g = max(w.Sw / w.W, w.Sh / w.H)
    return g * w.W / w.Sw, g * w.H / w.Sh


def _view(w: World) -> tuple[float, float, float, float]:
    sx, sy = w.Vw / w.W, w.Vh / w.H
    if w.mode == "resizeAspect":
        sx = sy = min(sx, sy)
    if w.mode == "resizeAspectFill":
        sx = sy = max(sx, sy)
    return sx, sy, (w.Vw - sx * w.W) / 2, (w.Vh - sy * w.H) / 2


def _about_middle(b: Box, sx: float, sy: float) -> Box:
    x1, y1, x2, y2 = b
    return (
        0.5 + (x1 - 0.5) * sx,
        0.5 + (y1 - 0.5) * sy,
        0.5 + (x2 - 0.5) * sx,
        0.5 + (y2 - 0.5) * sy,
    )


def _offset_ignored(b: Box, w: World) -> Box:
    sx, sy, ox, oy = _view(w)
    x1, y1, x2, y2 = b
    return (
        (x1 * w.Vw - ox) / (sx * w.W),
        (y1 * w.Vh - oy) / (sy * w.H),
        (x2 * w.Vw - ox) / (sx * w.W),
        (y2 * w.Vh - oy) / (sy * w.H),
    )


def _points(b: Box, w: World) -> Box:
    sx, sy, ox, oy = _view(w)
    k = w.k if w.pick < 0.5 else 1 / w.k
    out = []
    for i, v in enumerate(b):
        s, o, side = (sx, ox, w.W) if i % 2 == 0 else (sy, oy, w.H)
        out.append(((s * side * v + o) * k - o) / (s * side))
    return out[0], out[1], out[2], out[3]


def _shift(b: Box, dx: float, dy: float) -> Box:
    return b[0] + dx, b[1] + dy, b[2] + dx, b[3] + dy


def _bottom_right(b: Box, w: World) -> Box:
    fx, fy = _fit(w)
    return _shift(b, (1 - fx) / (2 * fx), (1 - fy) / (2 * fy))


def _roi(b: Box, w: World) -> Box:
    rx, ry, rw, rh = w.roi
    top = 1 - ry - rh
    return (b[0] - rx) / rw, (b[1] - top) / rh, (b[2] - rx) / rw, (b[3] - top) / rh


def _times(b: Box, w: World) -> Box:
    sx, sy = (w.Sw, w.Sh) if w.jitter[0] < 0 else (w.W, w.H)
    if w.pick < 0.5:
        sx, sy = 1 / sx, 1 / sy
    return b[0] * sx, b[1] * sy, b[2] * sx, b[3] * sy


def _model_px(w: World) -> tuple[float, float]:
    if w.fit == "scaleFill":
        return 1 / w.Sw, 1 / w.Sh
    g = (min if w.fit == "scaleFit" else max)(w.Sw / w.W, w.Sh / w.H)
    return 1 / (g * w.W), 1 / (g * w.H)


def _inclusive(b: Box, w: World) -> Box:
    px, py = _model_px(w) if w.pick < 0.5 else (1 / w.W, 1 / w.H)
    return b[0], b[1], b[2] - px, b[3] - py


def _rounded(b: Box, w: World) -> Box:
    px, py = _model_px(w)
    return _shift(b, w.jitter[0] * px, w.jitter[1] * py)


# upright → stored pixel, by hand: what each EXIF value says of row 0 and column 0
_STORED: dict[int, Callable[[float, float, float, float], tuple[float, float]]] = {
    1: lambda x, y, W, H: (x, y),
    2: lambda x, y, W, H: (W - x, y),
    3: lambda x, y, W, H: (W - x, H - y),
    4: lambda x, y, W, H: (x, H - y),
    5: lambda x, y, W, H: (y, x),
    6: lambda x, y, W, H: (y, W - x),
    7: lambda x, y, W, H: (H - y, W - x),
    8: lambda x, y, W, H: (H - y, x),
}
_UPRIGHT: dict[int, Callable[[float, float, float, float], tuple[float, float]]] = {
    1: lambda x, y, w, h: (x, y),
    2: lambda x, y, w, h: (w - x, y),
    3: lambda x, y, w, h: (w - x, h - y),
    4: lambda x, y, w, h: (x, h - y),
    5: lambda x, y, w, h: (y, x),
    6: lambda x, y, w, h: (h - y, x),
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (y, w - x),
}


def _sheared(b: Box, w: World) -> Box:
    cx, cy = (b[0] + b[2]) / 2 * w.W, (b[1] + b[3]) / 2 * w.H
    X, Y = _STORED[w.exif](cx, cy, w.W, w.H)
    bw, bh = (w.W, w.H) if w.exif < 5 else (w.H, w.W)
    L = math.floor(Y) * w.row + X
    x, y = L % bw, math.floor(L / bw) + (Y - math.floor(Y))
    ux, uy = _UPRIGHT[w.exif](x, y, bw, bh)
    return _shift(b, (ux - cx) / w.W, (uy - cy) / w.H)


BOX_BUGS: dict[str, Callable[[Box, World], Box]] = {
    "1": lambda b, w: (b[0], 1 - b[3], b[2], 1 - b[1]),
    "2": lambda b, w: (b[0], b[3], b[2], 2 * b[3] - b[1]),
    "3": lambda b, w: (1 - b[2], b[1], 1 - b[0], b[3]),
    "4": lambda b, w: (b[1], 1 - b[2], b[3], 1 - b[0]),
    "4b": lambda b, w: (1 - b[3], b[0], 1 - b[1], b[2]),
    "4c": lambda b, w: (b[1], b[0], b[3], b[2]),
    "4d": lambda b, w: (1 - b[3], 1 - b[2], 1 - b[1], 1 - b[0]),
    "5": lambda b, w: (1 - b[2], 1 - b[3], 1 - b[0], 1 - b[1]),
    "6": lambda b, w: (b[0] * w.H / w.W, b[1] * w.W / w.H, b[2] * w.H / w.W, b[3] * w.W / w.H),
    "7": _offset_ignored,
    "8": lambda b, w: _about_middle(b, *_fit(w)),
    "9": lambda b, w: _about_middle(b, 1 / _fit(w)[0], 1 / _fit(w)[1]),
    "10": _bottom_right,
    "11": lambda b, w: _about_middle(b, *_crop(w)),
    "12": _points,
    "13": _roi,
    "14": lambda b, w: _shift(b, 0, 2 * w.roi[1] + w.roi[3] - 1),
    "15": lambda b, w: _shift(b, -w.origin[0] / w.W, w.origin[1] / w.H),
    "16": lambda b, w: (b[1], b[0], b[3], b[2]),
    "17": lambda b, w: (b[0], b[1], b[2] - b[0], b[3] - b[1]),
    "18": lambda b, w: (b[0], b[1], b[0] + b[2], b[1] + b[3]),
    "19": lambda b, w: _shift(b, (b[2] - b[0]) / 2, (b[3] - b[1]) / 2),
    "20": lambda b, w: _shift(b, (b[0] - b[2]) / 2, (b[1] - b[3]) / 2),
    "21": lambda b, w: ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2, b[2] - b[0], b[3] - b[1]),
    "22": _times,
    "22b": lambda b, w: _picture_for_points(b, w),
    "24": _inclusive,
    "25": _rounded,
    "26": _sheared,
}


def _picture_for_points(b: Box, w: World) -> Box:
    """x_view = x_image: picture pixels drawn as points."""
    sx, sy, ox, oy = _view(w)
    return (
        (b[0] * w.W - ox) / (sx * w.W),
        (b[1] * w.H - oy) / (sy * w.H),
        (b[2] * w.W - ox) / (sx * w.W),
        (b[3] * w.H - oy) / (sy * w.H),
    )


def _to_view(b: Box, w: World) -> Box:
    sx, sy, ox, oy = _view(w)
    x, y = sx * w.W, sy * w.H
    return b[0] * x + ox, b[1] * y + oy, b[2] * x + ox, b[3] * y + oy


def _from_view(b: Box, w: World) -> Box:
    sx, sy, ox, oy = _view(w)
    x, y = sx * w.W, sy * w.H
    return (b[0] - ox) / x, (b[1] - oy) / y, (b[2] - ox) / x, (b[3] - oy) / y


def _bar_above(b: Box, w: World) -> Box:
    """Six to sixty points down, or up, or to a side, or both."""
    points = (6 + 108 * abs(w.jitter[0])) * (1 if w.jitter[0] > 0 else -1)
    dx = 0.7 * points if w.pick > 0.6 else 0.0
    dy = points if w.pick < 0.8 else 0.0
    return _from_view(_shift(_to_view(b, w), dx, dy), w)


def _zoomed(b: Box, w: World) -> Box:
    z = 1 / (1.1 + abs(w.jitter[0])) if w.pick < 0.5 else 1.1 + abs(w.jitter[0])
    x1, y1, x2, y2 = _to_view(b, w)
    cx, cy = w.Vw / 2, w.Vh / 2
    there = (cx + z * (x1 - cx), cy + z * (y1 - cy), cx + z * (x2 - cx), cy + z * (y2 - cy))
    return _from_view(there, w)


def _other_size(b: Box, w: World) -> Box:
    """Between half and twice as large, by one factor or by two, from the view's corner."""
    sx = 1.15 + 1.6 * abs(w.jitter[0])
    sx = 1 / sx if w.jitter[0] < 0 else sx
    sy = sx if w.pick < 0.3 else (0.55 + 1.2 * w.pick) * (1.2 if w.jitter[1] > 0 else 0.8)
    x1, y1, x2, y2 = _to_view(b, w)
    return _from_view((sx * x1, sy * y1, sx * x2, sy * y2), w)


def _other_side(b: Box, w: World) -> Box:
    r = (w.Sw / w.W) / (w.Sh / w.H)
    r = r if w.pick < 0.5 else 1 / r
    return b[0] * r, b[1] * r, b[2] * r, b[3] * r


def _off_the_middle(b: Box, w: World) -> Box:
    x1, y1, x2, y2 = _to_view(b, w)
    k = 1 + (0.03 + 0.3 * abs(w.jitter[0])) * (1 if w.jitter[0] > 0 else -1)
    if w.pick < 0.7:
        return _from_view((k * w.Vw - x2, y1, k * w.Vw - x1, y2), w)
    return _from_view((x1, k * w.Vh - y2, x2, k * w.Vh - y1), w)


def _hung_up(b: Box, w: World) -> Box:
    kind = int(w.pick * 6)
    wide, high = b[2] - b[0], b[3] - b[1]
    shifts = [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (1.0, 1.0)]
    if kind < len(shifts):
        return _shift(b, shifts[kind][0] * wide, shifts[kind][1] * high)
    x1, y1, x2, y2 = _to_view(b, w)
    bottom = w.Vh - y2 if kind == 4 else y2
    left, right = sorted((x1, w.Vw - x2))
    low, high = sorted((y1, bottom))
    return _from_view((left, low, right, high), w)


BOX_BUGS |= {
    "4e": lambda b, w: (1 - b[3], b[0], 1 - b[1], b[2]),
    "30": _bar_above,
    "31": _zoomed,
    "32": _other_size,
    "33": _other_side,
    "34": _off_the_middle,
    "35": _hung_up,
}
OTHER_BUGS = ("23", "27", "28", "29")
ALL_BUGS = (*BOX_BUGS, *OTHER_BUGS)
SINGLE_ONLY = ("4e", "31", "32", "33", "34", "35")
"""Not tried in pairs: beside another bug they are any scale and move."""
_STAGE = dict.fromkeys(("29", "26", "15", "4", "4b", "4c", "4d", "5"), 0)
_STAGE |= dict.fromkeys(("8", "9", "10", "11", "25"), 1)
_STAGE |= dict.fromkeys(("16", "17", "18", "19", "20", "21", "22", "24"), 2)
_STAGE |= dict.fromkeys(("1", "2", "13", "14", "23"), 3)
_STAGE |= dict.fromkeys(("3", "6", "7", "12", "22b", "27", "28"), 4)
_STAGE |= dict.fromkeys(("4e",), 0)
_STAGE |= dict.fromkeys(("30", "31", "32", "33", "34", "35"), 6)
_BESIDE_A_BAR = {"1", "2", "3", "4", "4b", "4c", "4d", "5", "16", "17", "18", "19", "20", "21"}
_FAMILIES = [
    {"4", "4b", "4c", "4d", "5"},
    {"8", "9", "10", "11"},
    {"16", "17", "18", "19", "20", "21"},
    {"13", "14"},
    {"27", "28"},
]
_FRAMES = [(1920, 1080), (1280, 720), (640, 480), (1440, 1080)]
_FRAMES += [(1000, 562), (720, 1280), (543, 961)]
_MODELS = [(640, 640), (416, 320), (320, 240), (300, 300), (512, 384), (256, 448)]


def possible_pair(a: str, b: str) -> bool:
    """Return whether an app can have both: not twice the same, nor two of a kind."""
    if {a, b} & set(SINGLE_ONLY):
        return False
    if "30" in (a, b) and not {a, b} & _BESIDE_A_BAR:
        return False
    return a != b and not any({a, b} <= family for family in _FAMILIES)


def _pick(rng: np.random.Generator, options: list[Any]) -> Any:
    return options[int(rng.integers(len(options)))]


def _origin(rng: np.random.Generator) -> float:
    return float(rng.uniform(15, 90)) * float(_pick(rng, [-1, 1]))


def random_world(rng: np.random.Generator, bugs: tuple[str, ...]) -> World:
    """Return facts in which each of `bugs` shows."""
    while True:
        frame, model = _pick(rng, _FRAMES), _pick(rng, _MODELS)
        exif = 1 if "4e" in bugs else int(rng.integers(1, 9))
        W, H = frame if exif < 5 else frame[::-1]
        options = ["scaleFit", "scaleFill", "centerCrop"]
        if {"8", "10"} & set(bugs):
            options = ["scaleFit"]
        if "9" in bugs:
            options = ["scaleFit", "scaleFill"]
        if "11" in bugs:
            options = ["centerCrop"]
        rw, rh = rng.uniform(0.35, 0.8, 2)
        full = not {"13", "14"} & set(bugs)
        roi = (rng.uniform(0, 1 - rw), rng.uniform(0, 1 - rh), rw, rh)
        bw = frame[0]
        modes = ["resizeAspectFill"]
        modes += [] if "7" in bugs else ["resizeAspect", "resize"]
        world = World(
            W=W,
            H=H,
            Sw=model[0],
            Sh=model[1],
            Vw=float(_pick(rng, [390, 375, 414, 1024])),
            Vh=float(_pick(rng, [844, 667, 600, 768])),
            mode=_pick(rng, modes),
            fit=_pick(rng, options),
            k=float(rng.integers(2, 4)),
            roi=(0, 0, 1, 1) if full else tuple(float(v) for v in roi),  # type: ignore[arg-type]
            origin=(_origin(rng), _origin(rng)),
            row=bw + float(_pick(rng, [8, 16, 24, 32])),
            exif=exif,
            pick=float(rng.random()),
            jitter=(float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5))),
        )
        crooked = abs(world.Sw / world.Sh - W / H) > 0.1 and abs(world.Vw / world.Vh - W / H) > 0.1
        turned = abs(world.Sw / world.Sh - H / W) > 0.1
        if crooked and turned and (full or abs(2 * world.roi[1] + world.roi[3] - 1) > 0.05):
            return world


def facts_of(w: World, bugs: tuple[str, ...]) -> Facts:
    """Return what the app's developer would know of this world."""
    frame = Size(w.W, w.H) if w.exif < 5 else Size(w.H, w.W)
    return Facts(
        frame,
        Size(w.Sw, w.Sh),
        Orientation(w.exif),
        handed=Orientation.RIGHT if "4e" in bugs else None,
        fit=CropAndScale(w.fit),
        region=Region(*w.roi),
        view=View(Size(w.Vw, w.Vh), w.mode),
        content_scale=w.k,
        extent=Extent(*w.origin, w.W, w.H) if "15" in bugs else None,
        row_pixels=w.row if "26" in bugs else None,
    )


def random_boxes(rng: np.random.Generator, count: int) -> F64:
    """Return boxes inside the unit square, off-centre, wider or higher than the other."""
    boxes: list[list[float]] = []
    while len(boxes) < count:
        w, h = rng.uniform(0.06, 0.35, 2)
        x, y = rng.uniform(0.01, 0.99 - w), rng.uniform(0.01, 0.99 - h)
        off = abs(x + w / 2 - 0.5) > 0.05 and abs(y + h / 2 - 0.5) > 0.05
        if off and abs(w - h) > 0.02:
            boxes.append([x, y, x + w, y + h])
    return np.array(boxes)


def _after(boxes: F64, bugs: list[str], w: World) -> F64:
    for bug in bugs:
        if bug in BOX_BUGS:
            rows = [BOX_BUGS[bug](tuple(float(v) for v in b), w) for b in boxes]  # type: ignore[arg-type]
            boxes = np.array(rows).reshape(-1, 4)
        if bug in ("4", "4b", "4c", "4d") and w.pick < 0.75:
            w = w.swapped  # what follows believes the frame as it was handed over
        if bug in ("4", "4b", "4c", "4d", "4e", "5", "1", "3", "13", "6", "7"):
            boxes = np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    return boxes


def simulate(
    rng: np.random.Generator, bugs: tuple[str, ...], count: int = 5, noise_px: float = 1.0
) -> Scene:
    """Return what an app with these bugs shows: 5 boxes, or one object in motion for 29.

    noise_px: Gaussian, in pixels of a picture 640 long, on every observed coordinate.
    """
    world = random_world(rng, bugs)
    order = sorted(bugs, key=lambda b: _STAGE[b])
    true = random_boxes(rng, count)
    earlier: dict[int, F64] = {}
    source = true
    if "29" in bugs:
        start, shape = random_boxes(rng, 1)[0], (count + 3, 2)
        step = rng.uniform(0.02, 0.06, shape) * rng.choice([-1, 1], shape)
        path = start + np.tile(np.cumsum(step, axis=0), (1, 2))
        true = path[3:]
        earlier = {d: path[3 - d : len(path) - d] for d in (1, 2, 3)}
        source = earlier[int(rng.integers(1, 3))]
    observed = _after(source, order, world)
    marks = seen_marks = None
    if "23" in bugs:
        inside = rng.uniform(0.1, 0.9, (count, 3, 2))
        size = (true[:, 2:] - true[:, :2])[:, None]
        marks = true[:, None, :2] + inside * size
        first = inside if world.pick < 0.5 else None
        if first is None:  # y not flipped inside the box
            y = true[:, 1:2] + true[:, 3:4] - marks[..., 1]
            first = np.stack([marks[..., 0], y], axis=-1)
        where = order.index("23")
        if source is not true or where:
            return simulate(rng, bugs, count, noise_px) if len(bugs) == 1 else _marks_last(
                rng, world, bugs, order, true, observed, marks, noise_px
            )  # fmt: skip
        flat = np.tile(first.reshape(-1, 2), (1, 2))
        seen_marks = _marks_through(flat, order[where + 1 :], world).reshape(count, 3, 2)
    return _scene(rng, world, bugs, true, observed, marks, seen_marks, earlier, noise_px)


def _marks_through(flat: F64, bugs: list[str], world: World) -> F64:
    """Landmarks go where points go; a box's own format never touches them."""
    points = [b for b in bugs if b not in ("2", "16", "17", "18", "19", "20", "21", "24")]
    return _after(flat, points, world)[:, :2]


def _marks_last(
    rng: np.random.Generator,
    world: World,
    bugs: tuple[str, ...],
    order: list[str],
    true: F64,
    observed: F64,
    marks: F64,
    noise_px: float,
) -> Scene:
    """The other bug moved box and landmarks alike; then landmarks are taken for the picture's."""
    where = order.index("23")
    turned = [b for b in order[:where] if b in ("4", "4b", "4c", "4d")]
    before = _after(true, order[:where], world)
    flat = np.tile(marks.reshape(-1, 2), (1, 2))
    points = _marks_through(flat, order[:where], world).reshape(*marks.shape)
    box = np.sort(before.reshape(-1, 2, 2), axis=1).reshape(-1, 4)[:, None]
    if world.pick < 0.5:
        first = (points - box[..., :2]) / np.maximum(box[..., 2:] - box[..., :2], 1e-9)
    else:
        first = np.stack([points[..., 0], box[..., 1] + box[..., 3] - points[..., 1]], axis=-1)
    after = world.swapped if turned and world.pick < 0.75 else world
    flat = np.tile(first.reshape(-1, 2), (1, 2))
    seen = _marks_through(flat, order[where + 1 :], after).reshape(*marks.shape)
    return _scene(rng, world, bugs, true, observed, marks, seen, {}, noise_px)


def _scene(
    rng: np.random.Generator,
    world: World,
    bugs: tuple[str, ...],
    true: F64,
    observed: F64,
    marks: F64 | None,
    seen_marks: F64 | None,
    earlier: dict[int, F64],
    noise_px: float,
) -> Scene:
    sigma = noise_px / 640 * max(world.W, world.H) / np.array([world.W, world.H])
    observed = observed + rng.normal(0, 1, observed.shape) * np.tile(sigma, 2)
    if seen_marks is not None:
        seen_marks = seen_marks + rng.normal(0, 1, seen_marks.shape) * sigma
    scores = rng.uniform(0.7, 0.95, len(true))
    seen_scores = scores + rng.normal(0, 0.01, len(true))
    if "27" in bugs:
        seen_scores = seen_scores - rng.uniform(0.12, 0.35)
    if "28" in bugs:
        seen_scores = np.maximum(seen_scores - rng.uniform(0.42, 0.6), 0.05)
    evidence = Evidence(true, observed, marks, seen_marks, scores, seen_scores, earlier=earlier)
    return Scene(facts_of(world, bugs), evidence)
