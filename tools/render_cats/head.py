"""A cat's head and body as pictures with alpha, painted in the head frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tools.render_cats.coats import EYES, Colour, Field, Grid, Rng, mix, paint, ramp, value_noise
from tools.render_cats.face import LEFT_EAR, RIGHT_EAR, Face, Points, smooth

HEAD = (-2.3, -2.15, 2.3, 1.75)  # the part of the head frame that a head's picture shows
BODY = (-2.9, -0.4, 2.9, 4.1)
OVER = 2  # shapes are drawn this much larger and averaged

CHART_EYES: tuple[Colour, Colour] = ((255, 0, 0), (0, 255, 0))
CHART_MOUTH, CHART_EARS = (0, 0, 255), ((255, 255, 0), (0, 255, 255))


@dataclass(frozen=True)
class Sprite:
    """An RGBA picture, and the 3x3 map from head units to its pixels."""

    picture: Image.Image
    matrix: Points


@dataclass(frozen=True)
class Canvas:
    """A window of the head frame drawn at `unit` pixels a head unit."""

    window: tuple[float, float, float, float]
    unit: float

    @property
    def size(self) -> tuple[int, int]:
        x1, y1, x2, y2 = self.window
        return round((x2 - x1) * self.unit), round((y2 - y1) * self.unit)

    @property
    def matrix(self) -> Points:
        x, y = self.window[:2]
        u = self.unit
        return np.array([[u, 0, -x * u], [0, u, -y * u], [0, 0, 1.0]])

    def grid(self) -> tuple[Grid, Grid]:
        """Return x and y of every pixel's centre in head units."""
        width, height = self.size
        x = (np.arange(width, dtype=np.float32) + 0.5) / self.unit + self.window[0]
        y = (np.arange(height, dtype=np.float32) + 0.5) / self.unit + self.window[1]
        u, v = np.meshgrid(x, y)
        return u, v

    def draw_at(self, points: Points) -> list[tuple[float, float]]:
        """Return the points OVER times larger; polygons take them from the corner of a pixel."""
        at = (np.asarray(points) - self.window[:2]) * (self.unit * OVER)
        return [(float(x), float(y)) for x, y in at]

    def mask(self, *shapes: Points) -> Grid:
        """Return how much of every pixel the polygons cover, 0..1."""
        width, height = self.size
        picture = Image.new("L", (width * OVER, height * OVER))
        draw = ImageDraw.Draw(picture)
        for shape in shapes:
            draw.polygon(self.draw_at(shape), fill=255)
        return np.asarray(picture.reduce(OVER), np.float32) / np.float32(255)


def paint_head(face: Face, unit: float, *, style: str) -> Sprite:
    """Paint a head at `unit` pixels a head unit; `style` is photo, book or chart."""
    rng = np.random.default_rng(face.seed)
    canvas = Canvas(HEAD, unit)
    u, v = canvas.grid()
    head = canvas.mask(_tufted(face, rng))
    ears = [_ear(face.points[LEFT_EAR]), _ear(face.points[RIGHT_EAR])]
    ear_masks = [canvas.mask(ear) for ear in ears]
    inner = canvas.mask(*(_inside(ear) for ear in ears)) * (1 - head)
    if style == "chart":
        rgb = np.full((*u.shape, 3), 128, np.float32)
        for mask, colour in zip(ear_masks, CHART_EARS, strict=True):
            rgb = mix(rgb, colour, (mask * (1 - head) > 0).astype(np.float32))
    else:
        rgb = paint(face.coat, _field(face, canvas, rng, body=False))
        rgb *= _fur(face, u, v, rng, 0.036 if style == "book" else 0.16)[..., None]
        rgb = mix(rgb, face.coat.ear, 0.75 * inner * ramp(v, 0.0, -1.3) ** 0.5)
        rgb *= _light(face, u, v, head, style, rng)[..., None]
    alpha = np.maximum(head, np.maximum(*ear_masks))
    if style == "book":
        rgb = mix(rgb, (248, 150, 140), 0.35 * _blush(face, u, v))
    sprite = _join(rgb, alpha)
    sprite.alpha_composite(_features(face, canvas, rng, style))
    return Sprite(sprite, canvas.matrix)


