"""`mobilecat diagnose`: its options, and the answer in a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mobilecat.diagnosis import Answer
    from mobilecat.diagnosis.capture import Capture, CapturedBox
    from mobilecat.diagnosis.rerun import Rerun
    from mobilecat.diagnosis.scenes import Setting

_BESIDE_A_CAPTURE = {
    *("capture", "true", "observed", "image", "bundle"),
    *("noise", "runner", "source", "draw", "json_"),
}


def diagnose(
    ctx: typer.Context,
    capture: Annotated[
        Path | None, typer.Argument(metavar="[CAPTURE]", help="A capture.json that an app wrote.")
    ] = None,
    true: Annotated[
        Path | None,
        typer.Option("--true", metavar="F", help="JSON of true boxes, as `run --json` prints."),
    ] = None,
    observed: Annotated[
        Path | None, typer.Option("--observed", metavar="F", help="JSON of the boxes drawn.")
    ] = None,
    space: Annotated[
        str,
        typer.Option(
            "--in",
            help="What observed boxes count in: image, view, vision, normalized, frame, model.",
        ),
    ] = "image",
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="F", help="The frame as stored: re-run the model on it."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="The bundle to re-run.")
    ] = None,
    frame: Annotated[
        str | None, typer.Option("--frame", metavar="WxH", help="The buffer as stored.")
    ] = None,
    orientation: Annotated[
        int, typer.Option("--orientation", metavar="EXIF", help="What the app handed over, 1 to 8.")
    ] = 1,
    upright: Annotated[
        int | None,
        typer.Option("--upright", metavar="EXIF", help="What turns the frame upright, if known."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="WxH", help="The model's input.")
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option("--fit", help="centerCrop, scaleFit, scaleFill, letterbox, stretch …"),
    ] = None,
    roi: Annotated[
        str | None, typer.Option("--roi", metavar="X,Y,W,H", help="Vision's regionOfInterest.")
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", metavar="WxH", help="The view, in points.")
    ] = None,
    gravity: Annotated[
        str, typer.Option("--gravity", help="The view's gravity or scale type.")
    ] = "resizeAspectFill",
    scale: Annotated[
        float | None, typer.Option("--scale", help="Pixels in a point: 2 or 3.")
    ] = None,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="The view mirrors the picture.")
    ] = False,
    bytes_per_row: Annotated[
        int | None, typer.Option("--bytes-per-row", help="Of a 32BGRA buffer.")
    ] = None,
    noise: Annotated[
        float,
        typer.Option("--noise", min=0.01, help="Pixels boxes may differ by at 640 without a bug."),
    ] = 1.0,
    runner: Annotated[
        str | None, typer.Option("--runner", help="Which runner re-runs the picture.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option("--draw", metavar="PNG", help="Draw true and observed boxes of one frame."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Name the bug between the boxes that are right and those that were drawn.

    Exit code 0: nothing wrong found. 1: a bug named, or unexplained. 2: unusable input.
    """
    from mobilecat.cli.outputs import require_outputs
    from mobilecat.cli.progress import progress_line

    read = (capture, true, observed, image, bundle, source)
    require_outputs({"--draw": draw}, "--draw", inputs=read)
    facts: dict[str, Any] = {
        "orientation": orientation,
        "upright": upright,
        "drawn_in": space,
        "crop_and_scale": fit,
        "size_wh": _two(frame, "--frame"),
        "model_wh": _two(model, "--model"),
        "region_of_interest": _numbers(roi, 4, "--roi"),
        "bytes_per_row": [bytes_per_row] if bytes_per_row else None,
        "pixel_format": "32BGRA" if bytes_per_row else None,
    }
    if view:
        facts["view"] = {
            "size_wh": _two(view, "--view"),
            "mode": gravity,
            "mirrored": mirrored,
            "scale": scale,
        }
    if capture is not None:
        _require_no_facts(ctx)
    given = _capture(capture, true, observed, image, bundle, facts)
    with progress_line() as progress:
        result, setting = _found(given, capture, image, bundle, runner, source, progress)
    answer = None
    if setting is not None:
        from mobilecat.diagnosis import diagnose as named

        answer = named(setting.scenes, noise)
        if answer.verdict == "no boxes" and not (answer.missing or answer.extra):
            _require_more(result)
            answer = setting = None
    if draw is not None:
        _draw(draw, given, setting, result, image)
    _print(answer, setting, result, json_, draw)
    wrong = (answer is not None and answer.verdict != "nothing wrong") or (
        result is not None and result.wrong
    )
    sys.exit(1 if wrong else 0)


