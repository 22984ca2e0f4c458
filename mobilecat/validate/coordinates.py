"""Golden pictures pushed through simulated phones: do boxes land in the view where they belong?

Every chain turns the upright picture into a stored frame, a buffer with padded rows, a model input,
observations and view points. The model sees the picture upright each time, so a box in the wrong
place is a fault of coordinates. Where boxes belong is worked out apart from the chain: goldens (for
the bundle's own fit) or a run on Pillow's resize (for Vision's options), then plain arithmetic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.camera.buffer import buffer_from_rgb
from mobilecat.camera.layout import PixelFormat, plane_layouts
from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.detections import Detections
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.affine import Size
from mobilecat.geometry.orientation import (
    Orientation,
    apply_orientation,
    compose_orientations,
    inverse_orientation,
)
from mobilecat.geometry.resize import plan_resize
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale
from mobilecat.picture import read_picture
from mobilecat.runners import Lane, Runner, decode_outputs, lanes_of, open_lane
from mobilecat.spec import ImageSpec
from mobilecat.validate.compare import Check, Verdict
from mobilecat.validate.golden import Case, read_cases
from mobilecat.validate.match import corner_distances, match
from mobilecat.validate.observe import Opener, gives_detections, open_engine
from mobilecat.validate.tolerances import limits_of

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

OWN = "own"
BORDERLINE = 0.1
"""A box whose score is this near to the threshold may come and go with the resampler."""
OPTIONS: tuple[str, ...] = (OWN, *CropAndScale)
GRAVITIES = ("resizeAspectFill", "resizeAspect", "resize")
COLOUR_FORMATS: tuple[PixelFormat, ...] = ("32BGRA", "420f", "420v", "YUV_420_888")
VIEW_WH = Size(390, 844)
SLACK = {"32BGRA": 0.5, "OneComponent8": 0.5}
SLACK_YUV = 1.0
"""Pixels of the model input beyond the lane's limit. The simulation averages where Pillow weighs a
triangle, and rounds no padding to whole pixels; 4:2:0 halves the colour: none of it is a fault of
coordinates. Seen on YuNet at 640×640, lane limit included: 0.37 from 32BGRA, 0.50 from YUV."""


@dataclass(frozen=True)
class Chain:
    """One way through a phone. option: `own` (the spec's resize) or Vision's crop-and-scale."""

    orientation: Orientation
    option: str
    gravity: str
    format: PixelFormat


@dataclass(frozen=True)
class Row:
    """One chain on one lane and picture. max_px: the corner that moved most, in model pixels."""

    lane: str
    case: str
    chain: Chain
    verdict: Verdict
    max_px: float | None
    limit_px: float
    boxes: int
    detail: str = ""


@dataclass(frozen=True)
class CoordinateReport:
    """held: no chain failed, and every lane had one that passed on each picture."""

    rows: tuple[Row, ...]
    not_run: tuple[str, ...]
    model_runs: int
    full: bool

    @property
    def failed(self) -> list[Row]:
        return [r for r in self.rows if r.verdict == "FAIL"]

    @property
    def shortfalls(self) -> list[str]:
        """What was asked for and no chain vouches for."""
        seen = {(r.lane, r.case) for r in self.rows}
        passed = {(r.lane, r.case) for r in self.rows if r.verdict == "PASS"}
        said = [f"{lane}, {case}: no chain could be compared" for lane, case in seen - passed]
        return sorted(said) if seen else ["no chain was compared", *self.not_run]

    @property
    def held(self) -> bool:
        return not self.failed and not self.shortfalls

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; docs/diagnose.md describes every key."""
        return {
            "schema": 1,
            "verdict": "HELD" if self.held else "FELL_SHORT",
            "full": self.full,
            "model_runs": self.model_runs,
            "shortfalls": self.shortfalls,
            "not_run": list(self.not_run),
            "chains": [
                {
                    "lane": r.lane,
                    "case": r.case,
                    "orientation": int(r.chain.orientation),
                    "option": r.chain.option,
                    "gravity": r.chain.gravity,
                    "format": r.chain.format,
                    "verdict": r.verdict,
                    "max_px": None if r.max_px is None else round(r.max_px, 3),
                    "limit_px": r.limit_px,
                    "boxes": r.boxes,
                    "detail": r.detail,
                }
                for r in self.rows
            ],
        }

    def grid(self) -> list[list[str]]:
        """Return a table: a row a lane and option, a column an orientation, the worst px inside."""
        head = ["lane", "option", *(f"EXIF {int(o)}" for o in Orientation)]
        body = []
        for lane in dict.fromkeys(r.lane for r in self.rows):
            for option in dict.fromkeys(r.chain.option for r in self.rows):
                cells = [self._cell(lane, option, o) for o in Orientation]
                body.append([lane, option, *cells])
        return [head, *body]

    def _cell(self, lane: str, option: str, o: Orientation) -> str:
        found = [
            r
            for r in self.rows
            if (r.lane, r.chain.option, r.chain.orientation) == (lane, option, o)
        ]
        if any(r.verdict == "FAIL" for r in found):
            worst = [r.max_px for r in found if r.verdict == "FAIL" and r.max_px is not None]
            return f"FAIL {max(worst):.1f}" if worst else "FAIL"
        known = [r.max_px for r in found if r.max_px is not None]
        return f"{max(known):.1f}" if known else ("–" if not found else "NOT_RUN")


def chains(full: bool, formats: tuple[PixelFormat, ...]) -> list[Chain]:
    """Return every chain, or a set in which each value of each axis occurs.

    The small one: the own fit in all orientations, formats and gravities taking turns; the others
    in every other orientation, from 32BGRA.
    """
    found = []
    for i, o in enumerate(Orientation):
        for j, option in enumerate(OPTIONS):
            if full:
                found += [Chain(o, option, g, f) for g in GRAVITIES for f in formats]
            elif option == OWN:
                turn = formats[(i + i // 4) % len(formats)]
                found.append(Chain(o, option, GRAVITIES[i % 3], turn))
            elif (i + j) % 2:
                found.append(Chain(o, option, GRAVITIES[(i + j) % 3], formats[0]))
    return found


@dataclass(frozen=True)
class _Picture:
    """A golden picture: upright pixels, and what is expected of it."""

    case: Case
    image: Image
    pixels: Pixels


class _Lane:
    """A lane's engine, run once for each distinct model input."""

    def __init__(self, engine: Runner, spec: ImageSpec) -> None:
        self.engine, self.spec, self.runs = engine, spec, 0
        self._seen: dict[bytes, Detections] = {}

    def model_boxes(self, pixels: Pixels) -> Detections:
        """Return detections in model pixels. Shapes: (H, W, C) uint8."""
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key not in self._seen:
            self.runs += 1
            outputs = self.engine.infer({"image": pixels})
            same = plan_resize(self.spec.size, self.spec.size, "stretch")
            self._seen[key] = decode_outputs(outputs, same)
        return self._seen[key]


def check_coordinates(
    folder: Path,
    golden_dir: Path,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    source: Path | None = None,
    full: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    opener: Opener = open_lane,
) -> CoordinateReport:
    """Push every golden picture through simulated phones, on each lane.

    Errors: MobileCatError for a bundle without detections or goldens that are pictures.
    """
    bundle = open_bundle(folder)
    spec = bundle.spec.input
    if spec is None or not gives_detections(bundle):
        raise MobileCatError(
            "This bundle has no boxes to place", [Problem("its head is raw", str(folder))]
        )
    cases, _ = read_cases(golden_dir, bundle)
    pictures = [_picture(c) for c in cases if c.kind == "image"]
    if not pictures:
        raise MobileCatError(
            "There is no golden picture",
            [Problem("no approved case", str(golden_dir), "mobilecat golden record, then approve")],
        )
    formats = COLOUR_FORMATS if spec.channels == 3 else (*COLOUR_FORMATS, "OneComponent8")
    rows: list[Row] = []
    not_run: list[str] = []
    runs = 0
    for lane in lanes_of(bundle, runner, artifact):
        progress(f"loading {lane.name}")
        engine = open_engine(opener, folder, bundle, lane, source)
        if isinstance(engine, Check):
            not_run.append(f"{lane.name}: {engine.detail}")
            continue
        loaded = _Lane(engine, spec)
        for picture in pictures:
            progress(f"{lane.name}: {picture.case.name}")
            rows += _rows(loaded, lane, bundle, picture, chains(full, formats))
        runs += loaded.runs
    return CoordinateReport(tuple(rows), tuple(not_run), runs, full)


def _picture(case: Case) -> _Picture:
    image = read_picture(case.input)
    return _Picture(case, image, np.asarray(image.convert("RGB"), dtype=np.uint8))


def _rows(
    lane: _Lane, which: Lane, bundle: Bundle, picture: _Picture, wanted: list[Chain]
) -> Iterator[Row]:
    limit = limits_of(which, bundle).boxes_px
    expected: dict[str, Detections | str] = {}
    inputs: dict[tuple[Orientation, str, PixelFormat], Pixels] = {}
    for chain in wanted:
        if chain.option not in expected:
            expected[chain.option] = _expected(lane, which, picture, chain.option)
        slack = SLACK.get(chain.format, SLACK_YUV)
        reference = expected[chain.option]
        if isinstance(reference, str):
            case = picture.case.name
            yield Row(which.name, case, chain, "NOT_RUN", None, limit + slack, 0, reference)
            continue
        request = _request(chain, lane.spec, picture)
        key = (chain.orientation, chain.option, chain.format)
        if key not in inputs:
            frame = _frame(chain, picture.pixels)
            seen = request.model_input(frame)
            inputs[key] = _channels(seen, lane.spec)
        found = lane.model_boxes(inputs[key])
        yield _held(which, picture, chain, request, found, reference, limit + slack, bundle)


def _channels(rgb: Pixels, spec: ImageSpec) -> Pixels:
    if spec.channels == 3:
        return rgb
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.uint8)[..., None]


def _frame(chain: Chain, upright: Pixels) -> Any:
    """Return the buffer that a phone would hand over: turned, with rows longer than the width."""
    stored = apply_orientation(upright, inverse_orientation(chain.orientation))
    tight = plane_layouts(chain.format, (stored.shape[1], stored.shape[0]))
    strides = [-(-p.row_stride // 64) * 64 + 64 for p in tight]
    return buffer_from_rgb(stored, chain.format, strides)


def _request(chain: Chain, spec: ImageSpec, picture: _Picture) -> SimulatedRequest:
    w, h = picture.image.size
    lying = chain.orientation >= Orientation.LEFT_MIRRORED
    fit: CropAndScale | AppResize
    o = chain.orientation
    if chain.option == OWN:
        fit = AppResize(spec.resize, spec.rounding, spec.pad)
    else:
        fit = CropAndScale(chain.option)
        if fit.turns:  # handed over turned clockwise, so that the option turns it upright
            o = compose_orientations(Orientation.RIGHT, o)
    return SimulatedRequest(
        Size(h, w) if lying else Size(w, h),
        Size(*spec.size),
        o,
        fit,
        view=View(VIEW_WH, chain.gravity),
    )


def _held(
    lane: Lane,
    picture: _Picture,
    chain: Chain,
    request: SimulatedRequest,
    found: Detections,
    reference: Detections,
    limit: float,
    bundle: Bundle,
) -> Row:
    """Hold what the chain draws to where the reference's boxes belong, in view points."""
    w, h = picture.image.size
    drawn = request.view_boxes(request.observations(found.boxes_xyxy))
    turned = chain.option.endswith("Rotate90CCW")
    belongs, scale = in_view(reference.boxes_xyxy, (w, h), chain.gravity, turned)
    # View points → model pixels, by the picture's larger scale: an upper bound of the distance.
    per_point = np.array([_model_scale(chain.option, bundle, (w, h))] * 4) / np.tile(scale, 2)
    want = Detections(belongs * per_point, reference.scores, reference.class_ids)
    got = Detections(drawn * per_point, found.scores, found.class_ids)
    pairs = match(want, got, limit)
    threshold = _threshold(bundle)
    missing = [i for i in pairs.missing if want.scores[i] - threshold > BORDERLINE]
    extra = [j for j in pairs.extra if got.scores[j] - threshold > BORDERLINE]
    worst = None
    if pairs.pairs:
        i, j = (list(x) for x in zip(*pairs.pairs, strict=True))
        worst = float(corner_distances(want.boxes_xyxy[i], got.boxes_xyxy[j]).max())
    said = []
    if missing:
        said.append(f"{len(missing)} of {len(reference)} boxes are not where they belong")
    if extra:
        said.append(f"{len(extra)} boxes are where none belong")
    if worst is not None and worst > limit:
        said.append(f"a corner is off by {worst:.1f} px of the model input")
    verdict: Verdict = "FAIL" if said else ("PASS" if pairs.pairs else "NOT_RUN")
    if not said and not pairs.pairs:
        said.append("no box well above the threshold to place")
    return Row(
        lane.name,
        picture.case.name,
        chain,
        verdict,
        worst,
        limit,
        len(pairs.pairs),
        "; ".join(said),
    )


def _threshold(bundle: Bundle) -> float:
    nms = bundle.spec.effective_nms
    return nms.score_threshold if nms else 0.0


def _model_scale(option: str, bundle: Bundle, wh: tuple[int, int]) -> float:
    """Model pixels in a picture pixel, the larger of both axes."""
    spec = bundle.spec.input
    assert spec is not None
    sx, sy = spec.size[0] / wh[0], spec.size[1] / wh[1]
    stretched = "scaleFill" in option or (option == OWN and spec.resize == "stretch")
    return max(sx, sy) if stretched or option == "centerCrop" else min(sx, sy)


def in_view(
    boxes: Floats, wh: tuple[int, int], gravity: str, turned: bool
) -> tuple[Floats, Floats]:
    """Return where boxes of the upright picture belong in the view, and its scale (x, y).

    Worked out by hand, apart from `View`. turned: the picture is shown a quarter clockwise.
    """
    w, h = wh
    if turned:
        x1, y1, x2, y2 = boxes.T
        boxes = np.stack([h - y2, x1, h - y1, x2], axis=1)
        w, h = h, w
    sx, sy = VIEW_WH.w / w, VIEW_WH.h / h
    if gravity == "resizeAspect":
        sx = sy = min(sx, sy)
    if gravity == "resizeAspectFill":
        sx = sy = max(sx, sy)
    ox, oy = (VIEW_WH.w - sx * w) / 2, (VIEW_WH.h - sy * h) / 2
    scale = np.array([sx, sy])
    placed: Floats = boxes * np.tile(scale, 2) + np.array([ox, oy, ox, oy])
    return placed, scale


def _expected(lane: _Lane, which: Lane, picture: _Picture, option: str) -> Detections | str:
    """Return the boxes that belong to an option, in pixels of the upright picture.

    For the own fit the golden's; for Vision's, a run on Pillow's resize and plain arithmetic.
    """
    if option == OWN:
        golden = picture.case.expected(which.name).found
        return golden if golden is not None else "the golden has no detections"
    from PIL import Image

    (w, h), (sw, sh) = picture.image.size, lane.spec.size
    mode = option.removesuffix("Rotate90CCW")
    image = picture.image.convert("RGB")
    gx, gy = sw / w, sh / h
    if mode == "scaleFill":
        box, size, at = (0.0, 0.0, float(w), float(h)), (sw, sh), (0, 0)
    elif mode == "scaleFit":
        gx = gy = min(gx, gy)
        size = (max(1, round(gx * w)), max(1, round(gy * h)))
        at = (round((sw - size[0]) / 2), round((sh - size[1]) / 2))
        box = (0.0, 0.0, float(w), float(h))
    else:
        gx = gy = max(gx, gy)
        dx, dy = (w - sw / gx) / 2, (h - sh / gy) / 2
        box, size, at = (dx, dy, w - dx, h - dy), (sw, sh), (0, 0)
    canvas = Image.new("RGB", (sw, sh))
    canvas.paste(image.resize(size, Image.Resampling.BILINEAR, box=box), at)
    found = lane.model_boxes(_channels(np.asarray(canvas, dtype=np.uint8), lane.spec))
    b = found.boxes_xyxy - np.array([*at, *at])
    b = b * np.tile([(box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]], 2)
    b = b + np.tile([box[0], box[1]], 2)
    if not len(found):
        return f"the network finds nothing through {option}, straight from the picture"
    return Detections(b, found.scores, found.class_ids)
