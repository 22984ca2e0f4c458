"""Pictures that measure nothing, since scales were taken from them: those of the calibration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from mobilecat.bundle import HASH_DIGITS, Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.disk import sha256_of
from mobilecat.errors import ImageError, MobileCatError, Problem
from mobilecat.pictures.same import pixels_of, upright_size

_DECODED = 300
"""Pictures that are decoded to compare their pixels, spread evenly over those of a size that the
calibration has: where more are measured, few that were seen move no figure."""


def require_unseen(bundle: Bundle, pictures: Sequence[Path]) -> None:
    """Raise MobileCatError where a picture to measure on is one of the bundle's calibration.

    Pictures are told by what they hold, wherever they lie, whatever they are called and whatever
    they are saved as: a JPEG that was saved again as PNG has the same pixels.
    """
    refuse_seen(*_known(bundle), pictures)


def seen_among(bundle: Bundle, pictures: Sequence[Path]) -> list[Path]:
    """Return which pictures are of the bundle's calibration: by their bytes, or else by their
    pixels."""
    return _seen(*_known(bundle), pictures)


def _known(bundle: Bundle) -> tuple[set[str], set[str]]:
    """Return the hashes of what the bundle was calibrated on, and what these files decode to."""
    parts = (bundle.detector, bundle.landmark_model) if isinstance(bundle, CascadeBundle) else ()
    records = [b.calibration for b in (bundle, *parts) if b is not None]
    known = [done for done in records if done is not None]
    return {h for done in known for h in done.hashes}, {p for done in known for p in done.pixels}


def refuse_seen(
    calibration: Collection[str], pixels: Collection[str], pictures: Sequence[Path]
) -> None:
    """Raise MobileCatError where one of `pictures` is in the calibration.

    calibration: hashes of files. pixels: what they decode to, `640x480:…`, where it is known.
    """
    if seen := _seen(calibration, pixels, pictures):
        what = (
            f"{len(seen)} of {len(pictures)} pictures are those that the quantised artifacts took "
            "their scales from: on them they look better than they are"
        )
        fix = "measure on others, or say --allow-calibration"
        where = seen[0].name + (f" and {len(seen) - 1} more" if len(seen) > 1 else "")
        raise MobileCatError("These pictures were used already", [Problem(what, where, fix)])


def _seen(
    calibration: Collection[str], pixels: Collection[str], pictures: Sequence[Path]
) -> list[Path]:
    known = {h[:HASH_DIGITS] for h in calibration}
    if not known:
        return []
    seen = [p for p in pictures if sha256_of(p)[:HASH_DIGITS] in known]
    return seen or _same_pixels(pixels, pictures)


def _same_pixels(known: Collection[str], pictures: Sequence[Path]) -> list[Path]:
    sizes = {p.partition(":")[0] for p in known}
    alike = [p for p in pictures if sizes and upright_size(p) in sizes]
    step = -(-len(alike) // _DECODED) or 1
    return [p for p in alike[::step] if _decoded(p) in known]


def _decoded(path: Path) -> str:
    try:
        return pixels_of(path)
    except ImageError:  # who measures on it will say so
        return ""
