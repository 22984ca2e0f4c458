"""`mc.init`: from a model file to a spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilecat.api.given import PathLike, Progress, silent
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.proposal.whole import Proposal, propose, require_new


def init(
    model: PathLike,
    out: PathLike | None = None,
    *,
    image: Picture | None = None,
    size: tuple[int, int] | None = None,
    answers: Mapping[str, Any] | None = None,
    replace: bool = False,
    progress: Progress = silent,
) -> Proposal:
    """Say what a model file is, and write the spec that says so to `out`, if given.

    image: a picture on which it should find something, so that the spec is tried. size: width,
    height in pixels, where the file leaves them open. answers: values by key, in place of what is
    inferred: `{"head.units": "pixels"}`. replace: whether a spec that is there gives way.
    Errors: MobileCatError where the file cannot be read, or the answers contradict it.

    >>> found = mc.init(DETECTOR.parent / "cat_faces.onnx", "found.toml")
    >>> found.spec.input.size
    (224, 224)
    >>> mc.load_spec("found.toml").head.kind
    'ssd'
    """
    place = Path(out) if out is not None else Path("mobilecat.toml")
    if out is not None:
        require_new(place, replace)
    found = propose(
        Path(model),
        place,
        picture=None if image is None else picture_of(image),
        size=size,
        answers=answers,
        progress=progress,
    )
    if out is not None:
        found.write(place, replace)
    return found
