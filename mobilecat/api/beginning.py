"""`mc.init`: from a model file to a spec."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mobilecat.api.given import PathLike, Progress, silent
from mobilecat.disk import relative_path
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ModelError, Problem, SpecError, reason
from mobilecat.formats.importing import built, is_code
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.proposal.trial import MOST_PICTURES, Sample
from mobilecat.proposal.whole import Proposal, propose, require_new
from mobilecat.spec.files import labels_from_file

_PYTHON = "python:"


def init(
    model: PathLike,
    out: PathLike | None = None,
    *,
    image: Picture | Sequence[Picture] | None = None,
    size: tuple[int, int] | None = None,
    labels: Sequence[str] | PathLike | None = None,
    targets: Collection[str] | None = None,
    answers: Mapping[str, Any] | None = None,
    replace: bool = False,
    trust: Collection[str] = (),
    progress: Progress = silent,
) -> Proposal:
    """Say what a model file is, and write the spec that says so to `out`, if given.

    image: a picture, or several, on which it should find something, so that the spec is tried; of
    more than 16, so many, spread evenly. size: width,
    height in pixels, where the file leaves them open. answers: values by key, in place of what is
    inferred: `{"head.units": "pixels"}`. labels: the classes' names, in the network's order, or a
    text file with one a line. targets: the spec's, by name, by default all that this machine
    writes. replace: whether a spec that is there gives way.
    trust: "python" lets `python:module:function` be run as model, "pickle" a pickle of a whole
    PyTorch model be opened: both run their author's code (docs/security.md).
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
    with _as_data(Path(model), place, size, trust, progress) as (file, source):
        found = propose(
            file,
            place,
            samples=_samples(image),
            size=size,
            answers=answers,
            labels=_names(labels),
            targets=targets,
            source=source,
            progress=progress,
        )
    if out is not None:
        found.write(place, replace)
    return found


@contextmanager
def _as_data(
    model: Path,
    place: Path,
    size: tuple[int, int] | None,
    trust: Collection[str],
    progress: Progress,
) -> Iterator[tuple[Path, str]]:
    """Give the model as a file that is data, and what the spec names as its source: "" for the
    file. A function lies in the spec's folder, as it will for an export."""
    text = str(model)
    picture = (1, 3, size[1], size[0]) if size is not None else ()
    if not text.startswith(_PYTHON):
        if not is_code(model, trust):
            yield model, ""
            return
        with built(model, {}, picture, None, trust, progress) as found:
            yield found.path, relative_path(model, place.parent)
        return
    if model.name != text:
        meant = text.removeprefix(_PYTHON).replace("/", ".").replace(".py:", ":")
        what = Problem("modules are parted by dots", text, f"did you mean {_PYTHON}{meant}?")
        raise ModelError("The Python source is not there", [what])
    wanted = "" if size else " --size 224x224"
    consent = f"mobilecat init {text} --trust-python{wanted}, which writes a spec for it"
    path = place.parent / text
    assert is_code(path)
    with built(path, {}, picture, None, trust, progress, consent) as found:
        yield found.path, text


def _names(labels: Sequence[str] | PathLike | None) -> tuple[str, ...]:
    """Return classes as they were said, or as a file has them. Errors: SpecError."""
    if labels is None:
        return ()
    if not isinstance(labels, (str, os.PathLike)):
        return tuple(labels)
    try:
        found = tuple(labels_from_file(Path(labels)))
    except (OSError, ValueError) as e:
        what = Problem(reason(e), str(labels), did_you_mean(Path(labels)))
        raise SpecError("The labels cannot be read", [what]) from e
    if not found:
        raise SpecError("The labels cannot be read", [Problem("has no line", str(labels))])
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
