"""`mc.replay`: a clip, or a folder of frames, through a bundle's lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.api.given import PathLike, Progress, path_or_none, silent
from mobilecat.clips.clip import Clip, Frame
from mobilecat.clips.folders import FolderReader, pictures_of
from mobilecat.clips.reading import ClipReader
from mobilecat.diagnosis.capture import read_capture
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.orientation import Orientation
from mobilecat.lanes import open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.playback.result import Replay
from mobilecat.playback.run import replay as run_replay

if TYPE_CHECKING:
    from mobilecat.api.opened import OpenBundle

CAPTURE = "capture.json"


def replay(
    bundle: PathLike,
    clip: PathLike,
    *,
    every: int = 1,
    runner: str | Sequence[str] | None = None,
    artifact: str | None = None,
    csv: PathLike | None = None,
    draw: PathLike | None = None,
    simulate: str | None = None,
    source: PathLike | None = None,
    on: str | None = None,
    each: Callable[[Frame, dict[str, Detections]], object] = lambda *_: None,
    progress: Progress = silent,
) -> Replay:
    """Run a bundle on a moving picture: what each lane finds, frame by frame, and how steadily.

    clip: a file, a folder of pictures, or a folder with the app's capture.json. every: each N-th
    frame. runner: one engine, or several in one pass; all without. csv: written, a row a detection,
    in pixels of the upright frame. draw: written, the clip with boxes and its sound. simulate: a
    phone's stream, such as "ios-back-portrait". on: `local` or a Dask scheduler's address: its
    workers run the frames, and what is found is the same. each: is given every frame with what
    each lane found.

    Memory does not grow with the clip. Errors: ImageError for what is no clip, or not whole;
    MobileCatError without the extra `video`, for a raw head, or where no lane runs.

    >>> from tools.render_clips import STORIES, Take, shots, write_clip
    >>> from pathlib import Path
    >>> write_clip(Path("walk.mp4"), shots(Take(STORIES["walk"], seconds=0.1)))
    >>> found = mc.replay("cat_faces", "walk.mp4", runner="onnx")
    >>> found.frames, found.lanes[0].detections, found.clip.orientation.name
    (3, 3, 'UP')
    """
    from mobilecat.api.opened import open as open_bundle

    opened: OpenBundle = open_bundle(bundle, source=source)
    if every < 1:
        raise MobileCatError("Each N-th frame, from 1 on", [Problem(str(every), "--every")])
    with closing(open_frames(Path(clip), every)) as frames:
        return run_replay(
            opened.folder,
            opened.contract,
            frames,
            every=every,
            runner=runner,
            artifact=artifact,
            csv=path_or_none(csv),
            draw=path_or_none(draw),
            simulate=simulate,
            opener=lambda lane: open_lane(opened.folder, opened.contract, lane, opened.source),
            on=on,
            source=opened.source,
            each=each,
            progress=progress,
        )


def open_frames(path: Path, every: int = 1, *, stored: bool = False) -> Clip:
    """Open a clip, a folder of frames, or a capture's folder; close it after.

    stored: as stored, not turned.
    """
    if not path.is_dir():
        return ClipReader(path, every, stored=stored)
    if (path / CAPTURE).is_file():
        capture = read_capture(path / CAPTURE)
        frames = [
            (
                path / f.image,
                f.needed or Orientation(f.orientation),
                None if f.time is None else Fraction(f.time).limit_denominator(90_000),
            )
            for f in capture.frames
            if f.image is not None
        ]
        return FolderReader(path.name, frames, every, stored=stored)
    plain = [(p, None, None) for p in pictures_of(path)]
    return FolderReader(path.name, plain, every, stored=stored)
