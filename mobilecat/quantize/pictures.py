"""The pictures that `[quantize]` names: found, drawn by its seed, and hashed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection
from pathlib import Path

from mobilecat.disk import is_litter, sha256_of
from mobilecat.disk.cache import cached, keep, scratch_file
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import Problem, SpecError
from mobilecat.pictures.same import pixels_of
from mobilecat.spec import QuantizeSpec

KEY = "quantize.calibration"
_SUFFIX = ".pixels"


def pictures_of(settings: QuantizeSpec, folder: Path) -> tuple[Path, ...]:
    """Return the pictures to calibrate on, sorted, `number` at most.

    folder: what the spec's paths are relative to. Labelled pictures are those that the labels name;
    of a folder without labels, all in it and below. Errors: SpecError; DatasetError for labels that
    cannot be read.
    """
    from mobilecat.measure.datasets import FORMATS, load_dataset
    from mobilecat.measure.datasets.base import PICTURES

    path = folder / settings.calibration
    if not path.exists():
        fix = did_you_mean(path) or "name a folder of pictures, relative to the spec's"
        raise _refused("not found", path, fix)
    if path.is_file() and path.suffix.lower() in PICTURES:
        fix = f"name a folder of twenty pictures or more: {path.parent}"
        raise _refused("is one picture", path, fix)
    if path.is_file() or any(f.find(path) is not None for f in FORMATS):
        found = sorted({p.path for p in load_dataset(path).pictures})
    else:
        found = sorted(p for p in path.rglob("*") if _is_picture(p, PICTURES))
    if not found:
        raise _refused(f"no picture in it ({', '.join(PICTURES)})", path, "name another folder")
    if len(found) > settings.number:
        found = sorted(random.Random(settings.seed).sample(found, settings.number))
    return tuple(found)


def hashes_of(pictures: tuple[Path, ...], progress: Callable[[str], None]) -> tuple[str, ...]:
    """Return the hex SHA-256 of each picture."""
    progress(f"hashing {len(pictures)} pictures")
    return tuple(map(sha256_of, pictures))


def pixels_kept(
    pictures: tuple[Path, ...], hashes: tuple[str, ...], progress: Callable[[str], None]
) -> tuple[str, ...]:
    """Return what each picture decodes to (`pictures.same`), kept between runs. hashes: the files',
    in the same order."""
    key = f"pixels-{hashlib.sha256(' '.join(hashes).encode()).hexdigest()[:32]}"
    if (kept := cached(key, _SUFFIX)) is not None:
        return tuple(kept.read_text("ascii").split())
    found = []
    for i, path in enumerate(pictures):
        progress(f"hashing the pixels of picture {i + 1} of {len(pictures)}")
        found.append(pixels_of(path))
    with scratch_file(_SUFFIX) as file:
        file.write_text("\n".join(found), "ascii")
        keep(key, file, _SUFFIX)
    return tuple(found)


def _is_picture(path: Path, suffixes: Collection[str]) -> bool:
    return path.suffix.lower() in suffixes and path.is_file() and not is_litter(path)


def _refused(what: str, path: Path, fix: str) -> SpecError:
    return SpecError("There is nothing to calibrate on", [Problem(what, f"{KEY} = {path}", fix)])