def _require_more(result: Rerun | None) -> None:
    """Raise MobileCatError where there is no box at all, and no re-run that says something."""
    from mobilecat.diagnosis.words import NOTHING
    from mobilecat.errors import MobileCatError, Problem

    if result is None:
        fix = "capture a frame with an object in it, or give --image FILE --bundle DIR"
        raise MobileCatError("These frames cannot be diagnosed", [Problem(NOTHING, fix=fix)])


def _require_no_facts(ctx: typer.Context) -> None:
    """Raise MobileCatError where options say what the capture says itself."""
    from mobilecat.errors import MobileCatError, Problem

    given = [
        p.opts[0]
        for p in ctx.command.params
        if p.name is not None and p.name not in _BESIDE_A_CAPTURE
        if getattr(ctx.get_parameter_source(p.name), "name", "") == "COMMANDLINE"
    ]
    if given:
        fix = "leave it out, or change the capture"
        problems = [Problem("a capture says this itself", option, fix) for option in given]
        raise MobileCatError("These options do not go together", problems)


def _two(text: str | None, option: str) -> list[float] | None:
    from mobilecat.errors import MobileCatError, Problem

    if text is None:
        return None
    try:
        w, h = (float(v) for v in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise MobileCatError(
            "This is no size", [Problem(f"{text!r}", option, "width x height: 640x480")]
        ) from None
    return [int(v) if v == int(v) else v for v in (w, h)]


def _numbers(text: str | None, count: int, option: str) -> list[float] | None:
    from mobilecat.errors import MobileCatError, Problem

    if text is None:
        return None
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count:
        raise MobileCatError(
            "These are not numbers", [Problem(f"{text!r}", option, f"{count}, with commas between")]
        )
    return values


def _capture(
    path: Path | None,
    true: Path | None,
    observed: Path | None,
    image: Path | None,
    bundle: Path | None,
    facts: dict[str, Any],
) -> Capture:
    """Return the capture, read or made of the options."""
    from mobilecat.diagnosis.capture import parse_capture, read_capture
    from mobilecat.errors import MobileCatError, Problem

    problems = []
    if (image is None) != (bundle is None) and path is None:
        problems.append(Problem("--image and --bundle belong together"))
    if path is None and image is None and (true is None or observed is None):
        problems.append(
            Problem(
                "there is nothing to look at",
                fix="a capture.json; --true F --observed F; or --image F --bundle DIR",
            )
        )
    if path is not None and (true or observed):
        problems.append(Problem("a capture has its boxes: leave --true and --observed out"))
    if problems:
        raise MobileCatError("These options do not go together", problems)
    if path is not None:
        return read_capture(path)
    frame = {k: v for k, v in facts.items() if v is not None}
    sizes = []
    for key, file in (("true", true), ("drawn", observed)):
        if file is not None:
            frame[key], size = _detections(file)
            sizes += [size] if size else []
    if image is not None and bundle is not None:
        from mobilecat.bundle import open_bundle
        from mobilecat.diagnosis.rerun import read_stored

        pixels = read_stored(image)
        frame.setdefault("size_wh", [pixels.shape[1], pixels.shape[0]])
        spec = open_bundle(bundle, verify=False).spec.input
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
    return parse_capture(json.dumps({"schema": 1, "frames": [frame]}), "the options")


def _detections(path: Path) -> tuple[list[dict[str, Any]], list[int] | None]:
    """Return the boxes of a detection JSON: a list, or what `mobilecat run --json` prints."""
    from mobilecat.disk import read_json
    from mobilecat.errors import MobileCatError, Problem, reason

    hint = "a list of {box_xyxy, score, class_id}, or what `mobilecat run --json` prints"
    try:
        told = read_json(path)
        if isinstance(told, list):
            return told, None
        rows = next(r["detections"] for r in told["results"] if "detections" in r)
        return list(rows), list(told["image"]["size_wh"])
    except OSError as e:
        problem = Problem(reason(e), str(path))
        raise MobileCatError("The detections cannot be read", [problem]) from e
    except (ValueError, KeyError, TypeError, StopIteration) as e:
        raise MobileCatError(
            "These are not detections", [Problem(f"{type(e).__name__}: {e}", str(path), hint)]
        ) from e


def _found(
    given: Capture,
    path: Path | None,
    image: Path | None,
    bundle: Path | None,
    runner: str | None,
    source: Path | None,
    progress: Callable[[str], None],
) -> tuple[Rerun | None, Setting | None]:
    """Return the re-run of the first frame with a picture, and the boxes to compare, if any."""
    from dataclasses import replace

    from mobilecat.diagnosis.capture import CapturedBox
    from mobilecat.diagnosis.rerun import read_stored, rerun
    from mobilecat.diagnosis.scenes import norm_from, setting_of

    first: Rerun | None = None
    frames = list(given.frames)
    found: dict[int, list[CapturedBox]] = {}
    for k, frame in enumerate(frames if bundle is not None else []):
        picture = image if k == 0 and image is not None else None
        if picture is None and frame.image and path is not None:
            picture = path.parent / frame.image
        if picture is None or bundle is None:
            continue
        pixels = read_stored(picture)
        frames[k] = frame = frame.model_copy(update={"size_wh": (pixels.shape[1], pixels.shape[0])})
        truth = None
        if frame.true and not frame.app_drew:
            facts = frame.facts
            w, h = facts.image_wh
            norm = norm_from(frame.true_in, facts).boxes_xyxy([b.box_xyxy for b in frame.true])
            truth = norm * [w, h, w, h]
        result = rerun(
            bundle,
            pixels,
            replace(frame.facts, handed=frame.facts.handed),
            truth=truth,
            runner=runner,
            source=source,
            progress=progress,
        )
        first = first or result
        frames[k] = frame.model_copy(update={"upright": int(result.restored.chain.orientation)})
        rows = result.restored.found.to_json()
        found[k] = [CapturedBox.model_validate(row) for row in rows]
    # A capture without a box says that none was drawn; options without one say nothing.
    boxes = path is not None or any(f.drawn or f.true or f.outputs for f in frames)
    if first is not None and not boxes:
        return first, None
    return first, setting_of(given.model_copy(update={"frames": tuple(frames)}), found)


def _draw(
    target: Path,
    given: Capture,
    setting: Setting | None,
    result: Rerun | None,
    image: Path | None,
) -> None:
    from PIL import Image

    from mobilecat.diagnosis.drawing import draw_scene
    from mobilecat.diagnosis.rerun import read_stored
    from mobilecat.geometry.orientation import apply_orientation
    from mobilecat.pictures.drawing import save_picture

    picture = None
    if image is not None:
        turn = result.restored.chain.orientation if result else 1
        picture = Image.fromarray(apply_orientation(read_stored(image), turn))
    if setting is not None and setting.scenes:
        scene = max(setting.scenes, key=lambda s: len(s.evidence))
        save_picture(draw_scene(scene, picture), target)
    elif result is not None and picture is not None:
        from mobilecat.pictures.drawing import draw_detections

        save_picture(draw_detections(picture, result.restored.found), target)


def _print(
    answer: Answer | None,
    setting: Setting | None,
    result: Rerun | None,
    as_json: bool,
    drawn: Path | None,
) -> None:
    from mobilecat.cli.terminal import terminal
    from mobilecat.diagnosis.words import headline, lines, to_json

    facts = setting.scenes[0].facts if setting and setting.scenes else None
    if as_json:
        from mobilecat.diagnosis.rerun import rerun_json

        out: dict[str, Any] = {"schema": 1}
        if answer is not None and facts is not None and setting is not None:
            out = to_json(answer, facts, setting.notes)
        if result is not None:
            out["rerun"] = rerun_json(result)
            if result.ids or answer is None:
                out["sentence"] = result.sentence
            elif answer.verdict == "no boxes":
                out["sentence"] = result.silent
        print(json.dumps(out, indent=2, ensure_ascii=False))
        return
    console = terminal()
    if result is not None:
        console.print(result.sentence, style="bold red" if result.wrong else "bold green")
        for t in result.trials:
            mark = "→" if t is result.restored else " "
            console.print(f"  {mark} {len(t.found):3d} found, best {t.best:.2f}  {t.chain.words()}")
        for note in (result.engine, *result.notes):
            console.print(f"  {note}", style="dim")
    if answer is not None and facts is not None and setting is not None:
        fine = answer.verdict == "nothing wrong"
        said = headline(answer, facts)
        if answer.verdict == "no boxes" and result is not None:
            said = result.silent
        console.print(said, style="bold green" if fine else "bold red")
        for line in lines(answer, facts):
            console.print(f"  {line}")
        for note in setting.notes:
            console.print(f"  note: {note}", style="yellow")
    if drawn is not None and drawn.exists():
        console.print(f"drew {drawn}")
