"""`mc.diagnose`: the bug between the boxes that are right and those that were drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike as PathLikeBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mobilecat.api.given import PathLike, Progress, path_or_none, silent, source_of
from mobilecat.diagnosis.capture import Capture, Space, parse_capture, read_capture
from mobilecat.diagnosis.looks import Pixels
from mobilecat.diagnosis.rerun import read_stored
from mobilecat.diagnosis.whole import Diagnosis, diagnose_capture
from mobilecat.disk import read_json
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import Picture

if TYPE_CHECKING:
    from mobilecat.bundle import Bundle

Boxes: TypeAlias = "PathLike | Detections | Sequence[dict[str, Any] | Sequence[float]]"
"""A JSON file of boxes, what `mc.run` found, or boxes: {box_xyxy, score, class_id}, or four numbers
x1, y1, x2, y2 each."""
Pair = tuple[float, float]


def diagnose(
    capture: PathLike | None = None,
    *,
    true: Boxes | None = None,
    observed: Boxes | None = None,
    space: Space = "image",
    image: Picture | None = None,
    clip: PathLike | None = None,
    bundle: PathLike | None = None,
    frame: Pair | None = None,
    orientation: int = 1,
    upright: int | None = None,
    model: Pair | None = None,
    fit: str | None = None,
    roi: Sequence[float] | None = None,
    view: Pair | None = None,
    gravity: str = "resizeAspectFill",
    scale: float | None = None,
    mirrored: bool = False,
    bytes_per_row: int | None = None,
    noise: float = 1.0,
    runner: str | None = None,
    source: PathLike | None = None,
    progress: Progress = silent,
) -> Diagnosis:
    """Name the bug between the boxes that are right and those that were drawn.

    What is looked at: `capture`, a capture.json that an app wrote; or `true` and `observed` boxes;
    or `image`, a frame as stored, with the `bundle` to run on it again. All else is what is known
    of the frame, and belongs to a capture itself where there is one.

    clip: in place of all that, a moving picture with the `bundle`, and as `observed` the rows that
    an app wrote (CSV, as `mc.replay` writes them): the fault of its stream.

    space: what observed boxes count in: image, view, vision, normalized, frame, model. frame,
    model, view: width and height of buffer, model input and view. orientation: the EXIF value that
    the app handed over; upright: the one that turns the frame upright. fit: centerCrop, scaleFit,
    scaleFill, letterbox … roi: Vision's regionOfInterest, x, y, w, h. gravity, scale, mirrored: of
    the view. noise: pixels that boxes may differ by at 640 without a bug.

    Errors: MobileCatError for files that are none, or facts that do not go together.

    >>> true = [{"box_xyxy": [10, 20, 60, 70]}, {"box_xyxy": [100, 30, 160, 80]}]
    >>> drawn = [{"box_xyxy": [10, 154, 60, 204]}, {"box_xyxy": [100, 144, 160, 194]}]
    >>> mc.diagnose(true=true, observed=drawn, frame=(224, 224)).answer.first.name
    'y not flipped'
    """
    if clip is not None:
        return _of_clip(clip, observed, bundle, runner, source, progress)
    facts: dict[str, Any] = {
        "orientation": orientation,
        "upright": upright,
        "drawn_in": space,
        "crop_and_scale": fit,
        "size_wh": _whole(frame),
        "model_wh": _whole(model),
        "region_of_interest": None if roi is None else list(roi),
        "bytes_per_row": [bytes_per_row] if bytes_per_row else None,
        "pixel_format": "32BGRA" if bytes_per_row else None,
    }
    if view:
        facts["view"] = {"size_wh": _whole(view), "mode": gravity, "mirrored": mirrored}
        facts["view"]["scale"] = scale
    path, home = path_or_none(capture), path_or_none(bundle)
    _require_something(path, true, observed, image, home)
    stored: Pixels | None = None
    if path is not None:
        given = read_capture(path)
        stored = None if image is None else read_stored(image)
    else:
        boxes = {k: b for k, b in (("true", true), ("drawn", observed)) if b is not None}
        given, stored = _of_facts(boxes, image, home, facts)
    return diagnose_capture(
        given,
        home=None if path is None else path.parent,
        stored=stored,
        bundle=home,
        noise=noise,
        runner=runner,
        source=source_of(bundle, source),
        progress=progress,
    )


def _of_clip(
    clip: PathLike,
    rows: Boxes | None,
    bundle: PathLike | None,
    runner: str | None,
    source: PathLike | None,
    progress: Progress,
) -> Diagnosis:
    """Return what a clip demands, and the fault of the rows an app wrote of it."""
    from contextlib import closing

    from mobilecat.api.replaying import open_frames
    from mobilecat.bundle import open_bundle
    from mobilecat.lanes import NotRun, lanes_of, open_lane
    from mobilecat.streams.diagnosis import diagnose_clip

    if bundle is None or not isinstance(rows, str | PathLikeBase | None):
        what = "a clip needs the bundle to run on it, and rows as a CSV file: DIR --clip CLIP"
        raise MobileCatError("These options do not go together", [Problem(what)])
    home = Path(bundle)
    opened = open_bundle(home)
    reasons = []
    for lane in lanes_of(opened, runner, slow=False):
        try:
            engine = open_lane(home, opened, lane, source_of(bundle, source))
        except NotRun as why:
            reasons.append(Problem(str(why), lane.name))
            continue
        with closing(open_frames(Path(clip))) as frames:
            return diagnose_clip(opened, engine, frames, path_or_none(rows), None, progress)
    raise MobileCatError("Nothing ran", reasons)


def _whole(pair: Pair | None) -> list[float] | None:
    return None if pair is None else [int(v) if v == int(v) else v for v in pair]


def _require_something(
    path: Path | None,
    true: Boxes | None,
    observed: Boxes | None,
    image: Picture | None,
    bundle: Path | None,
) -> None:
    problems = []
    if (image is None) != (bundle is None) and path is None:
        problems.append(
            Problem("a picture and the bundle to run on it belong together: DIR --image F")
        )
    if path is None and image is None and (true is None or observed is None):
        what = "there is nothing to look at"
        fix = "a capture.json; --true F --observed F; or DIR --image F"
        problems.append(Problem(what, fix=fix))
    if path is not None and not (true is None and observed is None):
        problems.append(Problem("a capture has its boxes: leave --true and --observed out"))
    if problems:
        raise MobileCatError("These options do not go together", problems)


def _of_facts(
    boxes: dict[str, Boxes], image: Picture | None, bundle: Path | None, facts: dict[str, Any]
) -> tuple[Capture, Pixels | None]:
    """Return the capture that boxes and facts make, and the frame's pixels, if there are any."""
    frame = {k: v for k, v in facts.items() if v is not None}
    sizes = []
    for key, given in boxes.items():
        frame[key], size = _detections(given)
        sizes += [size] if size else []
    pixels = None
    if image is not None and bundle is not None:
        pixels = read_stored(image)
        frame.setdefault("size_wh", [pixels.shape[1], pixels.shape[0]])
        spec = _contract(bundle).spec.input
        if spec is not None:
            frame.setdefault("model_wh", list(spec.size))
            frame.setdefault("crop_and_scale", spec.resize)
    if sizes:
        turned = int(frame.get("upright") or frame["orientation"]) >= 5
        frame.setdefault("size_wh", sizes[0][::-1] if turned else sizes[0])
    if "size_wh" not in frame:
        raise MobileCatError(
            "The frame's size is missing", [Problem("no file says it", fix="--frame 1920x1080")]
        )
    frame.setdefault("model_wh", frame["size_wh"])
    frame.setdefault("crop_and_scale", "scaleFill")
    return parse_capture(json.dumps({"schema": 1, "frames": [frame]}), "the options"), pixels


