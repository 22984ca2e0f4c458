"""`mobilecat run`."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mobilecat as mc
from mobilecat.cli.grammar import PICTURES, bundle_and_pictures, set_keys
from mobilecat.cli.outputs import write_json
from mobilecat.cli.progress import progress_line
from mobilecat.cli.steps import of_the_calibration
from mobilecat.cli.terminal import show
from mobilecat.disk import new_folder
from mobilecat.disk.outputs import require_outputs
from mobilecat.shown import Line

if TYPE_CHECKING:
    from PIL.Image import Image

_STDIN = "-"
_COUNT = re.compile(r"^\d+ of \d+ ")
_MOST_BYTES = 1 << 28


def run_pictures(
    words: Sequence[Path] | None,
    image: Sequence[Path] | None,
    runner: str | None,
    artifact: str | None,
    draw: Path | None,
    set_: Sequence[str],
    json_: str | None,
    source: Path | None,
    boxes: Path | None,
) -> None:
    folder, pictures = bundle_and_pictures(words, image)
    said = set_keys(set_, "--set nms.score_threshold=0.1", ("nms",))
    nms = {key.removeprefix("nms."): value for key, value in said.items()}
    one = len(pictures) == 1
    inputs = (folder, *pictures, source, boxes)
    if one:
        require_outputs({"--draw": draw, "--json": json_}, "--draw", inputs=inputs)
    else:
        if draw is not None and draw.suffix.lower() in PICTURES and not draw.is_dir():
            what, fix = f"{draw} is one picture, and {len(pictures)} are drawn", "name a folder"
            problem = mc.Problem(what, "--draw", f"{fix}: --draw {draw.with_suffix('')}")
            raise mc.MobileCatError("Each picture is drawn by itself", [problem])
        require_outputs({"--json": json_}, inputs=inputs, folders={"--draw": draw})
        if boxes is not None:
            fix = "run them one by one"
            several = mc.Problem(f"--boxes {boxes} with {len(pictures)} pictures", fix=fix)
            raise mc.MobileCatError("Boxes are of one picture", [several])
    bundle = mc.open(folder, source=source)

    def ran(path: Path) -> mc.PictureRun:
        with progress_line() as progress:
            return bundle.run(
                _picture(path),
                runner=runner,
                artifact=artifact,
                boxes=boxes,
                nms=nms,
                progress=progress,
            )

    if one:
        failed = _show_one(ran(pictures[0]), draw, json_)
    else:
        failed = _show_each(ran, pictures, draw, json_)
    if json_ != "-":
        show(of_the_calibration(bundle.calibrated_on(pictures), pictures))
        show([Line(bundle.older, "yellow")] if bundle.older else [])
    if failed:
        sys.exit(1)


def _picture(path: Path) -> Path | Image:
    """Return a picture's path; `-` is read from stdin."""
    if str(path) != _STDIN:
        return path
    from PIL import Image

    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MB")
        return Image.open(io.BytesIO(data))
    except (OSError, ValueError) as e:
        what = str(e) if len(data) > _MOST_BYTES else f"{len(data)} bytes that no reader knows"
        problem = mc.Problem(what if data else "nothing came", "stdin", "send a JPEG, PNG or WebP")
        raise mc.ImageError("This is not a picture", [problem]) from e


def _show_one(found: mc.PictureRun, draw: Path | None, json_: str | None) -> bool:
    """Print what each lane gave; whether one failed."""
    drawn = draw is not None and any(r.detections is not None for r in found)
    if draw is not None and drawn:
        from mobilecat.pictures.drawing import save_picture

        save_picture(found.draw(), draw)
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words())
        if len([r for r in found if not r.not_run]) > 1:
            show([Line(mc.agreement(found).words(), "dim")])
        if not any(r.detections for r in found) and any(r.below for r in found):
            show([Line("to try another threshold: --set nms.score_threshold=0.1", "dim")])
        if drawn:
            print(f"drew {draw}{_whose(found)}")
    _ = found.first  # an error where nothing ran
    return any(r.failed for r in found)


def _whose(found: mc.PictureRun) -> str:
    """Say whose boxes are drawn, and how to draw another lane's, where lanes find other objects."""
    apart = mc.agreement(found).apart
    lanes = [r for r in found if r.detections is not None]
    if not apart:
        return ""
    shown = next((r for r in lanes if r.detections), lanes[0]).lane.name
    other = next(r.lane for r in lanes if r.lane.name in {*apart, lanes[0].lane.name} - {shown})
    file = f" --artifact {other.artifact.file}" if other.artifact else ""
    return (
        f": the boxes of {shown} alone; for those of {other.name} add --runner {other.runner}{file}"
    )


def _show_each(
    ran: Callable[[Path], mc.PictureRun],
    pictures: Sequence[Path],
    draw: Path | None,
    json_: str | None,
) -> bool:
    """Print a line a picture. One that cannot be read does not stop the others; nor does a lane
    that fails: whether there was one."""
    broken: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    problems: list[mc.Problem] = []

    def each(place: Path | None) -> None:
        idle: dict[str, str] = {}
        odd: dict[str, list[str]] = {}  # by what is wrong, whichever share of the boxes it is
        for path in pictures:
            try:
                found = ran(path)
            except mc.ImageError as e:
                problems.extend(e.problems)
                continue
            _ = found.first
            told.append(found.to_json())
            for text in found.odd_everywhere:
                odd.setdefault(_COUNT.sub("", text), []).append(text)
            idle |= {r.lane.name: r.not_run for r in found if r.not_run and not r.failed}
            broken.update((r.lane.name, r.not_run) for r in found if r.failed)
            if json_ != "-":
                show([Line(f"{path}: {_in_a_line(found)}")])
            if place is not None and any(r.detections is not None for r in found):
                from mobilecat.pictures.drawing import save_picture

                save_picture(found.draw(), place / f"{len(told):04d}-{path.stem}.png")
        if json_ != "-":
            for said in odd.values():
                of = f"{len(said)} of {len(told)} pictures" if len(told) > 1 else "the picture"
                show([Line(f"warning: on {of}: {said[0]}", "yellow")])
            show(Line(f"{name}: NOT_RUN, {why}", "dim") for name, why in idle.items())
            show(Line(f"{name}: FAIL, {why}", "red") for name, why in broken.items())

    if draw is None:
        each(None)
    else:
        with new_folder(draw) as place:
            each(place)
        if json_ != "-":
            print(f"drew {len(told)} pictures into {draw}")
    write_json(lambda: {"schema": 1, "pictures": told}, json_)
    if problems:
        raise mc.ImageError("Some pictures cannot be read", problems)
    return bool(broken)


def _in_a_line(found: mc.PictureRun) -> str:
    first = found.first
    if first.detections is None:
        return f"{len(first.outputs)} tensors from {first.lane.name}"
    n = len(first.detections)
    said = f"{n} detection{'s' * (n != 1)}"
    labels = first.bundle.spec.labels
    if n and first.bundle.spec.head.whole_picture:
        said = first.detections.said(0, labels, boxes=False)
    elif n:
        said += f", best {first.detections.said(0, labels)}"
    elif first.below is not None:
        said += f", the best below the threshold {first.below.said(0, labels)}"
    more = len([r for r in found if not r.not_run]) > 1
    return f"{said}; {mc.agreement(found).words()}" if more else said
