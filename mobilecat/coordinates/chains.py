"""Golden pictures pushed through simulated phones: do boxes land in the view where they belong?

Every chain turns the upright picture into a stored frame, a buffer with padded rows, a model input,
observations and view points. The model sees the picture upright each time, so a box in the wrong
place is a fault of coordinates. Where boxes belong is worked out apart from the chain (`belongs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.camera.buffer import PixelBuffer, buffer_from_rgb
from mobilecat.camera.layout import PixelFormat, plane_layouts
from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.compare.compare import Check, Verdict
from mobilecat.compare.match import corner_distances, match
from mobilecat.compare.tolerances import limits_of
from mobilecat.coordinates.belongs import (
    BORDERLINE,
    SAME_IOU,
    STEADY_PX,
    VIEW_WH,
    Belongs,
    Engine,
    Picture,
    Pixels,
    belongs,
    channels_of,
    in_view,
    model_scale,
)
from mobilecat.coordinates.report import OWN, Chain, CoordinateReport, Row, chains
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.affine import Size
from mobilecat.geometry.boxes import iou
from mobilecat.geometry.orientation import (
    Orientation,
    apply_orientation,
    compose_orientations,
    inverse_orientation,
)
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale
from mobilecat.golden.store import Case, read_cases
from mobilecat.judge.observe import Opener, gives_detections, open_engine
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import ImageSpec

__all__ = ["CoordinateReport", "check_coordinates"]

COLOUR_FORMATS: tuple[PixelFormat, ...] = ("32BGRA", "420f", "420v", "YUV_420_888")
CROWD = 4
"""So many boxes are judged by their median where other drawings of the picture show others."""
TIMES = 2.0
"""How many times as far as drawings move a box, beyond STEADY_PX, its limit is wider."""
FLOOR = 0.5
SLACK = {"32BGRA": 0.5, "OneComponent8": 0.5}
SLACK_YUV = 1.0
"""Pixels of the model input beyond the lane's limit. The simulation averages where Pillow weighs a
triangle, and rounds no padding to whole pixels; 4:2:0 halves the colour: none of it is a fault of
coordinates. Seen on YuNet at 640×640, lane limit included: 0.37 from 32BGRA, 0.50 from YUV."""


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
    engines: list[Engine] = []
    not_run: list[str] = []
    for lane in lanes_of(bundle, runner, artifact, slow=False):
        progress(f"loading {lane.name}")
        engine = open_engine(opener, folder, bundle, lane, source)
        if isinstance(engine, Check):
            not_run.append(f"{lane.name}: {engine.detail}")
        else:
            engines.append(Engine(lane, engine, spec))
    rows: dict[str, list[Row]] = {e.lane.name: [] for e in engines}
    for picture in pictures:
        for row in _rows(engines, bundle, picture, chains(full, formats), progress):
            rows[row.lane].append(row)
    flat = tuple(row for found in rows.values() for row in found)
    return CoordinateReport(flat, tuple(not_run), sum(e.runs for e in engines), full)


def _picture(case: Case) -> Picture:
    image = read_picture(case.input)
    return Picture(case, image, np.asarray(image.convert("RGB"), dtype=np.uint8))


def _rows(
    engines: Sequence[Engine],
    bundle: Bundle,
    picture: Picture,
    wanted: Sequence[Chain],
    progress: Callable[[str], None],
) -> Iterator[Row]:
    """Draw each model input once, for every lane and gravity."""
    spec = bundle.spec.input
    assert spec is not None
    by_input: dict[tuple[Orientation, str, PixelFormat], list[Chain]] = {}
    for chain in wanted:
        by_input.setdefault((chain.orientation, chain.option, chain.format), []).append(chain)
    expected: dict[tuple[str, str, bool, bool], Belongs | str] = {}

    def reference_of(engine: Engine, option: str, halved: bool, thorough: bool) -> Belongs | str:
        way = (engine.lane.name, option, halved, thorough)
        if way not in expected:
            ends = _ends(bundle)
            expected[way] = belongs(engine, picture, option, halved, *ends, thorough)
        return expected[way]

    frames: dict[tuple[Orientation, PixelFormat], Pixels] = {}  # of one orientation: large pictures
    for k, ((orientation, option, format), alike) in enumerate(by_input.items()):
        progress(f"{picture.case.name}: input {k + 1} of {len(by_input)}")
        seen: Pixels | None = None
        for engine in engines:
            lane = engine.lane
            halved = format not in SLACK
            reference = reference_of(engine, option, halved, False)
            limit = max(FLOOR, limits_of(lane, bundle).boxes_px) + SLACK.get(format, SLACK_YUV)
            if isinstance(reference, str):
                for chain in alike:
                    name = picture.case.name
                    yield Row(lane.name, name, chain, "NOT_RUN", None, limit, 0, reference)
                continue
            if seen is None:
                request, key = _request(alike[0], spec, picture), (orientation, format)
                if key not in frames:
                    frames = {k: v for k, v in frames.items() if k[0] == orientation}
                    frames[key] = request.frame_pixels(_frame(alike[0], picture.pixels))
                seen = channels_of(request.model_input(frames[key]), spec)
            found = engine.model_boxes(seen)
            for chain in alike:
                request = _request(chain, spec, picture)
                row = _held(engine, picture, chain, request, found, reference, limit, bundle)
                more = row.verdict == "FAIL" and reference_of(engine, option, halved, True)
                if isinstance(more, Belongs):
                    row = _held(engine, picture, chain, request, found, more, limit, bundle)
                yield row


def _frame(chain: Chain, upright: Pixels) -> PixelBuffer:
    """Return the buffer that a phone would hand over: turned, with rows longer than the width."""
    stored = apply_orientation(upright, inverse_orientation(chain.orientation))
    tight = plane_layouts(chain.format, (stored.shape[1], stored.shape[0]))
    strides = [-(-p.row_stride // 64) * 64 + 64 for p in tight]
    return buffer_from_rgb(stored, chain.format, strides)


def _request(chain: Chain, spec: ImageSpec, picture: Picture) -> SimulatedRequest:
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
    engine: Engine,
    picture: Picture,
    chain: Chain,
    request: SimulatedRequest,
    found: Detections,
    reference: Belongs,
    limit: float,
    bundle: Bundle,
) -> Row:
    """Hold what the chain draws to where the reference's boxes belong, in view points."""
    w, h = picture.image.size
    drawn = request.view_boxes(request.observations(found.boxes_xyxy))
    turned = chain.option.endswith("Rotate90CCW")
    places, scale = in_view(reference.found.boxes_xyxy, (w, h), chain.gravity, turned)
    # View points → model pixels, by the picture's larger scale: an upper bound of the distance.
    per_point = np.array([model_scale(chain.option, bundle, (w, h))] * 4) / np.tile(scale, 2)
    want = Detections(places * per_point, reference.found.scores, reference.found.class_ids)
    got = Detections(drawn * per_point, found.scores, found.class_ids)
    pairs = match(want, got, limit)
    threshold, _ = _ends(bundle)
    missing = [
        i for i in pairs.missing if reference.lasting[i] and want.scores[i] - threshold > BORDERLINE
    ]
    extra = [j for j in pairs.extra if got.scores[j] - threshold > BORDERLINE]
    extra = extra if reference.settled else []
    steady = [(i, j) for i, j in pairs.pairs if reference.steady[i]]
    loose = [(i, j) for i, j in pairs.pairs if not reference.steady[i]]
    overlap = iou(want.boxes_xyxy, got.boxes_xyxy)
    missing += [i for i, j in loose if reference.lasting[i] and overlap[i, j] < SAME_IOU]
    off = {i: float(corner_distances(want.boxes_xyxy[i], got.boxes_xyxy[j])) for i, j in steady}
    wider = {i: limit + TIMES * max(0.0, float(reference.moves[i]) - STEADY_PX) for i in off}
    ranked = sorted(off, key=lambda i: off[i] / wider[i])
    if not reference.settled and len(ranked) + len(missing) >= CROWD:
        # Boxes crowd each other out there: a fault of coordinates moves most of them at once.
        ranked = ranked[: (len(ranked) + len(missing)) // 2 + 1]
        missing = missing if len(missing) > len(off) else []
    worst, limit = (off[ranked[-1]], wider[ranked[-1]]) if ranked else (None, limit)
    said = []
    if missing:
        said.append(f"{len(missing)} of {len(want)} boxes are not where they belong")
    if extra:
        said.append(f"{len(extra)} boxes are where none belong")
    if worst is not None and worst > limit:
        said.append(f"a corner is off by {worst:.2f} px of the model input, limit {limit:.2f}")
    verdict: Verdict = "FAIL" if said else ("PASS" if steady else "NOT_RUN")
    if verdict == "NOT_RUN":
        said.append(_why_not(len(loose)))
    return Row(
        engine.lane.name,
        picture.case.name,
        chain,
        verdict,
        worst,
        limit,
        len(pairs.pairs),
        "; ".join(said),
    )


def _why_not(unsteady: int) -> str:
    if not unsteady:
        return "no box well above the threshold to place"
    return (
        f"nothing to measure by: boxes ({unsteady}) that another drawing of the same picture moves"
    )


def _ends(bundle: Bundle) -> tuple[float, int | None]:
    """Return the score that a box must have, and how many there can be."""
    nms = bundle.spec.effective_nms
    return (nms.score_threshold, nms.max_detections) if nms else (-math.inf, None)