def _contract(bundle: Path) -> Bundle:
    from mobilecat.bundle import open_bundle

    return open_bundle(bundle, verify=False)


def _detections(given: Boxes) -> tuple[list[dict[str, Any]], list[int] | None]:
    """Return boxes, and the picture's size where the file says it.

    A file: a list, or what `mobilecat run --json` prints.
    """
    if isinstance(given, Detections):
        return given.to_json(), None
    if isinstance(given, list | tuple):
        return _rows(given), None
    path = Path(given)  # type: ignore[arg-type]
    hint = (
        "a list of [x1, y1, x2, y2] or of {box_xyxy, score, class_id}, or what "
        "`mobilecat run --json` prints"
    )
    try:
        told = read_json(path)
        if isinstance(told, list):
            return _rows(told), None
        rows = next(r["detections"] for r in told["results"] if "detections" in r)
        return _rows(rows), list(told["image"]["size_wh"])
    except OSError as e:
        problem = Problem(reason(e), str(path))
        raise MobileCatError("The detections cannot be read", [problem]) from e
    except (ValueError, KeyError, TypeError, StopIteration) as e:
        raise MobileCatError(
            "These are not detections", [Problem(f"{type(e).__name__}: {e}", str(path), hint)]
        ) from e


def _rows(told: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a dict a box, also of those that were given as their four numbers."""
    return [{"box_xyxy": list(r)} if isinstance(r, list | tuple) else r for r in told]
