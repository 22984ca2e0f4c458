"""`mobilecat run`."""

from __future__ import annotations

import json
from pathlib import Path

import mobilecat as mc
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs


def run_picture(
    folder: Path,
    image: Path,
    runner: str | None,
    artifact: str | None,
    draw: Path | None,
    as_json: bool,
    source: Path | None,
    boxes: Path | None = None,
) -> None:
    require_outputs({"--draw": draw}, "--draw", inputs=(folder, image, source, boxes))
    with progress_line() as progress:
        found = mc.run(
            folder,
            image,
            runner=runner,
            artifact=artifact,
            source=source,
            boxes=boxes,
            progress=progress,
        )
    drawn = draw is not None and any(r.detections is not None for r in found)
    if draw is not None and drawn:
        from mobilecat.pictures.drawing import save_picture

        save_picture(found.draw(), draw)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        show(found.words())
        if drawn:
            print(f"drew {draw}")
    _ = found.first  # an error where nothing ran
