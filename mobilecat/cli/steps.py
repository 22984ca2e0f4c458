"""What to type next, once there is a spec or a bundle."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mobilecat.cli.grammar import BUNDLE, GOLDEN, PICTURES
from mobilecat.shown import Line

_MOST_NAMES = 1000
_LABELS = ("labels.json", "annotations.json", "_annotations.coco.json", "instances.json")


def with_a_bundle(
    bundle: Path,
    *,
    raw: bool = False,
    picture: str = "photo.jpg",
    photos: str = "photos/",
    calibrated: Path | None = None,
    name: str | None = None,
    limits: bool = False,
) -> Iterator[str]:
    """Give the commands that lead from a bundle to one that is held.

    name: the bundle's, where it is known, by which its goldens are told from others'.
    raw: its outputs are tensors, of which no golden is approved by eye. picture, photos: what the
    user has, as they were named. calibrated: the pictures that it was calibrated on, which are none
    of those. limits: whether the spec says what may be lost on labelled pictures.
    """
    own = bundle == BUNDLE
    made = "" if own else f" {shlex.quote(str(bundle))}"
    goldens = GOLDEN if own else bundle.parent / GOLDEN
    beside = "" if own else f" --golden {shlex.quote(str(goldens))}"
    if raw:
        yield f"mobilecat validate{made} --random 3   (every artifact against the model)"
        return
    yield f"mobilecat run{made} {picture}"
    if calibrated is not None:
        yield (
            f"(take other pictures than {shlex.quote(str(calibrated))}: on those that it was "
            "calibrated on, a quantised file looks better than it is)"
        )
    labelled = _labelled(photos)
    data = with_data(labelled) if limits else ""
    if labelled:
        yield f"mobilecat evaluate{made} --data {labelled}   (accuracy; is preprocessing right?)"
    if _any(goldens, name, "approved.json"):
        yield f"mobilecat validate{made}{beside}{data}   (held to {goldens}/)"
        return
    if not _any(goldens, name, "pending.json"):
        yield f"mobilecat golden record{made} {photos}{beside}"
    yield from reviewed(f"{made}{beside}")
    yield f"mobilecat validate{made}{beside}{data}"


def with_data(labelled: str) -> str:
    """Return what `validate` has to be given where the spec says what may be lost."""
    return f" --data {labelled or 'DATA'}"


def states_losses(tolerances: Mapping[str, Any]) -> bool:
    """Return whether a spec's tolerances say what some file may lose on labelled pictures."""
    return any(t.states_losses for t in tolerances.values())


def _any(goldens: Path, name: str | None, file: str) -> bool:
    of = "*" if name is None else glob.escape(name)
    return next(goldens.glob(f"{of}/*/{file}"), None) is not None


def reviewed(beside: str) -> Iterator[str]:
    """Give the commands that make pending results goldens: look first, then approve.

    beside: what they have to name, with a space before it.
    """
    yield f"mobilecat golden review{beside} --html review.html   (look at the boxes)"
    yield f"mobilecat golden approve{beside} --all   (or those that are right, by name)"


def labelled_of(pictures: Sequence[Path]) -> str:
    """Return the first picture's folder, or the folder that was given, where labels lie in it."""
    if not pictures:
        return ""
    first = pictures[0]
    return _labelled(shlex.quote(str(first if first.is_dir() else first.parent)))


def _labelled(photos: str) -> str:
    """Return the folder as it was named, where labels lie in it; "" where none are seen."""
    try:
        folder = Path(*shlex.split(photos)[:1])
        return photos if any((folder / name).is_file() for name in _LABELS) else ""
    except (OSError, ValueError):
        return ""


def of_the_calibration(used: Sequence[Path], pictures: Sequence[Path]) -> Iterator[Line]:
    """Give a warning where pictures were used already: quantised files took their ranges of them.

    used: those of `pictures` that were.
    """
    if used:
        named = ", ".join(p.name for p in used[:3])
        named += f" and {len(used) - 3} more" if len(used) > 3 else ""
        are = (
            "the picture is one"
            if len(pictures) == 1
            else f"{len(used)} of {len(pictures)} are those"
        )
        text = (
            f"warning: {are} that the calibration had ({named}): on them a quantised file looks "
            "better than it is. Take other pictures"
        )
        yield Line(text, "yellow")


def photos_here(calibrated: Path | None = None) -> str:
    """Return photos/, or where that is not there a folder of pictures that is, as a shell takes
    it. calibrated: what a file was calibrated on, a folder or its labels: it is not that one."""
    used = None if calibrated is None else _folder(calibrated).resolve()
    photos = Path("photos")
    if photos.is_dir() and photos.resolve() != used:
        return f"{photos}/"
    missing = photos if not photos.is_dir() else Path("other_photos")
    try:
        folders = sorted(p for p in Path().iterdir() if p.is_dir() and p.name[0] != ".")
        fits = (p for p in folders if p != GOLDEN and p.resolve() != used and _has_pictures(p))
        found = next(fits, missing)
    except OSError:
        found = missing
    return shlex.quote(f"{found}/")


def _folder(path: Path) -> Path:
    return path.parent if path.is_file() else path


def photos_of(image: Sequence[Path]) -> str:
    """Return the folder that was given, or the picture's; where that lies here, photos/ or it."""
    folder = next((p for p in image if p.is_dir()), None)
    if folder is None and image:
        folder = image[0].parent
        if folder.resolve() == Path.cwd():
            return "photos/" if Path("photos").is_dir() else shlex.quote(str(image[0]))
    return shlex.quote(f"{folder}/") if folder is not None else photos_here()


def _has_pictures(folder: Path) -> bool:
    if (folder / "bundle.json").exists():
        return False
    return any(p.suffix.lower() in PICTURES for p in islice(folder.iterdir(), _MOST_NAMES))


def said(commands: Sequence[str]) -> Iterator[str]:
    """Give them as lines below one another, `next:` before the first."""
    yield from (f"{'next:' if not i else '     '} {line}" for i, line in enumerate(commands))
