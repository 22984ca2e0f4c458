"""`mobilecat diagnose`: its options, and the answer in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import BUNDLE, PICTURES, ClipFile, Json, Runner, Source, renamed
from mobilecat.cli.outputs import write_json
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError, Problem

_BESIDE_A_CAPTURE = {
    *("words", "true", "observed", "image", "clip", "old_bundle"),
    *("noise", "runner", "source", "draw", "json_"),
}


def diagnose(
    ctx: typer.Context,
    words: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CAPTURE] [DIR]",
            help="A capture.json that an app wrote; the bundle to run again on its frames.",
        ),
    ] = None,
    true: Annotated[
        Path | None,
        typer.Option(
            "--true",
            metavar="FILE",
            help="JSON of true boxes: rows of x1, y1, x2, y2, or what `run --json` prints.",
        ),
    ] = None,
    observed: Annotated[
        Path | None,
        typer.Option(
            "--observed",
            metavar="FILE",
            help="JSON of the boxes drawn, alike; with --clip, CSV as `replay` writes it.",
        ),
    ] = None,
    space: Annotated[
        str,
        typer.Option(
            "--in",
            metavar="SPACE",
            help="What observed boxes count in: image, view, vision, normalized, frame, model.",
        ),
    ] = "image",
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="The frame as stored: run the model on it."),
    ] = None,
    clip: ClipFile = None,
    old_bundle: Annotated[Path | None, typer.Option("--bundle", hidden=True)] = None,
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
        typer.Option("--fit", metavar="HOW", help="centerCrop, scaleFit, scaleFill, letterbox, …."),
    ] = None,
    roi: Annotated[
        str | None, typer.Option("--roi", metavar="X,Y,W,H", help="Vision's regionOfInterest.")
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", metavar="WxH", help="The view, in points.")
    ] = None,
    gravity: Annotated[
        str, typer.Option("--gravity", metavar="HOW", help="The view's gravity or scale type.")
    ] = "resizeAspectFill",
    scale: Annotated[
        float | None, typer.Option("--scale", metavar="N", help="Pixels in a point: 2 or 3.")
    ] = None,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="The view mirrors the picture.")
    ] = False,
    bytes_per_row: Annotated[
        int | None, typer.Option("--bytes-per-row", metavar="N", help="Of a 32BGRA buffer.")
    ] = None,
    noise: Annotated[
        float,
        typer.Option(
            "--noise",
            metavar="PX",
            min=0.01,
            help="Pixels boxes may differ by at 640 without a bug.",
        ),
    ] = 1.0,
    runner: Runner = None,
    source: Source = None,
    draw: Annotated[
        Path | None,
        typer.Option("--draw", metavar="PNG", help="Draw true and observed boxes of one frame."),
    ] = None,
    json_: Json = None,
) -> None:
    """Name the bug between the boxes that are right and those that were drawn.

    Exit code 0: nothing wrong found. 1: a bug named, unexplained, or it cannot be told.
    2: unusable input.

    mobilecat diagnose bundle --image frame.png
    """
    capture, bundle = _named(words or [])
    if old_bundle is not None:
        renamed("--bundle DIR", "DIR, without --bundle")
        bundle = old_bundle
    if (image or clip) is not None and bundle is None and (BUNDLE / "bundle.json").is_file():
        bundle = BUNDLE
    read = (capture, true, observed, image, clip, bundle, source)
    require_outputs({"--draw": draw, "--json": json_}, "--draw", inputs=read)
    if capture is not None:
        _require_no_facts(ctx)
    with progress_line() as progress:
        found = mc.diagnose(
            capture,
            true=true,
            observed=observed,
            space=space,  # type: ignore[arg-type]  # the capture's reader says what there is
            image=image,
            clip=clip,
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
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words())
        if draw is not None and draw.exists():
            print(f"drew {draw}")
    sys.exit(found.exit_code)


def _named(words: Sequence[Path]) -> tuple[Path | None, Path | None]:
    """Return (capture, bundle): a folder with a bundle.json is the bundle, wherever it stands."""
    bundles = [w for w in words if (w / "bundle.json").is_file()]
    captures = [w for w in words if w not in bundles]
    pictures = [w for w in captures if w.suffix.lower() in PICTURES]
    if pictures:
        problems = [Problem("a picture", str(p), f"say --image {p}") for p in pictures]
        raise MobileCatError("This is no capture", problems)
    if len(bundles) > 1 or len(captures) > 1:
        many = bundles if len(bundles) > 1 else captures
        what = "bundles" if len(bundles) > 1 else "captures"
        problems = [Problem(f"{len(many)} {what}", str(many[1]), "name one of each at most")]
        raise MobileCatError("These do not go together", problems)
    return next(iter(captures), None), next(iter(bundles), None)


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
