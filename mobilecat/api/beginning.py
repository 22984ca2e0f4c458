"""`mc.init`: from a model file to a spec."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mobilecat.api.given import PathLike, Progress, silent
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.proposal.trial import MOST_PICTURES, Sample
from mobilecat.proposal.whole import Proposal, propose, require_new


def init(
    model: PathLike,
    out: PathLike | None = None,
    *,
    image: Picture | Sequence[Picture] | None = None,
    size: tuple[int, int] | None = None,
    answers: Mapping[str, Any] | None = None,
    replace: bool = False,
    progress: Progress = silent,
) -> Proposal:
    """Say what a model file is, and write the spec that says so to `out`, if given.

    image: a picture, or several, on which it should find something, so that the spec is tried; of
    more than 16, so many, spread evenly. size: width,
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
        samples=_samples(image),
        size=size,
        answers=answers,
        progress=progress,
    )
    if out is not None:
        found.write(place, replace)
    return found


def _samples(image: Picture | Sequence[Picture] | None) -> list[Sample]:
    several: Sequence[Picture] = (
        [] if image is None else image if isinstance(image, (list, tuple)) else [image]  # type: ignore[list-item]
    )
    if len(several) > MOST_PICTURES:
        several = [several[i * len(several) // MOST_PICTURES] for i in range(MOST_PICTURES)]
    return [Sample(_named(given, i), picture_of(given)) for i, given in enumerate(several, 1)]


def _named(given: Picture, i: int) -> str:
    if isinstance(given, (str, os.PathLike)):
        return Path(given).name
    return Path(getattr(given, "filename", "") or f"picture {i}").name