def paint_body(face: Face, unit: float, *, style: str) -> Sprite:
    """Paint a sitting body below the head, chest at x = 0."""
    rng = np.random.default_rng(face.seed + 1)
    canvas = Canvas(BODY, unit)
    u, v = canvas.grid()
    t = np.linspace(0, 2 * np.pi, 40)
    lean = rng.uniform(-0.25, 0.25)
    torso = np.stack([lean + (1.35 + 0.3 * np.sin(t)) * np.cos(t), 2.0 + 1.9 * np.sin(t)], -1)
    paws = [_oval(0.5 * side + lean, 3.62, 0.42, 0.28) for side in (-1.0, 1.0)]
    side = rng.choice([-1.0, 1.0])
    s = np.linspace(0, 1, 24)[:, None]
    spine = np.concatenate([1.3 + 1.3 * np.sin(1.9 * s), 3.5 - 2.0 * s**1.6], -1) * (side, 1)
    tail = [_oval(x, y, 0.24, 0.24) for x, y in spine]
    shape = canvas.mask(torso, *paws, *tail)
    if style == "chart":
        return Sprite(_join(np.full((*u.shape, 3), 90, np.float32), shape), canvas.matrix)
    rgb = paint(face.coat, _field(face, canvas, rng, body=True))
    light = 1.02 - 0.13 * ramp(np.abs(u - lean), 0.5, 1.9) - 0.35 * ramp(v, 1.5, 0.5)
    legs = np.exp(-(((u - lean) / 0.05) ** 2)) * ramp(v, 2.4, 2.9) * ramp(v, 3.9, 3.7)
    noise = 1 + (0.01 if style == "book" else 0.12) * value_noise(
        rng, u.shape[0], u.shape[1], u.shape[0], u.shape[1]
    )
    return Sprite(_join(rgb * (light * noise * (1 - 0.4 * legs))[..., None], shape), canvas.matrix)


def _field(face: Face, canvas: Canvas, rng: Rng, *, body: bool) -> Field:
    u, v = canvas.grid()
    slow = value_noise(rng, u.shape[0], u.shape[1], 7, 8)
    slow2 = value_noise(rng, u.shape[0], u.shape[1], 8, 9)
    mouth = face.points[2]
    at = (float(mouth[0]), float(mouth[1]))
    return Field(u, v, slow, slow2, at, body, float(rng.uniform(0, 6.28)))


def _tufted(face: Face, rng: Rng) -> Points:
    """Return the head's outline with tufts; long on the cheeks, none on the crown."""
    line = face.outline
    fine = np.stack([line * 0.67 + np.roll(line, -1, 0) * 0.33, line], 1)[:, ::-1].reshape(-1, 2)
    length = face.fluff * ramp(fine[:, 1].astype(np.float32), -0.5, 0.3)
    spikes = np.where(np.arange(len(fine)) % 2 == 0, 1.0, -0.3) * rng.uniform(0.3, 1.3, len(fine))
    away = fine / np.linalg.norm(fine, axis=1, keepdims=True) + (0, 0.5)
    return np.asarray(fine + away * (length * spikes)[:, None])


def _ear(ear: Points) -> Points:
    """Return an ear as a polygon: bowed edges from base to tip to base, its root in the head."""
    base, tip, end = ear
    middle = (base + end) / 2
    s = np.linspace(0, 1, 12)[:, None]

    def bow(a: Points, b: Points, amount: float) -> Points:
        mid = (a + b) / 2
        control = mid + (mid - middle) * amount
        return np.asarray((1 - s) ** 2 * a + 2 * s * (1 - s) * control + s**2 * b)

    left_is_outer = base[0] < 0
    first, second = (0.22, 0.1) if left_is_outer else (0.1, 0.22)
    root = middle + (middle - tip) * 0.2
    return np.concatenate([bow(base, tip, first), bow(tip, end, second), [root]])


def _inside(ear: Points) -> Points:
    centre = ear[[0, 11, 23]].mean(0) + np.array([0, 0.06])
    return np.asarray(centre + (ear - centre) * (0.68, 0.74))


def _fur(face: Face, u: Grid, v: Grid, rng: Rng, depth: float) -> Grid:
    """Return short streaks that run away from the nose, about 1 +- depth."""
    x, y = (float(c) for c in face.nose)
    du, dv = u - x, v - y
    hairs = rng.standard_normal((128, 16)).astype(np.float32)
    around = np.asarray((np.arctan2(dv, du) * (127 / 6.2832) + 64), np.int32) & 127
    around = (around + rng.integers(0, 2, u.shape, np.int32)) & 127
    along = np.asarray(np.sqrt(du * du + dv * dv) * 5 + 0.6 * np.sin(around * 2.4) + 1, np.int32)
    streaks = hairs[around, np.clip(along, 0, 15)]
    cloud = value_noise(rng, u.shape[0], u.shape[1], 14, 16)
    return np.asarray(1 + depth * (0.45 * streaks + 0.5 * cloud), np.float32)


