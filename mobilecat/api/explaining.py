"""`mc.heat_maps`: where the source and each artifact look on a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mobilecat.api.given import PathLike, Progress, silent
from mobilecat.bundle import Bundle
from mobilecat.errors import MobileCatError
from mobilecat.formats.base.runner import Runner
from mobilecat.judge.report import Report
from mobilecat.lanes import Lane, open_lane
from mobilecat.pictures.reading import Picture
from mobilecat.report.html_cases import Looks, pictures_to_explain
from mobilecat.saliency.result import HeatMaps
from mobilecat.saliency.whole import explain_picture


def heat_maps(
    bundle: PathLike,
    picture: Picture,
    *,
    class_: str | None = None,
    method: str = "auto",
    layer: str | None = None,
    runner: str | None = None,
    artifact: str | None = None,
    source: PathLike | None = None,
    progress: Progress = silent,
) -> HeatMaps:
    """Return where the source and each artifact look on a picture, as heat maps side by side.

    method: "grad-cam", one layer's values weighted by a score's gradients, of sources that
    TensorFlow or PyTorch runs; "eigen-cam", the first principal component of one layer that all
    have by its name; "occlusion", how much a score falls where a patch hides the picture; "auto",
    the first of these that fits, and says why. class_: a label, whose score it is. layer: its name
    in the graph; by default the deepest that every artifact shows.

    Errors: MobileCatError for names that are not there, or a source model that is missing.

    >>> maps = mc.heat_maps("cat_faces", PICTURES / "one_at_night.png", runner="tflite")
    >>> x, y = maps["tflite"].peak
    >>> 79 < x < 186 and 224 < y < 314, maps["tflite"].correlation > 0.95
    (True, True)
    """
    from mobilecat.api.opened import open as open_bundle

    opened = open_bundle(bundle, source=source)
    return explain_picture(
        opened.folder,
        opened.contract,
        picture,
        class_name=class_,
        method=method,
        layer=layer,
        runner=runner,
        artifact=artifact,
        source=opened.source,
        opener=lambda lane: open_lane(opened.folder, opened.contract, lane, opened.source),
        progress=progress,
    )


MOST_EXPLAINED = 8
"""Pictures of a report: maps cost seconds each, and one looks at those that failed first."""


def looks_of(
    report: Report,
    home: Path,
    bundle: Bundle,
    opener: Callable[[Lane], Runner],
    source: Path | None,
    progress: Progress,
) -> dict[str, Looks]:
    """Return where each lane looks on the report's golden pictures, by the case's name; of those
    that failed first. A picture that cannot be explained says why."""
    found = {}
    for name, picture in pictures_to_explain(report)[:MOST_EXPLAINED]:
        progress(f"where each lane looks on {name}")
        try:
            maps = explain_picture(
                home,
                bundle,
                picture,
                source=source,
                opener=opener,
                runner=report.asked.runner,
            )
        except MobileCatError as e:
            found[name] = Looks("", str(e).replace("\n", " "), ())
            continue
        url = next(iter(maps.drawings())).url
        found[name] = Looks(url, maps.said, tuple(maps.differing))
    return found
