"""`mc.diff`: what changed between two releases of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.api.given import PathLike, Progress, path_or_none, silent
from mobilecat.disk import write_text
from mobilecat.disk.outputs import require_outputs

if TYPE_CHECKING:
    from mobilecat.changes.whole import Difference


def diff(
    old: PathLike,
    new: PathLike,
    pictures: Sequence[PathLike] = (),
    *,
    golden: PathLike | None = None,
    data: PathLike | None = None,
    max_lost: int | None = None,
    max_gained: int | None = None,
    max_moved: float | None = None,
    max_drop: float | None = None,
    same_contract: bool = False,
    html: PathLike | None = None,
    runner: str | None = None,
    class_map: Mapping[str, str] | None = None,
    limit: int | None = None,
    cache: PathLike | None = None,
    fresh: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
) -> Difference:
    """Say what changed from one release of a model to the next, and what that does to pictures.

    old, new: two bundles or cascades; two artifacts, inside of bundles; or two files on their own.
    pictures: files or folders; or golden: a folder of goldens; or data: labelled pictures, for mAP
    and landmark error. max_lost, max_gained: detections of any artifact that may be lost or gained;
    max_moved: px of the pictures; max_drop: points of mAP; same_contract: inputs, outputs and
    labels must stay: see `shortfalls`. html: a page to write, with the twenty pictures that changed
    most. runner: one engine. limit: so many pictures. cache: where results are kept; fresh:
    believe none of them.

    Errors: MobileCatError for what cannot be read or compared, or a limit without pictures.

    >>> same = mc.diff("cat_faces", "cat_faces", [PICTURES], cache="cache")
    >>> same.headline
    'Nothing changed. On 4 pictures, 6 detections: all as before, exactly.'
    >>> files = mc.diff("cat_faces/cat_faces.tflite", "cat_faces/cat_faces.mlpackage")
    >>> files.headline
    'Another precision: float32 → float16 (cat_faces.tflite → cat_faces.mlpackage)...'
    """
    from mobilecat.changes.whole import Limits
    from mobilecat.changes.whole import diff as compared

    page = path_or_none(html)
    named = [Path(p) for p in pictures]
    inputs = (Path(old), Path(new), path_or_none(data), *named)
    require_outputs({"--html": page}, inputs=inputs, golden=path_or_none(golden))
    found = compared(
        Path(old),
        Path(new),
        pictures=named,
        golden=path_or_none(golden),
        data=path_or_none(data),
        limits=Limits(max_lost, max_gained, max_moved, max_drop, same_contract),
        runner=runner,
        class_map=class_map,
        limit=limit,
        cache=path_or_none(cache),
        fresh=fresh,
        threads=threads,
        progress=progress,
    )
    if page is not None:
        from mobilecat.report.html_diff import diff_page

        progress("writing the page")
        write_text(page, diff_page(found))
    return found