def _light(face: Face, u: Grid, v: Grid, head: Grid, style: str, rng: Rng) -> Grid:
    """Return the shade of a round head: lit from above, dark under the chin and in the ears."""
    x, y = (float(c) for c in face.points[2])
    round_head = 1.08 - 0.2 * ((u * u) / 2.2 + (v - 0.1) ** 2 / 1.8)
    light = np.maximum(round_head, 0.72)
    if style == "photo":  # a lamp or a window on one side
        light = light + float(rng.uniform(-0.16, 0.16)) * u
    light = light - 0.14 * ramp(v, y + 0.12, y + 0.5)
    light = np.where(head < 0.5, 0.9, light)
    nose = np.exp(-(((u - x) / 0.16) ** 2)) * ramp(v, -0.4, 0.1) * ramp(v, 0.6, 0.3)
    sockets = np.exp(-(((np.abs(u - 0.05 * x) - 0.3) / 0.1) ** 2) - ((v - 0.12) / 0.3) ** 2)
    depth = 0.5 if style == "book" else 1.0
    return np.asarray(light + depth * (0.06 * nose - 0.1 * sockets), np.float32)


def _blush(face: Face, u: Grid, v: Grid) -> Grid:
    x, y = (float(c) for c in face.points[2])
    spots = np.exp(-(((np.abs(u - x / 2) - 0.86) / 0.2) ** 2) - ((v - y + 0.22) / 0.13) ** 2)
    return np.asarray(spots, np.float32)


def _join(rgb: Grid, alpha: Grid) -> Image.Image:
    rgba = np.concatenate([np.clip(rgb, 0, 255), alpha[..., None] * 255], -1)
    return Image.fromarray((rgba + 0.5).astype(np.uint8))


def _oval(x: float, y: float, rx: float, ry: float, steps: int = 28) -> Points:
    t = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], -1)


def _features(face: Face, canvas: Canvas, rng: Rng, style: str) -> Image.Image:
    """Draw eyes, nose, mouth, whiskers and the hair in the ears."""
    width, height = canvas.size
    layer = Image.new("RGBA", (width * OVER, height * OVER))
    draw = ImageDraw.Draw(layer)
    pen = max(1, round(canvas.unit * OVER * 0.022))
    dark_face = sum(face.coat.base) < 240
    if style != "chart":
        _ear_hair(face, canvas, draw, rng)
    _muzzle(face, canvas, draw, rng, pen, style)
    for k in (0, 1):
        _eye(face, canvas, layer, k, pen, style)
    if style != "chart":
        _whiskers(face, canvas, draw, rng, dark_face)
    return layer.reduce(OVER)


def _ear_hair(face: Face, canvas: Canvas, draw: ImageDraw.ImageDraw, rng: Rng) -> None:
    pale = tuple(int(c * 0.5 + 120) for c in face.coat.base)
    for ear, inner in ((face.points[LEFT_EAR], 2), (face.points[RIGHT_EAR], 0)):
        base, tip, other = ear[inner], ear[1], ear[2 - inner]
        for s in rng.uniform(0.05, 0.6, 9):
            start = base + (other - base) * s * 0.8
            end = start + (tip - start) * rng.uniform(0.3, 0.6) + rng.normal(0, 0.04, 2)
            fill = (*pale, 150)
            draw.line(canvas.draw_at(np.stack([start, end])), fill, max(1, int(canvas.unit * 0.03)))


def _muzzle(
    face: Face, canvas: Canvas, draw: ImageDraw.ImageDraw, rng: Rng, pen: int, style: str
) -> None:
    x, y = (float(c) for c in face.points[2])
    nx, ny = face.nose
    if style == "chart":
        draw.polygon(canvas.draw_at(_oval(x, y, 0.12, 0.12)), fill=CHART_MOUTH)
        return
    ink = (44, 30, 30, 235) if sum(face.coat.base) > 200 else (12, 8, 10, 255)
    w = 0.13 + 0.1 * (face.muzzle - 0.3)
    nose = np.array(
        [[nx, ny - 0.05], [nx + w, ny - 0.07], [nx + w * 0.9, ny + 0.02], [nx, ny + 0.1]]
    )
    nose = np.concatenate([nose, [[nx - w * 0.9, ny + 0.02], [nx - w, ny - 0.07]]])
    draw.polygon(canvas.draw_at(smooth(nose, 5)), fill=(*face.coat.nose, 255))
    glint = tuple(min(255, c + 50) for c in face.coat.nose)
    draw.polygon(canvas.draw_at(_oval(nx - 0.03, ny - 0.03, 0.05, 0.018, 10)), fill=(*glint, 200))
    for side in (-1, 1):
        draw.polygon(
            canvas.draw_at(_oval(nx + side * w * 0.55, ny + 0.015, 0.025, 0.018, 10)),
            fill=(*(int(c * 0.45) for c in face.coat.nose), 255),
        )
    draw.line(canvas.draw_at(np.array([[nx, ny + 0.09], [x, y]])), ink, pen)
    s = np.linspace(0, 1, 9)
    for side in (-1, 1):
        curve = np.stack([x + side * face.muzzle * s, y + 0.2 * s * (1.15 - 1.2 * s)], -1)
        draw.line(canvas.draw_at(curve), ink, pen, "curve")
        for dot in rng.uniform((0.14, -0.12), (0.38, 0.03), (5, 2)):
            spot = _oval(x + side * dot[0], y + dot[1], 0.014, 0.014, 8)
            draw.polygon(canvas.draw_at(spot), fill=(*ink[:3], 130))


