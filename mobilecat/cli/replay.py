"""`mobilecat replay`: its options, and the figures in a terminal."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import BUNDLE, Artifact, Csv, Every, Json, On, Source
from mobilecat.cli.outputs import give
from mobilecat.cli.progress import progress_line
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError, Problem

_MOST_BYTES = 4 << 30


def replay(
    words: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR] CLIP",
            help="A bundle, then a clip, a folder of frames or of a capture, or - for stdin.",
        ),
    ] = None,
    runner: Annotated[
        list[str] | None,
        typer.Option(
            "--runner",
            metavar="NAME",
            help="One engine, such as source or onnx; several times for several lanes in one pass.",
        ),
    ] = None,
    artifact: Artifact = None,
    csv: Csv = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            "--draw", metavar="MP4", help="Write the clip with boxes on it, its sound as it was."
        ),
    ] = None,
    every: Every = 1,
    simulate: Annotated[
        str | None,
        typer.Option(
            "--simulate",
            metavar="PHONE",
            help="Through a phone's camera: ios-back-portrait, ios-front, android-front, …; "
            "with +centerCrop, Vision's option.",
        ),
    ] = None,
    json_: Json = None,
    source: Source = None,
    on: On = None,
) -> None:
    """Run a bundle on a moving picture, frame by frame: what each lane finds, and how steadily.

    Exit code 0: every artifact follows its source. 1: one does not, or trembles more. 2: unusable
    input.

    mobilecat replay bundle walk.mp4 --csv found.csv --draw boxes.mp4
    """
    folder, clip = bundle_and_clip(words or ())
    files = {"--csv": csv, "--draw": draw, "--json": json_}
    require_outputs(files, inputs=(folder, None if str(clip) == "-" else clip, source))
    with on_disk(clip) as path, progress_line() as progress:
        found = mc.replay(
            folder,
            path,
            every=every,
            runner=runner or None,
            artifact=artifact,
            csv=csv,
            draw=draw,
            simulate=simulate,
            source=source,
            on=on,
            progress=progress,
        )
    give(found, json_)


def bundle_and_clip(words: Sequence[Path]) -> tuple[Path, Path]:
    """Return the bundle and the clip of `[DIR] CLIP`."""
    if not 1 <= len(words) <= 2:
        what = "none is named" if not words else f"{len(words)} words"
        fix = "mobilecat replay bundle walk.mp4"
        raise MobileCatError("Which clip?", [Problem(what, fix=fix)])
    bundle, clip = words if len(words) == 2 else (BUNDLE, words[0])
    if (clip / "bundle.json").is_file():
        fix = f"name one behind it: {clip} walk.mp4"
        raise MobileCatError("Which clip?", [Problem("a bundle", str(clip), fix)])
    return bundle, clip


@contextmanager
def on_disk(clip: Path) -> Iterator[Path]:
    """Give the clip's path; one on stdin is kept in a file meanwhile, as FFmpeg seeks in it."""
    if str(clip) != "-":
        yield clip
        return
    with tempfile.TemporaryDirectory(prefix="mobilecat-") as folder:
        path, size = Path(folder) / "stdin", 0
        with path.open("wb") as file:
            while chunk := sys.stdin.buffer.read(1 << 20):
                size += len(chunk)
                if size > _MOST_BYTES:
                    what = f"more than {_MOST_BYTES >> 30} GB"
                    raise MobileCatError("The clip cannot be read", [Problem(what, "stdin")])
                file.write(chunk)
        yield path
