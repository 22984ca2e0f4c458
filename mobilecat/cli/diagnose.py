"""`mobilecat diagnose`: its options, and the answer in a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError, Problem

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
    read = (capture, true, observed, image, bundle, source)
    require_outputs({"--draw": draw}, "--draw", inputs=read)
    if capture is not None:
        _require_no_facts(ctx)
    with progress_line() as progress:
        found = mc.diagnose(
            capture,
            true=true,
            observed=observed,
            space=space,  # type: ignore[arg-type]  # the capture's reader says what there is
            image=image,
            bundle=bundle,
            frame=_two(frame, "--frame"),
            orientation=orientation,
            upright=upright,
            model=_two(model, "--model"),
            fit=fit,
            roi=_numbers(roi, 4, "--roi"),
            view=_two(view, "--view"),
            gravity=gravity,
            scale=scale,
            mirrored=mirrored,
            bytes_per_row=bytes_per_row,
            noise=noise,
            runner=runner,
            source=source,
            progress=progress,
        )
    if draw is not None and (drawn := found.draw()) is not None:
        from mobilecat.pictures.drawing import save_picture

        save_picture(drawn, draw)
    if json_:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        show(found.words())
        if draw is not None and draw.exists():
            print(f"drew {draw}")
    sys.exit(found.exit_code)


def _require_no_facts(ctx: typer.Context) -> None:
    """Raise MobileCatError where options say what the capture says itself."""
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


def _two(text: str | None, option: str) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        w, h = (float(v) for v in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise MobileCatError(
            "This is no size", [Problem(f"{text!r}", option, "width x height: 640x480")]
        ) from None
    return w, h


def _numbers(text: str | None, count: int, option: str) -> list[float] | None:
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
