"""`mc.heat_maps`: where the source and each artifact look on a picture."""

from __future__ import annotations

from mobilecat.api.given import PathLike, Progress, silent
from mobilecat.lanes import open_lane
from mobilecat.pictures.reading import Picture
from mobilecat.saliency.whole import HeatMaps, explain_picture


def heat_maps(
    bundle: PathLike,
    picture: Picture,
    *,
    class_: str | None = None,
    method: str = "eigen-cam",
    layer: str | None = None,
    runner: str | None = None,
    artifact: str | None = None,
    source: PathLike | None = None,
    progress: Progress = silent,
) -> HeatMaps:
    """Return where the source and each artifact look on a picture, as heat maps side by side.

    method: "eigen-cam", the first principal component of one layer that all have by its name;
    "occlusion", how much a score falls where a patch hides the picture. class_: a label, of
    occlusion. layer: its name in the graph; by default the deepest that every artifact shows.

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