def _eye(face: Face, canvas: Canvas, layer: Image.Image, k: int, pen: int, style: str) -> None:
    draw = ImageDraw.Draw(layer)
    centre = face.points[k]
    side = -1.0 if k == 0 else 1.0
    half = face.eye_width * (1 - 0.18 * max(0.0, side * face.yaw))
    tilt = -side * face.eye_tilt * 0.8
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    opened = face.eye_open if style != "chart" else max(face.eye_open, 0.5)
    ink = (30, 22, 22, 255)
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    if opened == 0:
        s = np.linspace(-1, 1, 15)
        lid = np.stack([s * half, 0.4 * half * (0.5 - s * s)], -1) @ turn.T + centre
        draw.line(canvas.draw_at(lid), ink, pen * 2, "curve")
        return
    height = half * (0.28 + 0.66 * opened)
    lens = np.stack([half * np.cos(t), height * np.sin(t) * (0.72 + 0.28 * np.abs(np.sin(t)))], -1)
    if style == "chart":
        draw.polygon(canvas.draw_at(lens @ turn.T + centre), fill=CHART_EYES[k])
        return
    corner = lens * (1.16, 1.2) + np.outer(
        np.maximum(0, -side * np.cos(t)) ** 6, (-side * 0.07, 0.03)
    )
    draw.polygon(canvas.draw_at(corner @ turn.T + centre), fill=ink)
    rim, middle = EYES[face.eye_colours[k]]
    box = canvas.draw_at(np.stack([centre - 1.3 * half, centre + 1.3 * half]))
    x0, y0 = (int(c) for c in box[0])
    size = (int(box[1][0]) - x0 + 1, int(box[1][1]) - y0 + 1)
    patch, mask = Image.new("RGB", size, rim), Image.new("L", size)
    brush = ImageDraw.Draw(patch)

    def at(points: Points) -> list[tuple[float, float]]:
        return [(px - x0, py - y0) for px, py in canvas.draw_at(points @ turn.T + centre)]

    ImageDraw.Draw(mask).polygon(at(lens), fill=255)
    for s in np.linspace(0, 1, 7):
        colour = tuple(int(a + (b - a) * s) for a, b in zip(rim, middle, strict=True))
        r = half * (1.0 - 0.5 * s)
        brush.polygon(at(_oval(0, 0, r, r)), fill=colour)
    tall = min(height * 0.92, half * 0.85)
    wide = tall * face.pupil
    brush.polygon(at(_oval(0, 0, wide, tall)), fill=(14, 12, 16))
    lid = np.stack([1.3 * half * np.cos(t), -height * 1.02 + 0.22 * height * np.sin(t)], -1)
    brush.polygon(at(lid), fill=tuple(int(c * 0.45) for c in rim))
    r = half * (0.24 if style == "book" else 0.15)
    glint = _oval(-0.28 * half, -0.3 * height, r, r)
    brush.polygon(at(glint), fill=(255, 255, 255))
    if style == "book":
        brush.polygon(at(_oval(0.3 * half, 0.32 * height, r * 0.5, r * 0.5)), fill=(236, 240, 246))
    layer.paste(patch, (x0, y0), mask)


def _whiskers(
    face: Face, canvas: Canvas, draw: ImageDraw.ImageDraw, rng: Rng, dark_face: bool
) -> None:
    x, y = (float(c) for c in face.points[2])
    shade = 236 if dark_face or rng.random() < 0.75 else 60
    s = np.linspace(0, 1, 10)
    width = max(1, int(canvas.unit * OVER * 0.012))
    for side in (-1, 1):
        for k in range(int(rng.integers(3, 6))):
            reach = rng.uniform(0.9, 1.5)
            rise = 0.25 * (k - 1.6) + rng.normal(0, 0.06)
            line = np.stack(
                [
                    x + side * (0.24 + reach * s),
                    y - 0.07 + 0.04 * (k - 1) + rise * s + 0.22 * s * s,
                ],
                -1,
            )
            draw.line(canvas.draw_at(line), (shade, shade, shade, 190), width)
